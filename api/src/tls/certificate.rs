//! What a certificate says of itself: from when to when, for which names. And whether it will do.
//!
//! Only what a person asks for is read, from the DER form of X.509 (RFC 5280 §4.1); whether clients trust it is for them to
//! say. Bytes that are not understood give no facts, never wrong ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::PermissionsExt as _;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use tillsight_schemas::error::chain;
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::server::ParsedCertificate;

use super::identity::load;
use crate::config::Tls;

/// A certificate that ends sooner is not good any more.
const SOON: TimeDelta = TimeDelta::days(14);
/// `subjectAltName`: 2.5.29.17.
const ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
    /// Names and addresses that it is good for.
    names: Vec<String>,
}

/// What was found out about the files of a surface.
#[derive(Debug)]
pub(crate) struct Examined {
    /// What it is, or what is wrong and how to cure it.
    pub(crate) finding: Result<String, String>,
    /// What works and should be otherwise.
    pub(crate) warning: Option<String>,
}

/// Looks at the files as they would be used now; `host` is what people type.
pub(crate) fn examine(files: &Tls, host: Option<&str>, now: DateTime<Utc>) -> Examined {
    Examined { finding: judge(files, host, now), warning: loose_key(files) }
}

fn judge(files: &Tls, host: Option<&str>, now: DateTime<Utc>) -> Result<String, String> {
    let (key, _) = load(files).map_err(|error| chain(&error))?;
    let cert = files.cert.display();
    let first = key.cert.first().ok_or_else(|| format!("{cert} is empty"))?;
    let facts = Facts::read(first).ok_or_else(|| format!("{cert} is no X.509 certificate that can be read"))?;
    let Facts { from, until, names } = facts;
    let renew = "renew it; the files are read again while tillsight runs";
    if now < from {
        return Err(format!("{cert} is not valid before {from}: look at the clock of this machine"));
    }
    if until <= now {
        return Err(format!("{cert} ended at {until}: {renew}"));
    }
    let days = (until - now).num_days();
    if until - now < SOON {
        return Err(format!("{cert} ends at {until}, in {days} days: {renew}"));
    }
    if names.is_empty() {
        return Err(format!(
            "{cert} names no host: make it anew with subjectAltName, no client looks at anything else"
        ));
    }
    let names = names.join(", ");
    if let Some(host) = host
        && let Ok(name) = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
        && ParsedCertificate::try_from(first).and_then(|parsed| verify_server_name(&parsed, &name)).is_err()
    {
        return Err(format!("{cert} is for {names}, and http.public_url says {host}: make them agree"));
    }
    Ok(format!("{cert} for {names}, until {}, {days} days; its key fits", until.format("%Y-%m-%d")))
}

fn loose_key(files: &Tls) -> Option<String> {
    let key = files.key.display();
    let mode = std::fs::metadata(&files.key).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| format!("{key} can be read by everybody on this machine: chmod 640 {key}"))
}

impl Facts {
    /// Reads a certificate.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let mut all = Der(Der(der).part(SEQUENCE)?);
        let mut fields = Der(all.part(SEQUENCE)?);
        let (tag, _) = fields.next()?;
        if tag == VERSION {
            fields.next()?; // serial number
        }
        fields.next()?; // algorithm
        fields.next()?; // issuer
        let mut validity = Der(fields.part(SEQUENCE)?);
        let (from, until) = (time(validity.next()?)?, time(validity.next()?)?);
        fields.next()?; // subject
        fields.next()?; // key
        let mut names = Vec::new();
        while let Some((tag, value)) = fields.next() {
            if tag == EXTENSIONS {
                let mut extensions = Der(Der(value).part(SEQUENCE)?);
                while let Some((_, extension)) = extensions.next() {
                    names.extend(alternative_names(extension).unwrap_or_default());
                }
            }
        }
        Some(Self { from, until, names })
    }

    /// Until when it is good.
    pub(super) fn until(&self) -> DateTime<Utc> {
        self.until
    }
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const OCTETS: u8 = 0x04;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// The rest of a list of tag, length and value.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (value, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, value))
    }

    fn part(&mut self, expected: u8) -> Option<&'a [u8]> {
        self.next().and_then(|(tag, value)| (tag == expected).then_some(value))
    }
}

fn time((tag, value): (u8, &[u8])) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(value).ok()?;
    let text = match tag {
        // Two digits of the year: 1950 to 2049.
        UTC_TIME => format!("{}{text}", if text.as_bytes().first()? < &b'5' { "20" } else { "19" }),
        GENERAL_TIME => text.to_owned(),
        _ => return None,
    };
    NaiveDateTime::parse_from_str(&text, "%Y%m%d%H%M%SZ").ok().map(|time| time.and_utc())
}

