//! Rows of the index to and from values: the statements of [`Index`](super::Index) that a change needs, and what a row
//! says.

use std::path::PathBuf;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use tillsight_schemas::time_map::TimeMapPiece;

use super::chain::Hash;
use super::rows::{Change, GapRow, SegmentRow};

/// Writes one change within a transaction.
pub(super) async fn apply(tx: &mut SqliteConnection, stream: i64, change: &Change) -> sqlx::Result<()> {
    match change {
        Change::Segment(row) => upsert_segment(tx, stream, row).await,
        Change::Gap(row) => {
            sqlx::query(
                "INSERT INTO gap (stream, run, seq, start_us, end_us, reason, unsent) VALUES (?, ?, ?, ?, ?, ?, 1)
                 ON CONFLICT (stream, run, seq) DO UPDATE SET start_us = excluded.start_us, end_us = excluded.end_us,
                 reason = excluded.reason, unsent = 1",
            )
            .bind(stream)
            .bind(row.run)
            .bind(row.seq)
            .bind(row.start_us)
            .bind(row.end_us)
            .bind(row.reason.as_str())
            .execute(tx)
            .await?;
            Ok(())
        }
        Change::NoGap(run, seq) => {
            // The topic may have heard of it: a gap that ends where it began takes it back.
            sqlx::query("UPDATE gap SET end_us = start_us, unsent = 1 WHERE stream = ? AND run = ? AND seq = ?")
                .bind(stream)
                .bind(run)
                .bind(seq)
                .execute(tx)
                .await?;
            Ok(())
        }
        Change::Piece(run, piece) => {
            sqlx::query("INSERT INTO time_map VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
                .bind(stream)
                .bind(run)
                .bind(piece.version)
                .bind(piece.from_pts)
                .bind(piece.utc_us)
                .bind(piece.rate_ppb)
                .bind(piece.source.as_str())
                .bind(piece.uncertainty_us)
                .bind(piece.made_at_us)
                .execute(tx)
                .await?;
            Ok(())
        }
    }
}

async fn upsert_segment(tx: &mut SqliteConnection, stream: i64, row: &SegmentRow) -> sqlx::Result<()> {
    // The topic hears of a segment when it is opened and when its state changes, not each time it grows.
    sqlx::query(
        "INSERT INTO segment (stream, run, seq, path, state, start_us, end_us, start_pts, end_pts, bytes, frames,
           fragments, lost, codec, width, height, has_audio, next_fragment, head, gop_root, manifest, map_version, source,
           uncertainty_us, unsent)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
         ON CONFLICT (stream, run, seq) DO UPDATE SET
           unsent = CASE WHEN state <> excluded.state OR start_us <> excluded.start_us OR excluded.state <> 'open'
                    THEN 1 ELSE unsent END,
           path = excluded.path, state = excluded.state, start_us = excluded.start_us, end_us = excluded.end_us,
           start_pts = excluded.start_pts, end_pts = excluded.end_pts, bytes = excluded.bytes,
           frames = excluded.frames, fragments = excluded.fragments, lost = excluded.lost,
           next_fragment = excluded.next_fragment, head = excluded.head, gop_root = excluded.gop_root,
           manifest = excluded.manifest, map_version = excluded.map_version, source = excluded.source,
           uncertainty_us = excluded.uncertainty_us",
    )
    .bind(stream)
    .bind(row.run)
    .bind(row.seq)
    .bind(row.path.to_string_lossy())
    .bind(row.state.as_str())
    .bind(row.start_us)
    .bind(row.end_us)
    .bind(row.start_pts)
    .bind(row.end_pts)
    .bind(row.bytes)
    .bind(row.frames)
    .bind(row.fragments)
    .bind(row.lost)
    .bind(&row.codec)
    .bind(row.width)
    .bind(row.height)
    .bind(row.has_audio)
    .bind(row.next_fragment)
    .bind(row.head.as_slice())
    .bind(row.gop_root.as_ref().map(Hash::as_slice))
    .bind(row.manifest.as_ref().map(Hash::as_slice))
    .bind(row.map_version)
    .bind(row.source.as_str())
    .bind(row.uncertainty_us)
    .execute(&mut *tx)
    .await?;
    // The time of a run's first picture is known better with the pictures after it: a gap ends where video begins.
    sqlx::query("UPDATE gap SET end_us = ?2, unsent = 1 WHERE stream = ?1 AND end_us > ?2 AND start_us <= ?2")
        .bind(stream)
        .bind(row.start_us)
        .execute(tx)
        .await?;
    Ok(())
}

pub(super) fn segment(row: &SqliteRow) -> sqlx::Result<SegmentRow> {
    Ok(SegmentRow {
        run: row.try_get("run")?,
        seq: row.try_get("seq")?,
        path: PathBuf::from(row.try_get::<String, _>("path")?),
        state: code(row, "state")?,
        start_us: row.try_get("start_us")?,
        end_us: row.try_get("end_us")?,
        start_pts: row.try_get("start_pts")?,
        end_pts: row.try_get("end_pts")?,
        bytes: row.try_get("bytes")?,
        frames: row.try_get("frames")?,
        fragments: row.try_get("fragments")?,
        lost: row.try_get("lost")?,
        codec: row.try_get("codec")?,
        width: row.try_get("width")?,
        height: row.try_get("height")?,
        has_audio: row.try_get("has_audio")?,
        next_fragment: row.try_get("next_fragment")?,
        head: hash(row, "head")?.unwrap_or_default(),
        gop_root: hash(row, "gop_root")?,
        manifest: hash(row, "manifest")?,
        map_version: row.try_get("map_version")?,
        source: code(row, "source")?,
        uncertainty_us: row.try_get("uncertainty_us")?,
    })
}

pub(super) fn gap(row: &SqliteRow) -> sqlx::Result<GapRow> {
    Ok(GapRow {
        run: row.try_get("run")?,
        seq: row.try_get("seq")?,
        start_us: row.try_get("start_us")?,
        end_us: row.try_get("end_us")?,
        reason: code(row, "reason")?,
    })
}

pub(super) fn piece(row: &SqliteRow) -> sqlx::Result<TimeMapPiece> {
    Ok(TimeMapPiece {
        version: row.try_get("version")?,
        from_pts: row.try_get("from_pts")?,
        utc_us: row.try_get("utc_us")?,
        rate_ppb: row.try_get("rate_ppb")?,
        source: code(row, "source")?,
        uncertainty_us: row.try_get("uncertainty_us")?,
        made_at_us: row.try_get("made_at_us")?,
    })
}

fn code<T: std::str::FromStr<Err = String>>(row: &SqliteRow, column: &str) -> sqlx::Result<T> {
    let text: String = row.try_get(column)?;
    text.parse().map_err(|why: String| sqlx::Error::Decode(why.into()))
}

fn hash(row: &SqliteRow, column: &str) -> sqlx::Result<Option<Hash>> {
    let bytes: Option<Vec<u8>> = row.try_get(column)?;
    bytes.map(|bytes| bytes.try_into().map_err(|_| sqlx::Error::Decode("a hash must have 32 bytes".into()))).transpose()
}
