//! The index in the words of the shop: what is found by whom, what a crash leaves, what a rebuild makes.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use tempfile::TempDir;
use tillsight_correlate::lake::MemoryLog;
use tillsight_schemas::alert::Alert;
use tillsight_schemas::clock::ReplayClock;
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::judgement::{Judgement, Outcome};
use tillsight_schemas::money::Currency;
use tillsight_schemas::port::{Epoch, EpochStore, EventSource as _, Judged, Partition};
use tillsight_schemas::pos::{Kind, PostedTransaction};
use tillsight_schemas::review::{Disposition, Review};
use tillsight_schemas::store::Store;
use tillsight_schemas::topic;
use tillsight_schemas::wire::avro;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::*;
use crate::db::Db;

const NOW: &str = "2026-11-22T12:00:00Z";

fn store(tenant: &str, id: &str, tz: chrono_tz::Tz) -> Store {
    let currency = Currency::new("USD").unwrap();
    Store {
        tenant: tenant.parse().unwrap(),
        id: id.parse().unwrap(),
        name: id.into(),
        tz,
        currency,
        day_ends: None,
        closes: None,
    }
}

fn stores() -> Vec<Store> {
    let (chicago, new_york) = (chrono_tz::America::Chicago, chrono_tz::America::New_York);
    vec![store("demo", "17", chicago), store("demo", "42", new_york), store("other", "17", chicago)]
}

/// A sale of these items for so many cents, `minutes` before noon.
pub(super) fn sale(
    tenant: &str,
    shop: &str,
    number: i64,
    items: &[&str],
    cents: i64,
    minutes: i64,
) -> PostedTransaction {
    let sample = include_str!("../../../schemas/samples/v1/posted_transaction.json");
    let mut posted: PostedTransaction = serde_json::from_str(sample).unwrap();
    posted.header.tenant_id = tenant.parse().unwrap();
    posted.header.event_id = Uuid::from_u128(u128::try_from(number).unwrap() << 64 | 7);
    posted.header.event_time = NOW.parse::<DateTime<Utc>>().unwrap() - TimeDelta::minutes(minutes);
    let transaction = &mut posted.transaction;
    transaction.store_id = shop.parse().unwrap();
    transaction.kind = Kind::Sale;
    transaction.receipt_no = Some(format!("{shop}-{number:04}"));
    transaction.total_minor = Some(cents);
    let line = transaction.lines[0].clone();
    transaction.lines = items
        .iter()
        .map(|&item| {
            let mut line = line.clone();
            line.description = Some(item.to_owned());
            line
        })
        .collect();
    posted
}

fn alert_about(posted: &PostedTransaction, revision: i32) -> Alert {
    let mut alert: Alert = serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
    alert.alert_id = Uuid::from_u128(posted.header.event_id.as_u128() ^ (1 << 100));
    alert.revision = revision;
    alert.tenant_id = posted.header.tenant_id.clone();
    alert.store_id = posted.transaction.store_id.clone();
    alert.anchor_event_id = posted.header.event_id;
    alert.event_ids = vec![posted.header.event_id];
    alert.event_time = posted.header.event_time;
    alert
}

/// A log, a database, and a folder for the index.
pub(super) struct Shop {
    dir: TempDir,
    db: Db,
    log: MemoryLog,
    clock: ReplayClock,
}

/// The follower at work.
pub(super) struct Work {
    pub(super) search: Search,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Shop {
    pub(super) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = ReplayClock::at(NOW.parse().unwrap());
        let db = Db::in_dir(dir.path(), Arc::new(clock.clone())).await.unwrap();
        Self { dir, db, log: MemoryLog::new(topic::POS_TRANSACTION, 2), clock }
    }

    fn owner(&self) -> Owner {
        Owner::open(self.dir.path(), stores(), Arc::new(self.clock.clone())).unwrap()
    }

