//! Row `b6_scale`: a chain through a real Kafka broker on this machine: who produces, the broker and who judges are processes of their
//! own, and each one's processor time is listed.
//!
//! A second's records are sent when that second is over. An alert's latency counts from when the broker had acknowledged the
//! last record that it needed (the tile that reaches the end of what the rule looks at, or the transaction) until it is committed
//! to the product's own database.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tillsight_api::db::Db;
use tillsight_correlate::engine::{Engine, Settings, TOPICS};
use tillsight_correlate::rule::Rule;
use tillsight_ingest::bus::{Connection, Outgoing, Producer, TopicReader, ensure_topics};
use tillsight_schemas::alert::Alert;
use tillsight_schemas::id::{IntegratorId, StoreKey};
use tillsight_schemas::port::{Epoch, EpochStore, KnownJudgement, Partition, PortError, Tenure};
use tillsight_schemas::wire::avro::{self, Avro};
use tillsight_schemas::zone::ZoneKind;
use tillsight_schemas::{Clock as _, SystemClock, topic};
use tillsight_tests::outside::{eventually, output, run};
use tillsight_tests::shop::binary;
use tokio::runtime::Runtime;
use uuid::Uuid;

use super::feed::{Feed, REGISTERS, tile, zone};
use crate::machine;
use crate::sheet::{Bar, Row, Sheet, quantile};

const CHAIN: Feed = Feed { stores: 1_000, minutes: 4, tile: 1 };
/// What is judged in the first minute warms up.
const WARM: TimeDelta = TimeDelta::seconds(60);
/// How long the worker may still judge when everything was sent, in seconds.
const PATIENCE: i64 = 60;

pub(crate) fn scale(sheet: &mut Sheet) {
    let dir = tempfile::tempdir().unwrap();
    let broker = Broker::start(dir.path());
    let sent = dir.path().join("sent");
    let part = |what: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--part", what, &broker.port.to_string()]).arg(dir.path()).stdout(Stdio::piped());
        command.spawn().unwrap()
    };
    let worker = part("worker");
    let worker_id = worker.id();
    eventually("the worker reads", || {
        if dir.path().join("reads").try_exists().unwrap() { Ok(()) } else { Err("not yet".to_owned()) }
    });
    let before = (broker.processor_seconds(), machine::processor_seconds_of(worker_id));
    let producer = said(part("producer"));
    let broker_seconds = broker.processor_seconds() - before.0;
    let worker_seconds = machine::processor_seconds_of(worker_id) - before.1;
    std::fs::write(dir.path().join("stop"), "").unwrap();
    let worker = said(worker);
    let acknowledged: Vec<i64> =
        std::fs::read_to_string(sent).unwrap().lines().map(|line| line.parse().unwrap()).collect();
    let latencies = latencies(&worker, &acknowledged);
    let length = f64::from(CHAIN.minutes) * 60.0;
    let note = format!(
        "{} alerts; {:.0} events/s; cores taken: worker {:.2}, broker {:.2}, producer {:.2}; {} records of {} read; {} rules of the \
         library (the bar says 50)",
        latencies.len(),
        producer["events"].as_f64().unwrap() / length,
        worker_seconds / length,
        broker_seconds / length,
        producer["seconds"].as_f64().unwrap() / length,
        worker["records"],
        producer["records"],
        worker["rules"]
    );
    let late = |permille| if latencies.is_empty() { f64::NAN } else { quantile(&latencies, permille) };
    let what = format!("last needed record in the broker to alert committed, {} stores, median", CHAIN.stores);
    let mut row = |name, what: &str, value: f64, unit, bar, note: &str| {
        let (what, note) = (what.to_owned(), note.to_owned());
        sheet.row(&Row { name, what, samples: vec![value], value, unit, bar: Some(bar), note });
    };
    row("b6_scale", &what, late(500), "ms", Bar::AtMost(300.0), &note);
    row("b6_scale_p99", "the same, 99 of 100", late(990), "ms", Bar::AtMost(1_500.0), "");
    let peak = worker["peak_mib"].as_f64().unwrap();
    row("b6_scale_memory", "most memory of the worker", peak, "MiB", Bar::AtMost(2_048.0), "after minutes, not days");
    let none = "a rule is exchanged by a restart of the engine only: b5_recovery_seconds";
    row("b6_swap", "a rule is exchanged while the engine runs", f64::NAN, "s", Bar::AtMost(1.0), none);
}

