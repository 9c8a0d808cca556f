//! [`Progress`]: how far a long command is, on standard error: a bar where somebody looks, else a line now and then.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// How often a line is written where nobody looks.
const EVERY: Duration = Duration::from_secs(10);
/// The width of the bar.
const WIDE: usize = 30;

/// How far a command is.
#[derive(Debug)]
pub(super) struct Progress {
    began: Instant,
    told: Instant,
    looked_at: bool,
}

impl Progress {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { began: now, told: now, looked_at: std::io::stderr().is_terminal() }
    }

    /// Tells which part is done.
    pub(super) fn tell(&mut self, done: f64) {
        let text = text(done, self.began.elapsed());
        let mut out = std::io::stderr().lock();
        // Whether it can be shown changes nothing of the work.
        let _shown = if self.looked_at {
            write!(out, "\r\x1b[K{text}").and_then(|()| out.flush())
        } else if self.told.elapsed() >= EVERY {
            self.told = Instant::now();
            writeln!(out, "{text}")
        } else {
            Ok(())
        };
    }

    /// Takes the bar away.
    pub(super) fn over(&self) {
        if self.looked_at {
            let _shown = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// The bar, and how long it takes still, by what it has taken.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a short bar")]
fn text(done: f64, took: Duration) -> String {
    let done = done.clamp(0.0, 1.0);
    let full = (done * 30.0) as usize;
    let left = if done > 0.0 { took.as_secs_f64() * (1.0 - done) / done } else { 0.0 };
    let (minutes, seconds) = (left as u64 / 60, left as u64 % 60);
    format!("[{}{}] {:3.0} %, {minutes}:{seconds:02} left", "#".repeat(full), " ".repeat(WIDE - full), done * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_was_done() {
        assert_eq!(text(0.5, Duration::from_secs(70)), "[###############               ]  50 %, 1:10 left");
        assert_eq!(text(1.0, Duration::from_secs(70)), format!("[{}] 100 %, 0:00 left", "#".repeat(30)));
        assert!(text(0.0, Duration::from_secs(1)).contains("  0 %"));
    }
}
