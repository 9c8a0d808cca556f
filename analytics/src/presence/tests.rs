//! The states of a zone, one story a line.

use tillsight_schemas::id::ZoneId;
use tillsight_schemas::presence::PresenceSource;

use super::*;

fn zone() -> Zone {
    serde_json::from_value(serde_json::json!({
        "id": "z", "camera": "c", "kind": "customer", "polygon": [[0.3, 0.3], [0.7, 0.3], [0.7, 1.0], [0.3, 1.0]]
    }))
    .unwrap()
}

/// What the looks of a story show: `P` a person followed in the zone, `o` the same person outside, `p` a person without
/// a track, `?` a doubtful box, `m` motion, `.` nothing, `B` a black picture, `-` no look, `e` somebody at the
/// picture's lower edge.
fn story(text: &str) -> String {
    let start = DateTime::UNIX_EPOCH;
    let mut presence = ZonePresence::new(zone(), PresenceConfig::default(), start);
    let mut states = String::new();
    for (turn, sign) in text.chars().enumerate() {
        let at = start + TimeDelta::milliseconds(500 * (i64::try_from(turn).unwrap() + 1));
        let person = |track, score, x: f32, bottom| Found {
            track,
            label: "person".to_owned(),
            score,
            left: x - 0.05,
            top: 0.4,
            right: x + 0.05,
            bottom,
        };
        let found = match sign {
            'P' => vec![person(Some(1), 0.9, 0.5, 0.6)],
            'o' => vec![person(Some(1), 0.9, 0.1, 0.6)],
            'e' => vec![person(Some(1), 0.9, 0.5, 1.0)],
            'p' => vec![person(None, 0.9, 0.5, 0.6)],
            '?' => vec![person(None, 0.25, 0.5, 0.6)],
            _ => vec![],
        };
        let moving = Some(if sign == 'm' { vec![ZoneId::new("z").unwrap()] } else { vec![] });
        let look = Look { at, run: Some(1), pts: Some(0), found, moving, source: PresenceSource::Detector };
        match sign {
            '-' => {}
            'B' => presence.blind(at, Blind::Covered),
            _ => assert!(presence.look(&look)),
        }
        let said = presence.take();
        assert!(said.windows(2).all(|pair| pair[0].to == pair[1].from));
        states.push(said.last().map_or('-', |stretch| match stretch.state {
            PresenceState::Present => 'P',
            PresenceState::Absent => 'a',
            PresenceState::Unknown => '?',
        }));
    }
    states
}

#[test]
fn nobody_is_there_only_after_three_clear_looks() {
    assert_eq!(story("....."), "??aaa");
}

#[test]
fn a_stretch_with_somebody_at_either_end_is_present() {
    assert_eq!(story("...p.."), "??aPPP");
}

#[test]
fn who_leaves_over_the_border_leaves_an_empty_zone() {
    assert_eq!(story("PPo....."), "?PPPaaaa");
}

#[test]
fn who_is_missed_for_two_looks_was_there_all_the_time() {
    assert_eq!(story("PP..PP"), "?PPPPP");
}

#[test]
fn who_is_lost_in_the_zone_may_still_be_there_for_five_seconds() {
    assert_eq!(story("PP.............."), "?PPPP?????????aa");
}

#[test]
fn who_is_lost_and_found_again_is_there() {
    assert_eq!(story("PP.....PP"), "?PPPP??PP");
}

#[test]
fn who_leaves_through_the_edge_of_the_picture_has_left() {
    assert_eq!(story("ee......"), "?PPPPPaa");
}

#[test]
fn a_doubtful_box_or_motion_is_no_proof_that_nobody_is_there() {
    assert_eq!(story("....?...."), "??aa???aa");
    assert_eq!(story("....m..."), "??aa???a");
}

#[test]
fn a_picture_that_cannot_be_believed_says_nothing() {
    assert_eq!(story("....BB...."), "??aa????aa");
    assert_eq!(story("PPBB......"), "?P????????");
}

#[test]
fn looks_too_far_apart_say_nothing_of_what_lies_between() {
    assert_eq!(story("....----.."), "??aa----??");
    assert_eq!(story("....---.."), "??aa---aa");
}

#[test]
fn a_look_that_comes_too_late_changes_nothing() {
    let start = DateTime::UNIX_EPOCH;
    let mut presence = ZonePresence::new(zone(), PresenceConfig::default(), start);
    presence.blind(start + TimeDelta::seconds(1), Blind::NoSignal);
    let late = Look {
        at: start + TimeDelta::milliseconds(900),
        run: None,
        pts: None,
        found: vec![],
        moving: None,
        source: PresenceSource::Detector,
    };
    assert!(!presence.look(&late));
    assert_eq!(presence.take().len(), 1);
}
