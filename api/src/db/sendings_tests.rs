//! What people are told of, as the database keeps it: budget, trial, rules that are held back and come back.

use tillsight_schemas::alert::Severity;
use tillsight_schemas::review::Disposition;

use super::super::queue::tests::Shop;
use super::super::{AccountChange, QueueFilter, QueueView, Role, User};
use super::*;
use crate::sending::{Sending, is_picked};

impl Shop {
    async fn with(alerts: Alerts) -> Self {
        let mut shop = Self::open().await;
        shop.db = shop.db.clone().sending(alerts);
        shop
    }

    /// What a view of the queue shows, newest first.
    async fn view(&self, view: QueueView) -> Vec<u128> {
        self.queue(|filter| filter.view = view).await.0.concat()
    }

    async fn told(&self, number: u128) -> Told {
        self.db.alert(Uuid::from_u128(number)).await.unwrap().unwrap().told
    }
}

fn three_a_day() -> Alerts {
    Alerts { per_store_and_day: 3, ..Alerts::default() }
}

#[tokio::test]
async fn so_many_of_a_store_s_day_are_sent_and_what_is_critical_beyond_them() {
    let shop = Shop::with(three_a_day()).await;
    for number in 1..=6 {
        shop.raise(number, 100 * i64::try_from(number).unwrap(), |_| {}).await;
    }
    assert_eq!(shop.view(QueueView::Sent).await, [3, 2, 1]);
    shop.raise(7, 700, |alert| alert.severity = Severity::Critical).await;
    shop.raise(8, 800, |alert| alert.severity = Severity::Low).await;
    assert!(is_picked(Uuid::from_u128(20)), "chance is the same for ever");
    shop.raise(20, 900, |_| {}).await;
    shop.raise(10, 1_000, |alert| alert.store_id = "42".parse().unwrap()).await;
    assert_eq!(shop.view(QueueView::Sent).await, [10, 20, 7, 3, 2, 1]);
    assert_eq!(shop.view(QueueView::Held).await, [8, 6, 5, 4]);
    assert_eq!(shop.view(QueueView::All).await.len(), 10);
    let why = [(1, Sending::Threshold), (6, Sending::Budget), (7, Sending::Critical), (8, Sending::Severity)];
    for (number, why) in why {
        assert_eq!(shop.told(number).await, Told { why, picked_permille: 0 }, "{number}");
    }
    assert_eq!(shop.told(20).await, Told { why: Sending::Budget, picked_permille: 50 });

    // A revision is not decided anew, unless it has become critical; who is given something is told of it.
    shop.raise(4, 400, |alert| alert.revision = 1).await;
    assert_eq!(shop.told(4).await.why, Sending::Budget);
    shop.raise(4, 400, |alert| (alert.revision, alert.severity) = (2, Severity::Critical)).await;
    shop.raise(1, 100, |alert| (alert.revision, alert.severity) = (1, Severity::Low)).await;
    assert_eq!((shop.told(4).await.why, shop.told(1).await.why), (Sending::Critical, Sending::Threshold));
    shop.db.assign(&[Uuid::from_u128(5)], Some(&"lena".to_owned()), "otto").await.unwrap();
    assert_eq!(shop.view(QueueView::Held).await, [8, 6]);
}

#[tokio::test]
async fn a_token_is_kept_for_what_the_days_before_had_in_the_evening() {
    let shop = Shop::with(Alerts { per_store_and_day: 1, ..Alerts::default() }).await;
    let of = |day: &'static str, amount: i64| {
        move |alert: &mut Alert| (alert.business_day, alert.amount_minor) = (day.parse().ok(), Some(amount))
    };
    shop.raise(1, 50_000 - 86_400, of("2027-01-14", 90_000)).await;
    shop.raise(2, 1_000, of("2027-01-15", 500)).await;
    shop.raise(3, 49_000, of("2027-01-15", 95_000)).await;
    assert_eq!(shop.told(1).await.why, Sending::Threshold);
    assert_eq!(shop.told(2).await.why, Sending::Budget, "a better one is still to come");
    assert_eq!(shop.told(3).await.why, Sending::Threshold);
}

#[tokio::test]
async fn a_rule_on_trial_is_seen_only_by_who_asks_for_it() {
    let shop = Shop::with(three_a_day()).await;
    let critical = |alert: &mut Alert| alert.severity = Severity::Critical;
    shop.raise_by(20, 0, true, critical).await;
    shop.raise(2, 100, |_| {}).await;
    for view in [QueueView::Sent, QueueView::All] {
        assert_eq!(shop.view(view).await, [2], "{view}");
    }
    assert_eq!(shop.view(QueueView::Held).await, Vec::<u128>::new());
    assert_eq!(shop.view(QueueView::Shadow).await, [20]);
    shop.raise_by(20, 0, true, |alert| alert.revision = 1).await;
    assert_eq!(shop.told(20).await, Told { why: Sending::Shadow, picked_permille: 0 });
}

