//! [`StreamWriter`]: what happens to the items of one stream: fragments, segments, gaps.
//!
//! It runs on the thread of its volume and never waits for anything but the disk. Whatever arrives, recorded spans and
//! gaps tile the time from the begin of the schedule on: a gap is opened the moment a segment ends without another
//! following it, and is closed by the first picture of the next.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use tillsight_schemas::Clock;
use tillsight_schemas::metric;
use tillsight_schemas::segment::{GapReason, StreamKey};
use tillsight_schemas::time_map::{TICKS_PER_SECOND, TimeMap, TimeMapPiece};

use super::chain::{Chain, GENESIS, Hash, hex};
use super::clock_entry::ClockEntry;
use super::document::{HEADER_VERSION, Header};
use super::error::Result;
use super::fragment::{Fragment, Position, Surroundings, build};
use super::rows::{Change, GapRow, SegmentRow};
use super::segment::OpenSegment;
use crate::rtsp::{AccessUnit, AudioFormat, AudioFrame, Item, RunStart, VideoFormat};

/// A stretch without pictures longer than this (and four usual pictures) is a gap.
const HOLE_TICKS: i64 = 2 * TICKS_PER_SECOND;
/// Pictures that no other follows are written after this time, in microseconds.
const STALE_US: i64 = 2_000_000;
/// A fragment is cut when it holds so many bytes, whatever its length.
const MAX_FRAGMENT_BYTES: usize = 16 << 20;
/// Pieces of a time map that reach back are applied to rows while the run is younger than this.
const SETTLE_TICKS: i64 = 120 * TICKS_PER_SECOND;

/// How streams are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The length of a segment, in 1/90000 s.
    pub segment: i64,
    /// The longest fragment, in 1/90000 s.
    pub fragment: i64,
}

/// Where a stream was left: what the index knows of its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumePoint {
    /// The last chain head.
    pub head: Hash,
    /// The last run.
    pub run: i64,
    /// SHA-256 of the last manifest.
    pub manifest: Option<Hash>,
    /// The end of the last segment, in microseconds since 1970.
    pub end_us: Option<i64>,
    /// The gap that goes on.
    pub gap: Option<GapRow>,
    /// How many gaps the last run has had.
    pub gaps: i64,
    /// Since when the stream is scheduled, in microseconds since 1970.
    pub scheduled_us: Option<i64>,
}

impl Default for ResumePoint {
    fn default() -> Self {
        Self { head: GENESIS, run: 0, manifest: None, end_us: None, gap: None, gaps: 0, scheduled_us: None }
    }
}

/// Writes one stream.
#[derive(Debug)]
pub struct StreamWriter {
    key: StreamKey,
    name: String,
    volume: PathBuf,
    cut: Cut,
    clock: Arc<dyn Clock>,
    end: ResumePoint,
    run: Option<Run>,
    changes: Vec<Change>,
    retry_at_us: i64,
    /// What was recorded and not counted yet, less than a second, in microseconds.
    uncounted: i64,
    /// The same of gaps, by reason.
    uncounted_gaps: BTreeMap<&'static str, i64>,
}

#[derive(Debug)]
struct Run {
    run: i64,
    audio: Option<Arc<AudioFormat>>,
    map: TimeMap,
    chain: Chain,
    position: Position,
    open: Option<OpenSegment>,
    format: Option<Arc<VideoFormat>>,
    next_segment: i64,
    /// Media time at which the open segment may be closed.
    due: i64,
    pending: Vec<AccessUnit>,
    pending_audio: Vec<AudioFrame>,
    pending_bytes: usize,
    clocks: Vec<ClockEntry>,
    /// Closed segments and ended gaps of a young run, whose times a better clock may still change.
    young: Vec<SegmentRow>,
    young_gap: Option<GapRow>,
}

