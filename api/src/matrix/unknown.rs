//! [`Unknown`]: a register whose records come although no zone belongs to it and nobody named it: a new lane that no camera
//! looks at, or one that the till calls otherwise than the zones do. People are told once, and again after twelve hours
//! while it is so. It is a matter for those who set up, and no suspicion: it is no alert and counts nowhere as one.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::id::{RegisterId, StoreKey};

/// How long nobody is told again.
pub(super) const QUIET: TimeDelta = TimeDelta::hours(12);

/// A register that nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// The shop.
    pub(crate) store: StoreKey,
    /// The register.
    pub(crate) register: RegisterId,
    /// When it was noticed, or told of again.
    pub(crate) raised_at: DateTime<Utc>,
    /// Whether those who set up were told by mail.
    pub(crate) told: bool,
}

/// What is otherwise than it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum UnknownChange {
    /// It sends records and nobody knows it, or still nobody does after twelve hours.
    Appears(StoreKey, RegisterId),
    /// It is known now, or silent for a day.
    Ends(StoreKey, RegisterId),
}

/// What is otherwise than in `open`, where `unknown` are the registers that nobody knows now.
pub(super) fn changes(
    open: &[Unknown],
    unknown: &BTreeSet<(StoreKey, RegisterId)>,
    now: DateTime<Utc>,
) -> Vec<UnknownChange> {
    let is_recent = |(store, register): &&(StoreKey, RegisterId)| {
        let same = |each: &&Unknown| each.store == *store && each.register == *register;
        open.iter().find(same).is_some_and(|each| now - each.raised_at < QUIET)
    };
    let appear = unknown.iter().filter(|each| !is_recent(each));
    let appear = appear.map(|(store, register)| UnknownChange::Appears(store.clone(), register.clone()));
    let end = open.iter().filter(|each| !unknown.contains(&(each.store.clone(), each.register.clone())));
    let end = end.map(|each| UnknownChange::Ends(each.store.clone(), each.register.clone()));
    appear.chain(end).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tillsight_schemas::{Clock as _, ReplayClock, TimeSpan};

    use super::*;
    use crate::db::Db;

    #[tokio::test]
    async fn a_register_that_nobody_knows_is_told_once_and_again_after_twelve_hours() {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T08:00:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock.clone())).await.unwrap();
        let store: StoreKey = "acme/17".parse().unwrap();
        let lane: RegisterId = "9".parse().unwrap();
        let began = clock.now();
        let look = async |hours: i64, unknown: bool| {
            let now = began + TimeDelta::hours(hours);
            let unknown = unknown.then(|| (store.clone(), lane.clone())).into_iter().collect();
            let open = db.unknown_registers().await.unwrap();
            let news = db.note_unknown(&changes(&open, &unknown, now), now, QUIET).await.unwrap();
            (news.len(), db.unknown_registers().await.unwrap().len())
        };
        assert_eq!(look(0, false).await, (0, 0));
        assert_eq!(look(1, true).await, (1, 1), "lane 9 opens, and no camera looks at it");
        assert_eq!(look(2, true).await, (0, 1));
        assert_eq!(look(3, false).await, (0, 0), "a zone was drawn");
        assert_eq!(look(4, true).await, (0, 1), "and taken away: the same as before");
        assert_eq!(look(12, true).await, (0, 1));
        assert_eq!(look(13, true).await, (1, 1), "twelve hours after it was told");
        let open = db.unknown_registers().await.unwrap();
        assert!(!open[0].told);
        db.told_of_unknown(&[&open[0]]).await.unwrap();
        assert!(db.unknown_registers().await.unwrap()[0].told);
        assert_eq!(look(14, false).await, (0, 0));
        let on = async |from: i64, to: i64| {
            let span = TimeSpan::new(began + TimeDelta::hours(from), began + TimeDelta::hours(to)).unwrap();
            db.unknown_registers_in(&store, span).await.unwrap()
        };
        assert!(on(0, 1).await.is_empty());
        assert_eq!(on(0, 24).await, vec![lane.clone()], "the report of the day names it");
        assert!(on(15, 24).await.is_empty());
    }
}
