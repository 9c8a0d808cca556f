//! [`Motion`]: where something moved between two looks, and whether a recognised person explains it.
//!
//! Pictures are compared in coarse squares, after the change of the whole picture's brightness has been taken off (light
//! that is switched, exposure). Motion under the box of a person who stands outside a zone is that person's, not the
//! zone's.

use tillsight_schemas::zone::Zone;

use crate::look::Found;
use crate::picture::{Cells, Picture, float};
use crate::presence::stands_in;

/// Side of the squares, in pixels.
const CELL: usize = 8;
/// A square moved when its mean brightness changed by more than this, of 255.
const MIN_CHANGE: f32 = 10.0;
/// A zone moved when at least this part of its squares did (and at least two).
const MIN_PART: f32 = 0.01;
/// A box explains motion this much beyond its edges (shadows, arms), in parts of its size.
const REACH: f32 = 0.15;

/// The squares of a picture that moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    columns: usize,
    rows: usize,
    cells: Vec<usize>,
}

/// Compares the pictures of one camera.
#[derive(Debug, Default)]
pub struct Motion {
    last: Option<Cells>,
}

impl Motion {
    /// Forgets the last picture: another run begins.
    pub fn reset(&mut self) {
        self.last = None;
    }

    /// Where something moved since the last picture; `None` for the first one.
    pub fn examine(&mut self, picture: &Picture) -> Option<Moved> {
        let now = picture.cells(CELL);
        let before = self.last.replace(now);
        let (before, now) = (before?, self.last.as_ref()?);
        if (before.columns, before.rows) != (now.columns, now.rows) {
            return None;
        }
        let changes: Vec<f32> = now.means.iter().zip(&before.means).map(|(now, before)| now - before).collect();
        let mut sorted = changes.clone();
        sorted.sort_by(f32::total_cmp);
        let light = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        let moved = changes.iter().enumerate().filter(|(_, change)| (**change - light).abs() > MIN_CHANGE);
        Some(Moved { columns: now.columns, rows: now.rows, cells: moved.map(|(at, _)| at).collect() })
    }
}

impl Moved {
    /// Whether something moved in a zone that none of these people explains.
    pub fn unexplained_in(&self, zone: &Zone, people: &[Found]) -> bool {
        let outside: Vec<&Found> = people.iter().filter(|found| !stands_in(zone, found)).collect();
        let explained = |x: f32, y: f32| {
            outside.iter().any(|found| {
                let (wide, high) = ((found.right - found.left) * REACH, (found.bottom - found.top) * REACH);
                (found.left - wide..=found.right + wide).contains(&x)
                    && (found.top - high..=found.bottom + high).contains(&y)
            })
        };
        let middle = |cell: usize| {
            let columns = self.columns.max(1);
            let x = (float(cell % columns) + 0.5) / float(columns);
            (x, (float(cell / columns) + 0.5) / float(self.rows.max(1)))
        };
        let inside = |(x, y): (f32, f32)| zone.contains(f64::from(x), f64::from(y));
        let size = (0..self.columns * self.rows).filter(|cell| inside(middle(*cell))).count();
        let moved =
            self.cells.iter().map(|cell| middle(*cell)).filter(|at| inside(*at) && !explained(at.0, at.1)).count();
        float(moved) >= (float(size) * MIN_PART).max(2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> Zone {
        serde_json::from_value(serde_json::json!({
            "id": "z", "camera": "c", "kind": "customer", "polygon": [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]
        }))
        .unwrap()
    }

    /// A grey picture with a bright square of 16 pixels at a place, all brighter by `light`.
    fn picture(square: usize, light: u8) -> Picture {
        let luma = (0..64 * 64).map(|at| {
            let (x, y) = (at % 64, at / 64);
            if (square..square + 16).contains(&x) && (16..32).contains(&y) { 200 } else { 60 + light }
        });
        Picture::new(64, 64, luma.collect(), vec![128; 1024], vec![128; 1024]).unwrap()
    }

    fn moved(from: &Picture, to: &Picture) -> Moved {
        let mut motion = Motion::default();
        assert_eq!(motion.examine(from), None);
        motion.examine(to).unwrap()
    }

    #[test]
    fn what_moves_in_the_zone_is_seen_and_what_moves_elsewhere_is_not() {
        assert!(moved(&picture(0, 0), &picture(8, 0)).unexplained_in(&zone(), &[]));
        assert!(!moved(&picture(40, 0), &picture(48, 0)).unexplained_in(&zone(), &[]));
    }

    #[test]
    fn light_that_is_switched_on_is_no_motion() {
        assert!(!moved(&picture(40, 0), &picture(40, 30)).unexplained_in(&zone(), &[]));
    }

    #[test]
    fn a_person_outside_explains_what_moves_under_their_box_and_one_inside_does_not() {
        let person = |bottom| Found {
            track: None,
            label: "person".to_owned(),
            score: 0.9,
            left: 0.0,
            top: 0.1,
            right: 0.5,
            bottom,
        };
        let low = Zone { polygon: vec![[0.0, 0.0], [0.5, 0.0], [0.5, 0.6], [0.0, 0.6]], ..zone() };
        let moved = moved(&picture(0, 0), &picture(8, 0));
        assert!(!moved.unexplained_in(&low, &[person(0.9)]));
        assert!(moved.unexplained_in(&low, &[person(0.55)]));
    }
}
