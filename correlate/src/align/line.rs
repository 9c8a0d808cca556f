//! Distances between the streams near a known peak, to a fraction of a second, and how they drift.
//!
//! Every cue near the expected distance of an event is a sample, true or not. Each kind has its own distance; the drift
//! is common to all. Both are found as the mode of the samples (modal linear regression, Yao and Li 2014) with Tukey's
//! biweight as the kernel: false cues are spread evenly and pull to neither side, and leads that vary to one side move
//! the mode less than the mean. Errors are those of an M-estimator, with false cues in them (Huber 1967). The drift has
//! a prior of [`USUAL_DRIFT_PPM`], so that a few hours do not make one up.

use super::Meeting;

/// The usual drift of a till against a camera (one standard deviation), in parts per million.
pub const USUAL_DRIFT_PPM: f64 = 30.0;
/// Half the width of the kernel, in seconds.
pub const HALF_S: f64 = 5.0;
/// Half the width of the kernel of the first look, in seconds.
const FIRST_HALF_S: f64 = 8.0;
/// Seconds a hour in one part per million.
const SECONDS_AN_HOUR: f64 = 0.0036;
const ROUNDS: usize = 30;

/// A cue at about the right distance from an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When, in hours from the instant of the judgement.
    pub hour: f64,
    /// The cue's time less the event's, in seconds.
    pub distance: f64,
}

/// The distance of one kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// The distance at the middle of the samples, in seconds.
    pub distance: f64,
    /// The middle of the samples, in hours from the instant of the judgement.
    pub hour: f64,
    /// The square of the standard error, in square seconds.
    pub variance: f64,
    /// About how many samples are true.
    pub matched: f64,
}

/// The distances of all kinds and their drift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// The distances.
    pub spots: Meeting<Option<Spot>>,
    /// The drift, in seconds an hour.
    pub slope: f64,
    /// The square of its standard error.
    pub slope_variance: f64,
}

impl Line {
    /// The drift, in parts per million.
    #[must_use]
    pub fn drift_ppm(&self) -> f64 {
        self.slope / SECONDS_AN_HOUR
    }

    /// The distance of a kind at an hour, in seconds.
    #[must_use]
    pub fn distance(&self, spot: &Spot, hour: f64) -> f64 {
        spot.distance + self.slope * (hour - spot.hour)
    }
}

/// Sums over the samples of one kind around a line.
#[derive(Debug, Clone, Copy, Default)]
struct Pull {
    weight: f64,
    hours: f64,
    distances: f64,
    /// Of the derivative of the influence: how sharp the peak is.
    sharp: f64,
    /// Of the square of the influence: how noisy it is.
    noise: f64,
    /// Of the influence.
    pull: f64,
}

fn influence(away: f64, half: f64) -> Option<(f64, f64)> {
    let part = away / half;
    let square = part * part;
    (square < 1.0).then(|| {
        let rest = 1.0 - square;
        (rest * rest, rest * (1.0 - 5.0 * square))
    })
}

fn pull(samples: &[Sample], at: impl Fn(f64) -> f64, half: f64) -> Pull {
    let mut sums = Pull::default();
    for sample in samples {
        let away = sample.distance - at(sample.hour);
        let Some((weight, sharp)) = influence(away, half) else { continue };
        sums.weight += weight;
        sums.hours += weight * sample.hour;
        sums.distances += weight * sample.distance;
        sums.sharp += sharp;
        sums.noise += weight * weight * away * away;
        sums.pull += weight * away;
    }
    sums
}

/// The density of samples around a distance, in units of its own.
fn density(samples: &[Sample], at: f64, half: f64) -> f64 {
    samples
        .iter()
        .map(|sample| {
            let part = (sample.distance - at) / half;
            let rest = (1.0 - part * part).max(0.0);
            rest * rest * rest
        })
        .sum()
}

/// The densest distance within some seconds of an expected one.
fn densest(samples: &[Sample], expected: f64) -> f64 {
    let steps = (-12..=12_i32).map(|step| expected + f64::from(step) * 0.5);
    steps
        .map(|at| (density(samples, at, FIRST_HALF_S), at))
        .fold((-1.0, expected), |best, next| if next.0 > best.0 { next } else { best })
        .1
}

/// Fits distances and drift to samples, given about where the distances are, in seconds.
#[must_use]
pub fn fit(samples: &Meeting<Vec<Sample>>, expected: Meeting<Option<f64>>) -> Option<Line> {
    let mut line = Line {
        spots: samples.each().zip(expected).map(|(samples, expected)| {
            let distance = densest(samples, expected?);
            Some(Spot { distance, hour: 0.0, variance: 0.0, matched: 0.0 })
        }),
        slope: 0.0,
        slope_variance: 0.0,
    };
    for round in 0..ROUNDS {
        let half = if round < 4 { FIRST_HALF_S } else { HALF_S };
        line = step(samples, &line, half);
    }
    let known = line.spots.list().into_iter().flatten().any(|spot| spot.matched > 0.0);
    known.then_some(line)
}

