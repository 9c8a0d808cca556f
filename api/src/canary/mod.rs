//! The canary: once a day and store a synthetic transaction goes into the landing topic and must come out as an alert on
//! `lp.alert.v1` within two minutes. Where it does not, something between is broken, though every part says that it works.
//!
//! What is a canary, and how it stays out of every number, is said in [`tillsight_schemas::canary`]; this sends it
//! ([`send`]) and listens for it ([`listen`]), within the process that answers HTTP.

mod listen;
mod send;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_ingest::bus::Connection;
use tillsight_schemas::error::chain;
use tillsight_schemas::{codes, metric};
use tokio_util::sync::CancellationToken;

use crate::config::{Canary, Config};
use crate::db::{DbError, Sung};
use crate::http::Shared;

/// How often it is looked whether one is to be sent, or missed.
const EVERY: Duration = Duration::from_secs(10);

codes! {
    /// What became of a canary.
    pub enum CanaryState {
        /// It came out.
        Came = "came",
        /// It has still time.
        Waiting = "waiting",
        /// It did not come out in time, if it ever did.
        Overdue = "overdue",
    }
}

/// What became of a canary; one that came late is not overdue any more.
pub(crate) fn state(sung: &Sung, canary: Canary, now: DateTime<Utc>) -> CanaryState {
    match sung.came_at {
        Some(_) => CanaryState::Came,
        None if now - sung.sent_at <= TimeDelta::seconds(canary.within_seconds.into()) => CanaryState::Waiting,
        None => CanaryState::Overdue,
    }
}

/// Sends canaries and listens for them until `stop`, where the configuration wants any; `now` is what the handlers share at
/// the moment.
pub(crate) async fn run(now: impl Fn() -> Shared + Send + Sync, config: Config, stop: CancellationToken) {
    let senders = config.canary_permits();
    if senders.is_empty() {
        return;
    }
    let connection: Connection = config.connection();
    let sending = async {
        let mut missed = Vec::new();
        while !stop.is_cancelled() {
            let shared = now();
            if let Err(error) = send::send(&shared, &senders).await {
                tracing::warn!(error = %chain(&*error), "canaries wait");
            }
            if let Err(error) = tell(&shared, &mut missed).await {
                tracing::warn!(error = %chain(&error), "what became of canaries is not known");
            }
            pause(EVERY, &stop).await;
        }
    };
    tokio::join!(sending, listen::listen(&now, &connection, &stop));
}

/// Tells metrics what became of the last canaries, and the log of each one that is missed, once.
async fn tell(shared: &Shared, missed: &mut Vec<Sung>) -> Result<(), DbError> {
    let at = shared.clock.now();
    let mut overdue = Vec::new();
    for sung in shared.db.canaries().await? {
        let store = sung.store.to_string();
        let state = state(&sung, shared.canary, at);
        let age = (at - sung.silent_since).as_seconds_f64();
        metrics::gauge!(metric::CANARY_AGE, "store" => store.clone()).set(age);
        if let Some(came_at) = sung.came_at {
            let took = (came_at - sung.sent_at).as_seconds_f64();
            metrics::gauge!(metric::CANARY_SECONDS, "store" => store.clone()).set(took);
        }
        let is_overdue = state == CanaryState::Overdue;
        metrics::gauge!(metric::CANARY_OVERDUE, "store" => store.clone()).set(f64::from(u8::from(is_overdue)));
        if is_overdue {
            if !missed.contains(&sung) {
                tracing::error!(
                    store,
                    sent_at = %sung.sent_at,
                    "the canary did not come out: something between landing topic and lp.alert.v1 does not work"
                );
            }
            overdue.push(sung);
        }
    }
    *missed = overdue;
    Ok(())
}

async fn pause(how_long: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(how_long) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsight_schemas::{Clock as _, ReplayClock};

    use super::*;
    use crate::db::Db;

    #[tokio::test]
    async fn a_canary_that_does_not_come_out_in_two_minutes_is_missed_until_it_does() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T10:00:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock.clone())).await.unwrap();
        let store = "acme/17".parse().unwrap();
        let day = "2026-11-22".parse().unwrap();
        let canary = Canary { enabled: true, ..Canary::default() };
        assert!(db.send_canary(&store, day).await.unwrap());
        assert!(!db.send_canary(&store, day).await.unwrap(), "one a day");
        let is = async || {
            let sung = db.canaries().await.unwrap().remove(0);
            (state(&sung, canary, clock.now()), (clock.now() - sung.silent_since).num_seconds())
        };
        clock.advance(TimeDelta::seconds(120));
        assert_eq!(is().await, (CanaryState::Waiting, 120));
        clock.advance(TimeDelta::seconds(1));
        assert_eq!(is().await, (CanaryState::Overdue, 121));
        db.canary_came(&store, day, clock.now()).await.unwrap();
        assert_eq!(is().await, (CanaryState::Came, 0));
        clock.advance(TimeDelta::days(1));
        assert!(db.send_canary(&store, "2026-11-23".parse().unwrap()).await.unwrap());
        assert_eq!(is().await, (CanaryState::Waiting, 86_400), "since yesterday's");
        clock.advance(TimeDelta::days(100));
        assert!(db.send_canary(&store, "2027-03-03".parse().unwrap()).await.unwrap());
        assert_eq!(is().await, (CanaryState::Waiting, 0), "what is old is forgotten");
    }
}