    pub(super) fn work(&self) -> Work {
        let owner = self.owner();
        let (search, stop, mut tasks) = (owner.search.clone(), CancellationToken::new(), JoinSet::new());
        let log = self.log.clone();
        let open: OpenLog = Arc::new(move || Ok(Box::new(log.reader())));
        tasks.spawn(Follower::new(owner, self.db.clone(), open).run(stop.clone()));
        Work { search, stop, tasks }
    }

    pub(super) fn ring(&self, posted: &[PostedTransaction]) {
        for (index, value) in avro::encode(posted).unwrap().into_iter().enumerate() {
            self.log.append(i32::from(index % 2 == 1), value);
        }
    }

    async fn raise(&self, alert: Alert, posted: &PostedTransaction) {
        let partition = Partition::new("engine", 0);
        let fence = self.db.take(&partition).await.unwrap().fence;
        let judgement = Judgement {
            judgement_id: alert.alert_id,
            revision: alert.revision,
            tenant_id: alert.tenant_id.clone(),
            store_id: alert.store_id.clone(),
            rule_id: alert.rule_id.clone(),
            rule_version: alert.rule_version.clone(),
            anchor_event_id: alert.anchor_event_id,
            register_id: alert.register_id.clone(),
            operator_id: alert.operator_id.clone(),
            event_time: alert.event_time,
            outcome: Outcome::Fired,
            why: "fired".into(),
            provisional: false,
            judged_at: alert.raised_at,
        };
        let events = vec![(posted.header.event_id, serde_json::to_string(posted).unwrap())];
        let judged = vec![Judged { judgement, alert: Some(alert), events, shadow: false }];
        let epoch = Epoch { partition, fence, checkpoint: "{}".into(), judged, outgoing: Vec::new() };
        self.db.commit_epoch(&epoch).await.unwrap();
    }
}

