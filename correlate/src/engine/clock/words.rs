//! How well two clocks agree, in words.

use tillsight_schemas::clock_offset::{ClockMethod, ClockRefusal};

use super::Version;

/// What is said of a statement with the bound that holds for a record, and whether the record came at an odd time.
#[expect(clippy::cast_precision_loss, reason = "seconds for people")]
pub(super) fn of(version: &Version, bound_us: i64, disagrees: bool) -> String {
    let seconds = |us: i64| us as f64 / 1_000_000.0;
    let within = seconds(bound_us);
    if version.method == ClockMethod::Unsynchronised {
        return match version.refusal.map(why) {
            None | Some("") => {
                format!("The clocks of till and camera are not compared yet: times may differ by up to {within:.0} s.")
            }
            Some(why) => format!(
                "How far till and camera are apart cannot be told from this data: {why}. Times may differ by up to \
                 {within:.0} s."
            ),
        };
    }
    let from = match version.method {
        ClockMethod::Presence => format!(", from {} arrivals and departures of customers", version.samples),
        ClockMethod::Drawer => format!(", from {} openings of the drawer and customers", version.samples),
        ClockMethod::Arrival | ClockMethod::Unsynchronised => String::new(),
    };
    let doubt = if disagrees { " This record arrived at an odd time, so the bound is wide." } else { "" };
    let off = version.offset_us;
    if off.abs() <= version.uncertainty_us {
        return format!("Till and camera agree within {within:.1} s{from}.{doubt}");
    }
    let (apart, side) = (seconds(off.abs()), if off < 0 { "ahead of" } else { "behind" });
    format!("The till runs {apart:.1} s {side} the camera; corrected, they agree within {within:.1} s{from}.{doubt}")
}

/// Why customers do not tell an offset; nothing where there is not enough to look at yet.
fn why(refusal: ClockRefusal) -> &'static str {
    match refusal {
        ClockRefusal::TooFew => "",
        ClockRefusal::CoarseTimes => "the till's times are cut off to more than two seconds",
        ClockRefusal::Ambiguous => "several offsets fit about as well",
        ClockRefusal::OneSided => "customers are seen to come or to leave, not both",
        ClockRefusal::LongLeads => "customers stand in the zone for long before or after they are served",
        ClockRefusal::Inconsistent => "one part of the time says something else than another",
        ClockRefusal::ClockSet => "the till's clock was set",
        ClockRefusal::LostFit => "what is seen no longer fits what is rung",
    }
}
