//! One tick: which anchors are complete, what the rules say about them, and the commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, TimeDelta, Utc};
use tillsight_schemas::alert::{Alert, AlertState};
use tillsight_schemas::error::chain;
use tillsight_schemas::hold::{Hold, HoldOwner};
use tillsight_schemas::id::{StoreKey, derive};
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::port::{Epoch, Judged, KnownJudgement, Outgoing};
use tillsight_schemas::pos::PostedTransaction;
use tillsight_schemas::wire::avro::{self, Avro};
use tillsight_schemas::zone::ZoneKind;
use tillsight_schemas::{metric, topic};
use uuid::Uuid;

use super::around::{Ready, rows_or_why_not, window};
use super::clock::{self, Clocks, RegisterClock};
use super::memory::Memory;
use super::plan::Window;
use super::tables::{self, Anchor};
use super::verdict::{self, Circumstances, Row};
use super::{Engine, EngineError, Settings};
use crate::rule::{Header, RuleError};

/// Anchors older than this when they are judged are history: nothing more is to come about them.
pub(super) const HISTORY: TimeDelta = TimeDelta::hours(24);
/// At most so many anchors of a rule are judged in one run.
const BATCH: usize = 2_000;

/// Why an anchor is silent of which a rule said something once, and has nothing to say any more.
pub(crate) const NO_MATCH: &str = "no_match";

/// Counts and names a failure of a rule.
pub(super) fn failed(rule: &str, error: &RuleError, what: &str) {
    metrics::counter!(metric::RULE_FAILURES, "rule" => rule.to_owned()).increment(1);
    tracing::error!(rule, error = %chain(error), "{what}");
}

impl Engine {
    /// Judges what is complete; returns what is new.
    pub(super) async fn judge(&mut self, now: DateTime<Utc>) -> Result<Vec<Judged>, EngineError> {
        let mut judged = Vec::new();
        for number in 0..self.rules.len() {
            let mut ready = self.ready(number, now);
            while !ready.is_empty() {
                let rest = ready.split_off(ready.len().min(BATCH));
                let (Some(rule), batch) = (self.rules.get(number), std::mem::replace(&mut ready, rest)) else { break };
                let passes_over = self.settings.passes_over;
                let failures = passes_over.then_some(&mut self.failures);
                let rows = rows_or_why_not(&mut self.memories, rule, &batch, failures).await?;
                let mut news = self.compare(number, &batch, rows, now).await?;
                self.explain(number, &mut news).await?;
                judged.extend(news);
                for item in &batch {
                    let rule = self.rules.get(number).map(|rule| &rule.rule.header);
                    if let Some(header) = rule.filter(|header| !header.watched.is_empty()) {
                        self.agenda.looked(item.item, &item.store, verdict::looked(header, &item.anchor));
                    }
                    // A provisional judgement is not the last word: the tiles that it lacked will bring it back.
                    self.agenda.done(&item.item);
                }
            }
        }
        self.failures.tell(now);
        Ok(judged)
    }

    /// The anchors of a rule that are complete, or have waited long enough.
    fn ready(&mut self, number: usize, now: DateTime<Utc>) -> Vec<Ready> {
        let Some(rule) = self.rules.get(number) else { return Vec::new() };
        let header = &rule.rule.header;
        let mut ready = Vec::new();
        let mut gone = Vec::new();
        for (item, store) in self.agenda.of(number) {
            let Some(memory) = self.memories.get(store) else { continue };
            let Some(event) = memory.event(item.1) else {
                gone.push(*item);
                continue;
            };
            let anchor = self.for_rule(header, self.anchor(&event.posted, store), store);
            let Some(provisional) = self.complete(header, &anchor, store, memory, now) else { continue };
            let logged_at = event.logged_at;
            let left_out = self.settings.adjusted.left_out(header, store, &anchor.posted);
            ready.push(Ready { item: *item, store: store.clone(), anchor, provisional, logged_at, left_out });
        }
        for item in gone {
            self.agenda.done(&item);
        }
        ready
    }

    /// Puts a transaction on the recorder's clock and counts its zones.
    pub(super) fn anchor(&self, posted: &Arc<PostedTransaction>, store: &StoreKey) -> Anchor {
        anchor(&self.settings, &self.clocks, posted, store)
    }

    /// The anchor with the numbers that hold for it in a rule.
    pub(super) fn for_rule(&self, header: &Header, anchor: Anchor, store: &StoreKey) -> Anchor {
        let numbers = self.settings.adjusted.numbers(header, store, anchor.posted.header.event_time);
        Anchor { numbers, ..anchor }
    }

    /// Whether an anchor can be judged: `None` when it has to wait, `Some(true)` when it has waited in vain.
    fn complete(
        &self,
        header: &Header,
        anchor: &Anchor,
        store: &StoreKey,
        memory: &Memory,
        now: DateTime<Utc>,
    ) -> Option<bool> {
        let until = verdict::looked(header, anchor).end;
        let zones = self.settings.zones_of(store, &anchor.posted, &header.watched);
        let behind = |zone| memory.watermark(zone).is_none_or(|watermark| watermark < until);
        if !zones.iter().any(behind) {
            return Some(false);
        }
        let over = DateTime::from_timestamp_micros(until).unwrap_or_default();
        if now - over > HISTORY {
            return Some(false);
        }
        (now - over >= self.settings.max_wait).then_some(true)
    }

