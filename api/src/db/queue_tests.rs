//! The queue as the database keeps it: items, their order and pages, decisions in bulk, assignment.

use std::sync::Arc;

use tempfile::TempDir;
use tillsight_schemas::ReplayClock;
use tillsight_schemas::alert::{Alert, AlertState as State};
use tillsight_schemas::judgement::Judgement;
use tillsight_schemas::port::{Epoch, EpochStore as _, Judged, Partition};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::review::{Disposition, Review};

use super::*;
use crate::db::{AccountChange, Decided, Role, User};

pub(in crate::db) struct Shop {
    _dir: TempDir,
    pub(in crate::db) db: Db,
}

impl Shop {
    pub(in crate::db) async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at("2026-11-22T16:00:00Z".parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock)).await.unwrap();
        Self { _dir: dir, db }
    }

    /// The sample alert under this number, at this second, about an event of its own, changed as wanted.
    pub(in crate::db) async fn raise(&self, number: u128, second: i64, change: impl FnOnce(&mut Alert)) -> Alert {
        self.raise_by(number, second, false, change).await
    }

    /// The same by a rule that is on trial, or is not.
    pub(in crate::db) async fn raise_by(
        &self,
        number: u128,
        second: i64,
        shadow: bool,
        change: impl FnOnce(&mut Alert),
    ) -> Alert {
        let mut alert: Alert = serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
        let at = DateTime::from_timestamp(1_800_000_000 + second, 0).unwrap();
        (alert.alert_id, alert.anchor_event_id) = (Uuid::from_u128(number), Uuid::from_u128(number + 1_000));
        (alert.event_ids, alert.event_time) = (vec![alert.anchor_event_id], at);
        (alert.evidence[0].from_at, alert.evidence[0].event_at) = (at, at);
        alert.evidence[0].to_at = at + chrono::TimeDelta::seconds(10);
        change(&mut alert);
        let mut judgement: Judgement =
            serde_json::from_str(include_str!("../../../schemas/samples/v1/judgement.json")).unwrap();
        judgement.judgement_id = alert.alert_id;
        let partition = Partition::new("engine", 0);
        let fence = self.db.take(&partition).await.unwrap().fence;
        let sample = include_str!("../../../schemas/samples/v1/posted_transaction.json");
        let mut posted: PostedTransaction = serde_json::from_str(sample).unwrap();
        posted.transaction.operator_id.clone_from(&alert.operator_id);
        let posted = serde_json::to_string(&posted).unwrap();
        let events = alert.event_ids.iter().map(|event| (*event, posted.clone())).collect();
        let judged = vec![Judged { judgement, alert: Some(alert.clone()), events, shadow }];
        let epoch = Epoch { partition, fence, checkpoint: String::new(), judged, outgoing: Vec::new() };
        self.db.commit_epoch(&epoch).await.unwrap();
        alert
    }

    pub(in crate::db) async fn decide(&self, alert: &Alert, disposition: Disposition) -> Decided {
        let review = Review {
            review_id: Uuid::new_v4(),
            alert_id: alert.alert_id,
            alert_revision: alert.revision,
            tenant_id: alert.tenant_id.clone(),
            store_id: alert.store_id.clone(),
            disposition,
            note: None,
            reviewer: "lena".into(),
            reviewed_at: alert.raised_at,
        };
        self.db.decide(&[review]).await.unwrap()[0]
    }

    pub(in crate::db) async fn queue(&self, change: impl FnOnce(&mut QueueFilter)) -> (Vec<Vec<u128>>, i64) {
        let (items, total) = self.db.queue(&filter(change)).await.unwrap();
        let ids = |item: &QueueItem| item.alerts.iter().map(|row| row.alert.alert_id.as_u128()).collect();
        (items.iter().map(ids).collect(), total)
    }

    async fn item_of(&self, number: u128) -> u128 {
        self.db.alert(Uuid::from_u128(number)).await.unwrap().unwrap().item.as_u128()
    }
}

fn filter(change: impl FnOnce(&mut QueueFilter)) -> QueueFilter {
    let mut filter = QueueFilter {
        tenant: "acme".parse().unwrap(),
        stores: Vec::new(),
        without: Without::default(),
        state: AlertState::Open,
        view: QueueView::All,
        asked: false,
        rule: None,
        operator: None,
        whose: Whose::Any,
        order: QueueOrder::Time,
        after: None,
        limit: 50,
    };
    change(&mut filter);
    filter
}

