//! Rules whose text is more than plain SQL: a plan that runs again, and a rule beside its oracle.

use arrow::array::{AsArray, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Int64Type};
use serde_json::{Value, json};
use tillsight_schemas::id::StoreKey;
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::plan::{Compiled, Room, Window};
use super::tables;
use crate::ops::chance::Chance;
use crate::ops::tests::as_text;
use crate::rule::Rule;

/// What a rule sees when these records are there; those of its kinds are anchors.
fn window(rule: &Rule, rung: &[Value]) -> Window {
    let sample: Value =
        serde_json::from_str(include_str!("../../../schemas/samples/v1/posted_transaction.json")).unwrap();
    let posted = |(changed, number): (&Value, u128)| -> PostedTransaction {
        let mut record = sample.clone();
        record["event_id"] = Uuid::from_u128(number).to_string().into();
        record["begin_time"] = Value::Null;
        for (name, value) in changed.as_object().unwrap() {
            record[name.as_str()] = value.clone();
        }
        serde_json::from_value(record).unwrap()
    };
    let rung: Vec<PostedTransaction> = rung.iter().zip(1_u128..).map(posted).collect();
    let pos: Vec<&PostedTransaction> = rung.iter().collect();
    let of_its_kinds = |rung: &&PostedTransaction| rule.header.anchor.contains(&rung.transaction.kind);
    let anchors: Vec<&PostedTransaction> = rung.iter().filter(of_its_kinds).collect();
    let count = anchors.len();
    let mut anchors = tables::pos(&anchors).unwrap().columns().to_vec();
    let schema = tables::anchor_schema();
    anchors.resize(schema.fields().len(), new_null_array(&DataType::Int64, count));
    let store = StoreKey::new(pos[0].header.tenant_id.clone(), pos[0].transaction.store_id.clone());
    let mut window = Window::default();
    window.0.insert("anchor", vec![RecordBatch::try_new(schema, anchors).unwrap()]);
    window.0.insert("params", vec![tables::params(&rule.header, &[(&store, None)]).unwrap()]);
    window.0.insert("pos", vec![tables::pos(&pos).unwrap()]);
    window
}

/// Records of these kinds, a second apart.
fn rung(kinds: &str) -> Vec<Value> {
    let at = |second: usize| format!("2026-11-21T20:03:{second:02}Z");
    kinds.split(' ').enumerate().map(|(second, kind)| json!({ "kind": kind, "event_time": at(second) })).collect()
}

#[tokio::test]
async fn a_sequence_finds_in_each_tick_what_is_in_that_tick() {
    let sql = "WITH near AS (SELECT a.event_id AS anchor_id, c.event_id, c.event_us, c.kind, p.within_seconds \
               FROM anchor a JOIN params p ON p.tenant_id = a.tenant_id AND p.store_id = a.store_id \
               JOIN pos c ON c.tenant_id = a.tenant_id AND c.store_id = a.store_id AND c.register_id = a.register_id \
               AND c.event_us BETWEEN a.event_us - p.within_seconds * 1000000 AND a.event_us) \
               SELECT anchor_id, 'fired' AS outcome, 'x' AS why, sales FROM near MATCH_RECOGNIZE ( \
               PARTITION BY anchor_id ORDER BY event_us, event_id MEASURES COUNT(s.*) AS sales PATTERN (s+ c) \
               DEFINE s AS kind = 'SALE', c AS event_id = anchor_id, within AS within_seconds * 1000000) AS m";
    let rule = Rule::library().unwrap().into_iter().find(|rule| rule.header.id.as_str() == "cancel_burst").unwrap();
    let compiled = Compiled::new(Rule { sql: sql.to_owned(), ..rule.clone() }, &Room::default()).await.unwrap();
    for (kinds, sales) in [
        ("SALE SALE CANCEL", vec![2]),
        ("SALE CANCEL NO_SALE SALE SALE SALE CANCEL", vec![1, 3]),
        ("CANCEL", vec![]),
        ("NO_SALE SALE", vec![]),
        ("SALE SALE CANCEL", vec![2]),
    ] {
        let said = compiled.run(window(&rule, &rung(kinds))).await.unwrap();
        let mut found: Vec<i64> =
            said.iter().flat_map(|rows| rows["sales"].as_primitive::<Int64Type>().values().to_vec()).collect();
        found.sort_unstable();
        assert_eq!(found, sales, "{kinds}");
    }
}

/// Records of a busy till: kinds that rules look at, times of which some are the same, fields of which some are missing.
fn busy(chance: &mut Chance) -> Vec<Value> {
    let count = 2 + chance.below(12);
    let mut at_seconds = 0;
    let mut rung = Vec::new();
    for number in 0..count {
        at_seconds += [0, 0, 7, 20, 45][usize::try_from(chance.below(5)).unwrap()];
        let kind = ["SALE", "CANCEL", "CANCEL", "NO_SALE", "PAID_OUT", "RETURN", "EXCHANGE", "SUSPEND"];
        let kind = kind[usize::try_from(chance.below(8)).unwrap()];
        let total = [0, 499, 500, 1_500][usize::try_from(chance.below(4)).unwrap()];
        let (operator, supervisor) = (["7", "8"][usize::from(chance.below(2) == 0)], chance.below(6));
        rung.push(json!({
            "kind": kind,
            "event_time": format!("2026-11-21T20:{:02}:{:02}Z", at_seconds / 60, at_seconds % 60),
            "register_id": if chance.below(6) == 0 { "2" } else { "1" },
            "sequence_no": chance.rarely_null(number),
            "operator_id": chance.rarely_null(operator),
            "supervisor_id": if supervisor == 0 { Some("91") } else { None },
            "total_minor": chance.rarely_null(total),
            "training": chance.below(15) == 0,
            "test": chance.below(15) == 0,
        }));
    }
    rung
}

#[tokio::test]
async fn a_rule_says_of_any_minutes_what_its_oracle_says() {
    let rules: Vec<Rule> = Rule::shelf().unwrap().into_iter().filter(|rule| rule.oracle.is_some()).collect();
    assert!(!rules.is_empty());
    for rule in rules {
        let plain = Rule { sql: rule.oracle.clone().unwrap(), ..rule.clone() };
        let (ours, plain) = (Compiled::new(rule.clone(), &Room::default()).await.unwrap(), Compiled::new(plain, &Room::default()).await.unwrap());
        let mut chance = Chance(0x0a11_5a1e_5000);
        let mut said = 0;
        for _ in 0..400 {
            let rung = busy(&mut chance);
            let answer = as_text(&ours.run(window(&rule, &rung)).await.unwrap());
            let expected = as_text(&plain.run(window(&rule, &rung)).await.unwrap());
            // Without an answer there may be no head either.
            let lines =
                |text: &[String]| text.iter().filter(|line| line.contains('-') && !line.starts_with('+')).count();
            if lines(&answer) + lines(&expected) > 0 {
                assert_eq!(answer, expected, "{}: {rung:#?}", rule.header.id);
            }
            said += lines(&answer);
        }
        assert!(said > 40, "{}: {said}", rule.header.id);
    }
}
