//! The rule engine's store, behind the ports [`EpochStore`] and [`Outbox`].
//!
//! One transaction holds judgements, alerts, the outbox and the checkpoint, and first checks the fence: a worker that
//! was replaced commits nothing. Values of the outbox are kept as Base64 (one column type for both databases).

use std::collections::BTreeMap;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqlx::{AnyConnection, Row};
use tillsight_schemas::alert::Alert;
use tillsight_schemas::metric;
use tillsight_schemas::port::{
    Epoch, EpochStore, Fenced, KnownJudgement, Outbox, Outgoing, Partition, PortError, Tenure,
};
use tillsight_schemas::pos::PostedTransaction;
use uuid::Uuid;

use super::concerned::{concern, concern_alert};
use super::items::{Moved, place};
use super::queue::prior;
use super::sendings::{Weighed, day_of, weigh};
use super::without::people_of_transaction;
use super::{Db, DbError, failed};

const TAKE: &str = "INSERT INTO engine_checkpoint (topic, number, fence, document) VALUES ($1, $2, 1, NULL) \
                    ON CONFLICT (topic, number) DO UPDATE SET fence = engine_checkpoint.fence + 1 \
                    RETURNING fence, document";
const CHECKPOINT: &str = "UPDATE engine_checkpoint SET document = $4 WHERE topic = $1 AND number = $2 AND fence = $3";
const KNOWN: &str = "SELECT j.revision, j.outcome, j.why, j.provisional, a.revision, a.content_sha256 FROM judgements j \
                     LEFT JOIN alerts a ON a.alert_id = j.judgement_id WHERE j.judgement_id = $1";
const JUDGE: &str = "INSERT INTO judgements (judgement_id, revision, tenant, store, rule, anchor_event_id, event_time, \
                     outcome, why, provisional, document) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
                     ON CONFLICT (judgement_id) DO UPDATE SET revision = excluded.revision, \
                     outcome = excluded.outcome, why = excluded.why, provisional = excluded.provisional, \
                     document = excluded.document";
const RAISE: &str = "INSERT INTO alerts (alert_id, revision, state, content_sha256, tenant, store, rule, event_time, \
                     business_day, change, document, operator, amount, prior, sending, picked, worth, version) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) \
                     ON CONFLICT (alert_id) DO UPDATE SET revision = excluded.revision, state = excluded.state, \
                     content_sha256 = excluded.content_sha256, change = excluded.change, document = excluded.document, \
                     operator = excluded.operator, amount = excluded.amount, prior = excluded.prior, \
                     sending = excluded.sending, picked = excluded.picked, worth = excluded.worth, \
                     version = excluded.version";
const REVISION: &str = "INSERT INTO alert_revisions (alert_id, revision, document) VALUES ($1, $2, $3) \
                        ON CONFLICT (alert_id, revision) DO NOTHING";
const EVENT: &str = "INSERT INTO alert_events (alert_id, event_id, document) VALUES ($1, $2, $3) \
                     ON CONFLICT (alert_id, event_id) DO UPDATE SET document = excluded.document";
const COUNT: &str = "INSERT INTO counters (name, value) VALUES ($1, 1) \
                     ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value";
const TELL: &str = "INSERT INTO outbox (seq, topic, record_key, value) VALUES ($1, $2, $3, $4)";
const WAITING: &str = "SELECT seq, topic, record_key, value FROM outbox ORDER BY seq LIMIT $1";
const DELIVERED: &str = "DELETE FROM outbox WHERE seq <= $1";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] =
    &[TAKE, CHECKPOINT, KNOWN, JUDGE, RAISE, REVISION, EVENT, COUNT, TELL, WAITING, DELIVERED];

/// The next number of a counter.
pub(super) async fn count(connection: &mut AnyConnection, name: &str) -> Result<i64, DbError> {
    sqlx::query_scalar(COUNT).bind(name).fetch_one(connection).await.map_err(failed("count"))
}

/// Puts a record into the outbox.
pub(super) async fn tell(connection: &mut AnyConnection, record: &Outgoing) -> Result<(), DbError> {
    let seq = count(connection, "outbox").await?;
    sqlx::query(TELL)
        .bind(seq)
        .bind(&record.topic)
        .bind(&record.key)
        .bind(STANDARD.encode(&record.value))
        .execute(connection)
        .await
        .map_err(failed("write the outbox"))?;
    Ok(())
}

async fn raise(connection: &mut AnyConnection, alert: &Alert, weighed: &Weighed) -> Result<(), PortError> {
    let change = count(connection, "change").await?;
    let document = serde_json::to_string(alert)?;
    sqlx::query(RAISE)
        .bind(alert.alert_id.to_string())
        .bind(i64::from(alert.revision))
        .bind(alert.state.as_str())
        .bind(&alert.content_sha256)
        .bind(alert.tenant_id.as_str())
        .bind(alert.store_id.as_str())
        .bind(alert.rule_id.as_str())
        .bind(alert.event_time.timestamp_micros())
        .bind(day_of(alert).to_string())
        .bind(change)
        .bind(&document)
        .bind(alert.operator_id.as_ref().map(|operator| operator.as_str()))
        .bind(alert.amount_minor)
        .bind(prior(alert.severity))
        .bind(weighed.told.why.as_str())
        .bind(weighed.told.picked_permille)
        .bind(weighed.worth)
        .bind(&alert.rule_version)
        .execute(&mut *connection)
        .await
        .map_err(failed("write an alert"))?;
    sqlx::query(REVISION)
        .bind(alert.alert_id.to_string())
        .bind(i64::from(alert.revision))
        .bind(document)
        .execute(connection)
        .await
        .map_err(failed("write an alert"))?;
    Ok(())
}

