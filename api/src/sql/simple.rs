//! The simple protocol: one text, any number of statements, answers in text.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::common::ParamValues;
use datafusion::sql::sqlparser::ast::{DiscardObject, Reset, Statement};
use futures::{Sink, SinkExt};
use pgwire::api::portal::Format;
use pgwire::api::query::SimpleQueryHandler;
use pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse, Response, Tag};
use pgwire::api::store::PortalStore;
use pgwire::api::{ClientInfo, ClientPortalStore, Type};
use pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::TransactionStatus;
use pgwire::messages::simplequery::Query;
use pgwire::types::format::FormatOptions;

use super::connection::{Connection, MAX_CURSORS};
use super::copy::send;
use super::failure::Failure;
use super::gate::Act;
use super::run::{Cursor, answer};
use super::settings::notice;

#[async_trait]
impl SimpleQueryHandler for Connection {
    async fn on_query<C>(&self, client: &mut C, query: Query) -> PgWireResult<()>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        // The library reads the status of the transaction before the statement, and knows only its end as a cure.
        if client.transaction_status() == TransactionStatus::Error && self.rolls_back_to(&query.query) {
            client.set_transaction_status(TransactionStatus::Transaction);
        }
        self._on_query(client, query).await
    }

    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        self.bound()?;
        let text: Arc<str> = query.into();
        let acts = self.acts(&text, &[])?;
        if acts.is_empty() {
            return Ok(vec![Response::EmptyQuery]);
        }
        let mut status = client.transaction_status();
        let mut answers = Vec::with_capacity(acts.len());
        for act in acts {
            let answer = self.act(client, &text, &act, None, status, &Format::UnifiedText).await?;
            status = match &answer {
                Response::TransactionStart(_) => TransactionStatus::Transaction,
                Response::TransactionEnd(_) => TransactionStatus::Idle,
                _ => status,
            };
            answers.push(answer);
        }
        Ok(answers)
    }
}

