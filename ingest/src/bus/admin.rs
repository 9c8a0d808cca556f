//! Makes the topics that are missing. Topics that exist are left as they are, but a wrong number of partitions is an
//! error: with it two streams of one store would land in different places.

use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use tillsight_schemas::topic::{Cleanup, Topic};

use super::Connection;
use crate::{Error, Result};

/// How long the broker has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Creates the topics that do not exist yet and checks the number of partitions of those that do; returns the names
/// of the new ones.
///
/// # Errors
/// [`Error::Broker`] when the cluster does not answer, [`Error::Topic`] when a topic has the wrong number of
/// partitions or could not be created.
pub async fn ensure_topics(connection: &Connection, topics: &[Topic]) -> Result<Vec<String>> {
    let admin: AdminClient<DefaultClientContext> = connection
        .client("tillsight-admin")?
        .create()
        .map_err(|source| Error::Client { client: "tillsight-admin".to_owned(), source })?;
    let metadata = admin.inner().fetch_metadata(None, PATIENCE).map_err(connection.failed("list the topics"))?;
    let mut missing = Vec::new();
    for topic in topics {
        let wanted = if topic.correlated { connection.partitions } else { 1 };
        match metadata.topics().iter().find(|existing| existing.name() == topic.name) {
            None => missing.push((topic, wanted)),
            Some(existing) => {
                let found = i32::try_from(existing.partitions().len()).unwrap_or(i32::MAX);
                if topic.correlated && found != wanted {
                    return Err(Error::Topic {
                        topic: topic.name.clone(),
                        problem: format!(
                            "has {found} partitions, the configuration says {wanted}; set kafka.partitions = {found} \
                             (partitions of a topic with data cannot be changed without moving stores apart)"
                        ),
                    });
                }
            }
        }
    }
    create(&admin, connection, &missing).await
}

async fn create(
    admin: &AdminClient<DefaultClientContext>,
    connection: &Connection,
    missing: &[(&Topic, i32)],
) -> Result<Vec<String>> {
    let retention: Vec<String> = missing.iter().map(|(topic, _)| retention_ms(topic)).collect();
    let new: Vec<NewTopic<'_>> = missing
        .iter()
        .zip(&retention)
        .map(|((topic, partitions), retention)| {
            let mut new = NewTopic::new(&topic.name, *partitions, TopicReplication::Fixed(connection.replication));
            new = match topic.cleanup {
                Cleanup::After { .. } => new
                    .set("cleanup.policy", "delete")
                    .set("retention.ms", retention)
                    // A segment is only deleted whole: short retention needs short segments.
                    .set("segment.ms", if retention.len() < 8 { "600000" } else { "86400000" }),
                Cleanup::Compact => new.set("cleanup.policy", "compact"),
            };
            if topic.durable && connection.replication == 1 { new.set("flush.messages", "1") } else { new }
        })
        .collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let results = admin
        .create_topics(&new, &AdminOptions::new().operation_timeout(Some(PATIENCE)))
        .await
        .map_err(connection.failed("create topics"))?;
    let mut created = Vec::new();
    for result in results {
        match result {
            Ok(name) => created.push(name),
            Err((_, rdkafka::types::RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) => return Err(Error::Topic { topic, problem: format!("cannot be created: {code}") }),
        }
    }
    Ok(created)
}

fn retention_ms(topic: &Topic) -> String {
    match topic.cleanup {
        Cleanup::After { hours } => (u64::from(hours) * 3_600_000).to_string(),
        Cleanup::Compact => "-1".to_owned(),
    }
}
