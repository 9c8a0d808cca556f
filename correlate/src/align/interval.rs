//! The offset and its 95 % interval from the distances of arrivals, departures and drawers.
//!
//! With `a` the usual lead of an arrival and `b` that of a departure, arrivals lie at `offset - a` and departures at
//! `offset + b`, both leads at least 0. All that is known of the offset is that it lies between: it is partially
//! identified, and more events do not change that. The middle is stated, and the interval reaches from one bound to the
//! other and beyond both by their standard errors, so that it covers 95 % wherever between the bounds the offset lies
//! (Imbens and Manski 2004). A contact of a drawer comes within [`CONTACT_S`] after what the till says.

use super::line::{Line, Spot};
use super::number::{micros, seconds, whole};
use super::{LONGEST_LEADS_S, Meeting, Method, Refusal};

/// Standard errors in half a 95 % interval.
const NORMAL_95: f64 = 1.96;
/// The same where only one bound can be missed.
const ONE_BOUND_95: f64 = 1.645;
/// Bounds this many standard errors apart are not both missed.
const FAR_APART: f64 = 1.5;
/// How far a drawer's contact may be from what the till says, in seconds.
pub const CONTACT_S: f64 = 0.5;
/// The largest statistical part of half an interval: a peak that is less sharp is none, in seconds.
const VAGUEST_S: f64 = 2.5;
/// By how many standard errors bounds may contradict each other.
const CONTRADICTION: f64 = 4.0;

/// An offset with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// What to add to the till's time to get the camera's, in microseconds.
    pub offset_us: i64,
    /// Half the width of the 95 % interval, in microseconds.
    pub uncertainty_us: i64,
    /// How the offset changes, in microseconds a second.
    pub drift_ppm: f64,
    /// About how many events were matched.
    pub matched: u32,
    /// How it was found.
    pub method: Method,
}

/// The offset at an hour from the instant of the judgement, for tills whose times are cut off to a resolution in
/// microseconds.
///
/// # Errors
///
/// Why the distances bound no offset.
pub fn estimate(line: &Line, hour: f64, resolution_us: Meeting<i64>) -> Result<Estimate, Refusal> {
    let spots = line.spots.zip(resolution_us.map(seconds)).map(|(spot, resolution)| {
        spot.map(|spot| Spot {
            distance: line.distance(&spot, hour) - resolution / 2.0,
            variance: spot.variance + resolution * resolution / 12.0,
            ..spot
        })
    });
    let drifted = |at: f64| line.slope_variance * (hour - at) * (hour - at);
    let matched = spots.list().into_iter().flatten().map(|spot| spot.matched).sum();
    let matched = u32::try_from(whole(matched)).unwrap_or(0);
    if let Some(drawer) = spots.drawer {
        within(&spots, &drawer)?;
        let error = NORMAL_95 * (drawer.variance + drifted(drawer.hour)).sqrt();
        if error > VAGUEST_S {
            return Err(Refusal::Ambiguous);
        }
        return stated(drawer.distance - CONTACT_S / 2.0, CONTACT_S / 2.0 + error, line, matched, Method::Drawer);
    }
    let (Some(begin), Some(end)) = (spots.begin, spots.end) else { return Err(Refusal::OneSided) };
    let between = end.distance - begin.distance;
    let error = (begin.variance + end.variance).sqrt();
    if between < -1.0 - CONTRADICTION * error {
        return Err(Refusal::Inconsistent);
    }
    if between > seconds(LONGEST_LEADS_S * super::SECOND_US) {
        return Err(Refusal::LongLeads);
    }
    let error = (begin.variance + drifted(begin.hour)).max(end.variance + drifted(end.hour)).sqrt();
    if NORMAL_95 * error > VAGUEST_S {
        return Err(Refusal::Ambiguous);
    }
    let apart = (between.max(0.0) / error.max(1e-6) / FAR_APART).min(1.0);
    let errors = NORMAL_95 + (ONE_BOUND_95 - NORMAL_95) * apart;
    let uncertainty = between.max(0.0) / 2.0 + errors * error;
    stated((begin.distance + end.distance) / 2.0, uncertainty, line, matched, Method::Presence)
}

