//! One statement while it runs: its time, its cancellation, its line in the audit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

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
use tillsight_correlate::Error;
use tillsight_correlate::sql::Session;
use tillsight_schemas::metric;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::statement::Failure;
use super::{Outcome, Shared, StatementRecord};

/// A statement that runs. When it goes, whatever way, it is written down.
#[derive(Debug)]
pub(super) struct Running {
    shared: Arc<Shared>,
    user: String,
    text: Arc<str>,
    started: Instant,
    deadline: Instant,
    cancelled: CancellationToken,
    rows: u64,
    outcome: Outcome,
    permit: Option<OwnedSemaphorePermit>,
}

impl Running {
    /// Starts the clock of a statement.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        user: &str,
        text: &Arc<str>,
        timeout: Duration,
        cancelled: CancellationToken,
    ) -> Self {
        let started = Instant::now();
        Self {
            shared: Arc::clone(shared),
            user: user.to_owned(),
            text: Arc::clone(text),
            started,
            deadline: started + timeout,
            cancelled,
            rows: 0,
            outcome: Outcome::Aborted,
            permit: None,
        }
    }

    /// Gives a statement that goes on later (a cursor) new time and a new cancellation.
    pub(super) fn renew(&mut self, timeout: Duration, cancelled: CancellationToken) {
        self.deadline = Instant::now() + timeout;
        self.cancelled = cancelled;
    }

    /// Waits for `work` until the statement's time is over or the client cancels it.
    async fn within<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => {
                Err(Failure::new("57014", "canceling statement due to user request"))
            }
            () = tokio::time::sleep_until(self.deadline) => {
                let seconds = (self.deadline - self.started).as_secs_f32();
                Err(Failure::new("57014", format!("canceling statement due to statement timeout ({seconds} s)")))
            }
            done = work => done,
        }
    }

    /// Plans and starts a query.
    ///
    /// # Errors
    /// [`Failure`] when it is refused, wrong, or out of time.
    pub(super) async fn query(
        &mut self,
        session: &Session,
        statement: &Statement,
        parameters: Option<ParamValues>,
    ) -> Result<SendableRecordBatchStream, Failure> {
        let started = self.within(self.start(session, statement, parameters)).await;
        let (permit, rows) = self.note(started)?;
        self.permit = Some(permit);
        Ok(rows)
    }

    async fn start(
        &self,
        session: &Session,
        statement: &Statement,
        parameters: Option<ParamValues>,
    ) -> Result<(OwnedSemaphorePermit, SendableRecordBatchStream), Failure> {
        let permit = slot(&self.shared).await?;
        session.pin().map_err(|error| unready(&error))?;
        let plan = session.plan(statement).await;
        session.unpin();
        let mut plan = plan?;
        if let Some(parameters) = parameters {
            plan = plan.replace_params_with_values(&parameters)?;
        }
        let frame = session.context().execute_logical_plan(plan).await?;
        Ok((permit, frame.execute_stream().await?))
    }

    /// The next rows, encoded; `None` after the last.
    async fn next(
        &mut self,
        rows: &mut SendableRecordBatchStream,
        fields: &Arc<Vec<FieldInfo>>,
    ) -> Option<Result<Vec<PgWireResult<DataRow>>, Failure>> {
        let next = self.within(async { rows.next().await.transpose().map_err(Failure::from) }).await;
        match self.note(next) {
            Ok(Some(batch)) => {
                self.rows += batch.num_rows() as u64;
                Some(Ok(encode_recordbatch(Arc::clone(fields), batch).collect()))
            }
            Ok(None) => {
                self.done();
                None
            }
            Err(failure) => Some(Err(failure)),
        }
    }

    /// Remembers how a step ended.
    pub(super) fn note<T>(&mut self, step: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(failure) = &step {
            self.outcome = match failure.sqlstate {
                "57014" if self.cancelled.is_cancelled() => Outcome::Cancelled,
                "57014" => Outcome::Timeout,
                _ if failure.is_refusal() => Outcome::Refused,
                _ => Outcome::Failed,
            };
            self.permit = None;
        }
        step
    }

    /// Notes that the statement is complete.
    pub(super) fn done(&mut self) {
        self.outcome = Outcome::Ok;
        self.permit = None;
    }

    /// Takes a slot again.
    async fn resume(&mut self) -> Result<(), Failure> {
        let slot = self.within(slot(&self.shared)).await;
        self.permit = Some(self.note(slot)?);
        Ok(())
    }

    /// Lets another statement run while this one waits to be asked on.
    pub(super) fn pause(&mut self) {
        self.permit = None;
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

/// Makes the answer to a query: rows are encoded as they are asked for.
///
/// # Errors
/// [`PgWireError`] when a column has a type that cannot travel.
pub(super) fn answer(
    running: Running,
    rows: SendableRecordBatchStream,
    format: &Format,
    options: FormatOptions,
) -> Result<QueryResponse, PgWireError> {
    let fields = Arc::new(arrow_schema_to_pg_fields(rows.schema().as_ref(), format, Some(Arc::new(options)))?);
    let of_rows = Arc::clone(&fields);
    let batches = futures::stream::unfold(Some((running, rows, of_rows)), |state| async move {
        let (mut running, mut rows, fields) = state?;
        match running.next(&mut rows, &fields).await? {
            Ok(batch) => Some((batch, Some((running, rows, fields)))),
            Err(failure) => Some((vec![Err(failure.into())], None)),
        }
    });
    Ok(QueryResponse::new(fields, batches.flat_map(futures::stream::iter)))
}

/// A cursor: a query that is asked for its rows bit by bit.
pub(super) struct Cursor {
    running: Running,
    rows: SendableRecordBatchStream,
    fields: Arc<Vec<FieldInfo>>,
    /// Rows that were made and not yet asked for.
    ready: VecDeque<DataRow>,
    ended: bool,
}

impl std::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor").field("running", &self.running).finish_non_exhaustive()
    }
}

