//! Documents of the shapes that cameras send, and what becomes of them.

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use tillsight_schemas::camera_event::{CameraEvent, CameraEventKind as Kind, CameraEventVia};
use tokio::sync::mpsc::Receiver;

use super::outbox::queues;
use super::*;
use crate::rtsp::Metadata;

const AT: i64 = 1_760_000_000_000_000;

/// A camera that counts in pixels of 640 × 480 and names classes in both ways.
const PIXELS: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:VideoAnalytics>
<tt:Frame UtcTime="2026-03-01T09:00:00.250Z" Source="People">
 <tt:Transformation><tt:Translate x="-1.0" y="1.0"/><tt:Scale x="0.003125" y="-0.0041666667"/></tt:Transformation>
 <tt:Object ObjectId="7"><tt:Appearance>
  <tt:Shape><tt:BoundingBox left="160" top="120" right="320" bottom="480"/><tt:CenterOfGravity x="240" y="300"/></tt:Shape>
  <tt:Class><tt:ClassCandidate><tt:Type>Human</tt:Type><tt:Likelihood>0.61</tt:Likelihood></tt:ClassCandidate>
   <tt:Type Likelihood="0.61">Human</tt:Type></tt:Class>
 </tt:Appearance></tt:Object>
 <tt:ObjectTree><tt:Delete ObjectId="3"/></tt:ObjectTree>
</tt:Frame></tt:VideoAnalytics></tt:MetadataStream>"#;

/// A camera without prefixes that counts in ONVIF's own system.
const PLAIN: &str = r#"<MetadataStream xmlns="http://www.onvif.org/ver10/schema"><VideoAnalytics>
<Frame UtcTime="2026-03-01T09:00:00Z"><Object ObjectId="1"><Appearance><Shape>
<BoundingBox left="-0.5" right="0.5" top="0.8" bottom="-1.0"/></Shape>
<Class><ClassCandidate><Type>Other</Type><Likelihood>0.9</Likelihood></ClassCandidate>
<Extension><OtherTypes><Type>Trolley</Type><Likelihood>45</Likelihood></OtherTypes></Extension></Class>
</Appearance></Object></Frame></VideoAnalytics></MetadataStream>"#;

const TAMPER: &str = r#"<t:MetadataStream xmlns:t="http://www.onvif.org/ver10/schema"
 xmlns:n="http://docs.oasis-open.org/wsn/b-2" xmlns:tns1="http://www.onvif.org/ver10/topics"><t:Event>
<n:NotificationMessage><n:Topic Dialect="x">tns1:VideoSource/GlobalSceneChange/ImagingService</n:Topic><n:Message>
<t:Message UtcTime="2026-03-01T09:00:00Z" PropertyOperation="Changed"><t:Source>
<t:SimpleItem Name="Source" Value="lens_1"/></t:Source><t:Data><t:SimpleItem Name="State" Value="true"/></t:Data>
</t:Message></n:Message></n:NotificationMessage></t:Event></t:MetadataStream>"#;

fn origin() -> Origin {
    Origin { tenant: "acme".parse().unwrap(), store: "17".parse().unwrap(), camera: "till-1".parse().unwrap() }
}

fn message(xml: &str, after_ms: i64) -> Metadata {
    let utc_us = AT + after_ms * 1000;
    Metadata {
        stream: std::sync::Arc::new("acme/17/till-1/main".parse().unwrap()),
        run: 1,
        pts: after_ms * 90,
        utc_us,
        arrived_us: utc_us + 30_000,
        xml: bytes::Bytes::copy_from_slice(xml.as_bytes()),
    }
}

struct Track {
    track: MetadataTrack,
    frames: Receiver<CameraEvent>,
    events: Receiver<CameraEvent>,
}

impl Track {
    fn new() -> Self {
        let (outbox, frames, events) = queues(64);
        Self { track: MetadataTrack::new(origin(), outbox), frames, events }
    }

    /// What a document gives, frames first.
    fn say(&mut self, xml: &str, after_ms: i64) -> Vec<CameraEvent> {
        self.track.document(&message(xml, after_ms));
        self.all()
    }

    fn all(&mut self) -> Vec<CameraEvent> {
        std::iter::from_fn(|| self.frames.try_recv().or_else(|_| self.events.try_recv()).ok()).collect()
    }
}

fn kinds(events: &[CameraEvent]) -> Vec<Kind> {
    events.iter().map(|event| event.kind).collect()
}

fn frame(time: &str, objects: &str) -> String {
    format!(
        "<MetadataStream><VideoAnalytics><Frame UtcTime='{time}'>{objects}</Frame></VideoAnalytics></MetadataStream>"
    )
}