impl Connection {
    /// Does what a statement asks for.
    ///
    /// # Errors
    /// [`PgWireError`] when it cannot be done; it is written down.
    pub(super) async fn act<C>(
        &self,
        client: &mut C,
        text: &Arc<str>,
        act: &Act,
        parameters: Option<ParamValues>,
        status: TransactionStatus,
        format: &Format,
    ) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let mut running = self.begin(text)?;
        if status == TransactionStatus::Error && !matches!(act, Act::End(_) | Act::RollBackTo) {
            return Ok(running.note(Err(Failure::new(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            )))?);
        }
        let options = FormatOptions::from_client_metadata(client.metadata());
        match act {
            Act::Query(statement) => {
                let rows = running.query(&self.bound()?.session, statement, parameters, false).await?;
                let mut answer = answer(running, rows, format, options)?;
                if matches!(statement.as_ref(), Statement::Explain { .. }) {
                    answer.set_command_tag("EXPLAIN");
                }
                Ok(Response::Query(answer))
            }
            Act::Declare { name, query } => {
                let open = self.cursors().len();
                if open >= MAX_CURSORS {
                    return Ok(running.note(Err(Failure::new("53000", "too many open cursors: close some")))?);
                }
                let rows = running.query(&self.bound()?.session, query, parameters, true).await?;
                let cursor = Cursor::open(running, rows, format, options)?;
                self.cursors().insert(name.clone(), cursor);
                Ok(tag("DECLARE CURSOR"))
            }
            Act::Copy { options: written, query } => {
                let rows = running.query(&self.bound()?.session, query, parameters, false).await?;
                let answer = answer(running, rows, &written.format(), options)?;
                let copied = send(client, written, answer).await?;
                Ok(Response::Execution(Tag::new("COPY").with_rows(copied)))
            }
            Act::Fetch { name, rows } => {
                // The cursor has a line of its own in the audit: this one is of the FETCH.
                let missing = || Failure::new("34000", format!("cursor \"{name}\" does not exist"));
                let taken = self.cursors().remove(name).ok_or_else(missing);
                let mut cursor = running.note(taken)?;
                self.renew(cursor.running())?;
                let answer = cursor.fetch(*rows).await?;
                self.cursors().insert(name.clone(), cursor);
                running.done();
                Ok(Response::Query(answer))
            }
            other => {
                let done = self.manage(client, other);
                running.note(done.as_ref().map(|_| ()).map_err(Clone::clone))?;
                running.done();
                if let Act::Set(set) = other
                    && let Some(text) = notice(set)
                {
                    let notice = ErrorInfo::new("WARNING".to_owned(), "01000".to_owned(), text);
                    client.feed(PgWireBackendMessage::NoticeResponse(notice.into())).await?;
                }
                Ok(done?)
            }
        }
    }

    /// Statements that concern the session only.
    fn manage<C>(&self, client: &mut C, act: &Act) -> Result<Response, Failure>
    where
        C: ClientInfo + ClientPortalStore,
        C::PortalStore: PortalStore,
    {
        Ok(match act {
            Act::Set(set) => {
                if let Some((name, value)) = self.settings().change(set)? {
                    client.metadata_mut().insert(name, value);
                }
                tag("SET")
            }
            Act::Reset(reset) => {
                match reset {
                    Reset::ALL => self.settings().reset(None),
                    Reset::ConfigurationParameter(name) => {
                        self.settings().reset(Some(&name.to_string().to_lowercase()));
                    }
                }
                tag("RESET")
            }
            Act::Show(name) => Response::Query(shown(name, &self.settings().show(name)?)?),
            Act::Begin => Response::TransactionStart(Tag::new("BEGIN")),
            Act::End(word) => {
                self.cursors().clear();
                let failed = client.transaction_status() == TransactionStatus::Error;
                Response::TransactionEnd(Tag::new(if failed { "ROLLBACK" } else { word }))
            }
            Act::Nothing(word) => tag(word),
            Act::RollBackTo => {
                if client.transaction_status() == TransactionStatus::Error {
                    client.set_transaction_status(TransactionStatus::Transaction);
                }
                tag("ROLLBACK")
            }
            Act::Discard(object) => {
                if matches!(object, DiscardObject::ALL) {
                    self.cursors().clear();
                    self.settings().reset(None);
                    client.portal_store().clear_portals();
                    self.forget_prepared(client);
                }
                tag(match object {
                    DiscardObject::ALL => "DISCARD ALL",
                    DiscardObject::PLANS => "DISCARD PLANS",
                    DiscardObject::SEQUENCES => "DISCARD SEQUENCES",
                    DiscardObject::TEMP => "DISCARD TEMP",
                })
            }
            Act::Close(name) => {
                match name {
                    Some(name) => drop(self.cursors().remove(name)),
                    None => self.cursors().clear(),
                }
                tag("CLOSE CURSOR")
            }
            Act::Deallocate(name) => {
                match name {
                    Some(name) => {
                        client.portal_store().rm_statement(name);
                        self.prepared().remove(name);
                    }
                    None => self.forget_prepared(client),
                }
                tag(if name.is_some() { "DEALLOCATE" } else { "DEALLOCATE ALL" })
            }
            Act::Query(_) | Act::Declare { .. } | Act::Fetch { .. } | Act::Copy { .. } => {
                return Err(Failure::new("XX000", "a query is no statement of the session"));
            }
        })
    }
}

impl Connection {
    fn forget_prepared<C>(&self, client: &C)
    where
        C: ClientPortalStore,
        C::PortalStore: PortalStore,
    {
        for name in std::mem::take(&mut *self.prepared()) {
            client.portal_store().rm_statement(&name);
        }
    }
}

fn tag(word: &str) -> Response {
    Response::Execution(Tag::new(word))
}

/// What the row of a `SHOW` looks like.
pub(super) fn shown_field(name: &str) -> FieldInfo {
    FieldInfo::new(name.to_owned(), None, None, Type::TEXT, FieldFormat::Text)
}

fn shown(name: &str, value: &str) -> Result<QueryResponse, Failure> {
    let fields = Arc::new(vec![shown_field(name)]);
    let mut row = DataRowEncoder::new(Arc::clone(&fields));
    row.encode_field(&Some(value)).map_err(|error| Failure::internal(&error))?;
    let mut answer = QueryResponse::new(fields, futures::stream::iter([Ok(row.take_row())]));
    answer.set_command_tag("SHOW");
    Ok(answer)
}
