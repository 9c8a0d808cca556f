//! Arrow Flight SQL: columns instead of rows, for those who take many of them (ADBC, pandas, polars, JDBC).
//!
//! A statement goes the way of every other: the same gates, the same threads and limits, one line in the audit
//! ([`super::run`]). Only what lies around it is of this protocol: who calls ([`seats`]), tickets ([`ticket`]), and lists
//! of what there is ([`metadata`]). Each statement runs in a task that ends with its stream, its time, or the server.

mod metadata;
mod seats;
mod service;
#[cfg(test)]
mod tests;
mod ticket;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow_flight::flight_service_server::FlightServiceServer;
use datafusion::common::ParamValues;
use datafusion::sql::sqlparser::ast::Statement;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::{Code, Status};

use super::Shared;
use super::failure::Failure;
use super::gate::{Act, classify};
use super::names::shown;
use super::run::Running;
use super::statement::parameters;
use crate::tls::Listener;

use seats::{Prepared, Seat, Seats};
use ticket::Sealer;

/// The longest message of a client: a statement, or the values of its parameters.
const LONGEST: usize = 4 << 20;
/// How long calls may take to end when the server stops.
const GRACE: Duration = Duration::from_secs(1);
/// Batches that wait for a client.
const BATCHES_AHEAD: usize = 2;
/// The longest text of an error: it travels in a header.
const LONGEST_ERROR: usize = 2000;

/// Answers until `stop` is cancelled.
pub(super) async fn serve(shared: Arc<Shared>, listener: Listener, stop: CancellationToken) -> std::io::Result<()> {
    let service = Service {
        seats: Seats::new(shared.options.max_connections),
        shared: Arc::downgrade(&shared),
        sealer: Sealer::new(),
        tasks: Arc::default(),
        stop: stop.clone(),
    };
    // The library's connections go on for a while after this function: what they hold of ours must not.
    let _end = EndOf(Arc::clone(&service.tasks));
    let service = FlightServiceServer::new(service).max_decoding_message_size(LONGEST);
    let incoming = futures::stream::unfold(listener, |mut listener| async move {
        Some((Ok::<_, std::io::Error>(listener.next().await), listener))
    });
    let server = Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(20)))
        .max_concurrent_streams(Some(64))
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, stop.clone().cancelled_owned());
    let late = async {
        stop.cancelled().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        ended = server => ended.map_err(std::io::Error::other),
        () = late => Ok(()),
    }
}

/// What answers.
struct Service {
    /// Gone when the endpoint is, however long a connection lasts.
    shared: Weak<Shared>,
    seats: Seats,
    sealer: Sealer,
    tasks: Tasks,
    stop: CancellationToken,
}

/// The statements that run.
type Tasks = Arc<Mutex<JoinSet<()>>>;

/// Ends all statements when it goes.
struct EndOf(Tasks);