impl StreamWriter {
    /// Goes on with a stream; a gap is opened if none goes on.
    pub fn new(key: StreamKey, volume: PathBuf, cut: Cut, clock: Arc<dyn Clock>, end: ResumePoint) -> Self {
        let name = key.to_string();
        let retry_at_us = i64::MIN;
        let mut writer = Self {
            key,
            name,
            volume,
            cut,
            clock,
            end,
            run: None,
            changes: Vec::new(),
            retry_at_us,
            uncounted: 0,
            uncounted_gaps: BTreeMap::new(),
        };
        if writer.end.gap.is_none() {
            let (start, reason) = match writer.end.end_us {
                Some(end) => (end, GapReason::Unknown),
                None => (writer.end.scheduled_us.unwrap_or_else(|| writer.now_us()), GapReason::NotStarted),
            };
            writer.open_gap(start, reason);
        }
        writer
    }

    /// The stream.
    pub fn key(&self) -> &StreamKey {
        &self.key
    }

    /// Takes in an item. A disk that refuses is not an error here: it makes a gap, and is tried again.
    pub fn handle(&mut self, item: Item) {
        match item {
            Item::Begin(start) => self.begin(start),
            Item::Video(unit) => self.video(unit),
            Item::Audio(frame) => {
                if let Some(run) = self.run.as_mut().filter(|run| run.run == frame.run && run.audio.is_some()) {
                    // Without a segment to put it in, sound waits for the next key frame with at most its last second.
                    if run.open.is_none() && run.pending.is_empty() {
                        run.pending_audio.clear();
                    }
                    run.pending_bytes += frame.data.len();
                    run.pending_audio.push(frame);
                }
            }
            Item::Clock(reading) => {
                if let Some(run) = &mut self.run {
                    run.clocks.push(ClockEntry::Reading(reading));
                }
            }
            Item::Map(piece) => self.map(piece),
            Item::End(reason) => self.finish(reason),
        }
    }

    /// Ends the run, if one goes on, and notes why there is no video from here on.
    pub fn finish(&mut self, reason: GapReason) {
        match self.run.take() {
            Some(mut run) => {
                self.flush(&mut run, None);
                self.close_segment(&mut run);
                self.keep_end(&run);
                if self.end.gap.is_none() {
                    let start = self.end.end_us.unwrap_or_else(|| self.now_us());
                    self.open_gap(start, reason);
                } else {
                    self.change_reason(reason);
                }
            }
            None => self.change_reason(reason),
        }
    }

    /// Writes pictures that have waited too long for a successor.
    pub fn tick(&mut self) {
        let now = self.now_us();
        if let Some(mut run) = self.run.take() {
            if run.pending.last().is_some_and(|unit| now - unit.arrived_us > STALE_US) {
                self.flush(&mut run, None);
            }
            self.run = Some(run);
        }
    }

    /// Whether a segment was created that the index does not know yet.
    pub fn has_fresh_segment(&self) -> bool {
        self.run
            .as_ref()
            .and_then(|run| run.open.as_ref())
            .is_some_and(|open| open.is_fresh() && open.row().fragments > 0)
    }

    /// Puts on disk what was written since the last call and returns what the index has to learn, in order.
    pub fn sync(&mut self) -> Vec<Change> {
        if let Some(mut run) = self.run.take() {
            if let Some(open) = &mut run.open {
                match open.sync() {
                    Ok(true) => self.changes.push(Change::Segment(Box::new(open.row().clone()))),
                    Ok(false) => {}
                    Err(error) => self.disk_failed(&mut run, &error),
                }
            }
            self.run = Some(run);
        }
        std::mem::take(&mut self.changes)
    }

    /// The stream's number of the next run, at least.
    pub fn run_floor(&self) -> i64 {
        self.run.as_ref().map_or(self.end.run, |run| run.run).saturating_add(1)
    }

    fn begin(&mut self, start: RunStart) {
        if self.run.is_some() {
            self.finish(GapReason::Disconnected);
        }
        if start.run <= self.end.run {
            tracing::warn!(stream = %self.name, run = start.run, last = self.end.run, "a run does not follow the one before");
        }
        let chain = Chain::begin(self.name.clone(), start.run, self.end.head);
        let mut run = Run {
            run: start.run,
            audio: start.audio,
            map: TimeMap::default(),
            chain,
            position: Position::default(),
            open: None,
            format: None,
            next_segment: 0,
            due: 0,
            pending: Vec::new(),
            pending_audio: Vec::new(),
            pending_bytes: 0,
            clocks: Vec::new(),
            young: Vec::new(),
            young_gap: None,
        };
        self.add_piece(&mut run, start.piece);
        self.run = Some(run);
    }

