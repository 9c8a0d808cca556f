//! Identities. Names that people and tills give (store, register, operator) keep their text; ids that we derive are
//! UUIDs, version 5 (RFC 9562 §5.5), so that the same fact has the same id however often it arrives.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The name space under which every id of ours is derived.
pub const NAMESPACE: Uuid = Uuid::from_u128(0x8f2d_4c1e_7a53_5b09_9e64_2f1b_c07d_a3e8);

/// A text that cannot be a name in a Kafka key or a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} must be 1 to 64 characters of letters, digits, `.`, `_`, `:` or `-`")]
pub struct BadName {
    what: &'static str,
    text: String,
}

fn check(what: &'static str, text: &str) -> Result<(), BadName> {
    let fits = (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b':' | b'-'))
        && !text.bytes().all(|b| b == b'.');
    if fits { Ok(()) } else { Err(BadName { what, text: text.chars().take(80).collect() }) }
}

macro_rules! names {
    ($($(#[doc = $doc:literal])* $name:ident = $what:literal;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes a name as it was given.
            ///
            /// # Errors
            /// [`BadName`] when it is empty, longer than 64 bytes or holds a character that keys and paths do not carry.
            pub fn new(text: impl Into<String>) -> Result<Self, BadName> {
                let text = text.into();
                check($what, &text)?;
                Ok(Self(text))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, BadName> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;

            fn try_from(text: String) -> Result<Self, BadName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }
    )*};
}

names! {
    /// A retailer: the outermost scope of every key.
    TenantId = "tenant";
    /// A shop (ARTS `RetailStoreID`), unique within its tenant.
    StoreId = "store";
    /// A till or lane (ARTS `WorkstationID`), unique within its store.
    RegisterId = "register";
    /// Who works a till (ARTS `OperatorID`), unique within its tenant.
    OperatorId = "operator";
    /// A camera, unique within its store.
    CameraId = "camera";
    /// A zone of a camera's picture, unique within its store.
    ZoneId = "zone";
    /// A rule, the name of its folder: `refund_no_customer`.
    RuleId = "rule";
    /// A sender of POS records; its landing topic is `lp.pos.in.<integrator>`.
    IntegratorId = "integrator";
}

/// The Kafka key of everything that is correlated: `tenant/store`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreKey {
    /// The retailer.
    pub tenant: TenantId,
    /// The shop.
    pub store: StoreId,
}

impl StoreKey {
    /// Joins a tenant and a store.
    pub fn new(tenant: TenantId, store: StoreId) -> Self {
        Self { tenant, store }
    }
}

impl fmt::Display for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.tenant, self.store)
    }
}

impl FromStr for StoreKey {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let (tenant, store) = text.split_once('/').ok_or_else(|| BadName { what: "key", text: text.to_owned() })?;
        Ok(Self { tenant: tenant.parse()?, store: store.parse()? })
    }
}

/// Derives an id from the parts of a natural key; a part that is missing differs from one that is empty.
pub fn derive<'a>(kind: &str, parts: impl IntoIterator<Item = Option<&'a str>>) -> Uuid {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(kind.as_bytes());
    for part in parts {
        match part {
            // Unit and record separators (ASCII 31, 30) do not occur in names, so keys cannot run into each other.
            Some(text) => {
                bytes.push(0x1f);
                bytes.extend_from_slice(text.as_bytes());
            }
            None => bytes.push(0x1e),
        }
    }
    Uuid::new_v5(&NAMESPACE, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        let key: StoreKey = "acme/17".parse().unwrap();
        assert_eq!(key.to_string(), "acme/17");
        assert!("acme".parse::<StoreKey>().is_err());
        assert!("acme/../x".parse::<StoreKey>().is_err());
    }

    #[test]
    fn ids_depend_on_every_part_and_on_its_place() {
        let id = derive("pos", [Some("a"), Some("bc")]);
        assert_eq!(id, derive("pos", [Some("a"), Some("bc")]));
        assert_ne!(id, derive("pos", [Some("ab"), Some("c")]));
        assert_ne!(derive("pos", [Some(""), None]), derive("pos", [None, Some("")]));
    }

    #[test]
    fn names_that_would_leave_a_folder_are_refused() {
        for bad in ["", ".", "..", "a/b", "a b", "ä"] {
            assert!(StoreId::new(bad).is_err(), "{bad:?}");
        }
    }
}
