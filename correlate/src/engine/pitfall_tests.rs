//! What others report of stream engines, one test each. The sources stand in the notes of the systems named.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::port::{Epoch, Judged, KnownJudgement, PortError, Tenure};
use tillsight_schemas::pos::Kind;
use tillsight_schemas::presence::PresenceState;
use tillsight_schemas::{Clock as _, ReplayClock};

use super::*;
use crate::lake::sample;

const REFUND: &str = "refund_no_customer";

fn rule(id: &str) -> Rule {
    Rule::shelf().unwrap().into_iter().find(|rule| rule.header.id.as_str() == id).unwrap()
}

fn at(second: i64) -> DateTime<Utc> {
    let noon: DateTime<Utc> = "2026-11-21T12:00:00Z".parse().unwrap();
    noon + TimeDelta::seconds(second)
}

/// The `n`th record of register 1 of store 17, a quarter of a second after it was rung.
fn rung(n: i64, kind: Kind, second: i64) -> PostedTransaction {
    let mut posted = sample::sale("17", n, "2026-11-21T12:00:00Z");
    posted.header.event_time = at(second);
    posted.header.received_at = at(second) + TimeDelta::milliseconds(250);
    posted.transaction.kind = kind;
    posted.transaction.register_id = "1".parse().unwrap();
    posted.transaction.reference = None;
    posted
}

/// Three records by which the clock of the register is known, twenty minutes before noon.
fn warm() -> Vec<PostedTransaction> {
    (0..3).map(|n| rung(900 + n, Kind::PriceCheck, -1_200 + n)).collect()
}

/// What the customer zone of register 1 shows from a second to another, in tiles of 25 s.
fn seen(from: i64, to: i64, state: PresenceState) -> Vec<PresenceTile> {
    let tile = |n: i64| {
        let mut tile = sample::tile("17", 0);
        tile.zone_id = "customer".parse().unwrap();
        tile.zone_kind = ZoneKind::Customer;
        tile.register_id = Some("1".parse().unwrap());
        (tile.start_at, tile.end_at) = (at(n), at((n + 25).min(to)));
        tile.state = state;
        tile.blind = None;
        tile
    };
    (from..to).step_by(25).map(tile).collect()
}

fn settings() -> Settings {
    let zone = serde_json::json!({
        "id": "customer", "camera": "kiosk", "kind": "customer", "register": "1",
        "polygon": [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8]],
    });
    Settings {
        passes_over: true,
        ..Settings::new(vec![("acme/17".parse().unwrap(), serde_json::from_value(zone).unwrap())])
    }
}