#[async_trait]
impl EpochStore for Db {
    async fn take(&self, partition: &Partition) -> Result<Tenure, PortError> {
        let row = sqlx::query(TAKE)
            .bind(&partition.topic)
            .bind(i64::from(partition.number))
            .fetch_one(&self.pool)
            .await
            .map_err(failed("take over a partition of the engine"))?;
        Ok(Tenure { fence: row.try_get(0)?, checkpoint: row.try_get(1)? })
    }

    async fn known(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, KnownJudgement>, PortError> {
        let mut known = BTreeMap::new();
        let mut connection = self.pool.acquire().await.map_err(failed("look up judgements"))?;
        for id in ids {
            let row = sqlx::query(KNOWN)
                .bind(id.to_string())
                .fetch_optional(&mut *connection)
                .await
                .map_err(failed("look up judgements"))?;
            let Some(row) = row else { continue };
            let alert = match row.try_get::<Option<i64>, _>(4)? {
                Some(revision) => Some((i32::try_from(revision)?, row.try_get(5)?)),
                None => None,
            };
            let judgement = KnownJudgement {
                revision: i32::try_from(row.try_get::<i64, _>(0)?)?,
                outcome: row.try_get::<String, _>(1)?.parse()?,
                why: row.try_get(2)?,
                provisional: row.try_get::<i64, _>(3)? != 0,
                alert,
            };
            known.insert(*id, judgement);
        }
        Ok(known)
    }

    async fn commit_epoch(&self, epoch: &Epoch) -> Result<(), PortError> {
        let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
        // The first statement writes: SQLite then holds its lock from the start and readers cannot make it fail later.
        let held = sqlx::query(CHECKPOINT)
            .bind(&epoch.partition.topic)
            .bind(i64::from(epoch.partition.number))
            .bind(epoch.fence)
            .bind(&epoch.checkpoint)
            .execute(&mut *transaction)
            .await
            .map_err(failed("write a checkpoint"))?;
        if held.rows_affected() == 0 {
            return Err(Fenced(epoch.partition.clone()).into());
        }
        let weighed = weigh(&mut transaction, &self.alerts, &epoch.judged).await?;
        for judged in &epoch.judged {
            let judgement = &judged.judgement;
            sqlx::query(JUDGE)
                .bind(judgement.judgement_id.to_string())
                .bind(i64::from(judgement.revision))
                .bind(judgement.tenant_id.as_str())
                .bind(judgement.store_id.as_str())
                .bind(judgement.rule_id.as_str())
                .bind(judgement.anchor_event_id.to_string())
                .bind(judgement.event_time.timestamp_micros())
                .bind(judgement.outcome.as_str())
                .bind(&judgement.why)
                .bind(i64::from(judgement.provisional))
                .bind(serde_json::to_string(judgement)?)
                .execute(&mut *transaction)
                .await
                .map_err(failed("write a judgement"))?;
            let alert = judged.alert.as_ref();
            let Some((alert, weighed)) = alert.and_then(|alert| Some((alert, weighed.get(&alert.alert_id)?))) else {
                for (_, document) in &judged.events {
                    let anchor: PostedTransaction = serde_json::from_str(document)?;
                    let people = people_of_transaction(&anchor);
                    concern(&mut transaction, &judgement.judgement_id.to_string(), &people).await?;
                }
                continue;
            };
            raise(&mut transaction, alert, weighed).await?;
            for (event_id, document) in &judged.events {
                sqlx::query(EVENT)
                    .bind(alert.alert_id.to_string())
                    .bind(event_id.to_string())
                    .bind(document)
                    .execute(&mut *transaction)
                    .await
                    .map_err(failed("write the events of an alert"))?;
            }
            concern_alert(&mut transaction, alert).await?;
            place(&mut transaction, alert, Moved::Written).await?;
        }
        for record in &epoch.outgoing {
            tell(&mut transaction, record).await?;
        }
        transaction.commit().await.map_err(failed("commit an epoch"))?;
        for new in weighed.values().filter(|weighed| weighed.is_new) {
            let picked = if new.told.picked_permille > 0 { "yes" } else { "no" };
            metrics::counter!(metric::SENDINGS, "why" => new.told.why.as_str(), "picked" => picked).increment(1);
        }
        Ok(())
    }
}

#[async_trait]
impl Outbox for Db {
    async fn waiting(&self, limit: u32) -> Result<Vec<(i64, Outgoing)>, PortError> {
        let rows = sqlx::query(WAITING)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read the outbox"))?;
        rows.iter()
            .map(|row| {
                let value = STANDARD.decode(row.try_get::<String, _>(3)?)?;
                Ok((row.try_get(0)?, Outgoing { topic: row.try_get(1)?, key: row.try_get(2)?, value: value.into() }))
            })
            .collect()
    }

    async fn delivered(&self, up_to: i64) -> Result<(), PortError> {
        sqlx::query(DELIVERED).bind(up_to).execute(&self.pool).await.map_err(failed("clear the outbox"))?;
        Ok(())
    }
}
