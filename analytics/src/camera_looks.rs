//! [`CameraLooks`]: turns what a camera sees by itself (ONVIF metadata frames, as `CameraEvent`s) into [`Look`]s.
//!
//! The events of one frame lie next to each other in the topic and share time and module, so a frame is over when the
//! next event belongs to another one, or when the caller says that nothing more comes. A camera may have several
//! analytics modules, each of which reports only what it knows: a look holds the latest of all of them, and nobody is
//! absent because the module for faces saw none.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::camera_event::{CameraEvent, CameraEventKind};
use tillsight_schemas::presence::PresenceSource;

use crate::look::{Found, Look};

/// How long the last frame of a module counts beside frames of others.
pub const MODULE_MEMORY: TimeDelta = TimeDelta::seconds(2);
/// The most modules of a camera that are remembered.
const MAX_MODULES: usize = 8;
/// What presence calls a human being.
pub const PERSON: &str = "person";
/// What is something, nobody says what.
pub const UNCLASSIFIED: &str = "object";

/// The looks of one camera.
#[derive(Debug, Default)]
pub struct CameraLooks {
    /// The frame that is being put together.
    open: Option<Open>,
    /// What each module saw last.
    modules: BTreeMap<Option<String>, (DateTime<Utc>, Vec<Found>)>,
}

#[derive(Debug)]
struct Open {
    at: DateTime<Utc>,
    module: Option<String>,
    found: Vec<Found>,
    /// Something is there of which the camera does not say where: then nobody can be called absent.
    somewhere: bool,
}

impl CameraLooks {
    /// Takes the next event of the camera, of whatever kind; returns the look that it ends, if it ends one.
    pub fn push(&mut self, event: &CameraEvent) -> Option<Look> {
        if !matches!(event.kind, CameraEventKind::Object | CameraEventKind::Scene) {
            return None;
        }
        let same = |open: &Open| open.at == event.event_time && open.module == event.subject;
        let ended = if self.open.as_ref().is_some_and(same) { None } else { self.flush() };
        let open = self.open.get_or_insert_with(|| Open {
            at: event.event_time,
            module: event.subject.clone(),
            found: Vec::new(),
            somewhere: false,
        });
        if event.kind == CameraEventKind::Object {
            match found(event) {
                Some(found) => open.found.push(found),
                None => open.somewhere = true,
            }
        }
        ended
    }

    /// Ends the frame that is being put together: nothing more of it will come. To be called when no event has come
    /// for about half a second. A frame that cannot say where somebody is gives no look.
    pub fn flush(&mut self) -> Option<Look> {
        let open = self.open.take()?;
        if open.somewhere {
            self.modules.remove(&open.module);
            return None;
        }
        let Open { at, module, found, .. } = open;
        self.modules.retain(|_, (seen, _)| (at - *seen).abs() <= MODULE_MEMORY);
        if self.modules.contains_key(&module) || self.modules.len() < MAX_MODULES {
            self.modules.insert(module, (at, found));
        }
        let found = self.modules.values().flat_map(|(_, found)| found.iter().cloned()).collect();
        Some(Look { at, run: None, pts: None, found, moving: None, source: PresenceSource::Camera })
    }
}

fn found(event: &CameraEvent) -> Option<Found> {
    let share =
        |edge: Option<i32>| edge.and_then(|edge| u16::try_from(edge).ok()).map(|edge| f32::from(edge) / 10_000.0);
    let likelihood = event.likelihood_milli.and_then(|milli| u16::try_from(milli).ok());
    Some(Found {
        track: event.object_id,
        label: label(event.object_class.as_deref()),
        // A camera that gives no likelihood states it as a fact.
        score: likelihood.map_or(1.0, |milli| f32::from(milli) / 1000.0),
        left: share(event.left)?,
        top: share(event.top)?,
        right: share(event.right)?,
        bottom: share(event.bottom)?,
    })
}

/// ONVIF's `ObjectType` and the names that cameras use for people, as presence calls them; others in small letters.
fn label(class: Option<&str>) -> String {
    match class.unwrap_or(UNCLASSIFIED).to_ascii_lowercase().as_str() {
        "human" | "person" | "humanbody" | "humanface" | "face" | "head" | "pedestrian" | "people" => PERSON.to_owned(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, ms: i64, module: Option<&str>, class: Option<&str>, left: Option<i32>) -> CameraEvent {
        let mut event: CameraEvent =
            serde_json::from_str(include_str!("../../schemas/samples/v1/camera_event.json")).unwrap();
        event.kind = serde_json::from_value(kind.into()).unwrap();
        event.event_time = DateTime::from_timestamp_millis(1_760_000_000_000 + ms).unwrap();
        event.subject = module.map(str::to_owned);
        event.object_class = class.map(str::to_owned);
        event.left = left;
        (event.top, event.right, event.bottom) = (Some(2000), Some(6000), Some(9000));
        event.likelihood_milli = Some(610);
        event
    }

    #[test]
    fn the_objects_of_a_frame_are_one_look() {
        let mut looks = CameraLooks::default();
        assert_eq!(looks.push(&event("object", 0, None, Some("Human"), Some(1000))), None);
        assert_eq!(looks.push(&event("object", 0, None, Some("Vehicle"), Some(5000))), None);
        assert_eq!(looks.push(&event("motion", 50, None, None, None)), None);
        let look = looks.push(&event("scene", 200, None, None, None)).unwrap();
        let labels: Vec<_> = look.found.iter().map(|found| (found.label.as_str(), found.left)).collect();
        assert_eq!(labels, [("person", 0.1), ("vehicle", 0.5)]);
        assert!((look.found[0].score - 0.61).abs() < 1e-6);
        let nobody = looks.flush().unwrap();
        assert_eq!((nobody.found.len(), nobody.source), (0, PresenceSource::Camera));
        assert_eq!(looks.flush(), None);
    }

    #[test]
    fn a_module_that_sees_nobody_does_not_hide_whom_another_sees() {
        let mut looks = CameraLooks::default();
        looks.push(&event("object", 0, Some("people"), Some("Human"), Some(1000)));
        looks.push(&event("scene", 100, Some("faces"), None, None));
        assert_eq!(looks.flush().unwrap().found.len(), 1);
        // The module for people has been silent for too long.
        looks.push(&event("scene", 3000, Some("faces"), None, None));
        assert_eq!(looks.flush().unwrap().found.len(), 0);
    }

    #[test]
    fn somebody_somewhere_is_no_look_at_all() {
        let mut looks = CameraLooks::default();
        looks.push(&event("object", 0, None, Some("Human"), None));
        assert_eq!(looks.flush(), None);
    }
}
