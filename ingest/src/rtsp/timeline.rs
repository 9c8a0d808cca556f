//! [`Timeline`]: when a picture was taken, from when it and others arrived.
//!
//! A packet is never early, only late: the least delayed pictures of a window show the offset between a camera's RTP
//! clock and ours. In the first seconds of a run the map is corrected back to its begin (a camera sends its newest group
//! of pictures in a burst); afterwards it only bends, by at most 500 ppm and from the present on, so that time never
//! jumps within a run. An error of more than a second ends the run. Sender reports (RFC 3550 §6.4.1) are kept as
//! readings; where a camera is trusted they lead instead of arrivals. What a camera needs between taking a picture and
//! stamping it cannot be seen here: it is part of what the till-camera offset is estimated for.

use tillsight_schemas::segment::ClockSource;
use tillsight_schemas::time_map::{TICKS_PER_SECOND, TimeMap, TimeMapPiece};

use super::unit::ClockReading;

/// Media times at which a young run's map is corrected back to its begin.
const SETTLE: [i64; 3] = [TICKS_PER_SECOND, 3 * TICKS_PER_SECOND, 10 * TICKS_PER_SECOND];
/// How long a window is in which the least delayed picture counts.
const WINDOW: i64 = 60 * TICKS_PER_SECOND;
/// How long a shorter window is in which a step of a clock is noticed.
const STEP_WINDOW: i64 = 10 * TICKS_PER_SECOND;
/// An error that ends the run, in microseconds.
const STEP_US: i64 = 1_000_000;
/// An error that is left as it is, in microseconds.
const DEADBAND_US: i64 = 5_000;
/// The most the map bends, in parts per thousand million.
const MAX_RATE_PPB: i64 = 500_000;
/// What is added to every bound for the way through the network, in microseconds.
const NETWORK_US: i64 = 100_000;
/// A sender report further from arrival than this is not believed, in microseconds.
const REPORT_LIMIT_US: i64 = 5_000_000;

/// What a reading led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// Nothing.
    Keep,
    /// The map has a new version.
    Piece(TimeMapPiece),
    /// A clock has jumped: the run is to be ended.
    Step,
}

/// The time map of a run while it is made.
#[derive(Debug, Clone)]
pub struct Timeline {
    map: TimeMap,
    trust_reports: bool,
    settled: usize,
    /// Least and greatest offset (arrival minus media time) since the window began, in microseconds.
    window: Option<Window>,
    step_window: Option<Window>,
    last_pts: i64,
    reported: bool,
}

#[derive(Debug, Clone, Copy)]
struct Window {
    begin: i64,
    least: i64,
    most: i64,
}

impl Window {
    fn add(window: &mut Option<Self>, pts: i64, offset: i64) -> Self {
        let own = window.get_or_insert(Self { begin: pts, least: offset, most: offset });
        own.least = own.least.min(offset);
        own.most = own.most.max(offset);
        *own
    }
}

impl Timeline {
    /// Begins a run with its first picture, which has media time 0.
    pub fn begin(arrived_us: i64, trust_reports: bool) -> (Self, TimeMapPiece) {
        let piece = TimeMapPiece {
            version: 1,
            from_pts: 0,
            utc_us: arrived_us,
            rate_ppb: 0,
            source: ClockSource::Arrival,
            // The burst at the begin may come seconds late.
            uncertainty_us: 2_000_000,
            made_at_us: arrived_us,
        };
        let timeline = Self {
            map: TimeMap::new(vec![piece.clone()]),
            trust_reports,
            settled: 0,
            window: None,
            step_window: None,
            last_pts: 0,
            reported: false,
        };
        (timeline, piece)
    }

    /// When a picture was taken, in microseconds since 1970.
    pub fn utc_us(&self, pts: i64) -> i64 {
        self.map.utc_us(pts).unwrap_or_default()
    }

    /// The map so far.
    pub fn map(&self) -> &TimeMap {
        &self.map
    }

    /// Takes in the arrival of a picture.
    pub fn arrival(&mut self, pts: i64, arrived_us: i64) -> Update {
        let back = pts < self.last_pts - 2 * TICKS_PER_SECOND;
        self.last_pts = self.last_pts.max(pts);
        let offset = arrived_us - media_us(pts);
        let error = arrived_us - self.utc_us(pts);
        let window = Window::add(&mut self.window, pts, offset);
        let step = Window::add(&mut self.step_window, pts, offset);
        // While a run settles, its first pictures may well prove to have been late.
        if back || (self.settled == SETTLE.len() && error < -STEP_US) {
            return Update::Step;
        }
        if pts - step.begin >= STEP_WINDOW {
            self.step_window = None;
            let late = step.least + media_us(pts) - self.utc_us(pts);
            if self.settled == SETTLE.len() && !self.reported && late > STEP_US {
                return Update::Step;
            }
        }
        if let Some(at) = SETTLE.get(self.settled) {
            if pts < *at {
                return Update::Keep;
            }
            self.settled += 1;
            if self.settled == SETTLE.len() {
                self.window = None;
            }
            if self.reported {
                return Update::Keep;
            }
            return self.replace(window.least, ClockSource::Arrival, bound(window), arrived_us);
        }
        if pts - window.begin < WINDOW {
            return Update::Keep;
        }
        self.window = None;
        if self.reported {
            return Update::Keep;
        }
        let error = window.least + media_us(pts) - self.utc_us(pts);
        self.bend(pts, error, ClockSource::Arrival, bound(window), arrived_us)
    }

