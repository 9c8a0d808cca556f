//! The demo's panel: what a visitor of the page may do to the simulated shop, and how expected and found alerts compare.
//!
//! The page speaks to the HTTP server, which hands its wishes on through a socket in the demo's folder (its path stands in
//! the environment of `tillsight run`): a line of JSON there, a line of JSON back. From here they go to the till's
//! process and to the cameras; the system learns of them only through Kafka and RTSP.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tillsight_datasets::cameras::Order;
use tillsight_datasets::live;
use tillsight_datasets::truth::{Item, Truth};
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::{Clock, SystemClock};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::ChildStdin;
use tokio::task::JoinSet;

use super::Result;
use super::film::{self, Filmed};
use crate::db::Db;

/// The variable with the path of the socket.
pub(super) const SOCKET: &str = crate::http::DEMO_SOCKET;
/// How far the till's clock may be set off, in seconds.
const FARTHEST: i64 = 120;
/// A rule that says nothing about a near miss has kept silent when so many seconds have gone.
const SILENCE: i64 = 30;

/// What the till is told, a line of JSON each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wish {
    /// Ring something now.
    Ring(live::Ring),
    /// Set the clock so many seconds ahead.
    Ahead(i64),
    /// The camera was unplugged or plugged in: what it cannot see is not expected.
    Blind(bool),
}

/// What the page asks.
#[derive(Debug, Deserialize)]
#[serde(tag = "what", content = "body", rename_all = "snake_case", deny_unknown_fields)]
enum Asked {
    State,
    Ring { what: live::Ring },
    Camera { id: String, plugged: bool },
    Clock { ahead_seconds: i64 },
}

/// The panel; clones share it.
#[derive(Clone)]
pub(super) struct Panel {
    db: Db,
    filmed: Filmed,
    truth: PathBuf,
    now: Arc<Mutex<Now>>,
    till: Arc<tokio::sync::Mutex<Option<ChildStdin>>>,
}

#[derive(Debug, Default)]
struct Now {
    ahead_seconds: i64,
    unplugged: Vec<String>,
}

impl Panel {
    /// A panel that tells these cameras and reads this truth.
    pub(super) fn new(db: Db, filmed: Filmed, truth: &Path) -> Self {
        Self { db, filmed, truth: truth.to_owned(), now: Arc::default(), till: Arc::default() }
    }

    /// Gives it the till that rings now.
    pub(super) async fn take(&self, till: Option<ChildStdin>) {
        *self.till.lock().await = till;
        let ahead = self.now().ahead_seconds;
        if ahead != 0
            && let Err(error) = self.tell(&Wish::Ahead(ahead)).await
        {
            tracing::debug!(%error, "the till has not heard of its clock");
        }
    }

