//! One statement while it runs: its time, its cancellation, its line in the audit.
//!
//! Queries are planned and computed on threads of their own ([`super::crew`]), so that a plan that does not yield for a
//! while keeps neither the clock nor another connection waiting. The client hears of the timeout at once; the work is
//! aborted where it yields next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::ParamValues;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::arrow_pg::datatypes::{arrow_schema_to_pg_fields, encode_recordbatch};
use futures::StreamExt;
use pgwire::api::portal::Format;
use pgwire::api::results::{FieldInfo, QueryResponse};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::data::DataRow;
use pgwire::types::format::FormatOptions;
use tillsight_correlate::sql::Session;
use tillsight_schemas::metric;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::crew::Work;
use super::failure::Failure;
use super::names::shown;
use super::{Outcome, REVOKED, Shared, StatementRecord};

/// How many batches wait for a client that takes rows more slowly than they are made.
const BATCHES_AHEAD: usize = 2;

/// A statement that runs. When it goes, whatever way, it is written down.
#[derive(Debug)]
pub(super) struct Running {
    shared: Arc<Shared>,
    user: String,
    text: Arc<str>,
    started: Instant,
    timeout: Duration,
    deadline: Instant,
    cancelled: CancellationToken,
    revoked: CancellationToken,
    rows: u64,
    outcome: Outcome,
}

impl Running {
    /// Starts the clock of a statement, which the first token stops; it was its login that ended if the second is
    /// cancelled.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        user: &str,
        text: &Arc<str>,
        timeout: Duration,
        (cancelled, revoked): (CancellationToken, &CancellationToken),
    ) -> Self {
        let started = Instant::now();
        Self {
            shared: Arc::clone(shared),
            user: user.to_owned(),
            text: Arc::clone(text),
            started,
            timeout,
            deadline: started + timeout,
            cancelled,
            revoked: revoked.clone(),
            rows: 0,
            outcome: Outcome::Aborted,
        }
    }

    /// Gives a statement that goes on later (a cursor) new time and a new cancellation.
    pub(super) fn renew(&mut self, timeout: Duration, cancelled: CancellationToken) {
        self.timeout = timeout;
        self.deadline = Instant::now() + timeout;
        self.cancelled = cancelled;
    }

    /// Waits for `work` until the statement's time is over or the client cancels it.
    async fn within<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(if self.revoked.is_cancelled() {
                Failure::new("28000", REVOKED)
            } else {
                Failure::new("57014", "canceling statement due to user request")
            }),
            () = tokio::time::sleep_until(self.deadline) => {
                let limit = self.timeout.as_secs_f32();
                Err(Failure::new("57014", format!("canceling statement due to statement timeout ({limit} s)")))
            }
            done = work => done,
        }
    }

    /// Plans and starts a query. A cursor takes no slot while it waits to be asked.
    ///
    /// # Errors
    /// [`Failure`] when it is refused, wrong, or out of time.
    pub(super) async fn query(
        &mut self,
        session: &Arc<Session>,
        statement: &Statement,
        parameters: Option<ParamValues>,
        cursor: bool,
    ) -> Result<Rows, Failure> {
        let (opened, open) = oneshot::channel();
        let (batches, taken) = mpsc::channel(BATCHES_AHEAD);
        let query = Query {
            slots: Arc::clone(&self.shared.slots),
            session: Arc::clone(session),
            statement: statement.clone(),
            parameters,
            cursor,
        };
        let work = self.shared.crew.hand_over(query.work(opened, batches));
        let schema = self.within(async { open.await.unwrap_or_else(|_| Err(broken_off())) }).await;
        Ok(Rows { schema: self.note(schema)?, batches: taken, _work: work })
    }

    /// The next rows; `None` after the last.
    pub(super) async fn next(&mut self, rows: &mut Rows) -> Option<Result<RecordBatch, Failure>> {
        // The end is said in so many words: work that broke off must not look complete.
        let next = self.within(async { rows.batches.recv().await.unwrap_or_else(|| Err(broken_off())) }).await;
        match self.note(next) {
            Ok(Some(batch)) => {
                self.rows += batch.num_rows() as u64;
                Some(Ok(batch))
            }
            Ok(None) => {
                self.done();
                None
            }
            Err(failure) => Some(Err(failure)),
        }
    }

    /// Waits until the client takes rows, within the statement's time: who takes none keeps no statement for ever.
    ///
    /// # Errors
    /// [`Failure`] when its time is over or the client has gone.
    pub(super) async fn hand_over<E>(&mut self, taken: impl Future<Output = Result<(), E>>) -> Result<(), Failure> {
        let taken = self.within(async { Ok(taken.await) }).await;
        match self.note(taken)? {
            Ok(()) => Ok(()),
            Err(_) => {
                self.outcome = Outcome::Aborted;
                Err(broken_off())
            }
        }
    }

    /// Remembers how a step ended.
    pub(super) fn note<T>(&mut self, step: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(failure) = &step {
            self.outcome = match failure.sqlstate {
                "57014" | "28000" if self.cancelled.is_cancelled() => Outcome::Cancelled,
                "57014" => Outcome::Timeout,
                _ if failure.is_refusal() => Outcome::Refused,
                _ => Outcome::Failed,
            };
        }
        step
    }

    /// Notes that the statement is complete.
    pub(super) fn done(&mut self) {
        self.outcome = Outcome::Ok;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let duration = self.started.elapsed();
        metrics::counter!(metric::SQL_STATEMENTS, "outcome" => self.outcome.as_str()).increment(1);
        metrics::histogram!(metric::SQL_DURATION).record(duration.as_secs_f64());
        self.shared.log.statement(StatementRecord {
            user: self.user.clone(),
            text: Arc::clone(&self.text),
            outcome: self.outcome,
            rows: self.rows,
            duration,
        });
    }
}

