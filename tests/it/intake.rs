//! POS records as integrators send them: kcat, a Python client, HTTP; good ones, wrong ones, the same ones again.

use serde_json::{Value, json};
use tillsight_schemas::topic;
use tillsight_tests::Shop;
use tillsight_tests::outside::{eventually, python};

fn record(store: &str, sequence: i64) -> Value {
    let sample = include_str!("../../schemas/samples/v1/transaction.json");
    let mut record: Value = serde_json::from_str(sample).unwrap();
    record["store_id"] = json!(store);
    record["sequence_no"] = json!(sequence);
    record
}

/// The accepted records of a register, newest last, as JSON, read with a Python client and a public Avro library.
fn accepted(shop: &Shop, register: &str) -> Vec<Value> {
    const READ: &str = r#"
import sys, json, io, fastavro
from confluent_kafka import Consumer, TopicPartition, OFFSET_BEGINNING
bootstrap, topic, register, schema = sys.argv[1:]
schema = fastavro.parse_schema(json.load(open(schema)))
c = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
parts = c.list_topics(topic, timeout=20).topics[topic].partitions
c.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in parts])
left = {p: c.get_watermark_offsets(TopicPartition(topic, p), timeout=20)[1] for p in parts}
left = {p: end for p, end in left.items() if end}
while left:
    m = c.poll(20)
    assert m is not None and m.error() is None, m and m.error()
    frame = m.value()
    assert frame[:5] == bytes([0, 0, 0, 0, 2]), frame[:5]
    r = fastavro.schemaless_reader(io.BytesIO(frame[5:]), schema)
    if r["register_id"] == register:
        print(json.dumps(r, default=str))
    if m.offset() + 1 >= left.get(m.partition(), 0):
        left.pop(m.partition(), None)
"#;
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/avro/posted_transaction.avsc");
    python(READ, &[&shop.bootstrap(), topic::POS_TRANSACTION, register, schema])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn on_register(mut record: Value, register: &str) -> Value {
    record["register_id"] = json!(register);
    record
}

#[test]
fn json_by_kcat_avro_by_python_and_http_give_the_same_transaction() {
    let shop = Shop::shared();
    let register = "three-ways";
    let by_kcat = on_register(record("17", 1), register);
    shop.kcat_produce("lp.pos.in.kiosk", &[format!("demo/17|{by_kcat}")]);

    const PRODUCE: &str = r#"
import sys, json, io, fastavro
from confluent_kafka import Producer
bootstrap, schema, record = sys.argv[1:]
schema = fastavro.parse_schema(json.load(open(schema)))
out = io.BytesIO()
out.write(bytes([0, 0, 0, 0, 1]))
fastavro.schemaless_writer(out, schema, json.loads(record))
p = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "partitioner": "murmur2_random"})
p.produce("lp.pos.in.kiosk", key="demo/17", value=out.getvalue())
assert p.flush(20) == 0
"#;
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/avro/transaction.avsc");
    let by_python = on_register(record("17", 2), register).to_string();
    python(PRODUCE, &[&shop.bootstrap(), schema, &by_python]);

    let (_, token) = shop.token(&["--integrator", "kiosk", "--name", "three-ways"]);
    let (status, body) = shop.post("/api/v1/pos/transactions", Some(&token), &on_register(record("17", 3), register));
    assert_eq!(status, 202, "{body}");
    assert_eq!(body["records"][0]["topic"], "lp.pos.in.kiosk");

    let found = eventually("three transactions", || {
        let found = accepted(shop, register);
        if found.len() >= 3 { Ok(found) } else { Err(format!("{} of 3", found.len())) }
    });
    let mut sequences: Vec<i64> = found.iter().map(|record| record["sequence_no"].as_i64().unwrap()).collect();
    sequences.sort_unstable();
    assert_eq!(sequences, [1, 2, 3]);
    for found in &found {
        assert_eq!(found["event_time"], "2026-11-21 20:03:22+00:00");
        assert_eq!(found["event_time_raw"], "2026-11-21T14:03:22");
        assert_eq!(found["business_day"], "2026-11-21");
        assert_eq!(found["lines"][0]["description"], "HEADPHONES");
        assert_eq!(found["tenders"][0]["amount_minor"], 2051);
    }
}

