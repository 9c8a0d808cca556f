//! [`own()`]: somebody else's video in the place of the demo's film, with zones and, if there is one, a truth.
//!
//! The zones are a JSON object from kind to polygon, corners as fractions of the picture; `customer` must be there:
//! `{"customer": [[0.4, 0.5], [0.8, 0.5], [0.8, 0.9], [0.4, 0.9]]}`. The truth says in seconds of the video what is to be seen
//! in that zone: `{"spans": [{"from": 0, "to": 31.5, "state": "empty"}, {"from": 33, "to": 50, "state": "occupied"}]}`; nothing is
//! claimed (and nothing staged) between its spans, and where two touch, somebody crosses the border. The video is made
//! into what a camera of the demo sends: H.264, [`FPS`] pictures a second, at most [`WIDEST`] pixels wide, in a loop.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use tillsight_schemas::zone::ZoneKind;

use super::edit::EditList;
use super::labels::{Crossing, Labels, Span, State};
use super::make::{Films, KioskZone, aside, ended, h264, hex, is_there, spawn, tool_failed, unedited};
use crate::{Error, Result};

/// Pictures a second of what is made.
const FPS: u32 = 10;
/// Width of what is made, at most.
const WIDEST: u32 = 1280;
/// Bit rate of what is made at most, in kbit/s.
const KBPS: u32 = 2000;
/// A shorter video shows nothing that could be judged.
const SHORTEST: usize = 100;

