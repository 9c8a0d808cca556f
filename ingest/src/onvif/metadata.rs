//! A document of an ONVIF metadata stream (`tt:MetadataStream`, Analytics Service Specification §5): frames with objects,
//! and notifications.
//!
//! Boxes come out in ten-thousandths of the picture from its upper left, whatever the camera counts in: ONVIF's own
//! system (−1 to 1, y upwards) or one of its own with a `tt:Transformation` into it.

use chrono::{DateTime, Utc};

use super::notification::Notification;
use super::time;
use super::xml::{Element, XmlError};

/// The most objects of a frame that are kept.
const MAX_OBJECTS: usize = 128;
/// How far outside the picture a corner may lie before the box is taken for one in unknown units.
const STRAY: f64 = 0.5;

/// Why a document tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// It is not XML that is read here.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// It is another kind of document.
    #[error("the document is a {0}, not a MetadataStream")]
    OtherDocument(String),
}

/// What a document says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Document {
    /// Its frames, in order.
    pub frames: Vec<Frame>,
    /// Its notifications, in order.
    pub notifications: Vec<Notification>,
}

/// A frame: what one analytics module of a camera sees at one time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frame {
    /// Its time as written.
    pub time_raw: String,
    /// Its time by the camera's clock.
    pub time: Option<DateTime<Utc>>,
    /// Which module of the camera (`Source`), where there are several.
    pub source: Option<String>,
    /// What it sees; nothing when the frame is empty.
    pub objects: Vec<Object>,
    /// Objects that it says have left.
    pub gone: Vec<i64>,
}

/// An object in a frame.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Object {
    /// Its number, the same from frame to frame.
    pub id: Option<i64>,
    /// Its most likely class, as the camera names it.
    pub class: Option<String>,
    /// The likelihood of that, in thousandths.
    pub likelihood_milli: Option<i32>,
    /// Where it is.
    pub edges: Option<Edges>,
}

/// A box, in ten-thousandths of width and height from the upper left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edges {
    /// Left edge.
    pub left: i32,
    /// Upper edge.
    pub top: i32,
    /// Right edge.
    pub right: i32,
    /// Lower edge.
    pub bottom: i32,
}

impl Document {
    /// Reads a document.
    ///
    /// # Errors
    /// [`Undecodable`], in words.
    pub fn read(document: &[u8]) -> Result<Self, Undecodable> {
        let root = Element::parse(document)?;
        if root.name != "MetadataStream" {
            return Err(Undecodable::OtherDocument(root.name));
        }
        let frames = root.all("VideoAnalytics").flat_map(|analytics| analytics.all("Frame")).map(frame).collect();
        let notifications = root.all("Event").flat_map(|event| Notification::all(event, document)).collect();
        Ok(Self { frames, notifications })
    }
}

fn frame(element: &Element) -> Frame {
    let transform = Transform::of(element);
    let time_raw = element.attribute("UtcTime").unwrap_or_default().to_owned();
    let deleted = element.all("ObjectTree").flat_map(|tree| tree.all("Delete"));
    Frame {
        time: time::parse(&time_raw),
        time_raw,
        source: element.attribute("Source").filter(|source| !source.is_empty()).map(str::to_owned),
        objects: element.all("Object").take(MAX_OBJECTS).map(|object| self::object(object, transform)).collect(),
        gone: deleted.filter_map(object_id).take(MAX_OBJECTS).collect(),
    }
}

fn object_id(element: &Element) -> Option<i64> {
    element.attribute("ObjectId")?.trim().parse().ok()
}

fn object(element: &Element, frame: Transform) -> Object {
    let appearance = element.child("Appearance");
    let class = appearance.and_then(class);
    Object {
        id: object_id(element),
        likelihood_milli: class.as_ref().and_then(|(_, likelihood)| *likelihood).map(milli),
        class: class.map(|(name, _)| name),
        edges: appearance.and_then(|appearance| edges(appearance, frame)),
    }
}

