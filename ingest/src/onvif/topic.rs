//! What a topic means to a shop. Unknown topics are kept as they are and never dropped.
//!
//! Cameras say the same under several topics (motion alone under three); each statement keeps its topic, so whoever
//! counts can tell them apart.

use tillsight_schemas::camera_event::CameraEventKind as Kind;

use super::notification::{Notification, Operation};

/// Parts of topics, and what they mean. The first that fits decides.
const MEANINGS: &[(&[&str], Kind)] = &[
    (
        &[
            "GlobalSceneChange",
            "ImageTooBlurry",
            "ImageTooDark",
            "ImageTooBright",
            "Tampering",
            "TamperDetector",
            "Tamper",
        ],
        Kind::Tamper,
    ),
    (&["SignalLoss", "SignalLost", "VideoLoss", "VideoLost"], Kind::Signal),
    (&["DigitalInput"], Kind::Input),
    (&["CountAggregation", "OccupancyCounter", "Counter"], Kind::Count),
    (&["FieldDetector", "LineDetector", "LoiteringDetector", "ObjectsInside", "Crossed"], Kind::Field),
    (&["MotionAlarm", "CellMotionDetector", "MotionRegionDetector", "Motion"], Kind::Motion),
];

/// Items that say on or off, whatever the topic.
const STATES: &[&str] =
    &["State", "IsMotion", "LogicalState", "IsInside", "IsTamper", "IsLoitering", "Detected", "Active", "Value"];
/// Items that say what a statement is about, the most telling first.
const SUBJECTS: &[&str] = &["Rule", "RuleName", "InputToken", "VideoSource", "VideoSourceToken", "Source"];

/// What a notification means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meaning {
    /// What kind of statement it is.
    pub kind: Kind,
    /// What it is about.
    pub subject: Option<String>,
    /// On or off.
    pub state: Option<bool>,
    /// The count.
    pub count: Option<i64>,
    /// The object it speaks of.
    pub object_id: Option<i64>,
}

impl Meaning {
    /// Of a notification.
    pub fn of(notification: &Notification) -> Self {
        let parts: Vec<&str> =
            notification.topic.split('/').map(|part| part.rsplit(':').next().unwrap_or(part).trim()).collect();
        let fits = |names: &[&str]| parts.iter().any(|part| names.contains(part));
        let kind = MEANINGS.iter().find(|(names, _)| fits(names)).map_or(Kind::Other, |(_, kind)| *kind);
        let subject = SUBJECTS.iter().find_map(|name| item(&notification.source, name));
        let subject = subject.or_else(|| notification.source.first().map(|(_, value)| value.as_str()));
        let state = STATES.iter().find_map(|name| item(&notification.data, name)).and_then(on_or_off);
        let object = item(&notification.data, "ObjectId").or_else(|| item(&notification.key, "ObjectId"));
        Self {
            kind,
            subject: subject.filter(|subject| !subject.is_empty()).map(str::to_owned),
            state: match (notification.operation, kind) {
                // An object is in the field no more; of any other property it is not known any more.
                (Some(Operation::Deleted), Kind::Field) => Some(false),
                (Some(Operation::Deleted), _) => None,
                _ => state,
            },
            count: (kind == Kind::Count).then(|| item(&notification.data, "Count")?.trim().parse().ok()).flatten(),
            object_id: object.and_then(|id| id.trim().parse().ok()),
        }
    }
}

fn item<'a>(items: &'a [(String, String)], name: &str) -> Option<&'a str> {
    items.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn on_or_off(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "on" | "active" => Some(true),
        "false" | "0" | "off" | "inactive" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(topic: &str, source: (&str, &str), data: (&str, &str), operation: Option<Operation>) -> Meaning {
        let pair = |(name, value): (&str, &str)| vec![(name.to_owned(), value.to_owned())];
        Meaning::of(&Notification {
            topic: topic.to_owned(),
            source: pair(source),
            data: pair(data),
            operation,
            ..Notification::default()
        })
    }

    #[test]
    fn the_topics_of_the_shop_are_understood() {
        let cases = [
            ("tns1:VideoSource/MotionAlarm", ("Source", "0"), ("State", "1"), Kind::Motion, Some(true)),
            (
                "tns1:RuleEngine/CellMotionDetector/Motion",
                ("Rule", "r"),
                ("IsMotion", "false"),
                Kind::Motion,
                Some(false),
            ),
            (
                "tns1:VideoSource/GlobalSceneChange/ImagingService",
                ("Source", "v"),
                ("State", "true"),
                Kind::Tamper,
                Some(true),
            ),
            (
                "tns1:VideoSource/ImageTooDark/AnalyticsService",
                ("Source", "v"),
                ("State", "true"),
                Kind::Tamper,
                Some(true),
            ),
            ("tns1:VideoSource/SignalLoss", ("Source", "v"), ("State", "true"), Kind::Signal, Some(true)),
            (
                "tns1:Device/Trigger/DigitalInput",
                ("InputToken", "1"),
                ("LogicalState", "true"),
                Kind::Input,
                Some(true),
            ),
            (
                "tns1:RuleEngine/FieldDetector/ObjectsInside",
                ("Rule", "door"),
                ("IsInside", "true"),
                Kind::Field,
                Some(true),
            ),
            ("tns1:RuleEngine/LineDetector/Crossed", ("Rule", "line"), ("ObjectId", "7"), Kind::Field, None),
            ("tns1:RuleEngine/tnsvendor:CountAggregation/Counter", ("Rule", "n"), ("Count", "12"), Kind::Count, None),
            ("tnsvendor:Disco/Lights", ("Colour", "red"), ("Speed", "fast"), Kind::Other, None),
        ];
        for (topic, source, data, kind, state) in cases {
            let meaning = meaning(topic, source, data, Some(Operation::Changed));
            assert_eq!((meaning.kind, meaning.state), (kind, state), "{topic}");
            assert_eq!(meaning.subject.as_deref(), Some(source.1), "{topic}");
            assert_eq!(meaning.count, (kind == Kind::Count).then_some(12), "{topic}");
        }
    }

    #[test]
    fn a_deleted_property_is_over_or_unknown_and_never_as_before() {
        let field = ("tns1:RuleEngine/FieldDetector/ObjectsInside", ("Rule", "door"), ("IsInside", "true"));
        assert_eq!(meaning(field.0, field.1, field.2, Some(Operation::Deleted)).state, Some(false));
        let motion = ("tns1:VideoSource/MotionAlarm", ("Source", "0"), ("State", "1"));
        assert_eq!(meaning(motion.0, motion.1, motion.2, Some(Operation::Deleted)).state, None);
    }
}