#[tokio::test]
async fn an_alert_between_two_joins_them_and_parts_them_again_when_it_is_taken_back() {
    let shop = Shop::open().await;
    shop.raise(2, 0, |_| {}).await;
    shop.raise(3, 15, |_| {}).await;
    assert_eq!(shop.queue(|_| {}).await, (vec![vec![3], vec![2]], 2));
    let before = shop.db.last_change().await.unwrap();
    shop.raise(1, 8, |_| {}).await;
    assert_eq!(shop.queue(|_| {}).await, (vec![vec![3, 1, 2]], 1));
    assert_eq!([shop.item_of(1).await, shop.item_of(2).await, shop.item_of(3).await], [1, 1, 1]);
    let told: Vec<u128> =
        shop.db.alerts_since(before, 10).await.unwrap().iter().map(|row| row.alert.alert_id.as_u128()).collect();
    assert_eq!(told.len(), 3, "those that moved are told as well: {told:?}");

    shop.raise(1, 8, |alert| (alert.revision, alert.state) = (1, State::Retracted)).await;
    assert_eq!(shop.queue(|_| {}).await, (vec![vec![3], vec![2]], 2));
    assert_eq!(shop.queue(|filter| filter.state = AlertState::Closed).await, (vec![vec![1]], 1));
    shop.raise(1, 8, |alert| alert.revision = 2).await;
    assert_eq!(shop.queue(|_| {}).await, (vec![vec![3, 1, 2]], 1));
}

#[tokio::test]
async fn the_queue_is_sorted_by_what_alerts_come_to_and_learns_from_decisions() {
    let shop = Shop::open().await;
    let rule = |name: &'static str, amount: Option<i64>| {
        move |alert: &mut Alert| {
            alert.rule_id = name.parse().unwrap();
            (alert.amount_minor, alert.operator_id) = (amount, None);
        }
    };
    shop.raise(1, 0, rule("often_wrong", Some(9_000))).await;
    shop.raise(2, 1, rule("often_right", Some(5_000))).await;
    shop.raise(3, 2, rule("often_right", None)).await;
    shop.raise(4, 3, rule("often_right", None)).await;
    let by_value = |filter: &mut QueueFilter| filter.order = QueueOrder::Value;
    assert_eq!(shop.queue(by_value).await.0, [[1], [2], [4], [3]], "without an amount the newest is first, at the end");
    for number in 10..20 {
        let wrong = shop.raise(number, 100 * i64::try_from(number).unwrap(), rule("often_wrong", Some(1))).await;
        assert_eq!(shop.decide(&wrong, Disposition::NoIssue).await, Decided::Taken);
        let right = shop.raise(number + 50, 100 * i64::try_from(number).unwrap(), rule("often_right", Some(1))).await;
        shop.decide(&right, Disposition::NoIssue).await;
        shop.decide(&right, Disposition::Confirmed).await;
    }
    let followed = shop.raise(90, 0, rule("often_right", Some(1))).await;
    shop.decide(&followed, Disposition::FollowUp).await;
    assert_eq!(shop.queue(by_value).await.0, [[2], [1], [4], [3]]);
    let row = shop.db.alert(Uuid::from_u128(2)).await.unwrap().unwrap();
    assert_eq!(row.odds, Odds { confirmed: 10, decided: 10 }, "only the last decision of each counts");
    // Ten confirmed of ten, and ten more of which the severity lets expect 35 %.
    assert_eq!(row.expected(), Some(5_000 * 135 / 200));
    let reopened = shop.db.alert(Uuid::from_u128(60)).await.unwrap().unwrap().alert;
    shop.decide(&reopened, Disposition::Reopened).await;
    let row = shop.db.alert(Uuid::from_u128(2)).await.unwrap().unwrap();
    assert_eq!(row.odds, Odds { confirmed: 9, decided: 9 });
}

#[tokio::test]
async fn pages_of_items_follow_each_other_without_loss_or_repetition() {
    let shop = Shop::open().await;
    for number in 1..=7 {
        // Two of each three overlap.
        shop.raise(number, i64::try_from(number / 2 * 100 + number % 2).unwrap(), |_| {}).await;
    }
    for order in [QueueOrder::Time, QueueOrder::Value] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = filter(|filter| (filter.order, filter.after, filter.limit) = (order, after.clone(), 2));
            let (items, total) = shop.db.queue(&page).await.unwrap();
            assert_eq!(total, 4);
            let Some(last) = items.last() else { break };
            after = Some(last.place.clone());
            seen.extend(items.iter().map(|item| item.place.item));
        }
        assert_eq!(seen.len(), 4, "{order}: {seen:?}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 4);
    }
}

#[tokio::test]
async fn filters_name_stores_exactly() {
    let shop = Shop::open().await;
    shop.raise(1, 0, |alert| alert.store_id = "a_b".parse().unwrap()).await;
    let of = |store: &'static str| move |filter: &mut QueueFilter| filter.stores = vec![store.parse().unwrap()];
    assert_eq!(shop.queue(of("a_b")).await.1, 1);
    for other in ["axb", "A_B", "a_", "b"] {
        assert_eq!(shop.queue(of(other)).await, (Vec::new(), 0), "{other}");
    }
    assert_eq!(shop.queue(|filter| filter.operator = Some("1042".parse().unwrap())).await.1, 1);
    assert_eq!(shop.queue(|filter| filter.operator = Some("104".parse().unwrap())).await.1, 0);
    assert_eq!(shop.queue(|filter| filter.rule = Some("void".into())).await.1, 0);
}

