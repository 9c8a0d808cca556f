//! One tick: which anchors are complete, what the rules say about them, and the commit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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

use super::agenda::Item;
use super::memory::Memory;
use super::plan::{Compiled, Window};
use super::tables::{self, Anchor};
use super::verdict::{self, Circumstances, Row};
use super::{Engine, EngineError, clock};
use crate::rule::{Header, RuleError};

/// Anchors older than this when they are judged are history: nothing more is to come about them.
const HISTORY: TimeDelta = TimeDelta::hours(24);
/// At most so many anchors of a rule are judged in one run.
const BATCH: usize = 2_000;

/// An anchor that is to be judged now.
struct Ready {
    item: Item,
    store: StoreKey,
    anchor: Anchor,
    provisional: bool,
    logged_at: DateTime<Utc>,
}

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
                let rows = self.rows_or_why_not(rule, &batch).await?;
                judged.extend(self.compare(number, &batch, rows, now).await?);
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
        Ok(judged)
    }

    /// The anchors of a rule that are complete, or have waited long enough.
    fn ready(&mut self, number: usize, now: DateTime<Utc>) -> Vec<Ready> {
        let Some(rule) = self.rules.get(number) else { return Vec::new() };
        let header = &rule.rule.header;
        let mut ready = Vec::new();
        let mut gone = Vec::new();
        for (item, store) in self.agenda.pending().filter(|((rule, _), _)| *rule == number) {
            let Some(memory) = self.memories.get(store) else { continue };
            let Some(event) = memory.event(item.1) else {
                gone.push(*item);
                continue;
            };
            let anchor = self.anchor(&event.posted, store);
            let Some(provisional) = self.complete(header, &anchor, store, memory, now) else { continue };
            let logged_at = event.logged_at;
            ready.push(Ready { item: *item, store: store.clone(), anchor, provisional, logged_at });
        }
        for item in gone {
            self.agenda.done(&item);
        }
        ready
    }

    /// Puts a transaction on the recorder's clock and counts its zones.
    pub(super) fn anchor(&self, posted: &Arc<PostedTransaction>, store: &StoreKey) -> Anchor {
        let clock = self.clocks.get(&clock::name(posted)).cloned().unwrap_or_default();
        let zones = |kind| i64::try_from(self.settings.zones_of(store, posted, &[kind]).len()).unwrap_or(i64::MAX);
        Anchor {
            posted: Arc::clone(posted),
            aligned: clock.align(posted),
            customer_zones: zones(ZoneKind::Customer),
            cashier_zones: zones(ZoneKind::Cashier),
        }
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

    /// What a rule says about some anchors. Where it fails, they are judged one by one, and those on which it fails alone are
    /// indeterminate: which they are does not depend on what they were judged with.
    async fn rows_or_why_not(&self, rule: &Compiled, batch: &[Ready]) -> Result<BTreeMap<Uuid, Row>, EngineError> {
        match self.rows(rule, batch).await {
            Err(EngineError::Rule(_)) if self.settings.passes_over => {}
            other => return other,
        }
        let mut rows = BTreeMap::new();
        for ready in batch {
            match self.rows(rule, std::slice::from_ref(ready)).await {
                Err(EngineError::Rule(error)) => {
                    let header = &rule.rule.header;
                    failed(header.id.as_str(), &error, "a rule failed on an event, which it cannot judge");
                    rows.insert(ready.item.1, Row::silent(header, Outcome::Indeterminate, "rule_failed"));
                }
                other => rows.extend(other?),
            }
        }
        Ok(rows)
    }

    /// What a rule says about some anchors.
    async fn rows(&self, rule: &Compiled, batch: &[Ready]) -> Result<BTreeMap<Uuid, Row>, EngineError> {
        let header = &rule.rule.header;
        let longest = header.longest_seconds * 1_000_000;
        let (judged, long): (Vec<&Ready>, Vec<&Ready>) =
            batch.iter().partition(|ready| ready.anchor.aligned.end_us - ready.anchor.aligned.begin_us <= longest);
        let anchors: Vec<Anchor> = judged.iter().map(|ready| ready.anchor.clone()).collect();
        let window = self.window(header, &judged, &anchors)?;
        let mut rows = verdict::rows(rule, &rule.run(window).await?)?;
        for ready in long {
            rows.insert(ready.item.1, Row::silent(header, Outcome::Indeterminate, "too_long"));
        }
        Ok(rows)
    }

    /// What each rule sees and says when everything that is remembered is judged at once.
    pub(crate) async fn everything(&self) -> Result<Vec<(Window, BTreeMap<Uuid, Row>)>, EngineError> {
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
                        && lasted <= header.longest_seconds * 1_000_000
                    {
                        let (store, logged_at) = (store.clone(), event.logged_at);
                        ready.push(Ready { item, store, anchor, provisional: false, logged_at });
                    }
                }
            }
            let anchors: Vec<Anchor> = ready.iter().map(|ready| ready.anchor.clone()).collect();
            let judged: Vec<&Ready> = ready.iter().collect();
            let window = || self.window(header, &judged, &anchors);
            let rows = verdict::rows(rule, &rule.run(window()?).await?)?;
            all.push((window()?, rows));
        }
        Ok(all)
    }

    /// The rows that a rule sees: its anchors, and the neighbourhood of each.
    fn window(&self, header: &Header, judged: &[&Ready], anchors: &[Anchor]) -> Result<Window, EngineError> {
        let stores: BTreeSet<&StoreKey> = judged.iter().map(|ready| &ready.store).collect();
        let stores: Vec<StoreKey> = stores.into_iter().cloned().collect();
        let mut window = Window::default();
        window.0.insert("anchor", tables::anchors(anchors)?);
        window.0.insert("params", tables::params(header, &stores)?);
        let mut near: Vec<&PostedTransaction> = Vec::new();
        let mut spans = Vec::new();
        for store in &stores {
            let Some(memory) = self.memories.get(store) else { continue };
            let ours = || judged.iter().filter(|ready| ready.store == *store).map(|ready| &ready.anchor);
            let at = || ours().map(|anchor| anchor.posted.header.event_time.timestamp_micros());
            let (Some(first), Some(last)) = (at().min(), at().max()) else { continue };
            if header.lookback_seconds == 0 {
                near.extend(ours().map(|anchor| &*anchor.posted));
            } else {
                let from = first - header.lookback_seconds * 1_000_000;
                let to = last + header.lookahead_seconds * 1_000_000;
                near.extend(memory.events(from, to).map(|event| &*event.posted));
            }
            if header.reads.iter().any(|table| table == "presence") {
                let looked = ours().map(|anchor| verdict::looked(header, anchor));
                let (from, to) = looked
                    .fold((i64::MAX, i64::MIN), |(from, to), looked| (from.min(looked.start), to.max(looked.end)));
                spans.extend(memory.spans(&(from..to)).map(|span| (store.clone(), span.clone())));
            }
        }
        for table in &header.reads {
            match table.as_str() {
                "pos" => window.0.insert("pos", tables::pos(&near)?),
                "lines" => window.0.insert("lines", tables::lines(&near)?),
                "tenders" => window.0.insert("tenders", tables::tenders(&near)?),
                "presence" => window.0.insert("presence", tables::presence(&spans)?),
                _ => None,
            };
        }
        Ok(window)
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
            let row = match (rows.remove(&ready.item.1), before) {
                (Some(row), _) => row,
                (None, before) => match (missing(header, &ready.anchor.posted), before) {
                    // What the till does not say is no all-clear.
                    (Some(why), _) => Row::silent(header, Outcome::Indeterminate, &why),
                    // The rule has nothing to say (any more).
                    (None, Some(_)) => Row::silent(header, Outcome::Silent, "no_match"),
                    (None, None) => continue,
                },
            };
            judged.extend(self.news(&around, &row, before));
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
            memory: self.memories.get(&ready.store)?,
            cameras: self.settings.cameras_of(&ready.store, &ready.anchor.posted),
            provisional: ready.provisional,
            logged_at: ready.logged_at,
            now,
        })
    }

    fn news(&self, around: &Circumstances<'_>, row: &Row, before: Option<&KnownJudgement>) -> Option<Judged> {
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
        Some(Judged { judgement, alert, events })
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
                for hold in self.holds(alert, now) {
                    outgoing.extend(record(topic::HOLD, hold.hold_id.to_string(), &hold)?);
                }
                metrics::counter!(metric::ALERTS, "rule" => alert.rule_id.to_string(), "state" => alert.state.as_str())
                    .increment(1);
            }
        }
        let checkpoint = self.bookmarks.checkpoint(self.agenda.unfinished(), &self.rules, &self.clocks);
        let epoch = Epoch { partition: self.partition.clone(), fence: self.fence, checkpoint, judged, outgoing };
        self.store.commit_epoch(&epoch).await.map_err(EngineError::Store)?;
        self.stated.clear();
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

/// A record for the outbox.
pub(super) fn record<T: Avro>(topic: &str, key: String, value: &T) -> Result<Option<Outgoing>, EngineError> {
    let value = avro::encode(std::slice::from_ref(value))?.pop();
    Ok(value.map(|value| Outgoing { topic: topic.to_owned(), key, value }))
}

/// The field that a rule would need of an anchor that it says nothing about, as a reason.
fn missing(header: &Header, posted: &PostedTransaction) -> Option<String> {
    header.needs_of(&posted.transaction).into_iter().find(|(_, missing)| *missing).map(|(need, _)| need.why())
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