/// The likeliest class: `Class/Type@Likelihood`, or `Class/ClassCandidate` and `Class/Extension/OtherTypes` of cameras
/// before 2018; else what the camera describes.
fn class(appearance: &Element) -> Option<(String, Option<f64>)> {
    let classes = appearance.child("Class").into_iter();
    let candidates = classes.flat_map(|class| {
        let written = |element: &Element| {
            let likelihood = element.child("Likelihood").and_then(|likelihood| likelihood.text.parse().ok());
            element.child("Type").map(|name| (name.text.clone(), likelihood))
        };
        let plain = class.all("Type").map(|name| {
            (name.text.clone(), name.attribute("Likelihood").and_then(|likelihood| likelihood.parse().ok()))
        });
        let old = class.all("ClassCandidate").filter_map(written);
        let other = class.all("Extension").flat_map(|extension| extension.all("OtherTypes")).filter_map(written);
        plain.chain(old).chain(other).collect::<Vec<_>>()
    });
    let mut best: Option<(String, Option<f64>)> = None;
    for (name, likelihood) in candidates.filter(|(name, _)| !name.is_empty()) {
        let likelihood = likelihood.filter(|likelihood: &f64| likelihood.is_finite());
        // `Other` only points to `OtherTypes`.
        let beaten = best.as_ref().is_none_or(|(known, best)| known == "Other" || likelihood > *best);
        if beaten && !(best.is_some() && name == "Other") {
            best = Some((name, likelihood));
        }
    }
    best.or_else(|| {
        let described = [("HumanBody", "Human"), ("HumanFace", "Face"), ("VehicleInfo", "Vehicle")];
        let found = described.iter().find(|(child, _)| appearance.child(child).is_some());
        found.map(|(_, name)| ((*name).to_owned(), None))
    })
}

/// Some cameras write per cent.
#[expect(clippy::cast_possible_truncation, reason = "clamped")]
fn milli(likelihood: f64) -> i32 {
    let share = if likelihood > 1.0 { likelihood / 100.0 } else { likelihood };
    (share.clamp(0.0, 1.0) * 1000.0).round() as i32
}

/// `tt:Transformation`: what is written, times `scale`, plus `translate`, is in ONVIF's system.
#[derive(Debug, Clone, Copy)]
struct Transform {
    scale: (f64, f64),
    translate: (f64, f64),
}

impl Transform {
    /// The one of an element; without it nothing changes.
    fn of(element: &Element) -> Self {
        let pair = |name: &str, otherwise: f64| {
            let vector = element.at(&["Transformation", name]);
            let part = |axis| vector.and_then(|vector| number(vector, axis)).unwrap_or(otherwise);
            (part("x"), part("y"))
        };
        Self { scale: pair("Scale", 1.0), translate: pair("Translate", 0.0) }
    }

    fn apply(self, (x, y): (f64, f64)) -> (f64, f64) {
        (x * self.scale.0 + self.translate.0, y * self.scale.1 + self.translate.1)
    }
}

fn number(element: &Element, name: &str) -> Option<f64> {
    element.attribute(name)?.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

fn edges(appearance: &Element, frame: Transform) -> Option<Edges> {
    let own = Transform::of(appearance);
    let bounds = appearance.at(&["Shape", "BoundingBox"])?;
    let corner = |x, y| Some(frame.apply(own.apply((number(bounds, x)?, number(bounds, y)?))));
    let (one, other) = (corner("left", "top")?, corner("right", "bottom")?);
    // From −1…1 with y upwards to fractions of the picture with y downwards.
    let (xs, ys) = ([(one.0 + 1.0) / 2.0, (other.0 + 1.0) / 2.0], [(1.0 - one.1) / 2.0, (1.0 - other.1) / 2.0]);
    if xs.iter().chain(&ys).any(|part| !(-STRAY..=1.0 + STRAY).contains(part)) {
        return None;
    }
    let ([left, right], [top, bottom]) = (sorted(xs), sorted(ys));
    let edges = Edges { left, top, right, bottom };
    (edges.left < edges.right && edges.top < edges.bottom).then_some(edges)
}

#[expect(clippy::cast_possible_truncation, reason = "clamped")]
fn sorted(parts: [f64; 2]) -> [i32; 2] {
    let mut parts = parts.map(|part| (part.clamp(0.0, 1.0) * 10_000.0).round() as i32);
    parts.sort_unstable();
    parts
}
