//! Records for tests.

use bytes::Bytes;
use tillsight_schemas::alert::{Alert, alert_id};
use tillsight_schemas::pos::{Header, PostedTransaction, Transaction, natural_id};
use tillsight_schemas::presence::PresenceTile;
use tillsight_schemas::wire::avro::{self, Avro};

/// A return at a store with the running number `n`, received at landing offset `n`.
pub(crate) fn sale(store: &str, n: i64, at: &str) -> PostedTransaction {
    let mut transaction: Transaction =
        serde_json::from_str(include_str!("../../../schemas/samples/v1/transaction.json")).unwrap();
    transaction.store_id = store.parse().unwrap();
    transaction.sequence_no = Some(n);
    let tenant_id = "acme".parse().unwrap();
    let header = Header {
        event_id: natural_id(&tenant_id, &transaction).unwrap(),
        tenant_id,
        event_time: at.parse().unwrap(),
        event_time_uncertainty_ms: 0,
        begin_time: None,
        tz: "America/Chicago".to_owned(),
        dst_fold: None,
        received_at: at.parse().unwrap(),
        payload_sha256: String::new(),
        integrator_id: "till".parse().unwrap(),
        landing_topic: "lp.pos.in.till".to_owned(),
        landing_partition: 0,
        landing_offset: n,
    };
    PostedTransaction { header, transaction }
}

/// A tile of five seconds of the kiosk's customer zone: the `n`th of a day.
pub(crate) fn tile(store: &str, n: i64) -> PresenceTile {
    let mut tile: PresenceTile =
        serde_json::from_str(include_str!("../../../schemas/samples/v1/presence_tile.json")).unwrap();
    tile.store_id = store.parse().unwrap();
    tile.start_at = "2026-11-21T20:00:00Z".parse().unwrap();
    tile.start_at += chrono::TimeDelta::seconds(5 * n);
    tile.end_at = tile.start_at + chrono::TimeDelta::seconds(5);
    tile
}

/// The `n`th alert of a store, in this revision.
pub(crate) fn alert(store: &str, n: u128, revision: i32) -> Alert {
    let mut alert: Alert = serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
    alert.store_id = store.parse().unwrap();
    alert.anchor_event_id = uuid::Uuid::from_u128(n);
    alert.event_ids = vec![alert.anchor_event_id];
    alert.alert_id = alert_id(&alert.rule_id, 1, &alert.tenant_id, &alert.store_id, alert.anchor_event_id);
    alert.revision = revision;
    alert
}

/// A record as a value of the log.
pub(crate) fn value<T: Avro>(record: &T) -> Bytes {
    avro::encode(std::slice::from_ref(record)).unwrap().remove(0)
}
