//! [`Device`]: asks an ONVIF device. Each call says in words what it could not do.
//!
//! Addresses that a device gives are used on the configured host only, and redirections are not followed: a camera
//! cannot make the recorder ask somebody else.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{Client, StatusCode};
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::metric;
use url::Url;

use super::event::Origin;
use super::notification::Notification;
use super::soap::{Credentials, Request, answer};
use super::time::{self, CameraClock};
use super::xml::{Element, MAX_BYTES, XmlError};

/// How long a device may take to answer, beyond what it was allowed to wait.
const PATIENCE: Duration = Duration::from_secs(8);
/// How many notifications a device may give at once.
const MESSAGE_LIMIT: u32 = 100;
/// The longest reference parameters of a subscription that are sent back.
const MAX_REFERENCE: usize = 4 << 10;

/// Why a device did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DeviceError {
    /// It cannot be reached, or the connection broke.
    #[error("the camera at {url} does not answer {operation}")]
    Unreachable {
        /// Where.
        url: String,
        /// What was asked.
        operation: &'static str,
        /// Why.
        source: reqwest::Error,
    },
    /// It does not accept the login.
    #[error("the camera at {url} refuses the login {username}: check user name and password ({said})")]
    Login {
        /// Where.
        url: String,
        /// The user.
        username: String,
        /// What it said.
        said: String,
    },
    /// It refuses in SOAP.
    #[error("the camera at {url} refuses {operation}: {fault}")]
    Fault {
        /// Where.
        url: String,
        /// What was asked.
        operation: &'static str,
        /// What it said, and under which code.
        fault: String,
    },
    /// It answers something else.
    #[error("the camera at {url} answers {operation} with HTTP {status}, which is not SOAP")]
    Status {
        /// Where.
        url: String,
        /// What was asked.
        operation: &'static str,
        /// The status.
        status: StatusCode,
    },
    /// Its answer cannot be read.
    #[error("the camera at {url} answers {operation} with something that cannot be read: {problem}")]
    Answer {
        /// Where.
        url: String,
        /// What was asked.
        operation: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl DeviceError {
    /// The word for metrics.
    fn outcome(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Login { .. } => "login",
            Self::Fault { .. } | Self::Status { .. } => "refused",
            Self::Answer { .. } => "unreadable",
        }
    }
}

/// A subscription at a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    address: Url,
    /// What the device wants to hear again with each request, as XML.
    reference: String,
    /// How long it lasts unless it is renewed: cameras grant less than they are asked for.
    pub(super) granted: Duration,
}

/// What a device answered to `PullMessages`.
#[derive(Debug, Default)]
pub(super) struct Pulled {
    /// The notifications, in order.
    pub(super) notifications: Vec<Notification>,
    /// When they were received.
    pub(super) received: DateTime<Utc>,
}

/// A device.
#[derive(Debug)]
pub(super) struct Device {
    /// Whose requests are counted; nobody's while a camera is only tried.
    origin: Option<Origin>,
    url: Url,
    credentials: Option<Credentials>,
    http: Client,
    clock: SharedClock,
    /// How far its clock is from ours, once that is known.
    pub(super) offset: Option<CameraClock>,
}

impl Device {
    pub(super) fn new(origin: Option<Origin>, url: Url, credentials: Option<Credentials>, clock: SharedClock) -> Self {
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(PATIENCE)
            // Cameras close connections while they are idle and answer the next request on them with nothing.
            .pool_max_idle_per_host(0)
            .no_proxy()
            .build()
            .unwrap_or_default();
        Self { origin, url, credentials, http, clock, offset: None }
    }

    /// Where it is.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// Asks for its time, and keeps how far it is from ours. Needs no login (Core Specification §8.3.7).
    pub(super) async fn read_clock(&mut self) -> Result<CameraClock, DeviceError> {
        let operation = "GetSystemDateAndTime";
        let asked = self.clock.now();
        let action = "http://www.onvif.org/ver10/device/wsdl/GetSystemDateAndTime";
        let body = "<tds:GetSystemDateAndTime/>";
        let (content, _) = self.call(operation, &self.url, action, "", body, Duration::ZERO, false).await?;
        let answered = self.clock.now();
        let time = time::system_time(&content)
            .ok_or_else(|| self.unreadable(&self.url, operation, "it has no UTCDateTime"))?;
        let clock = CameraClock::measured(time, asked, answered);
        self.offset = Some(clock);
        Ok(clock)
    }