#[test]
fn a_wrong_record_goes_to_the_dead_letters_as_it_came_with_the_reason() {
    let shop = Shop::shared();
    let register = "wrong";
    let mut misspelt = on_register(record("42", 1), register);
    misspelt["operater_id"] = json!("7");
    let mut skipped = on_register(record("42", 2), register);
    skipped["event_time_raw"] = json!("2026-03-08T02:30:00");
    let mut negative = on_register(record("42", 3), register);
    negative["total_minor"] = json!(-5);
    let foreign = on_register(record("17", 4), register);
    let good = on_register(record("42", 5), register);
    let mut other_content = good.clone();
    other_content["total_minor"] = json!(1);
    let lines: Vec<String> = [misspelt.clone(), skipped, negative, foreign, good.clone(), other_content, good]
        .iter()
        .map(|record| format!("demo/42|{record}"))
        .chain(["demo/42|no record at all".to_owned()])
        .collect();
    shop.kcat_produce("lp.pos.in.corner", &lines);

    let letters = eventually("six dead letters", || {
        let letters = shop.kcat_consume("lp.pos.in.corner.dlq", "%h\t%s\n");
        if letters.len() >= 6 { Ok(letters) } else { Err(format!("{letters:?}")) }
    });
    let codes: Vec<&str> = letters
        .iter()
        .map(|letter| letter.split("lp.error.code=").nth(1).unwrap().split(',').next().unwrap())
        .collect();
    assert_eq!(codes, ["SCHEMA", "TIME", "MONEY", "FORBIDDEN_STORE", "IDENTITY_COLLISION", "FRAMING"]);
    assert!(letters[0].contains("did you mean `operator_id`?"), "{}", letters[0]);
    assert!(letters[0].ends_with(&format!("\t{misspelt}")), "the original bytes: {}", letters[0]);
    assert!(letters[0].contains("__connect.errors.topic=lp.pos.in.corner"));
    assert_eq!(accepted(shop, register).len(), 1, "the good one, once");
}

