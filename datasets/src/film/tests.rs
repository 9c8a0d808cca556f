//! Edit lists, labels and pictures; the whole film is looked at in `tests/it/film.rs`.

use super::edit::Shot;
use super::picture::{Size, compose, median};
use super::*;

fn kiosk() -> EditList {
    EditList::parse(KIOSK).unwrap()
}

fn refused(from: &str, to: &str) -> String {
    assert!(KIOSK.contains(from), "{from}");
    EditList::parse(&KIOSK.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn the_film_is_long_enough_and_its_stretches_are_what_was_asked_for() {
    let labels = kiosk().labels("kiosk");
    let seconds = |span: &labels::Span| (span.to - span.from) / 10;
    assert!((3_600..4_200).contains(&labels.pictures), "{}", labels.pictures);
    let of = |state: State| labels.spans.iter().filter(move |span| span.state == state);
    let empty: Vec<_> = of(State::Empty).map(seconds).collect();
    assert!(empty.len() >= 7 && empty.iter().all(|length| (25..=60).contains(length)), "{empty:?}");
    let stays: Vec<_> = of(State::Occupied).map(seconds).collect();
    assert!(stays.len() >= 6 && stays.iter().all(|length| (10..=30).contains(length)), "{stays:?}");
    // Across the seam too.
    assert!(empty[0] + empty[empty.len() - 1] <= 60);
}

#[test]
fn spans_cover_the_film_and_between_empty_and_occupied_there_is_a_change() {
    let labels = kiosk().labels("kiosk");
    assert_eq!((labels.spans[0].from, labels.spans.last().unwrap().to), (0, labels.pictures));
    for pair in labels.spans.windows(2) {
        assert_eq!(pair[0].to, pair[1].from);
        assert!([pair[0].state, pair[1].state].contains(&State::Changing), "{pair:?}");
    }
    // Somebody who comes in leaves again.
    assert!(labels.crossings.iter().enumerate().all(|(n, crossing)| crossing.enters == (n % 2 == 0)));
    assert_eq!(labels.state(labels.pictures + 1), Some(State::Empty), "after the last picture comes the first");
}

#[test]
fn whoever_is_said_to_be_inside_has_the_feet_in_the_zone() {
    let list = kiosk();
    for cast in &list.cast {
        let [first, last] = cast.inside;
        for picture in first + 3..=last - 3 {
            assert!(list.has_feet_in_zone(cast.at(picture).unwrap()), "{} in {picture}", cast.name);
        }
        let outside = |picture: usize| cast.at(picture).is_some_and(|at| list.has_feet_in_zone(at));
        for picture in (cast.visible[0]..first.saturating_sub(3)).chain(last + 4..=cast.visible[1]) {
            assert!(!outside(picture), "{} in {picture}", cast.name);
        }
    }
}

#[test]
fn playing_back_and_forth_ends_where_the_next_part_goes_on() {
    let list = kiosk();
    let shots = list.shots();
    for (n, pair) in shots.windows(2).enumerate() {
        if let (Some((_, one)), Some((_, next))) = (pair[0].of, pair[1].of) {
            assert!(one.abs_diff(next) <= 1, "a jump from {one} to {next} at {n}");
        }
    }
}

#[test]
fn a_list_that_makes_no_sense_is_refused_in_words() {
    assert!(refused("inside = [375, 394]", "inside = [300, 394]").contains("inside lies in visible"));
    assert!(refused("{ from = 387, to = 405 }", "{ from = 387, to = 500 }").contains("leaves what is visible"));
    assert!(refused("size = [384, 216]", "size = [384, 600]").contains("crop"));
    assert!(refused("cast = \"a woman in red\"", "cast = \"nobody\"").contains("no cast \"nobody\""));
    assert!(refused("[[scene]]\nempty = 300", "[[scene]]\nempty = 0").contains("empty"));
    assert!(refused("grain = 5", "grains = 5").contains("grains"));
}

#[test]
fn the_plate_is_the_median_and_no_two_pictures_of_it_are_the_same() {
    let size = Size { width: 8, height: 4 };
    let mut footage = Vec::new();
    for level in [90_u8, 100, 100, 100, 250] {
        footage.extend(std::iter::repeat_n(level, size.bytes()));
    }
    let plate = median(&footage, size, 1);
    assert_eq!(plate, vec![100; size.bytes()]);
    let list = kiosk();
    let empty = Shot { of: None, strength: 0.0 };
    let (one, next) = (compose(&list, &plate, &[], size, 0, empty), compose(&list, &plate, &[], size, 1, empty));
    assert_ne!(one, next);
    assert!(one.iter().chain(&next).all(|level| level.abs_diff(100) <= list.grain));
    assert_eq!(one, compose(&list, &plate, &[], size, 0, empty));
}

#[test]
fn without_footage_the_way_out_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = make(KIOSK, folder.path()).unwrap_err().to_string();
    assert!(error.contains("vtest.avi") && error.contains("deploy/setup.sh"), "{error}");
    std::fs::write(folder.path().join("vtest.avi"), "another film").unwrap();
    let error = make(KIOSK, folder.path()).unwrap_err().to_string();
    assert!(error.contains("is not the footage"), "{error}");
}