    /// Where its event service is.
    pub(super) async fn event_service(&self) -> Result<Url, DeviceError> {
        let operation = "GetCapabilities";
        let action = "http://www.onvif.org/ver10/device/wsdl/GetCapabilities";
        let body = "<tds:GetCapabilities><tds:Category>Events</tds:Category></tds:GetCapabilities>";
        let (content, _) = self.call(operation, &self.url, action, "", body, Duration::ZERO, true).await?;
        let address = content.find("Events").and_then(|events| events.child("XAddr")).map(|address| &address.text);
        // Devices that claim to have no events and have them answer at the device's own address.
        Ok(address.and_then(|address| self.own(address)).unwrap_or_else(|| self.url.clone()))
    }

    /// Makes a subscription that lasts so long.
    pub(super) async fn subscribe(&self, events: &Url, lifetime: Duration) -> Result<Subscription, DeviceError> {
        let operation = "CreatePullPointSubscription";
        let action = "http://www.onvif.org/ver10/events/wsdl/EventPortType/CreatePullPointSubscriptionRequest";
        // Some devices fail without InitialTerminationTime, and absolute times need clocks that agree.
        let body = format!(
            "<tev:CreatePullPointSubscription><tev:InitialTerminationTime>PT{}S</tev:InitialTerminationTime>\
             </tev:CreatePullPointSubscription>",
            lifetime.as_secs()
        );
        let (content, document) = self.call(operation, events, action, "", &body, Duration::ZERO, true).await?;
        let reference = content.find("SubscriptionReference");
        let address = reference.and_then(|reference| reference.child("Address"));
        let address = address
            .and_then(|address| self.own(&address.text))
            .ok_or_else(|| self.unreadable(events, operation, "it has no address of the subscription"))?;
        let parameters = reference.and_then(|reference| reference.child("ReferenceParameters"));
        let parameters = parameters.map(|parameters| &parameters.children).into_iter().flatten();
        let reference: String = parameters
            .map(|parameter| parameter.raw(&document, MAX_REFERENCE))
            // Only what stands for itself: a prefix may be declared further up.
            .filter(|text| Element::parse(text.as_bytes()).is_ok() && (!prefixed(text) || text.contains("xmlns:")))
            .collect();
        Ok(Subscription { address, reference, granted: granted(&content).unwrap_or(lifetime) })
    }

    /// Waits at the device for notifications, so long at most.
    pub(super) async fn pull(&self, subscription: &Subscription, wait: Duration) -> Result<Pulled, DeviceError> {
        let operation = "PullMessages";
        let action = "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/PullMessagesRequest";
        let body = format!(
            "<tev:PullMessages><tev:Timeout>PT{}S</tev:Timeout><tev:MessageLimit>{MESSAGE_LIMIT}</tev:MessageLimit>\
             </tev:PullMessages>",
            wait.as_secs()
        );
        let (to, headers) = (&subscription.address, &subscription.reference);
        let (content, document) = self.call(operation, to, action, headers, &body, wait, true).await?;
        Ok(Pulled { notifications: Notification::all(&content, &document), received: self.clock.now() })
    }

    /// Makes a subscription last so long from now on, or as long as the device grants.
    pub(super) async fn renew(&self, subscription: &mut Subscription, lifetime: Duration) -> Result<(), DeviceError> {
        let action = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest";
        let body =
            format!("<wsnt:Renew><wsnt:TerminationTime>PT{}S</wsnt:TerminationTime></wsnt:Renew>", lifetime.as_secs());
        let (to, headers) = (&subscription.address, &subscription.reference);
        let (content, _) = self.call("Renew", to, action, headers, &body, Duration::ZERO, true).await?;
        subscription.granted = granted(&content).unwrap_or(lifetime);
        Ok(())
    }