/// How long alerts took, in milliseconds.
fn latencies(worker: &Value, acknowledged: &[i64]) -> Vec<f64> {
    let warm = acknowledged.first().map_or(0, |first| first + WARM.num_microseconds().unwrap());
    let Some(base) = worker["base_us"].as_i64() else { return Vec::new() };
    let took = |alert: &Value| {
        let (needs, committed) = (alert[0].as_i64()?, alert[1].as_i64()?);
        // Seconds are sent when they are over, the first one in place 0.
        let second = usize::try_from((needs - base).div_euclid(1_000_000)).ok()?;
        let at = *acknowledged.get(second)?;
        let took = Duration::from_micros(u64::try_from(committed - at).unwrap_or(0));
        (at > warm).then_some(took.as_secs_f64() * 1_000.0)
    };
    worker["alerts"].as_array().into_iter().flatten().filter_map(took).collect()
}

/// What a part printed.
fn said(part: Child) -> Value {
    let said = part.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap()
}

/// The product's own broker, alone.
struct Broker {
    supervisor: Child,
    port: u16,
}

impl Broker {
    fn start(dir: &Path) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let config = dir.join("tillsight.toml");
        std::fs::write(&config, format!("[kafka]\nport = {port}\n")).unwrap();
        let log = std::fs::File::create(dir.join("log")).unwrap();
        let mut command = Command::new(binary());
        command.arg("--config").arg(config).args(["run", "--roles", "broker"]).stdin(Stdio::null());
        let supervisor = command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap();
        let broker = Self { supervisor, port };
        eventually("the broker answers", || {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map(drop).map_err(|error| error.to_string())
        });
        broker
    }

    /// Of the Java process.
    fn processor_seconds(&self) -> f64 {
        let children = output(Command::new("pgrep").args(["-P", &self.supervisor.id().to_string()]), b"");
        let children = String::from_utf8(children.stdout).unwrap();
        children.lines().filter_map(|pid| pid.parse().ok()).map(machine::processor_seconds_of).sum()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        run(Command::new("kill").args(["-TERM", &self.supervisor.id().to_string()]), b"");
        self.supervisor.wait().unwrap();
    }
}

/// Works a part of it: what it prints.
pub(super) fn part(runtime: &Runtime, what: &str, port: &str, dir: &Path) -> Value {
    let connection = Connection::local(port.parse().unwrap());
    runtime.block_on(async {
        match what {
            "worker" => work(&connection, dir).await,
            _ => produce(&connection, dir).await,
        }
    })
}

/// Judges what comes until the file `stop` is there and all was judged.
async fn work(connection: &Connection, dir: &Path) -> Value {
    let none: [IntegratorId; 0] = [];
    ensure_topics(connection, &topic::all(&none)).await.unwrap();
    let clock = Arc::new(SystemClock);
    let db = Db::in_dir(dir, clock.clone()).await.unwrap();
    let store = Arc::new(Timed { db, committed: Mutex::new(BTreeMap::new()) });
    let source = TopicReader::new(connection, "bench", TOPICS.map(ToOwned::to_owned).to_vec()).unwrap();
    let (rules, settings) = (Rule::shelf().unwrap(), Settings::new(CHAIN.zones()));
    let count = rules.len();
    let mut engine = Engine::open(settings, rules, Box::new(source), store.clone(), clock.clone()).await.unwrap();
    std::fs::write(dir.join("reads"), "").unwrap();
    let (mut records, mut stop) = (0, None);
    loop {
        let read = engine.step(Duration::from_millis(50)).await.unwrap();
        records += read;
        if stop.is_none() && read == 0 && dir.join("stop").try_exists().unwrap() {
            // What waits for a tile that is not to come need not be judged.
            stop = Some(clock.now() + TimeDelta::seconds(5));
        }
        let patience = std::fs::metadata(dir.join("stop")).and_then(|file| file.modified());
        let late = patience.is_ok_and(|at| DateTime::<Utc>::from(at) + TimeDelta::seconds(PATIENCE) < clock.now());
        if late || stop.is_some_and(|stop| stop < clock.now()) {
            break;
        }
    }
    let committed = store.committed.lock().unwrap();
    json!({
        "alerts": committed.values().collect::<Vec<_>>(),
        "base_us": base(dir).timestamp_micros(),
        "records": records,
        "rules": count,
        "peak_mib": machine::peak_mib(),
    })
}

/// The product's database, and when each alert was committed first.
struct Timed {
    db: Db,
    /// Until when the records of an alert reach, and when it was committed, in microseconds.
    committed: Mutex<BTreeMap<Uuid, (i64, i64)>>,
}

