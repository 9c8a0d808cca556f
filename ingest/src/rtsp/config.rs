//! [`StreamConfig`]: one stream of one camera, and how to reach it.

use std::time::Duration;

use tillsight_schemas::segment::StreamKey;
use url::Url;

/// How RTP packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// Within the RTSP connection (RFC 2326 §10.12): nothing is lost unless the camera drops it.
    #[default]
    Tcp,
    /// As datagrams; packets out of order are lost.
    Udp,
}

/// How to read one stream.
#[derive(Clone)]
pub struct StreamConfig {
    /// Which stream.
    pub key: StreamKey,
    /// Where it is, `rtsp://host[:port]/path`, without credentials.
    pub url: Url,
    /// User name and password (RFC 2617 basic or digest).
    pub credentials: Option<(String, String)>,
    /// How packets travel.
    pub transport: Transport,
    /// Whether sound is read, where there is AAC.
    pub audio: bool,
    /// Whether an ONVIF metadata track is read, where there is one.
    pub metadata: bool,
    /// Whether the camera's clock leads (it is set by NTP), instead of the arrival of its pictures.
    pub trust_sender_reports: bool,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long the next picture may take before the connection is given up.
    pub frame_timeout: Duration,
    /// The longest pause between two attempts to connect.
    pub max_backoff: Duration,
}

impl StreamConfig {
    /// A stream with the default settings: TCP, sound and metadata where there are any, 10 s for connecting and for the
    /// next picture, pauses of at most 3 s. Credentials in the URL are taken out of it.
    pub fn new(key: StreamKey, mut url: Url) -> Self {
        let mut credentials = None;
        if !url.username().is_empty() {
            let password = url.password().unwrap_or_default().to_owned();
            credentials = Some((url.username().to_owned(), password));
            // Both fail only for URLs without a host, which cannot be connected to anyway.
            url.set_username("").ok();
            url.set_password(None).ok();
        }
        Self {
            key,
            url,
            credentials,
            transport: Transport::Tcp,
            audio: true,
            metadata: true,
            trust_sender_reports: false,
            connect_timeout: Duration::from_secs(10),
            frame_timeout: Duration::from_secs(10),
            max_backoff: Duration::from_secs(3),
        }
    }
}

impl std::fmt::Debug for StreamConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamConfig")
            .field("key", &self.key.to_string())
            .field("url", &self.url.as_str())
            .field("credentials", &self.credentials.as_ref().map(|(user, _)| user))
            .field("transport", &self.transport)
            .finish_non_exhaustive()
    }
}
