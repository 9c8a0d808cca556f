//! Items of the queue: which alerts are worked together, because they are about the same thing.
//!
//! Two alerts of a store belong together when they share a transaction, or when they are of one operator and spans of
//! their video overlap at a camera; and with them whatever belongs together with either. The id of an item is the
//! smallest id of its alerts, so it does not depend on the order in which they came. An alert that was taken back binds
//! nothing, and alerts bind each other only where they concern the same of those operators who read here
//! ([`super::concerned`]). An alert is placed in the transaction that writes it: lists never see it without its item.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::{AnyConnection, Row};
use tillsight_schemas::alert::{Alert, AlertState};
use uuid::Uuid;

use super::concerned::apart;
use super::epochs::count;
use super::queue::prior;
use super::{Db, DbError, failed};

/// Alerts that are placed in one transaction, when an older version left them without an item.
const BATCH: i64 = 200;

const FORGET: &str = "DELETE FROM alert_spans WHERE alert_id = $1";
const SPAN: &str = "INSERT INTO alert_spans (alert_id, tenant, store, operator, camera, from_at, to_at) \
                    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const OVERLAPPING: &str = "SELECT alert_id FROM alert_spans WHERE tenant = $1 AND store = $2 AND operator = $3 \
                           AND camera = $4 AND to_at > $5 AND from_at < $6";
const SHARING: &str = "SELECT alert_id FROM alert_events WHERE event_id = $1";
const MEMBERS: &str = "SELECT alert_id, item, assignee, document, people FROM alerts WHERE alert_id = $1 \
                       OR (item <> '' AND item = (SELECT item FROM alerts WHERE alert_id = $1))";
const PLACE: &str = "UPDATE alerts SET item = $2 WHERE alert_id = $1";
const MOVE: &str = "UPDATE alerts SET item = $2, change = $3 WHERE alert_id = $1";
const INHERIT: &str = "UPDATE alerts SET assignee = $2 WHERE alert_id = $1";
const GIVEN_BY: &str = "SELECT assigned_by FROM assignments WHERE alert_id = $1 ORDER BY seq DESC LIMIT 1";
const UNPLACED: &str = "SELECT document FROM alerts WHERE item = '' ORDER BY event_time, alert_id LIMIT $1";
const DESCRIBE: &str = "UPDATE alerts SET operator = $2, amount = $3, prior = $4 WHERE alert_id = $1";

/// For [`super::statements`].
pub(super) const STATEMENTS: &[&str] = &[
    FORGET,
    SPAN,
    OVERLAPPING,
    SHARING,
    MEMBERS,
    PLACE,
    MOVE,
    INHERIT,
    GIVEN_BY,
    UNPLACED,
    DESCRIBE,
    super::queue::ASSIGNED,
];

/// How an alert that is placed hears of it when it moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moved {
    /// It was written just now, with a change number of its own.
    Written,
    /// It was there before, and gets a change number as the others do.
    Counted,
}

/// An alert with the item it was in.
struct Member {
    item: String,
    assignee: Option<String>,
    alert: Alert,
    /// Those who read here, of the people it concerns.
    insiders: String,
}

/// An operator, and those whom the alert concerns and who read here.
type Whose<'a> = (&'a str, &'a str);
/// A camera and a span of microseconds.
type Span<'a> = (&'a str, i64, i64);

/// The spans by which an alert overlaps others; none when it is taken back or nobody worked the register.
fn spans(alert: &Alert) -> impl Iterator<Item = (&str, Span<'_>)> {
    let operator = alert.operator_id.as_ref().filter(|_| alert.state != AlertState::Retracted);
    operator.into_iter().flat_map(|operator| {
        alert.evidence.iter().filter_map(|evidence| {
            let camera = evidence.camera_id.as_ref()?.as_str();
            let (from, to) = (evidence.from_at.timestamp_micros(), evidence.to_at.timestamp_micros());
            (from < to).then_some((operator.as_str(), (camera, from, to)))
        })
    })
}

