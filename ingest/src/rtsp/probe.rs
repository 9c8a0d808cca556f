//! [`probe`]: looks at a stream for some seconds and says what it is: codec, size, pictures and key frames a second, bit
//! rate, and its first picture.
//!
//! It connects once. A login that is refused is not tried again: cameras lock users out who try too often.

use std::sync::Arc;
use std::time::Duration;

use retina::client::SessionGroup;
use tillsight_schemas::Clock;
use tokio::time::Instant;

use super::config::StreamConfig;
use super::fanout::Outlets;
use super::session::{Ended, Live};
use super::unit::{AccessUnit, VideoCodec, VideoFormat};

/// Groups of pictures that are waited for: one whole one tells how long they are.
const KEY_FRAMES: usize = 3;
/// What a camera may send in the first picture that is kept.
const LARGEST_PICTURE: usize = 16 << 20;

/// What a stream is.
#[derive(Debug, Clone)]
pub struct Probed {
    /// How it is coded.
    pub format: Arc<VideoFormat>,
    /// Pictures a second; `None` when there were too few to tell.
    pub fps: Option<f64>,
    /// Seconds from key frame to key frame; `None` when there was one only.
    pub gop_seconds: Option<f64>,
    /// Kilobits a second.
    pub kbit_s: Option<i64>,
    /// The first key frame with start codes, parameter sets first.
    pub first: Vec<u8>,
}

/// Why a stream cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// It wants another login.
    #[error("the camera refuses the login")]
    Login,
    /// There is nothing at this address.
    #[error("the camera answers, but has no stream at this path (RTSP status {0})")]
    NoStream(u16),
    /// It cannot be reached.
    #[error("the camera cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It offers no video that can be recorded.
    #[error("the camera offers no H.264 or H.265 video, but {0}")]
    NoVideo(String),
    /// It sends nothing.
    #[error("the camera plays, but sends no key frame within {0:?}")]
    NoPictures(Duration),
}

impl ProbeError {
    /// What to do about it.
    pub fn cure(&self) -> &'static str {
        match self {
            Self::Login => "check user name and password; it was tried once, since cameras lock users out",
            Self::NoStream(_) => "check the path of the address in the camera's manual",
            Self::Unreachable(_) => "check address, port, cable and firewall, and that the camera has power",
            Self::NoVideo(_) => "set the stream to H.264 in the camera",
            Self::NoPictures(_) => "the camera may serve as many viewers as it can; set a key frame each 1 to 2 s",
        }
    }
}

/// Looks at a stream for two groups of pictures, `limit` at most.
///
/// # Errors
/// [`ProbeError`].
pub async fn probe(config: &StreamConfig, clock: Arc<dyn Clock>, limit: Duration) -> Result<Probed, ProbeError> {
    let group = Arc::new(SessionGroup::default());
    let mut live = Live::connect(config, clock, Arc::clone(&group)).await.map_err(refused)?;
    let outlets = Outlets::new(None);
    let mut pictures = outlets.live("probe");
    let mut seen = Seen::default();
    let deadline = Instant::now() + limit;
    let mut run = 1;
    {
        let mut reading = std::pin::pin!(live.read(&outlets, &mut run, |_| {}));
        loop {
            tokio::select! {
                biased;
                unit = pictures.next() => match unit {
                    Some(unit) => seen.push(&unit),
                    None => break,
                },
                _ = &mut reading => break,
                () = tokio::time::sleep_until(deadline) => break,
            }
            if seen.keys.len() >= KEY_FRAMES {
                break;
            }
        }
    }
    drop(live);
    // The camera may allow one session only: the recorder wants it next.
    tokio::time::timeout(Duration::from_secs(1), group.await_teardown()).await.ok();
    seen.probed().ok_or(ProbeError::NoPictures(limit))
}

fn refused(ended: Ended) -> ProbeError {
    match ended {
        Ended::Login(_) => ProbeError::Login,
        Ended::Connect(error) => match error.status_code() {
            Some(status @ 400..) => ProbeError::NoStream(status),
            _ => ProbeError::Unreachable(error.into()),
        },
        Ended::NoVideo(offered) => ProbeError::NoVideo(offered),
        other => ProbeError::Unreachable(other.into()),
    }
}

