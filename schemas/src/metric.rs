//! Every metric: its name under `/metrics`, its unit and what it tells. Nothing is recorded under another name.

/// POS records by outcome (`accepted`, `duplicate`, `rejected`), labels `integrator`, `outcome`.
pub const POS_RECORDS: &str = "lp_pos_records_total";
/// Rejected POS records, labels `integrator`, `code`.
pub const POS_REJECTED: &str = "lp_dlq_records_total";
/// Card numbers masked before storage, label `integrator`.
pub const POS_PAN_MASKED: &str = "lp_pos_pan_masked_total";
/// Seconds between the completion of a transaction and its acceptance, label `store`.
pub const POS_LAG: &str = "lp_pos_ingest_lag_seconds";
/// Rows written to the lake, label `table`.
pub const LAKE_ROWS: &str = "lp_lake_rows_total";
/// Commits to the lake, label `table`.
pub const LAKE_COMMITS: &str = "lp_lake_commits_total";
/// SQL statements by outcome (`ok`, `refused`, `failed`, `timeout`).
pub const SQL_STATEMENTS: &str = "lp_sql_statements_total";
/// Seconds a SQL statement took.
pub const SQL_DURATION: &str = "lp_sql_query_duration_seconds";
/// Restarts of a supervised process, label `process`.
pub const PROCESS_RESTARTS: &str = "lp_process_restarts_total";

/// Whether a stream delivers frames (1) or not (0), labels `store`, `camera`, `stream`.
pub const CAMERA_CONNECTED: &str = "lp_camera_connected";
/// Attempts to connect to a camera by outcome (`ok`, `failed`), labels `store`, `camera`, `stream`, `outcome`.
pub const CAMERA_CONNECTS: &str = "lp_camera_connects_total";
/// RTP packets lost on the way, labels `store`, `camera`, `stream`.
pub const CAMERA_LOST_PACKETS: &str = "lp_camera_lost_packets_total";
/// Frames that were received, labels `store`, `camera`, `stream`.
pub const CAMERA_FRAMES: &str = "lp_camera_frames_total";
/// Frames that a reader of the live pictures was too slow for, label `reader`.
pub const FANOUT_DROPPED: &str = "lp_fanout_dropped_frames_total";
/// Bytes of recorded video, labels `store`, `camera`, `stream`.
pub const RECORDED_BYTES: &str = "lp_recorded_bytes_total";
/// Seconds of recorded video, labels `store`, `camera`, `stream`.
pub const RECORDED_SECONDS: &str = "lp_recorded_seconds_total";
/// Gaps in recordings, labels `store`, `camera`, `stream`, `reason`.
pub const RECORDING_GAPS: &str = "lp_recording_gaps_total";
/// Seconds of gaps in recordings, labels `store`, `camera`, `stream`, `reason`.
pub const RECORDING_GAP_SECONDS: &str = "lp_recording_gap_seconds_total";
/// Seconds that one group commit took.
pub const RECORD_SYNC_SECONDS: &str = "lp_record_sync_seconds";
/// Writes that a disk refused, label `volume`.
pub const RECORD_DISK_ERRORS: &str = "lp_record_disk_errors_total";
/// Items that wait for the disk, label `volume`.
pub const RECORD_QUEUE: &str = "lp_record_queue_items";
/// Segments deleted by retention, label `reason`.
pub const RETENTION_DELETED: &str = "lp_retention_deleted_segments_total";
/// Bytes that retention wanted to free and could not, label `volume`.
pub const RETENTION_OVER_BYTES: &str = "lp_retention_over_bytes";
/// Bytes of held video, labels `volume`, `owner`.
pub const HELD_BYTES: &str = "lp_held_bytes";
/// Holds that were refused because the quota is used up, label `volume`.
pub const HOLDS_REFUSED: &str = "lp_holds_refused_total";

/// Name, unit and meaning of every metric, for `/metrics` and the documentation.
pub const ALL: &[(&str, &str, &str)] = &[
    (POS_RECORDS, "records", "POS records by integrator and outcome"),
    (POS_REJECTED, "records", "rejected POS records by integrator and code"),
    (POS_PAN_MASKED, "numbers", "card numbers masked before storage"),
    (POS_LAG, "seconds", "from the completion of a transaction to its acceptance"),
    (LAKE_ROWS, "rows", "rows written to the lake"),
    (LAKE_COMMITS, "commits", "commits to the lake"),
    (SQL_STATEMENTS, "statements", "SQL statements by outcome"),
    (SQL_DURATION, "seconds", "how long SQL statements took"),
    (PROCESS_RESTARTS, "restarts", "restarts of supervised processes"),
    (CAMERA_CONNECTED, "0 or 1", "whether a camera stream delivers frames"),
    (CAMERA_CONNECTS, "attempts", "attempts to connect to cameras by outcome"),
    (CAMERA_LOST_PACKETS, "packets", "RTP packets lost on the way"),
    (CAMERA_FRAMES, "frames", "frames received from cameras"),
    (FANOUT_DROPPED, "frames", "frames that a reader of live pictures was too slow for"),
    (RECORDED_BYTES, "bytes", "recorded video"),
    (RECORDED_SECONDS, "seconds", "recorded video"),
    (RECORDING_GAPS, "gaps", "gaps in recordings by reason"),
    (RECORDING_GAP_SECONDS, "seconds", "gaps in recordings by reason"),
    (RECORD_SYNC_SECONDS, "seconds", "how long group commits took"),
    (RECORD_DISK_ERRORS, "errors", "writes that a disk refused"),
    (RECORD_QUEUE, "items", "items that wait for the disk"),
    (RETENTION_DELETED, "segments", "segments deleted by retention"),
    (RETENTION_OVER_BYTES, "bytes", "bytes that retention wanted to free and could not"),
    (HELD_BYTES, "bytes", "held video by owner"),
    (HOLDS_REFUSED, "holds", "holds refused because the quota is used up"),
];
