//! The tickets of statements: the text itself, sealed for the login that asked.
//!
//! Nothing is remembered between asking for a ticket and showing it, so tickets cost no memory and do not run out. A seal
//! is good for one login and until this process ends.

use crate::sql::failure::Failure;
use crate::sql::scram::{hmac, same};

/// The number that tells equal statements apart, so that one of them can be cancelled.
const NUMBER: usize = 16;
const SEAL: usize = 32;

/// Seals tickets and opens them.
#[derive(Clone)]
pub(super) struct Sealer([u8; 32]);

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(..)")
    }
}

impl Sealer {
    /// With a secret of its own.
    pub(super) fn new() -> Self {
        Self(rand::random())
    }

    /// The ticket of a statement for a login.
    pub(super) fn seal(&self, role_name: &str, text: &str) -> Vec<u8> {
        let number = rand::random::<[u8; NUMBER]>();
        [&number[..], &self.mac(role_name, &number, text), text.as_bytes()].concat()
    }

    /// The statement of a ticket.
    ///
    /// # Errors
    /// [`Failure`] when it was not made here, or for another login.
    pub(super) fn open<'a>(&self, role_name: &str, ticket: &'a [u8]) -> Result<&'a str, Failure> {
        let parts = || {
            let (number, rest) = ticket.split_first_chunk::<NUMBER>()?;
            let (seal, text) = rest.split_first_chunk::<SEAL>()?;
            let text = std::str::from_utf8(text).ok()?;
            same(seal, &self.mac(role_name, number, text)).then_some(text)
        };
        parts().ok_or_else(|| Failure::new("42501", "this ticket is not of this login: ask for the statement again"))
    }

    fn mac(&self, role_name: &str, number: &[u8; NUMBER], text: &str) -> [u8; SEAL] {
        let length = u64::try_from(role_name.len()).unwrap_or(u64::MAX).to_be_bytes();
        hmac(&self.0, &[&number[..], &length, role_name.as_bytes(), text.as_bytes()].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_for_one_login_and_cannot_be_written_by_hand() {
        let sealer = Sealer::new();
        let ticket = sealer.seal("anna.bi", "select 1");
        assert_eq!(sealer.open("anna.bi", &ticket).unwrap(), "select 1");
        assert_ne!(ticket, sealer.seal("anna.bi", "select 1"), "each has a number of its own");
        assert_eq!(sealer.open("bert.bi", &ticket).unwrap_err().sqlstate, "42501");
        assert!(Sealer::new().open("anna.bi", &ticket).is_err());
        for place in 0..ticket.len() {
            let mut forged = ticket.clone();
            forged[place] ^= 1;
            assert!(sealer.open("anna.bi", &forged).is_err(), "{place}");
            assert!(sealer.open("anna.bi", &ticket[..place]).is_err());
        }
    }
}
