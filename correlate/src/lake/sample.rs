//! Transactions for tests.

use bytes::Bytes;
use tillsight_schemas::pos::{Header, PostedTransaction, Transaction, natural_id};
use tillsight_schemas::wire::avro;

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

/// A transaction as a value of the log.
pub(crate) fn value(posted: &PostedTransaction) -> Bytes {
    avro::encode(std::slice::from_ref(posted)).unwrap().remove(0)
}