impl Drop for EndOf {
    fn drop(&mut self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

/// Rows on their way to a client.
struct Answer {
    schema: SchemaRef,
    /// `None` ends them: rows that break off must not look complete.
    batches: mpsc::Receiver<Result<Option<RecordBatch>, Failure>>,
}

impl Service {
    fn shared(&self) -> Result<Arc<Shared>, Failure> {
        self.shared.upgrade().ok_or_else(|| Failure::new("57P01", "the server is shutting down"))
    }

    /// Looks at a text: one query, allowed, and what its rows look like.
    ///
    /// # Errors
    /// [`Failure`] when it is wrong or refused; it is written down.
    async fn prepare(&self, seat: &Seat, text: &str) -> Result<Prepared, Failure> {
        let shared = self.shared()?;
        let text: Arc<str> = text.into();
        let looked = async {
            let statement = query(&shared, &text)?;
            let plan = seat.session.plan(&statement).await?;
            let parameters = parameters(&plan, &[])?.into_iter().map(|(data_type, _)| data_type).collect();
            let columns = loose(&shown(plan.schema().inner()));
            Ok(Prepared { text: Arc::clone(&text), statement, columns, parameters, bound: None })
        };
        match looked.await {
            Ok(prepared) => Ok(prepared),
            Err(failure) => {
                let timeout = shared.options.statement_timeout;
                let mut running =
                    Running::begin(&shared, &seat.user, &text, timeout, (self.stop.child_token(), &seat.revoked));
                running.note(Err(failure))
            }
        }
    }

    /// Runs a statement.
    ///
    /// # Errors
    /// [`Failure`] when it is refused, wrong, or out of time before its first row.
    async fn run(
        &self,
        seat: &Arc<Seat>,
        ticket: &[u8],
        text: &Arc<str>,
        statement: &Statement,
        values: Option<ParamValues>,
    ) -> Result<Answer, Failure> {
        let shared = self.shared()?;
        let run = seat.start(ticket, &self.stop);
        let timeout = shared.options.statement_timeout;
        let mut running = Running::begin(&shared, &seat.user, text, timeout, (run.cancelled.clone(), &seat.revoked));
        let mut rows = running.query(&seat.session, statement, values, false).await?;
        let schema = loose(&shown(&rows.schema));
        let shape = Arc::clone(&schema);
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let _run = run;
            loop {
                let batch = tokio::select! {
                    batch = running.next(&mut rows) => batch,
                    // The client has gone.
                    () = sender.closed() => return,
                };
                let shaped = batch.transpose().and_then(|batch| {
                    batch.map(|batch| shaped(&batch, &shape)).transpose().map_err(|error| Failure::internal(&error))
                });
                let failed = match shaped {
                    Ok(rows) => {
                        let last = rows.is_none();
                        // A client that takes no rows keeps no statement beyond its time.
                        match running.hand_over(sender.send(Ok(rows))).await {
                            Ok(()) if last => return,
                            Ok(()) => continue,
                            Err(failure) => failure,
                        }
                    }
                    Err(failure) => failure,
                };
                // Whoever waits for rows is told why there are none; whoever does not, that they broke off.
                drop(sender.try_send(Err(failed)));
                return;
            }
        });
        Ok(Answer { schema, batches })
    }
}

/// The one query of a text.
fn query(shared: &Shared, text: &str) -> Result<Box<Statement>, Failure> {
    let statements = shared.texts.parse(text, &[])?;
    let mut acts = statements.into_iter().map(classify).collect::<Result<Vec<_>, _>>()?;
    match (acts.pop(), acts.is_empty()) {
        (Some(Act::Query(statement)), true) => Ok(statement),
        (None, _) => Err(Failure::new("42601", "there is no statement in this text")),
        (_, false) => Err(Failure::new("42601", "one statement at a time: send them one after the other")),
        (Some(_), true) => Err(Failure::new(
            "0A000",
            "Flight SQL answers queries: settings, transactions and cursors are of the PostgreSQL protocol",
        )),
    }
}

/// Columns as they are told: all may be null, without comments, text and bytes in the layout that every client reads. Planner
/// and engine differ about these, and clients refuse rows that do not look as they were told.
fn loose(schema: &Schema) -> SchemaRef {
    let plain = |data_type: &DataType| match data_type {
        DataType::Utf8View => DataType::Utf8,
        DataType::BinaryView => DataType::Binary,
        other => other.clone(),
    };
    let fields = schema.fields().iter().map(|field| Field::new(field.name(), plain(field.data_type()), true));
    Arc::new(Schema::new(fields.collect::<Fields>()))
}

/// Rows in the columns that were told.
fn shaped(batch: &RecordBatch, shape: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().zip(shape.fields()).map(|(column, field)| {
        let same = column.data_type() == field.data_type();
        if same { Ok(Arc::clone(column)) } else { cast(column, field.data_type()) }
    });
    RecordBatch::try_new(Arc::clone(shape), columns.collect::<Result<_, _>>()?)
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let code = match failure.sqlstate {
            "28000" | "28P01" => Code::Unauthenticated,
            "42501" => Code::PermissionDenied,
            "0A000" => Code::Unimplemented,
            "26000" => Code::NotFound,
            "57014" if failure.message.contains("timeout") => Code::DeadlineExceeded,
            "57014" => Code::Cancelled,
            "57P01" | "57P03" => Code::Unavailable,
            "53000" | "53100" | "53200" | "53300" | "54001" => Code::ResourceExhausted,
            "XX000" => Code::Internal,
            _ => Code::InvalidArgument,
        };
        let text: String = failure.message.chars().take(LONGEST_ERROR).collect();
        Self::new(code, format!("{text} [{}]", failure.sqlstate))
    }
}
