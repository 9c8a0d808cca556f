//! [`EditList`]: which pictures of the footage make up the film, in which order, and who is in the zone meanwhile.
//!
//! `film/kiosk.toml` says what its words mean. Here it is checked, and spelled out into one [`Shot`] for each picture.

use serde::Deserialize;
use tillsight_schemas::zone::Zone;

use super::labels::{Crossing, Labels, Sight, Span, State};
use crate::{Error, Result};

/// Pictures at either end of a stay that are not vouched for: labels are right to a third of a second.
const MARGIN: usize = 3;
/// A scene may not be longer than this, in pictures.
const MAX_SCENE: u32 = 6_000;

/// An edit list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EditList {
    /// Pictures a second, of source and film.
    pub fps: u32,
    /// Width and height of the film.
    pub output: [u32; 2],
    /// Bit rate of the film at most, in kbit/s.
    pub kbps: u32,
    /// How far the grain goes, in levels of brightness.
    pub grain: u8,
    /// Every n-th picture of the source counts for the plate.
    pub plate_every: usize,
    /// The zone, in pixels of the crop.
    pub zone: Vec<[f64; 2]>,
    /// The footage.
    pub source: Source,
    /// The part of it that is shown.
    pub crop: Crop,
    /// Stretches of the footage.
    pub cast: Vec<Cast>,
    /// The film, in order.
    pub scene: Vec<Scene>,
}

/// The footage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its file name.
    pub file: String,
    /// Its SHA-256.
    pub sha256: String,
    /// Width and height.
    pub size: [u32; 2],
    /// How many pictures it has.
    pub pictures: usize,
}

/// A part of the footage's picture.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crop {
    /// Its upper left corner.
    pub at: [u32; 2],
    /// Width and height.
    pub size: [u32; 2],
}

/// A stretch of the footage.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cast {
    /// Who is to be seen.
    pub name: String,
    /// The whole picture is taken, not a box around the person.
    #[serde(default)]
    pub whole: bool,
    /// Width and height of the box around the person.
    pub size: [f64; 2],
    /// The first and the last picture in which anything of it is to be seen.
    pub visible: [usize; 2],
    /// The first and the last picture with the feet in the zone.
    pub inside: [usize; 2],
    /// Picture, and the middle of the feet.
    pub path: Vec<[f64; 3]>,
}

/// A part of the film: the plate, or a cast played.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scene {
    /// So many pictures of the plate.
    pub empty: Option<u32>,
    /// The cast by name.
    pub cast: Option<String>,
    /// What of it is played.
    #[serde(default)]
    pub play: Vec<Play>,
    /// So many pictures to fade in from the plate.
    #[serde(default)]
    pub fade_in: usize,
    /// So many to fade out.
    #[serde(default)]
    pub fade_out: usize,
}

/// A run through some pictures of the source.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Play {
    /// The first.
    pub from: usize,
    /// The last.
    pub to: usize,
    /// Pictures of the source for one of the film.
    #[serde(default = "normal")]
    pub speed: f64,
    /// Back and forth for about so long, ending at the last.
    pub seconds: Option<f64>,
}

fn normal() -> f64 {
    1.0
}

/// What one picture of the film is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shot {
    /// The cast, by its place in the list, and the picture of the source; `None` is the plate.
    pub of: Option<(usize, usize)>,
    /// How much of it: 1 is all, 0 is the plate.
    pub strength: f64,
}

/// Feet or a box, in pixels of the crop: left, top, right, bottom.
pub type Box4 = [f64; 4];

impl Cast {
    /// Where the box around the person is in a picture of the source.
    pub fn at(&self, picture: usize) -> Option<Box4> {
        let at = number(picture);
        let after = self.path.iter().position(|[when, ..]| *when >= at)?;
        let [when, x, y] = *self.path.get(after)?;
        let [x, y] = match after.checked_sub(1).and_then(|before| self.path.get(before)) {
            Some([earlier, from_x, from_y]) => {
                let part = (at - earlier) / (when - earlier);
                [from_x + (x - from_x) * part, from_y + (y - from_y) * part]
            }
            None if after == 0 && when > at => return None,
            None => [x, y],
        };
        let [width, height] = self.size;
        Some([x - width / 2.0, y - height, x + width / 2.0, y])
    }

