//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side, over a verifier: salt, iterations, stored key, server key.
//!
//! The verifier is what PostgreSQL keeps too: whoever steals it cannot log in with it. A name that does not exist is
//! answered with a verifier that nobody can satisfy, made from the name and a secret, so that the answers to it look and
//! take the same. Passwords are the access tokens that we hand out (ASCII), so they need no `SASLprep`.

use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// How often a password is hashed. The same for every verifier, so that it tells nothing about a name.
pub const ITERATIONS: u32 = 4096;

type Key = [u8; 32];

/// What a server keeps of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// The salt.
    pub salt: [u8; 16],
    /// How often the password was hashed.
    pub iterations: u32,
    /// Proves the client.
    pub stored_key: Key,
    /// Proves the server.
    pub server_key: Key,
}

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(..)")
    }
}

impl Verifier {
    /// Makes the verifier of a password; takes some milliseconds.
    pub fn new(password: &str, salt: [u8; 16]) -> Self {
        let salted: Key = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &salt, ITERATIONS);
        Self {
            salt,
            iterations: ITERATIONS,
            stored_key: Sha256::digest(hmac(&salted, b"Client Key")).into(),
            server_key: hmac(&salted, b"Server Key"),
        }
    }

    /// Whether this is the password, for protocols that send it (over TLS, or on this machine); takes some milliseconds.
    pub fn accepts(&self, password: &str) -> bool {
        let salted: Key = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password.as_bytes(), &self.salt, self.iterations);
        same(&Sha256::digest(hmac(&salted, b"Client Key")).into(), &self.stored_key)
    }

    /// The verifier of a name that does not exist: always the same for a name, and of no password.
    pub fn decoy(name: &str, secret: &Key) -> Self {
        let bytes = |what: &str| hmac(secret, format!("{what}/{name}").as_bytes());
        let mut salt = [0; 16];
        salt.iter_mut().zip(bytes("salt")).for_each(|(to, from)| *to = from);
        Self { salt, iterations: ITERATIONS, stored_key: bytes("stored"), server_key: bytes("server") }
    }
}

/// PostgreSQL's own form: `SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>`.
impl std::fmt::Display for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [salt, stored, server] = [&self.salt[..], &self.stored_key, &self.server_key].map(|b| STANDARD.encode(b));
        write!(f, "SCRAM-SHA-256${}:{salt}${stored}:{server}", self.iterations)
    }
}

impl FromStr for Verifier {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let read = || {
            let (iterations, rest) = text.strip_prefix("SCRAM-SHA-256$")?.split_once(':')?;
            let (salt, keys) = rest.split_once('$')?;
            let (stored, server) = keys.split_once(':')?;
            Some(Self {
                salt: STANDARD.decode(salt).ok()?.try_into().ok()?,
                iterations: iterations.parse().ok()?,
                stored_key: STANDARD.decode(stored).ok()?.try_into().ok()?,
                server_key: STANDARD.decode(server).ok()?.try_into().ok()?,
            })
        };
        read().ok_or(Failure::Malformed)
    }
}

/// Why a log-in fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The client does not speak SCRAM as it should.
    #[error("malformed SCRAM message")]
    Malformed,
    /// The password is wrong.
    #[error("wrong password")]
    Wrong,
}

/// A log-in after the client's first message.
#[derive(Debug)]
pub struct Exchange {
    verifier: Verifier,
    /// The header of the client's first message, as the last one repeats it.
    header: String,
    client_first: String,
    server_first: String,
    nonce: String,
}

impl Exchange {
    /// Takes the client's first message; `server_nonce` is fresh and printable.
    ///
    /// # Errors
    /// [`Failure::Malformed`] when it is none.
    pub fn begin(message: &[u8], verifier: Verifier, server_nonce: &str) -> Result<Self, Failure> {
        let text = std::str::from_utf8(message).map_err(|_| Failure::Malformed)?;
        // gs2-header: channel binding flag, authorisation id, both closed by a comma.
        let mut parts = text.splitn(3, ',');
        let (flag, authzid, bare) = match (parts.next(), parts.next(), parts.next()) {
            (Some(flag @ ("n" | "y")), Some(authzid), Some(bare)) => (flag, authzid, bare),
            _ => return Err(Failure::Malformed),
        };
        let client_nonce = attribute(bare, "r").ok_or(Failure::Malformed)?;
        let nonce = format!("{client_nonce}{server_nonce}");
        let server_first = format!("r={nonce},s={},i={}", STANDARD.encode(verifier.salt), verifier.iterations);
        Ok(Self { verifier, header: format!("{flag},{authzid},"), client_first: bare.to_owned(), server_first, nonce })
    }

