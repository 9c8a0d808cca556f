//! [`describe`]: asks a device what it is, how far its clock is from ours, and which streams it has.
//!
//! Media service version 1 (ONVIF Media Service Specification). The login is tried once: the first operation that wants
//! one and does not get it ends the asking. Addresses of streams are taken over to the host that was asked.

use std::time::Duration;

use tillsight_schemas::clock::SharedClock;
use url::{Host, Url};

use super::device::{Device, DeviceError};
use super::soap::Credentials;
use super::time::CameraClock;
use super::xml::Element;

/// The most profiles that are asked for their address: cameras have two to eight.
const MOST_PROFILES: usize = 12;
/// The longest name that is taken over, in characters.
const LONGEST_NAME: usize = 80;

/// What a device says it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Identity {
    /// Who made it.
    pub manufacturer: String,
    /// Which model.
    pub model: String,
    /// Which firmware.
    pub firmware: String,
}

/// A stream that a device has.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// What the device calls it.
    pub name: String,
    /// Its address, without credentials.
    pub url: Url,
    /// The codec as the device writes it: `H264`, `JPEG`, `MPEG4`.
    pub encoding: Option<String>,
    /// Width in pixels.
    pub width: Option<u32>,
    /// Height in pixels.
    pub height: Option<u32>,
}

/// What a device said.
#[derive(Debug, Clone, PartialEq)]
pub struct Described {
    /// What it is.
    pub identity: Identity,
    /// How far its clock is from ours, when it told.
    pub clock: Option<CameraClock>,
    /// Its streams, in its order.
    pub profiles: Vec<Profile>,
}

impl Described {
    /// The stream to be recorded: the largest one.
    pub fn main(&self) -> Option<&Profile> {
        self.profiles.iter().filter(|profile| profile.is_video()).max_by_key(|profile| profile.pixels())
    }

    /// The stream to be looked at: the largest H.264 stream that is smaller than the main one and not larger than 1280
    /// by 720.
    pub fn sub(&self) -> Option<&Profile> {
        let main = self.main()?;
        let fits = |profile: &&Profile| {
            profile.encoding.as_deref() == Some("H264")
                && profile.url != main.url
                && (1..=1280 * 720).contains(&profile.pixels())
                && profile.pixels() < main.pixels()
        };
        self.profiles.iter().filter(fits).max_by_key(|profile| profile.pixels())
    }
}

impl Profile {
    fn pixels(&self) -> u64 {
        u64::from(self.width.unwrap_or(0)) * u64::from(self.height.unwrap_or(0))
    }

    fn is_video(&self) -> bool {
        !matches!(self.encoding.as_deref(), Some("JPEG" | "MPEG4"))
    }
}

/// The address of the device service of a host, as most cameras have it.
///
/// # Errors
/// What was typed is no host, in words.
pub fn device_service(address: &str) -> Result<Url, String> {
    let text = address.trim();
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let mut url = Url::parse(&text).map_err(|error| format!("{address:?} is no address: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("{address:?} is no address of a camera: 192.0.2.17, or http://192.0.2.17:8000"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("put user name and password into their own fields, not into the address".to_owned());
    }
    if matches!(url.path(), "" | "/") {
        url.set_path("/onvif/device_service");
    }
    Ok(url)
}

/// Asks a device.
///
/// # Errors
/// [`DeviceError`]: it is not reached, refuses the login, or is no ONVIF device.
pub async fn describe(
    url: Url,
    credentials: Option<Credentials>,
    clock: SharedClock,
) -> Result<Described, DeviceError> {
    let mut device = Device::new(None, url, credentials, clock);
    // Its clock first: a digest is made with its time. Some want a login even for that.
    let clock = match device.read_clock().await {
        Ok(clock) => Some(clock),
        Err(error @ (DeviceError::Unreachable { .. } | DeviceError::Status { .. })) => return Err(error),
        Err(_) => None,
    };
    let identity = device.identity().await?;
    let profiles = device.profiles().await?;
    Ok(Described { identity, clock, profiles })
}

impl Device {
    async fn identity(&self) -> Result<Identity, DeviceError> {
        let action = "http://www.onvif.org/ver10/device/wsdl/GetDeviceInformation";
        let body = "<tds:GetDeviceInformation/>";
        let (content, _) =
            self.call("GetDeviceInformation", self.url(), action, "", body, Duration::ZERO, true).await?;
        let text = |name: &str| content.child(name).map(|element| short(&element.text)).unwrap_or_default();
        Ok(Identity { manufacturer: text("Manufacturer"), model: text("Model"), firmware: text("FirmwareVersion") })
    }

    /// Its streams; one whose address it does not give is left out.
    async fn profiles(&self) -> Result<Vec<Profile>, DeviceError> {
        let media = self.media_service().await?;
        let action = "http://www.onvif.org/ver10/media/wsdl/GetProfiles";
        let (content, _) =
            self.call("GetProfiles", &media, action, "", "<trt:GetProfiles/>", Duration::ZERO, true).await?;
        let mut profiles = Vec::new();
        for profile in content.all("Profiles").take(MOST_PROFILES) {
            let Some(token) = profile.attribute("token") else { continue };
            let Some(encoder) = profile.child("VideoEncoderConfiguration") else { continue };
            let number = |path: [&str; 2]| encoder.at(&path)?.text.parse::<u32>().ok();
            let url = match self.stream_address(&media, token).await {
                Ok(Some(url)) => url,
                Ok(None) => continue,
                Err(error @ (DeviceError::Login { .. } | DeviceError::Unreachable { .. })) => return Err(error),
                Err(error) => {
                    tracing::debug!(%error, token, "a profile without an address is left out");
                    continue;
                }
            };
            profiles.push(Profile {
                name: profile.child("Name").map_or_else(|| short(token), |name| short(&name.text)),
                url,
                encoding: encoder.child("Encoding").map(|encoding| short(&encoding.text)),
                width: number(["Resolution", "Width"]),
                height: number(["Resolution", "Height"]),
            });
        }
        Ok(profiles)
    }

    async fn media_service(&self) -> Result<Url, DeviceError> {
        let action = "http://www.onvif.org/ver10/device/wsdl/GetCapabilities";
        let body = "<tds:GetCapabilities><tds:Category>Media</tds:Category></tds:GetCapabilities>";
        let (content, _) = self.call("GetCapabilities", self.url(), action, "", body, Duration::ZERO, true).await?;
        let address = content.find("Media").and_then(|media| media.child("XAddr")).map(|address| &address.text);
        Ok(address.and_then(|address| self.own(address)).unwrap_or_else(|| self.url().clone()))
    }

    async fn stream_address(&self, media: &Url, token: &str) -> Result<Option<Url>, DeviceError> {
        let action = "http://www.onvif.org/ver10/media/wsdl/GetStreamUri";
        let token = quick_xml::escape::escape(token);
        let body = format!(
            "<trt:GetStreamUri><trt:StreamSetup><tt:Stream>RTP-Unicast</tt:Stream><tt:Transport>\
             <tt:Protocol>RTSP</tt:Protocol></tt:Transport></trt:StreamSetup>\
             <trt:ProfileToken>{token}</trt:ProfileToken></trt:GetStreamUri>"
        );
        let (content, _) = self.call("GetStreamUri", media, action, "", &body, Duration::ZERO, true).await?;
        let given = content.find("Uri").map(|uri| uri.text.as_str()).unwrap_or_default();
        Ok(own_stream(given, self.url()))
    }
}

/// The address of a stream that a device gave, on the host that was asked: a camera cannot send us to somebody else.
fn own_stream(given: &str, asked: &Url) -> Option<Url> {
    let mut url = Url::parse(given.trim()).ok().filter(|url| url.scheme() == "rtsp" && url.has_host())?;
    let host = match asked.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => format!("[{address}]"),
    };
    url.set_host(Some(&host)).ok()?;
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url)
}

