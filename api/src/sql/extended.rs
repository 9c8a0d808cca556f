//! The extended protocol: parse, bind, describe, execute.
//!
//! A statement is planned once when it is parsed, for its types, and again each time it is executed, because every
//! execution works on the newest view.

use std::fmt::Debug;
use std::sync::Arc;

use arrow::datatypes::DataType;
use async_trait::async_trait;
use bytes::Bytes;
use datafusion_postgres::arrow_pg::datatypes::arrow_schema_to_pg_fields;
use datafusion_postgres::arrow_pg::datatypes::df::deserialize_parameters_with_server_types;
use futures::{Sink, SinkExt, StreamExt};
use pgwire::api::portal::{Format, Portal, PortalExecutionState};
use pgwire::api::query::{ExtendedQueryHandler, send_describe_response};
use pgwire::api::results::{DescribePortalResponse, FieldFormat, FieldInfo, Response, Tag};
use pgwire::api::stmt::{QueryParser, StoredStatement};
use pgwire::api::store::{Entry, PortalStore};
use pgwire::api::{ClientInfo, ClientPortalStore, DEFAULT_NAME, PgWireConnectionState, Type};
use pgwire::error::{PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Describe, Execute, Parse, ParseComplete, TARGET_TYPE_BYTE_PORTAL,
};

use super::failure::Failure;
use super::gate::Act;
use super::handlers::Handlers;
use super::simple::shown_field;
use super::statement::Prepared;

#[async_trait]
impl QueryParser for Handlers {
    type Statement = Prepared;

    async fn parse_sql<C>(&self, _: &C, sql: &str, types: &[Option<Type>]) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        self.0.bound()?;
        Ok(self.0.prepare(sql, types).await?)
    }

    fn get_parameter_types(&self, statement: &Prepared) -> PgWireResult<Vec<Type>> {
        Ok(statement.parameters.iter().map(|(_, wire)| wire.clone()).collect())
    }

    fn get_result_schema(&self, statement: &Prepared, format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        let columns = match &statement.act {
            Act::Show(name) => return Ok(vec![shown_field(name)]),
            Act::Fetch { name, .. } => self.0.cursors().get(name).map(super::run::Cursor::schema),
            _ => statement.columns.clone(),
        };
        match columns {
            Some(columns) => arrow_schema_to_pg_fields(&columns, format.unwrap_or(&Format::UnifiedText), None),
            None => Ok(Vec::new()),
        }
    }
}

#[async_trait]
impl ExtendedQueryHandler for Handlers {
    type Statement = Prepared;
    type QueryParser = Self;

    fn query_parser(&self) -> Arc<Self> {
        Arc::new(self.clone())
    }

    async fn on_parse<C>(&self, client: &mut C, message: Parse) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.clone().unwrap_or_else(|| DEFAULT_NAME.to_owned());
        match StoredStatement::parse(client, &message, self.query_parser()).await? {
            Some(statement) => client.portal_store().put_statement(Arc::new(statement)),
            None => client.portal_store().put_empty_statement(&name),
        }
        self.0.prepared().insert(name);
        client.send(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await?;
        Ok(())
    }

