//! What this machine can afford: days of recording on its disk, and looks a second of its detector.

use std::time::{Duration, Instant};

use tillsight_analytics::detect::{Detector, Runtime};
use tillsight_analytics::model::Model;
use tillsight_analytics::picture::{Picture, Region};
use tillsight_schemas::error::chain;

use super::line::Line;
use crate::config::Config;
use crate::run::{installed_model, installed_runtime};

/// What a camera sends, when it is not known: 4 Mbit/s, in bytes a day.
const BYTES_A_DAY: u64 = 4_000_000 / 8 * 86_400;
/// How long the detector is timed.
const TIMED: Duration = Duration::from_millis(700);
/// The size of the picture that it is timed with; it takes the part around a zone and makes it smaller.
const SIZE: (usize, usize) = (1280, 720);

/// How long the disk lasts: free bytes / (cameras x bytes of a day).
pub(super) fn storage(config: &Config, cameras: usize) -> Line {
    let volume = config.volume();
    let what = "disk";
    let Ok(stat) = rustix::fs::statvfs(&volume) else {
        return Line::warn(what, "how much of it is free cannot be told", format!("look at `df {}`", volume.display()));
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let count = u64::try_from(cameras).unwrap_or(u64::MAX);
    let gib = free >> 30;
    let Some(tenths) = free.saturating_mul(10).checked_div(count.saturating_mul(BYTES_A_DAY)) else {
        return Line::ok(what, format!("{gib} GiB free"));
    };
    let (days, tenth) = (tenths / 10, tenths % 10);
    let said = format!(
        "{gib} GiB free / ({cameras} cameras x 4 Mbit/s = {cameras} x 43.2 GB a day, 15.8 TB a year) = {days}.{tenth} days"
    );
    match config.recording.retain_days {
        0 => Line::ok(what, format!("{said}; kept until the disk is full")),
        wanted if u64::from(wanted) * 10 > tenths => Line::warn(
            what,
            format!("{said}, not {wanted}: when the disk is full the oldest video goes first"),
            "take a larger disk, or lower recording.retain_days",
        ),
        wanted => Line::ok(what, format!("{said}; to be kept for {wanted} days")),
    }
}

/// Whether the detector is there, and how many cameras it keeps up with: threads x looks of one thread, measured now.
pub(super) fn detector(config: &Config, cameras: usize) -> Line {
    let what = "detector";
    let settings = &config.analytics;
    let path = settings.runtime.clone().unwrap_or_else(installed_runtime);
    let runtime = match Runtime::load(&path) {
        Ok(runtime) => runtime,
        Err(error) => {
            return Line::bad(what, chain(&error), "run deploy/setup.sh run, or name it in analytics.runtime");
        }
    };
    let path = settings.model.clone().unwrap_or_else(installed_model);
    let timed = Model::load(&path).and_then(|model| {
        let (name, width, height) = (model.name(), model.width, model.height);
        Ok((format!("{name}, {width}x{height}"), Detector::load(&runtime, model, 1)?))
    });
    let timed = timed.map_err(|error| chain(&error));
    let timed = timed.and_then(|(named, mut detector)| match look_takes(&mut detector) {
        Ok(each) => Ok((named, each)),
        Err(why) => Err(format!("{named}: {why}")),
    });
    let (named, each) = match timed {
        Ok(timed) => timed,
        Err(why) => {
            let cure = "run deploy/setup.sh run, or name another one in analytics.model";
            return Line::bad(what, why, cure);
        }
    };
    let can = f64::from(u32::try_from(settings.threads).unwrap_or(u32::MAX)) / each.as_secs_f64();
    let wanted = f64::from(settings.looks_per_second) * f64::from(u32::try_from(cameras).unwrap_or(u32::MAX));
    let said = format!(
        "{named}: {} threads / {:.0} ms a look = {can:.0} looks a second; {cameras} cameras x {} = {wanted:.0} wanted",
        settings.threads,
        each.as_secs_f64() * 1_000.0,
        settings.looks_per_second,
    );
    if wanted <= can {
        return Line::ok(what, said);
    }
    Line::bad(what, said, "raise analytics.threads (a core each), or lower analytics.looks_per_second")
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