/// Rows that are being made.
#[derive(Debug)]
pub(super) struct Rows {
    /// Their columns.
    pub(super) schema: SchemaRef,
    batches: mpsc::Receiver<Result<Option<RecordBatch>, Failure>>,
    /// Aborts the work when nobody wants the rows any more.
    _work: Work,
}

/// A query on its way to the crew.
struct Query {
    slots: Arc<Semaphore>,
    session: Arc<Session>,
    statement: Statement,
    parameters: Option<ParamValues>,
    cursor: bool,
}

impl Query {
    async fn work(
        self,
        opened: oneshot::Sender<Result<SchemaRef, Failure>>,
        batches: mpsc::Sender<Result<Option<RecordBatch>, Failure>>,
    ) {
        let cursor = self.cursor;
        let (slot, mut rows) = match self.start().await {
            Ok(started) => started,
            // The receiver is gone when the client is: nobody to tell.
            Err(failure) => return drop(opened.send(Err(failure))),
        };
        let _slot = (!cursor).then_some(slot);
        if opened.send(Ok(rows.schema())).is_err() {
            return;
        }
        loop {
            let batch = rows.next().await.transpose().map_err(Failure::from);
            let last = !matches!(batch, Ok(Some(_)));
            if batches.send(batch).await.is_err() || last {
                return;
            }
        }
    }

    async fn start(self) -> Result<(OwnedSemaphorePermit, SendableRecordBatchStream), Failure> {
        let slot = self.slots.acquire_owned().await;
        let slot = slot.map_err(|_| Failure::new("57P01", "the server is shutting down"))?;
        let mut plan = self.session.plan(&self.statement).await?;
        if let Some(parameters) = self.parameters {
            plan = plan.replace_params_with_values(&parameters)?;
        }
        let frame = self.session.context().execute_logical_plan(plan).await?;
        Ok((slot, frame.execute_stream().await?))
    }
}

/// Makes the answer to a query: rows are encoded as they are asked for.
///
/// # Errors
/// [`PgWireError`] when a column has a type that cannot travel.
pub(super) fn answer(
    running: Running,
    rows: Rows,
    format: &Format,
    options: FormatOptions,
) -> Result<QueryResponse, PgWireError> {
    let fields = Arc::new(arrow_schema_to_pg_fields(&shown(&rows.schema), format, Some(Arc::new(options)))?);
    let of_rows = Arc::clone(&fields);
    let batches = futures::stream::unfold(Some((running, rows, of_rows)), |state| async move {
        let (mut running, mut rows, fields) = state?;
        match running.next(&mut rows).await? {
            Ok(batch) => Some((encoded(&fields, batch), Some((running, rows, fields)))),
            Err(failure) => Some((vec![Err(failure.into())], None)),
        }
    });
    Ok(QueryResponse::new(fields, batches.flat_map(futures::stream::iter)))
}

fn encoded(fields: &Arc<Vec<FieldInfo>>, batch: RecordBatch) -> Vec<PgWireResult<DataRow>> {
    encode_recordbatch(Arc::clone(fields), batch).collect()
}

/// A cursor: a query that is asked for its rows bit by bit.
#[derive(Debug)]
pub(super) struct Cursor {
    running: Running,
    rows: Rows,
    fields: Arc<Vec<FieldInfo>>,
    /// Rows that were made and not yet asked for.
    ready: VecDeque<DataRow>,
    ended: bool,
}

impl Cursor {
    /// Opens a cursor on a query that was started.
    ///
    /// # Errors
    /// [`PgWireError`] when a column has a type that cannot travel.
    pub(super) fn open(
        running: Running,
        rows: Rows,
        format: &Format,
        options: FormatOptions,
    ) -> Result<Self, PgWireError> {
        let fields = Arc::new(arrow_schema_to_pg_fields(&shown(&rows.schema), format, Some(Arc::new(options)))?);
        Ok(Self { running, rows, fields, ready: VecDeque::new(), ended: false })
    }

    /// What its rows look like.
    pub(super) fn schema(&self) -> SchemaRef {
        shown(&self.rows.schema)
    }

    /// The statement that it runs.
    pub(super) fn running(&mut self) -> &mut Running {
        &mut self.running
    }

    /// Up to `count` rows; `None` for all that are left.
    ///
    /// # Errors
    /// [`PgWireError`] when the query fails or its time is over.
    pub(super) async fn fetch(&mut self, count: Option<usize>) -> Result<QueryResponse, PgWireError> {
        let count = count.unwrap_or(usize::MAX);
        while self.ready.len() < count && !self.ended {
            match self.running.next(&mut self.rows).await {
                Some(batch) => {
                    let rows = encoded(&self.fields, batch?).into_iter().collect::<Result<Vec<_>, _>>()?;
                    self.ready.extend(rows);
                }
                None => self.ended = true,
            }
        }
        let taken: Vec<_> = self.ready.drain(..count.min(self.ready.len())).map(Ok).collect();
        let mut answer = QueryResponse::new(Arc::clone(&self.fields), futures::stream::iter(taken));
        answer.set_command_tag("FETCH");
        Ok(answer)
    }
}

/// What a client is told when the work ended without saying so.
pub(super) fn broken_off() -> Failure {
    Failure::new("XX000", "the statement broke off: the log says why")
}