/// Somebody else's video.
#[derive(Debug, Clone)]
pub struct Own {
    /// Any file that `ffmpeg` reads.
    pub video: PathBuf,
    /// Where people stand.
    pub zones: PathBuf,
    /// What is to be seen.
    pub truth: Option<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TruthFile {
    spans: Vec<Seconds>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seconds {
    from: f64,
    to: f64,
    state: State,
}

/// Makes a camera's film of it, in the folder that holds the demo's footage, or finds it there.
///
/// # Errors
/// [`Error::OwnFilm`] says which file is wrong and how; `ffmpeg` is missing or fails, the disk is full.
pub fn own(own: &Own, folder: &Path) -> Result<Films> {
    let zones = zones(&own.zones)?;
    let truth = own.truth.as_deref().map(truth).transpose()?.unwrap_or_default();
    let video = std::fs::read(&own.video).map_err(|source| Error::Open { path: own.video.clone(), source })?;
    let hash = hex(&[&video]);
    drop(video);
    let film = folder.join(format!("own-{}.mp4", hash.get(..16).unwrap_or(&hash)));
    if !is_there(&film)? {
        aside(&film, |part| transcode(&own.video, part))?;
    }
    let (size, pictures) = probe(&film)?;
    let wrong = |path: &Path, problem: String| Error::OwnFilm { path: path.to_owned(), problem };
    if pictures < SHORTEST {
        return Err(wrong(&own.video, format!("it lasts less than {} seconds", SHORTEST / number(FPS))));
    }
    let customer = zones.iter().find(|zone| zone.kind == ZoneKind::Customer);
    let customer = customer.ok_or_else(|| wrong(&own.zones, "there is no zone \"customer\"".to_owned()))?;
    let (spans, crossings) = match &own.truth {
        Some(path) => pictures_of(&truth, pictures).map_err(|problem| wrong(path, problem))?,
        None => (vec![Span { from: 0, to: pictures, state: State::Changing }], Vec::new()),
    };
    let labels = Labels {
        film: film.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        fps: FPS,
        pictures,
        size,
        zone: customer.polygon.clone(),
        spans,
        crossings,
        sights: Vec::new(),
    };
    let text = serde_json::to_vec(&labels).map_err(|source| Error::ReadTruth { path: film.clone(), source })?;
    let kiosk_labels = folder.join(format!("own-{}.json", hex(&[&text]).get(..16).unwrap_or_default()));
    aside(&kiosk_labels, |part| {
        std::fs::write(part, &text).map_err(|source| Error::WriteTruth { path: part.to_owned(), source })
    })?;
    let path = unedited(&EditList::parse(super::KIOSK)?, folder)?;
    Ok(Films { kiosk: film, kiosk_labels, labels, zones, path })
}

fn number(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

fn zones(path: &Path) -> Result<Vec<KioskZone>> {
    let wrong = |problem: String| Error::OwnFilm { path: path.to_owned(), problem };
    let text = std::fs::read(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
    let zones: BTreeMap<String, Vec<[f64; 2]>> = serde_json::from_slice(&text)
        .map_err(|error| wrong(format!("{error}; expected is an object like {{\"customer\": [[0.4, 0.5], ...]}}")))?;
    zones
        .into_iter()
        .map(|(kind, polygon)| {
            let within = polygon.iter().flatten().all(|part| (0.0..=1.0).contains(part));
            if polygon.len() < 3 || !within {
                return Err(wrong(format!(
                    "zone {kind:?} needs three corners or more, as fractions of the picture from 0 to 1"
                )));
            }
            let kind = kind.parse().map_err(|_| {
                wrong(format!("{kind:?} is no kind of zone: customer, cashier, bagging, drawer and exit are"))
            })?;
            Ok(KioskZone { kind, polygon })
        })
        .collect()
}

fn truth(path: &Path) -> Result<Vec<Seconds>> {
    let text = std::fs::read(path).map_err(|source| Error::Open { path: path.to_owned(), source })?;
    let file: TruthFile =
        serde_json::from_slice(&text).map_err(|source| Error::ReadTruth { path: path.to_owned(), source })?;
    Ok(file.spans)
}

/// The spans in pictures, `changing` in between, and the crossings where an occupied and an empty one touch.
fn pictures_of(truth: &[Seconds], pictures: usize) -> std::result::Result<(Vec<Span>, Vec<Crossing>), String> {
    let (mut spans, mut crossings, mut reached) = (Vec::<Span>::new(), Vec::new(), 0);
    for Seconds { from, to, state } in truth {
        let picture = |seconds: f64| to_picture(seconds).min(pictures);
        let (first, end) = (picture(*from), picture(*to));
        if !(*from >= 0.0 && from < to) || first < reached {
            return Err(format!("the span from {from} to {to} does not follow the one before it"));
        }
        if first >= end {
            return Err(format!("the span from {from} to {to} lies beyond the end of the video"));
        }
        if first > reached {
            spans.push(Span { from: reached, to: first, state: State::Changing });
        }
        if let Some(last) = spans.last() {
            match (last.state, state) {
                (State::Empty, State::Occupied) => crossings.push(Crossing { picture: first, enters: true }),
                (State::Occupied, State::Empty) => crossings.push(Crossing { picture: first, enters: false }),
                _ => {}
            }
        }
        spans.push(Span { from: first, to: end, state: *state });
        reached = end;
    }
    if reached < pictures {
        spans.push(Span { from: reached, to: pictures, state: State::Changing });
    }
    Ok((spans, crossings))
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what a count holds")]
fn to_picture(seconds: f64) -> usize {
    (seconds * f64::from(FPS)).round().clamp(0.0, 1e9) as usize
}

fn transcode(video: &Path, to: &Path) -> Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(video).args(["-an", "-pix_fmt", "yuv420p"]);
    command.args(["-vf", &format!("fps={FPS},scale='trunc(min({WIDEST},iw)/2)*2':-2")]);
    h264(&mut command, FPS, KBPS);
    ended(spawn(command.arg(to).stdin(Stdio::null()).stdout(Stdio::null()))?.wait())
}

/// Width and height, and how many pictures there are.
fn probe(film: &Path) -> Result<([u32; 2], usize)> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-count_packets", "-select_streams", "v:0", "-of", "csv=p=0"]);
    command.args(["-show_entries", "stream=width,height,nb_read_packets"]).arg(film);
    let child = spawn(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let said = child.wait_with_output().map_err(tool_failed)?;
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let fields: Vec<u32> = text.trim().split(',').filter_map(|field| field.parse().ok()).collect();
    match fields[..] {
        [width, height, pictures] => Ok(([width, height], number(pictures))),
        _ => Err(Error::Ffmpeg { problem: format!("ffprobe says {text:?} of {}", film.display()) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> std::result::Result<(Vec<Span>, Vec<Crossing>), String> {
        let file: TruthFile = serde_json::from_str(text).unwrap();
        pictures_of(&file.spans, 600)
    }

    #[test]
    fn seconds_become_pictures_and_what_is_not_named_is_changing() {
        let text =
            r#"{"spans": [{"from": 1, "to": 20.5, "state": "empty"}, {"from": 20.5, "to": 30, "state": "occupied"}]}"#;
        let (spans, crossings) = spans(text).unwrap();
        let states: Vec<_> = spans.iter().map(|span| (span.from, span.to, span.state)).collect();
        assert_eq!(
            states,
            [
                (0, 10, State::Changing),
                (10, 205, State::Empty),
                (205, 300, State::Occupied),
                (300, 600, State::Changing)
            ]
        );
        assert_eq!(crossings, [Crossing { picture: 205, enters: true }]);
    }

    #[test]
    fn a_truth_that_overlaps_or_lies_beyond_the_video_is_refused() {
        assert!(
            spans(r#"{"spans": [{"from": 0, "to": 9, "state": "empty"}, {"from": 8, "to": 10, "state": "empty"}]}"#)
                .is_err()
        );
        assert!(spans(r#"{"spans": [{"from": 5, "to": 3, "state": "empty"}]}"#).is_err());
        assert!(spans(r#"{"spans": [{"from": 70, "to": 80, "state": "empty"}]}"#).is_err());
    }

    #[test]
    fn zones_say_what_is_wrong_with_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("zones.json");
        let said = |text: &str| {
            std::fs::write(&file, text).unwrap();
            zones(&file).map(|zones| zones.len()).map_err(|error| error.to_string())
        };
        assert_eq!(said(r#"{"customer": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]}"#), Ok(1));
        assert!(said(r#"{"customer": [[10, 10], [50, 10], [50, 50]]}"#).unwrap_err().contains("fractions"));
        assert!(said(r#"{"till": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.5]]}"#).unwrap_err().contains("no kind of zone"));
        assert!(said("[]").unwrap_err().contains("customer"));
    }
}