#[tokio::test]
async fn a_rule_that_is_wrong_too_often_is_held_back_until_what_was_picked_says_otherwise() {
    let shop = Shop::with(Alerts { per_store_and_day: 1_000, ..Alerts::default() }).await;
    let tenant: TenantId = "acme".parse().unwrap();
    // Before the clock of the shop: what comes later is counted anew.
    let earlier = |alert: &mut Alert| alert.event_time = "2026-11-01T12:00:00Z".parse().unwrap();
    for number in 1..=39 {
        let alert = shop.raise(number, 0, earlier).await;
        shop.decide(&alert, Disposition::NoIssue).await;
    }
    for (number, said) in [(40, Disposition::Duplicate), (41, Disposition::CannotTell)] {
        let alert = shop.raise(number, 0, earlier).await;
        shop.decide(&alert, said).await;
    }
    let row = shop.db.alert(Uuid::from_u128(1)).await.unwrap().unwrap();
    assert_eq!(row.odds.decided, 39, "what says nothing of the rule does not count");
    assert_eq!(shop.db.standings(None).await.unwrap().len(), 1);
    let fell = &shop.db.standing_history(&tenant, "refund_no_customer").await.unwrap()[0];
    assert!(fell.demoted && fell.version == "1.0" && fell.high < fell.floor, "{fell:?}");
    assert_eq!((fell.decided, fell.confirmed, fell.floor), (35, 0, 100), "then it was sure");

    shop.raise(101, 1_000, |_| {}).await;
    shop.raise(102, 1_100, |alert| alert.severity = Severity::Critical).await;
    shop.raise(103, 1_200, |alert| alert.rule_version = "1.1".into()).await;
    let told = [shop.told(101).await.why, shop.told(102).await.why, shop.told(103).await.why];
    assert_eq!(told, [Sending::Demoted, Sending::Critical, Sending::Threshold], "another version begins anew");

    // What nobody was shown says nothing; of what was picked, three of twenty were right.
    let browsed = shop.db.alert(Uuid::from_u128(101)).await.unwrap().unwrap().alert;
    shop.decide(&browsed, Disposition::Confirmed).await;
    let picked = (1_000..).filter(|number| is_picked(Uuid::from_u128(*number))).take(20);
    for (place, number) in picked.enumerate() {
        let alert = shop.raise(number, 2_000 + 100 * i64::try_from(place).unwrap(), |_| {}).await;
        assert_eq!(shop.told(number).await, Told { why: Sending::Demoted, picked_permille: 50 });
        let said = if place % 7 == 3 { Disposition::Confirmed } else { Disposition::NoIssue };
        shop.decide(&alert, said).await;
    }
    let turns = shop.db.standing_history(&tenant, "refund_no_customer").await.unwrap();
    assert_eq!(turns.iter().map(|turn| turn.demoted).collect::<Vec<_>>(), [false, true]);
    assert_eq!((turns[0].decided, turns[0].confirmed, turns[0].share), (20, 3, 150));
    shop.raise(104, 9_000, |_| {}).await;
    assert_eq!(shop.told(104).await.why, Sending::Threshold);
    let of_all = shop.db.precisions(&tenant, "refund_no_customer").await.unwrap();
    let (version, all) = &of_all[0];
    assert_eq!((version.as_str(), all.decided, all.confirmed, all.picked), ("1.0", 55, 3, 20));
    assert!((all.share - 60.0 / 435.0).abs() < 1e-9, "each that was picked stands for twenty: {all:?}");
}

#[tokio::test]
async fn alerts_of_an_older_version_were_sent_and_are_weighed_when_the_database_is_opened() {
    let shop = Shop::with(three_a_day()).await;
    for number in 1..=5 {
        shop.raise(number, 100 * i64::try_from(number).unwrap(), |_| {}).await;
    }
    let undo = "UPDATE alerts SET version = '', worth = 0, sending = 'sent', picked = 0";
    sqlx::query(undo).execute(&shop.db.pool).await.unwrap();
    shop.db.weigh_alerts().await.unwrap();
    assert_eq!(shop.view(QueueView::Sent).await.len(), 5);
    let row = shop.db.alert(Uuid::from_u128(5)).await.unwrap().unwrap();
    assert_eq!(row.worth, row.expected().unwrap());
    let version: String = sqlx::query_scalar("SELECT version FROM alerts").fetch_one(&shop.db.pool).await.unwrap();
    assert_eq!(version, "1.0");
    shop.raise(6, 600, |_| {}).await;
    assert_eq!(shop.told(6).await.why, Sending::Budget, "five that are worth as much came before it");
}

#[tokio::test]
async fn who_does_not_see_every_alert_sees_what_was_held_back_because_of_others() {
    let shop = Shop::with(Alerts { per_store_and_day: 1, ..Alerts::default() }).await;
    let user = User {
        name: "maria".into(),
        tenant: "acme".parse().unwrap(),
        role: Role::Manager,
        stores: vec!["17".parse().unwrap()],
    };
    let account = AccountChange { user: user.clone(), email: None, operator: "1042".parse().ok(), disabled: false };
    shop.db.add_account("ida", &account).await.unwrap();
    let without = shop.db.without(&user).await.unwrap();
    let cashier = |alert: &mut Alert| alert.operator_id = "7".parse().ok();
    shop.raise(1, 0, |_| {}).await;
    shop.raise(2, 100, cashier).await;
    shop.raise(3, 200, |alert| {
        cashier(alert);
        alert.severity = Severity::Low;
    })
    .await;
    assert_eq!(shop.told(2).await.why, Sending::Budget, "the one about her took the token");
    let hers = |view: QueueView| {
        let without = without.clone();
        move |filter: &mut QueueFilter| (filter.view, filter.without) = (view, without)
    };
    assert_eq!(shop.queue(hers(QueueView::Sent)).await, (vec![vec![2]], 1));
    assert_eq!(shop.queue(hers(QueueView::Held)).await, (vec![vec![3]], 1));
    assert_eq!(shop.db.alert(Uuid::from_u128(2)).await.unwrap().unwrap().alone().told.why, Sending::Sent);
}
