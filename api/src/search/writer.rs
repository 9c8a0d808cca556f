//! [`Writer`]: puts receipts and alerts into the index. The latest revision of a receipt wins, repetitions are skipped,
//! and how far the sources were read is written by the commit that holds what was read.

use std::collections::HashMap;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::json::LineDelimitedWriter;
use chrono::{DateTime, Utc};
use tantivy::indexer::{IndexWriterOptions, LogMergePolicy};
use tantivy::{IndexWriter, Term};
use tillsight_schemas::metric;
use tillsight_schemas::port::{LogRecord, Positions};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::wire::avro::Decoder;

use super::document::{self, WholeAlert, alert_key, receipt_key};
use super::index::{Progress, by_key};
use super::{Search, SearchError, failed};

/// Memory for documents that are not written yet, in bytes.
const HEAP: usize = 30_000_000;
/// Segments larger than this many documents are not merged any more.
const LARGEST_MERGE: usize = 1_000_000;

/// Writes the index.
pub(super) struct Writer {
    search: Search,
    writer: IndexWriter,
    progress: Progress,
    /// Revisions of receipts that no commit holds yet.
    pending: HashMap<String, i64>,
    /// When the oldest record that no commit holds was logged.
    oldest: Option<DateTime<Utc>>,
    dirty: bool,
}

impl Writer {
    /// Begins after the last commit.
    pub(super) fn open(search: &Search) -> Result<Self, SearchError> {
        let options = IndexWriterOptions::builder()
            .num_worker_threads(1)
            .num_merge_threads(1)
            .memory_budget_per_thread(HEAP)
            .build();
        let writer = search.index.writer_with_options(options).map_err(failed("write"))?;
        let mut merging = LogMergePolicy::default();
        merging.set_max_docs_before_merge(LARGEST_MERGE);
        merging.set_del_docs_ratio_before_merge(0.3);
        writer.set_merge_policy(Box::new(merging));
        search.reload()?;
        let progress = search.progress()?;
        Ok(Self { search: search.clone(), writer, progress, pending: HashMap::new(), oldest: None, dirty: false })
    }

    /// How far it is, what no commit holds yet included.
    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Whether there is something to commit.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The alerts are to be read from this change on.
    pub(super) fn rewind_alerts(&mut self, change: i64) {
        self.progress.change = change;
    }

    /// Takes records of `lp.pos.transaction.v1`.
    pub(super) fn receipts(&mut self, records: &[LogRecord]) -> Result<(), SearchError> {
        let present: Vec<(&LogRecord, &[u8])> =
            records.iter().filter_map(|record| Some((record, &record.value.as_ref()?[..]))).collect();
        let values: Vec<&[u8]> = present.iter().map(|(_, value)| *value).collect();
        let broken = |error: arrow::error::ArrowError| SearchError::Source(error.into());
        let decoded = Decoder::<PostedTransaction>::new().decode(&values).map_err(broken)?;
        for (index, reason) in &decoded.failed {
            if let Some((record, _)) = present.get(*index) {
                tracing::error!(partition = %record.partition, offset = record.offset, reason, "record left out of the search index");
            }
        }
        let mut ends = Positions::new();
        for record in records {
            let end = ends.entry(record.partition.clone()).or_default();
            *end = (*end).max(record.offset + 1);
            self.oldest = Some(self.oldest.map_or(record.logged_at, |oldest| oldest.min(record.logged_at)));
        }
        for line in lines(&decoded.batch).map_err(broken)?.lines() {
            let posted: PostedTransaction = serde_json::from_str(line).map_err(SearchError::Damaged)?;
            self.receipt(&posted, line)?;
        }
        self.progress.moved(&ends);
        self.dirty |= !records.is_empty();
        Ok(())
    }

    fn receipt(&mut self, posted: &PostedTransaction, json: &str) -> Result<(), SearchError> {
        let key = receipt_key(posted.header.event_id);
        let revision = i64::from(posted.transaction.revision);
        match self.known(&key)? {
            Some(known) if known >= revision => return Ok(()),
            Some(_) => self.forget(&key),
            None => {}
        }
        let document = document::receipt(&self.search.fields, posted, json);
        self.writer.add_document(document).map_err(failed("add to"))?;
        self.pending.insert(key, revision);
        Ok(())
    }

    /// Takes alerts in the order of their changes.
    pub(super) fn alerts(&mut self, alerts: &[WholeAlert]) -> Result<(), SearchError> {
        for whole in alerts {
            self.forget(&alert_key(whole.row.alert.alert_id));
            let document = document::alert(&self.search.fields, whole).map_err(SearchError::Damaged)?;
            self.writer.add_document(document).map_err(failed("add to"))?;
            self.progress.change = whole.row.change;
            self.dirty = true;
        }
        Ok(())
    }

    fn forget(&mut self, key: &str) {
        self.writer.delete_term(Term::from_field_text(self.search.fields.key, key));
    }

    /// The revision of a receipt that is in the index already.
    fn known(&self, key: &str) -> Result<Option<i64>, SearchError> {
        if let Some(revision) = self.pending.get(key) {
            return Ok(Some(*revision));
        }
        let searcher = self.search.reader.searcher();
        let read = || {
            let Some(address) = by_key(&searcher, &self.search.fields, key)? else { return Ok(None) };
            let segment = searcher.segment_reader(address.segment_ord);
            Ok(segment.fast_fields().i64("revision")?.first(address.doc_id))
        };
        read().map_err(failed("look into"))
    }

    /// Makes everything taken so far findable, and for good.
    pub(super) fn commit(&mut self) -> Result<(), SearchError> {
        let began = Instant::now();
        let payload = serde_json::to_string(&self.progress).map_err(SearchError::Damaged)?;
        let mut prepared = self.writer.prepare_commit().map_err(failed("commit"))?;
        prepared.set_payload(&payload);
        prepared.commit().map_err(failed("commit"))?;
        self.search.reload()?;
        self.pending.clear();
        self.dirty = false;
        metrics::histogram!(metric::SEARCH_COMMIT_SECONDS).record(began.elapsed().as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a metric")]
        metrics::gauge!(metric::SEARCH_DOCUMENTS).set(self.search.documents() as f64);
        let lag = self.oldest.take().map_or(0.0, |oldest| (self.search.clock.now() - oldest).as_seconds_f64());
        metrics::gauge!(metric::SEARCH_LAG_SECONDS).set(lag.max(0.0));
        Ok(())
    }

    /// Takes everything out and begins at the beginning.
    pub(super) fn clear(&mut self) -> Result<(), SearchError> {
        self.writer.rollback().map_err(failed("roll back"))?;
        self.writer.delete_all_documents().map_err(failed("empty"))?;
        self.progress = Progress::none();
        self.oldest = None;
        self.commit()
    }
}

/// A batch as JSON, one record a line, without what is absent.
fn lines(batch: &RecordBatch) -> Result<String, arrow::error::ArrowError> {
    let mut lines = Vec::with_capacity(batch.num_rows() * 1024);
    let mut writer = LineDelimitedWriter::new(&mut lines);
    writer.write(batch)?;
    writer.finish()?;
    String::from_utf8(lines).map_err(|error| arrow::error::ArrowError::ExternalError(error.into()))
}