    /// Takes in what a clock of the camera said.
    pub fn reading(&mut self, reading: &ClockReading) -> Update {
        if !self.trust_reports || reading.source != ClockSource::SenderReport {
            return Update::Keep;
        }
        let error = reading.utc_us - self.utc_us(reading.pts);
        if self.reported {
            return if error.abs() > STEP_US {
                Update::Step
            } else {
                self.bend(self.last_pts, error, ClockSource::SenderReport, NETWORK_US / 2, reading.heard_us)
            };
        }
        if error.abs() > REPORT_LIMIT_US || self.last_pts > WINDOW {
            return Update::Keep;
        }
        self.reported = true;
        let offset = reading.utc_us - media_us(reading.pts);
        self.replace(offset, ClockSource::SenderReport, NETWORK_US / 2, reading.heard_us)
    }

    /// A piece from the begin of the run on.
    fn replace(&mut self, offset: i64, source: ClockSource, uncertainty_us: i64, made_at_us: i64) -> Update {
        let rate_ppb = 0;
        self.add(TimeMapPiece { version: 0, from_pts: 0, utc_us: offset, rate_ppb, source, uncertainty_us, made_at_us })
    }

    /// A piece from the present on that takes an error back within a window.
    fn bend(&mut self, pts: i64, error: i64, source: ClockSource, uncertainty_us: i64, made_at_us: i64) -> Update {
        if error.abs() <= DEADBAND_US {
            return Update::Keep;
        }
        if error.abs() > STEP_US {
            return Update::Step;
        }
        let rate = self.map.piece(pts).map_or(0, |piece| i64::from(piece.rate_ppb));
        // Half of the error per window: what a constant drift leaves over is found in the next.
        let correction = error * 1_000_000_000 / media_us(WINDOW) / 2;
        let rate = (rate + correction).clamp(-MAX_RATE_PPB, MAX_RATE_PPB);
        let rate_ppb = i32::try_from(rate).unwrap_or(0);
        let from_pts = pts + 1;
        let utc_us = self.utc_us(from_pts);
        self.add(TimeMapPiece { version: 0, from_pts, utc_us, rate_ppb, source, uncertainty_us, made_at_us })
    }

    fn add(&mut self, piece: TimeMapPiece) -> Update {
        let piece = TimeMapPiece { version: self.map.version() + 1, ..piece };
        self.map.push(piece.clone());
        Update::Piece(piece)
    }
}

fn media_us(pts: i64) -> i64 {
    pts.saturating_mul(100) / 9
}

fn bound(window: Window) -> i64 {
    NETWORK_US + (window.most - window.least).min(2_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_795_440_000_000_000;

    /// Plays a camera whose clock runs `ppm` fast and whose pictures come 20 ms late and up to 60 ms later still.
    fn play(timeline: &mut Timeline, seconds: i64, ppm: i64, delay: impl Fn(i64) -> i64) -> (i64, usize) {
        let (mut worst, mut pieces) = (0, 0);
        for frame in 1..seconds * 10 {
            let pts = frame * 9_000;
            let taken = START + frame * 100_000 - frame * ppm / 10;
            match timeline.arrival(pts, taken + 20_000 + delay(frame)) {
                Update::Piece(_) => pieces += 1,
                Update::Keep => {}
                Update::Step => panic!("step at frame {frame}"),
            }
            if frame > 110 {
                worst = worst.max((timeline.utc_us(pts) - taken - 20_000).abs());
            }
        }
        (worst, pieces)
    }

    #[test]
    fn a_drifting_camera_is_followed_within_milliseconds() {
        for ppm in [0, 20, -20, 100] {
            let (mut timeline, _) = Timeline::begin(START + 20_000, false);
            let (worst, pieces) = play(&mut timeline, 3_600, ppm, |frame| (frame * 7_919 % 7) * 10_000);
            assert!(worst < 25_000, "{ppm} ppm: {worst} µs");
            assert!(pieces < 70, "{ppm} ppm: {pieces} pieces");
        }
    }

    #[test]
    fn pictures_that_were_late_at_first_are_put_right_from_the_begin_on() {
        let (mut timeline, _) = Timeline::begin(START + 1_400_000, false);
        play(&mut timeline, 60, 0, |frame| (14 - frame).max(0) * 100_000);
        assert_eq!(timeline.utc_us(0), START + 20_000);
        assert_eq!(timeline.map().at_version(1).utc_us(0), Some(START + 1_400_000));
    }

    #[test]
    fn a_clock_that_jumps_ends_the_run() {
        for jump in [-5_000_000, 5_000_000] {
            let (mut timeline, _) = Timeline::begin(START, false);
            play(&mut timeline, 120, 0, |_| 0);
            let mut stepped = false;
            for frame in 1_200..1_400 {
                stepped |= timeline.arrival(frame * 9_000, START + frame * 100_000 + 20_000 + jump) == Update::Step;
            }
            assert!(stepped, "{jump}");
        }
    }

    #[test]
    fn a_trusted_camera_tells_the_time() {
        let (mut timeline, _) = Timeline::begin(START + 900_000, true);
        let reading = ClockReading {
            source: ClockSource::SenderReport,
            pts: 90_000,
            utc_us: START + 1_000_000,
            heard_us: START + 1_900_000,
        };
        assert!(matches!(timeline.reading(&reading), Update::Piece(_)));
        assert_eq!(timeline.utc_us(0), START);
        let far = ClockReading { utc_us: START + 60_000_000, ..reading };
        let (mut timeline, _) = Timeline::begin(START, true);
        assert_eq!(timeline.reading(&far), Update::Keep);
    }
}