/// A log that is written as it goes: what is said at which second, in the order of arrival.
#[derive(Default)]
struct Script(Vec<(DateTime<Utc>, &'static str, Bytes)>);

impl Script {
    fn rung(mut self, records: impl IntoIterator<Item = PostedTransaction>) -> Self {
        let said =
            |posted: PostedTransaction| (posted.header.received_at, topic::POS_TRANSACTION, sample::value(&posted));
        self.0.extend(records.into_iter().map(said));
        self
    }

    fn seen(mut self, tiles: Vec<PresenceTile>) -> Self {
        self.0.extend(tiles.iter().map(|tile| (tile.end_at, topic::CAM_PRESENCE, sample::value(tile))));
        self
    }

    /// The same, but all of it arrives at a second.
    fn seen_at(mut self, second: i64, tiles: &[PresenceTile]) -> Self {
        self.0.extend(tiles.iter().map(|tile| (at(second), topic::CAM_PRESENCE, sample::value(tile))));
        self
    }

    fn bytes(mut self, second: i64, topic: &'static str, value: &[u8]) -> Self {
        self.0.push((at(second), topic, Bytes::copy_from_slice(value)));
        self
    }

    fn records(mut self) -> Vec<LogRecord> {
        self.0.sort_by_key(|(at, ..)| *at);
        let mut offsets: BTreeMap<&str, i64> = BTreeMap::new();
        let record = |(at, topic, value): (DateTime<Utc>, &'static str, Bytes)| {
            let offset = offsets.entry(topic).or_insert(-1);
            *offset += 1;
            ScriptedLog::record(topic, *offset, at, value)
        };
        self.0.into_iter().map(record).collect()
    }
}

/// An engine over a log, and the clock and store that it has.
struct Shop {
    engine: Engine,
    log: ScriptedLog,
    clock: ReplayClock,
    store: MemoryStore,
}

impl Shop {
    async fn open(rules: Vec<Rule>, records: Vec<LogRecord>, at_once: usize) -> Self {
        let clock = ReplayClock::at(at(-7_200));
        let log = ScriptedLog::new(records, at_once, clock.clone());
        let store = MemoryStore::default();
        let (kept, time) = (Arc::new(store.clone()), Arc::new(clock.clone()));
        let engine = Engine::open(settings(), rules, Box::new(log.clone()), kept, time).await.unwrap();
        Self { engine, log, clock, store }
    }

    async fn read(&mut self) {
        while !self.log.is_finished() {
            self.engine.step(Duration::ZERO).await.unwrap();
        }
    }

    async fn wait(&mut self, minutes: i64) {
        self.clock.advance(TimeDelta::minutes(minutes));
        self.engine.step(Duration::ZERO).await.unwrap();
    }

    fn judged(&self) -> Vec<(Outcome, String, bool)> {
        said(&self.store)
    }
}

fn said(store: &MemoryStore) -> Vec<(Outcome, String, bool)> {
    let judged = store.judged().into_iter().map(|Judged { judgement: one, .. }| one);
    judged.map(|one| (one.outcome, one.why, one.provisional)).collect()
}

/// `RisingWave` waits for ever when a source stops, Kafka Streams and Flink take silence for absence (KAFKA-10847,
/// FLINK-38477): here silence is unknown, and what is heard later puts it right.
#[tokio::test]
async fn pitfall_1_a_source_that_falls_silent_is_no_absence() {
    let script = || {
        let sales = (0..30).map(|n| rung(n, Kind::Sale, 100 + n * 10));
        let refund = rung(500, Kind::Return, 60);
        Script::default().rung(warm()).seen(seen(-1_300, 40, PresenceState::Absent)).rung([refund]).rung(sales)
    };
    for at_once in [1, 1_000] {
        let mut shop = Shop::open(vec![rule(REFUND)], script().records(), at_once).await;
        shop.read().await;
        // The till speaks on for five minutes, the camera does not.
        let silent = shop.judged();
        assert!(silent.iter().all(|(outcome, ..)| *outcome == Outcome::Indeterminate), "{silent:?}");
        // Then nobody speaks any more: time alone decides.
        shop.wait(10).await;
        let [(Outcome::Indeterminate, _, true)] = shop.judged()[..] else { panic!("{:?}", shop.judged()) };
        // The camera was only late.
        let late = script().seen_at(1_500, &seen(40, 400, PresenceState::Absent)).records();
        let mut shop = Shop::open(vec![rule(REFUND)], late, at_once).await;
        shop.read().await;
        let [(Outcome::Fired, _, false)] = shop.judged()[..] else { panic!("{:?}", shop.judged()) };
    }
}

/// A camera that was away for a minute between two looks at an empty counter has not seen it empty.
#[tokio::test]
async fn pitfall_1_a_hole_between_two_looks_is_no_absence() {
    let refund = rung(1, Kind::Return, 60);
    let records = Script::default()
        .rung(warm())
        .seen(seen(-1_300, 40, PresenceState::Absent))
        .rung([refund])
        .seen(seen(100, 300, PresenceState::Absent))
        .records();
    let mut shop = Shop::open(vec![rule(REFUND)], records, 1).await;
    shop.read().await;
    shop.wait(5).await;
    let [(Outcome::Indeterminate, _, false)] = shop.judged()[..] else { panic!("{:?}", shop.judged()) };
}

/// Flink drops what is late without a word unless it is asked; `RisingWave`'s users ask where it went (#23270).
#[tokio::test]
async fn pitfall_2_every_record_that_was_read_is_accounted_for() {
    let sale = |n: i64, second: i64| rung(n, Kind::Sale, second);
    let mut revised = sale(5, 50);
    revised.transaction.revision = 1;
    let mut late = sale(700, -4 * 86_400);
    late.header.received_at = at(600);
    let records = Script::default()
        .rung((0..20).map(|n| sale(n, n * 10)))
        .rung([sale(3, 30), revised, late])
        .seen(seen(0, 100, PresenceState::Absent))
        .seen_at(700, &seen(0, 25, PresenceState::Absent))
        .bytes(701, topic::POS_TRANSACTION, b"not a transaction")
        .bytes(702, topic::CAM_PRESENCE, &[0, 0, 0, 0, 9, 1, 2, 3])
        .records();
    let mut all = records.clone();
    let deleted = LogRecord { value: None, offset: 23 + 1, ..all[0].clone() };
    all.push(LogRecord { partition: Partition::new(topic::POS_TRANSACTION, 0), ..deleted });
    let count = u64::try_from(all.len()).unwrap();
    for at_once in [1, 7, 1_000] {
        let mut shop = Shop::open(vec![rule(REFUND)], all.clone(), at_once).await;
        shop.read().await;
        let account = shop.engine.account();
        assert_eq!(account.read(), count);
        let fates = [Fate::Used, Fate::Repeated, Fate::Corrected, Fate::Late, Fate::Unreadable, Fate::Empty];
        assert_eq!(fates.map(|fate| account.of(fate)), [24, 2, 1, 1, 2, 1], "{account:?}");
        // Who starts again reads the neighbourhood once more, and says so.
        let (kept, time) = (Arc::new(shop.store.clone()), Arc::new(shop.clock.clone()));
        let mut again =
            Engine::open(settings(), vec![rule(REFUND)], Box::new(shop.log.clone()), kept, time).await.unwrap();
        while !shop.log.is_finished() {
            again.step(Duration::ZERO).await.unwrap();
        }
        let account = again.account();
        assert_eq!(account.of(Fate::Replayed) + account.of(Fate::Unreadable) + account.of(Fate::Empty), account.read());
    }
}

/// Arroyo panics on a batch that is late. No record stops this engine.
#[tokio::test]
async fn pitfall_3_no_record_stops_the_engine() {
    let mut strange = Vec::new();
    for (n, second) in (0..).zip([0, -86_400 * 400, 86_400 * 25, i64::from(u32::MAX), 3, 3, -1]) {
        let mut posted = rung(n, Kind::Return, 0);
        posted.header.event_time = at(second);
        posted.header.begin_time = Some(at(second) + TimeDelta::days(n * 40));
        posted.header.event_time_uncertainty_ms = if n % 2 == 0 { i64::MAX } else { -5 };
        posted.transaction.total_minor = [Some(i64::MAX), Some(i64::MIN), None][usize::try_from(n).unwrap() % 3];
        posted.transaction.revision = if n == 4 { i32::MAX } else { -1 };
        posted.transaction.replaces = (n > 4).then_some(posted.header.event_id);
        strange.push(posted);
    }
    let mut tiles = seen(0, 150, PresenceState::Absent);
    (tiles[3].start_at, tiles[3].end_at) = (tiles[3].end_at, tiles[3].start_at);
    (tiles[4].start_at, tiles[4].end_at) = (at(-86_400 * 300), at(86_400 * 300));
    tiles.reverse();
    let records = Script::default()
        .rung(strange)
        .seen_at(1, &tiles)
        .bytes(2, topic::POS_TRANSACTION, b"")
        .bytes(2, topic::CAM_PRESENCE, b"\0\0\0\0\0")
        .bytes(3, topic::POS_TRANSACTION, &[0xFF; 64])
        .records();
    for at_once in [1, 5, 1_000] {
        let mut shop = Shop::open(Rule::shelf().unwrap(), records.clone(), at_once).await;
        shop.read().await;
        shop.wait(60 * 48).await;
        assert_eq!(shop.engine.account().read(), u64::try_from(records.len()).unwrap());
    }
}

/// Weeks of a store: a sale every half an hour, a refund every two hours, tiles all the time.
fn weeks(days: i64) -> Vec<LogRecord> {
    let kind = |n: i64| if n % 4 == 0 { Kind::Return } else { Kind::Sale };
    let mut script = Script::default().rung((0..days * 48).map(|n| rung(n, kind(n), n * 1_800)));
    for hour in 0..days * 24 {
        let mut tile =
            seen(0, 25, if hour % 2 == 0 { PresenceState::Absent } else { PresenceState::Present }).remove(0);
        (tile.start_at, tile.end_at) = (at(hour * 3_600), at(hour * 3_600 + 3_600));
        script = script.seen(vec![tile]);
    }
    script.records()
}

/// Flink's partial matches and `RisingWave`'s join state grow for ever (#16045, #13907).
#[tokio::test]
async fn pitfall_4_what_is_remembered_does_not_grow() {
    let mut sizes = BTreeSet::new();
    for days in [6, 12] {
        let mut shop = Shop::open(vec![rule(REFUND), rule("refund_velocity")], weeks(days), 100).await;
        shop.read().await;
        shop.wait(5).await;
        let memory = shop.engine.memories.values().next().unwrap();
        let remembered = memory.events(i64::MIN, i64::MAX).count();
        assert_eq!(shop.engine.agenda.pending().count(), 0);
        let checkpoint = shop.store.take(&Partition::new("engine", 0)).await.unwrap().checkpoint.unwrap();
        assert!(checkpoint.len() < 4_000, "{checkpoint}");
        sizes.insert(remembered);
    }
    assert_eq!(sizes.len(), 1, "two days of it, however long it runs: {sizes:?}");
}

/// A pattern that ends in nothing is what Flink's users wait for since 2016 (FLINK-16010), and it was wrong when it came.
#[tokio::test]
async fn pitfall_5_nobody_came_is_said_when_it_is_certain_and_not_before() {
    let refund = rung(1, Kind::Return, 60);
    let records =
        Script::default().rung(warm()).seen(seen(-1_300, 300, PresenceState::Absent)).rung([refund]).records();
    let mut shop = Shop::open(vec![rule(REFUND)], records, 1).await;
    let mut said_at = None;
    while !shop.log.is_finished() {
        shop.engine.step(Duration::ZERO).await.unwrap();
        if said_at.is_none() && !shop.judged().is_empty() {
            said_at = Some(shop.clock.now());
        }
    }
    let [(Outcome::Fired, _, false)] = shop.judged()[..] else { panic!("{:?}", shop.judged()) };
    // Until the refund's end, 2 s more, and as long as the clocks may be off.
    let after = said_at.unwrap() - at(60);
    assert!(after >= TimeDelta::seconds(2) && after <= TimeDelta::seconds(15), "{after}");
}

/// The zone must have spoken up to the very end of what the rule looks at.
#[tokio::test]
async fn pitfall_5_an_anchor_waits_for_the_last_microsecond() {
    let refund = rung(1, Kind::Return, 60);
    let header = rule(REFUND).header;
    let mut shop =
        Shop::open(vec![rule(REFUND)], Script::default().rung(warm()).rung([refund.clone()]).records(), 9).await;
    shop.read().await;
    let anchor = shop.engine.anchor(&Arc::new(refund.clone()), &"acme/17".parse().unwrap());
    let until = verdict::looked(&header, &anchor).end;
    for (early_us, judged) in [(1, 0), (0, 1)] {
        let mut last = seen(100, 105, PresenceState::Absent).remove(0);
        last.start_at = at(-1_300);
        last.end_at = DateTime::from_timestamp_micros(until - early_us).unwrap();
        let records = Script::default().rung(warm()).rung([refund.clone()]).seen(vec![last]).records();
        let mut shop = Shop::open(vec![rule(REFUND)], records, 9).await;
        shop.read().await;
        assert_eq!(shop.judged().len(), judged, "{early_us} µs before the end");
    }
}

/// `sql-flow` planned on an empty table and said nothing for minutes (#174); `DataFusion`'s joins keep what they built (#19905).
#[tokio::test]
async fn pitfall_6_a_plan_knows_nothing_of_the_window_before() {
    let room = Room::default();
    for rule in Rule::shelf().unwrap() {
        let sights = crate::rule::fixture::windows(&rule).await.unwrap();
        let kept = Compiled::new(rule.clone(), &room).await.unwrap();
        let none = kept.run(Window::default()).await.unwrap();
        assert!(none.iter().all(|rows| rows.num_rows() == 0), "{}", rule.header.id);
        for window in sights.iter().chain(sights.iter().rev()) {
            let fresh = Compiled::new(rule.clone(), &room).await.unwrap();
            let words = |rows| format!("{:?}", verdict::rows(&kept, rows).unwrap());
            let (one, other) = (kept.run(window.clone()).await.unwrap(), fresh.run(window.clone()).await.unwrap());
            assert_eq!(words(&one), words(&other), "{}", rule.header.id);
        }
    }
}

/// Arroyo is stuck behind its fork of `DataFusion` (#1096). Here there is one, of the registry.
#[test]
fn pitfall_7_datafusion_is_one_version_and_nobody_s_fork() {
    let lock = include_str!("../../../Cargo.lock");
    let of = |name: &str| lock.matches(&format!("name = \"{name}\"\n")).count();
    assert_eq!((of("datafusion"), of("datafusion-physical-plan"), of("arrow")), (1, 1, 1));
    assert!(!lock.contains("source = \"git+"), "a dependency comes from a repository");
    assert!(!include_str!("../../../Cargo.toml").contains("[patch"));
}

/// Fails at a commit: before it, or after it has reached the disk.
struct Falls {
    store: MemoryStore,
    commits: AtomicUsize,
    at: usize,
    after: bool,
}

#[async_trait]
impl EpochStore for Falls {
    async fn take(&self, partition: &Partition) -> Result<Tenure, PortError> {
        self.store.take(partition).await
    }

    async fn known(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, KnownJudgement>, PortError> {
        self.store.known(ids).await
    }

    async fn commit_epoch(&self, epoch: &Epoch) -> Result<(), PortError> {
        let falls = self.commits.fetch_add(1, Ordering::SeqCst) == self.at;
        if !falls || self.after {
            self.store.commit_epoch(epoch).await?;
        }
        if falls { Err("the power went".into()) } else { Ok(()) }
    }
}

/// A few minutes in which everything happens: refunds seen and unseen, late and corrected records, a camera that lags.
fn minutes() -> Vec<LogRecord> {
    let refund = |n: i64, second: i64| rung(n, Kind::Return, second);
    let mut revised = refund(2, 120);
    revised.transaction.revision = 1;
    revised.transaction.total_minor = Some(77_700);
    revised.header.received_at = at(280);
    let mut late = refund(5, 30);
    late.header.received_at = at(290);
    Script::default()
        .rung(warm())
        .rung([refund(1, 60), refund(2, 120), refund(3, 180), revised, late])
        .seen(seen(20, 100, PresenceState::Absent))
        .seen_at(270, &seen(100, 200, PresenceState::Absent))
        .seen(seen(200, 300, PresenceState::Present))
        .records()
}

/// Arroyo's sink loses what it had prepared when it falls between two steps. Here a commit is one step.
#[tokio::test]
async fn pitfall_10_a_fall_on_either_side_of_any_commit_changes_nothing() {
    let rules = || vec![rule(REFUND), rule("cash_refund_high"), rule("refund_velocity")];
    let last = |store: &MemoryStore| -> BTreeSet<String> {
        let content = |one: &Judged| one.alert.as_ref().map(|alert| (alert.alert_id, alert.content_sha256.clone()));
        store.judged().iter().map(|one| format!("{:?} {:?}", one.judgement.judgement_id, content(one))).collect()
    };
    let mut whole = Shop::open(rules(), minutes(), 2).await;
    whole.read().await;
    whole.wait(10).await;
    let expected = last(&whole.store);
    assert!(whole.judged().iter().any(|(outcome, ..)| *outcome == Outcome::Fired), "{:?}", whole.judged());
    let mut falls = 0;
    for after in [false, true] {
        for number in 0.. {
            let clock = ReplayClock::at(at(-7_200));
            let log = ScriptedLog::new(minutes(), 2, clock.clone());
            let store = MemoryStore::default();
            let kept = Arc::new(Falls { store: store.clone(), commits: AtomicUsize::new(0), at: number, after });
            let open = async || {
                let (kept, time) = (Arc::clone(&kept) as Arc<dyn EpochStore>, Arc::new(clock.clone()));
                Engine::open(settings(), rules(), Box::new(log.clone()), kept, time).await.unwrap()
            };
            let mut engine = open().await;
            let mut fell = false;
            while !log.is_finished() {
                if engine.step(Duration::ZERO).await.is_err() {
                    fell = true;
                    engine = open().await;
                }
            }
            clock.advance(TimeDelta::minutes(10));
            if engine.step(Duration::ZERO).await.is_err() {
                fell = true;
                engine = open().await;
                while !log.is_finished() {
                    engine.step(Duration::ZERO).await.unwrap();
                }
                engine.step(Duration::ZERO).await.unwrap();
            }
            assert_eq!(last(&store), expected, "it fell {} commit {number}", if after { "after" } else { "before" });
            if !fell {
                break;
            }
            falls += 1;
        }
    }
    assert!(falls > 20, "{falls}");
}

/// A worker that was thought dead and wakes up (Kafka's zombies) commits nothing.
#[tokio::test]
async fn pitfall_10_a_worker_that_comes_back_from_the_dead_commits_nothing() {
    let clock = ReplayClock::at(at(-7_200));
    let store = MemoryStore::default();
    let open = async |log: &ScriptedLog| {
        let (kept, time) = (Arc::new(store.clone()), Arc::new(clock.clone()));
        Engine::open(settings(), vec![rule(REFUND)], Box::new(log.clone()), kept, time).await.unwrap()
    };
    let (first, second) =
        (ScriptedLog::new(minutes(), 3, clock.clone()), ScriptedLog::new(minutes(), 3, clock.clone()));
    let mut asleep = open(&first).await;
    asleep.step(Duration::ZERO).await.unwrap();
    let mut awake = open(&second).await;
    while !second.is_finished() {
        awake.step(Duration::ZERO).await.unwrap();
    }
    let before = said(&store);
    let mut refused = 0;
    while !first.is_finished() {
        refused += usize::from(asleep.step(Duration::ZERO).await.is_err());
    }
    assert!(refused > 0 && said(&store) == before);
}

/// Materialize's users wait longer for recovery than for reading everything again (#9705).
#[tokio::test]
async fn pitfall_9_a_restart_reads_two_days_and_not_the_past() {
    let records = weeks(40);
    let count = records.len();
    let mut shop = Shop::open(vec![rule(REFUND)], records, 100).await;
    shop.read().await;
    let (kept, time) = (Arc::new(shop.store.clone()), Arc::new(shop.clock.clone()));
    let mut again = Engine::open(settings(), vec![rule(REFUND)], Box::new(shop.log.clone()), kept, time).await.unwrap();
    while !shop.log.is_finished() {
        again.step(Duration::ZERO).await.unwrap();
    }
    let read = usize::try_from(again.account().read()).unwrap();
    assert!(read * 2 < count, "{read} of {count}");
}

/// `DataFusion`'s hash joins do not spill, and were counted too low (#7848): a rule that wants too much fails by itself.
#[tokio::test]
async fn pitfall_11_a_rule_that_wants_too_much_memory_fails_alone() {
    let wide = "SELECT a.event_id AS anchor_id, 'silent' AS outcome, concat('looked_at_', count(y.event_id)) AS why FROM anchor a \
                JOIN pos x ON x.tenant_id = a.tenant_id AND x.store_id = a.store_id \
                AND x.event_us BETWEEN a.event_us - 3600000000 AND a.event_us \
                JOIN pos y ON y.tenant_id = a.tenant_id AND y.store_id = a.store_id \
                AND y.event_us BETWEEN a.event_us - 3600000000 AND a.event_us \
                GROUP BY a.event_id, x.event_id, y.event_id";
    let mut wide = Rule { sql: wide.to_owned(), ..rule("refund_velocity") };
    wide.header.id = "wide".parse().unwrap();
    let records = || {
        let sales = (0..500).map(|n| rung(n, Kind::Sale, n));
        Script::default().rung(sales).rung([rung(5_000, Kind::Return, 600)]).records()
    };
    let clock = ReplayClock::at(at(-7_200));
    let log = ScriptedLog::new(records(), 10_000, clock.clone());
    let store = MemoryStore::default();
    let settings = Settings { memory_bytes: 2_000_000, ..settings() };
    let (kept, time) = (Arc::new(store.clone()), Arc::new(clock.clone()));
    let rules = vec![wide, rule(REFUND)];
    let mut engine = Engine::open(settings, rules, Box::new(log.clone()), kept, time).await.unwrap();
    while !log.is_finished() {
        engine.step(Duration::ZERO).await.unwrap();
    }
    clock.advance(TimeDelta::minutes(5));
    engine.step(Duration::ZERO).await.unwrap();
    let why: BTreeMap<String, String> =
        store.judged().into_iter().map(|one| (one.judgement.rule_id.to_string(), one.judgement.why)).collect();
    assert_eq!(why.get("wide").map(String::as_str), Some("rule_failed"), "{why:?}");
    assert!(why.get(REFUND).is_some_and(|why| why != "rule_failed"), "{why:?}");
}

/// Users expect an answer before the window ends (Arroyo #961): one that is not certain says so, and is put right.
#[tokio::test]
async fn pitfall_12_what_is_not_certain_says_so_and_is_put_right() {
    let refund = rung(1, Kind::Return, 60);
    let records = Script::default()
        .rung(warm())
        .rung([refund, rung(2, Kind::Sale, 200), rung(3, Kind::Sale, 210)])
        .seen(seen(-1_300, 62, PresenceState::Absent))
        .seen_at(400, &seen(62, 100, PresenceState::Present))
        .records();
    let mut shop = Shop::open(vec![rule(REFUND)], records, 1).await;
    let mut said = Vec::new();
    while !shop.log.is_finished() {
        shop.engine.step(Duration::ZERO).await.unwrap();
        if shop.clock.now() < at(400) {
            said = shop.judged();
        }
    }
    let [(Outcome::Indeterminate, _, true)] = &said[..] else { panic!("{said:?}") };
    shop.wait(5).await;
    let [(outcome, _, false)] = &shop.judged()[..] else { panic!("{:?}", shop.judged()) };
    assert_ne!(*outcome, Outcome::Indeterminate);
}

/// One till with its clock weeks ahead must not make everything that the others ring late.
#[tokio::test]
async fn a_till_whose_clock_runs_weeks_ahead_makes_nobody_else_late() {
    let mut ahead = rung(800, Kind::Sale, 20 * 86_400);
    ahead.header.received_at = at(10);
    ahead.transaction.register_id = "9".parse().unwrap();
    let refunds = (0..6).map(|n| rung(n, Kind::Return, 60 + n * 60));
    let sales = (0..9).map(|n| rung(100 + n, Kind::Sale, n)).chain(refunds);
    let mut shop =
        Shop::open(vec![rule("refund_velocity")], Script::default().rung([ahead]).rung(sales).records(), 1).await;
    shop.read().await;
    assert_eq!(shop.engine.account().of(Fate::Late), 0);
    assert!(shop.judged().iter().any(|(outcome, ..)| *outcome == Outcome::Fired), "{:?}", shop.judged());
}