    /// Ends a subscription.
    pub(super) async fn unsubscribe(&self, subscription: &Subscription) -> Result<(), DeviceError> {
        let action = "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest";
        let (to, headers) = (&subscription.address, &subscription.reference);
        self.call("Unsubscribe", to, action, headers, "<wsnt:Unsubscribe/>", Duration::ZERO, true).await.map(|_| ())
    }

    /// An address that the device gave, on the host that is configured.
    pub(super) fn own(&self, address: &str) -> Option<Url> {
        let given = Url::parse(address.trim()).ok()?;
        if !matches!(given.scheme(), "http" | "https") {
            return None;
        }
        if given.host() == self.url.host() {
            return Some(given);
        }
        // A camera behind address translation names its inner address.
        let mut own = self.url.clone();
        own.set_path(given.path());
        own.set_query(given.query());
        Some(own)
    }

    #[expect(clippy::too_many_arguments, reason = "one place sends; its callers are the operations above")]
    pub(super) async fn call(
        &self,
        operation: &'static str,
        to: &Url,
        action: &str,
        headers: &str,
        body: &str,
        wait: Duration,
        login: bool,
    ) -> Result<(Element, Vec<u8>), DeviceError> {
        let result = self.exchange(operation, to, action, headers, body, wait, login).await;
        let outcome = result.as_ref().map_or_else(DeviceError::outcome, |_| "ok");
        if let Some(origin) = &self.origin {
            let mut labels = origin.labels().to_vec();
            labels.extend([("operation", operation.to_owned()), ("outcome", outcome.to_owned())]);
            metrics::counter!(metric::ONVIF_REQUESTS, &labels).increment(1);
        }
        result
    }

    #[expect(clippy::too_many_arguments, reason = "see `call`")]
    async fn exchange(
        &self,
        operation: &'static str,
        to: &Url,
        action: &str,
        headers: &str,
        body: &str,
        wait: Duration,
        login: bool,
    ) -> Result<(Element, Vec<u8>), DeviceError> {
        let now = self.clock.now();
        let created = self.offset.map_or(now, |offset| offset.theirs(now));
        let login = self.credentials.as_ref().filter(|_| login).map(|who| (who, created));
        let envelope = Request { to: to.as_str(), action, headers, body }.envelope(login);
        let unreachable = |source| DeviceError::Unreachable { url: to.to_string(), operation, source };
        let request = self
            .http
            .post(to.clone())
            .header("content-type", format!("application/soap+xml; charset=utf-8; action=\"{action}\""))
            .timeout(wait + PATIENCE)
            .body(envelope);
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let mut document = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if document.len() + chunk.len() > MAX_BYTES {
                return Err(self.unreadable(
                    to,
                    operation,
                    &XmlError::TooLong(document.len() + chunk.len()).to_string(),
                ));
            }
            document.extend_from_slice(&chunk);
        }
        match answer(&document) {
            Ok(Ok(content)) if status.is_success() => Ok((content, document)),
            Ok(Err(fault)) if fault.is_login() => Err(self.refused(to, fault.to_string())),
            Ok(Err(fault)) => Err(DeviceError::Fault { url: to.to_string(), operation, fault: fault.to_string() }),
            _ if status == StatusCode::UNAUTHORIZED => Err(self.refused(to, "HTTP 401".to_owned())),
            Err(problem) if status.is_success() => Err(self.unreadable(to, operation, &problem.to_string())),
            _ => Err(DeviceError::Status { url: to.to_string(), operation, status }),
        }
    }

    fn refused(&self, to: &Url, said: String) -> DeviceError {
        let username = self.credentials.as_ref().map_or("(none is configured)", Credentials::username).to_owned();
        DeviceError::Login { url: to.to_string(), username, said }
    }

    pub(super) fn unreadable(&self, to: &Url, operation: &'static str, problem: &str) -> DeviceError {
        DeviceError::Answer { url: to.to_string(), operation, problem: problem.to_owned() }
    }
}

/// How long a subscription lasts, by the device's own clock.
fn granted(response: &Element) -> Option<Duration> {
    let time = |name: &str| time::parse(&response.child(name)?.text);
    (time("TerminationTime")? - time("CurrentTime")?).to_std().ok().filter(|granted| !granted.is_zero())
}

fn prefixed(element: &str) -> bool {
    element.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next().is_some_and(|tag| tag.contains(':'))
}
