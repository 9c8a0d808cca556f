//! [`Labels`]: what is to be seen in the zone of a film, picture by picture. It is written beside the film and comes from
//! the edit list, never from a detector.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// What is to be seen in the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Somebody's feet are in it.
    Occupied,
    /// Nobody is in the picture.
    Empty,
    /// Somebody comes, goes or passes: nothing is claimed.
    Changing,
}

/// Pictures with one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first picture.
    pub from: usize,
    /// The first picture after.
    pub to: usize,
    /// What is to be seen.
    pub state: State,
}

/// Feet that cross the border of the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crossing {
    /// The first picture on the other side.
    pub picture: usize,
    /// Whether they come in.
    pub enters: bool,
}

/// A person in a picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sight {
    /// The picture.
    pub picture: usize,
    /// Left, top, right, bottom, as fractions of the picture.
    pub corners: [f64; 4],
}

/// The labels of a film.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    /// The film that they belong to.
    pub film: String,
    /// Pictures a second.
    pub fps: u32,
    /// How many pictures the film has; then it begins again.
    pub pictures: usize,
    /// Width and height.
    pub size: [u32; 2],
    /// The zone: corners as fractions of the picture.
    pub zone: Vec<[f64; 2]>,
    /// The whole film, in order.
    pub spans: Vec<Span>,
    /// When somebody comes into the zone or leaves it.
    pub crossings: Vec<Crossing>,
    /// Who is where.
    pub sights: Vec<Sight>,
}

impl Labels {
    /// What is to be seen in a picture; after the last comes the first.
    pub fn state(&self, picture: usize) -> Option<State> {
        let picture = picture % self.pictures.max(1);
        self.spans.iter().find(|span| (span.from..span.to).contains(&picture)).map(|span| span.state)
    }

    /// Microseconds from the beginning to a picture.
    pub fn at_us(&self, picture: usize) -> i64 {
        let picture = i64::try_from(picture).unwrap_or(i64::MAX);
        picture.saturating_mul(1_000_000) / i64::from(self.fps.max(1))
    }

    /// Microseconds after which the film begins again.
    pub fn length_us(&self) -> i64 {
        self.at_us(self.pictures)
    }

    /// Reads a label file.
    ///
    /// # Errors
    /// [`Error::Open`] or [`Error::ReadTruth`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
        serde_json::from_slice(&text).map_err(|source| Error::ReadTruth { path: path.to_owned(), source })
    }
}
