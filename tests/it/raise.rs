//! Alerts raised as the engine does it, at any time, without the engine: in one transaction with judgement and receipt.

use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_api::config::Alerts;
use tillsight_api::db::Db;
use tillsight_schemas::alert::Severity;
use tillsight_schemas::port::{Epoch, EpochStore as _, Judged, Partition};
use tillsight_schemas::review::Disposition;
use tillsight_schemas::{Clock as _, SystemClock};
use tillsight_tests::Shop;

/// An instant as records have it.
pub(crate) fn time(at: DateTime<Utc>) -> Value {
    json!(at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// Raises an alert about a return at `at`, before a camera, with other fields of the alert and of its receipt; its id.
pub(crate) fn raise(
    shop: &Shop,
    id: u128,
    store: &str,
    camera: &str,
    at: DateTime<Utc>,
    [of_alert, of_receipt]: [&[(&str, Value)]; 2],
) -> String {
    let id_text = format!("00000000-0000-5000-8000-{id:012x}");
    let anchor = format!("00000000-0000-5000-9000-{id:012x}");
    let sample = |text: &str| -> Value { serde_json::from_str(text).unwrap() };
    let mut alert = sample(include_str!("../../schemas/samples/v1/alert.json"));
    for (field, value) in [
        ("alert_id", json!(id_text)),
        ("tenant_id", json!("demo")),
        ("store_id", json!(store)),
        ("anchor_event_id", json!(anchor)),
        ("event_ids", json!([anchor])),
        ("event_time", time(at)),
        ("raised_at", time(SystemClock.now())),
    ] {
        alert[field] = value;
    }
    alert["evidence"][0]["camera_id"] = json!(camera);
    for (field, seconds) in [("from_at", -3), ("event_at", 0), ("to_at", 3)] {
        alert["evidence"][0][field] = time(at + TimeDelta::seconds(seconds));
    }
    let mut judgement = sample(include_str!("../../schemas/samples/v1/judgement.json"));
    for (field, value) in [
        ("judgement_id", json!(id_text)),
        ("tenant_id", json!("demo")),
        ("store_id", json!(store)),
        ("anchor_event_id", json!(anchor)),
        ("event_time", time(at)),
        ("outcome", json!("fired")),
    ] {
        judgement[field] = value;
    }
    let mut posted = sample(include_str!("../../schemas/samples/v1/posted_transaction.json"));
    for (field, value) in [
        ("event_id", json!(anchor)),
        ("tenant_id", json!("demo")),
        ("store_id", json!(store)),
        ("event_time", time(at)),
        ("begin_time", time(at - TimeDelta::seconds(2))),
    ] {
        posted[field] = value;
    }
    for (record, fields) in [(&mut alert, of_alert), (&mut posted, of_receipt)] {
        for (field, value) in fields {
            record[*field] = value.clone();
        }
    }
    let alert: tillsight_schemas::alert::Alert = serde_json::from_value(alert).unwrap();
    let anchor_id = alert.anchor_event_id;
    with_db(shop, async |db| {
        let partition = Partition::new("written by a test", 0);
        let fence = db.take(&partition).await.unwrap().fence;
        let judgement = serde_json::from_value(judgement).unwrap();
        let events = vec![(anchor_id, posted.to_string())];
        let judged = vec![Judged { judgement, alert: Some(alert), events, shadow: false }];
        let epoch = Epoch { partition, fence, checkpoint: String::new(), judged, outgoing: Vec::new() };
        db.commit_epoch(&epoch).await.unwrap();
    });
    id_text
}

/// The token of a one-time link as a report's mail has it.
pub(crate) fn link(shop: &Shop, recipient: &str, alert: &str, action: Disposition) -> String {
    with_db(shop, async |db| db.make_link(recipient, alert.parse().unwrap(), action).await.unwrap())
}

/// Does something in the database of a shop, as another process of it would that sends every alert.
fn with_db<T>(shop: &Shop, work: impl AsyncFnOnce(Db) -> T) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let everything = Alerts { per_store_and_day: 10_000, from_severity: Severity::Info, ..Alerts::default() };
    runtime.block_on(async {
        let db = Db::in_dir(&shop.data(), Arc::new(SystemClock)).await.unwrap();
        work(db.sending(everything)).await
    })
}
