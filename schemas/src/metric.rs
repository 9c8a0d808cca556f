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
/// TLS handshakes by outcome (`ok`, `failed`, `timeout`, `plain` = the client spoke without), labels `surface`, `outcome`.
pub const TLS_HANDSHAKES: &str = "lp_tls_handshakes_total";
/// When the certificate of a surface ends, seconds since 1970, label `surface`.
pub const TLS_CERTIFICATE_UNTIL: &str = "lp_tls_certificate_end_timestamp_seconds";
/// Restarts of a supervised process, label `process`.
pub const PROCESS_RESTARTS: &str = "lp_process_restarts_total";

/// Whether a part of a process does its work (1) or not (0), label `part`.
pub const PART_UP: &str = "lp_part_up";

/// Whether a stream delivers frames (1) or not (0), labels `store`, `camera`, `stream`.
pub const CAMERA_CONNECTED: &str = "lp_camera_connected";
/// Whether a stream is to be read (1), or was taken out of the set-up (0), labels `store`, `camera`, `stream`.
pub const CAMERA_WANTED: &str = "lp_camera_wanted";
/// Attempts to connect to a camera by outcome (`ok`, `failed`), labels `store`, `camera`, `stream`, `outcome`.
pub const CAMERA_CONNECTS: &str = "lp_camera_connects_total";
/// RTP packets lost on the way, labels `store`, `camera`, `stream`.
pub const CAMERA_LOST_PACKETS: &str = "lp_camera_lost_packets_total";
/// Frames that were received, labels `store`, `camera`, `stream`.
pub const CAMERA_FRAMES: &str = "lp_camera_frames_total";
/// Frames that a reader of the live pictures was too slow for, label `reader`.
pub const FANOUT_DROPPED: &str = "lp_fanout_dropped_frames_total";
/// Statements of cameras that were handed on, labels `store`, `camera`, `kind`, `via`.
pub const CAMERA_EVENTS: &str = "lp_camera_events_total";
/// Statements of cameras that were not: frames beyond five a second (`rate`), events while the queue to Kafka was full
/// (`queue`), events that could not be encoded (`encode`); labels `store`, `camera`, `reason`.
pub const CAMERA_EVENTS_DROPPED: &str = "lp_camera_events_dropped_total";
/// Metadata documents that could not be read, labels `store`, `camera`.
pub const CAMERA_UNDECODABLE: &str = "lp_camera_undecodable_documents_total";
/// Statements of cameras that wait for Kafka.
pub const CAMERA_EVENT_QUEUE: &str = "lp_camera_event_queue_items";
/// What to add to a camera's clock to get ours, in seconds, labels `store`, `camera`.
pub const CAMERA_CLOCK_OFFSET: &str = "lp_camera_clock_offset_seconds";
/// Whether the events of a camera are subscribed to (1) or not (0), labels `store`, `camera`.
pub const ONVIF_SUBSCRIBED: &str = "lp_onvif_subscribed";
/// Requests to ONVIF devices by outcome (`ok`, `unreachable`, `login`, `refused`, `unreadable`), labels `store`,
/// `camera`, `operation`, `outcome`.
pub const ONVIF_REQUESTS: &str = "lp_onvif_requests_total";
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
/// Segments and gaps that Kafka was told of.
pub const RECORDS_ANNOUNCED: &str = "lp_recording_records_sent_total";
/// Attempts to tell Kafka of segments and gaps that failed; they are made again.
pub const ANNOUNCE_FAILURES: &str = "lp_recording_send_failures_total";
/// Segments deleted by retention, label `reason`.
pub const RETENTION_DELETED: &str = "lp_retention_deleted_segments_total";
/// Bytes that retention wanted to free and could not, label `volume`.
pub const RETENTION_OVER_BYTES: &str = "lp_retention_over_bytes";
/// Bytes of held video, labels `volume`, `owner`.
pub const HELD_BYTES: &str = "lp_held_bytes";
/// Holds that were refused because the quota is used up, label `volume`.
pub const HOLDS_REFUSED: &str = "lp_holds_refused_total";