    fn map(&mut self, piece: TimeMapPiece) {
        let Some(mut run) = self.run.take() else { return };
        let reaches_back = piece.from_pts < run.position.video;
        self.add_piece(&mut run, piece);
        if reaches_back {
            for row in &mut run.young {
                row.place(&run.map);
                self.changes.push(Change::Segment(Box::new(row.clone())));
            }
            if let Some(open) = &mut run.open {
                open.place(&run.map);
                if !open.is_fresh() {
                    self.changes.push(Change::Segment(Box::new(open.row().clone())));
                }
            }
            let first = run.young.first().or_else(|| run.open.as_ref().map(OpenSegment::row)).map(|row| row.start_us);
            if let (Some(gap), Some(start_us)) = (&mut run.young_gap, first) {
                gap.end_us = Some(start_us);
                self.changes.push(if start_us > gap.start_us {
                    Change::Gap(gap.clone())
                } else {
                    Change::NoGap(gap.run, gap.seq)
                });
            }
        }
        self.run = Some(run);
    }

    fn add_piece(&mut self, run: &mut Run, piece: TimeMapPiece) {
        if run.map.push(piece.clone()) {
            self.changes.push(Change::Piece(run.run, piece.clone()));
            run.clocks.push(ClockEntry::Piece(piece));
        }
    }

    fn video(&mut self, unit: AccessUnit) {
        let Some(mut run) = self.run.take() else { return };
        if unit.run == run.run && unit.pts >= 0 {
            self.place_unit(&mut run, unit);
        }
        self.run = Some(run);
    }

    fn place_unit(&mut self, run: &mut Run, unit: AccessUnit) {
        let last = run.pending.last().map_or(run.position.video, |last| last.pts);
        let hole = HOLE_TICKS.max(4 * i64::from(run.position.usual));
        let is_hole = run.open.is_some() && unit.pts - last > hole;
        let new_format =
            run.format.as_ref().is_some_and(|format| !Arc::ptr_eq(format, &unit.format) && **format != *unit.format);
        if let Some(first) = run.pending.first().map(|unit| unit.pts) {
            let full = unit.pts - first >= self.cut.fragment || run.pending_bytes >= MAX_FRAGMENT_BYTES;
            if is_hole {
                self.flush(run, None);
            } else if unit.key || full || new_format {
                self.flush(run, Some(unit.pts));
            }
        }
        if is_hole {
            self.close_segment(run);
            self.keep_end(run);
            let start = self.end.end_us.unwrap_or_default();
            self.open_gap(start, GapReason::NoFrames);
        } else if run.open.is_some() && unit.key && (unit.pts >= run.due || new_format) {
            self.close_segment(run);
            self.keep_end(run);
        }
        if run.open.is_none() && run.pending.is_empty() {
            if !unit.key || self.now_us() < self.retry_at_us {
                return;
            }
            run.format = Some(Arc::clone(&unit.format));
            if run.position.video < unit.pts {
                run.position.video = unit.pts;
            }
            if let Err(error) = self.open_segment(run, &unit) {
                self.disk_failed(run, &error);
                return;
            }
        }
        run.pending_bytes += unit.data.len();
        run.pending.push(unit);
    }

