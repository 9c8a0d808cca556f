//! How often each version of a rule is right ([`Precision`]), and when it was held back because of it: written in the
//! transaction of the decision that turned it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};
use tillsight_schemas::alert::Alert;
use tillsight_schemas::id::TenantId;
use tillsight_schemas::metric;

use super::epochs::count;
use super::{Db, DbError, failed};
use crate::sending::{Decisions, Precision};

const TALLY: &str = "SELECT version, chance, count(*), count(CASE WHEN disposition = 'confirmed' THEN 1 END) \
                     FROM (SELECT version, disposition, CASE WHEN sending IN ('sent', 'threshold', 'critical') \
                     THEN 1000 ELSE picked END AS chance FROM alerts WHERE tenant = $1 AND rule = $2 \
                     AND ($3 = '' OR version = $3) AND event_time >= $4 \
                     AND disposition IN ('confirmed', 'policy', 'operational', 'no_issue')) AS decided \
                     WHERE chance > 0 GROUP BY version, chance ORDER BY version, chance";
/// The columns of [`read`].
macro_rules! columns {
    () => {
        "SELECT s.tenant, s.rule, s.version, s.at, s.demoted, s.decided, s.confirmed, s.share, s.low, s.high, s.floor \
         FROM rule_standings s "
    };
}
const LAST: &str =
    concat!(columns!(), "WHERE s.tenant = $1 AND s.rule = $2 AND s.version = $3 ORDER BY s.seq DESC LIMIT 1");
const ALL_LAST: &str = concat!(
    columns!(),
    "WHERE ($1 = '' OR s.tenant = $1) AND s.seq = (SELECT max(t.seq) FROM rule_standings t WHERE t.tenant = s.tenant \
     AND t.rule = s.rule AND t.version = s.version) ORDER BY s.tenant, s.rule, s.version"
);
const HISTORY: &str = concat!(columns!(), "WHERE s.tenant = $1 AND s.rule = $2 ORDER BY s.seq DESC");
const TURN: &str = "INSERT INTO rule_standings (seq, tenant, rule, version, at, demoted, decided, confirmed, share, low, \
                    high, floor) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[TALLY, LAST, ALL_LAST, HISTORY, TURN];

/// A version of a rule: retailer, rule, version.
pub(super) type RuleVersion = [String; 3];

/// That a version of a rule was held back, or sent again, with the numbers that decided it. Shares are in thousandths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleStanding {
    /// The retailer.
    pub tenant: String,
    /// The rule.
    pub rule: String,
    /// Its version.
    pub version: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Whether it is held back from then on.
    pub demoted: bool,
    /// Alerts that were decided since the last turn.
    pub decided: i64,
    /// Those of them that were confirmed.
    pub confirmed: i64,
    /// The share of confirmed, each counted for as many as it stands for.
    pub share: i64,
    /// Where it lies at least, in 95 of 100 cases.
    pub low: i64,
    /// Where it lies at most.
    pub high: i64,
    /// The floor that it was held against.
    pub floor: i64,
}

