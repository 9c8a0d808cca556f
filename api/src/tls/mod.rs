//! TLS of the surfaces that leave this machine: certificates from PEM files ([`identity`]), what they say of themselves
//! ([`certificate`]), and connections with or without ([`listener`]).
//!
//! One library (rustls, with ring) for HTTP, SQL and Flight SQL; TLS 1.2 and 1.3.

mod certificate;
mod identity;
mod listener;

use std::path::PathBuf;

pub(crate) use certificate::examine;
pub(crate) use identity::Identity;
pub(crate) use listener::{Listener, Peer, count};

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read: put it there, readable by the user that runs tillsight")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{path} holds no {what} in PEM form")]
    Missing {
        /// Which.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificate and key do not belong together, or are of a kind that is not understood.
    #[error("{cert} and {key} cannot be used together: the key must be the one that this certificate was made for")]
    Unusable {
        /// The certificate.
        cert: PathBuf,
        /// The key.
        key: PathBuf,
        /// Why.
        source: tokio_rustls::rustls::Error,
    },
    /// The library refuses the settings, which is a defect.
    #[error("TLS cannot be set up")]
    Library(#[from] tokio_rustls::rustls::Error),
}