#[test]
fn a_person_in_pixels_becomes_a_box_in_the_picture() {
    let events = Track::new().say(PIXELS, 0);
    assert_eq!(kinds(&events), [Kind::ObjectGone, Kind::Object]);
    let person = &events[1];
    assert_eq!(
        (person.left, person.top, person.right, person.bottom),
        (Some(2500), Some(2500), Some(5000), Some(10_000))
    );
    assert_eq!((person.object_class.as_deref(), person.likelihood_milli), (Some("Human"), Some(610)));
    assert_eq!((person.object_id, events[0].object_id), (Some(7), Some(3)));
    assert_eq!(
        (person.event_time_raw.as_str(), person.subject.as_deref()),
        ("2026-03-01T09:00:00.250Z", Some("People"))
    );
    // The recorder's clock says when, not the camera's.
    assert_eq!(person.event_time.timestamp_micros(), AT);
}

#[test]
fn onvif_s_own_coordinates_have_y_upwards_and_other_classes_are_named() {
    let events = Track::new().say(PLAIN, 0);
    let trolley = &events[0];
    assert_eq!(
        (trolley.left, trolley.top, trolley.right, trolley.bottom),
        (Some(2500), Some(1000), Some(7500), Some(10_000))
    );
    assert_eq!((trolley.object_class.as_deref(), trolley.likelihood_milli), (Some("Trolley"), Some(450)));
}

#[test]
fn a_box_in_unknown_units_is_no_box() {
    let objects = "<Object ObjectId='1'><Appearance><Shape><BoundingBox left='100' top='50' right='300' bottom='400'/></Shape></Appearance></Object>";
    let events = Track::new().say(&frame("2026-03-01T09:00:00Z", objects), 0);
    assert_eq!((events[0].kind, events[0].left), (Kind::Object, None));
}

#[test]
fn an_empty_frame_says_that_nobody_is_there_and_who_has_left() {
    let mut track = Track::new();
    let someone = "<Object ObjectId='4'><Appearance><Shape><BoundingBox left='0' top='0' right='.5' bottom='-.5'/></Shape></Appearance></Object>";
    assert_eq!(kinds(&track.say(&frame("2026-03-01T09:00:00.0Z", someone), 0)), [Kind::Object]);
    // Still there, without saying where.
    let still = track.say(&frame("2026-03-01T09:00:00.4Z", "<Object ObjectId='4'/>"), 400);
    assert_eq!((kinds(&still), still[0].left), (vec![Kind::Object], Some(5000)));
    let left = track.say(&frame("2026-03-01T09:00:00.8Z", ""), 800);
    assert_eq!((kinds(&left), left[0].object_id), (vec![Kind::ObjectGone, Kind::Scene], Some(4)));
}

#[test]
fn a_notification_in_the_stream_is_the_same_statement_as_a_pulled_one() {
    let events = Track::new().say(TAMPER, 0);
    assert_eq!((kinds(&events), events[0].state), (vec![Kind::Tamper], Some(true)));
    assert_eq!(events[0].subject.as_deref(), Some("lens_1"));
    assert!(events[0].raw.as_ref().unwrap().starts_with("<n:NotificationMessage>"));
    let notification = &Document::read(TAMPER.as_bytes()).unwrap().notifications[0];
    assert_eq!(notification.operation, Some(Operation::Changed));
    let received = DateTime::from_timestamp_micros(AT).unwrap();
    let clock = CameraClock { offset_us: 5_000_000, uncertainty_us: 520_000 };
    let moment = Moment::of_notification(notification, Some(clock), received);
    let pulled = origin().notified(notification, CameraEventVia::PullPoint, moment);
    assert_eq!(pulled.event_id, events[0].event_id);
    assert_eq!(pulled.event_time, "2026-03-01T09:00:05Z".parse::<DateTime<Utc>>().unwrap());
    assert_eq!((pulled.event_time_raw.as_str(), pulled.time_uncertainty_us), ("2026-03-01T09:00:00Z", 1_520_000));
    // Told again it is the same; another state, time or camera is another one.
    let other = TAMPER.replace("Value=\"true\"", "Value=\"false\"");
    let other = &Document::read(other.as_bytes()).unwrap().notifications[0];
    assert_ne!(origin().notified(other, CameraEventVia::PullPoint, moment).event_id, pulled.event_id);
    let elsewhere = Origin { camera: "till-2".parse().unwrap(), ..origin() };
    assert_ne!(elsewhere.notified(notification, CameraEventVia::PullPoint, moment).event_id, pulled.event_id);
}

#[test]
fn an_unknown_topic_is_kept_as_it_was_sent() {
    let strange = TAMPER.replace("tns1:VideoSource/GlobalSceneChange/ImagingService", "acme:Coffee/Empty");
    let events = Track::new().say(&strange, 0);
    assert_eq!((events[0].kind, events[0].topic.as_deref()), (Kind::Other, Some("acme:Coffee/Empty")));
    assert!(events[0].raw.as_ref().unwrap().contains("Coffee"));
}

