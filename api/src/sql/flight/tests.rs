//! The Arrow project's own client in Rust against a small shop: what other clients do not try.

use std::collections::BTreeMap;
use std::sync::Mutex;

use arrow::array::{Int64Array, StringArray};
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::sql::CommandGetTables;
use arrow_flight::sql::client::FlightSqlServiceClient;
use arrow_flight::{Action, CancelFlightInfoRequest, CancelFlightInfoResult, CancelStatus, FlightInfo, Ticket};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt};
use prost::Message;
use tempfile::TempDir;
use tillsight_correlate::sql::{Scope, Stores};
use tillsight_schemas::port::PortError;
use tokio::net::TcpListener;
use tonic::transport::Channel;

use super::*;
use crate::sql::tests::{Audit, shop};
use crate::sql::{Login, LoginSource, Outcome, Verifier};

const ENDLESS: &str = "SELECT count(*) AS n FROM generate_series(1, 100000) a, generate_series(1, 100000) b";
const MANY: &str = "SELECT value FROM generate_series(1, 50000000)";

/// People whose password is their name, and those of them who were let go.
#[derive(Default)]
struct People {
    gone: Mutex<Vec<String>>,
    known: BTreeMap<String, Login>,
}

#[async_trait]
impl LoginSource for People {
    async fn login(&self, role_name: &str) -> Result<Option<Login>, PortError> {
        let gone = self.gone.lock().unwrap().iter().any(|name| name == role_name);
        Ok(self.known.get(role_name).filter(|_| !gone).cloned())
    }

    async fn role_of(&self, password: &str) -> Result<Option<String>, PortError> {
        Ok(self.known.contains_key(password).then(|| password.to_owned()))
    }
}

struct Office {
    _root: TempDir,
    audit: Arc<Audit>,
    people: Arc<People>,
    url: String,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

type Client = FlightSqlServiceClient<Channel>;

async fn office(timeout: Duration) -> Office {
    let stores = |stores: &[&str]| Stores::Only(stores.iter().map(|store| store.parse().unwrap()).collect());
    let people = [("anna", Stores::All), ("bert", stores(&["17"]))].map(|(name, stores)| {
        let scope = Scope { tenant: "acme".parse().unwrap(), stores };
        (name.to_owned(), Login { user: name.to_owned(), scope, verifier: Verifier::new(name, [7; 16]) })
    });
    let people = Arc::new(People { known: people.into(), ..People::default() });
    let (root, audit, shared) = shop(timeout, people.clone()).await;
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", port.local_addr().unwrap());
    let listener = Listener::new("flight", port, None, 16).unwrap();
    let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
    let stopping = stop.clone();
    tasks.spawn(async move { serve(shared, listener, stopping).await.unwrap() });
    Office { _root: root, audit, people, url, stop, tasks }
}

impl Office {
    async fn connect(&self) -> Client {
        let channel = Channel::from_shared(self.url.clone()).unwrap().connect().await.unwrap();
        FlightSqlServiceClient::new_from_inner(FlightServiceClient::new(channel))
    }

    async fn as_person(&self, name: &str) -> Client {
        let mut client = self.connect().await;
        client.handshake(name, name).await.unwrap();
        client
    }