/// Whether a drawer's distance lies between those of arrivals and departures.
fn within(spots: &Meeting<Option<Spot>>, drawer: &Spot) -> Result<(), Refusal> {
    let beyond = |from: Option<Spot>, side: f64| {
        from.is_some_and(|spot| {
            let error = (spot.variance + drawer.variance).sqrt();
            (drawer.distance - spot.distance) * side < -2.0 - CONTRADICTION * error
        })
    };
    if beyond(spots.begin, 1.0) || beyond(spots.end, -1.0) { Err(Refusal::Inconsistent) } else { Ok(()) }
}

fn stated(offset: f64, uncertainty: f64, line: &Line, matched: u32, method: Method) -> Result<Estimate, Refusal> {
    if !(offset.is_finite() && uncertainty.is_finite()) {
        return Err(Refusal::TooFew);
    }
    Ok(Estimate {
        offset_us: micros(offset),
        uncertainty_us: micros(uncertainty),
        drift_ppm: line.drift_ppm(),
        matched,
        method,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(distance: f64, error: f64) -> Option<Spot> {
        Some(Spot { distance, hour: 0.0, variance: error * error, matched: 50.0 })
    }

    fn judged(begin: Option<Spot>, end: Option<Spot>, drawer: Option<Spot>) -> Result<Estimate, Refusal> {
        let line = Line { spots: Meeting { begin, end, drawer }, slope: 0.0, slope_variance: 0.0 };
        estimate(&line, 0.0, Meeting::default())
    }

    #[test]
    fn the_middle_is_stated_and_the_bounds_are_covered() {
        let found = judged(spot(30.0, 0.2), spot(36.0, 0.2), None).unwrap();
        assert_eq!(found.offset_us, 33_000_000);
        assert_eq!(found.uncertainty_us, 3_329_000);
        assert_eq!(found.method, Method::Presence);
    }

    #[test]
    fn more_events_do_not_make_up_for_what_cannot_be_known() {
        let found = judged(spot(30.0, 0.001), spot(36.0, 0.001), None).unwrap();
        assert!(found.uncertainty_us >= 3_000_000, "{found:?}");
    }

    #[test]
    fn one_bound_is_refused_and_so_are_bounds_far_apart_or_in_the_wrong_order() {
        assert_eq!(judged(spot(30.0, 0.2), None, None), Err(Refusal::OneSided));
        assert_eq!(judged(spot(30.0, 0.2), spot(41.0, 0.2), None), Err(Refusal::LongLeads));
        assert_eq!(judged(spot(36.0, 0.2), spot(30.0, 0.2), None), Err(Refusal::Inconsistent));
        assert_eq!(judged(spot(30.0, 2.0), spot(36.0, 2.0), None), Err(Refusal::Ambiguous));
    }

    #[test]
    fn a_drawer_decides_unless_the_customers_contradict() {
        let found = judged(spot(30.0, 0.3), spot(36.0, 0.3), spot(31.25, 0.1)).unwrap();
        assert_eq!((found.offset_us, found.method), (31_000_000, Method::Drawer));
        assert!(found.uncertainty_us < 500_000, "{found:?}");
        assert_eq!(judged(spot(30.0, 0.3), spot(36.0, 0.3), spot(45.0, 0.1)), Err(Refusal::Inconsistent));
    }

    #[test]
    fn times_that_are_cut_off_are_corrected_by_half_their_resolution() {
        let line = Line {
            spots: Meeting { begin: None, end: None, drawer: spot(10.75, 0.1) },
            slope: 0.0,
            slope_variance: 0.0,
        };
        let found = estimate(&line, 0.0, Meeting { begin: 0, end: 0, drawer: 1_000_000 }).unwrap();
        assert_eq!(found.offset_us, 10_000_000);
        assert!(found.uncertainty_us > 800_000, "{found:?}");
    }
}
