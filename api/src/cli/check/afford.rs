//! What this machine can afford: days of recording on its disk, and looks a second of its detector.

use std::time::{Duration, Instant};

use tillsight_analytics::detect::{Detector, Runtime};
use tillsight_analytics::model::Model;
use tillsight_analytics::picture::{Picture, Region};
use tillsight_schemas::error::chain;

use super::Finding;
use crate::config::Config;
use crate::run::{installed_model, installed_runtime};

/// What a camera sends, when it is not known: 4 Mbit/s, in bytes a day.
const BYTES_A_DAY: u64 = 4_000_000 / 8 * 86_400;
/// How long the detector is timed.
const TIMED: Duration = Duration::from_millis(700);
/// The size of the picture that it is timed with; it takes the part around a zone and makes it smaller.
const SIZE: (usize, usize) = (1280, 720);

/// How long the disk lasts: free bytes / (cameras x bytes of a day).
pub(super) fn storage(config: &Config, cameras: usize) -> String {
    let Ok(stat) = rustix::fs::statvfs(config.volume()) else {
        return "how much is free cannot be told".to_owned();
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let count = u64::try_from(cameras).unwrap_or(u64::MAX);
    let gib = free >> 30;
    let Some(tenths) = free.saturating_mul(10).checked_div(count.saturating_mul(BYTES_A_DAY)) else {
        return format!("{gib} GiB free");
    };
    let (days, tenth) = (tenths / 10, tenths % 10);
    format!(
        "{gib} GiB free / ({cameras} cameras x 4 Mbit/s = {cameras} x 43.2 GB a day, 15.8 TB a year) = {days}.{tenth} days; \
         {}",
        kept(config.recording.retain_days, tenths)
    )
}

/// What becomes of the days that are wanted, by tenths of those that there is room for.
fn kept(days: u32, tenths: u64) -> String {
    match days {
        0 => "kept until the disk is full".to_owned(),
        days if u64::from(days) * 10 > tenths => format!(
            "TOO LITTLE for the {days} days of recording.retain_days: when the disk is full the oldest video goes first"
        ),
        days => format!("to be kept for {days} days"),
    }
}

/// Whether the detector is there, and how many cameras it keeps up with: threads x looks of one thread, measured now.
pub(super) fn detector(config: &Config, cameras: usize) -> Finding {
    let settings = &config.analytics;
    let cure = "run deploy/setup.sh run, or name";
    let runtime = Runtime::load(&settings.runtime.clone().unwrap_or_else(installed_runtime))
        .map_err(|error| format!("{}: {cure} it in analytics.runtime", chain(&error)))?;
    let model = Model::load(&settings.model.clone().unwrap_or_else(installed_model))
        .and_then(|model| Detector::load(&runtime, model, 1));
    let mut detector = model.map_err(|error| format!("{}: {cure} another one in analytics.model", chain(&error)))?;
    let each = look_takes(&mut detector).map_err(|error| format!("{error}: {cure} another one in analytics.model"))?;
    let can = f64::from(u32::try_from(settings.threads).unwrap_or(u32::MAX)) / each.as_secs_f64();
    let wanted = f64::from(settings.looks_per_second) * f64::from(u32::try_from(cameras).unwrap_or(u32::MAX));
    let said = format!(
        "{} threads / {:.0} ms a look = {can:.0} looks a second; {cameras} cameras x {} = {wanted:.0} wanted",
        settings.threads,
        each.as_secs_f64() * 1_000.0,
        settings.looks_per_second,
    );
    if wanted <= can {
        return Ok(said);
    }
    Err(format!("{said}: raise analytics.threads (a core each), or lower analytics.looks_per_second"))
}

/// The middle of some looks, after the first, for which memory is got.
fn look_takes(detector: &mut Detector) -> Result<Duration, String> {
    let (width, height) = SIZE;
    let colour = vec![128; width / 2 * (height / 2)];
    let picture = Picture::new(width, height, vec![90; width * height], colour.clone(), colour);
    let picture = picture.ok_or("no picture can be made")?;
    let region = Region { left: 0.0, top: 0.0, width: 720.0, height: 720.0 };
    let mut took = Vec::new();
    let began = Instant::now();
    while took.len() < 4 || began.elapsed() < TIMED {
        let look = Instant::now();
        detector.find(&picture, region).map_err(|error| chain(&error))?;
        took.push(look.elapsed());
    }
    took.remove(0);
    took.sort_unstable();
    took.get(took.len() / 2).copied().ok_or_else(|| "no look was taken".to_owned())
}
