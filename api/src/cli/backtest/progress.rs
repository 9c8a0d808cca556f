//! [`Progress`]: how far a long command is. People see it on standard error: a bar where somebody looks, else a line now and
//! then. Programs read it on standard output, a line of JSON each.

use std::error::Error;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::say_line;
use crate::backtest::{BacktestProgress, Line};

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
    /// Days of stores.
    of: i64,
    /// Whether a program reads it.
    read: bool,
}

impl Progress {
    /// Of so many days of stores; `read` by a program, or looked at by people.
    pub(super) fn new(of: i64, read: bool) -> Self {
        let now = Instant::now();
        Self { began: now, told: now, looked_at: !read && std::io::stderr().is_terminal(), of, read }
    }

    /// Tells which part is done.
    pub(super) fn tell(&mut self, done: f64) -> Result<(), Box<dyn Error>> {
        let progress = BacktestProgress::of(done, self.of, self.began.elapsed());
        if self.read {
            return say_line(&Line::Progress(progress));
        }
        let text = text(done, &progress);
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
        Ok(())
    }

    /// Takes the bar away.
    pub(super) fn over(&self) {
        if self.looked_at {
            let _shown = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}

/// The bar, and how long it takes still.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of a short bar")]
fn text(done: f64, progress: &BacktestProgress) -> String {
    let done = done.clamp(0.0, 1.0);
    let full = (done * 30.0) as usize;
    let left = progress.seconds_left.map(|left| format!(", {}:{:02} left", left / 60, left % 60)).unwrap_or_default();
    format!("[{}{}] {:3.0} %{left}", "#".repeat(full), " ".repeat(WIDE - full), done * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_what_was_done() {
        let bar = |done, seconds| text(done, &BacktestProgress::of(done, 8, Duration::from_secs(seconds)));
        assert_eq!(bar(0.5, 70), "[###############               ]  50 %, 1:10 left");
        assert_eq!(bar(1.0, 70), format!("[{}] 100 %, 0:00 left", "#".repeat(30)));
        assert!(bar(0.0, 1).contains("  0 %"));
    }
}
