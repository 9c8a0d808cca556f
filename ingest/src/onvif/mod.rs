//! What cameras say by themselves, over ONVIF: the metadata track of the RTSP session ([`MetadataTrack`]) and the events
//! of a subscription ([`PullPoint`]); both become `CameraEvent`s on `lp.cam.event.v1` ([`outbox()`]). And how a camera is
//! found ([`discover`]) and asked what it is ([`describe`]) when somebody sets it up.
//!
//! Nothing a camera sends can stop or fill this process: documents are bounded, undecodable ones counted, queues lossy
//! and counted. ONVIF's names are kept (topic, source, `UtcTime` as written), whatever we make of them.

mod device;
mod discovery;
mod event;
mod identity;
mod metadata;
mod notification;
mod outbox;
mod pull_point;
mod scene;
mod sha1;
mod soap;
#[cfg(test)]
mod tests;
mod time;
mod topic;
mod track;
mod xml;

pub use device::DeviceError;
pub use discovery::{Found, MOST_FOUND, PORT as DISCOVERY_PORT, discover};
pub use event::{Moment, Origin};
pub use identity::{Described, Identity, Profile, describe, device_service};
pub use metadata::{Document, Edges, Frame, Object, Undecodable};
pub use notification::{Notification, Operation};
pub use outbox::{DEPTH, Dispatcher, Outbox, outbox};
pub use pull_point::{PullConfig, PullPoint};
pub use scene::{INTERVAL, Scene, Taken};
pub use soap::Credentials;
pub use time::CameraClock;
pub use topic::Meaning;
pub use track::MetadataTrack;
pub use xml::XmlError;
