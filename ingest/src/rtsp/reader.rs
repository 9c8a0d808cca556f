//! [`StreamReader`]: reads one stream for ever: connects, reads, and connects again when there are no pictures.

use std::sync::Arc;
use std::time::Duration;

use rand::RngExt as _;
use retina::client::SessionGroup;
use tillsight_schemas::segment::GapReason;
use tillsight_schemas::{Clock, metric};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::config::StreamConfig;
use super::fanout::Outlets;
use super::session::{Ended, Live};
use super::state::{Phase, StreamState};
use super::unit::Item;

/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The pause after a refused login, and the longest one: cameras lock out who tries a wrong password again and again.
const REFUSED: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// How long a `TEARDOWN` of the session before may take.
const TEARDOWN: Duration = Duration::from_secs(1);

/// How a session went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    /// Pictures came.
    Well,
    /// None came.
    Badly,
    /// The camera refused the login.
    Refused,
}

/// Reads one stream.
#[derive(Debug)]
pub struct StreamReader {
    config: StreamConfig,
    outlets: Outlets,
    clock: Arc<dyn Clock>,
    state: watch::Sender<StreamState>,
}

impl StreamReader {
    /// Prepares to read a stream; nothing happens before [`Self::run`].
    pub fn new(config: StreamConfig, outlets: Outlets, clock: Arc<dyn Clock>) -> Self {
        let first = StreamState { phase: Phase::Connecting, since: clock.now(), runs: 0, failures: 0 };
        Self { config, outlets, clock, state: watch::Sender::new(first) }
    }

    /// The state of the stream, now and whenever it changes.
    pub fn state(&self) -> watch::Receiver<StreamState> {
        self.state.subscribe()
    }

    /// Reads until `stop` is cancelled or the recorder is gone. The recorder is told of every end of a run.
    pub async fn run(self, stop: CancellationToken) {
        let group = Arc::new(SessionGroup::default().named(self.config.key.to_string()));
        let mut next_run = self.outlets.run_floor();
        let mut pause = FIRST_PAUSE;
        let wanted = metrics::gauge!(metric::CAMERA_WANTED, &super::labels(&self.config.key));
        wanted.set(1.0);
        loop {
            let went = tokio::select! {
                () = stop.cancelled() => break,
                went = self.session(&group, &mut next_run) => match went {
                    Some(went) => went,
                    None => break,
                },
            };
            pause = match went {
                Went::Well => FIRST_PAUSE,
                Went::Badly => pause.min(self.config.max_backoff),
                Went::Refused => pause.max(REFUSED.0),
            };
            // Full jitter above a half, so that the cameras of a shop do not come back in step.
            let wait = pause.mul_f64(rand::rng().random_range(0.5..1.0));
            pause = (pause * 2).min(if went == Went::Refused { REFUSED.1 } else { self.config.max_backoff });
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(wait) => {}
            }
        }
        wanted.set(0.0);
        // The recorder may be gone already; then it has noted the gap itself.
        self.outlets.send(Item::End(GapReason::Stopped)).await.ok();
        self.set(Phase::Stopped, |_| {});
    }

    /// One session; `None` when there is nobody to read for.
    async fn session(&self, group: &Arc<SessionGroup>, next_run: &mut i64) -> Option<Went> {
        let key = &self.config.key;
        self.set(Phase::Connecting, |_| {});
        let labels = super::labels(key);
        let connect = |outcome: &'static str| {
            let mut labels = labels.to_vec();
            labels.push(("outcome", outcome.to_owned()));
            metrics::counter!(metric::CAMERA_CONNECTS, &labels).increment(1);
        };
        let (ended, had_run) = match Live::connect(&self.config, Arc::clone(&self.clock), Arc::clone(group)).await {
            Ok(mut live) => {
                connect("ok");
                let begun = |run| {
                    metrics::gauge!(metric::CAMERA_CONNECTED, &labels).set(1.0);
                    tracing::info!(stream = %key, run, "pictures come");
                    self.set(Phase::Connected { run }, |state| {
                        state.runs += 1;
                        state.failures = 0;
                    });
                };
                let ended = live.read(&self.outlets, next_run, begun).await;
                let had_run = live.has_run();
                (ended, had_run)
            }
            Err(ended) => {
                connect("failed");
                (ended, false)
            }
        };
        metrics::gauge!(metric::CAMERA_CONNECTED, &labels).set(0.0);
        if matches!(ended, Ended::Recorder) {
            return None;
        }
        let (gap, reason) = (ended.gap(), tillsight_schemas::error::chain(&ended));
        tracing::warn!(stream = %key, %gap, %reason, "no pictures");
        self.outlets.send(Item::End(gap)).await.ok()?;
        self.set(Phase::Waiting { gap, reason }, |state| state.failures += 1);
        // Some cameras allow one session at a time; its end may need a moment to reach them.
        match tokio::time::timeout(TEARDOWN, group.await_teardown()).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => tracing::debug!(stream = %key, %error, "teardown failed"),
        }
        Some(match ended {
            _ if had_run => Went::Well,
            Ended::Login(_) => Went::Refused,
            _ => Went::Badly,
        })
    }

    fn set(&self, phase: Phase, also: impl FnOnce(&mut StreamState)) {
        let now = self.clock.now();
        self.state.send_modify(|state| {
            if std::mem::discriminant(&state.phase) != std::mem::discriminant(&phase) {
                state.since = now;
            }
            state.phase = phase;
            also(state);
        });
    }
}
