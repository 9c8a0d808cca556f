//! Why a POS record was not accepted: a closed list of codes, and a sentence that says what to do.

use crate::codes;
use crate::wire::json::Problem;

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
    /// Where in the record, as far as that can be named.
    pub problems: Vec<Problem>,
}

impl Reject {
    /// Makes a rejection.
    pub fn new(code: RejectCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), problems: Vec::new() }
    }

    /// The same, because of one field: a JSON Pointer into the record.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.problems = vec![Problem { at: pointer.into(), what: self.detail.clone() }];
        self
    }

    /// A record that is not what the schema describes.
    pub fn schema(problems: Vec<Problem>) -> Self {
        let list: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Self { code: RejectCode::Schema, detail: list.join("; "), problems }
    }
}
