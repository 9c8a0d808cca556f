//! [`discover`]: finds ONVIF devices in the network by WS-Discovery (OASIS 1.1, as the ONVIF Core Specification §7.3 uses
//! it): one question to everybody, answers for some seconds.
//!
//! Anybody in the network may answer. Answers are bounded in size and number, must name the question, and of the
//! addresses in them only those on the host that answered are taken.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::Instant;
use url::{Host, Url};

use super::identity::{short, text_of};
use super::xml::Element;

/// Where devices listen.
pub const PORT: u16 = 3702;
/// The group that all of them listen to.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 255, 250);
/// The most devices that are told of.
pub const MOST_FOUND: usize = 512;
/// The longest answer, in bytes: a datagram.
const LONGEST: usize = 64 << 10;
/// The most answers that are read, whoever sends them.
const MOST_ANSWERS: usize = 8_192;

/// A device that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where the answer came from.
    pub address: IpAddr,
    /// Its device service.
    pub service: Url,
    /// What it calls itself.
    pub name: Option<String>,
    /// Which model it says it is.
    pub hardware: Option<String>,
}

/// Asks everybody in the network, and these hosts by themselves (a network may not carry questions to everybody), and
/// collects answers for so long.
///
/// # Errors
/// No socket can be opened, or the question can be sent to nobody.
pub async fn discover(hosts: &[SocketAddr], to_all: bool, patience: Duration) -> std::io::Result<Vec<Found>> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.set_multicast_ttl_v4(1)?;
    let id = format!("urn:uuid:{}", uuid::Uuid::new_v4());
    let question = question(&id);
    let mut sent = 0_usize;
    let mut refused = None;
    let group = to_all.then_some(SocketAddr::from((GROUP, PORT)));
    for to in hosts.iter().copied().chain(group) {
        match socket.send_to(question.as_bytes(), to).await {
            Ok(_) => sent += 1,
            Err(error) => refused = Some(error),
        }
    }
    if let Some(error) = refused.filter(|_| sent == 0) {
        return Err(error);
    }
    let mut found = BTreeMap::new();
    let mut buffer = vec![0; LONGEST];
    let deadline = Instant::now() + patience;
    for _ in 0..MOST_ANSWERS {
        let Ok(received) = tokio::time::timeout_at(deadline, socket.recv_from(&mut buffer)).await else { break };
        // An answer of the kind "nobody listens there" from one of the hosts.
        let Ok((length, from)) = received else { continue };
        let answer = buffer.get(..length).unwrap_or_default();
        for one in answers(answer, &id, from.ip()) {
            if found.len() < MOST_FOUND {
                found.entry(one.service.clone()).or_insert(one);
            }
        }
    }
    Ok(found.into_values().collect())
}

fn question(id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\" \
         xmlns:a=\"http://schemas.xmlsoap.org/ws/2004/08/addressing\" \
         xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\" \
         xmlns:dn=\"http://www.onvif.org/ver10/network/wsdl\"><s:Header><a:MessageID>{id}</a:MessageID>\
         <a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>\
         <a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></s:Header>\
         <s:Body><d:Probe><d:Types>dn:NetworkVideoTransmitter</d:Types></d:Probe></s:Body></s:Envelope>"
    )
}

/// The devices that an answer names.
fn answers(document: &[u8], id: &str, from: IpAddr) -> Vec<Found> {
    let Ok(envelope) = Element::parse(document) else { return Vec::new() };
    if text_of(&envelope, "RelatesTo").as_deref() != Some(id) {
        return Vec::new();
    }
    let Some(matches) = envelope.find("ProbeMatches") else { return Vec::new() };
    let mut found = Vec::new();
    for one in matches.all("ProbeMatch") {
        let addresses = text_of(one, "XAddrs").unwrap_or_default();
        let mut named = addresses.split_whitespace().filter_map(|address| Url::parse(address).ok());
        let Some(service) = named.find(|url| is_on(url, from)) else { continue };
        let scopes = text_of(one, "Scopes").unwrap_or_default();
        let scope = |kind: &str| scopes.split_whitespace().find_map(|scope| scope_value(scope, kind));
        found.push(Found { address: from, service, name: scope("name"), hardware: scope("hardware") });
    }
    found
}

/// Whether an address lies on a host, and can be asked.
fn is_on(url: &Url, host: IpAddr) -> bool {
    let same = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address) == host,
        Some(Host::Ipv6(address)) => IpAddr::V6(address) == host,
        _ => false,
    };
    same && matches!(url.scheme(), "http" | "https")
}

/// `onvif://www.onvif.org/name/Front%20door`: the value of a scope of this kind.
fn scope_value(scope: &str, kind: &str) -> Option<String> {
    let value = scope.strip_prefix("onvif://www.onvif.org/")?.strip_prefix(kind)?.strip_prefix('/')?;
    let decoded: String =
        url::form_urlencoded::parse(format!("v={}", value.replace('+', "%2B").replace('&', "%26")).as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())?;
    Some(short(&decoded)).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(id: &str, address: &str) -> String {
        format!(
            "<e:Envelope xmlns:e='x' xmlns:w='y' xmlns:d='z'><e:Header><w:RelatesTo>{id}</w:RelatesTo></e:Header><e:Body>\
             <d:ProbeMatches><d:ProbeMatch><d:Scopes>onvif://www.onvif.org/type/video_encoder \
             onvif://www.onvif.org/name/Front%20door onvif://www.onvif.org/hardware/IPC-3</d:Scopes>\
             <d:XAddrs>http://[fe80::1]/onvif/device_service {address}</d:XAddrs></d:ProbeMatch></d:ProbeMatches></e:Body>\
             </e:Envelope>"
        )
    }

    #[tokio::test]
    async fn a_device_that_answers_is_found_once_with_its_name_and_a_liar_is_not() {
        let device = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = device.local_addr().unwrap();
        let answering = async {
            let mut buffer = vec![0; LONGEST];
            let (length, asker) = device.recv_from(&mut buffer).await.unwrap();
            let question = Element::parse(&buffer[..length]).unwrap();
            let id = text_of(&question, "MessageID").unwrap();
            let own = "http://127.0.0.1:8000/onvif/device_service";
            for said in [
                answer("urn:uuid:guessed", own),
                "<a/>".to_owned(),
                "not xml".to_owned(),
                answer(&id, "http://192.0.2.99/onvif/device_service"),
                answer(&id, "ftp://127.0.0.1/x"),
                answer(&id, own),
                answer(&id, own),
            ] {
                device.send_to(said.as_bytes(), asker).await.unwrap();
            }
        };
        let asked = [address];
        let (found, ()) = tokio::join!(discover(&asked, false, Duration::from_secs(2)), answering);
        let found = found.unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].service.as_str(), "http://127.0.0.1:8000/onvif/device_service");
        assert_eq!((found[0].name.as_deref(), found[0].hardware.as_deref()), (Some("Front door"), Some("IPC-3")));
    }

    #[test]
    fn scopes_of_other_kinds_and_strange_ones_are_passed_over() {
        assert_eq!(scope_value("onvif://www.onvif.org/name/A%2BB+C", "name").as_deref(), Some("A+B+C"));
        assert_eq!(scope_value("onvif://www.onvif.org/name/", "name"), None);
        assert_eq!(scope_value("odm:name:x", "name"), None);
    }
}
