//! Wall clocks as arguments: everything that depends on the time takes a [`Clock`], so a store day replays in seconds.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

/// Tells the wall time.
pub trait Clock: Send + Sync + std::fmt::Debug + 'static {
    /// Returns the present instant in UTC, to the microsecond.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock that several owners share.
pub type SharedClock = Arc<dyn Clock>;

/// The clock of this machine (`CLOCK_REALTIME`).
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> DateTime<Utc> {
        let now = Utc::now();
        DateTime::from_timestamp_micros(now.timestamp_micros()).unwrap_or(now)
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug, Clone)]
pub struct ReplayClock(Arc<AtomicI64>);

impl ReplayClock {
    /// Makes a clock that shows `start`.
    pub fn at(start: DateTime<Utc>) -> Self {
        Self(Arc::new(AtomicI64::new(start.timestamp_micros())))
    }

    /// Moves the clock to `instant`, which may lie in the past (a clock that was corrected).
    pub fn set(&self, instant: DateTime<Utc>) {
        self.0.store(instant.timestamp_micros(), Ordering::SeqCst);
    }

    /// Moves the clock on by `step`.
    pub fn advance(&self, step: chrono::TimeDelta) {
        self.0.fetch_add(step.num_microseconds().unwrap_or(i64::MAX / 4), Ordering::SeqCst);
    }
}

impl Clock for ReplayClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or(DateTime::UNIX_EPOCH)
    }
}
