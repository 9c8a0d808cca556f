//! Which record is the same event, and which is the same record.
//!
//! The natural key follows ARTS (tenant, store, business day, register, operator, sequence), plus kind and raw time,
//! because the ARTS counter restarts. A feed that has no counter adds the position in its source.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Transaction;
use crate::id::{self, TenantId};

/// A transaction that nothing tells apart from another one like it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither sequence_no nor source.position is given: the record cannot be told from another one like it")]
pub struct NoNaturalKey;

/// Derives the event id of a transaction from its natural key.
///
/// # Errors
/// [`NoNaturalKey`] when it has neither a sequence number nor a source position.
pub fn natural_id(tenant: &TenantId, transaction: &Transaction) -> Result<Uuid, NoNaturalKey> {
    let sequence = transaction.sequence_no.map(|n| n.to_string());
    let position = transaction.source.as_ref().and_then(|source| source.position.as_deref());
    if sequence.is_none() && position.is_none() {
        return Err(NoNaturalKey);
    }
    let day = transaction.business_day.map(|day| day.to_string());
    Ok(id::derive(
        "pos.transaction",
        [
            Some(tenant.as_str()),
            Some(transaction.store_id.as_str()),
            day.as_deref(),
            Some(transaction.register_id.as_str()),
            transaction.operator_id.as_ref().map(|operator| operator.as_str()),
            sequence.as_deref(),
            Some(transaction.kind.as_str()),
            Some(transaction.event_time_raw.as_str()),
            if sequence.is_none() { position } else { None },
        ],
    ))
}

/// Fields that records gained later. Where one is absent it is no part of the hash, so that a repetition is known as one
/// across an upgrade.
const ADDED: &[&str] = &[];

/// SHA-256 (hex) over the record's canonical JSON, so that the same record has the same hash in JSON and in Avro.
pub fn payload_sha256(transaction: &Transaction) -> String {
    // Field order is that of the declaration, absent fields are `null`: the text is canonical by construction.
    let canonical = serde_json::to_string(transaction).unwrap_or_default();
    Sha256::digest(without_absent(canonical, ADDED)).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A canonical text without these fields where they are `null`. Within a text of the record quotes are escaped, so that
/// nothing else looks like a field.
fn without_absent(canonical: String, added: &[&str]) -> String {
    added.iter().fold(canonical, |text, field| text.replace(&format!(",\"{field}\":null"), ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_was_added_later_does_not_change_the_hash_while_it_is_absent() {
        let before = r#"{"store_id":"17","receipt_text":",\"price_list\":null"}"#;
        let after = r#"{"store_id":"17","price_list":null,"receipt_text":",\"price_list\":null"}"#;
        assert_eq!(without_absent(after.to_owned(), &["price_list"]), before);
        let said = r#"{"store_id":"17","price_list":"B"}"#;
        assert_eq!(without_absent(said.to_owned(), &["price_list"]), said);
    }
}