    fn is_inside(&self, picture: usize) -> bool {
        let [first, last] = self.inside;
        (first..=last).contains(&picture)
    }
}

impl Play {
    /// The pictures of the source, one for each of the film.
    fn pictures(&self, fps: u32) -> Vec<usize> {
        let way = self.to.saturating_sub(self.from);
        // There, back, there …: an odd number of ways ends at the last picture.
        let ways = self.seconds.map_or(1, |seconds| {
            let times = seconds * f64::from(fps) * self.speed / number(way.max(1));
            (whole(times) / 2) * 2 + 1
        });
        let count = whole(number(way * ways) / self.speed) + 1;
        let place = |n: usize| {
            let gone = whole((number(n) * self.speed).floor()).min(way * ways);
            let (turn, rest) = (gone / way.max(1), gone % way.max(1));
            if turn.is_multiple_of(2) { self.from + rest } else { self.to - rest }
        };
        (0..count).map(place).collect()
    }
}

impl EditList {
    /// Reads and checks one.
    ///
    /// # Errors
    /// [`Error::EditList`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self> {
        let list: Self = toml::from_str(text).map_err(|error| Error::EditList { problem: error.to_string() })?;
        match list.problem() {
            Some(problem) => Err(Error::EditList { problem }),
            None => Ok(list),
        }
    }

    fn problem(&self) -> Option<String> {
        let ([x, y], [width, height]) = (self.crop.at, self.crop.size);
        let [whole_width, whole_height] = self.source.size;
        let odd = [width, height].into_iter().chain(self.output).any(|side| side == 0 || side % 2 != 0);
        if odd || x.saturating_add(width) > whole_width || y.saturating_add(height) > whole_height {
            return Some("crop and output need even sides, and the crop lies in the source".to_owned());
        }
        if self.fps == 0 || self.plate_every == 0 || self.zone.len() < 3 {
            return Some("fps and plate_every are above 0, and the zone has three corners".to_owned());
        }
        for cast in &self.cast {
            let ([from, to], [enters, leaves]) = (cast.visible, cast.inside);
            if !(from <= enters && enters <= leaves && leaves <= to && to < self.source.pictures) {
                return Some(format!("{}: inside lies in visible, and visible in the source", cast.name));
            }
            if cast.path.is_empty() || !cast.path.is_sorted_by(|one, next| one.first() < next.first()) {
                return Some(format!("{}: the path goes from picture to later picture", cast.name));
            }
            if !cast.whole && [from, to].into_iter().any(|end| cast.at(end).is_none()) {
                return Some(format!("{}: the path covers all that is visible", cast.name));
            }
        }
        let ends_empty = |scene: Option<&Scene>| scene.is_some_and(|scene| scene.empty.is_some());
        if !ends_empty(self.scene.first()) || !ends_empty(self.scene.last()) {
            return Some("the film begins and ends with the empty plate, where its loop is joined".to_owned());
        }
        self.scene.iter().find_map(|scene| self.problem_of(scene))
    }

    fn problem_of(&self, scene: &Scene) -> Option<String> {
        let name = match (&scene.cast, scene.empty) {
            (None, Some(1..=MAX_SCENE)) if scene.play.is_empty() => return None,
            (Some(name), None) if !scene.play.is_empty() => name,
            _ => return Some(format!("a scene is 1 to {MAX_SCENE} empty pictures, or a cast with something to play")),
        };
        let Some(cast) = self.cast.iter().find(|cast| cast.name == *name) else {
            return Some(format!("there is no cast {name:?}"));
        };
        let [first, last] = cast.visible;
        let bad = |play: &Play| {
            play.from > play.to
                || play.from < first
                || play.to > last
                || !(0.05..=4.0).contains(&play.speed)
                || play.seconds.is_some_and(|seconds| !(0.0..=120.0).contains(&seconds) || play.from == play.to)
        };
        scene.play.iter().any(bad).then(|| format!("{name}: a play leaves what is visible, or is too fast or too long"))
    }

    /// What each picture of the film is made of.
    pub fn shots(&self) -> Vec<Shot> {
        let mut shots = Vec::new();
        for scene in &self.scene {
            let place = scene.cast.as_ref().and_then(|name| self.cast.iter().position(|cast| cast.name == *name));
            let Some(place) = place else {
                let count = usize::try_from(scene.empty.unwrap_or(0)).unwrap_or(0);
                shots.extend(std::iter::repeat_n(Shot { of: None, strength: 0.0 }, count));
                continue;
            };
            let pictures: Vec<_> = scene.play.iter().flat_map(|play| play.pictures(self.fps)).collect();
            let fade = |from_end: usize, length: usize| match length {
                0 => 1.0,
                length => (number(from_end + 1) / number(length + 1)).min(1.0),
            };
            let last = pictures.len().saturating_sub(1);
            shots.extend(pictures.iter().enumerate().map(|(n, picture)| Shot {
                of: Some((place, *picture)),
                strength: fade(n, scene.fade_in).min(fade(last - n, scene.fade_out)),
            }));
        }
        shots
    }

    /// What is to be seen in the zone, picture by picture.
    pub fn labels(&self, film: &str) -> Labels {
        let shots = self.shots();
        let cast = |shot: &Shot| shot.of.and_then(|(place, picture)| Some((self.cast.get(place)?, picture)));
        let inside: Vec<bool> =
            shots.iter().map(|shot| cast(shot).is_some_and(|(cast, picture)| cast.is_inside(picture))).collect();
        let vouched = |n: usize| {
            let around = n.saturating_sub(MARGIN)..(n + MARGIN + 1).min(inside.len());
            inside.get(around).is_some_and(|around| around.iter().all(|inside| *inside))
        };
        let mut spans: Vec<Span> = Vec::new();
        for (n, shot) in shots.iter().enumerate() {
            let state = match shot.of {
                None => State::Empty,
                Some(_) if vouched(n) => State::Occupied,
                Some(_) => State::Changing,
            };
            match spans.last_mut() {
                Some(span) if span.state == state => span.to = n + 1,
                _ => spans.push(Span { from: n, to: n + 1, state }),
            }
        }
        let pairs = inside.iter().zip(inside.iter().skip(1)).enumerate();
        let crossings = pairs
            .filter(|(_, (before, after))| before != after)
            .map(|(n, (_, after))| Crossing { picture: n + 1, enters: *after })
            .collect();
        let [width, height] = self.crop.size.map(f64::from);
        let part = |value: f64, of: f64| ((value / of).clamp(0.0, 1.0) * 1e4).round() / 1e4;
        let boxed = |(n, shot): (usize, &Shot)| {
            let (cast, picture) = cast(shot)?;
            let [left, top, right, bottom] = cast.at(picture)?;
            let corners = [part(left, width), part(top, height), part(right, width), part(bottom, height)];
            (corners[0] < corners[2] && shot.strength > 0.5).then_some(Sight { picture: n, corners })
        };
        Labels {
            film: film.to_owned(),
            fps: self.fps,
            pictures: shots.len(),
            size: self.output,
            zone: self.zone.iter().map(|[x, y]| [part(*x, width), part(*y, height)]).collect(),
            spans,
            crossings,
            sights: shots.iter().enumerate().filter_map(boxed).collect(),
        }
    }

    /// Whether the feet of a box are in the zone.
    pub fn has_feet_in_zone(&self, [left, _, right, bottom]: Box4) -> bool {
        let zone = Zone {
            id: match "kiosk".parse() {
                Ok(id) => id,
                Err(_) => return false,
            },
            camera: match "kiosk".parse() {
                Ok(id) => id,
                Err(_) => return false,
            },
            kind: tillsight_schemas::zone::ZoneKind::Customer,
            register: None,
            polygon: self.zone.clone(),
            version: 1,
        };
        zone.contains(f64::midpoint(left, right), bottom)
    }
}

/// A count as a number; counts here are small.
fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The nearest count.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a count holds")]
fn whole(number: f64) -> usize {
    number.round().clamp(0.0, 1e6) as usize
}
