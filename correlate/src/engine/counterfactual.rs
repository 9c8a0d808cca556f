//! What would have kept an alert away: with which numbers none of its events would have raised one, and whether somebody in a
//! zone that the rule watches would have.
//!
//! It is found by judging the alert's own events again, right after they were judged and over the same rows, each number by
//! itself and the others as they held ([`Turn`]). An event of the alert that would fire in the anchor's place counts: with a
//! smaller number a burst only stands on an earlier cancel, and is a burst all the same. Presence is not looked at further
//! away than it was, because it may not be there yet.
//!
//! It costs one judgement of a few events for each limit of a number and some ten for each that turns it. Alerts are rare,
//! and only those that are raised or amended are explained; back-tests explain none ([`Settings::explains`](super::Settings)).

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use tillsight_schemas::alert::{Alert, AlertNumber, AlertState};
use tillsight_schemas::error::chain;
use tillsight_schemas::id::{StoreKey, ZoneId};
use tillsight_schemas::judgement::Outcome;
use tillsight_schemas::money::Currency;
use tillsight_schemas::port::Judged;
use tillsight_schemas::presence::{PresenceSource, PresenceState};
use tillsight_schemas::zone::ZoneKind;
use uuid::Uuid;

use super::around::{Ready, window};
use super::memory::Span;
use super::plan::{Compiled, Window};
use super::tables::{self, Anchor};
use super::turn::Turn;
use super::verdict::{self, MARGIN};
use super::{Engine, EngineError};
use crate::rule::{Params, explain};

/// The unit of amounts.
const MINOR: &str = "minor units";

impl Engine {
    /// Says of each alert of a rule that was raised or amended what would have kept it away.
    pub(super) async fn explain(&mut self, number: usize, judged: &mut [Judged]) -> Result<(), EngineError> {
        if !self.settings.explains {
            return Ok(());
        }
        for one in judged {
            let Some(alert) = one.alert.as_mut().filter(|alert| alert.state != AlertState::Retracted) else { continue };
            match self.explain_one(number, alert).await {
                // A rule that fails with other numbers judges with its own all the same.
                Err(EngineError::Rule(error)) => {
                    tracing::debug!(rule = %alert.rule_id, error = %chain(&error), "not all is known of what would have kept an alert away");
                }
                other => other?,
            }
            let mut said = sentences(alert);
            said.append(&mut alert.counterfactual);
            alert.counterfactual = said;
        }
        Ok(())
    }

    async fn explain_one(&mut self, number: usize, alert: &mut Alert) -> Result<(), EngineError> {
        let store = StoreKey::new(alert.tenant_id.clone(), alert.store_id.clone());
        let events = self.anchors_of(number, alert, &store);
        let Some(rule) = self.rules.get(number) else { return Ok(()) };
        let header = &rule.rule.header;
        let Some(anchor) = events.iter().find(|ready| ready.item.1 == alert.anchor_event_id) else { return Ok(()) };
        let near = window(&mut self.memories, header, &events.iter().collect::<Vec<_>>())?;
        let held: Vec<i64> = alert.numbers.iter().map(|number| number.value).collect();
        let mut again = Again { rule, store: &store, anchor: alert.anchor_event_id, near, fired: BTreeSet::new() };
        again.fired = again.fires(&held, None).await?;
        if !again.fired.contains(&again.anchor) {
            return Ok(());
        }
        let found: Vec<i64> =
            alert.facts.iter().filter_map(|fact| fact.value.parse().ok()).chain(alert.amount_minor).collect();
        for (place, ((name, param), number)) in header.params.iter().zip(&mut alert.numbers).enumerate() {
            let mut most = param.max;
            if name == MARGIN {
                most = most.min(number.value.max(header.lookahead_seconds * 1_000));
            }
            for (limit, turned) in [(param.min, &mut number.at_most), (most, &mut number.at_least)] {
                let mut turn = Turn::new(number.value, limit, &found);
                let mut with = held.clone();
                while let Some(value) = turn.asks() {
                    if let Some(number) = with.get_mut(place) {
                        *number = value;
                    }
                    turn.hears(value, again.is_kept_away(&with, None).await?);
                }
                *turned = turn.found();
            }
        }
        for kind in &header.watched {
            let zones = self.settings.zones_of(&store, &anchor.anchor.posted, std::slice::from_ref(kind));
            let Some(zone) = zones.into_iter().next() else { continue };
            let somebody = somebody(&store, (zone, *kind), &anchor.anchor)?;
            if again.is_kept_away(&held, Some(somebody)).await? {
                alert
                    .counterfactual
                    .push(format!("Would not fire if somebody had been seen in the {kind} zone meanwhile."));
            }
        }
        Ok(())
    }

