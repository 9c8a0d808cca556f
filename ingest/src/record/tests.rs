//! The recorder as a whole, with synthetic pictures and a clock that stands still until it is told to move.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::hold::{Hold, HoldOwner};
use tillsight_schemas::segment::{GapReason, SegmentState};
use tillsight_schemas::{ReplayClock, TimeSpan};

use super::testing::{key, sound, start, unit};
use super::*;
use crate::rtsp::{AudioFrame, Item};

const START: i64 = 1_795_440_000_000_000;
const SECOND: i64 = 1_000_000;

fn at(us: i64) -> DateTime<Utc> {
    rows::instant(us)
}

fn span(from: i64, to: i64) -> TimeSpan {
    TimeSpan::new(at(from), at(to)).unwrap()
}

struct Shop {
    clock: ReplayClock,
    recorder: Recorder,
    sink: StreamSink,
}

impl Shop {
    async fn open(volume: &Path, clock: &ReplayClock) -> Self {
        let config = RecorderConfig { segment: Duration::from_secs(10), ..RecorderConfig::new(volume) };
        let recorder = Recorder::open(config, Arc::new(clock.clone())).await.unwrap();
        let (sink, _) = recorder.stream(key()).await.unwrap();
        Self { clock: clock.clone(), recorder, sink }
    }

    /// Ten pictures a second from `begin` on, a key frame every two seconds.
    async fn record(&self, begin: i64, seconds: i64) {
        self.sink.send(Item::Begin(start(begin))).await.unwrap();
        self.go_on(begin, 0, seconds).await;
    }

    async fn go_on(&self, run: i64, from: i64, to: i64) {
        for frame in from * 10..to * 10 {
            let unit = unit(run, frame * 9_000, frame % 20 == 0);
            self.clock.set(at(unit.utc_us));
            self.sink.send(Item::Video(unit)).await.unwrap();
        }
        self.recorder.sync().await.unwrap();
    }

    async fn end(&self, at_us: i64, reason: GapReason) {
        self.clock.set(at(at_us));
        self.sink.send(Item::End(reason)).await.unwrap();
        self.recorder.sync().await.unwrap();
    }

    async fn covered(&self, from: i64, to: i64) -> Coverage {
        self.recorder.reader().coverage(&key(), span(from, to), at(to)).await.unwrap()
    }
}

fn adds_up(covered: &Coverage) {
    assert_eq!(covered.unexplained_us, 0, "{covered:#?}");
    let sum = covered.recorded_us + covered.expired_us + covered.gap_us + covered.pending_us;
    assert_eq!(sum, covered.scheduled_us, "{covered:#?}");
    let listed: i64 = covered.gaps.iter().map(|(span, _)| span.duration().num_microseconds().unwrap()).sum();
    assert_eq!(listed, covered.gap_us + covered.expired_us, "{covered:#?}");
}