impl Work {
    /// Waits until the index holds what is expected.
    pub(super) async fn becomes(&self, expected: (u64, u64)) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while self.search.counts().unwrap() != expected || !self.search.is_complete() {
            let found = self.search.counts().unwrap();
            assert!(tokio::time::Instant::now() < deadline, "{found:?} instead of {expected:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a query has so many hits.
    async fn finds(&self, text: &str, expected: u64) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while find(&self.search, text).total != expected {
            assert!(tokio::time::Instant::now() < deadline, "{text}: {}", find(&self.search, text).total);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.tasks.join_all().await;
    }

    /// Ends it in the middle of what it does, without a last commit.
    async fn kill(mut self) {
        self.tasks.shutdown().await;
    }
}

fn request(text: &str) -> Request {
    let scope = Scope::whole("demo".parse().unwrap(), Vec::new());
    Request { text: text.into(), from: None, to: None, scope, order: Order::Time, limit: 50, cursor: None }
}

fn find(search: &Search, text: &str) -> Answer {
    search.find(&request(text)).unwrap()
}

fn receipts_of(answer: &Answer) -> Vec<u64> {
    answer.items.iter().map(|hit| hit.event_id.as_u64_pair().0).collect()
}

fn week() -> Vec<PostedTransaction> {
    let mut week = vec![
        sale("demo", "17", 1, &["WHOLE MILK", "RYE BREAD"], 599, 10),
        sale("demo", "17", 2, &["Jalapeño <chips> & dip"], 5_001, 90),
        sale("demo", "42", 3, &["MILK CHOCOLATE"], 5_000, 60 * 24 * 3),
        sale("demo", "42", 4, &["HEADPHONES"], 12_999, 60 * 24 * 20),
        sale("other", "17", 5, &["WHOLE MILK"], 599, 10),
    ];
    week[3].transaction.kind = Kind::Return;
    week[3].transaction.operator_id = Some("77".parse().unwrap());
    week
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_found_by_what_people_ask() {
    let shop = Shop::new().await;
    shop.ring(&week());
    let work = shop.work();
    work.becomes((5, 0)).await;
    for (text, expected) in [
        ("", &[1, 2, 3, 4][..]),
        ("milk", &[1, 3]),
        ("milk -chocolate", &[1]),
        ("\"whole milk\"", &[1]),
        ("\"milk whole\"", &[]),
        ("jalapeno", &[2]),
        ("JALAPEÑO", &[2]),
        ("choc*", &[3]),
        ("17-0002", &[2]),
        ("receipt:17-0002", &[2]),
        ("receipt:17-*", &[1, 2]),
        ("12345678905", &[1, 2, 3, 4]),
        ("gtin:0012345678905 store:17", &[1, 2]),
        ("gtin:12345*", &[1, 2, 3, 4]),
        ("amount:>50", &[2, 4]),
        ("amount:>=50", &[2, 3, 4]),
        ("amount:5.99", &[1]),
        ("amount:5..50.01", &[1, 2, 3]),
        ("type:refund", &[4]),
        ("type:sale,refund -type:refund", &[1, 2, 3]),
        ("op:77", &[4]),
        ("last:1h", &[1]),
        ("last:7d", &[1, 2, 3]),
        ("on:2026-11-22 store:17", &[1, 2]),
        ("to:2026-11-19 store:42", &[3, 4]),
        ("is:alert", &[]),
        ("is:receipt store:42", &[3, 4]),
        ("store:42 milk amount:>1", &[3]),
    ] {
        assert_eq!(receipts_of(&find(&work.search, text)), expected, "{text}");
    }
    let answer = find(&work.search, "jalapeno");
    assert_eq!(answer.items[0].snippet.split(" · ").next().unwrap(), "<mark>Jalapeño</mark> &lt;chips&gt; &amp; dip");
    let all = find(&work.search, "");
    let facet = |value: &str, count| FacetValue { value: value.into(), count };
    assert_eq!(all.facets.r#type, [facet("SALE", 3), facet("RETURN", 1)]);
    assert_eq!(all.facets.store, [facet("17", 2), facet("42", 2)]);
    assert_eq!(all.histogram.iter().map(|bucket| bucket.receipts).sum::<u64>(), 4);
    let posted = work.search.receipt(week()[1].header.event_id).unwrap().unwrap();
    assert_eq!(posted, week()[1]);
    assert!(work.search.receipt(Uuid::nil()).unwrap().is_none());
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_hold_every_hit_once_in_both_orders() {
    let shop = Shop::new().await;
    // Several at the same instant: the cursor still knows where it was.
    let items = |n: i64| if n % 3 == 0 { &["MILK", "MILK"][..] } else { &["MILK"] };
    let rung: Vec<_> = (1..=23).map(|n| sale("demo", "17", n, items(n), n, n / 5)).collect();
    shop.ring(&rung);
    let work = shop.work();
    work.becomes((23, 0)).await;
    for order in [Order::Time, Order::Score] {
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let page = work.search.find(&Request { limit: 4, order, cursor, ..request("milk") }).unwrap();
            assert_eq!(page.total, 23);
            seen.extend(receipts_of(&page));
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 23, "{order}");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 23, "{order}");
    }
    let wrong = work.search.find(&Request { cursor: Some("page 2".into()), ..request("") });
    assert!(matches!(wrong, Err(SearchError::Cursor)));
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_revision_replaces_and_an_earlier_one_does_not() {
    let shop = Shop::new().await;
    let first = sale("demo", "17", 1, &["APPLES"], 100, 10);
    let mut second = sale("demo", "17", 1, &["PEARS"], 200, 10);
    second.transaction.revision = 1;
    let all = [first.clone(), second.clone(), first.clone(), second, first];
    let work = shop.work();
    for one in &all {
        shop.ring(std::slice::from_ref(one));
        // Within a commit and across commits.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    work.finds("pears", 1).await;
    shop.ring(&all);
    shop.ring(&[sale("demo", "17", 2, &["LAST"], 1, 1)]);
    work.finds("last", 1).await;
    assert_eq!((find(&work.search, "apples").total, find(&work.search, "").total), (0, 2));
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_another_one_replaces_is_left_out_and_still_found() {
    let shop = Shop::new().await;
    let wrong = sale("demo", "17", 1, &["APPLES"], 100, 10);
    let mut right = sale("demo", "17", 2, &["APPLES"], 100, 10);
    right.transaction.replaces = Some(wrong.header.event_id);
    let mut elsewhere = sale("other", "17", 3, &["APPLES"], 100, 10);
    elsewhere.transaction.replaces = Some(right.header.event_id);
    let mut itself = sale("demo", "17", 4, &["PEARS"], 100, 20);
    itself.transaction.replaces = Some(itself.header.event_id);
    // The correction comes first.
    shop.ring(&[right.clone(), elsewhere, itself]);
    let work = shop.work();
    work.becomes((3, 0)).await;
    shop.ring(std::slice::from_ref(&wrong));
    work.becomes((4, 0)).await;

    let answer = find(&work.search, "apples");
    assert_eq!((receipts_of(&answer), answer.total), (vec![2], 1));
    assert_eq!(answer.facets.register.iter().map(|facet| facet.count).sum::<u64>(), 1);
    assert_eq!(answer.histogram.iter().map(|bucket| bucket.receipts).sum::<u64>(), 1);
    assert_eq!(answer.items[0].replaces, Some(wrong.header.event_id));
    assert!(answer.problems[0].contains("`is:replaced`"), "{:?}", answer.problems);
    assert_eq!(find(&work.search, "pears").problems, [""; 0], "what names itself replaces nothing");
    let former = find(&work.search, "apples is:replaced");
    assert_eq!((receipts_of(&former), former.problems.len()), (vec![1], 0));
    assert_eq!(former.items[0].replaced_by, Some(right.header.event_id));
    assert_eq!(work.search.count("apples", None, &request("").scope).unwrap(), 1);
    let of = [wrong.header.event_id, right.header.event_id];
    let replacing = work.search.replacing(&of, &request("").scope).unwrap();
    assert_eq!(replacing.into_iter().collect::<Vec<_>>(), [(of[0], of[1])], "nobody learns of another retailer");
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_come_of_a_day_is_told_number_by_number() {
    let shop = Shop::new().await;
    let day: chrono::NaiveDate = "2026-11-22".parse().unwrap();
    let rung = |event: i64, number: Option<i64>, register: &str| {
        let mut posted = sale("demo", "17", event, &["MILK"], 100, event);
        posted.transaction.business_day = Some(day);
        posted.transaction.sequence_no = number;
        posted.transaction.register_id = register.parse().unwrap();
        posted
    };
    let first = rung(1, Some(7), "1");
    let mut again = first.clone();
    again.transaction.revision = 1;
    let mut moved = rung(2, Some(7), "1");
    moved.transaction.replaces = Some(rung(3, None, "1").header.event_id);
    let mut before = rung(4, Some(1), "1");
    before.transaction.business_day = day.pred_opt();
    shop.ring(&[first, moved, rung(3, Some(7), "1"), before, rung(5, None, "Two")]);
    let work = shop.work();
    work.becomes((5, 0)).await;
    shop.ring(&[again]);
    shop.ring(&[rung(6, Some(9), "1")]);
    work.becomes((6, 0)).await;
    let mut arrivals = work.search.arrivals(day, &request("").scope).unwrap();
    arrivals.sort_by_key(|arrival| std::cmp::Reverse(arrival.at));
    let told: Vec<(&str, Option<i64>, bool)> =
        arrivals.iter().map(|one| (one.register.as_str(), one.number, one.is_correction)).collect();
    assert_eq!(told, [("1", Some(7), true), ("1", Some(7), true), ("Two", None, false), ("1", Some(9), false)]);
    assert!(arrivals.iter().all(|arrival| arrival.integrator == "kiosk"), "{arrivals:?}");
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_is_found_with_its_decision_until_it_is_taken_back() {
    let shop = Shop::new().await;
    let refund = week().remove(3);
    shop.ring(&week());
    let work = shop.work();
    work.becomes((5, 0)).await;
    shop.raise(alert_about(&refund, 0), &refund).await;
    work.finds("is:open no:customer type:refund", 1).await;
    let answer = find(&work.search, "rule:refund_no headphones");
    let hit = &answer.items[0];
    assert_eq!((hit.kind, hit.r#type, hit.event_id), (HitKind::Alert, Some(Kind::Return), refund.header.event_id));
    assert!(hit.snippet.contains("<mark>HEADPHONES</mark>"), "{}", hit.snippet);
    assert_eq!(find(&work.search, "has:alert").total, 2);
    let receipt = find(&work.search, "is:receipt receipt:42-0004");
    assert_eq!(receipt.items[0].alert_id, Some(hit.id));

    let review = Review {
        review_id: Uuid::from_u128(1),
        alert_id: hit.id,
        alert_revision: 0,
        tenant_id: "demo".parse().unwrap(),
        store_id: "42".parse().unwrap(),
        disposition: Disposition::Confirmed,
        note: Some("Seen on the second camera too".into()),
        reviewer: "anna".into(),
        reviewed_at: NOW.parse().unwrap(),
    };
    shop.db.decide(&[review]).await.unwrap();
    work.finds("decided:confirmed is:closed \"second camera\"", 1).await;
    assert_eq!(find(&work.search, "is:open").total, 0);
    assert_eq!(find(&work.search, "").facets.disposition, [FacetValue { value: "confirmed".into(), count: 1 }]);

    let mut taken_back = alert_about(&refund, 1);
    taken_back.state = tillsight_schemas::alert::AlertState::Retracted;
    shop.raise(taken_back, &refund).await;
    work.finds("is:retracted", 1).await;
    assert_eq!((find(&work.search, "is:alert").total, find(&work.search, "has:alert").total), (1, 0));
    assert_eq!(find(&work.search, "receipt:42-0004 is:receipt").items[0].alert_id, None);
    work.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_loses_and_doubles_nothing() {
    let shop = Shop::new().await;
    let rung: Vec<_> = (1..=3000).map(|n| sale("demo", "17", n, &["MILK"], n, n)).collect();
    for (index, part) in rung.chunks(250).enumerate() {
        shop.ring(part);
        shop.raise(alert_about(&part[0], 0), &part[0]).await;
        let work = shop.work();
        // At another point of its work each time: before it has read, while it writes, after a commit.
        tokio::time::sleep(Duration::from_millis(u64::try_from(index).unwrap() * 25)).await;
        work.kill().await;
    }
    let work = shop.work();
    work.becomes((3000, 12)).await;
    assert_eq!(find(&work.search, "milk is:receipt").total, 3000);
    work.stop().await;
    // The next one begins where this one ended.
    let ends = shop.log.reader().bounds().await.unwrap();
    let positions = shop.owner().search.progress().unwrap().positions();
    assert!(ends.iter().all(|(at, bounds)| positions[at] == bounds.end), "{positions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_another_version_and_a_wish_each_make_the_same_index_anew() {
    let shop = Shop::new().await;
    let rung = week();
    shop.ring(&rung);
    shop.raise(alert_about(&rung[3], 0), &rung[3]).await;
    let work = shop.work();
    work.becomes((5, 1)).await;
    let before = serde_json::to_value(find(&work.search, "").items).unwrap();

    // Asked for while it runs.
    ask_for_rebuild(shop.dir.path()).unwrap();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while rebuild_is_asked_for(shop.dir.path()).unwrap() {
        assert!(tokio::time::Instant::now() < deadline, "nobody took the request");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    work.becomes((5, 1)).await;
    assert_eq!(serde_json::to_value(find(&work.search, "").items).unwrap(), before);
    work.stop().await;

    let folder = shop.dir.path().join("search");
    let mut largest = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let largest = largest.find(|path| path.extension().is_some_and(|kind| kind == "store")).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    bytes[10] ^= 0xff;
    std::fs::write(&largest, bytes).unwrap();
    let meta = || std::fs::read_to_string(folder.join("meta.json")).unwrap();
    let spoil: [&dyn Fn(); 3] = [
        &|| {},
        &|| std::fs::write(folder.join("meta.json"), meta().replace("\\\"format\\\":1", "\\\"format\\\":999")).unwrap(),
        &|| std::fs::write(folder.join("meta.json"), "{").unwrap(),
    ];
    for spoil in spoil {
        spoil();
        shop.clock.advance(TimeDelta::seconds(1));
        let work = shop.work();
        work.becomes((5, 1)).await;
        assert_eq!(serde_json::to_value(find(&work.search, "").items).unwrap(), before);
        work.stop().await;
        let aside = std::fs::read_dir(shop.dir.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("search.aside-"));
        assert_eq!(aside.count(), 1, "the newest unusable index is kept");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_process_writes() {
    let shop = Shop::new().await;
    let early = Search::open(shop.dir.path(), stores(), Arc::new(shop.clock.clone()));
    assert!(matches!(early, Err(SearchError::Missing(_))));
    let owner = shop.owner();
    let second = Owner::open(shop.dir.path(), stores(), Arc::new(shop.clock.clone()));
    assert!(matches!(second, Err(SearchError::Busy(_))), "{second:?}");
    drop(owner);
    shop.owner();
}

#[test]
fn no_text_leaves_its_scope() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (shop, work) = runtime.block_on(async {
        let shop = Shop::new().await;
        let rung = week();
        shop.ring(&rung);
        for posted in &rung {
            shop.raise(alert_about(posted, 0), posted).await;
        }
        let work = shop.work();
        work.becomes((5, 5)).await;
        (shop, work)
    });
    let scope = Scope::whole("demo".parse().unwrap(), vec!["17".parse().unwrap()]);
    let own: Vec<StoreKey> = vec!["demo/17".parse().unwrap()];
    let ask = |text: &str| {
        let answer = work.search.find(&Request { scope: scope.clone(), ..request(text) }).unwrap();
        assert!(answer.items.iter().all(|hit| hit.store_id == own[0].store), "{text}: {:?}", answer.items);
        assert!(answer.items.iter().all(|hit| [1, 2].contains(&hit.event_id.as_u64_pair().0)), "{text}");
        assert!(answer.facets.store.iter().all(|facet| facet.value == "17"), "{text}");
        let counted: u64 = answer.histogram.iter().map(|bucket| bucket.alerts + bucket.receipts).sum();
        assert!(answer.total <= 4 && counted == answer.total, "{text}: {}", answer.total);
        answer.total
    };
    assert_eq!(ask(""), 4);
    for text in [
        "store:42",
        "-store:17",
        "store:17,42",
        "store:*",
        "tenant:other",
        "scope:demo/42",
        "-milk",
        "has:alert",
        "store:17 OR store:42",
        "milk) OR (store:42",
        "\"\" -\"\"",
        "*",
        "key:receipt*",
        "-is:alert",
        "headphones",
        "receipt:42-0004",
        "-type:sale",
        "42-*",
    ] {
        ask(text);
    }
    assert_eq!(ask("store:42"), 0);
    let word = prop_oneof![
        "\\PC{0,8}",
        Just("-".to_owned()),
        Just("store:42".to_owned()),
        Just("-store:17".to_owned()),
        Just("OR".to_owned()),
        Just("milk".to_owned()),
        Just("\"".to_owned()),
        Just("has:alert".to_owned()),
    ];
    proptest!(ProptestConfig::with_cases(200), |(words in proptest::collection::vec(word, 0..6))| {
        ask(&words.join(" "));
        ask(&words.concat());
    });
    runtime.block_on(work.stop());
    drop(shop);
}