#[tokio::test]
async fn what_joins_an_item_that_somebody_has_is_theirs_too() {
    let shop = Shop::open().await;
    let first = shop.raise(1, 0, |_| {}).await;
    let before = shop.db.last_change().await.unwrap();
    let otto = "otto".to_owned();
    shop.db.assign(&[first.alert_id, Uuid::from_u128(99)], Some(&otto), "lena").await.unwrap();
    shop.db.assign(&[first.alert_id], Some(&otto), "lena").await.unwrap();
    assert_eq!(shop.db.alerts_since(before, 10).await.unwrap().len(), 1, "an assigned alert is a changed alert");
    assert_eq!(shop.db.assignments(first.alert_id).await.unwrap().len(), 1, "the same again is nothing new");
    let second = shop.raise(2, 5, |_| {}).await;
    let ottos = |filter: &mut QueueFilter| filter.whose = Whose::Of("otto".into());
    assert_eq!(shop.queue(ottos).await, (vec![vec![2, 1]], 1));
    let given = shop.db.assignments(second.alert_id).await.unwrap();
    assert_eq!((given[0].by.as_str(), given[0].assignee.as_deref()), ("lena", Some("otto")));
    shop.db.assign(&[first.alert_id, second.alert_id], None, "otto").await.unwrap();
    assert_eq!(shop.queue(|filter| filter.whose = Whose::Nobodys).await, (vec![vec![2, 1]], 1));
    assert_eq!(shop.queue(ottos).await.1, 0);
    assert_eq!(shop.db.assignments(first.alert_id).await.unwrap()[0].assignee, None);
}

#[tokio::test]
async fn alerts_of_an_older_version_are_placed_when_the_database_is_opened() {
    let shop = Shop::open().await;
    shop.raise(1, 0, |_| {}).await;
    shop.raise(2, 5, |_| {}).await;
    for undo in ["UPDATE alerts SET item = '', operator = NULL, amount = NULL, prior = 0", "DELETE FROM alert_spans"] {
        sqlx::query(undo).execute(&shop.db.pool).await.unwrap();
    }
    shop.db.place_alerts().await.unwrap();
    assert_eq!(shop.queue(|filter| filter.operator = Some("1042".parse().unwrap())).await, (vec![vec![2, 1]], 1));
    let (items, _) = shop.db.queue(&filter(|filter| filter.order = QueueOrder::Value)).await.unwrap();
    assert_eq!(items[0].place.worth, items[0].alerts[0].expected().unwrap(), "SQL and Rust agree");
}

#[tokio::test]
async fn who_reads_here_does_not_see_alerts_about_themselves_and_cannot_tell_that_there_are_any() {
    let shop = Shop::open().await;
    let by = |operator: &'static str| move |alert: &mut Alert| alert.operator_id = operator.parse().ok();
    // They share a transaction: one item, whose id is that of the alert about Maria.
    let shared = |operator: &'static str| {
        move |alert: &mut Alert| {
            alert.operator_id = operator.parse().ok();
            alert.event_ids.push(Uuid::from_u128(9_999));
        }
    };
    shop.raise(1, 0, shared("1042")).await;
    shop.raise(2, 5, shared("7")).await;
    shop.raise(3, 900, by("1042")).await;
    assert_eq!(shop.queue(|_| {}).await, (vec![vec![3], vec![2, 1]], 2));
    let before = shop.db.last_change().await.unwrap();
    let user = User {
        name: "maria".into(),
        tenant: "acme".parse().unwrap(),
        role: Role::Manager,
        stores: vec!["17".parse().unwrap()],
    };
    let account = |operator: Option<&str>| AccountChange {
        user: user.clone(),
        email: None,
        operator: operator.map(|id| id.parse().unwrap()),
        disabled: false,
    };
    shop.db.add_account("ida", &account(None)).await.unwrap();
    assert!(shop.db.without(&user).await.unwrap().is_empty());
    shop.db.set_account("ida", &account(Some("1042"))).await.unwrap();
    let without = shop.db.without(&user).await.unwrap();
    let told = shop.db.alerts_since(before, 10).await.unwrap();
    assert_eq!(told.len(), 1, "that an alert stands in another item now is told");
    let hers = |filter: &mut QueueFilter| filter.without = without.clone();
    assert_eq!(shop.queue(hers).await, (vec![vec![2]], 1));
    assert_eq!((shop.item_of(1).await, shop.item_of(2).await), (1, 2));
    assert_eq!(shop.queue(|_| {}).await.1, 3, "for others they are two items now");

    // What an older version wrote is found out when the database is opened, and not twice.
    for undo in
        ["UPDATE alerts SET people = NULL", "DELETE FROM concerned", "DELETE FROM counters WHERE name = 'described'"]
    {
        sqlx::query(undo).execute(&shop.db.pool).await.unwrap();
    }
    for _ in 0..2 {
        shop.db.describe().await.unwrap();
        assert_eq!(shop.queue(hers).await, (vec![vec![2]], 1));
    }
    let row = shop.db.alert(Uuid::from_u128(3)).await.unwrap().unwrap();
    assert_eq!(row.people, ["1042".parse().unwrap()]);
}