#[test]
fn over_http_each_record_is_answered_for_and_a_dry_run_writes_nothing() {
    let shop = Shop::shared();
    let (path, register) = ("/api/v1/pos/transactions", "answered");
    let (_, token) = shop.token(&["--integrator", "kiosk", "--name", "answered"]);
    let mut misspelt = on_register(record("42", 1), register);
    misspelt["operater_id"] = json!("7");
    let mut negative = on_register(record("42", 2), register);
    negative["lines"][0]["extended_minor"] = json!(-5);
    let good = on_register(record("42", 3), register);
    let all = json!([misspelt, negative, on_register(record("99", 4), register), good, good]);
    let results = |body: &Value| {
        let records = body["records"].as_array().unwrap_or_else(|| panic!("{body}")).iter();
        records.map(|record| record["result"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join(" ")
    };

    let (status, body) = shop.post(&format!("{path}?dry_run=1"), Some(&token), &all);
    assert_eq!((status, &body["dry_run"]), (422, &json!(true)), "{body}");
    assert_eq!(results(&body), "quarantined quarantined quarantined accepted duplicate");
    assert_eq!((&body["accepted"], &body["duplicates"], &body["quarantined"]), (&json!(1), &json!(1), &json!(3)));
    let problem = |n: usize| (body["records"][n]["code"].clone(), body["records"][n]["problems"][0]["pointer"].clone());
    assert_eq!(problem(0), (json!("SCHEMA"), json!("/operater_id")));
    assert_eq!(problem(1), (json!("MONEY"), json!("/lines/0/extended_minor")));
    assert_eq!(problem(2), (json!("UNKNOWN_STORE"), json!("/store_id")));
    assert_eq!(body["records"][3]["offset"], Value::Null, "it landed nowhere");
    assert_eq!(shop.post(&format!("{path}?dry_run=1"), Some(&token), &good).0, 200);
    assert_eq!(shop.post(&format!("{path}?dry_run=maybe"), Some(&token), &good).0, 400);

    let (status, body) = shop.post(path, Some(&token), &all);
    assert_eq!(status, 422, "{body}");
    let id = body["records"][3]["event_id"].clone();
    eventually("the good one is in", || {
        let found = accepted(shop, register);
        if found.len() == 1 && found[0]["event_id"] == id { Ok(()) } else { Err(format!("{found:?}")) }
    });
    eventually("the wrong ones are among the dead letters", || {
        let letters = shop.kcat_consume("lp.pos.in.kiosk.dlq", "%s\n");
        let ours = letters.iter().filter(|letter| letter.contains("answered")).count();
        if ours == 3 { Ok(()) } else { Err(format!("{ours} of 3")) }
    });
    // Now the identity is known: the same again changes nothing, other content under it is a collision.
    let (status, body) = shop.post(path, Some(&token), &good);
    assert_eq!((status, results(&body).as_str()), (202, "duplicate"));
    let mut other = good.clone();
    other["total_minor"] = json!(1);
    let (status, body) = shop.post(&format!("{path}?dry_run=1"), Some(&token), &other);
    assert_eq!((status, &body["records"][0]["code"]), (422, &json!("IDENTITY_COLLISION")));
}

#[test]
fn nothing_is_taken_without_a_token_that_holds() {
    let shop = Shop::shared();
    let path = "/api/v1/pos/transactions";
    assert_eq!(shop.post(path, None, &record("17", 1)).0, 401);
    assert_eq!(shop.post(path, Some("ts_guess"), &record("17", 1)).0, 401);
    assert_eq!(shop.get("/metrics", None).0, 401);
    let (login, token) = shop.token(&["--integrator", "kiosk", "--name", "short-lived"]);
    assert_eq!(shop.get("/metrics", Some(&token)).0, 403);
    shop.tillsight(&["token", "revoke", &login]);
    assert_eq!(shop.post(path, Some(&token), &record("17", 1)).0, 401);
    let (_, metrics) = shop.token(&["--metrics", "--name", "prometheus"]);
    let (_, kiosk) = shop.token(&["--integrator", "kiosk", "--name", "counted"]);
    assert_eq!(shop.post(path, Some(&kiosk), &on_register(record("17", 1), "counted")).0, 202);
    eventually("the metrics show the intake", || {
        let (status, text) = shop.get("/metrics", Some(&metrics));
        let shown = text.lines().any(|line| line.starts_with("lp_pos_records_total") && line.contains("accepted"));
        if status == 200 && shown { Ok(()) } else { Err(format!("{status} {text}")) }
    });
}

#[test]
fn card_numbers_are_masked_in_everything_that_is_kept() {
    let shop = Shop::shared();
    let register = "cards";
    let mut paid = on_register(record("17", 1), register);
    paid["receipt_text"] = json!("VISA 4111 1111 1111 1111\nTOTAL 20.51");
    paid["tenders"][0]["pan_masked"] = json!("5555555555554444");
    let mut wrong = paid.clone();
    wrong["kind"] = json!("378282246310005");
    shop.kcat_produce("lp.pos.in.kiosk", &[format!("demo/17|{paid}"), format!("demo/17|{wrong}")]);
    let found = eventually("the transaction", || accepted(shop, register).pop().ok_or_else(|| "none".to_owned()));
    assert_eq!(found["receipt_text"], "VISA 4111 11** **** 1111\nTOTAL 20.51");
    assert_eq!(found["tenders"][0]["pan_masked"], "555555******4444");
    eventually("the dead letter", || {
        let letters = shop.kcat_consume("lp.pos.in.kiosk.dlq", "%s\n");
        if letters.iter().any(|letter| letter.contains("378282*****0005")) {
            Ok(())
        } else {
            Err(format!("{letters:?}"))
        }
    });
    for topic in [topic::POS_RAW, topic::POS_TRANSACTION, "lp.pos.in.kiosk.dlq"] {
        for value in shop.kcat_consume(topic, "%h %s\n") {
            for number in ["4111111111111111", "4111 1111 1111 1111", "5555555555554444", "378282246310005"] {
                assert!(!value.contains(number), "{topic} holds {number}: {value}");
            }
        }
    }
}

#[test]
fn a_token_for_one_store_is_held_to_it_behind_the_topic_too_and_the_feed_tells_what_became_of_it() {
    let shop = Shop::shared();
    let register = "limited";
    let (login, only) = shop.token(&["--integrator", "kiosk", "--name", "only-17", "--stores", "17"]);
    let (_, all) = shop.token(&["--integrator", "kiosk", "--name", "whole-feed"]);
    let send = |store: &str, sequence: i64| {
        let mut sent = on_register(record(store, sequence), register);
        sent["kind"] = json!("CANCEL");
        sent.as_object_mut().unwrap().remove("operator_id");
        shop.post("/api/v1/pos/transactions", Some(&only), &sent)
    };
    let (status, body) = send("17", 1);
    assert_eq!((status, &body["records"][0]["result"]), (202, &json!("accepted")), "{body}");
    assert_eq!(body["records"][0]["blind"][0]["missing"], "operator_id");
    let (status, body) = send("42", 2);
    assert_eq!((status, &body["records"][0]["code"]), (422, &json!("FORBIDDEN_STORE")), "{body}");

    // The record landed as it came; behind the topic nobody accepts it either.
    let own = |path: &str| -> Value {
        let (status, body) = shop.get(path, Some(&all));
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).unwrap()
    };
    let page = eventually("the feed knows both", || {
        let page = own("/api/v1/feeds");
        let feed = &page["items"][0];
        let registers = feed["registers"].as_array().unwrap();
        let heard = registers.iter().any(|lane| lane["register_id"] == register && lane["today"]["accepted"] == 1);
        let refused = feed["rejects"].as_array().unwrap().iter().any(|reject| reject["code"] == "FORBIDDEN_STORE");
        if heard && refused { Ok(page) } else { Err(page.to_string()) }
    });
    assert_eq!(page["items"].as_array().unwrap().len(), 1, "its own feed only");
    let blind = page["items"][0]["blind"].as_array().unwrap();
    assert!(
        blind.iter().any(|blind| blind["rule_id"] == "cancel_burst" && blind["missing"] == "operator_id"),
        "{page}"
    );
    let letters = own("/api/v1/feeds/rejects?integrator=kiosk&code=FORBIDDEN_STORE&store=42");
    let letter = &letters["items"][0];
    assert_eq!((&letter["register_id"], &letter["problems"][0]["pointer"]), (&json!(register), &json!("/store_id")));
    assert!(letter["text"].as_str().unwrap().contains("\"limited\""), "{letter}");
    let (status, body) = shop.get("/api/v1/feeds/rejects?integrator=kiosk&code=FORBIDDEN_STORE", Some(&only));
    let letters: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &letters["items"][0]["register_id"]), (200, &json!(register)), "its sender sees it: {body}");
    assert_eq!(accepted(shop, register).len(), 1);

    let first = send("17", 1);
    assert_eq!((first.0, &first.1["records"][0]["result"]), (202, &json!("duplicate")));
    eventually("the repetition is counted", || {
        let page = own("/api/v1/feeds?store=17");
        let registers = page["items"][0]["registers"].as_array().unwrap().clone();
        let lane = registers.into_iter().find(|lane| lane["register_id"] == register);
        if lane.as_ref().is_some_and(|lane| lane["today"]["duplicates"] == 1) {
            Ok(())
        } else {
            Err(format!("{lane:?}"))
        }
    });
    let listed = shop.tillsight(&["token", "list"]);
    let line = listed.lines().find(|line| line.starts_with(&login)).unwrap();
    assert!(line.contains("stores 17") && line.contains("used 20"), "{line}");
    shop.tillsight(&["token", "revoke", &login]);
    assert_eq!(send("17", 3).0, 401);
}
