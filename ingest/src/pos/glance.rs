//! [`glance`]: what a landing record says of itself, as far as it can be read at all: for pages about records that were not
//! accepted, and about repetitions. Nothing is decided by it.

use serde_json::Value;
use tillsight_schemas::id::{RegisterId, StoreId, StoreKey};
use tillsight_schemas::port::LogRecord;

use super::decode::decode;

/// What a record says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Glance {
    /// The store.
    pub store_id: Option<StoreId>,
    /// The register.
    pub register_id: Option<RegisterId>,
    /// What happened, in the record's own word.
    pub kind: Option<String>,
    /// The number on the receipt.
    pub receipt_no: Option<String>,
}

/// Reads what can be read: JSON field by field however wrong the rest is, Avro as a whole; the store also from the key.
pub fn glance(record: &LogRecord) -> Glance {
    let value = record.value.as_deref();
    let document: Option<Value> = match value {
        Some([0, ..]) => decode(&[value])
            .ok()
            .and_then(|decoded| decoded.into_iter().next())
            .and_then(|decoded| serde_json::to_value(decoded.ok()?).ok()),
        Some(value) => serde_json::from_slice(value).ok(),
        None => None,
    };
    let text =
        |name: &str| document.as_ref()?.get(name)?.as_str().map(|text| text.chars().take(64).collect::<String>());
    let of_key = || {
        let key = std::str::from_utf8(record.key.as_deref()?).ok()?;
        Some(key.parse::<StoreKey>().ok()?.store)
    };
    Glance {
        store_id: text("store_id").and_then(|store| store.parse().ok()).or_else(of_key),
        register_id: text("register_id").and_then(|register| register.parse().ok()),
        kind: text("kind"),
        receipt_no: text("receipt_no"),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use chrono::DateTime;
    use tillsight_schemas::port::Partition;

    use super::*;

    fn seen(value: &[u8], key: Option<&str>) -> Glance {
        glance(&LogRecord {
            partition: Partition::new("lp.pos.in.kiosk.dlq", 0),
            offset: 0,
            logged_at: DateTime::UNIX_EPOCH,
            key: key.map(|key| Bytes::from(key.to_owned())),
            value: Some(Bytes::copy_from_slice(value)),
            headers: Vec::new(),
        })
    }

    #[test]
    fn a_record_that_is_wrong_still_says_where_it_comes_from() {
        let wrong = br#"{"store_id": "17", "register_id": 4, "kind": "SELL", "receipt_no": "R-1"}"#;
        let glance = seen(wrong, None);
        assert_eq!(glance.store_id.unwrap().as_str(), "17");
        assert_eq!((glance.register_id, glance.kind.as_deref()), (None, Some("SELL")));
        assert_eq!(seen(b"garbage", Some("demo/42")).store_id.unwrap().as_str(), "42");
        assert_eq!(seen(b"garbage", None), Glance::default());
    }
}