#[test]
fn at_most_five_frames_a_second_and_never_without_the_last() {
    let mut track = Track::new();
    let someone = |id: i64| format!("<Object ObjectId='{id}'/>");
    let mut frames = 0;
    for n in 0..30 {
        let time = format!("2026-03-01T09:00:00.{:03}Z", n * 33);
        frames += track.say(&frame(&time, &someone(1)), n * 33).len();
    }
    assert_eq!(frames, 5);
    // Two more within the interval: the last one waits, and knows who left in the one that was passed over.
    assert!(track.say(&frame("2026-03-01T09:00:01.000Z", &someone(2)), 985).is_empty());
    assert!(track.say(&frame("2026-03-01T09:00:01.010Z", ""), 990).is_empty());
    track.track.rest();
    let last = track.all();
    assert_eq!(kinds(&last), [Kind::ObjectGone, Kind::ObjectGone, Kind::Scene]);
    track.track.rest();
    assert!(track.all().is_empty());
}

#[test]
fn frames_of_one_document_lie_as_far_apart_as_the_camera_says() {
    let frames = "<Frame UtcTime='2026-03-01T09:00:00.0Z'/><Frame UtcTime='2026-03-01T09:00:00.5Z'/>";
    let document = format!("<MetadataStream><VideoAnalytics>{frames}</VideoAnalytics></MetadataStream>");
    let events = Track::new().say(&document, 1000);
    assert_eq!(kinds(&events), [Kind::Scene, Kind::Scene]);
    assert_eq!(events[1].event_time - events[0].event_time, TimeDelta::milliseconds(500));
    assert_ne!(events[0].event_id, events[1].event_id);
}

#[test]
fn what_cannot_be_read_is_counted_and_the_next_document_is_read() {
    let mut track = Track::new();
    for broken in ["", "\u{1f}\u{8b}gzip", "<tt:MetadataStream", "<Envelope/>", "<!DOCTYPE a><MetadataStream/>"] {
        assert!(track.say(broken, 0).is_empty(), "{broken:?}");
    }
    assert_eq!(track.track.undecodable(), 5);
    assert_eq!(kinds(&track.say(PIXELS, 0)), [Kind::ObjectGone, Kind::Object]);
}

#[test]
fn a_full_queue_loses_the_newest_and_keeps_alarms_apart_from_frames() {
    let mut track = Track::new();
    for n in 0..100 {
        track.track.document(&message(&frame("", ""), n * 200));
    }
    track.track.document(&message(TAMPER, 0));
    let events = track.all();
    assert_eq!(events.iter().filter(|event| event.kind == Kind::Scene).count(), 64);
    assert_eq!(events.last().unwrap().kind, Kind::Tamper);
    // Without a time of the camera's, ours tells them apart.
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event.event_id).collect();
    assert_eq!(ids.len(), 65);
}

proptest! {
    #[test]
    fn truncated_and_damaged_documents_never_panic(
        which in 0..3_usize,
        cut in 0..2000_usize,
        damage in proptest::collection::vec((0..2000_usize, any::<u8>()), 0..8),
    ) {
        let mut bytes = [PIXELS, PLAIN, TAMPER][which].as_bytes().to_vec();
        bytes.truncate(cut);
        for (at, byte) in damage {
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        let mut track = Track::new();
        track.track.document(&Metadata { xml: bytes.into(), ..message("", 0) });
        track.track.rest();
        for event in track.all() {
            prop_assert!(event.left.is_none_or(|left| (0..=10_000).contains(&left)));
        }
    }

    #[test]
    fn numbers_of_any_size_never_panic(numbers in proptest::collection::vec(any::<f64>(), 8), id in "\\PC{0,24}") {
        let [a, b, c, d, e, f, g, h] = numbers[..] else { return Ok(()) };
        let id = quick_xml::escape::escape(id.as_str()).into_owned();
        let objects = format!(
            "<Transformation><Translate x='{a}' y='{b}'/><Scale x='{c}' y='{d}'/></Transformation>\
             <Object ObjectId='{id}'><Appearance><Shape><BoundingBox left='{e}' top='{f}' right='{g}' bottom='{h}'/></Shape>\
             <Class><Type Likelihood='{a}'>{id}</Type></Class></Appearance></Object>"
        );
        let mut track = Track::new();
        track.track.document(&message(&frame(&id, &objects), 0));
        prop_assert!(track.all().iter().all(|event| event.left.is_none_or(|left| (0..10_000).contains(&left))));
    }
}
