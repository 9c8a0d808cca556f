//! Two registers of a kiosk and an integrator that learns.

use bytes::Bytes;
use tillsight_correlate::rule::Rule;
use tillsight_schemas::port::{LogRecord, Partition};
use tillsight_schemas::topic;

use super::*;

fn at(text: &str) -> DateTime<Utc> {
    format!("2026-11-21T{text}Z").parse().unwrap()
}

fn kiosk() -> IntegratorId {
    "kiosk".parse().unwrap()
}

fn demo() -> TenantId {
    "demo".parse().unwrap()
}

fn feeds() -> Feeds {
    let rules = Rule::library().unwrap().into_iter().map(|rule| rule.header).collect();
    let store = serde_json::json!({
        "tenant": "demo", "id": "17", "name": "Kiosk", "tz": "America/Chicago", "currency": "USD"
    });
    Feeds::new(Arc::new(rules), Stores::new([serde_json::from_value(store).unwrap()]))
}

fn rung(register: &str, received: &str, offset: i64, operator: Option<&str>) -> PostedTransaction {
    let mut posted: PostedTransaction =
        serde_json::from_str(include_str!("../../../schemas/samples/v1/posted_transaction.json")).unwrap();
    posted.header.tenant_id = demo();
    posted.header.integrator_id = kiosk();
    posted.header.received_at = at(received);
    posted.header.event_time = at(received) - TimeDelta::milliseconds(offset * 100);
    posted.header.landing_offset = offset;
    posted.transaction.kind = tillsight_schemas::pos::Kind::Cancel;
    posted.transaction.store_id = "17".parse().unwrap();
    posted.transaction.register_id = register.parse().unwrap();
    posted.transaction.operator_id = operator.map(|operator| operator.parse().unwrap());
    posted
}