/// Records that the rule engine has read, labels `topic` and `fate`.
pub const ENGINE_RECORDS: &str = "lp_engine_records_total";
/// Registers whose customers a camera sees, by how their clock is known, label `method` (`unsynchronised`, `arrival`,
/// `presence`, `drawer`).
pub const REGISTER_CLOCKS: &str = "lp_register_clocks";
/// Anchors that a rule could not judge because its SQL failed, and rules that could not be planned, label `rule`.
pub const RULE_FAILURES: &str = "lp_rule_failures_total";
/// Judgements that are new or came out differently, labels `rule`, `outcome`.
pub const JUDGEMENTS: &str = "lp_judgements_total";
/// Alerts raised, amended and taken back, labels `rule`, `state`.
pub const ALERTS: &str = "lp_alerts_total";
/// New alerts by why they were sent or held back, labels `why`, `picked` (`yes`: shown all the same, by chance).
pub const SENDINGS: &str = "lp_alert_sendings_total";
/// Whether a version of a rule is held back because it was wrong too often (1) or is sent again (0), labels `tenant`,
/// `rule`, `version`.
pub const RULE_DEMOTED: &str = "lp_rule_demoted";
/// Stores in which a rule sees so (`live`, `degraded`, `blind`, `off`), labels `rule`, `state`.
pub const RULE_COVERAGE: &str = "lp_rule_coverage";
/// Times that a register was told of that sends records and that no zone and no name knows, label `store`.
pub const UNKNOWN_REGISTERS: &str = "lp_unknown_registers_total";
/// Seconds since a store's canary came out last; since the first was sent, while none has, label `store`.
pub const CANARY_AGE: &str = "lp_canary_age_seconds";
/// How long a store's last canary took from the landing topic to `lp.alert.v1`, in seconds, label `store`.
pub const CANARY_SECONDS: &str = "lp_canary_seconds";
/// Whether a store's last canary did not come out in time (1) or did (0), label `store`.
pub const CANARY_OVERDUE: &str = "lp_canary_overdue";
/// Records that were committed and wait for the log.
pub const OUTBOX: &str = "lp_outbox_records";
/// Pictures that a detector looked at, labels `store`, `camera`.
pub const VISION_LOOKS: &str = "lp_vision_looks_total";
/// Pictures that were due for a look and got none, labels `store`, `camera`.
pub const VISION_SHED: &str = "lp_vision_shed_total";
/// Seconds that a detector took for one picture.
pub const VISION_DETECT_SECONDS: &str = "lp_vision_detect_seconds";
/// Presence of a zone by its last tile (1 somebody, 0 nobody, -1 unknown), labels `store`, `zone`.
pub const PRESENCE_STATE: &str = "lp_presence_state";
/// Documents of the search index.
pub const SEARCH_DOCUMENTS: &str = "lp_search_documents";
/// Seconds a commit to the search index took.
pub const SEARCH_COMMIT_SECONDS: &str = "lp_search_commit_seconds";
/// How old the oldest record of the last commit to the search index was, in seconds.
pub const SEARCH_LAG_SECONDS: &str = "lp_search_lag_seconds";
/// Seconds a search took.
pub const SEARCH_QUERY_SECONDS: &str = "lp_search_query_seconds";
/// How often the search index was built anew, label `why` (`asked`, `damaged`, `foreign`).
pub const SEARCH_REBUILDS: &str = "lp_search_rebuilds_total";
/// Mails with a daily report by outcome (`sent`, `refused`, `given_up`, `again`: to be tried again), label `outcome`.
pub const REPORTS_SENT: &str = "lp_report_sent_total";
/// Reports that are due and not sent yet.
pub const REPORTS_WAITING: &str = "lp_report_waiting";

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
    (TLS_HANDSHAKES, "handshakes", "TLS handshakes by surface and outcome"),
    (TLS_CERTIFICATE_UNTIL, "seconds since 1970", "when the certificate of a surface ends"),
    (PROCESS_RESTARTS, "restarts", "restarts of supervised processes"),
    (PART_UP, "0 or 1", "whether a part of a process does its work"),
    (CAMERA_CONNECTED, "0 or 1", "whether a camera stream delivers frames"),
    (CAMERA_WANTED, "0 or 1", "whether a camera stream is to be read"),
    (CAMERA_CONNECTS, "attempts", "attempts to connect to cameras by outcome"),
    (CAMERA_LOST_PACKETS, "packets", "RTP packets lost on the way"),
    (CAMERA_FRAMES, "frames", "frames received from cameras"),
    (FANOUT_DROPPED, "frames", "frames that a reader of live pictures was too slow for"),
    (CAMERA_EVENTS, "events", "statements of cameras that were handed on"),
    (CAMERA_EVENTS_DROPPED, "events", "statements of cameras that were not handed on, by reason"),
    (CAMERA_UNDECODABLE, "documents", "metadata documents that could not be read"),
    (CAMERA_EVENT_QUEUE, "events", "statements of cameras that wait for Kafka"),
    (CAMERA_CLOCK_OFFSET, "seconds", "what to add to a camera's clock to get ours"),
    (ONVIF_SUBSCRIBED, "0 or 1", "whether the events of a camera are subscribed to"),
    (ONVIF_REQUESTS, "requests", "requests to ONVIF devices by outcome"),
    (RECORDED_BYTES, "bytes", "recorded video"),
    (RECORDED_SECONDS, "seconds", "recorded video"),
    (RECORDING_GAPS, "gaps", "gaps in recordings by reason"),
    (RECORDING_GAP_SECONDS, "seconds", "gaps in recordings by reason"),
    (RECORD_SYNC_SECONDS, "seconds", "how long group commits took"),
    (RECORD_DISK_ERRORS, "errors", "writes that a disk refused"),
    (RECORD_QUEUE, "items", "items that wait for the disk"),
    (RECORDS_ANNOUNCED, "records", "segments and gaps that Kafka was told of"),
    (ANNOUNCE_FAILURES, "attempts", "failed attempts to tell Kafka of segments and gaps"),
    (RETENTION_DELETED, "segments", "segments deleted by retention"),
    (RETENTION_OVER_BYTES, "bytes", "bytes that retention wanted to free and could not"),
    (HELD_BYTES, "bytes", "held video by owner"),
    (ENGINE_RECORDS, "records", "records that the rule engine has read, by topic and what became of them"),
    (REGISTER_CLOCKS, "registers", "registers whose customers a camera sees, by how their clock is known"),
    (RULE_FAILURES, "failures", "anchors that a rule's SQL failed on, and rules that could not be planned"),
    (JUDGEMENTS, "judgements", "judgements that are new or came out differently"),
    (ALERTS, "alerts", "alerts raised, amended and taken back"),
    (SENDINGS, "alerts", "new alerts by why they were sent or held back"),
    (RULE_DEMOTED, "0 or 1", "whether a rule is held back because it was wrong too often"),
    (RULE_COVERAGE, "stores", "in how many stores each rule sees how"),
    (UNKNOWN_REGISTERS, "registers", "registers that send records and that no zone and no name knows"),
    (CANARY_AGE, "seconds", "how long ago a store's canary came out"),
    (CANARY_SECONDS, "seconds", "how long a store's last canary took"),
    (CANARY_OVERDUE, "0 or 1", "whether a store's last canary did not come out in time"),
    (OUTBOX, "records", "records that were committed and wait for the log"),
    (HOLDS_REFUSED, "holds", "holds refused because the quota is used up"),
    (VISION_LOOKS, "pictures", "pictures that a detector looked at"),
    (VISION_SHED, "pictures", "pictures that were due for a look and got none"),
    (VISION_DETECT_SECONDS, "seconds", "how long a detector took for one picture"),
    (PRESENCE_STATE, "1, 0 or -1", "presence of a zone: somebody, nobody, unknown"),
    (SEARCH_DOCUMENTS, "documents", "documents of the search index"),
    (SEARCH_COMMIT_SECONDS, "seconds", "how long commits to the search index took"),
    (SEARCH_LAG_SECONDS, "seconds", "age of the oldest record of the last commit to the search index"),
    (SEARCH_QUERY_SECONDS, "seconds", "how long searches took"),
    (REPORTS_SENT, "mails", "mails with a daily report by outcome"),
    (REPORTS_WAITING, "mails", "mails with a daily report that are due and not sent yet"),
    (SEARCH_REBUILDS, "rebuilds", "how often the search index was built anew"),
];
