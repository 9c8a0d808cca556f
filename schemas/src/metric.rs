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
];
