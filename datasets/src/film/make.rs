//! [`make()`]: footage in, films and labels out, through `ffmpeg` processes. What is there already is not made again.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use sha2::{Digest as _, Sha256};
use tillsight_schemas::zone::ZoneKind;

use super::edit::EditList;
use super::labels::Labels;
use super::picture::{Size, compose, median};
use crate::{Error, Result};

/// Goes up when the same list makes other pictures.
const MAKE: &str = "1";

/// What the demo's cameras show.
#[derive(Debug, Clone)]
pub struct Films {
    /// Camera 1: the service window.
    pub kiosk: PathBuf,
    /// Its label file.
    pub kiosk_labels: PathBuf,
    /// What the label file says.
    pub labels: Labels,
    /// The zones in its picture, the customers' among them.
    pub zones: Vec<KioskZone>,
    /// Camera 2: the footage as it is, as H.264.
    pub path: PathBuf,
}

/// A part of camera 1's picture that is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct KioskZone {
    /// Who stands there.
    pub kind: ZoneKind,
    /// Its corners as fractions of the picture.
    pub polygon: Vec<[f64; 2]>,
}

/// Makes the films of an edit list in the folder that holds its footage, or finds them there.
///
/// # Errors
/// The footage is missing or another, `ffmpeg` is missing or fails, the disk is full.
pub fn make(list: &str, folder: &Path) -> Result<Films> {
    let edit = EditList::parse(list)?;
    let footage = footage(&edit, folder)?;
    let kiosk = name(folder, "kiosk", &[MAKE.as_bytes(), list.as_bytes(), edit.source.sha256.as_bytes()]);
    let (film, kiosk_labels) = (kiosk.with_extension("mp4"), kiosk.with_extension("json"));
    if !is_there(&film)? {
        aside(&film, |part| encode_film(&edit, &footage, part))?;
    }
    let path = unedited(&edit, folder)?;
    let labels = edit.labels(&kiosk.file_name().unwrap_or_default().to_string_lossy());
    aside(&kiosk_labels, |part| {
        let failed = |source| Error::WriteTruth { path: part.to_owned(), source };
        let text = serde_json::to_vec(&labels).map_err(|error| failed(error.into()))?;
        std::fs::write(part, text).map_err(failed)
    })?;
    let zones = vec![KioskZone { kind: ZoneKind::Customer, polygon: labels.zone.clone() }];
    Ok(Films { kiosk: film, kiosk_labels, labels, zones, path })
}

/// The footage as it is, as camera 2 shows it.
pub(super) fn unedited(edit: &EditList, folder: &Path) -> Result<PathBuf> {
    let footage = footage(edit, folder)?;
    let path = name(folder, "path", &[MAKE.as_bytes(), edit.source.sha256.as_bytes()]).with_extension("mp4");
    if !is_there(&path)? {
        aside(&path, |part| transcode(edit, &footage, part))?;
    }
    Ok(path)
}

/// Where the footage is, which must be the one that the list names.
fn footage(edit: &EditList, folder: &Path) -> Result<PathBuf> {
    let footage = folder.join(&edit.source.file);
    let bytes = std::fs::read(&footage).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => Error::MissingFile { path: footage.clone() },
        _ => Error::Open { path: footage.clone(), source },
    })?;
    if hex(&[&bytes]) == edit.source.sha256 { Ok(footage) } else { Err(Error::OtherFootage { path: footage }) }
}

fn name(folder: &Path, stem: &str, of: &[&[u8]]) -> PathBuf {
    let hash = hex(of);
    folder.join(format!("{stem}-{}", hash.get(..16).unwrap_or(&hash)))
}