    fn open_segment(&mut self, run: &mut Run, unit: &AccessUnit) -> Result<()> {
        let start_pts = run.position.video;
        let start_us = run.map.utc_us(start_pts).unwrap_or(unit.utc_us);
        let Some(piece) = run.map.piece(start_pts).cloned() else { return Ok(()) };
        let header = Header {
            v: HEADER_VERSION.to_owned(),
            stream: self.name.clone(),
            run: run.run,
            segment: run.next_segment,
            first_fragment: run.chain.next(),
            first_pts: start_pts,
            start_us,
            prev_head: hex(&run.chain.head()),
            prev_manifest: self.end.manifest.map(|hash| hex(&hash)),
            prev_end_us: self.end.end_us,
            gap: self.end.gap.as_ref().map(|gap| gap.reason),
            map: piece,
            codec: unit.format.rfc6381.clone(),
            width: unit.format.width,
            height: unit.format.height,
            audio_codec: run.audio.as_ref().map(|audio| audio.rfc6381.clone()),
        };
        let open = OpenSegment::create(&self.volume, header, &unit.format, run.audio.as_deref())?;
        // The first segment of a run is between half and one and a half times as long, by the name of the stream, so
        // that a shop's cameras do not all change files in the same second.
        run.due = start_pts
            + if run.next_segment == 0 {
                let spread = self.name.bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % 1_000);
                self.cut.segment / 2 + self.cut.segment * spread / 1_000
            } else {
                self.cut.segment
            };
        run.next_segment += 1;
        run.open = Some(open);
        if let Some(mut gap) = self.end.gap.take() {
            gap.end_us = Some(start_us);
            if start_us > gap.start_us {
                #[expect(clippy::cast_precision_loss, reason = "a metric")]
                let seconds = (start_us - gap.start_us) as f64 / 1e6;
                tracing::info!(stream = %self.name, seconds, reason = %gap.reason, "gap ends");
                self.count_gap_seconds(gap.reason, start_us - gap.start_us);
                self.changes.push(Change::Gap(gap.clone()));
            } else {
                self.changes.push(Change::NoGap(gap.run, gap.seq));
            }
            run.young_gap = Some(gap);
        }
        Ok(())
    }

    fn flush(&mut self, run: &mut Run, next_pts: Option<i64>) {
        if run.pending.is_empty() {
            return;
        }
        let units = std::mem::take(&mut run.pending);
        run.pending_bytes = 0;
        let Some(mut open) = run.open.take() else { return };
        // Sound that was taken later than these pictures waits for the next fragment.
        let until = match (&run.audio, next_pts) {
            (Some(audio), Some(pts)) => pts.saturating_mul(i64::from(audio.clock_rate)) / TICKS_PER_SECOND,
            _ => i64::MAX,
        };
        let split = run.pending_audio.partition_point(|frame| frame.pts < until);
        let later = run.pending_audio.split_off(split);
        let audio = std::mem::replace(&mut run.pending_audio, later);
        let clocks = std::mem::take(&mut run.clocks);
        // Chain and position move on only with what is written.
        let (mut chain, mut position) = (run.chain.clone(), run.position);
        let around = Surroundings { sequence: open.next_sequence(), next_pts, map: &run.map, clocks: &clocks };
        let fragment: Fragment = build(&mut chain, &mut position, run.run, &units, &audio, &around);
        let ticks = fragment.end - fragment.start;
        let bytes = fragment.bytes.len();
        match open.append(&fragment, clocks, &run.map) {
            Ok(()) => {
                (run.chain, run.position, run.open) = (chain, position, Some(open));
                let labels = self.labels();
                metrics::counter!(metric::RECORDED_BYTES, labels.clone()).increment(u64::try_from(bytes).unwrap_or(0));
                let seconds = whole_seconds(&mut self.uncounted, ticks * 1_000_000 / TICKS_PER_SECOND);
                metrics::counter!(metric::RECORDED_SECONDS, labels).increment(seconds);
            }
            Err(error) => {
                run.open = Some(open);
                self.disk_failed(run, &error);
            }
        }
    }

    fn close_segment(&mut self, run: &mut Run) {
        let Some(open) = run.open.take() else { return };
        let before = open.row().clone();
        let row = match open.close(&run.map) {
            Ok(row) => row,
            Err(error) => {
                // It stays open in the index, so that the next start recovers it.
                self.report(&error);
                before
            }
        };
        self.end.manifest = row.manifest.or(self.end.manifest);
        if row.end_pts < SETTLE_TICKS {
            run.young.push(row.clone());
        }
        self.changes.push(Change::Segment(Box::new(row)));
    }

    /// Notes where the run stands as the end of the stream.
    fn keep_end(&mut self, run: &Run) {
        if run.next_segment == 0 {
            return;
        }
        if self.end.run != run.run {
            self.end.gaps = 0;
        }
        self.end.run = run.run;
        self.end.head = run.chain.head();
        self.end.end_us = run.map.utc_us(run.position.video).or(self.end.end_us);
    }

    fn disk_failed(&mut self, run: &mut Run, error: &super::Error) {
        self.report(error);
        run.pending.clear();
        run.pending_audio.clear();
        run.pending_bytes = 0;
        if let Some(open) = run.open.take() {
            let row = open.abandon();
            run.position.video = row.end_pts;
            self.changes.push(Change::Segment(Box::new(row)));
        }
        self.keep_end(run);
        let start = self.end.end_us.unwrap_or_else(|| self.now_us());
        if self.end.gap.is_some() {
            self.change_reason(GapReason::Disk);
        } else {
            self.open_gap(start, GapReason::Disk);
        }
        self.retry_at_us = self.now_us() + 1_000_000;
    }

    fn report(&self, error: &super::Error) {
        let volume = self.volume.display().to_string();
        metrics::counter!(metric::RECORD_DISK_ERRORS, "volume" => volume).increment(1);
        tracing::error!(stream = %self.name, error = %tillsight_schemas::error::chain(error), "cannot record");
    }

    fn open_gap(&mut self, start_us: i64, reason: GapReason) {
        if self.end.gap.is_some() {
            return self.change_reason(reason);
        }
        let gap = GapRow { run: self.end.run, seq: self.end.gaps, start_us, end_us: None, reason };
        self.end.gaps += 1;
        let mut labels = self.labels();
        labels.push(metrics::Label::new("reason", reason.as_str()));
        metrics::counter!(metric::RECORDING_GAPS, labels).increment(1);
        tracing::info!(stream = %self.name, %reason, "gap begins");
        self.changes.push(Change::Gap(gap.clone()));
        self.end.gap = Some(gap);
    }

    /// The gap goes on for another reason: it is cut in two, here and now.
    fn change_reason(&mut self, reason: GapReason) {
        let now = self.now_us();
        match self.end.gap.take() {
            Some(gap) if gap.reason == reason => self.end.gap = Some(gap),
            Some(gap) if now <= gap.start_us => {
                let gap = GapRow { reason, ..gap };
                self.changes.push(Change::Gap(gap.clone()));
                self.end.gap = Some(gap);
            }
            Some(mut gap) => {
                gap.end_us = Some(now);
                self.count_gap_seconds(gap.reason, now - gap.start_us);
                self.changes.push(Change::Gap(gap));
                self.open_gap(now, reason);
            }
            None => {}
        }
    }

    fn count_gap_seconds(&mut self, reason: GapReason, us: i64) {
        let mut labels = self.labels();
        labels.push(metrics::Label::new("reason", reason.as_str()));
        let seconds = whole_seconds(self.uncounted_gaps.entry(reason.as_str()).or_default(), us);
        metrics::counter!(metric::RECORDING_GAP_SECONDS, labels).increment(seconds);
    }

    fn labels(&self) -> Vec<metrics::Label> {
        vec![
            metrics::Label::new("store", self.key.store.as_str().to_owned()),
            metrics::Label::new("camera", self.key.camera.as_str().to_owned()),
            metrics::Label::new("stream", self.key.kind.as_str()),
        ]
    }

    fn now_us(&self) -> i64 {
        self.clock.now().timestamp_micros()
    }
}

/// The whole seconds of a time and of what was left of earlier ones; counters count whole numbers.
fn whole_seconds(left: &mut i64, us: i64) -> u64 {
    *left += us;
    let seconds = left.div_euclid(1_000_000);
    *left = left.rem_euclid(1_000_000);
    u64::try_from(seconds).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::whole_seconds;

    #[test]
    fn fractions_of_seconds_are_counted_when_they_are_whole() {
        let mut left = 0;
        let counted: u64 = (0..100).map(|_| whole_seconds(&mut left, 966_667)).sum();
        assert_eq!((counted, left), (96, 666_700));
    }
}
