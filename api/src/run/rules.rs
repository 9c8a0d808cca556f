//! The rules within the role `correlate`: the engine judges, and what it committed is told to Kafka.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tillsight_correlate::engine::{Engine, PlacedZone, Settings, TOPICS};
use tillsight_correlate::rule::{Adjustments, Origin, Rule};
use tillsight_ingest::bus::{Outgoing, Producer, TopicReader};
use tillsight_schemas::error::chain;
use tillsight_schemas::port::Outbox;
use tillsight_schemas::{canary, metric, topic};
use tokio_util::sync::CancellationToken;

use super::RunError;
use super::following::Following;
use super::parts::Working;
use super::roles::clock;
use crate::config::Config;
use crate::db::{Db, Drawn};

/// How long the engine rests after a failure.
const REOPEN: Duration = Duration::from_secs(2);
/// How often the outbox is looked at when it was empty.
const LOOK: Duration = Duration::from_millis(100);
/// How many records are told at once.
const BATCH: u32 = 500;

/// Judges until `stop`; after a failure it goes on from the last checkpoint. Zones and adjustments that change are followed.
pub(super) async fn judge(config: &Config, db: Arc<Db>, stop: &CancellationToken) -> Result<(), RunError> {
    let (rules, wrong) = Rule::readable(config.rules.folder.as_deref());
    for error in &wrong {
        metrics::counter!(metric::RULE_FAILURES, "rule" => "unreadable").increment(1);
        tracing::error!(error = %chain(error), "a rule cannot be read and is left out: put it right and start again");
    }
    for rule in rules.iter().filter(|rule| rule.origin == Origin::InPlace) {
        tracing::warn!(rule = %rule.header.id, "a rule of your own judges in the place of the library's of this name");
    }
    let (mut following, _) = Following::with((*db).clone(), config).await?;
    let connection = config.connection();
    let topics: Vec<String> = TOPICS.iter().map(|topic| (*topic).to_owned()).collect();
    while !stop.is_cancelled() {
        let work = async {
            let source = TopicReader::new(&connection, "tillsight-rules", topics.clone())
                .map_err(RunError::part("the rules' reader"))?
                .with_canaries();
            let settings = Settings {
                passes_over: true,
                explains: true,
                adjusted: adjusted(&db).await?,
                ..Settings::placed(zones(&db).await?)
            };
            let mut engine = Engine::open(settings, rules.clone(), Box::new(source), db.clone(), clock())
                .await
                .map_err(RunError::part("the rules"))?;
            let _working = Working::begin("rules");
            while !stop.is_cancelled() {
                let round = stop.child_token();
                let ended = {
                    let mut running = std::pin::pin!(engine.run(round.clone()));
                    tokio::select! {
                        ended = &mut running => ended,
                        _ = following.next() => {
                            // It ends its step first: what it judged is committed.
                            round.cancel();
                            running.await
                        }
                    }
                };
                ended.map_err(RunError::part("the rules"))?;
                engine.set_up(zones(&db).await?, adjusted(&db).await?);
            }
            Ok::<(), RunError>(())
        };
        if let Err(error) = work.await {
            tracing::error!(error = %chain(&error), "the rule engine starts again from its checkpoint");
            pause(REOPEN, stop).await;
        }
    }
    Ok(())
}

/// The zones of all times, as the engine knows them.
pub(crate) async fn zones(db: &Db) -> Result<Vec<PlacedZone>, RunError> {
    let drawn = db.drawn().await.map_err(RunError::part("the set-up"))?;
    Ok(drawn.into_iter().map(|Drawn { store, zone, from, to }| PlacedZone { store, zone, from, to }).collect())
}

/// What stores say otherwise than the rules, at all times.
pub(crate) async fn adjusted(db: &Db) -> Result<Adjustments, RunError> {
    Ok(Adjustments::new(db.adjusted().await.map_err(RunError::part("the set-up"))?))
}

/// Tells Kafka what was committed, in order, until `stop`. A record may be told twice, never not.
pub(super) async fn tell(config: &Config, db: Arc<Db>, stop: &CancellationToken) -> Result<(), RunError> {
    let producer =
        Producer::new(&config.connection(), "tillsight-outbox").map_err(RunError::part("the Kafka producer"))?;
    while !stop.is_cancelled() {
        match pass(&*db, &producer).await {
            Ok(0) => pause(LOOK, stop).await,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = %chain(&error), "what was committed waits for Kafka");
                pause(REOPEN, stop).await;
            }
        }
    }
    Ok(())
}

async fn pass(outbox: &dyn Outbox, producer: &Producer) -> Result<usize, RunError> {
    let waiting = outbox.waiting(BATCH).await.map_err(RunError::part("the outbox"))?;
    let count = waiting.len();
    metrics::gauge!(metric::OUTBOX).set(u32::try_from(count).unwrap_or(u32::MAX));
    let Some(last) = waiting.last().map(|(seq, _)| *seq) else { return Ok(0) };
    let records = waiting.into_iter().map(|(_, record)| {
        let is_canary = record.topic == topic::ALERT && canary::store_of(&record.key).is_some();
        Outgoing {
            topic: record.topic,
            key: Some(Bytes::from(record.key)),
            value: Some(record.value),
            headers: is_canary.then(|| (topic::HEADER_CANARY, "true".to_owned())).into_iter().collect(),
        }
    });
    producer.send(records.collect()).await.map_err(RunError::part("the outbox"))?;
    outbox.delivered(last).await.map_err(RunError::part("the outbox"))?;
    Ok(count)
}

async fn pause(how_long: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(how_long) => {}
    }
}
