//! [`Cameras`]: the demo's cameras, a process of its own that shows films over RTSP and fails when it is told to.
//!
//! The server is `cameras/film_server.py` (its head says what it speaks); it and its font are part of this program and
//! are written to a folder when it is started. It needs the system's Python with GStreamer (`deploy/setup.sh`). Nothing
//! here says what Tillsight made of the pictures: [`FrameLog`] is what was shown, and when.

mod font;
mod frame_log;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use font::{Font, Luma};
pub use frame_log::{Frame, FrameLog, FrameState};

use crate::{Error, Result};

const SERVER: &str = include_str!("../../cameras/film_server.py");
const FONT: &str = include_str!("../../cameras/font.txt");
/// Debian's own, because its GStreamer bindings belong to it.
const PYTHON: &str = "/usr/bin/python3";

/// What a camera shows.
#[derive(Debug, Clone, Serialize)]
pub struct Setup {
    /// Its name; the last part of its address.
    pub name: String,
    /// The film.
    pub file: PathBuf,
    /// Width and height of the film.
    pub size: [u32; 2],
    /// Pictures a second.
    pub fps: u32,
    /// How many pictures the film has.
    pub pictures: usize,
    /// The port; 0 is any free one.
    pub port: u16,
    /// Its label file: what it says is sent as ONVIF metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<PathBuf>,
    /// Where the frame log goes.
    pub frame_log: PathBuf,
    /// What the till's display says at first; without one there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
}

/// What a camera can be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// Every session is cut, and new ones are refused; the film goes on.
    Unplug,
    /// It answers again, at the same address.
    Plug,
    /// The picture that was last shown is sent over and over, clock and all; no metadata.
    Freeze,
    /// The film is shown again, where it has got to.
    Thaw,
    /// The lens is covered: a black picture with a running clock; no metadata.
    Black,
    /// The lens is uncovered.
    Light,
    /// What the till's display says.
    Show {
        /// Letters, digits and `-:.,/#$%+*&'`; others become a question mark.
        text: String,
    },
}

/// A line to the server.
#[derive(Debug, Serialize)]
struct Line<'a> {
    camera: &'a str,
    #[serde(flatten)]
    order: &'a Order,
}

#[derive(Debug, Deserialize)]
struct Answer {
    ok: bool,
    wall_us: Option<i64>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Ready {
    cameras: BTreeMap<String, Address>,
}

/// Where a camera is to be found, and when it began.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Address {
    /// Its RTSP address.
    pub url: String,
    /// When the first picture of the film was shown first, in microseconds since 1970.
    pub begun_us: i64,
}

/// The running server. It ends when this is dropped.
#[derive(Debug)]
pub struct Cameras {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    addresses: BTreeMap<String, Address>,
}

impl Cameras {
    /// Starts the server with these cameras; `folder` gets its files. Returns when every camera answers.
    ///
    /// # Errors
    /// [`Error::Cameras`]: Python or GStreamer are missing, a film cannot be read, a port is taken.
    pub fn start(setups: &[Setup], folder: &Path) -> Result<Self> {
        let script = folder.join("film_server.py");
        std::fs::create_dir_all(folder).map_err(failed)?;
        std::fs::write(&script, SERVER).map_err(failed)?;
        std::fs::write(folder.join("font.txt"), FONT).map_err(failed)?;
        let mut command = Command::new(PYTHON);
        command.arg(&script);
        for setup in setups {
            command.arg("--camera").arg(serde_json::to_string(setup).map_err(|error| failed(error.into()))?);
        }
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(failed)?;
        let (Some(orders), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(Error::Cameras { problem: "its pipes are gone".to_owned() });
        };
        let mut cameras =
            Self { process, orders: Some(orders), answers: BufReader::new(answers), addresses: BTreeMap::new() };
        let ready: Ready = cameras.answer()?;
        cameras.addresses = ready.cameras;
        Ok(cameras)
    }

    /// Where a camera is to be found, and when it began.
    pub fn address(&self, camera: &str) -> Option<&Address> {
        self.addresses.get(camera)
    }

    /// The process, for who measures it.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Tells a camera something, and returns when it was done. Blocks for as long as the server takes: milliseconds.
    ///
    /// # Errors
    /// [`Error::Cameras`]: there is no such camera, the port is taken by now, or the server has ended.
    pub fn tell(&mut self, camera: &str, order: &Order) -> Result<DateTime<Utc>> {
        let line = Line { camera, order };
        let mut text = serde_json::to_string(&line).map_err(|error| failed(error.into()))?;
        text.push('\n');
        let orders = self.orders.as_mut().ok_or_else(|| Error::Cameras { problem: "it was stopped".to_owned() })?;
        orders.write_all(text.as_bytes()).and_then(|()| orders.flush()).map_err(failed)?;
        let answer: Answer = self.answer()?;
        match (answer.ok, answer.wall_us.and_then(DateTime::from_timestamp_micros)) {
            (true, Some(at)) => Ok(at),
            _ => Err(Error::Cameras { problem: answer.error.unwrap_or_else(|| "it answered nothing".to_owned()) }),
        }
    }

    fn answer<T: for<'de> Deserialize<'de>>(&mut self) -> Result<T> {
        let mut line = String::new();
        if self.answers.read_line(&mut line).map_err(failed)? == 0 {
            let problem = "it ended; what it said stands above (deploy/setup.sh installs what it needs)".to_owned();
            return Err(Error::Cameras { problem });
        }
        serde_json::from_str(&line).map_err(|error| Error::Cameras { problem: format!("it said {line:?}: {error}") })
    }

    /// Ends it in order.
    ///
    /// # Errors
    /// [`Error::Cameras`] when it had failed before.
    pub fn stop(mut self) -> Result<()> {
        // The end of its input ends it.
        self.orders = None;
        let status = self.process.wait().map_err(failed)?;
        if status.success() { Ok(()) } else { Err(Error::Cameras { problem: format!("it ended with {status}") }) }
    }
}

impl Drop for Cameras {
    fn drop(&mut self) {
        if self.orders.take().is_some() {
            // Its decoders end when their pipes break.
            self.process.kill().ok();
            self.process.wait().ok();
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(source: std::io::Error) -> Error {
    Error::Cameras { problem: source.to_string() }
}

#[cfg(test)]
mod tests;