impl Cursor {
    /// Opens a cursor on a query that was started; it costs nothing until it is asked.
    ///
    /// # Errors
    /// [`PgWireError`] when a column has a type that cannot travel.
    pub(super) fn open(
        mut running: Running,
        rows: SendableRecordBatchStream,
        format: &Format,
        options: FormatOptions,
    ) -> Result<Self, PgWireError> {
        let fields = Arc::new(arrow_schema_to_pg_fields(rows.schema().as_ref(), format, Some(Arc::new(options)))?);
        running.pause();
        Ok(Self { running, rows, fields, ready: VecDeque::new(), ended: false })
    }

    /// What its rows look like.
    pub(super) fn schema(&self) -> SchemaRef {
        self.rows.schema()
    }

    /// Gives it new time.
    pub(super) fn running(&mut self) -> &mut Running {
        &mut self.running
    }

    /// Up to `count` rows; `None` for all that are left.
    ///
    /// # Errors
    /// [`PgWireError`] when the query fails or its time is over.
    pub(super) async fn fetch(&mut self, count: Option<usize>) -> Result<QueryResponse, PgWireError> {
        let count = count.unwrap_or(usize::MAX);
        if self.ready.len() < count && !self.ended {
            self.running.resume().await?;
        }
        while self.ready.len() < count && !self.ended {
            match self.running.next(&mut self.rows, &self.fields).await {
                Some(batch) => self.ready.extend(batch?.into_iter().collect::<Result<Vec<_>, _>>()?),
                None => self.ended = true,
            }
        }
        self.running.pause();
        let taken: Vec<_> = self.ready.drain(..count.min(self.ready.len())).map(Ok).collect();
        let mut answer = QueryResponse::new(Arc::clone(&self.fields), futures::stream::iter(taken));
        answer.set_command_tag("FETCH");
        Ok(answer)
    }
}

/// Waits until one statement more may run.
async fn slot(shared: &Shared) -> Result<OwnedSemaphorePermit, Failure> {
    let slots = Arc::clone(&shared.slots);
    slots.acquire_owned().await.map_err(|_| Failure::new("57P01", "the server is shutting down"))
}

/// What a client is told while there is no view.
fn unready(error: &Error) -> Failure {
    match error {
        Error::TailFull { .. } | Error::TailStale { .. } => Failure::new("57P03", error.to_string()),
        other => Failure::internal(other),
    }
}