/// The item of each alert, by the smallest id of those that belong together; each comes with those whom it concerns and who
/// read here.
fn grouped<'a>(alerts: impl Iterator<Item = (&'a Alert, &'a str)> + Clone) -> BTreeMap<Uuid, Uuid> {
    let mut items: BTreeMap<Uuid, Uuid> = alerts.clone().map(|(alert, _)| (alert.alert_id, alert.alert_id)).collect();
    let mut join = |a: Uuid, b: Uuid| {
        let (Some(a), Some(b)) = (items.get(&a).copied(), items.get(&b).copied()) else { return };
        if a != b {
            items.values_mut().filter(|item| **item == a.max(b)).for_each(|item| *item = a.min(b));
        }
    };
    let mut by_event: BTreeMap<(Uuid, &str), Uuid> = BTreeMap::new();
    for (alert, insiders) in alerts.clone().filter(|(alert, _)| alert.state != AlertState::Retracted) {
        for event in &alert.event_ids {
            join(*by_event.entry((*event, insiders)).or_insert(alert.alert_id), alert.alert_id);
        }
    }
    let mut in_time: Vec<(Whose<'_>, Span<'_>, Uuid)> = alerts
        .flat_map(|(alert, insiders)| {
            spans(alert).map(move |(operator, span)| ((operator, insiders), span, alert.alert_id))
        })
        .collect();
    in_time.sort_unstable();
    let mut last: Option<(Whose<'_>, Span<'_>, Uuid)> = None;
    for (operator, (camera, from, to), id) in in_time {
        let open = last.filter(|(whose, (at, _, until), _)| (*whose, *at) == (operator, camera) && from < *until);
        if let Some((_, _, other)) = open {
            join(other, id);
        }
        let until = open.map_or(to, |(_, (_, _, until), _)| until.max(to));
        last = Some((operator, (camera, from, until), id));
    }
    items
}

/// Puts an alert that was just written into its item, joins items that it connects and parts those that it held
/// together before. An alert that joins an item which one person was given is given to that person.
pub(super) async fn place(connection: &mut AnyConnection, alert: &Alert, moved: Moved) -> Result<(), DbError> {
    let apart = apart(connection, &alert.tenant_id).await?;
    let own = alert.alert_id.to_string();
    let mut near = vec![own.clone()];
    near.extend(write_spans(connection, alert).await?);
    if alert.state != AlertState::Retracted {
        for event in &alert.event_ids {
            let sharing = sqlx::query_scalar(SHARING).bind(event.to_string()).fetch_all(&mut *connection).await;
            near.extend(sharing.map_err(failed("find the alerts of an event"))?);
        }
    }
    let mut members: BTreeMap<String, Member> = BTreeMap::new();
    for id in near {
        if !members.contains_key(&id) {
            members.extend(members_of(connection, &id, &apart).await?);
        }
    }
    let items = grouped(members.values().map(|member| (&member.alert, member.insiders.as_str())));
    for (id, member) in &members {
        let Some(item) = items.get(&member.alert.alert_id).map(Uuid::to_string) else { continue };
        if member.item == item {
            continue;
        }
        let told = *id == own && moved == Moved::Written;
        let change = if told { None } else { Some(count(connection, "change").await?) };
        let query = sqlx::query(if change.is_some() { MOVE } else { PLACE }).bind(id).bind(item);
        let query = match change {
            Some(change) => query.bind(change),
            None => query,
        };
        query.execute(&mut *connection).await.map_err(failed("place an alert"))?;
    }
    match members.get(&own) {
        Some(member) if member.item.is_empty() && member.assignee.is_none() => {
            inherit(connection, alert, &members, &items).await
        }
        _ => Ok(()),
    }
}

