//! [`Notification`]: one `wsnt:NotificationMessage` (Core Specification §9.5), out of a metadata stream or a `PullPoint`.

use chrono::{DateTime, Utc};
use tillsight_schemas::codes;

use super::time;
use super::xml::Element;

/// How much of a notification is kept as it was sent, in bytes.
pub(super) const MAX_RAW: usize = 16 << 10;

codes! {
    /// What became of a property (`PropertyOperation`).
    pub enum Operation {
        /// It is so: told to a new subscriber.
        Initialized = "Initialized",
        /// It has become so.
        Changed = "Changed",
        /// It is no more.
        Deleted = "Deleted",
    }
}

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notification {
    /// Its topic as written, e.g. `tns1:VideoSource/MotionAlarm`.
    pub topic: String,
    /// Its time as written.
    pub time_raw: String,
    /// Its time by the camera's clock.
    pub time: Option<DateTime<Utc>>,
    /// What became of the property; absent for events that are no property.
    pub operation: Option<Operation>,
    /// What it is about.
    pub source: Vec<(String, String)>,
    /// Which instance of it.
    pub key: Vec<(String, String)>,
    /// What it says.
    pub data: Vec<(String, String)>,
    /// As it was sent, at most 16 KiB.
    pub raw: String,
}

impl Notification {
    /// All notifications of an element, in order.
    pub(super) fn all(element: &Element, document: &[u8]) -> Vec<Self> {
        element.all("NotificationMessage").map(|message| Self::read(message, document)).collect()
    }

    fn read(element: &Element, document: &[u8]) -> Self {
        // `wsnt:Message` holds a `tt:Message`; some cameras leave one of the two out.
        let outer = element.child("Message");
        let message = outer.and_then(|outer| outer.child("Message")).or(outer);
        let time_raw = message.and_then(|message| message.attribute("UtcTime")).unwrap_or_default().to_owned();
        let items = |name: &str| message.and_then(|message| message.child(name)).map(items).unwrap_or_default();
        Self {
            topic: element.child("Topic").map(|topic| topic.text.clone()).unwrap_or_default(),
            time: time::parse(&time_raw),
            time_raw,
            operation: message
                .and_then(|message| message.attribute("PropertyOperation"))
                .and_then(|code| Operation::ALL.iter().copied().find(|known| known.as_str() == code)),
            source: items("Source"),
            key: items("Key"),
            data: items("Data"),
            raw: element.raw(document, MAX_RAW),
        }
    }
}

/// The `SimpleItem`s of a list; what an `ElementItem` holds is in the raw text only.
fn items(list: &Element) -> Vec<(String, String)> {
    let item = |item: &Element| Some((item.attribute("Name")?.to_owned(), item.attribute("Value")?.to_owned()));
    list.all("SimpleItem").filter_map(item).collect()
}