    /// What each rule sees and says when everything that is remembered is judged at once.
    pub(crate) async fn everything(&mut self) -> Result<Vec<(Window, BTreeMap<Uuid, Row>)>, EngineError> {
        let mut all = Vec::new();
        for (number, rule) in self.rules.iter().enumerate() {
            let header = &rule.rule.header;
            let mut ready = Vec::new();
            for (store, memory) in &self.memories {
                for event in memory.events(i64::MIN, i64::MAX) {
                    let anchor = self.anchor(&event.posted, store);
                    let lasted = anchor.aligned.end_us - anchor.aligned.begin_us;
                    let item = (number, event.posted.header.event_id);
                    if header.anchor.contains(&event.posted.transaction.kind)
                        && !memory.is_replaced(event.posted.header.event_id)
                        && lasted <= header.longest_seconds * 1_000_000
                    {
                        let (store, logged_at) = (store.clone(), event.logged_at);
                        ready.push(Ready { item, store, anchor, provisional: false, logged_at, left_out: None });
                    }
                }
            }
            let judged: Vec<&Ready> = ready.iter().collect();
            let mut window = window(&mut self.memories, header, &judged)?;
            // A table without rows is a table.
            for (table, rows) in window.0.iter_mut().filter(|(_, rows)| rows.is_empty()) {
                rows.extend(tables::schema(table, header).map(|(_, schema)| RecordBatch::new_empty(schema)));
            }
            let rows = verdict::rows(rule, &rule.run(window.clone()).await?)?;
            all.push((window, rows));
        }
        Ok(all)
    }

    /// What is new against what was judged before.
    async fn compare(
        &self,
        number: usize,
        batch: &[Ready],
        mut rows: BTreeMap<Uuid, Row>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Judged>, EngineError> {
        let Some(rule) = self.rules.get(number) else { return Ok(Vec::new()) };
        let header = &rule.rule.header;
        let around = |ready| self.circumstances(header, ready, now);
        let ids: Vec<Uuid> = batch.iter().filter_map(|ready| Some(around(ready)?.id())).collect();
        let known = self.store.known(&ids).await.map_err(EngineError::Store)?;
        let mut judged = Vec::new();
        for ready in batch {
            let Some(around) = around(ready) else { continue };
            let before = known.get(&around.id());
            let row = match (said(header, ready, rows.remove(&ready.item.1)), before) {
                (Some(row), _) => row,
                // The rule has nothing to say any more.
                (None, Some(_)) => Row::silent(header, Outcome::Silent, NO_MATCH),
                (None, None) => continue,
            };
            let shadow = self.settings.adjusted.is_shadow(header, &ready.store, ready.anchor.posted.header.event_time);
            judged.extend(news(&around, &row, before).map(|one| Judged { shadow, ..one }));
        }
        Ok(judged)
    }

    fn circumstances<'a>(
        &'a self,
        header: &'a Header,
        ready: &'a Ready,
        now: DateTime<Utc>,
    ) -> Option<Circumstances<'a>> {
        Some(Circumstances {
            header,
            anchor: &ready.anchor,
            near: self.memories.get(&ready.store)?,
            cameras: self.settings.cameras_of(&ready.store, &ready.anchor.posted),
            provisional: ready.provisional,
            logged_at: ready.logged_at,
            now,
        })
    }

    /// Commits what was judged, and how far the log was read.
    pub(super) async fn commit(&mut self, judged: Vec<Judged>, now: DateTime<Utc>) -> Result<(), EngineError> {
        let mut outgoing = self.floors(now)?;
        let key = |tenant: &dyn std::fmt::Display, store: &dyn std::fmt::Display| format!("{tenant}/{store}");
        for offset in &self.stated {
            outgoing.extend(record(topic::CLOCK, key(&offset.tenant_id, &offset.store_id), offset)?);
        }
        for one in &judged {
            let judgement = &one.judgement;
            outgoing.extend(record(topic::JUDGEMENT, key(&judgement.tenant_id, &judgement.store_id), judgement)?);
            if let Some(alert) = &one.alert {
                outgoing.extend(record(topic::ALERT, alert.alert_id.to_string(), alert)?);
                // Who only tries a rule needs no video kept.
                let holds = if one.shadow { Vec::new() } else { self.holds(alert, now) };
                for hold in &holds {
                    outgoing.extend(record(topic::HOLD, hold.hold_id.to_string(), hold)?);
                }
                metrics::counter!(metric::ALERTS, "rule" => alert.rule_id.to_string(), "state" => alert.state.as_str())
                    .increment(1);
            }
        }
        outgoing.extend(self.heard.iter().cloned());
        let clocks = (&self.clocks, &self.pairs);
        let checkpoint = self.bookmarks.checkpoint(self.agenda.unfinished(), &self.rules, clocks);
        let epoch = Epoch { partition: self.partition.clone(), fence: self.fence, checkpoint, judged, outgoing };
        self.store.commit_epoch(&epoch).await.map_err(EngineError::Store)?;
        self.stated.clear();
        self.heard.clear();
        self.committed_at = now;
        Ok(())
    }

    /// The holds on the video of an alert; released when the alert is taken back.
    fn holds(&self, alert: &Alert, now: DateTime<Utc>) -> Vec<Hold> {
        let released_at = (alert.state == AlertState::Retracted).then_some(now);
        let id = alert.alert_id.to_string();
        let with_camera = alert.evidence.iter().filter_map(|evidence| Some((evidence.camera_id.clone()?, evidence)));
        with_camera
            .map(|(camera, evidence)| Hold {
                hold_id: derive("hold", [Some(id.as_str()), Some(camera.as_str())]),
                tenant: alert.tenant_id.clone(),
                store: alert.store_id.clone(),
                camera: Some(camera),
                owner: HoldOwner::Alert,
                owner_id: id.clone(),
                reason: alert.title.clone(),
                start_at: evidence.from_at,
                end_at: evidence.to_at,
                placed_at: alert.raised_at,
                expires_at: Some(alert.raised_at + self.settings.hold_for),
                released_at,
            })
            .collect()
    }
}

