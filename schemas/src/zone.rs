//! [`Zone`]: a part of a camera's picture, and what it means for a register.
//!
//! Corners are fractions of the picture, from the upper left: they hold for every stream of the camera.

use serde::{Deserialize, Serialize};

use crate::codes;
use crate::id::{CameraId, RegisterId, ZoneId};

codes! {
    /// What a zone is for.
    pub enum ZoneKind {
        /// Where customers stand.
        Customer = "customer",
        /// Where the cashier stands.
        Cashier = "cashier",
        /// Where goods are packed.
        Bagging = "bagging",
        /// The cash drawer.
        Drawer = "drawer",
        /// The way out.
        Exit = "exit",
    }
}

/// A zone as it holds from `version` on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Its id, unique within the store.
    pub id: ZoneId,
    /// The camera that sees it.
    pub camera: CameraId,
    /// What it is for.
    pub kind: ZoneKind,
    /// The register that it belongs to; absent for zones of the whole shop.
    #[serde(default)]
    pub register: Option<RegisterId>,
    /// Corners `[x, y]`, fractions of width and height from the upper left; at least three.
    pub polygon: Vec<[f64; 2]>,
    /// Which drawing of the zone this is; a new one gets a higher number.
    #[serde(default = "first_version")]
    pub version: i32,
}

fn first_version() -> i32 {
    1
}

impl Zone {
    /// What is wrong with it, in words.
    pub fn problem(&self) -> Option<String> {
        let outside = self.polygon.iter().flatten().any(|part| !(0.0..=1.0).contains(part));
        match self.polygon.len() {
            0..3 => Some(format!("zone {} has fewer than three corners", self.id)),
            _ if outside => Some(format!("zone {} has corners outside 0 to 1 (fractions of the picture)", self.id)),
            _ => None,
        }
    }

    /// Whether a point of the picture (fractions of width and height) lies in the zone, by the even-odd rule.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        let mut inside = false;
        let Some(&[mut last_x, mut last_y]) = self.polygon.last() else {
            return false;
        };
        for &[corner_x, corner_y] in &self.polygon {
            let crosses = (corner_y > y) != (last_y > y);
            if crosses && x < (last_x - corner_x) * (y - corner_y) / (last_y - corner_y) + corner_x {
                inside = !inside;
            }
            (last_x, last_y) = (corner_x, corner_y);
        }
        inside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> Zone {
        serde_json::from_value(serde_json::json!({
            "id": "kiosk-customer", "camera": "kiosk", "kind": "customer", "register": "1",
            "polygon": [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]
        }))
        .unwrap()
    }

    #[test]
    fn a_point_lies_inside_or_outside() {
        assert!(window().contains(0.5, 0.5));
        assert!(!window().contains(0.1, 0.5) && !window().contains(0.5, 0.9));
    }

    #[test]
    fn a_line_is_no_zone() {
        let line = Zone { polygon: vec![[0.0, 0.0], [1.0, 1.0]], ..window() };
        assert!(line.problem().unwrap().contains("three corners"));
        assert!(window().problem().is_none());
    }
}