fn dead_letter(value: &str, when: &str, offset: i64) -> LogRecord {
    let header = |name, value: &str| (name, Bytes::from(value.to_owned()));
    LogRecord {
        partition: Partition::new("lp.pos.in.kiosk.dlq", 0),
        offset,
        logged_at: at(when),
        key: None,
        value: Some(Bytes::from(value.to_owned())),
        headers: vec![
            header(topic::HEADER_ERROR_CODE, "SCHEMA"),
            header(topic::HEADER_ERROR_DETAIL, "/lines/3/qty_milli: must be a whole number"),
            header(topic::HEADER_ERROR_PROBLEMS, r#"[{"at":"/lines/3/qty_milli","what":"must be a whole number"}]"#),
            header(topic::HEADER_ORIGIN_TOPIC, "lp.pos.in.kiosk"),
            header(topic::HEADER_ORIGIN_PARTITION, "2"),
            header(topic::HEADER_ORIGIN_OFFSET, "41"),
        ],
    }
}

fn of(feeds: &Feeds, now: &str) -> FeedNow {
    feeds.now((&demo(), &kiosk()), |_, _| true, at(now))
}

#[test]
fn a_feed_shows_lag_last_records_and_what_the_crash_repeated_once() {
    let feeds = feeds();
    for (offset, received) in [(1, "15:00:00"), (2, "15:01:00"), (2, "15:01:30"), (3, "15:02:00")] {
        feeds.note_accepted(&rung("1", received, offset, Some("7")), None);
    }
    let feed = of(&feeds, "15:10:00");
    let (_, _, lane, silent) = &feed.lanes[0];
    assert_eq!((feed.today.accepted, *silent), (3, false));
    assert_eq!(lane.lags.iter().map(|(_, lag)| *lag).collect::<Vec<_>>(), [100, 200, 300]);
    assert!(lane.records.iter().map(|record| record.received_at).is_sorted_by(|newer, older| newer >= older));
    assert_eq!(lane.last_received_at, at("15:02:00"));
}

#[test]
fn a_register_is_silent_when_its_neighbour_is_heard_for_an_hour() {
    let feeds = feeds();
    feeds.note_accepted(&rung("1", "15:00:00", 1, Some("7")), None);
    feeds.note_accepted(&rung("2", "15:30:00", 2, Some("7")), None);
    let silent = |now: &str| -> Vec<bool> { of(&feeds, now).lanes.iter().map(|(.., silent)| *silent).collect() };
    assert_eq!(silent("20:00:00"), [false, false], "the store is closed: nobody is heard");
    feeds.note_accepted(&rung("2", "16:00:00", 3, Some("7")), None);
    assert_eq!(silent("16:00:01"), [true, false]);
}

#[test]
fn the_share_of_records_that_blind_a_rule_is_counted() {
    let feeds = feeds();
    for offset in 1..=10 {
        feeds.note_accepted(&rung("1", &format!("15:{offset:02}:00"), offset, (offset > 4).then_some("7")), None);
    }
    let feed = of(&feeds, "15:20:00");
    let answers = &feed.lanes[0].2.blind[&("cancel_burst".parse().unwrap(), "operator_id".to_owned())];
    assert_eq!((answers.len(), answers.iter().filter(|(_, missing)| *missing).count()), (10, 4));
}

#[test]
fn dead_letters_are_counted_by_code_and_place() {
    let feeds = feeds();
    feeds.note_accepted(&rung("1", "15:00:00", 1, Some("7")), None);
    for (offset, register) in [(0, "\"1\""), (1, "\"nonsense\""), (2, "7")] {
        let value = format!(r#"{{"store_id": "17", "register_id": {register}, "pan": "411111******1111"}}"#);
        let rejected = Rejected::read(&dead_letter(&value, "15:05:00", offset));
        feeds.note_rejected((&demo(), &kiosk()), rejected);
    }
    feeds.note_rejected((&demo(), &kiosk()), Rejected::read(&dead_letter("garbage", "15:06:00", 3)));
    let feed = of(&feeds, "15:10:00");
    assert_eq!((feed.lanes.len(), feed.today.rejected), (1, 4), "a wrong record makes no register");
    assert_eq!(feed.lanes[0].2.counts.on("2026-11-21".parse().unwrap()).rejected, 1);
    let tally = &feed.rejected["SCHEMA"];
    assert_eq!((tally.count(), tally.places["/lines/*/qty_milli"].0), (4, 4));
    let last = tally.last.as_ref().unwrap();
    assert_eq!((last.text.as_str(), &last.landed), ("garbage", &("lp.pos.in.kiosk".to_owned(), 2, 41)));
    let limited = feeds.now((&demo(), &kiosk()), |store, _| store.is_some(), at("15:10:00"));
    assert_eq!(limited.rejected["SCHEMA"].count(), 3, "what names no store is for those who see all");
}

#[test]
fn a_long_record_is_shown_in_part() {
    let rejected = Rejected::read(&dead_letter(&"ü".repeat(5_000), "15:05:00", 0));
    assert_eq!((rejected.text.len(), rejected.truncated, rejected.bytes), (4_096, true, 10_000));
}

#[test]
fn what_names_no_store_is_shown_to_the_token_that_sent_it() {
    let feeds = feeds();
    for (offset, (value, sender)) in
        [("garbage", Some("kiosk.a")), ("{", Some("kiosk.b")), ("?", None)].into_iter().enumerate()
    {
        let mut letter = dead_letter(value, "15:05:00", i64::try_from(offset).unwrap());
        let sender = sender.map(|sender| (topic::HEADER_SENDER, Bytes::from(sender)));
        letter.headers.extend(sender);
        feeds.note_rejected((&demo(), &kiosk()), Rejected::read(&letter));
    }
    let own = feeds.now((&demo(), &kiosk()), |_, sender| sender == Some("kiosk.a"), at("15:10:00"));
    assert_eq!((own.rejected["SCHEMA"].count(), own.today.rejected), (1, 1));
    assert_eq!(own.rejected["SCHEMA"].last.as_ref().unwrap().text, "garbage");
    assert_eq!(of(&feeds, "15:10:00").rejected["SCHEMA"].count(), 3);
}

#[test]
fn a_correction_of_what_has_not_come_is_counted_and_stands_at_its_record() {
    let feeds = feeds();
    feeds.note_accepted(&rung("1", "15:00:00", 1, Some("7")), None);
    feeds.note_accepted(&rung("1", "15:01:00", 2, Some("7")), Some("it is revision 1 of nothing"));
    let feed = of(&feeds, "15:10:00");
    assert_eq!((feed.today.accepted, feed.today.warned), (2, 1));
    let warnings: Vec<Option<&str>> = feed.lanes[0].2.records.iter().map(|entry| entry.warning.as_deref()).collect();
    assert_eq!(warnings, [Some("it is revision 1 of nothing"), None]);
}

#[test]
fn a_day_that_is_not_remembered_whole_is_not_counted() {
    let feeds = feeds();
    feeds.note_accepted(&rung("1", "15:00:00", 1, Some("7")), None);
    let (day, now) = ("2026-11-21".parse().unwrap(), at("20:00:00"));
    let heard = || feeds.heard_on((&demo(), &kiosk()), &"17".parse().unwrap(), day, now);
    assert_eq!(heard(), None, "the log is still being read");
    feeds.complete.store(true, Ordering::Relaxed);
    let since = |text: &str| feeds.state.write().unwrap().since = Some(text.parse().unwrap());
    since("2026-11-21T12:00:00Z");
    assert_eq!(heard(), None, "the log begins on that day");
    since("2026-11-20T12:00:00Z");
    let (registers, beside) = heard().unwrap();
    let accepted: Vec<(&str, i64)> =
        registers.iter().map(|(register, heard)| (register.as_str(), heard.accepted)).collect();
    assert_eq!((accepted, beside), (vec![("1", 1)], Heard::default()));
}