    async fn on_bind<C>(&self, client: &mut C, message: Bind) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.statement_name.as_deref().unwrap_or(DEFAULT_NAME);
        let columns = match client.portal_store().get_statement(name) {
            Some(Entry::Value(statement)) => {
                let prepared = &statement.statement;
                if message.parameters.len() != prepared.parameters.len() {
                    return Err(Failure::new(
                        "08P01",
                        format!(
                            "{} parameters are needed, not {}",
                            prepared.parameters.len(),
                            message.parameters.len()
                        ),
                    )
                    .into());
                }
                let columns = self.get_result_schema(prepared, None)?.len();
                let mut portal = Portal::try_new(&message, statement)?;
                portal.parameters = tight(&portal);
                client.portal_store().put_portal(Arc::new(portal));
                columns
            }
            Some(Entry::Empty) => {
                let portal = message.portal_name.as_deref().unwrap_or(DEFAULT_NAME);
                client.portal_store().put_empty_portal(portal);
                0
            }
            None => return Err(PgWireError::StatementNotFound(name.to_owned())),
        };
        // None, one for all, or one each: the protocol library indexes by column.
        let fits = |formats: &[i16], count: usize| formats.len() <= 1 || formats.len() == count;
        if !fits(&message.parameter_format_codes, message.parameters.len())
            || !fits(&message.result_column_format_codes, columns)
        {
            client.portal_store().rm_portal(message.portal_name.as_deref().unwrap_or(DEFAULT_NAME));
            return Err(Failure::new("08P01", "the number of format codes fits neither parameters nor columns").into());
        }
        client.send(PgWireBackendMessage::BindComplete(BindComplete::new())).await?;
        Ok(())
    }

    async fn on_describe<C>(&self, client: &mut C, message: Describe) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        // A cursor is a portal to its client, which may describe it by name.
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let cursor = self.0.cursors().get(name).map(super::run::Cursor::schema);
        match cursor {
            Some(columns) if message.target_type == TARGET_TYPE_BYTE_PORTAL => {
                let fields = arrow_schema_to_pg_fields(&columns, &Format::UnifiedText, None)?;
                send_describe_response(client, &DescribePortalResponse::new(fields)).await
            }
            _ => self._on_describe(client, message).await,
        }
    }

    async fn on_execute<C>(&self, client: &mut C, message: Execute) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let name = message.name.as_deref().unwrap_or(DEFAULT_NAME);
        let Some(Entry::Value(portal)) = client.portal_store().get_portal(name) else {
            return self._on_execute(client, message).await;
        };
        let fresh = matches!(*portal.state().lock().await, PortalExecutionState::Initial);
        if message.max_rows != 0 || !fresh || !matches!(portal.statement.statement.act, Act::Query(_)) {
            return self._on_execute(client, message).await;
        }
        // All rows at once: the library would collect them in memory first, we pass them on as they come.
        client.set_state(PgWireConnectionState::QueryInProgress);
        if let Response::Query(mut answer) = self.do_query(client, &portal, 0).await? {
            let mut count = 0;
            while let Some(row) = answer.data_rows().next().await {
                client.feed(PgWireBackendMessage::DataRow(row?)).await?;
                count += 1;
            }
            let tag = Tag::new(answer.command_tag()).with_rows(count);
            client.feed(PgWireBackendMessage::CommandComplete(tag.into())).await?;
        }
        *portal.state().lock().await = PortalExecutionState::Finished;
        client.set_state(PgWireConnectionState::ReadyForQuery);
        Ok(())
    }

    async fn do_query<C>(&self, client: &mut C, portal: &Portal<Prepared>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let prepared = &portal.statement.statement;
        let inferred: Vec<Option<&DataType>> = prepared.parameters.iter().map(|(data, _)| data.as_ref()).collect();
        let wire: Vec<Option<&Type>> = prepared.parameters.iter().map(|(_, wire)| Some(wire)).collect();
        let parameters = match prepared.parameters.is_empty() {
            true => None,
            false => Some(deserialize_parameters_with_server_types(portal, &inferred, &wire)?),
        };
        let status = client.transaction_status();
        let format = &portal.result_column_format;
        self.0.act(client, &prepared.text, &prepared.act, parameters, status, format).await
    }
}

/// The parameters of a portal, arrays in text without space between their items: PostgreSQL passes over it, the library's
/// reader takes it for a part of the item that follows.
fn tight(portal: &Portal<Prepared>) -> Vec<Option<Bytes>> {
    let known = &portal.statement.statement.parameters;
    let array = |at: usize| known.get(at).is_some_and(|(_, wire)| wire.name().starts_with('_'));
    let text = |at: usize| portal.parameter_format.format_for(at) == FieldFormat::Text;
    let tight = |(at, value): (usize, &Option<Bytes>)| match value {
        Some(value) if array(at) && text(at) => Some(without_space(value)),
        other => other.clone(),
    };
    portal.parameters.iter().enumerate().map(tight).collect()
}

/// An array in text without the space around its brackets and commas; space in quotes and within items stays.
fn without_space(array: &[u8]) -> Bytes {
    let mut tight = Vec::with_capacity(array.len());
    let (mut quoted, mut escaped, mut space) = (false, false, 0);
    for &byte in array {
        if !quoted && byte.is_ascii_whitespace() {
            space += 1;
            continue;
        }
        let beside = matches!(tight.last(), None | Some(b'{' | b',')) || matches!(byte, b'}' | b',');
        if !beside {
            tight.resize(tight.len() + space, b' ');
        }
        space = 0;
        tight.push(byte);
        quoted ^= byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
    }
    tight.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn space_between_the_items_of_an_array_is_nothing_and_space_in_them_is_something() {
        for (sent, read) in [
            (r#"{"p", "f" , r}"#, r#"{"p","f",r}"#),
            (r#" { a b , "c, d" } "#, r#"{a b,"c, d"}"#),
            (r#"{"say \", no", x}"#, r#"{"say \", no",x}"#),
            ("{}", "{}"),
        ] {
            assert_eq!(without_space(sent.as_bytes()), read.as_bytes());
        }
    }
}