    /// The outcome of the last statement, once there are so many.
    async fn outcome(&self, statements: usize) -> Outcome {
        let wait = async {
            loop {
                let records = self.audit.0.lock().unwrap().iter().map(|record| record.outcome).collect::<Vec<_>>();
                match records.last() {
                    Some(outcome) if records.len() >= statements => return *outcome,
                    _ => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap()
    }
}

fn ticket(info: &FlightInfo) -> Ticket {
    info.endpoint[0].ticket.clone().unwrap()
}

async fn ask(client: &mut Client, sql: &str) -> Result<Vec<RecordBatch>, String> {
    let info = client.execute(sql.to_owned(), None).await.map_err(|error| error.to_string())?;
    let rows = client.do_get(ticket(&info)).await.map_err(|error| error.to_string())?;
    rows.try_collect().await.map_err(|error| error.to_string())
}

async fn count(client: &mut Client, table: &str) -> i64 {
    let rows = ask(client, &format!("SELECT count(*) AS n FROM {table}")).await.unwrap();
    rows[0].column(0).as_any().downcast_ref::<Int64Array>().unwrap().value(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_sees_the_rows_of_their_login_and_nobody_sees_any_without() {
    let office = office(Duration::from_secs(60)).await;
    let (mut anna, mut bert) = (office.as_person("anna").await, office.as_person("bert").await);
    assert_eq!((count(&mut anna, "pos.transactions").await, count(&mut bert, "pos.transactions").await), (10, 5));
    let mut bearer = office.connect().await;
    bearer.set_token("bert".to_owned());
    assert_eq!(count(&mut bearer, "lake.pos_lines").await, 5);

    let mut stranger = office.connect().await;
    assert!(stranger.handshake("anna", "bert").await.unwrap_err().to_string().contains("password authentication"));
    assert!(stranger.handshake("carl", "carl").await.is_err());
    let refused = ask(&mut stranger, "SELECT 1 AS one").await.unwrap_err();
    assert!(refused.contains("log in first"), "{refused}");
    stranger.set_token("made up".to_owned());
    assert!(ask(&mut stranger, "SELECT 1 AS one").await.unwrap_err().contains("28000"));

    // A ticket is of the login that it was made for.
    let info = anna.execute("SELECT * FROM pos.transactions".to_owned(), None).await.unwrap();
    assert!(bert.do_get(ticket(&info)).await.err().unwrap().to_string().contains("not of this login"));
    assert!(anna.do_get(ticket(&info)).await.is_ok());

    office.people.gone.lock().unwrap().push("bert".to_owned());
    assert!(ask(&mut bert, "SELECT 1 AS one").await.unwrap_err().contains("revoked"));
    assert!(ask(&mut anna, "SELECT 1 AS one").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_bound_one_row_at_a_time_and_belong_to_their_login() {
    let office = office(Duration::from_secs(60)).await;
    let mut anna = office.as_person("anna").await;
    let sql = "SELECT count(*) AS n FROM pos.transactions WHERE store_id = $1";
    let mut prepared = anna.prepare(sql.to_owned(), None).await.unwrap();
    assert_eq!(prepared.parameter_schema().unwrap().field(0).name(), "$1");
    let unbound = prepared.execute().await.unwrap();
    assert!(anna.do_get(ticket(&unbound)).await.err().unwrap().to_string().contains("bind them first"));
    let row = |values: Vec<&str>| {
        let column: arrow::array::ArrayRef = Arc::new(StringArray::from(values));
        RecordBatch::try_from_iter([("a", column)]).unwrap()
    };
    prepared.set_parameters(row(vec!["17", "18"])).unwrap();
    assert!(prepared.execute().await.unwrap_err().to_string().contains("one row"));
    prepared.set_parameters(row(vec!["17"])).unwrap();
    let info = prepared.execute().await.unwrap();
    let rows: Vec<RecordBatch> = anna.do_get(ticket(&info)).await.unwrap().try_collect().await.unwrap();
    assert_eq!(rows[0].column(0).as_any().downcast_ref::<Int64Array>().unwrap().value(0), 5);
    let mut bert = office.as_person("bert").await;
    assert!(bert.do_get(ticket(&info)).await.err().unwrap().to_string().contains("26000"));
    prepared.close().await.unwrap();
    assert!(anna.do_get(ticket(&info)).await.err().unwrap().to_string().contains("prepare it again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_cancelled_by_its_ticket_by_its_owner_only() {
    let office = office(Duration::from_secs(60)).await;
    let (mut anna, mut bert) = (office.as_person("anna").await, office.as_person("bert").await);
    let info = anna.execute(ENDLESS.to_owned(), None).await.unwrap();
    let mut asking = anna.clone();
    let shown = ticket(&info);
    let mut running = JoinSet::new();
    running.spawn(async move {
        match asking.do_get(shown).await {
            Ok(rows) => rows.try_collect::<Vec<_>>().await.map(|_| ()).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    });
    let cancel = Action::new("CancelFlightInfo", CancelFlightInfoRequest::new(info).encode_to_vec());
    let said = async |client: &mut Client| {
        let mut answers = client.do_action(tonic::Request::new(cancel.clone())).await.unwrap();
        let answer = answers.next().await.unwrap().unwrap();
        CancelFlightInfoResult::decode(answer.body).unwrap().status()
    };
    assert_eq!(said(&mut bert).await, CancelStatus::NotCancellable);
    while said(&mut anna).await != CancelStatus::Cancelled {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ended = running.join_next().await.unwrap().unwrap().unwrap_err();
    assert!(ended.contains("user request"), "{ended}");
    assert_eq!(office.outcome(1).await, Outcome::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_drops_the_stream_or_takes_no_rows_keeps_no_statement() {
    let office = office(Duration::from_secs(2)).await;
    let mut anna = office.as_person("anna").await;
    let info = anna.execute(MANY.to_owned(), None).await.unwrap();
    let mut rows = anna.do_get(ticket(&info)).await.unwrap();
    assert!(rows.next().await.unwrap().unwrap().num_rows() > 0);
    drop(rows);
    assert_eq!(office.outcome(1).await, Outcome::Aborted);
    let mut rows = anna.do_get(ticket(&info)).await.unwrap();
    assert!(rows.next().await.unwrap().unwrap().num_rows() > 0);
    assert_eq!(office.outcome(2).await, Outcome::Timeout);
    // What was on its way is there still, and then it does not look complete.
    let ended = rows.try_collect::<Vec<_>>().await.unwrap_err().to_string();
    assert!(ended.contains("broke off") || ended.contains("timeout"), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_stops_though_clients_are_connected_and_ask() {
    let mut office = office(Duration::from_secs(60)).await;
    let mut anna = office.as_person("anna").await;
    let info = anna.execute(MANY.to_owned(), None).await.unwrap();
    let mut rows = anna.do_get(ticket(&info)).await.unwrap();
    assert!(rows.next().await.unwrap().is_ok());
    office.stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), office.tasks.join_next()).await.unwrap();
    assert_ne!(office.outcome(1).await, Outcome::Ok);
    assert!(rows.try_collect::<Vec<_>>().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_queries_are_answered_and_everything_is_listed() {
    let office = office(Duration::from_secs(60)).await;
    let mut anna = office.as_person("anna").await;
    for (sql, part) in [
        ("INSERT INTO pos.lines SELECT * FROM pos.lines", "42501"),
        ("DROP TABLE pos.lines", "42501"),
        ("BEGIN", "0A000"),
        ("SET statement_timeout = '1s'", "0A000"),
        ("SELECT 1 AS a; SELECT 2 AS b", "one statement"),
        ("", "no statement"),
        ("SELEKT", "42601"),
    ] {
        let said = ask(&mut anna, sql).await.unwrap_err();
        assert!(said.contains(part), "{sql}: {said}");
        assert!(anna.prepare(sql.to_owned(), None).await.is_err(), "{sql}");
        assert!(anna.execute_update(sql.to_owned(), None).await.is_err(), "{sql}");
    }
    assert!(anna.execute_update("SELECT 1 AS one".to_owned(), None).await.is_err());
    assert!(office.audit.0.lock().unwrap().iter().all(|record| record.outcome != Outcome::Ok && record.user == "anna"));
    let asked = CommandGetTables {
        db_schema_filter_pattern: Some("pos".into()),
        include_schema: true,
        ..CommandGetTables::default()
    };
    let info = anna.get_tables(asked).await.unwrap();
    let tables: Vec<RecordBatch> = anna.do_get(ticket(&info)).await.unwrap().try_collect().await.unwrap();
    let names = tables[0].column(2).as_any().downcast_ref::<StringArray>().unwrap();
    assert!(names.iter().flatten().any(|name| name == "transactions"), "{names:?}");
    for info in [anna.get_catalogs().await, anna.get_table_types().await, anna.get_sql_info(Vec::new()).await] {
        let rows: Vec<RecordBatch> = anna.do_get(ticket(&info.unwrap())).await.unwrap().try_collect().await.unwrap();
        assert!(rows[0].num_rows() > 0);
    }
}
