//! A visitor of the running system: signs in, listens to live events, opens alerts, fetches clips, searches. It sees what
//! anybody sees, by HTTP, and measures how long it took and whether it is right.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};
use tillsight_datasets::cameras::{Font, Luma};
use tillsight_schemas::{Clock, SystemClock};
use tokio::process::Command;
use tokio::time::Instant;
use uuid::Uuid;

use super::Result;

/// The clock burnt into a picture may differ from the recorder's by so much: it shows tenths, pictures come ten a second,
/// and the recorder estimates when they were taken.
const SLACK: TimeDelta = TimeDelta::milliseconds(150);
/// Pictures a second of the demo's cameras.
const FPS: i64 = 10;

/// Signed in to the pages.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    client: reqwest::Client,
    address: String,
    cookie: String,
    /// When each alert was heard of first.
    heard: Arc<Mutex<BTreeMap<Uuid, DateTime<Utc>>>>,
}

/// What looking at clips came to.
#[derive(Debug, Default)]
pub(super) struct Clips {
    /// Clips that were fetched and decoded.
    pub(super) checked: usize,
    /// Those that begin at the picture they should, and show the event where they should.
    pub(super) exact: usize,
    /// What differs, in words.
    pub(super) problems: Vec<String>,
}

impl Visitor {
    /// Signs in.
    pub(super) async fn sign_in(address: String, name: &str, password: &str) -> Result<Self> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client
            .post(format!("{address}/api/v1/session"))
            .header("x-tillsight", "1")
            .header("content-type", "application/json")
            .body(json!({ "name": name, "password": password }).to_string())
            .send()
            .await?
            .error_for_status()?;
        let cookie = answer.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|cookie| cookie.split(';').next()).ok_or("signing in gave no cookie")?;
        let cookie = cookie.to_owned();
        Ok(Self { client, address, cookie, heard: Arc::default() })
    }

    /// Listens to live events until the stream ends or the task is dropped.
    pub(super) async fn listen(self) {
        loop {
            if let Err(error) = self.hear().await {
                tracing::debug!(%error, "the live events broke off");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn hear(&self) -> Result<()> {
        let mut stream = self.ask("/api/v1/events").await?;
        let mut text = String::new();
        while let Some(chunk) = stream.chunk().await? {
            let now = SystemClock.now();
            text.push_str(&String::from_utf8_lossy(&chunk));
            while let Some((event, rest)) = text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if field("event:") == Some("alert")
                    && let Some(id) = field("data:").and_then(alert_id)
                {
                    self.heard.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert(now);
                }
                text = rest.to_owned();
            }
        }
        Ok(())
    }

    /// When an alert was heard of first.
    pub(super) fn heard(&self, alert: Uuid) -> Option<DateTime<Utc>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).get(&alert).copied()
    }

    /// Milliseconds that searches took, sorted.
    pub(super) async fn search(&self, queries: &[&str]) -> Result<Vec<i64>> {
        let mut took = Vec::new();
        for query in queries {
            let began = Instant::now();
            let query: String = url::form_urlencoded::byte_serialize(query.as_bytes()).collect();
            self.ask(&format!("/api/v1/search?q={query}")).await?.bytes().await?;
            took.push(i64::try_from(began.elapsed().as_millis())?);
        }
        took.sort_unstable();
        Ok(took)
    }

    /// Fetches the clips of these alerts and reads the clock that the camera burnt into their pictures.
    pub(super) async fn clips(&self, alerts: &[Uuid], folder: &Path) -> Result<Clips> {
        let mut clips = Clips::default();
        for alert in alerts {
            let detail: Value =
                serde_json::from_slice(&self.ask(&format!("/api/v1/alerts/{alert}")).await?.bytes().await?)?;
            for video in detail.get("video").and_then(Value::as_array).into_iter().flatten() {
                let Some(url) = video.get("clip_url").and_then(Value::as_str) else { continue };
                clips.checked += 1;
                match self.clip(url, video, folder).await {
                    Ok(()) => clips.exact += 1,
                    Err(error) => clips.problems.push(format!("clip of alert {alert}: {error}")),
                }
            }
        }
        Ok(clips)
    }

    async fn clip(&self, url: &str, video: &Value, folder: &Path) -> Result<()> {
        let file = folder.join("checked.mp4");
        std::fs::write(&file, self.ask(url).await?.bytes().await?)?;
        let at = |name: &str| -> Result<DateTime<Utc>> {
            Ok(video.get(name).and_then(Value::as_str).ok_or("the alert names no span")?.parse()?)
        };
        let (from, event) = (at("from_at")?, at("event_at")?);
        let first = clock(&picture(&file, 0).await?)?;
        if (first - from).abs() > SLACK {
            return Err(format!("it begins at {first} instead of {from}").into());
        }
        let number = (event - first).num_milliseconds() * FPS / 1_000;
        let shown = clock(&picture(&file, number).await?)?;
        if (shown - event).abs() > SLACK {
            return Err(format!("it shows {shown} where {event} should be").into());
        }
        Ok(())
    }

    async fn ask(&self, path: &str) -> Result<reqwest::Response> {
        let asked = self.client.get(format!("{}{path}", self.address)).header(COOKIE, &self.cookie);
        Ok(asked.send().await?.error_for_status()?)
    }
}

fn alert_id(data: &str) -> Option<Uuid> {
    serde_json::from_str::<Value>(data).ok()?.get("alert_id")?.as_str()?.parse().ok()
}

/// A picture of a clip as a player shows it: its luma, with width and height.
async fn picture(file: &Path, number: i64) -> Result<(Vec<u8>, [usize; 2])> {
    let probe = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v", "-show_entries", "stream=width,height", "-of", "csv=p=0"])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .await?;
    let said = String::from_utf8_lossy(&probe.stdout).into_owned();
    let mut sides = said.trim().split(',').filter_map(|side| side.parse::<usize>().ok());
    let (Some(width), Some(height)) = (sides.next(), sides.next()) else {
        return Err(format!("it has no picture: {}", String::from_utf8_lossy(&probe.stderr).trim()).into());
    };
    let decoded = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(file)
        .args(["-vf", &format!("select=eq(n\\,{number})"), "-frames:v", "1", "-fps_mode", "passthrough"])
        .args(["-pix_fmt", "gray", "-f", "rawvideo", "pipe:1"])
        .stdin(Stdio::null())
        .output()
        .await?;
    if decoded.stdout.len() != width * height {
        return Err(
            format!("picture {number} is not there: {}", String::from_utf8_lossy(&decoded.stderr).trim()).into()
        );
    }
    Ok((decoded.stdout, [width, height]))
}

/// The clock that a camera of the demo burnt into a picture.
fn clock((bytes, [width, height]): &(Vec<u8>, [usize; 2])) -> Result<DateTime<Utc>> {
    let text = Font::default().clock(Luma { width: *width, height: *height, bytes });
    let (clock, _) = text.split_once("Z #").ok_or_else(|| format!("no clock is burnt in: {text:?}"))?;
    Ok(NaiveDateTime::parse_from_str(clock, "%Y-%m-%d %H:%M:%S%.f")?.and_utc())
}