    /// The events of an alert that are anchors of its rule, as they were judged.
    fn anchors_of(&self, number: usize, alert: &Alert, store: &StoreKey) -> Vec<Ready> {
        let (Some(rule), Some(memory)) = (self.rules.get(number), self.memories.get(store)) else { return Vec::new() };
        let header = &rule.rule.header;
        let numbers: Params = alert.numbers.iter().map(|number| number.value).collect();
        let mut events = Vec::new();
        for event in alert.event_ids.iter().filter_map(|id| memory.event(*id)) {
            let (posted, id) = (&event.posted, event.posted.header.event_id);
            let anchor = Anchor { numbers: Some(Arc::clone(&numbers)), ..self.anchor(posted, store) };
            let lasted = anchor.aligned.end_us - anchor.aligned.begin_us;
            if header.anchor.contains(&posted.transaction.kind)
                && lasted <= header.longest_seconds * 1_000_000
                && !memory.is_replaced(id)
                && self.settings.adjusted.left_out(header, store, posted).is_none()
            {
                let (item, store, logged_at) = ((number, id), store.clone(), event.logged_at);
                events.push(Ready { item, store, anchor, provisional: false, logged_at, left_out: None });
            }
        }
        events
    }
}

/// The events of an alert, to be judged again.
struct Again<'a> {
    rule: &'a Compiled,
    store: &'a StoreKey,
    /// The event that the alert stands on.
    anchor: Uuid,
    /// The rows around its events.
    near: Window,
    /// The events that fire with the numbers that held.
    fired: BTreeSet<Uuid>,
}

impl Again<'_> {
    /// Whether there would be no alert: neither on the anchor, nor on another event in its place.
    async fn is_kept_away(&self, numbers: &[i64], somebody: Option<RecordBatch>) -> Result<bool, EngineError> {
        let fired = self.fires(numbers, somebody).await?;
        Ok(!fired.contains(&self.anchor) && fired.is_subset(&self.fired))
    }

    /// The events that fire with these numbers, and on request with somebody in a zone.
    async fn fires(&self, numbers: &[i64], somebody: Option<RecordBatch>) -> Result<BTreeSet<Uuid>, EngineError> {
        let numbers: Params = numbers.into();
        let mut window = self.near.clone();
        let params = tables::params(&self.rule.rule.header, &[(self.store, Some(&numbers))])?;
        window.0.insert("params", vec![params]);
        window.0.entry("presence").or_default().extend(somebody);
        let rows = verdict::rows(self.rule, &self.rule.run(window).await?)?;
        Ok(rows.into_iter().filter(|(_, row)| row.outcome == Outcome::Fired).map(|(id, _)| id).collect())
    }
}

/// Somebody in a zone while the anchor went on, and for a second at least.
fn somebody(store: &StoreKey, (zone, kind): (ZoneId, ZoneKind), anchor: &Anchor) -> Result<RecordBatch, ArrowError> {
    let begin = anchor.aligned.begin_us;
    let span = Span {
        zone,
        kind,
        register: Some(anchor.posted.transaction.register_id.clone()),
        start_us: begin,
        end_us: anchor.aligned.end_us.max(begin + 1_000_000),
        state: PresenceState::Present,
        blind: None,
        source: PresenceSource::Detector,
    };
    tables::presence(&[(store.clone(), span)])
}

/// What the numbers of an alert say, a sentence for each way in which one of them would have kept it away.
fn sentences(alert: &Alert) -> Vec<String> {
    let mut sentences = Vec::new();
    let currency = alert.currency.as_deref().and_then(|code| Currency::new(code).ok());
    for number in &alert.numbers {
        let value = |value: i64| match number.unit.as_str() {
            MINOR => explain::amount(value, currency.as_ref()),
            unit => format!("{value} {unit}"),
        };
        let name = ["_minor", "_seconds", "_ms"].iter().find_map(|unit| number.name.strip_suffix(unit));
        let name = name.unwrap_or(&number.name).replace('_', " ");
        let mut say = |turned: Option<i64>, or: &str, compared: [(i64, &str); 2]| {
            let Some(turned) = turned else { return };
            let with = format!("with “{name}” at {} or {or}", value(turned));
            // What the rule compares it with, where exactly one of the things that it found can be that.
            let mut fits = compared.iter().flat_map(|(by, sign)| {
                found(alert, number, turned.saturating_add(*by)).into_iter().map(move |fact| (fact, *sign))
            });
            sentences.push(match (fits.next(), fits.next()) {
                (Some((fact, sign)), None) => {
                    format!("Would not fire if {fact} {sign} {}, or {with}.", bare(&value(number.value), number))
                }
                _ => format!("Would not fire {with} ({} holds).", value(number.value)),
            });
        };
        // It fires on more than the number, or on as much; on less, or on as little.
        say(number.at_least, "more", [(0, "≤"), (-1, "<")]);
        say(number.at_most, "less", [(0, "≥"), (1, ">")]);
    }
    sentences
}

/// The things that a rule found of this value, in the unit of a number.
fn found(alert: &Alert, number: &AlertNumber, value: i64) -> Vec<String> {
    if number.unit == MINOR {
        let same = alert.amount_minor.filter(|amount| *amount == value);
        return same.map(|_| "the amount".to_owned()).into_iter().collect();
    }
    let same = alert.facts.iter().filter(|fact| fact.value.parse::<i64>().is_ok_and(|found| found == value));
    same.map(|fact| fact.name.replace('_', " ")).collect()
}

/// A count without its unit, which the name of what is counted says already.
fn bare(words: &str, number: &AlertNumber) -> String {
    if number.unit == MINOR { words.to_owned() } else { number.value.to_string() }
}

#[cfg(test)]
#[path = "counterfactual_tests.rs"]
mod tests;
