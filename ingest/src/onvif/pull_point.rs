//! [`PullPoint`]: subscribes to the events of a camera and pulls them, for ever.
//!
//! There is never more than one subscription of ours: the one before is ended before the next is made, and one that
//! could not be ended expires within a minute. Each new subscription is told the state of all properties, so what
//! happened in between is known by its result; the ids make repetitions harmless.

use std::time::Duration;

use rand::RngExt as _;
use tillsight_schemas::camera_event::CameraEventVia;
use tillsight_schemas::clock::SharedClock;
use tillsight_schemas::error::chain;
use tillsight_schemas::metric;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::device::{Device, DeviceError, Subscription};
use super::event::{Moment, Origin};
use super::outbox::Outbox;
use super::soap::Credentials;

/// How often the camera's clock is read.
const READ_CLOCK: Duration = Duration::from_secs(600);
/// The longest pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How long ending a subscription may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// How to pull.
#[derive(Debug, Clone)]
pub struct PullConfig {
    /// Whose events they are.
    pub origin: Origin,
    /// The device service, e.g. `http://192.0.2.17/onvif/device_service`.
    pub device: Url,
    /// The login, if the camera wants one.
    pub credentials: Option<Credentials>,
    /// How long the camera may wait for an event before it answers.
    pub wait: Duration,
    /// How long a subscription lasts unless it is renewed; it is renewed after a third of that.
    pub lifetime: Duration,
    /// The longest pause between two attempts.
    pub max_pause: Duration,
    /// The longest pause after a refused login: cameras lock users out who try too often.
    pub max_login_pause: Duration,
}

impl PullConfig {
    /// The default settings.
    pub fn new(origin: Origin, device: Url, credentials: Option<Credentials>) -> Self {
        Self {
            origin,
            device,
            credentials,
            wait: Duration::from_secs(10),
            lifetime: Duration::from_secs(60),
            max_pause: Duration::from_secs(15),
            max_login_pause: Duration::from_secs(120),
        }
    }
}

/// Pulls the events of one camera.
#[derive(Debug)]
pub struct PullPoint {
    config: PullConfig,
    device: Device,
    outbox: Outbox,
    /// The subscription that may exist at the camera.
    subscription: Option<Subscription>,
    clock_read: Option<Instant>,
}

impl PullPoint {
    /// Prepares to pull; nothing happens before [`Self::run`].
    pub fn new(config: PullConfig, outbox: Outbox, clock: SharedClock) -> Self {
        let device = Device::new(Some(config.origin.clone()), config.device.clone(), config.credentials.clone(), clock);
        Self { config, device, outbox, subscription: None, clock_read: None }
    }

    /// Pulls until `stop` is cancelled, and ends the subscription then.
    pub async fn run(mut self, stop: CancellationToken) {
        let labels = self.config.origin.labels();
        let mut pause = FIRST_PAUSE;
        let mut said = String::new();
        while !stop.is_cancelled() {
            let mut subscribed = false;
            let error = tokio::select! {
                () = stop.cancelled() => break,
                error = self.session(&mut subscribed) => error,
            };
            metrics::gauge!(metric::ONVIF_SUBSCRIBED, &labels).set(0.0);
            if subscribed {
                pause = FIRST_PAUSE;
                said.clear();
            }
            let words = chain(&error);
            if words == said {
                tracing::debug!(camera = %self.config.origin, error = %words, "no events, still");
            } else {
                tracing::warn!(camera = %self.config.origin, error = %words, "no events from the camera");
                said = words;
            }
            let longest = match error {
                DeviceError::Login { .. } => self.config.max_login_pause,
                _ => self.config.max_pause,
            };
            // Full jitter: cameras that lost power together do not come back to us in step.
            let wait = pause.mul_f64(rand::rng().random_range(0.0..1.0));
            pause = (pause * 2).min(longest);
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.end_subscription().await;
    }

    /// Subscribes and pulls until something fails.
    async fn session(&mut self, subscribed: &mut bool) -> DeviceError {
        match self.follow(subscribed).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn follow(&mut self, subscribed: &mut bool) -> Result<std::convert::Infallible, DeviceError> {
        self.end_subscription().await;
        self.read_clock().await?;
        let events = self.device.event_service().await?;
        let mut renewed = Instant::now();
        let mut subscription = self.device.subscribe(&events, self.config.lifetime).await?;
        self.subscription = Some(subscription.clone());
        *subscribed = true;
        metrics::gauge!(metric::ONVIF_SUBSCRIBED, &self.config.origin.labels()).set(1.0);
        tracing::info!(camera = %self.config.origin, url = %self.device.url(), "subscribed to the camera's events");
        loop {
            let third = (subscription.granted.min(self.config.lifetime) / 3).max(Duration::from_secs(1));
            if renewed.elapsed() >= third {
                let now = Instant::now();
                self.device.renew(&mut subscription, self.config.lifetime).await?;
                renewed = now;
            }
            if self.clock_read.is_none_or(|read| read.elapsed() >= READ_CLOCK) {
                self.read_clock().await?;
            }
            let begun = Instant::now();
            let pulled = self.device.pull(&subscription, self.config.wait.min(third)).await?;
            let empty = pulled.notifications.is_empty();
            for notification in &pulled.notifications {
                let moment = Moment::of_notification(notification, self.device.offset, pulled.received);
                self.outbox.event(self.config.origin.notified(notification, CameraEventVia::PullPoint, moment));
            }
            if empty && begun.elapsed() < Duration::from_millis(100) {
                // A camera that does not wait would be asked without end.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
    }

    async fn read_clock(&mut self) -> Result<(), DeviceError> {
        match self.device.read_clock().await {
            Ok(clock) => {
                self.clock_read = Some(Instant::now());
                #[expect(clippy::cast_precision_loss, reason = "a gauge for people")]
                let seconds = clock.offset_us as f64 / 1e6;
                metrics::gauge!(metric::CAMERA_CLOCK_OFFSET, &self.config.origin.labels()).set(seconds);
                Ok(())
            }
            // Some devices want a login even for that, or do not know it: then their times are taken as they are, with
            // a bound that says so.
            Err(error @ (DeviceError::Login { .. } | DeviceError::Fault { .. } | DeviceError::Status { .. })) => {
                self.clock_read = Some(Instant::now());
                tracing::debug!(camera = %self.config.origin, error = %chain(&error), "its clock cannot be read");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the subscription that may still exist; one that cannot be ended expires by itself.
    async fn end_subscription(&mut self) {
        let Some(subscription) = self.subscription.take() else { return };
        match tokio::time::timeout(FAREWELL, self.device.unsubscribe(&subscription)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(camera = %self.config.origin, error = %chain(&error), "not unsubscribed"),
            Err(_) => tracing::debug!(camera = %self.config.origin, "unsubscribing took too long"),
        }
    }
}
