//! [`Identity`]: certificate and key of a surface, read again when the files change.
//!
//! Whoever renews certificates replaces two files, one after the other and by whatever means (a rename, a symbolic link): a
//! pair that does not fit is not taken, and the one before stays in use until it does.

use std::os::unix::fs::MetadataExt as _;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tillsight_schemas::error::chain;
use tillsight_schemas::metric;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::TlsError;
use super::certificate::Facts;
use crate::config::Tls;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Certificate and key.
#[derive(Debug)]
pub(crate) struct Identity {
    surface: &'static str,
    files: Tls,
    current: RwLock<(Arc<CertifiedKey>, Stamp)>,
}

/// What tells that a pair of files is another one.
type Stamp = [Option<(u64, u64, i64, i64)>; 2];

impl Identity {
    /// Reads the files of a surface.
    ///
    /// # Errors
    /// [`TlsError`] when they cannot be used.
    pub(crate) fn open(surface: &'static str, files: &Tls) -> Result<Arc<Self>, TlsError> {
        let (key, stamp) = load(files)?;
        let identity = Self { surface, files: files.clone(), current: RwLock::new((Arc::new(key), stamp)) };
        identity.tell();
        Ok(Arc::new(identity))
    }

    /// What takes connections: the first of these protocols that the client knows is spoken.
    ///
    /// # Errors
    /// [`TlsError::Library`].
    pub(crate) fn acceptor(self: &Arc<Self>, protocols: &[&str]) -> Result<TlsAcceptor, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Takes the files anew whenever they change.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut refused = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let (files, known) = (self.files.clone(), self.current.read().unwrap_or_else(PoisonError::into_inner).1);
            let looked = tokio::task::spawn_blocking(move || {
                let stamp = stamp(&files);
                (stamp != known).then(|| (stamp, load(&files)))
            });
            match looked.await {
                Ok(Some((_, Ok(pair)))) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = (Arc::new(pair.0), pair.1);
                    refused = None;
                    tracing::info!(surface = self.surface, cert = %self.files.cert.display(), "the certificate was read again");
                    self.tell();
                }
                Ok(Some((stamp, Err(error)))) if refused != Some(stamp) => {
                    refused = Some(stamp);
                    let error = chain(&error);
                    tracing::warn!(surface = self.surface, error, "the new certificate is not used; the one before is");
                }
                Ok(_) => {}
                Err(error) => tracing::warn!(surface = self.surface, %error, "the certificate could not be looked at"),
            }
        }
    }

    /// Says until when the certificate is good.
    fn tell(&self) {
        let key = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).0);
        if let Some(facts) = key.cert.first().and_then(|first| Facts::read(first)) {
            // Exact up to 2^53 seconds.
            #[allow(clippy::cast_precision_loss, reason = "seconds since 1970")]
            let until = facts.until().timestamp() as f64;
            metrics::gauge!(metric::TLS_CERTIFICATE_UNTIL, "surface" => self.surface).set(until);
        }
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).0))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// Reads certificate and key, which must fit.
pub(super) fn load(files: &Tls) -> Result<(CertifiedKey, Stamp), TlsError> {
    // Before they are read: what changes meanwhile is read again.
    let stamp = stamp(files);
    let read =
        |path: &std::path::Path| std::fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source });
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&read(&files.cert)?).filter_map(Result::ok).collect();
    if chain.is_empty() {
        return Err(TlsError::Missing { path: files.cert.clone(), what: "certificate" });
    }
    let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?);
    let key =
        key.map_err(|_| TlsError::Missing { path: files.key.clone(), what: "private key without a pass phrase" })?;
    let key = CertifiedKey::from_der(chain, key, &provider());
    let unusable = |source| TlsError::Unusable { cert: files.cert.clone(), key: files.key.clone(), source };
    Ok((key.map_err(unusable)?, stamp))
}

fn stamp(files: &Tls) -> Stamp {
    [&files.cert, &files.key].map(|path| {
        let about = std::fs::metadata(path).ok()?;
        Some((about.ino(), about.len(), about.mtime(), about.mtime_nsec()))
    })
}