    /// The answer to the client's first message.
    pub fn challenge(&self) -> &str {
        &self.server_first
    }

    /// Takes the client's last message; returns the answer that proves the server.
    ///
    /// # Errors
    /// [`Failure`] when the client does not know the password.
    pub fn finish(self, message: &[u8]) -> Result<String, Failure> {
        let text = std::str::from_utf8(message).map_err(|_| Failure::Malformed)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(Failure::Malformed)?;
        let proof: Key = STANDARD.decode(proof).ok().and_then(|p| p.try_into().ok()).ok_or(Failure::Malformed)?;
        let header = attribute(without_proof, "c").ok_or(Failure::Malformed)?;
        let nonce = attribute(without_proof, "r").ok_or(Failure::Malformed)?;
        if header != STANDARD.encode(&self.header) || nonce != self.nonce {
            return Err(Failure::Malformed);
        }
        let signed = format!("{},{},{without_proof}", self.client_first, self.server_first);
        let mut client_key = hmac(&self.verifier.stored_key, signed.as_bytes());
        client_key.iter_mut().zip(proof).for_each(|(key, proof)| *key ^= proof);
        if !same(&Sha256::digest(client_key).into(), &self.verifier.stored_key) {
            return Err(Failure::Wrong);
        }
        Ok(format!("v={}", STANDARD.encode(hmac(&self.verifier.server_key, signed.as_bytes()))))
    }
}

/// The value of `name=value` in a list separated by commas.
fn attribute<'a>(list: &'a str, name: &str) -> Option<&'a str> {
    list.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

pub(super) fn hmac(key: &Key, message: &[u8]) -> Key {
    // HMAC pads a short key with zeros to the block of the hash.
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Compares in a time that does not depend on where the difference is.
pub(super) fn same(a: &Key, b: &Key) -> bool {
    a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677 §3.
    fn example() -> (Exchange, &'static str) {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().try_into().unwrap();
        let exchange = Exchange::begin(
            b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            Verifier::new("pencil", salt),
            "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
        );
        (exchange.unwrap(), "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    }

    #[test]
    fn the_example_of_the_standard_holds() {
        let (exchange, last) = example();
        assert_eq!(
            exchange.challenge(),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let last = format!("{last},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        assert_eq!(exchange.finish(last.as_bytes()).unwrap(), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_wrong_proof_and_a_repeated_nonce_are_refused() {
        let (exchange, last) = example();
        let wrong = format!("{last},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVA=");
        assert_eq!(exchange.finish(wrong.as_bytes()), Err(Failure::Wrong));
        let (exchange, _) = example();
        let replay = "c=biws,r=rOprNGfwEbeRWgbNEkqO,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        assert_eq!(exchange.finish(replay.as_bytes()), Err(Failure::Malformed));
    }

    #[test]
    fn names_that_do_not_exist_look_like_others() {
        let secret = [7; 32];
        let decoy = Verifier::decoy("nobody", &secret);
        assert_eq!(decoy, Verifier::decoy("nobody", &secret), "asked twice, answered the same");
        assert_ne!(decoy.salt, Verifier::decoy("somebody", &secret).salt);
        assert_eq!(decoy.iterations, Verifier::new("x", [0; 16]).iterations);
    }

    #[test]
    fn garbage_is_malformed_and_nothing_worse() {
        for bytes in [&b""[..], b"p=tls-unique,,n=,r=x", b"n,,n=", b"\xff\xfe", b"n"] {
            assert_eq!(Exchange::begin(bytes, Verifier::decoy("x", &[0; 32]), "n").err(), Some(Failure::Malformed));
        }
        for bytes in [&b""[..], b"c=biws", b"c=biws,r=x,p=", b"c=biws,r=x,p=AAAA", b",p="] {
            assert_eq!(example().0.finish(bytes), Err(Failure::Malformed));
        }
    }
}