/// A text of a device as one line of bounded length.
pub(super) fn short(text: &str) -> String {
    let printable = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(LONGEST_NAME).collect()
}

/// The text of the first element of this name, as one line.
pub(super) fn text_of(element: &Element, name: &str) -> Option<String> {
    element.find(name).map(|found| found.text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(name: &str, encoding: &str, width: u32, height: u32) -> Profile {
        Profile {
            name: name.into(),
            url: Url::parse(&format!("rtsp://192.0.2.1/{name}")).unwrap(),
            encoding: Some(encoding.into()),
            width: Some(width),
            height: Some(height),
        }
    }

    #[test]
    fn the_largest_stream_is_recorded_and_the_largest_small_one_looked_at() {
        let profiles = vec![
            profile("small", "H264", 320, 180),
            profile("main", "H264", 2560, 1440),
            profile("medium", "H264", 1280, 720),
            profile("stills", "JPEG", 3840, 2160),
        ];
        let camera = Described { identity: Identity::default(), clock: None, profiles };
        let names =
            |camera: &Described| (camera.main().map(|one| one.name.clone()), camera.sub().map(|one| one.name.clone()));
        assert_eq!(names(&camera), (Some("main".into()), Some("medium".into())));
        let one = Described { profiles: vec![profile("only", "H264", 640, 360)], ..camera };
        assert_eq!(names(&one), (Some("only".into()), None));
    }

    #[test]
    fn a_camera_cannot_send_us_to_somebody_else() {
        let asked = Url::parse("http://192.0.2.17:8000/onvif/device_service").unwrap();
        let own = |given: &str| own_stream(given, &asked).map(String::from);
        assert_eq!(own("rtsp://10.0.0.5:554/a?b=1"), Some("rtsp://192.0.2.17:554/a?b=1".into()));
        assert_eq!(own("rtsp://u:p@192.0.2.17/a"), Some("rtsp://192.0.2.17/a".into()));
        assert_eq!(own("http://192.0.2.17/a"), None);
        assert_eq!(own(""), None);
    }

    #[test]
    fn what_was_typed_becomes_the_address_of_the_device_service() {
        let service = |text: &str| device_service(text).map(String::from);
        assert_eq!(service(" 192.0.2.17 ").unwrap(), "http://192.0.2.17/onvif/device_service");
        assert_eq!(service("camera-3.shop:8000").unwrap(), "http://camera-3.shop:8000/onvif/device_service");
        assert_eq!(service("https://192.0.2.17/own/path").unwrap(), "https://192.0.2.17/own/path");
        assert!(service("rtsp://192.0.2.17/x").unwrap_err().contains("192.0.2.17"));
        assert!(service("http://u:p@192.0.2.17").unwrap_err().contains("own fields"));
        assert!(service("a b").is_err());
    }
}
