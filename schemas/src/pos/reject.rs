//! Why a POS record was not accepted: a closed list of codes, and a sentence that says what to do.

use crate::codes;

codes! {
    /// Why a record went to the dead-letter topic (`<topic>.dlq`, header `lp.error.code`).
    pub enum RejectCode {
        /// Neither JSON (`{`) nor Avro with a known schema id.
        Framing = "FRAMING",
        /// Not UTF-8.
        Charset = "CHARSET",
        /// Not the record that the schema describes; every problem is listed.
        Schema = "SCHEMA",
        /// A time that cannot be read or does not exist in the store's zone.
        Time = "TIME",
        /// An amount that is negative, or a currency that is not the store's.
        Money = "MONEY",
        /// Nothing tells the record from another one like it.
        Identity = "IDENTITY",
        /// The same identity and revision as an earlier record, with another content.
        IdentityCollision = "IDENTITY_COLLISION",
        /// A store that is not set up.
        UnknownStore = "UNKNOWN_STORE",
        /// A store that this integrator may not write.
        ForbiddenStore = "FORBIDDEN_STORE",
        /// Larger than a record may be.
        TooLarge = "TOO_LARGE",
    }
}

/// A record that was not accepted, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Reject {
    /// The reason, for programs.
    pub code: RejectCode,
    /// The reason, for the person who repairs it.
    pub detail: String,
}

impl Reject {
    /// Makes a rejection.
    pub fn new(code: RejectCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}