#[async_trait]
impl EpochStore for Timed {
    async fn take(&self, partition: &Partition) -> Result<Tenure, PortError> {
        self.db.take(partition).await
    }

    async fn known(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, KnownJudgement>, PortError> {
        self.db.known(ids).await
    }

    async fn commit_epoch(&self, epoch: &Epoch) -> Result<(), PortError> {
        self.db.commit_epoch(epoch).await?;
        let now = SystemClock.now().timestamp_micros();
        let mut committed = self.committed.lock().unwrap();
        for alert in epoch.judged.iter().filter_map(|one| one.alert.as_ref()) {
            committed.entry(alert.alert_id).or_insert((needs(alert), now));
        }
        Ok(())
    }
}

/// Until when the records of an alert reach.
fn needs(alert: &Alert) -> i64 {
    let seen = alert.seen.iter().map(|span| span.end_at).max();
    // A transaction arrives a quarter of a second after it was made.
    seen.unwrap_or(alert.event_time + TimeDelta::milliseconds(250)).timestamp_micros()
}

/// When the stores open: what the producer wrote down.
fn base(dir: &Path) -> DateTime<Utc> {
    std::fs::read_to_string(dir.join("base")).unwrap().parse().unwrap()
}

/// Sends a second's records when it is over, and writes down when the broker had them.
async fn produce(connection: &Connection, dir: &Path) -> Value {
    let producer = Producer::new(connection, "bench-producer").unwrap();
    let (mut tills, mut cameras) = (seconds(), Vec::new());
    for (store, key) in (0..).zip(CHAIN.keys()) {
        for one in CHAIN.posted(store) {
            let second = second(one.header.received_at);
            tills[second].push((key.clone(), one));
        }
        let watched = |register| (key.clone(), zone(register, ZoneKind::Customer), CHAIN.truth(store, register));
        cameras.extend((1..=REGISTERS).map(watched));
    }
    let base = SystemClock.now() + TimeDelta::seconds(2);
    std::fs::write(dir.join("base"), base.to_rfc3339()).unwrap();
    let shift = base - Feed::opens();
    let (mut acknowledged, mut events, mut records) = (String::new(), 0, 0);
    let before = machine::processor_seconds();
    for (number, mut rung) in (1..).zip(tills) {
        let due = base + TimeDelta::seconds(number);
        for (_, one) in &mut rung {
            events += 1 + one.transaction.lines.len() + one.transaction.tenders.len();
            let header = &mut one.header;
            header.begin_time = header.begin_time.map(|at| at + shift);
            (header.event_time, header.received_at) = (header.event_time + shift, header.received_at + shift);
        }
        let second = usize::try_from(number - 1).unwrap();
        let seen: Vec<_> = cameras
            .iter()
            .map(|(key, zone, states)| (key.clone(), tile(key, zone, due - TimeDelta::seconds(1), due, states[second])))
            .collect();
        events += seen.len();
        let mut batch = outgoing(topic::POS_TRANSACTION, rung);
        batch.extend(outgoing(topic::CAM_PRESENCE, seen));
        records += batch.len();
        let wait = (due - SystemClock.now()).to_std().unwrap_or_default();
        tokio::time::sleep(wait).await;
        producer.send(batch).await.unwrap();
        acknowledged.push_str(&format!("{}\n", SystemClock.now().timestamp_micros()));
    }
    std::fs::write(dir.join("sent"), acknowledged).unwrap();
    json!({ "events": events, "records": records, "seconds": machine::processor_seconds() - before })
}

/// A place for each second.
fn seconds<T>() -> Vec<Vec<(StoreKey, T)>> {
    (0..CHAIN.minutes * 60).map(|_| Vec::new()).collect()
}

fn second(at: DateTime<Utc>) -> usize {
    usize::try_from((at - Feed::opens()).num_seconds()).unwrap()
}

fn outgoing<T: Avro>(topic: &str, said: Vec<(StoreKey, T)>) -> Vec<Outgoing> {
    let (keys, said): (Vec<StoreKey>, Vec<T>) = said.into_iter().unzip();
    if said.is_empty() {
        return Vec::new();
    }
    let values = avro::encode(&said).unwrap();
    let record = |(key, value): (StoreKey, _)| Outgoing {
        topic: topic.to_owned(),
        key: Some(key.to_string().into()),
        value: Some(value),
        headers: Vec::new(),
    };
    keys.into_iter().zip(values).map(record).collect()
}