fn encode_film(edit: &EditList, footage: &Path, to: &Path) -> Result<()> {
    let ([x, y], [width, height]) = (edit.crop.at, edit.crop.size);
    let size = Size { width: usize::try_from(width).unwrap_or(0), height: usize::try_from(height).unwrap_or(0) };
    let mut reader = Command::new("ffmpeg");
    reader.args(["-v", "error", "-nostdin", "-i"]).arg(footage).args(["-an", "-vf"]);
    reader.arg(format!("crop={width}:{height}:{x}:{y}:exact=1"));
    reader.args(["-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "pipe:1"]);
    let mut process = spawn(reader.stdin(Stdio::null()).stdout(Stdio::piped()))?;
    let mut pictures = Vec::with_capacity(size.bytes() * edit.source.pictures);
    if let Some(mut out) = process.stdout.take() {
        out.read_to_end(&mut pictures).map_err(tool_failed)?;
    }
    ended(process.wait())?;
    if pictures.len() != size.bytes() * edit.source.pictures {
        return Err(Error::OtherFootage { path: footage.to_owned() });
    }
    let plate = median(&pictures, size, edit.plate_every);

    let [out_width, out_height] = edit.output;
    let mut writer = Command::new("ffmpeg");
    writer.args(["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "yuv420p"]);
    writer.args(["-s", &format!("{width}x{height}"), "-r", &edit.fps.to_string(), "-i", "pipe:0"]);
    writer.args(["-vf", &format!("scale={out_width}:{out_height}:flags=bicubic")]);
    h264(&mut writer, edit.fps, edit.kbps);
    let mut process = spawn(writer.arg(to).stdin(Stdio::piped()).stdout(Stdio::null()))?;
    let mut fed = Ok(());
    if let Some(mut stdin) = process.stdin.take() {
        for (n, shot) in edit.shots().into_iter().enumerate() {
            fed = stdin.write_all(&compose(edit, &plate, &pictures, size, n, shot));
            if fed.is_err() {
                break;
            }
        }
    }
    // Why it ended says more than that its pipe broke.
    ended(process.wait())?;
    fed.map_err(tool_failed)
}

fn transcode(edit: &EditList, footage: &Path, to: &Path) -> Result<()> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-nostdin", "-y", "-i"]).arg(footage).args(["-an", "-pix_fmt", "yuv420p"]);
    h264(&mut command, edit.fps, edit.kbps);
    ended(spawn(command.arg(to).stdin(Stdio::null()).stdout(Stdio::null()))?.wait())
}

/// A key frame each second, nothing reordered, every picture kept.
pub(super) fn h264(command: &mut Command, fps: u32, kbps: u32) {
    command.args(["-c:v", "libx264", "-preset", "veryfast", "-profile:v", "baseline", "-bf", "0", "-crf", "21"]);
    command.args(["-g", &fps.to_string(), "-keyint_min", &fps.to_string(), "-sc_threshold", "0"]);
    command.args(["-maxrate", &format!("{kbps}k"), "-bufsize", &format!("{kbps}k"), "-fps_mode", "passthrough"]);
    command.args(["-movflags", "+faststart", "-f", "mp4"]);
}

pub(super) fn spawn(command: &mut Command) -> Result<Child> {
    command.spawn().map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => {
            Error::Ffmpeg { problem: "it is not installed: run deploy/setup.sh".to_owned() }
        }
        _ => tool_failed(source),
    })
}

pub(super) fn ended(status: std::io::Result<ExitStatus>) -> Result<()> {
    match status.map_err(tool_failed)? {
        status if status.success() => Ok(()),
        status => Err(Error::Ffmpeg { problem: format!("it ended with {status}; what it said stands above") }),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn tool_failed(source: std::io::Error) -> Error {
    Error::Ffmpeg { problem: source.to_string() }
}

/// Writes a file aside and puts it in place when it is whole.
pub(super) fn aside(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    write(&part)
        .and_then(|()| {
            std::fs::rename(&part, path).map_err(|source| Error::WriteTruth { path: path.to_owned(), source })
        })
        .inspect_err(|_| {
            std::fs::remove_file(&part).ok();
        })
}

pub(super) fn is_there(path: &Path) -> Result<bool> {
    path.try_exists().map_err(|source| Error::Open { path: path.to_owned(), source })
}

pub(super) fn hex(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    })
}