/// One round of weighted least squares.
fn step(samples: &Meeting<Vec<Sample>>, line: &Line, half: f64) -> Line {
    let (mut sharp, mut noise, mut sharp_hours, mut noise_hours) = (0.0, 0.0, 0.0, 0.0);
    let (mut along, mut spread) = (0.0, 0.0);
    let spots = samples.each().zip(line.spots).map(|(samples, spot)| {
        let spot = spot?;
        let at = |hour: f64| line.distance(&spot, hour);
        let sums = pull(samples, at, half);
        if sums.weight <= 0.0 {
            return None;
        }
        let (hour, distance) = (sums.hours / sums.weight, sums.distances / sums.weight);
        for sample in samples {
            let away = sample.distance - at(sample.hour);
            let Some((weight, peaked)) = influence(away, half) else { continue };
            let hours = sample.hour - hour;
            along += weight * hours * (sample.distance - distance);
            spread += weight * hours * hours;
            sharp_hours += peaked * hours * hours;
            noise_hours += weight * weight * away * away * hours * hours;
        }
        sharp += sums.sharp;
        noise += sums.noise;
        let variance = if sums.sharp > 0.0 { sums.noise / (sums.sharp * sums.sharp) } else { f64::INFINITY };
        Some(Spot { distance, hour, variance, matched: sums.sharp.max(0.0) })
    });
    let prior = USUAL_DRIFT_PPM * SECONDS_AN_HOUR;
    let ridge = if sharp > 0.0 { noise / sharp / (prior * prior) } else { f64::INFINITY };
    let known = if noise_hours > 0.0 { sharp_hours.max(0.0) * sharp_hours.max(0.0) / noise_hours } else { 0.0 };
    let slope = if ridge.is_finite() && spread + ridge > 0.0 { along / (spread + ridge) } else { 0.0 };
    Line { spots, slope, slope_variance: 1.0 / (known + 1.0 / (prior * prior)) }
}

/// How far samples of a part of the time lie from a line on the whole, and the standard error of that, in seconds.
#[must_use]
pub fn aside(samples: &Meeting<Vec<Sample>>, line: &Line, part: impl Fn(f64) -> bool) -> Option<(f64, f64)> {
    let (mut pulled, mut sharp, mut noise) = (0.0, 0.0, 0.0);
    for (samples, spot) in samples.each().zip(line.spots).list() {
        let Some(spot) = spot else { continue };
        let some: Vec<Sample> = samples.iter().filter(|sample| part(sample.hour)).copied().collect();
        let sums = pull(&some, |hour| line.distance(&spot, hour), HALF_S);
        pulled += sums.pull;
        sharp += sums.sharp;
        noise += sums.noise;
    }
    (sharp > 1.0).then(|| (pulled / sharp, noise.sqrt() / sharp))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Twenty true samples an hour around a line, and two false ones a second of distance.
    fn samples(at: f64, slope: f64, hours: i32) -> Vec<Sample> {
        let mut found = Vec::new();
        for n in 0..hours * 20 {
            let hour = f64::from(n) / 20.0 - f64::from(hours);
            let error = f64::from(n * 7 % 11 - 5) * 0.3;
            found.push(Sample { hour, distance: at + slope * hour + error });
            found.push(Sample { hour, distance: at + f64::from(n * 13 % 27 - 13) });
        }
        found
    }

    #[test]
    fn distances_and_drift_are_found_among_false_cues() {
        let all = Meeting { begin: samples(30.0, 0.18, 20), end: samples(36.0, 0.18, 20), drawer: Vec::new() };
        let line = fit(&all, Meeting { begin: Some(28.0), end: Some(37.0), drawer: None }).unwrap();
        let now = line.spots.map(|spot| spot.map(|spot| line.distance(&spot, 0.0)));
        assert!((now.begin.unwrap() - 30.0).abs() < 0.3, "{line:?}");
        assert!((now.end.unwrap() - 36.0).abs() < 0.3, "{line:?}");
        assert!((line.drift_ppm() - 50.0).abs() < 6.0, "{line:?}");
        assert_eq!(now.drawer, None);
        let (away, error) = aside(&all, &line, |hour| hour < -10.0).unwrap();
        assert!(away.abs() < 0.5 && error < 0.3, "{away} {error}");
    }

    #[test]
    fn two_hours_say_little_of_a_drift() {
        let all = Meeting { begin: samples(30.0, 0.0, 2), ..Meeting::default() };
        let line = fit(&all, Meeting { begin: Some(30.0), ..Meeting::default() }).unwrap();
        let ppm = line.slope_variance.sqrt() / SECONDS_AN_HOUR;
        assert!(ppm > 20.0 && ppm <= USUAL_DRIFT_PPM, "{ppm}");
    }

    #[test]
    fn no_samples_are_no_line() {
        assert_eq!(fit(&Meeting::default(), Meeting { begin: Some(0.0), ..Meeting::default() }), None);
    }
}