    /// Answers on a socket until the task is dropped.
    pub(super) async fn answer(self, socket: PathBuf) -> Result<()> {
        match std::fs::remove_file(&socket) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let listener = UnixListener::bind(&socket)?;
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let panel = self.clone();
                    let (stream, _) = accepted?;
                    tasks.spawn(async move {
                        if let Err(error) = panel.converse(stream).await {
                            tracing::debug!(%error, "the page hung up");
                        }
                    });
                }
                Some(_) = tasks.join_next() => {}
            }
        }
    }

    async fn converse(&self, stream: UnixStream) -> Result<()> {
        let (read, mut write) = stream.into_split();
        let mut line = String::new();
        BufReader::new(read).read_line(&mut line).await?;
        let done = match serde_json::from_str(&line) {
            Ok(asked) => self.obey(asked).await,
            Err(error) => Err(error.into()),
        };
        let answer = done.map_or_else(|error| json!({ "error": error.to_string() }), |ok| json!({ "ok": ok }));
        write.write_all(format!("{answer}\n").as_bytes()).await?;
        Ok(())
    }

    async fn obey(&self, asked: Asked) -> Result<Value> {
        match asked {
            Asked::State => self.state().await,
            Asked::Ring { what } => {
                self.tell(&Wish::Ring(what)).await?;
                Ok(json!({}))
            }
            Asked::Clock { ahead_seconds } if ahead_seconds.abs() > FARTHEST => {
                Err(format!("the clock goes {FARTHEST} s ahead or behind at most").into())
            }
            Asked::Clock { ahead_seconds } => {
                self.tell(&Wish::Ahead(ahead_seconds)).await?;
                self.now().ahead_seconds = ahead_seconds;
                Ok(json!({}))
            }
            Asked::Camera { id, plugged } => {
                let order = if plugged { Order::Plug } else { Order::Unplug };
                self.filmed.tell(&id, order).await?;
                {
                    let mut now = self.now();
                    now.unplugged.retain(|known| *known != id);
                    if !plugged {
                        now.unplugged.push(id.clone());
                    }
                }
                if id == film::KIOSK {
                    self.tell(&Wish::Blind(!plugged)).await?;
                }
                Ok(json!({}))
            }
        }
    }

    fn now(&self) -> std::sync::MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn tell(&self, wish: &Wish) -> Result<()> {
        let mut till = self.till.lock().await;
        let till = till.as_mut().ok_or("the till begins its next turn in a moment; try again then")?;
        till.write_all(format!("{}\n", serde_json::to_string(wish)?).as_bytes()).await?;
        till.flush().await?;
        Ok(())
    }

    async fn state(&self) -> Result<Value> {
        let mut items = if self.truth.is_file() { Truth::read(&self.truth)?.items } else { Vec::new() };
        // What is still to come is nobody's business yet.
        items.retain(|item| item.true_time <= SystemClock.now());
        let mut expected = Vec::with_capacity(items.len());
        for item in items.iter().rev() {
            let judged = self.db.judgements_of(item.anchor_event_id).await?;
            expected.push(case(item, &judged));
        }
        let now = self.now();
        let cameras: Vec<Value> = [film::KIOSK, film::PATH]
            .iter()
            .map(|id| json!({ "id": id, "plugged": !now.unplugged.iter().any(|known| known == id), "zone_now": null }))
            .collect();
        Ok(json!({
            "expected": expected,
            "till": { "register_id": film::WATCHED, "clock_ahead_seconds": now.ahead_seconds },
            "cameras": cameras,
        }))
    }
}

/// A staged case beside what the rules made of it.
fn case(item: &Item, judged: &[Judgement]) -> Value {
    let fired: BTreeMap<&str, uuid::Uuid> = judged
        .iter()
        .filter(|one| one.outcome == Outcome::Fired)
        .map(|one| (one.rule_id.as_str(), one.judgement_id))
        .collect();
    let own = judged.iter().find(|one| one.rule_id.as_str() == item.scenario && !one.provisional);
    let long_ago = (SystemClock.now() - item.true_time).num_seconds() > SILENCE;
    let (state, alert) = match &item.expected_rule {
        Some(rule) => match (fired.get(rule.as_str()), own) {
            (Some(alert), _) => ("found", Some(*alert)),
            (None, Some(_)) => ("missed", None),
            (None, None) => ("waiting", None),
        },
        None => match (fired.values().next(), own.is_some() || (item.presence.is_empty() && long_ago)) {
            (Some(alert), _) => ("false_alarm", Some(*alert)),
            (None, true) => ("silent_as_expected", None),
            (None, false) => ("waiting", None),
        },
    };
    let said = own.map(|own| format!(" The rule: {} ({}).", own.outcome, own.why.replace('_', " ")));
    json!({
        "scenario": item.scenario,
        "case": item.case,
        "expected_rule": item.expected_rule,
        "why": format!("{}{}", item.why, said.unwrap_or_default()),
        "true_time": item.true_time,
        "register_id": item.register_id,
        "state": state,
        "alert_id": alert,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Asked, serde_json::Error> {
        serde_json::from_str(text)
    }

    #[test]
    fn what_the_page_says_is_understood_and_nothing_else() {
        assert!(matches!(asked(r#"{"what":"state"}"#), Ok(Asked::State)));
        assert!(matches!(
            asked(r#"{"what":"ring","body":{"what":"no_sale"}}"#),
            Ok(Asked::Ring { what: live::Ring::NoSale })
        ));
        assert!(asked(r#"{"what":"camera","body":{"id":"kiosk","plugged":false}}"#).is_ok());
        assert!(asked(r#"{"what":"ring","body":{"what":"robbery"}}"#).is_err());
        assert!(asked(r#"{"what":"stop","body":{}}"#).is_err());
    }
}