async fn is_sound(recorder: &Recorder, now: i64) {
    let report = check(recorder.volume(), recorder.index(), true, at(now)).await.unwrap();
    assert_eq!(report.problems, [], "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_and_the_gaps_make_up_the_schedule() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START - 5 * SECOND));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START, 60).await;
    shop.end(START + 61 * SECOND, GapReason::Disconnected).await;
    clock.set(at(START + 70 * SECOND));
    shop.end(START + 70 * SECOND, GapReason::Unreachable).await;
    shop.record(START + 80 * SECOND, 30).await;

    let now = START + 120 * SECOND;
    let covered = shop.covered(START - 100 * SECOND, now).await;
    adds_up(&covered);
    assert_eq!(covered.scheduled_us, 125 * SECOND);
    let reasons: Vec<_> = covered.gaps.iter().map(|(_, reason)| *reason).collect();
    assert_eq!(reasons, [GapReason::NotStarted, GapReason::Disconnected, GapReason::Unreachable]);
    // The last picture of a run lasts as long as the ones before.
    assert_eq!(covered.gaps[1].0, span(START + 60 * SECOND, START + 70 * SECOND));
    assert_eq!(covered.gaps[2].0, span(START + 70 * SECOND, START + 80 * SECOND));
    is_sound(&shop.recorder, now).await;

    shop.recorder.close().await.unwrap();
    let reader = Reader::open(folder.path()).await.unwrap();
    let covered = reader.coverage(&key(), span(START, now), at(now)).await.unwrap();
    adds_up(&covered);
    assert_eq!(covered.recorded_us, 90 * SECOND);
    assert_eq!(covered.pending_us, 0);
    assert_eq!(covered.gaps.last().map(|gap| gap.1), Some(GapReason::Stopped));
}

#[tokio::test(flavor = "multi_thread")]
async fn segments_begin_with_key_frames_and_commit_to_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START, 60).await;
    shop.end(START + 60 * SECOND, GapReason::Stopped).await;
    let stream = shop.recorder.index().stream_id(&key(), false).await.unwrap().unwrap();
    let rows = shop.recorder.index().all_segments(stream).await.unwrap();
    assert!((5..=8).contains(&rows.len()), "{}", rows.len());
    for row in &rows {
        let file = parse::SegmentFile::open(&folder.path().join(&row.path)).unwrap();
        let (fragments, _, closed) = file.fragments(file.media_start).unwrap();
        assert!(closed && fragments[0].key && fragments[0].video[0].key);
        assert!(fragments.iter().all(|fragment| fragment.video.len() <= 10));
        assert!(fragments.iter().all(|fragment| fragment.video.iter().skip(1).all(|sample| !sample.key)));
        assert_eq!(fragments[0].prft_utc_us, row.start_us);
        assert_eq!(row.state, SegmentState::Closed);
    }
    for (before, after) in rows.iter().zip(rows.iter().skip(1)) {
        assert_eq!((before.end_us, before.end_pts, before.next_fragment > 0), (after.start_us, after.start_pts, true));
    }
    is_sound(&shop.recorder, START + 60 * SECOND).await;
    // One flipped bit anywhere in the media is found.
    let victim = folder.path().join(&rows[1].path);
    let mut bytes = std::fs::read(&victim).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&victim, bytes).unwrap();
    let report = check(folder.path(), shop.recorder.index(), true, at(START + 60 * SECOND)).await.unwrap();
    assert!(report.problems.iter().any(|(path, _)| *path == rows[1].path.display().to_string()), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_holds_exactly_the_pictures_of_its_span() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START, 45).await;
    let reader = shop.recorder.reader();
    // Within a segment, across segments, and in the one that is being written.
    for (from, to) in
        [(3_370_000, 8_370_000), (1_000_000, 39_000_000), (41_050_000, 43_950_000), (4_000_000, 4_100_000)]
    {
        let clip = reader.clip(&key(), span(START + from, START + to)).await.unwrap();
        let first = (from + 99_999) / 100_000 * 100_000;
        let last = (to - 1) / 100_000 * 100_000;
        let said = &clip.statement;
        assert_eq!(said.first_frame_at, at(START + first), "{from}..{to}");
        assert_eq!(said.last_frame_at, at(START + last), "{from}..{to}");
        assert_eq!(said.frames, (last - first) / 100_000 + 1);
        assert_eq!(said.leading_frames, first % 2_000_000 / 100_000);
        assert_eq!(said.duration_us, last - first + 100_000);
        assert_eq!(said.gaps, []);
        // However it is cut, the same bytes.
        let whole = clip.bytes.read(0..clip.bytes.len()).await.unwrap();
        let mut joined = Vec::new();
        let mut offset = 0;
        while offset < clip.bytes.len() {
            let end = (offset + 977).min(clip.bytes.len());
            joined.extend_from_slice(&clip.bytes.read(offset..end).await.unwrap());
            offset = end;
        }
        assert_eq!(whole, joined);
        use mp4_atom::{Any, Decode as _};
        let mut rest = &whole[..];
        let mut moov = None;
        while let Ok(atom) = Any::decode(&mut rest) {
            if let Any::Moov(found) = atom {
                moov = Some(found);
            }
        }
        let moov = moov.unwrap();
        let stbl = &moov.trak[0].mdia.minf.stbl;
        let edit = &moov.trak[0].edts.as_ref().unwrap().elst.as_ref().unwrap().entries[0];
        assert_eq!(edit.media_time, Some(u64::try_from(first % 2_000_000 * 9 / 100).unwrap()));
        // The first sample of the file is the key frame, found where its chunk says.
        let chunk = usize::try_from(stbl.co64.as_ref().unwrap().entries[0]).unwrap();
        let key_pts = (START + first - START) / 2_000_000 * 180_000;
        assert_eq!(whole[chunk..][..16], unit(START, key_pts, true).data[..]);
    }
    let past = span(START - 9 * SECOND, START - 8 * SECOND);
    assert!(matches!(reader.clip(&key(), past).await, Err(Error::NoVideo { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clip_over_a_gap_says_so_and_stays_in_step_with_the_wall() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START, 20).await;
    shop.end(START + 20 * SECOND, GapReason::Disconnected).await;
    shop.record(START + 30 * SECOND, 20).await;
    let reader = shop.recorder.reader();
    let asked = span(START + 15 * SECOND, START + 40 * SECOND);
    let clip = reader.clip(&key(), asked).await.unwrap();
    assert_eq!((clip.statement.frames, clip.statement.duration_us), (150, 25 * SECOND));
    assert_eq!(clip.statement.gaps.len(), 1);
    assert_eq!(clip.statement.gaps[0].start_at, at(START + 20 * SECOND));
    assert_eq!(clip.statement.gaps[0].end_at, at(START + 30 * SECOND));
    assert_eq!(clip.statement.gaps[0].reason, GapReason::Disconnected);
    assert_eq!(clip.statement.clocks.len(), 2);

    let playback = reader.playback(&key(), asked).await.unwrap();
    assert_eq!(playback.parts.len(), 2);
    assert_eq!(playback.parts[0].timestamp_offset_us, -15 * SECOND);
    assert_eq!(playback.parts[1].timestamp_offset_us, 15 * SECOND);
    assert_eq!(playback.parts[1].window_end_us, 25 * SECOND);
    let still = reader.still(&key(), at(START + 17 * SECOND + 50_000)).await.unwrap();
    assert_eq!((still.at, still.units.len()), (at(START + 17 * SECOND), 11));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_byte_leaves_a_readable_prefix_and_a_declared_gap() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START, 37).await;
    let stream = shop.recorder.index().stream_id(&key(), false).await.unwrap().unwrap();
    let open = shop.recorder.index().open_segments(stream).await.unwrap();
    assert_eq!(open.len(), 1);
    let length = std::fs::metadata(folder.path().join(&open[0].path)).unwrap().len();
    let mut seed = 7_u64;
    for round in 0..24 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let left = if round == 0 { 0 } else { (seed >> 33) % (length + 1) };
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), copy.path());
        let victim = copy.path().join(&open[0].path);
        let mut bytes = std::fs::read(&victim).unwrap();
        let cut = usize::try_from(left).unwrap();
        if round % 3 == 2 {
            // Some file systems leave zeros at the end.
            bytes[cut..].fill(0);
        } else {
            bytes.truncate(cut);
        }
        std::fs::write(&victim, bytes).unwrap();

        let now = START + 60 * SECOND;
        let later = ReplayClock::at(at(now));
        let config = RecorderConfig { segment: Duration::from_secs(10), ..RecorderConfig::new(copy.path()) };
        let recorder = Recorder::open(config, Arc::new(later.clone())).await.unwrap();
        let (sink, recovery) = recorder.stream(key()).await.unwrap();
        assert_eq!(recovery.recovered + recovery.empty, 1, "{left}: {recovery:?}");
        let again = Shop { clock: later, recorder, sink };
        is_sound(&again.recorder, now).await;
        let covered = again.covered(START, now).await;
        adds_up(&covered);
        assert_eq!(covered.gaps.last().map(|gap| gap.1), Some(GapReason::Crash), "{covered:?}");
        // The next run goes on where the chain ended.
        again.record(now, 12).await;
        again.end(now + 12 * SECOND, GapReason::Stopped).await;
        is_sound(&again.recorder, now + 12 * SECOND).await;
        let covered = again.covered(START, now + 12 * SECOND).await;
        adds_up(&covered);
        again.recorder.close().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_is_lost_is_made_again_from_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START, 25).await;
    shop.end(START + 25 * SECOND, GapReason::NoFrames).await;
    shop.record(START + 40 * SECOND, 25).await;
    let hold = hold(START, START + 5 * SECOND, HoldOwner::Case);
    shop.recorder.holds(0).apply(&hold, clock_now(&clock)).await.unwrap();
    shop.end(START + 65 * SECOND, GapReason::Stopped).await;
    let before = shop.covered(START, START + 65 * SECOND).await;
    let stream = shop.recorder.index().stream_id(&key(), false).await.unwrap().unwrap();
    let rows = shop.recorder.index().all_segments(stream).await.unwrap();
    shop.recorder.close().await.unwrap();

    std::fs::remove_file(folder.path().join(index::FILE)).unwrap();
    let report = rebuild(folder.path(), at(START + 65 * SECOND)).await.unwrap();
    assert_eq!((report.streams, report.segments, report.holds), (1, u64::try_from(rows.len()).unwrap(), 1));
    let shop = Shop::open(folder.path(), &clock).await;
    let stream = shop.recorder.index().stream_id(&key(), false).await.unwrap().unwrap();
    let again = shop.recorder.index().all_segments(stream).await.unwrap();
    assert_eq!(again, rows);
    let covered = shop.covered(START, START + 65 * SECOND).await;
    adds_up(&covered);
    assert_eq!((covered.recorded, covered.gaps), (before.recorded, before.gaps));
    is_sound(&shop.recorder, START + 65 * SECOND).await;
    assert_eq!(shop.recorder.holds(0).standing(clock_now(&clock)).await.unwrap(), [hold]);
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_keeps_what_is_held_and_what_rules_may_still_ask_for() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START, 80).await;
    shop.end(START + 80 * SECOND, GapReason::Stopped).await;
    let now = at(START + 1_000 * SECOND);
    let holds = shop.recorder.holds(1_000_000);
    let held = hold(START + 31 * SECOND, START + 33 * SECOND, HoldOwner::Alert);
    assert!(matches!(holds.apply(&held, now).await.unwrap(), HoldOutcome::Stands { .. }));

    let policy = RetentionPolicy { max_age: Some(TimeDelta::seconds(60)), ..RetentionPolicy::default() };
    let retention = shop.recorder.retention(policy);
    let report = retention.pass(now, |_| at(START)).await.unwrap();
    assert_eq!(report.by_age, 0, "nothing is older than the floor");
    let report = retention.pass(now, |_| at(START + 50 * SECOND)).await.unwrap();
    assert!(report.by_age >= 3, "{report:?}");
    let clip = shop.recorder.reader().clip(&key(), span(START + 31 * SECOND, START + 33 * SECOND)).await.unwrap();
    assert_eq!(clip.statement.frames, 20);
    retention.pass(now, |_| now).await.unwrap();
    let covered = shop.covered(START, START + 80 * SECOND).await;
    adds_up(&covered);
    assert!(covered.expired_us > 40 * SECOND && covered.recorded_us >= 20 * SECOND, "{covered:?}");
    is_sound(&shop.recorder, START + 80 * SECOND).await;

    // When the hold ends, so does its video.
    let released = Hold { released_at: Some(now), ..held };
    assert_eq!(holds.apply(&released, now).await.unwrap(), HoldOutcome::Ended);
    assert_eq!(retention.pass(now, |_| now).await.unwrap().by_age, 1);

    let too_much = hold(START + 70 * SECOND, START + 79 * SECOND, HoldOwner::Alert);
    let refused = shop.recorder.holds(10).apply(&too_much, now).await.unwrap();
    assert!(matches!(refused, HoldOutcome::Refused { quota: 10, .. }), "{refused:?}");
    let by_hand = Hold { owner: HoldOwner::Person, ..too_much };
    assert!(matches!(shop.recorder.holds(10).apply(&by_hand, now).await.unwrap(), HoldOutcome::Stands { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_by_bytes_takes_the_oldest_first_and_says_what_it_could_not_free() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START, 60).await;
    shop.end(START + 60 * SECOND, GapReason::Stopped).await;
    let stream = shop.recorder.index().stream_id(&key(), false).await.unwrap().unwrap();
    let rows = shop.recorder.index().all_segments(stream).await.unwrap();
    let total: i64 = rows.iter().map(|row| row.bytes).sum();
    let most = u64::try_from(total - rows[0].bytes).unwrap();
    let policy = RetentionPolicy { max_bytes: Some(most), ..RetentionPolicy::default() };
    let now = at(START + 60 * SECOND);
    let report = shop.recorder.retention(policy).pass(now, |_| now).await.unwrap();
    assert_eq!((report.by_bytes, report.over), (1, 0));
    assert!(!folder.path().join(&rows[0].path).try_exists().unwrap());
    let policy = RetentionPolicy { max_bytes: Some(0), ..RetentionPolicy::default() };
    let report = shop.recorder.retention(policy).pass(now, |_| now).await.unwrap();
    // The last segment carries the chain on.
    assert_eq!(report.over, u64::try_from(rows.last().unwrap().bytes).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stretch_without_pictures_is_a_gap_until_the_next_key_frame() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START, 15).await;
    // Pictures come again at 21 s, the next key frame at 22 s.
    shop.go_on(START, 21, 30).await;
    shop.end(START + 30 * SECOND, GapReason::Stopped).await;
    let covered = shop.covered(START, START + 30 * SECOND).await;
    adds_up(&covered);
    assert_eq!(covered.gaps, [(span(START + 15 * SECOND, START + 22 * SECOND), GapReason::NoFrames)]);
    is_sound(&shop.recorder, START + 30 * SECOND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_that_was_put_right_moves_segments_and_gaps_together() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START + 10 * SECOND, 5).await;
    let first = start(START + 10 * SECOND).piece;
    let better = tillsight_schemas::time_map::TimeMapPiece { version: 2, utc_us: first.utc_us - 1_300_000, ..first };
    shop.sink.send(Item::Map(better)).await.unwrap();
    shop.go_on(START + 10 * SECOND, 5, 30).await;
    shop.end(START + 39 * SECOND, GapReason::Stopped).await;
    let covered = shop.covered(START, START + 39 * SECOND).await;
    adds_up(&covered);
    assert_eq!(covered.recorded, [span(START + 8_700_000, START + 38_700_000)]);
    let clip = shop.recorder.reader().clip(&key(), span(START + 9 * SECOND, START + 10 * SECOND)).await.unwrap();
    assert_eq!(clip.statement.clocks[0].map_version, 2);
    assert_eq!(clip.statement.first_frame_at, at(START + 9 * SECOND));
    is_sound(&shop.recorder, START + 39 * SECOND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sound_lies_beside_the_pictures_of_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    let mut begin = start(START);
    begin.audio = Some(sound());
    shop.sink.send(Item::Begin(begin)).await.unwrap();
    let mut heard = 0;
    for frame in 0..300 {
        let picture = unit(START, frame * 9_000, frame % 20 == 0);
        clock.set(at(picture.utc_us));
        shop.sink.send(Item::Video(picture)).await.unwrap();
        while heard * 1_024 * 10 < frame * 8_000 {
            let data = Bytes::from(heard.to_be_bytes().to_vec());
            let frame = AudioFrame { run: START, pts: heard * 1_024, duration: 1_024, lost: 0, data };
            shop.sink.send(Item::Audio(frame)).await.unwrap();
            heard += 1;
        }
    }
    shop.recorder.sync().await.unwrap();
    let clip = shop.recorder.reader().clip(&key(), span(START + 10 * SECOND, START + 15 * SECOND)).await.unwrap();
    assert!(clip.statement.has_audio);
    let whole = clip.bytes.read(0..clip.bytes.len()).await.unwrap();
    use mp4_atom::{Any, Decode as _};
    let mut rest = &whole[..];
    let moov = loop {
        if let Any::Moov(moov) = Any::decode(&mut rest).unwrap() {
            break moov;
        }
    };
    let track = &moov.trak[1];
    let stbl = &track.mdia.minf.stbl;
    let chunk = usize::try_from(stbl.co64.as_ref().unwrap().entries[0]).unwrap();
    let first = i64::from_be_bytes(whole[chunk..][..8].try_into().unwrap());
    let skipped = track.edts.as_ref().unwrap().elst.as_ref().unwrap().entries[0].media_time.unwrap();
    // What is heard first is what was heard when the first picture was taken: 10 s, at 8 kHz.
    assert_eq!(first * 1_024 + i64::try_from(skipped).unwrap(), 80_000);
    shop.end(START + 30 * SECOND, GapReason::Stopped).await;
    is_sound(&shop.recorder, START + 30 * SECOND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_topic_hears_of_openings_closings_and_gaps_once() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ReplayClock::at(at(START));
    let shop = Shop::open(folder.path(), &clock).await;
    shop.record(START + SECOND, 3).await;
    let index = shop.recorder.index();
    let unsent = index.unsent(100).await.unwrap();
    assert_eq!(unsent.len(), 2, "{unsent:?}");
    index.sent(&unsent).await.unwrap();
    shop.go_on(START + SECOND, 3, 5).await;
    assert_eq!(index.unsent(100).await.unwrap(), [], "growth is no news");
    shop.end(START + 6 * SECOND, GapReason::Disconnected).await;
    assert_eq!(index.unsent(100).await.unwrap().len(), 2, "the end of the segment, and the gap");
}

fn clock_now(clock: &ReplayClock) -> DateTime<Utc> {
    tillsight_schemas::Clock::now(clock)
}

fn hold(from: i64, to: i64, owner: HoldOwner) -> Hold {
    let key = key();
    Hold {
        hold_id: uuid::Uuid::from_u128(from.unsigned_abs().into()),
        tenant: key.tenant,
        store: key.store,
        camera: Some(key.camera),
        owner,
        owner_id: "a-1".to_owned(),
        reason: "refund without a customer".to_owned(),
        start_at: at(from),
        end_at: at(to),
        placed_at: at(from),
        expires_at: (owner == HoldOwner::Alert).then(|| at(from + 30 * 86_400 * SECOND)),
        released_at: None,
    }
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