/// What came so far.
#[derive(Debug, Default)]
struct Seen {
    format: Option<Arc<VideoFormat>>,
    first: Vec<u8>,
    /// Media times of key frames, in 1/90000 s.
    keys: Vec<i64>,
    /// The first and last media time.
    span: Option<(i64, i64)>,
    pictures: u32,
    bytes: u64,
    /// Bytes of the pictures before the last key frame.
    whole_bytes: u64,
}

impl Seen {
    fn push(&mut self, unit: &AccessUnit) {
        if unit.key {
            if self.format.is_none() && unit.data.len() <= LARGEST_PICTURE {
                self.format = Some(Arc::clone(&unit.format));
                self.first = unit.to_annex_b();
            }
            self.keys.push(unit.pts);
            self.whole_bytes = self.bytes;
        }
        self.pictures += 1;
        self.bytes += u64::try_from(unit.data.len()).unwrap_or_default();
        let (first, last) = self.span.unwrap_or((unit.pts, unit.pts));
        self.span = Some((first.min(unit.pts), last.max(unit.pts)));
    }

    fn probed(self) -> Option<Probed> {
        let format = self.format?;
        let seconds =
            |ticks: i64| u32::try_from(ticks).ok().filter(|ticks| *ticks > 0).map(|t| f64::from(t) / 90_000.0);
        let span = self.span.and_then(|(first, last)| seconds(last - first));
        let fps = span.map(|span| f64::from(self.pictures.saturating_sub(1)) / span);
        let keys = self.keys.first().zip(self.keys.last()).and_then(|(first, last)| seconds(last - first));
        let between = u32::try_from(self.keys.len().saturating_sub(1)).ok().filter(|between| *between > 0);
        let gop_seconds = keys.zip(between).map(|(keys, between)| keys / f64::from(between));
        // Whole groups, where there are any: key frames are most of the bytes.
        let (bytes, over) = if keys.is_some() { (self.whole_bytes, keys) } else { (self.bytes, span) };
        let kbit_s =
            over.map(|over| rounded(f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) * 8.0 / 1_000.0 / over));
        Some(Probed { format, fps, gop_seconds, kbit_s, first: self.first })
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a bit rate")]
fn rounded(value: f64) -> i64 {
    value.round() as i64
}

impl VideoCodec {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::H264 => "H.264",
            Self::H265 => "H.265",
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn unit(pts: i64, key: bool, size: usize) -> AccessUnit {
        AccessUnit {
            stream: Arc::new("acme/17/kiosk/main".parse().unwrap()),
            run: 1,
            pts,
            key,
            lost: 0,
            arrived_us: 0,
            utc_us: 0,
            format: Arc::new(VideoFormat {
                codec: VideoCodec::H264,
                rfc6381: "avc1.42C01E".into(),
                width: 640,
                height: 360,
                sample_entry: Bytes::new(),
                parameter_sets: Bytes::new(),
            }),
            data: Bytes::from(vec![0; size]),
        }
    }

    #[test]
    fn two_groups_of_pictures_tell_rate_distance_and_bits() {
        let mut seen = Seen::default();
        for number in 0..=60_i64 {
            let key = number % 30 == 0;
            seen.push(&unit(number * 6_000, key, if key { 10_000 } else { 1_000 }));
        }
        let probed = seen.probed().unwrap();
        assert!((probed.fps.unwrap() - 15.0).abs() < 1e-9 && (probed.gop_seconds.unwrap() - 2.0).abs() < 1e-9);
        // 2 x (10,000 + 29 x 1,000) bytes in 4 s.
        assert_eq!(probed.kbit_s, Some(156));
    }

    #[test]
    fn one_picture_tells_what_it_is_and_no_more() {
        let mut seen = Seen::default();
        assert!(Seen::default().probed().is_none());
        seen.push(&unit(0, true, 10));
        let probed = seen.probed().unwrap();
        assert_eq!((probed.fps, probed.gop_seconds, probed.kbit_s), (None, None, None));
    }
}