/// Writes what an alert overlaps by; returns the alerts that it overlaps.
async fn write_spans(connection: &mut AnyConnection, alert: &Alert) -> Result<Vec<String>, DbError> {
    let id = alert.alert_id.to_string();
    sqlx::query(FORGET).bind(&id).execute(&mut *connection).await.map_err(failed("place an alert"))?;
    let mut near = Vec::new();
    for (operator, (camera, from, to)) in spans(alert) {
        let overlapping: Vec<String> = sqlx::query_scalar(OVERLAPPING)
            .bind(alert.tenant_id.as_str())
            .bind(alert.store_id.as_str())
            .bind(operator)
            .bind(camera)
            .bind(from)
            .bind(to)
            .fetch_all(&mut *connection)
            .await
            .map_err(failed("find alerts that overlap"))?;
        near.extend(overlapping);
        sqlx::query(SPAN)
            .bind(&id)
            .bind(alert.tenant_id.as_str())
            .bind(alert.store_id.as_str())
            .bind(operator)
            .bind(camera)
            .bind(from)
            .bind(to)
            .execute(&mut *connection)
            .await
            .map_err(failed("place an alert"))?;
    }
    Ok(near)
}

async fn members_of(
    connection: &mut AnyConnection,
    id: &str,
    apart: &BTreeSet<String>,
) -> Result<Vec<(String, Member)>, DbError> {
    let rows = sqlx::query(MEMBERS).bind(id).fetch_all(connection).await.map_err(failed("read an item"))?;
    let read = |row: &sqlx::any::AnyRow| -> Result<_, Box<dyn std::error::Error + Send + Sync>> {
        let alert = serde_json::from_str(&row.try_get::<String, _>(3)?)?;
        let people: Option<String> = row.try_get(4)?;
        let people = people.unwrap_or_default();
        let insiders: Vec<&str> = people.split(';').filter(|operator| apart.contains(*operator)).collect();
        let insiders = insiders.join(";");
        Ok((row.try_get(0)?, Member { item: row.try_get(1)?, assignee: row.try_get(2)?, alert, insiders }))
    };
    rows.iter().map(|row| read(row).map_err(|_| DbError::Damaged("alert"))).collect()
}

async fn inherit(
    connection: &mut AnyConnection,
    alert: &Alert,
    members: &BTreeMap<String, Member>,
    items: &BTreeMap<Uuid, Uuid>,
) -> Result<(), DbError> {
    let own = items.get(&alert.alert_id);
    let mut given = members
        .iter()
        .filter(|(_, member)| items.get(&member.alert.alert_id) == own)
        .filter_map(|(id, member)| Some((id, member.assignee.as_ref()?)));
    let Some((from, assignee)) = given.next() else { return Ok(()) };
    if given.any(|(_, other)| other != assignee) {
        return Ok(());
    }
    let by: Option<String> = sqlx::query_scalar(GIVEN_BY)
        .bind(from)
        .fetch_optional(&mut *connection)
        .await
        .map_err(failed("read assignments"))?;
    let id = alert.alert_id.to_string();
    sqlx::query(INHERIT).bind(&id).bind(assignee).execute(&mut *connection).await.map_err(failed("assign an alert"))?;
    let by = by.unwrap_or_else(|| assignee.clone());
    super::queue::write_assignment(connection, &id, alert.raised_at.timestamp_micros(), &by, Some(assignee)).await
}

