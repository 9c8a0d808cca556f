//! Conversions between whole microseconds and seconds as real numbers.
//!
//! All of them live here, so that every lossy one is visible. Distances and spans are far below 2^53 microseconds (285
//! years): nothing is lost in practice.

use super::SECOND_US;

/// A whole number as a real one; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "spans are far below 2^53")]
#[must_use]
pub fn real(whole: i64) -> f64 {
    whole as f64
}

/// The nearest whole number; the largest or smallest there is beyond them, and 0 for what is no number.
#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and the value is rounded before")]
#[must_use]
pub fn whole(real: f64) -> i64 {
    real.round() as i64
}

/// Microseconds as seconds.
#[must_use]
pub fn seconds(us: i64) -> f64 {
    real(us) / real(SECOND_US)
}

/// Seconds as the nearest microsecond.
#[must_use]
pub fn micros(seconds: f64) -> i64 {
    whole(seconds * real(SECOND_US))
}

/// A count, as far as it fits.
#[must_use]
pub fn count(many: usize) -> u32 {
    u32::try_from(many).unwrap_or(u32::MAX)
}
