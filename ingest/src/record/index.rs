//! [`Index`]: the SQLite file of a volume, `index.sqlite`: which segment covers which time, and why there are gaps.
//!
//! One process writes it (the recorder), in one transaction per group commit, with `synchronous = FULL`; any number of
//! processes read it. A row never claims bytes that are not on disk.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::segment::{Segment, SegmentState, StreamKey};
use tillsight_schemas::time_map::TimeMap;

use super::error::{Error, Result, index};
use super::rows::{Change, GapRow, SegmentRow};
use super::statements::{apply, gap, piece, segment};
use super::stream::ResumePoint;

/// The name of the file in its volume.
pub const FILE: &str = "index.sqlite";

const SCHEMA: &str = include_str!("index.sql");

/// The index of a volume.
#[derive(Debug, Clone)]
pub struct Index {
    pool: SqlitePool,
}

/// A stream as the index knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamRow {
    /// Its number in this index.
    pub id: i64,
    /// Its name.
    pub key: StreamKey,
}

/// A record that the topic has not seen, and what to say when it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    /// What to send.
    pub record: Segment,
    table: &'static str,
    id: i64,
}

impl Index {
    /// Opens the index of a volume to write to it, and makes it if there is none.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn open(volume: &Path) -> Result<Self> {
        let options = options(volume).create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .map_err(index("open the tables"))?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await.map_err(index("make the tables"))?;
        Ok(Self { pool })
    }

    /// Opens the index of a volume to read it beside the process that writes it.
    ///
    /// # Errors
    /// [`Error::Index`], also when there is none.
    pub async fn open_read_only(volume: &Path) -> Result<Self> {
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options(volume).read_only(true))
            .await
            .map_err(index("open the tables"))?;
        Ok(Self { pool })
    }

    /// Closes it; waits for statements that run.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    pub(crate) fn pool(&self) -> &SqlitePool {
        &self.pool
    }

    /// The number of a stream, which is scheduled from `now_us` on if it is not yet.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn schedule(&self, key: &StreamKey, now_us: i64) -> Result<i64> {
        let id = self.stream_id(key, true).await?.unwrap_or_default();
        sqlx::query(
            "INSERT INTO schedule (stream, from_us) SELECT ?1, ?2
             WHERE NOT EXISTS (SELECT 1 FROM schedule WHERE stream = ?1 AND to_us IS NULL) ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(now_us)
        .execute(&self.pool)
        .await
        .map_err(index("schedule a stream"))?;
        Ok(id)
    }

    /// Takes a stream out of the schedule.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn unschedule(&self, stream: i64, now_us: i64) -> Result<()> {
        sqlx::query("UPDATE schedule SET to_us = max(?2, from_us) WHERE stream = ?1 AND to_us IS NULL")
            .bind(stream)
            .bind(now_us)
            .execute(&self.pool)
            .await
            .map_err(index("end a schedule"))?;
        Ok(())
    }

    /// When a stream was to be recorded: begin and end (`None`: still), in microseconds since 1970.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn schedules(&self, stream: i64) -> Result<Vec<(i64, Option<i64>)>> {
        sqlx::query_as("SELECT from_us, to_us FROM schedule WHERE stream = ? ORDER BY from_us")
            .bind(stream)
            .fetch_all(&self.pool)
            .await
            .map_err(index("read the schedule"))
    }

    /// Every stream that was ever recorded here.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn streams(&self) -> Result<Vec<StreamRow>> {
        let rows: Vec<(i64, String)> = sqlx::query_as("SELECT id, name FROM stream ORDER BY name")
            .fetch_all(&self.pool)
            .await
            .map_err(index("read the streams"))?;
        Ok(rows.into_iter().filter_map(|(id, name)| name.parse().ok().map(|key| StreamRow { id, key })).collect())
    }

    /// The number of a stream, made if `create` says so.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn stream_id(&self, key: &StreamKey, create: bool) -> Result<Option<i64>> {
        if create {
            sqlx::query("INSERT INTO stream (name, tenant, store, camera) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(key.to_string())
                .bind(key.tenant.as_str())
                .bind(key.store.as_str())
                .bind(key.camera.as_str())
                .execute(&self.pool)
                .await
                .map_err(index("name a stream"))?;
        }
        sqlx::query_scalar("SELECT id FROM stream WHERE name = ?")
            .bind(key.to_string())
            .fetch_optional(&self.pool)
            .await
            .map_err(index("find a stream"))
    }

    /// Writes what a group commit brought, all or nothing; what it names must be on disk already.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn commit(&self, changes: &[(i64, Change)]) -> Result<()> {
        let action = "write a group commit";
        let mut tx = self.pool.begin().await.map_err(index(action))?;
        for (stream, change) in changes {
            apply(&mut tx, *stream, change).await.map_err(index(action))?;
        }
        tx.commit().await.map_err(index(action))
    }

    /// Where a stream was left.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn resume_point(&self, stream: i64) -> Result<ResumePoint> {
        let last = sqlx::query("SELECT * FROM segment WHERE stream = ? ORDER BY run DESC, seq DESC LIMIT 1")
            .bind(stream)
            .fetch_optional(&self.pool)
            .await
            .map_err(index("find the end of a stream"))?;
        let scheduled_us = self.schedules(stream).await?.last().map(|(from, _)| *from);
        let mut point = ResumePoint { scheduled_us, ..ResumePoint::default() };
        if let Some(row) = last {
            let row = segment(&row).map_err(index("find the end of a stream"))?;
            point.head = row.head;
            point.run = row.run;
            point.manifest = row.manifest;
            point.end_us = Some(row.end_us);
        }
        let gaps = sqlx::query("SELECT * FROM gap WHERE stream = ? AND run = ? ORDER BY seq")
            .bind(stream)
            .bind(point.run)
            .fetch_all(&self.pool)
            .await
            .map_err(index("find the gaps of a stream"))?;
        for row in gaps {
            let gap = gap(&row).map_err(index("find the gaps of a stream"))?;
            point.gaps = point.gaps.max(gap.seq + 1);
            if gap.end_us.is_none() {
                point.gap = Some(gap);
            }
        }
        Ok(point)
    }

    /// When the last gap of a stream ended, in microseconds since 1970.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn last_gap_end(&self, stream: i64) -> Result<Option<i64>> {
        sqlx::query_scalar("SELECT max(end_us) FROM gap WHERE stream = ?")
            .bind(stream)
            .fetch_one(&self.pool)
            .await
            .map_err(index("find the last gap of a stream"))
    }

    /// The segments of a stream that overlap a span and still have a file, in order of run and number.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn segments(&self, stream: i64, span: TimeSpan) -> Result<Vec<SegmentRow>> {
        // A segment that is being written reaches further than its row says.
        let rows = sqlx::query(
            "SELECT * FROM segment WHERE stream = ?1 AND start_us < ?3 AND (end_us > ?2 OR state = 'open')
             AND state <> 'deleted' ORDER BY run, seq",
        )
        .bind(stream)
        .bind(span.start().timestamp_micros())
        .bind(span.end().timestamp_micros())
        .fetch_all(&self.pool)
        .await
        .map_err(index("find segments"))?;
        rows.iter().map(segment).collect::<Result<_, _>>().map_err(index("find segments"))
    }

    /// All segments of a stream that overlap a span, deleted ones too.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn recorded(&self, stream: i64, span: TimeSpan) -> Result<Vec<SegmentRow>> {
        let rows = sqlx::query(
            "SELECT * FROM segment WHERE stream = ?1 AND start_us < ?3 AND end_us > ?2 ORDER BY start_us, run, seq",
        )
        .bind(stream)
        .bind(span.start().timestamp_micros())
        .bind(span.end().timestamp_micros())
        .fetch_all(&self.pool)
        .await
        .map_err(index("find segments"))?;
        rows.iter().map(segment).collect::<Result<_, _>>().map_err(index("find segments"))
    }

    /// All segments of a stream, in order of run and number.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn all_segments(&self, stream: i64) -> Result<Vec<SegmentRow>> {
        let rows = sqlx::query("SELECT * FROM segment WHERE stream = ? ORDER BY run, seq")
            .bind(stream)
            .fetch_all(&self.pool)
            .await
            .map_err(index("list segments"))?;
        rows.iter().map(segment).collect::<Result<_, _>>().map_err(index("list segments"))
    }

    /// Lets the schedule of a stream begin with its first segment (after the index was made again).
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn begin_schedule_with_first_segment(&self, stream: i64) -> Result<()> {
        sqlx::query(
            "UPDATE schedule SET from_us = (SELECT min(start_us) FROM segment WHERE stream = ?1)
             WHERE stream = ?1 AND EXISTS (SELECT 1 FROM segment WHERE stream = ?1)",
        )
        .bind(stream)
        .execute(&self.pool)
        .await
        .map_err(index("begin a schedule"))?;
        Ok(())
    }

    /// The gaps of a stream that overlap a span.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn gaps(&self, stream: i64, span: TimeSpan) -> Result<Vec<GapRow>> {
        let rows = sqlx::query(
            "SELECT * FROM gap WHERE stream = ?1 AND start_us < ?3 AND coalesce(end_us, ?3) > ?2
             AND (end_us IS NULL OR end_us > start_us) ORDER BY start_us",
        )
        .bind(stream)
        .bind(span.start().timestamp_micros())
        .bind(span.end().timestamp_micros())
        .fetch_all(&self.pool)
        .await
        .map_err(index("find gaps"))?;
        rows.iter().map(gap).collect::<Result<_, _>>().map_err(index("find gaps"))
    }

    /// When the recordings of a stream that are still there begin and end, in microseconds since 1970, and whether one
    /// is being written; `None` when there are none.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn extent(&self, stream: i64) -> Result<Option<(i64, i64, bool)>> {
        let (from, to, open): (Option<i64>, Option<i64>, Option<bool>) = sqlx::query_as(
            "SELECT min(start_us), max(end_us), max(state = 'open') FROM segment
             WHERE stream = ? AND state <> 'deleted'",
        )
        .bind(stream)
        .fetch_one(&self.pool)
        .await
        .map_err(index("find the recordings of a stream"))?;
        Ok(from.zip(to).map(|(from, to)| (from, to, open.unwrap_or(false))))
    }

    /// The segments that the last process left open.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn open_segments(&self, stream: i64) -> Result<Vec<SegmentRow>> {
        let rows = sqlx::query("SELECT * FROM segment WHERE stream = ? AND state = 'open' ORDER BY run, seq")
            .bind(stream)
            .fetch_all(&self.pool)
            .await
            .map_err(index("find open segments"))?;
        rows.iter().map(segment).collect::<Result<_, _>>().map_err(index("find open segments"))
    }

    /// One segment, by run and number.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn segment(&self, stream: i64, run: i64, seq: i64) -> Result<Option<SegmentRow>> {
        let row = sqlx::query("SELECT * FROM segment WHERE stream = ? AND run = ? AND seq = ?")
            .bind(stream)
            .bind(run)
            .bind(seq)
            .fetch_optional(&self.pool)
            .await
            .map_err(index("find a segment"))?;
        row.as_ref().map(segment).transpose().map_err(index("find a segment"))
    }

    /// Removes the row of a segment whose file is gone.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn forget(&self, stream: i64, run: i64, seq: i64) -> Result<()> {
        sqlx::query("DELETE FROM segment WHERE stream = ? AND run = ? AND seq = ?")
            .bind(stream)
            .bind(run)
            .bind(seq)
            .execute(&self.pool)
            .await
            .map_err(index("remove a row without a file"))?;
        Ok(())
    }

    /// The time map of a run; empty when the run is not known.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn time_map(&self, stream: i64, run: i64) -> Result<TimeMap> {
        let rows = sqlx::query("SELECT * FROM time_map WHERE stream = ? AND run = ? ORDER BY version")
            .bind(stream)
            .bind(run)
            .fetch_all(&self.pool)
            .await
            .map_err(index("read a time map"))?;
        let pieces: Result<Vec<_>, _> = rows.iter().map(piece).collect();
        Ok(TimeMap::new(pieces.map_err(index("read a time map"))?))
    }

    /// Records that the topic has not seen, oldest first.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn unsent(&self, limit: i64) -> Result<Vec<Unsent>> {
        let action = "read what is to be sent";
        let mut found = Vec::new();
        for (table, sql) in [
            (
                "segment",
                "SELECT t.*, s.name AS stream_name FROM segment t JOIN stream s ON s.id = t.stream WHERE t.unsent = 1 ORDER BY t.id LIMIT ?",
            ),
            (
                "gap",
                "SELECT t.*, s.name AS stream_name FROM gap t JOIN stream s ON s.id = t.stream WHERE t.unsent = 1 ORDER BY t.id LIMIT ?",
            ),
        ] {
            for row in sqlx::query(sql).bind(limit).fetch_all(&self.pool).await.map_err(index(action))? {
                let name: String = row.try_get("stream_name").map_err(index(action))?;
                let Ok(key) = StreamKey::from_str(&name) else { continue };
                let record = if table == "gap" {
                    gap(&row).map_err(index(action))?.to_record(&key)
                } else {
                    segment(&row).map_err(index(action))?.to_record(&key)
                };
                found.push(Unsent { record, table, id: row.try_get("id").map_err(index(action))? });
            }
        }
        Ok(found)
    }

    /// Notes that records were sent, unless their rows have changed since.
    ///
    /// # Errors
    /// [`Error::Index`].
    pub async fn sent(&self, records: &[Unsent]) -> Result<()> {
        let action = "note what was sent";
        let mut tx = self.pool.begin().await.map_err(index(action))?;
        for unsent in records {
            let state = unsent.record.state.map(SegmentState::as_str);
            let start = unsent.record.start_at.timestamp_micros();
            let end = unsent.record.end_at.map(|end| end.timestamp_micros());
            match unsent.table {
                "segment" => {
                    // The record of an open segment does not say where it ends.
                    sqlx::query(
                        "UPDATE segment SET unsent = 0
                         WHERE id = ?1 AND start_us = ?2 AND state = ?4 AND (?3 IS NULL OR end_us = ?3)",
                    )
                }
                _ => sqlx::query(
                    "UPDATE gap SET unsent = 0 WHERE id = ?1 AND start_us = ?2 AND end_us IS ?3 AND ?4 IS NULL",
                ),
            }
            .bind(unsent.id)
            .bind(start)
            .bind(end)
            .bind(state)
            .execute(&mut *tx)
            .await
            .map_err(index(action))?;
        }
        tx.commit().await.map_err(index(action))
    }
}

fn options(volume: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(volume.join(FILE))
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(10))
}

/// An error when a stream is not in the index.
pub(crate) fn unknown(key: &StreamKey) -> Error {
    Error::UnknownStream(key.to_string())
}