impl Db {
    /// Places the alerts that an older version wrote without an item.
    pub(super) async fn place_alerts(&self) -> Result<(), DbError> {
        loop {
            let unplaced: Option<String> = sqlx::query_scalar(UNPLACED)
                .bind(1_i64)
                .fetch_optional(&self.pool)
                .await
                .map_err(failed("find alerts without an item"))?;
            if unplaced.is_none() {
                return Ok(());
            }
            let mut transaction = self.pool.begin().await.map_err(failed("begin"))?;
            // Counting first takes the lock: processes start together.
            count(&mut transaction, "change").await?;
            let rows = sqlx::query(UNPLACED).bind(BATCH).fetch_all(&mut *transaction).await;
            let rows = rows.map_err(failed("find alerts without an item"))?;
            for alert in super::alerts::documents::<Alert>(&rows, "alert")? {
                sqlx::query(DESCRIBE)
                    .bind(alert.alert_id.to_string())
                    .bind(alert.operator_id.as_ref().map(|operator| operator.as_str()))
                    .bind(alert.amount_minor)
                    .bind(prior(alert.severity))
                    .execute(&mut *transaction)
                    .await
                    .map_err(failed("place an alert"))?;
                place(&mut transaction, &alert, Moved::Written).await?;
            }
            transaction.commit().await.map_err(failed("commit the items of alerts"))?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An alert of an operator at a camera, over seconds, about an event.
    fn alert(id: u128, operator: Option<&str>, camera: &str, seconds: (i64, i64), event: u128) -> Alert {
        let mut alert: Alert = serde_json::from_str(include_str!("../../../schemas/samples/v1/alert.json")).unwrap();
        let at = |second| chrono::DateTime::from_timestamp(second, 0).unwrap();
        alert.alert_id = Uuid::from_u128(id);
        alert.operator_id = operator.map(|operator| operator.parse().unwrap());
        alert.event_ids = vec![Uuid::from_u128(event)];
        alert.evidence[0].camera_id = Some(camera.parse().unwrap());
        (alert.evidence[0].from_at, alert.evidence[0].to_at) = (at(seconds.0), at(seconds.1));
        alert
    }

    fn items(alerts: &[Alert]) -> Vec<u128> {
        grouped(alerts.iter().map(|alert| (alert, ""))).into_values().map(|item| item.as_u128()).collect()
    }

    #[test]
    fn alerts_about_somebody_who_reads_here_bind_only_each_other() {
        let chain = [
            alert(1, Some("a"), "till", (0, 10), 7),
            alert(2, Some("a"), "till", (5, 15), 7),
            alert(3, Some("a"), "till", (10, 20), 7),
            alert(4, Some("a"), "till", (0, 20), 8),
        ];
        let about = |insiders: [&'static str; 4]| -> Vec<u128> {
            let items = grouped(chain.iter().zip(insiders));
            items.into_values().map(|item| item.as_u128()).collect()
        };
        assert_eq!(about(["", "", "", ""]), [1, 1, 1, 1]);
        assert_eq!(about(["", "1042", "", "1042"]), [1, 2, 1, 2]);
        assert_eq!(about(["1", "1;2", "2", "1"]), [1, 2, 3, 1]);
    }

    #[test]
    fn alerts_of_one_operator_over_the_same_seconds_at_a_camera_are_one_item() {
        let chain = [
            alert(1, Some("a"), "till", (0, 10), 101),
            alert(2, Some("a"), "till", (9, 20), 102),
            alert(3, Some("a"), "till", (19, 30), 103),
            // Only touches; another camera; another operator; nobody known.
            alert(4, Some("a"), "till", (30, 40), 104),
            alert(5, Some("a"), "door", (0, 10), 105),
            alert(6, Some("b"), "till", (0, 10), 106),
            alert(7, None, "till", (0, 10), 107),
            alert(8, None, "till", (0, 10), 108),
        ];
        assert_eq!(items(&chain), [1, 1, 1, 4, 5, 6, 7, 8]);
        let mut turned = chain.clone();
        turned.reverse();
        assert_eq!(items(&turned), [1, 1, 1, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn a_span_within_a_longer_one_does_not_part_those_after_it() {
        let spans = [
            alert(1, Some("a"), "till", (0, 100), 101),
            alert(2, Some("a"), "till", (10, 20), 102),
            alert(3, Some("a"), "till", (50, 60), 103),
        ];
        assert_eq!(items(&spans), [1, 1, 1]);
    }

    #[test]
    fn a_shared_transaction_binds_even_where_nobody_signed_on_and_what_was_taken_back_binds_nothing() {
        let mut alerts = [
            alert(1, None, "till", (0, 10), 7),
            alert(2, Some("a"), "till", (90, 95), 7),
            alert(3, None, "x", (0, 1), 8),
        ];
        assert_eq!(items(&alerts), [1, 1, 3]);
        alerts[1].state = AlertState::Retracted;
        assert_eq!(items(&alerts), [1, 2, 3]);
    }
}
