//! The calls of the protocol, one by one: each finds out who calls, and hands on.

use std::net::SocketAddr;
use std::pin::Pin;

use arrow::array::{Array, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::FlightDataEncoderBuilder;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::sql::metadata::{SqlInfoDataBuilder, XdbcTypeInfoDataBuilder};
use arrow_flight::sql::server::{DoPutError, FlightSqlService, PeekableFlightDataStream};
use arrow_flight::sql::{
    ActionCancelQueryRequest, ActionCancelQueryResult, ActionClosePreparedStatementRequest,
    ActionCreatePreparedStatementRequest, ActionCreatePreparedStatementResult, CommandGetCatalogs,
    CommandGetCrossReference, CommandGetDbSchemas, CommandGetExportedKeys, CommandGetImportedKeys,
    CommandGetPrimaryKeys, CommandGetSqlInfo, CommandGetTableTypes, CommandGetTables, CommandGetXdbcTypeInfo,
    CommandPreparedStatementQuery, CommandPreparedStatementUpdate, CommandStatementIngest, CommandStatementQuery,
    CommandStatementUpdate, DoPutPreparedStatementResult, ProstMessageExt, SqlInfo, TicketStatementQuery,
};
use arrow_flight::{
    Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightDescriptor, FlightEndpoint,
    FlightInfo, HandshakeRequest, HandshakeResponse, IpcMessage, SchemaAsIpc, Ticket,
};
use datafusion::common::ParamValues;
use datafusion::scalar::ScalarValue;
use futures::{Stream, StreamExt, TryStreamExt};
use prost::Message;
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

use super::seats::{Prepared, Seat};
use super::{Answer, Service, metadata, query};
use crate::sql::failure::Failure;
use crate::sql::run::{Running, broken_off};
use crate::tls::Peer;

type Rows = Response<<Service as FlightService>::DoGetStream>;
type Handshakes = Pin<Box<dyn Stream<Item = Result<HandshakeResponse, Status>> + Send>>;

/// `CancelFlightInfo` of the protocol's newer part.
const CANCEL_FLIGHT_INFO: &str = "CancelFlightInfo";

impl Service {
    async fn seat<T>(&self, request: &Request<T>) -> Result<Arc<Seat>, Failure> {
        self.seats.of(&*self.shared()?, request.metadata(), from(request)).await
    }

    /// Cancels the statements of a `FlightInfo`; whether there was one.
    fn cancel(seat: &Seat, info: &FlightInfo) -> bool {
        let tickets = info.endpoint.iter().filter_map(|endpoint| endpoint.ticket.as_ref());
        tickets.filter(|ticket| seat.cancel(&ticket.ticket)).count() > 0
    }

    /// Refuses a text that would change something, and writes that down.
    async fn refuse<T>(&self, text: &str, request: &Request<T>) -> Result<i64, Status> {
        let (shared, seat) = (self.shared()?, self.seat(request).await?);
        let failure = match query(&shared, text) {
            Err(failure) => failure,
            Ok(_) => Failure::new("0A000", "this is a query: ask for its rows (execute_query)"),
        };
        let timeout = shared.options.statement_timeout;
        let mut running =
            Running::begin(&shared, &seat.user, &text.into(), timeout, (self.stop.child_token(), &seat.revoked));
        Ok(running.note(Err(failure))?)
    }
}

fn from<T>(request: &Request<T>) -> SocketAddr {
    let peer = request.extensions().get::<Peer>();
    peer.map_or_else(|| SocketAddr::from(([0, 0, 0, 0], 0)), |Peer(address)| *address)
}

/// Says where the rows of a question are to be had, and what they look like.
fn info(
    ticket: impl Into<bytes::Bytes>,
    columns: &Schema,
    asked: FlightDescriptor,
) -> Result<Response<FlightInfo>, Status> {
    let endpoint = FlightEndpoint::new().with_ticket(Ticket::new(ticket));
    let info = FlightInfo::new().try_with_schema(columns).map_err(|error| Failure::internal(&error))?;
    Ok(Response::new(info.with_endpoint(endpoint).with_descriptor(asked)))
}

/// The same of a list, which is its own ticket.
fn list(
    asked: &impl ProstMessageExt,
    columns: &Schema,
    request: Request<FlightDescriptor>,
) -> Result<Response<FlightInfo>, Status> {
    info(asked.as_any().encode_to_vec(), columns, request.into_inner())
}

/// Hands out a list.
fn rows(batch: Result<RecordBatch, FlightError>) -> Result<Rows, Status> {
    let batch = batch.map_err(|error| Failure::internal(&error))?;
    let data = FlightDataEncoderBuilder::new().with_schema(batch.schema());
    Ok(Response::new(Box::pin(data.build(futures::stream::iter([Ok(batch)])).map_err(Status::from))))
}

/// Hands out the rows of a statement as they come.
fn stream(answer: Answer) -> Rows {
    let batches = futures::stream::unfold(Some(answer.batches), |batches| async move {
        let mut batches = batches?;
        match batches.recv().await.unwrap_or_else(|| Err(broken_off())) {
            Ok(Some(batch)) => Some((Ok(batch), Some(batches))),
            Ok(None) => None,
            Err(failure) => Some((Err(FlightError::from(Status::from(failure))), None)),
        }
    });
    let data = FlightDataEncoderBuilder::new().with_schema(answer.schema).build(batches);
    Response::new(Box::pin(data.map(|data| data.map_err(Status::from))))
}

fn ipc(columns: &Schema) -> Result<bytes::Bytes, Failure> {
    let IpcMessage(bytes) = SchemaAsIpc::new(columns, &IpcWriteOptions::default())
        .try_into()
        .map_err(|error: arrow::error::ArrowError| Failure::internal(&error))?;
    Ok(bytes)
}

/// The values of parameters: one row, a column for each.
fn values(batches: &[RecordBatch], prepared: &Prepared) -> Result<Vec<ScalarValue>, Failure> {
    let wanted = prepared.parameters.len();
    let filled: Vec<&RecordBatch> = batches.iter().filter(|batch| batch.num_rows() > 0).collect();
    let [batch] = filled[..] else {
        return Err(Failure::new("08P01", "one row of parameters at a time"));
    };
    if batch.num_rows() != 1 || batch.num_columns() != wanted {
        let (rows, columns) = (batch.num_rows(), batch.num_columns());
        return Err(Failure::new(
            "08P01",
            format!("{wanted} parameters in one row are needed, not {columns} in {rows} rows"),
        ));
    }
    let exactly = CastOptions { safe: false, ..CastOptions::default() };
    let bound = batch.columns().iter().zip(&prepared.parameters).map(|(column, known)| {
        let data_type = known.clone().unwrap_or_else(|| column.data_type().clone());
        let cast = cast_with_options(column, &data_type, &exactly);
        let cast = cast.map_err(|error| Failure::new("22000", format!("a parameter does not fit: {error}")))?;
        Ok(ScalarValue::try_from_array(&cast as &dyn Array, 0)?)
    });
    bound.collect()
}

#[tonic::async_trait]
impl FlightSqlService for Service {
    type FlightService = Self;

    async fn do_handshake(
        &self,
        request: Request<Streaming<HandshakeRequest>>,
    ) -> Result<Response<Handshakes>, Status> {
        let shared = self.shared()?;
        let key = self.seats.log_in(&shared, request.metadata(), from(&request)).await?;
        let bearer = format!("Bearer {key}").parse().map_err(|_| Failure::new("XX000", "a key is no header"))?;
        let answer = HandshakeResponse { protocol_version: 0, payload: key.into() };
        let mut response: Response<Handshakes> = Response::new(Box::pin(futures::stream::iter([Ok(answer)])));
        response.metadata_mut().insert("authorization", bearer);
        Ok(response)
    }

    async fn get_flight_info_statement(
        &self,
        asked: CommandStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let seat = self.seat(&request).await?;
        let prepared = self.prepare(&seat, &asked.query).await?;
        let statement_handle = self.sealer.seal(&seat.role_name, &prepared.text).into();
        let ticket = TicketStatementQuery { statement_handle }.as_any().encode_to_vec();
        info(ticket, &prepared.columns, request.into_inner())
    }

    async fn do_get_statement(&self, ticket: TicketStatementQuery, request: Request<Ticket>) -> Result<Rows, Status> {
        let (shared, seat) = (self.shared()?, self.seat(&request).await?);
        let text: Arc<str> = self.sealer.open(&seat.role_name, &ticket.statement_handle)?.into();
        let statement = query(&shared, &text)?;
        Ok(stream(self.run(&seat, &request.get_ref().ticket, &text, &statement, None).await?))
    }

    async fn do_action_create_prepared_statement(
        &self,
        asked: ActionCreatePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<ActionCreatePreparedStatementResult, Status> {
        let seat = self.seat(&request).await?;
        let prepared = self.prepare(&seat, &asked.query).await?;
        let parameters = (1..)
            .zip(&prepared.parameters)
            .map(|(number, known)| Field::new(format!("${number}"), known.clone().unwrap_or(DataType::Utf8), true));
        let parameters = Schema::new(parameters.collect::<Fields>());
        Ok(ActionCreatePreparedStatementResult {
            dataset_schema: ipc(&prepared.columns)?,
            parameter_schema: ipc(&parameters)?,
            prepared_statement_handle: seat.keep(prepared).into(),
        })
    }

    async fn do_action_close_prepared_statement(
        &self,
        asked: ActionClosePreparedStatementRequest,
        request: Request<Action>,
    ) -> Result<(), Status> {
        self.seat(&request).await?.forget(&asked.prepared_statement_handle);
        Ok(())
    }

    async fn do_put_prepared_statement_query(
        &self,
        asked: CommandPreparedStatementQuery,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<DoPutPreparedStatementResult, Status> {
        let seat = self.seat(&request).await?;
        let prepared = seat.find(&asked.prepared_statement_handle)?;
        let sent = FlightRecordBatchStream::new_from_flight_data(request.into_inner().map_err(FlightError::from));
        // As many as are needed to see that there are too many.
        let batches: Vec<RecordBatch> = sent
            .take(4)
            .try_collect()
            .await
            .map_err(|error| Failure::new("08P01", format!("the parameters cannot be read: {error}")))?;
        seat.bind(&asked.prepared_statement_handle, values(&batches, &prepared)?);
        Ok(DoPutPreparedStatementResult { prepared_statement_handle: Some(asked.prepared_statement_handle) })
    }

    async fn get_flight_info_prepared_statement(
        &self,
        asked: CommandPreparedStatementQuery,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        let prepared = self.seat(&request).await?.find(&asked.prepared_statement_handle)?;
        list(&asked, &prepared.columns, request)
    }

    async fn do_get_prepared_statement(
        &self,
        asked: CommandPreparedStatementQuery,
        request: Request<Ticket>,
    ) -> Result<Rows, Status> {
        let seat = self.seat(&request).await?;
        let prepared = seat.find(&asked.prepared_statement_handle)?;
        let values = match &prepared.bound {
            None if !prepared.parameters.is_empty() => {
                let wanted = prepared.parameters.len();
                return Err(Failure::new("08P01", format!("{wanted} parameters are needed: bind them first")).into());
            }
            bound => bound.clone().map(ParamValues::from),
        };
        let ticket = &request.get_ref().ticket;
        Ok(stream(self.run(&seat, ticket, &prepared.text, &prepared.statement, values).await?))
    }

    async fn do_put_statement_update(
        &self,
        asked: CommandStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.refuse(&asked.query, &request).await
    }

    async fn do_put_prepared_statement_update(
        &self,
        asked: CommandPreparedStatementUpdate,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        // What was prepared is a query: everything else was refused then.
        let text = Arc::clone(&self.seat(&request).await?.find(&asked.prepared_statement_handle)?.text);
        self.refuse(&text, &request).await
    }

    async fn do_put_statement_ingest(
        &self,
        asked: CommandStatementIngest,
        request: Request<PeekableFlightDataStream>,
    ) -> Result<i64, Status> {
        self.refuse(&format!("INSERT INTO {}", asked.table), &request).await
    }

    async fn do_put_error_callback(
        &self,
        _: Request<PeekableFlightDataStream>,
        error: DoPutError,
    ) -> Result<Response<<Self as FlightService>::DoPutStream>, Status> {
        Err(Failure::new("08P01", error.to_string()).into())
    }

    async fn do_action_cancel_query(
        &self,
        asked: ActionCancelQueryRequest,
        request: Request<Action>,
    ) -> Result<ActionCancelQueryResult, Status> {
        let seat = self.seat(&request).await?;
        let info = FlightInfo::decode(asked.info);
        let info = info.map_err(|error| Failure::new("08P01", format!("not the answer to a question: {error}")))?;
        // Of the protocol: 1 cancelled, 3 not cancellable.
        Ok(ActionCancelQueryResult { result: if Self::cancel(&seat, &info) { 1 } else { 3 } })
    }

    async fn do_action_fallback(
        &self,
        request: Request<Action>,
    ) -> Result<Response<<Self as FlightService>::DoActionStream>, Status> {
        let seat = self.seat(&request).await?;
        let Action { r#type: kind, body } = request.into_inner();
        if kind != CANCEL_FLIGHT_INFO {
            return Err(Failure::new("0A000", format!("{kind} is not available here")).into());
        }
        let asked = CancelFlightInfoRequest::decode(body);
        let asked = asked.map_err(|error| Failure::new("08P01", format!("cannot be read: {error}")))?;
        let found = asked.info.is_some_and(|info| Self::cancel(&seat, &info));
        let status = if found { CancelStatus::Cancelled } else { CancelStatus::NotCancellable };
        let body = CancelFlightInfoResult::new(status).encode_to_vec();
        Ok(Response::new(Box::pin(futures::stream::iter([Ok(arrow_flight::Result::new(body))]))))
    }

    async fn get_flight_info_catalogs(
        &self,
        asked: CommandGetCatalogs,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.seat(&request).await?;
        list(&asked, &asked.into_builder().schema(), request)
    }

    async fn do_get_catalogs(&self, asked: CommandGetCatalogs, request: Request<Ticket>) -> Result<Rows, Status> {
        self.seat(&request).await?;
        rows(metadata::catalogs(asked))
    }

    async fn get_flight_info_schemas(
        &self,
        asked: CommandGetDbSchemas,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.seat(&request).await?;
        list(&asked, &asked.clone().into_builder().schema(), request)
    }

    async fn do_get_schemas(&self, asked: CommandGetDbSchemas, request: Request<Ticket>) -> Result<Rows, Status> {
        rows(metadata::schemas(asked, &self.seat(&request).await?.session))
    }

    async fn get_flight_info_tables(
        &self,
        asked: CommandGetTables,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.seat(&request).await?;
        list(&asked, &asked.clone().into_builder().schema(), request)
    }

    async fn do_get_tables(&self, asked: CommandGetTables, request: Request<Ticket>) -> Result<Rows, Status> {
        let seat = self.seat(&request).await?;
        rows(metadata::tables(asked, &seat.session).await)
    }

    async fn get_flight_info_table_types(
        &self,
        asked: CommandGetTableTypes,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.seat(&request).await?;
        list(&asked, &asked.into_builder().schema(), request)
    }

    async fn do_get_table_types(&self, asked: CommandGetTableTypes, request: Request<Ticket>) -> Result<Rows, Status> {
        self.seat(&request).await?;
        rows(metadata::table_types(asked))
    }

    async fn get_flight_info_sql_info(
        &self,
        asked: CommandGetSqlInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.seat(&request).await?;
        list(&asked, SqlInfoDataBuilder::schema(), request)
    }

    async fn do_get_sql_info(&self, asked: CommandGetSqlInfo, request: Request<Ticket>) -> Result<Rows, Status> {
        self.seat(&request).await?;
        let seconds = self.shared()?.options.statement_timeout.as_secs();
        rows(metadata::abilities(asked, i32::try_from(seconds).unwrap_or(i32::MAX)))
    }

    async fn get_flight_info_xdbc_type_info(
        &self,
        asked: CommandGetXdbcTypeInfo,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.seat(&request).await?;
        list(&asked, &XdbcTypeInfoDataBuilder::new().schema(), request)
    }

    async fn do_get_xdbc_type_info(
        &self,
        asked: CommandGetXdbcTypeInfo,
        request: Request<Ticket>,
    ) -> Result<Rows, Status> {
        self.seat(&request).await?;
        rows(metadata::types(asked))
    }

    async fn get_flight_info_primary_keys(
        &self,
        asked: CommandGetPrimaryKeys,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.seat(&request).await?;
        list(&asked, &metadata::primary_keys().schema(), request)
    }

    async fn do_get_primary_keys(&self, _: CommandGetPrimaryKeys, request: Request<Ticket>) -> Result<Rows, Status> {
        self.seat(&request).await?;
        rows(Ok(metadata::primary_keys()))
    }

    async fn get_flight_info_exported_keys(
        &self,
        asked: CommandGetExportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.seat(&request).await?;
        list(&asked, &metadata::foreign_keys().schema(), request)
    }

    async fn do_get_exported_keys(&self, _: CommandGetExportedKeys, request: Request<Ticket>) -> Result<Rows, Status> {
        self.seat(&request).await?;
        rows(Ok(metadata::foreign_keys()))
    }

    async fn get_flight_info_imported_keys(
        &self,
        asked: CommandGetImportedKeys,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.seat(&request).await?;
        list(&asked, &metadata::foreign_keys().schema(), request)
    }

    async fn do_get_imported_keys(&self, _: CommandGetImportedKeys, request: Request<Ticket>) -> Result<Rows, Status> {
        self.seat(&request).await?;
        rows(Ok(metadata::foreign_keys()))
    }

    async fn get_flight_info_cross_reference(
        &self,
        asked: CommandGetCrossReference,
        request: Request<FlightDescriptor>,
    ) -> Result<Response<FlightInfo>, Status> {
        self.seat(&request).await?;
        list(&asked, &metadata::foreign_keys().schema(), request)
    }

    async fn do_get_cross_reference(
        &self,
        _: CommandGetCrossReference,
        request: Request<Ticket>,
    ) -> Result<Rows, Status> {
        self.seat(&request).await?;
        rows(Ok(metadata::foreign_keys()))
    }

    async fn list_custom_actions(&self) -> Option<Vec<Result<arrow_flight::ActionType, Status>>> {
        let description = "Cancels a query\nRequest: CancelFlightInfoRequest\nResponse: CancelFlightInfoResult";
        let action = arrow_flight::ActionType { r#type: CANCEL_FLIGHT_INFO.into(), description: description.into() };
        Some(vec![Ok(action)])
    }

    /// What this server can do is fixed.
    async fn register_sql_info(&self, _: i32, _: &SqlInfo) {}
}