impl RuleStanding {
    /// Says it to the log and the metrics.
    fn tell(&self) {
        let (tenant, rule, version) = (self.tenant.clone(), self.rule.clone(), self.version.clone());
        let demoted = if self.demoted { 1.0 } else { 0.0 };
        metrics::gauge!(metric::RULE_DEMOTED, "tenant" => tenant, "rule" => rule, "version" => version).set(demoted);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a share is 0 to 1")]
fn permille(share: f64) -> i64 {
    (share * 1_000.0).round() as i64
}

fn read(row: &AnyRow) -> Result<RuleStanding, DbError> {
    let read = || -> Result<RuleStanding, Box<dyn std::error::Error + Send + Sync>> {
        Ok(RuleStanding {
            tenant: row.try_get(0)?,
            rule: row.try_get(1)?,
            version: row.try_get(2)?,
            at: DateTime::from_timestamp_micros(row.try_get(3)?).ok_or("an instant beyond the calendar")?,
            demoted: row.try_get::<i64, _>(4)? != 0,
            decided: row.try_get(5)?,
            confirmed: row.try_get(6)?,
            share: row.try_get(7)?,
            low: row.try_get(8)?,
            high: row.try_get(9)?,
            floor: row.try_get(10)?,
        })
    };
    read().map_err(|_| DbError::Damaged("standing of a rule"))
}

async fn last(connection: &mut AnyConnection, of: [&str; 3]) -> Result<Option<RuleStanding>, DbError> {
    let query = of.into_iter().fold(sqlx::query(LAST), |query, text| query.bind(text));
    let row = query.fetch_optional(connection).await.map_err(failed("read the standing of a rule"))?;
    row.as_ref().map(read).transpose()
}

/// Whether the rule of an alert is held back because it was wrong too often.
pub(super) async fn is_demoted(connection: &mut AnyConnection, alert: &Alert) -> Result<bool, DbError> {
    let of = [alert.tenant_id.as_str(), alert.rule_id.as_str(), alert.rule_version.as_str()];
    Ok(last(connection, of).await?.is_some_and(|last| last.demoted))
}

/// The decided alerts of a rule by version, of events from an instant (microseconds) on; of one version, or all when empty.
async fn tally(
    connection: &mut AnyConnection,
    [tenant, rule, version]: [&str; 3],
    since: i64,
) -> Result<BTreeMap<String, Vec<Decisions>>, DbError> {
    let failed = || failed("count the decisions about a rule");
    let rows = sqlx::query(TALLY)
        .bind(tenant)
        .bind(rule)
        .bind(version)
        .bind(since)
        .fetch_all(connection)
        .await
        .map_err(failed())?;
    let mut tally: BTreeMap<String, Vec<Decisions>> = BTreeMap::new();
    for row in &rows {
        tally.entry(row.try_get(0).map_err(failed())?).or_default().push(Decisions {
            permille: row.try_get(1).map_err(failed())?,
            decided: row.try_get(2).map_err(failed())?,
            confirmed: row.try_get(3).map_err(failed())?,
        });
    }
    Ok(tally)
}

/// Holds versions of rules back that have fallen below the floor, and lets those go that have recovered. Each turn begins a
/// new count: what was decided about events from then on.
pub(super) async fn turn(
    connection: &mut AnyConnection,
    versions: &BTreeSet<RuleVersion>,
    floor: f64,
    now: i64,
) -> Result<Vec<RuleStanding>, DbError> {
    let mut turned = Vec::new();
    for version in versions {
        let of = version.each_ref().map(String::as_str);
        let before = last(connection, of).await?;
        let since = before.as_ref().map_or(i64::MIN, |before| before.at.timestamp_micros());
        let was = before.is_some_and(|before| before.demoted);
        let tally = tally(connection, of, since).await?;
        let Some(precision) = tally.values().next().and_then(|decisions| Precision::of(decisions)) else { continue };
        let turns = if was { precision.recovers(floor) } else { precision.falls(floor) };
        if turns {
            turned.push(write(connection, version, !was, (&precision, floor), now).await?);
        }
    }
    Ok(turned)
}

async fn write(
    connection: &mut AnyConnection,
    [tenant, rule, version]: &RuleVersion,
    demoted: bool,
    (precision, floor): (&Precision, f64),
    now: i64,
) -> Result<RuleStanding, DbError> {
    let standing = RuleStanding {
        tenant: tenant.clone(),
        rule: rule.clone(),
        version: version.clone(),
        at: DateTime::from_timestamp_micros(now).ok_or(DbError::Damaged("standing of a rule"))?,
        demoted,
        decided: precision.decided,
        confirmed: precision.confirmed,
        share: permille(precision.share),
        low: permille(precision.low),
        high: permille(precision.high),
        floor: permille(floor),
    };
    let seq = count(connection, "standing").await?;
    sqlx::query(TURN)
        .bind(seq)
        .bind(tenant)
        .bind(rule)
        .bind(version)
        .bind(now)
        .bind(i64::from(demoted))
        .bind(standing.decided)
        .bind(standing.confirmed)
        .bind(standing.share)
        .bind(standing.low)
        .bind(standing.high)
        .bind(standing.floor)
        .execute(connection)
        .await
        .map_err(failed("write the standing of a rule"))?;
    Ok(standing)
}

/// Says which rules are held back or sent again from now on.
pub(super) fn tell(turned: &[RuleStanding]) {
    for standing in turned {
        let RuleStanding { tenant, rule, version, decided, confirmed, .. } = standing;
        if standing.demoted {
            tracing::warn!(tenant, rule, version, decided, confirmed, "a rule is held back: it was wrong too often");
        } else {
            tracing::info!(tenant, rule, version, decided, confirmed, "a rule is sent again: it is right often enough");
        }
        standing.tell();
    }
}

impl Db {
    /// How often each version of a rule was right.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn precisions(&self, tenant: &TenantId, rule: &str) -> Result<Vec<(String, Precision)>, DbError> {
        let mut connection = self.pool.acquire().await.map_err(failed("count the decisions about a rule"))?;
        let tally = tally(&mut connection, [tenant.as_str(), rule, ""], i64::MIN).await?;
        Ok(tally.into_iter().filter_map(|(version, decisions)| Some((version, Precision::of(&decisions)?))).collect())
    }

    /// How it stands with each version of a rule that ever was held back; of all retailers when none is named.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn standings(&self, tenant: Option<&TenantId>) -> Result<Vec<RuleStanding>, DbError> {
        let rows = sqlx::query(ALL_LAST).bind(tenant.map_or("", TenantId::as_str)).fetch_all(&self.pool).await;
        rows.map_err(failed("read the standing of rules"))?.iter().map(read).collect()
    }

    /// When a rule was held back and sent again, newest first.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn standing_history(&self, tenant: &TenantId, rule: &str) -> Result<Vec<RuleStanding>, DbError> {
        let rows = sqlx::query(HISTORY).bind(tenant.as_str()).bind(rule).fetch_all(&self.pool).await;
        rows.map_err(failed("read the standing of rules"))?.iter().map(read).collect()
    }

    /// Tells the metrics which rules are held back; said once when a process starts, and again when one turns.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn tell_standings(&self) -> Result<(), DbError> {
        self.standings(None).await?.iter().for_each(RuleStanding::tell);
        Ok(())
    }
}