/// Puts a transaction on the recorder's clock and counts its zones.
pub(super) fn anchor(
    settings: &Settings,
    clocks: &Clocks,
    posted: &Arc<PostedTransaction>,
    store: &StoreKey,
) -> Anchor {
    let zones = |kind| i64::try_from(settings.zones_of(store, posted, &[kind]).len()).unwrap_or(i64::MAX);
    let aligned = match clocks.get(&clock::name(posted)) {
        Some(clock) => clock.align(posted),
        None => RegisterClock::default().align(posted),
    };
    Anchor {
        posted: Arc::clone(posted),
        aligned,
        customer_zones: zones(ZoneKind::Customer),
        cashier_zones: zones(ZoneKind::Cashier),
        numbers: None,
    }
}

/// What is said of an anchor: the rule's row, or why it says nothing where the till did not tell what it needs.
pub(super) fn said(header: &Header, ready: &Ready, row: Option<Row>) -> Option<Row> {
    // What the till does not say is no all-clear.
    let blind = || Some(Row::silent(header, Outcome::Indeterminate, &missing(header, &ready.anchor.posted)?));
    row.or_else(blind)
}

/// What a row says that was not said before.
pub(super) fn news(around: &Circumstances<'_>, row: &Row, before: Option<&KnownJudgement>) -> Option<Judged> {
    let same = before.is_some_and(|before| {
        before.outcome == row.outcome && before.why == row.why && before.provisional == around.provisional
    });
    let raised = before.and_then(|before| before.alert.clone());
    let next = raised.as_ref().map_or(0, |(revision, _)| revision + 1);
    let alert = if row.outcome == Outcome::Fired {
        let alert = around.alert(row, next);
        raised.as_ref().is_none_or(|(_, content)| *content != alert.content_sha256).then_some(alert)
    } else {
        let retracted = format!("retracted: {}", row.why);
        raised.as_ref().filter(|(_, content)| *content != retracted).map(|_| {
            let mut alert = around.alert(row, next);
            alert.state = AlertState::Retracted;
            alert.reason = format!("Taken back: {}.", row.why.replace('_', " "));
            alert.content_sha256 = retracted;
            alert
        })
    };
    if same && alert.is_none() {
        return None;
    }
    let judgement = around.judgement(row, before.map_or(0, |before| before.revision + 1));
    metrics::counter!(metric::JUDGEMENTS, "rule" => judgement.rule_id.to_string(), "outcome" => row.outcome.as_str())
        .increment(1);
    let events = match row.outcome {
        _ if alert.is_some() => around.members(row),
        // Whom a blind spot concerns stands in its anchor.
        Outcome::Indeterminate => vec![Arc::clone(&around.anchor.posted)],
        _ => Vec::new(),
    };
    let events = events
        .iter()
        .filter_map(|posted| Some((posted.header.event_id, serde_json::to_string(&**posted).ok()?)))
        .collect();
    Some(Judged { judgement, alert, events, shadow: false })
}

/// A record for the outbox.
pub(super) fn record<T: Avro>(topic: &str, key: String, value: &T) -> Result<Option<Outgoing>, EngineError> {
    let value = avro::encode(std::slice::from_ref(value))?.pop();
    Ok(value.map(|value| Outgoing { topic: topic.to_owned(), key, value }))
}

/// The field that a rule would need of an anchor that it says nothing about, as a reason.
pub(super) fn missing(header: &Header, posted: &PostedTransaction) -> Option<String> {
    header.needs_of(&posted.transaction).into_iter().find(|(_, missing)| *missing).map(|(need, _)| need.why())
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