fn alternative_names(extension: &[u8]) -> Option<Vec<String>> {
    let mut parts = Der(extension);
    if parts.part(OBJECT)? != ALT_NAME {
        return None;
    }
    let mut value = parts.next()?;
    if value.0 != OCTETS {
        value = parts.next()?; // after "critical"
    }
    let mut names = Der(Der(value.1).part(SEQUENCE)?);
    let mut found = Vec::new();
    while let Some((tag, name)) = names.next() {
        match tag {
            DNS_NAME => found.push(std::str::from_utf8(name).ok()?.to_owned()),
            IP_ADDRESS => found.push(address(name)?.to_string()),
            _ => {}
        }
    }
    Some(found)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))).ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    /// A self-signed certificate, made by `openssl` in this folder.
    pub(crate) fn make(folder: &Path, days: u32, names: &str) -> Tls {
        let files = Tls { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/"]);
        openssl.arg("-keyout").arg(&files.key).arg("-out").arg(&files.cert).args(["-days", &days.to_string()]);
        if !names.is_empty() {
            openssl.arg("-addext").arg(format!("subjectAltName={names}"));
        }
        let said = openssl.output().unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        files
    }

    #[allow(clippy::disallowed_methods, reason = "openssl dates certificates by the machine's clock")]
    fn now() -> DateTime<Utc> {
        Utc::now()
    }

    #[test]
    fn check_says_until_when_and_for_whom_a_certificate_is_good() {
        let dir = tempfile::tempdir().unwrap();
        let files = make(dir.path(), 90, "DNS:shop.example,DNS:*.shop.example,IP:192.0.2.7,IP:2001:db8::7");
        let said = examine(&files, Some("till.shop.example"), now()).finding.unwrap();
        for part in ["shop.example, *.shop.example, 192.0.2.7, 2001:db8::7", "89 days", "its key fits"] {
            assert!(said.contains(part), "{said}");
        }
        assert!(examine(&files, Some("192.0.2.7"), now()).finding.is_ok());
        let other = examine(&files, Some("other.example"), now()).finding.unwrap_err();
        assert!(other.contains("public_url says other.example"), "{other}");
    }

    #[test]
    fn a_certificate_that_ends_soon_has_ended_or_names_nobody_is_bad_and_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let files = make(dir.path(), 90, "DNS:shop.example");
        for (days, part) in [(80, "in 9 days: renew it"), (91, "ended at"), (-2, "not valid before")] {
            let said = examine(&files, None, now() + TimeDelta::days(days)).finding.unwrap_err();
            assert!(said.contains(part), "{said}");
        }
        let nameless = make(dir.path(), 90, "");
        assert!(examine(&nameless, None, now()).finding.unwrap_err().contains("subjectAltName"));
    }

    #[test]
    fn files_that_do_not_fit_say_so() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = make(dir.path(), 90, "DNS:shop.example");
        let strange = Tls { key: make(other.path(), 90, "DNS:shop.example").key, ..files.clone() };
        let said = examine(&strange, None, now()).finding.unwrap_err();
        assert!(said.contains("must be the one that this certificate was made for"), "{said}");
        let swapped = Tls { cert: files.key.clone(), key: files.cert.clone() };
        assert!(examine(&swapped, None, now()).finding.unwrap_err().contains("holds no certificate"));
        let nowhere = Tls { key: dir.path().join("nowhere"), ..files };
        assert!(examine(&nowhere, None, now()).finding.unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn a_key_that_everybody_can_read_is_a_warning() {
        let dir = tempfile::tempdir().unwrap();
        let files = make(dir.path(), 90, "DNS:shop.example");
        for (mode, warned) in [(0o600, false), (0o640, false), (0o644, true)] {
            std::fs::set_permissions(&files.key, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(examine(&files, None, now()).warning.is_some(), warned, "{mode:o}");
        }
    }

    #[test]
    fn cut_and_twisted_bytes_are_no_certificate_and_nothing_worse() {
        let dir = tempfile::tempdir().unwrap();
        let (key, _) = load(&make(dir.path(), 90, "DNS:shop.example")).unwrap();
        let der = key.cert[0].to_vec();
        assert!(Facts::read(&der).is_some());
        for length in 0..der.len() {
            assert_eq!(Facts::read(&der[..length]), None);
        }
        for place in 0..der.len() {
            let mut twisted = der.clone();
            twisted[place] ^= 0xff;
            drop(Facts::read(&twisted));
        }
    }
}
