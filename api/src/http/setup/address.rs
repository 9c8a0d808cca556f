//! [`Place`]: where a camera is thought to be, and which addresses are asked at all.

use tillsight_ingest::onvif::device_service;
use url::{Host, Url};

/// Where a camera is thought to be.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Its streams are known.
    Streams {
        /// The main one.
        main: Url,
        /// The small one.
        sub: Option<Url>,
    },
    /// Its device service tells.
    Device(Url),
}

impl Place {
    pub(super) fn host(&self) -> Option<&str> {
        match self {
            Self::Streams { main, .. } => main.host_str(),
            Self::Device(url) => url.host_str(),
        }
    }

    /// Host and port: behind one there may be many cameras.
    pub(super) fn device(&self) -> String {
        let (url, port) = match self {
            Self::Streams { main, .. } => (main, 554),
            Self::Device(url) => (url, 80),
        };
        let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
        format!("{host}:{}", url.port_or_known_default().unwrap_or(port))
    }

    pub(super) fn shown(&self) -> &str {
        match self {
            Self::Streams { main, .. } => main.as_str(),
            Self::Device(url) => url.as_str(),
        }
    }
}

/// Whether an address may be asked: a camera is an RTSP or HTTP server of a network of the shop, not the directory of a
/// cloud's machine, and not everybody.
pub(super) fn allowed(address: &str) -> Result<Url, String> {
    let url = Url::parse(address.trim()).map_err(|error| format!("{address:?} is no address: {error}"))?;
    if !matches!(url.scheme(), "rtsp" | "http" | "https") || !url.has_host() {
        return Err(format!("{address:?} is neither rtsp:// nor http://"));
    }
    let host = url.host_str().unwrap_or_default();
    // Of other schemes than HTTP the address keeps hosts as they were typed: what is an IP address in disguise is one.
    let plain = Url::parse(&format!("http://{host}/")).map_err(|error| format!("{host:?} is no host: {error}"))?;
    let refused = match plain.host() {
        Some(Host::Ipv4(ip)) => {
            ip.octets() == [169, 254, 169, 254] || ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast()
        }
        Some(Host::Ipv6(ip)) => {
            let mapped = ip.to_ipv4_mapped().is_some_and(|ip| ip.octets() == [169, 254, 169, 254]);
            mapped || ip.is_unspecified() || ip.is_multicast() || ip.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("metadata.google.internal"),
        None => true,
    };
    if refused { Err(format!("{host} is no address of a camera")) } else { Ok(url) }
}

/// Reads what was typed: the address of a stream, or of a device.
pub(super) fn place(typed: &str) -> Result<Place, String> {
    let typed = typed.trim();
    if typed.starts_with("rtsp:") {
        let main = allowed(typed)?;
        if !main.username().is_empty() || main.password().is_some() {
            return Err("put user name and password into their own fields, not into the address".to_owned());
        }
        return Ok(Place::Streams { main, sub: None });
    }
    let device = device_service(typed)?;
    allowed(device.as_str())?;
    Ok(Place::Device(device))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_a_camera_is_asked() {
        for good in ["rtsp://192.0.2.1/x", "http://10.0.0.1:8000/", "rtsp://[fd00::1]/x", "rtsp://127.0.0.1:8554/film"]
        {
            assert!(allowed(good).is_ok(), "{good}");
        }
        for bad in [
            "rtsp://169.254.169.254/x",
            "rtsp://2852039166/x",
            "rtsp://0xa9.0xfe.0xa9.0xfe/x",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
            "http://metadata.google.internal/",
            "rtsp://0.0.0.0/x",
            "rtsp://239.1.1.1/x",
            "file:///etc/passwd",
            "gopher://192.0.2.1/",
            "",
        ] {
            assert!(allowed(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_typed_is_a_stream_or_a_device() {
        assert!(matches!(place("rtsp://192.0.2.1/x"), Ok(Place::Streams { sub: None, .. })));
        assert!(matches!(place("192.0.2.1"), Ok(Place::Device(_))));
        assert!(place("rtsp://u:p@192.0.2.1/x").unwrap_err().contains("own fields"));
        assert!(place("169.254.169.254").is_err());
    }

    #[test]
    fn channels_of_a_recorder_are_one_device() {
        let device = |typed: &str| place(typed).unwrap().device();
        assert_eq!(device("rtsp://NVR.shop/channel/1"), "nvr.shop:554");
        assert_eq!(device("rtsp://nvr.shop:554/channel/2"), "nvr.shop:554");
        assert_eq!(device("192.0.2.1"), "192.0.2.1:80");
        assert_eq!(device("https://192.0.2.1/onvif/2"), "192.0.2.1:443");
        assert_eq!(device("http://192.0.2.1:8000/"), "192.0.2.1:8000");
    }
}
