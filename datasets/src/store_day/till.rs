//! From what happened to what the till says: numbers, texts of time, receipt numbers, references.
//!
//! A [`Draft`] is an event with true times, counted in seconds from any origin until it is placed; [`Tills`] turn drafts, in the
//! order in which they complete, into records. Sequence numbers count up from the first of the business day, per
//! register.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{OperatorId, RegisterId};
use tillsight_schemas::pos::{Kind, Source, Transaction, TransactionRef, natural_id};
use uuid::Uuid;

use crate::journey::{Basket, basket_position};
use crate::plan::StorePlan;
use crate::truth::{Seen, Zone};
use crate::{Error, Result};

/// A record that a till sends, with the truth about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// When it completed, by a clock that is right: when the till sends it.
    pub true_time: DateTime<Utc>,
    /// When it began, by a clock that is right.
    pub true_begin: DateTime<Utc>,
    /// The id that ingest will give it.
    pub event_id: Uuid,
    /// What the till says.
    pub transaction: Transaction,
    /// What a camera would see in the register's customer zone because of it.
    pub presence: Vec<Seen>,
    /// What a camera would see in its cashier's zone; empty where the cashier stands there, as usual.
    pub cashier: Vec<Seen>,
    /// The panel's basket whose contents it rings untouched.
    pub basket: Option<i64>,
}

/// Names a draft within its day.
pub(crate) type Key = u32;

/// At which register of a case something is rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// At its own.
    Own,
    /// At another one, by whoever works there.
    Other,
    /// At another one, under the number of who works at its own.
    OtherAsOwn,
}

/// An event before the till has written it down. All times are whole seconds of true time, except `seen`.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) key: Key,
    pub(crate) register: usize,
    pub(crate) begin: i64,
    pub(crate) end: i64,
    pub(crate) body: Transaction,
    pub(crate) line_at: Vec<i64>,
    pub(crate) refers: Option<Key>,
    /// From, to (milliseconds of true time), and what is seen.
    pub(crate) seen: Vec<(i64, i64, Zone)>,
    /// The same of the cashier's zone, where something is to be seen but the cashier.
    pub(crate) cashier: Vec<(i64, i64, Zone)>,
    /// At which register of a case.
    pub(crate) at: At,
    /// The panel's basket, as long as its contents are untouched.
    pub(crate) basket: Option<Basket>,
}

impl Draft {
    /// Moves it `by` seconds.
    pub(crate) fn shift(&mut self, by: i64) {
        self.begin += by;
        self.end += by;
        self.line_at.iter_mut().for_each(|at| *at += by);
        for (from, to, _) in self.seen.iter_mut().chain(&mut self.cashier) {
            *from += by * 1_000;
            *to += by * 1_000;
        }
    }

    /// Gives it to somebody at a register, unless it is known who rang it.
    pub(crate) fn assign(&mut self, plan: &StorePlan, register: usize, operator: Option<&OperatorId>) {
        self.register = register;
        self.body.operator_id = self.body.operator_id.take().or_else(|| operator.cloned());
        if let Some(register) = plan.registers.get(register) {
            self.body.register_id = register.id.clone();
            for tender in self.body.tenders.iter_mut().filter(|tender| tender.pan_masked.is_some()) {
                tender.terminal_id = Some(format!("T{}{:0>2}", plan.store.id, register.id.as_str()));
            }
        }
    }

    /// The seconds in which nothing else may happen at the register.
    pub(crate) fn occupies(&self) -> (i64, i64) {
        let seen = || self.seen.iter().chain(&self.cashier);
        let from = seen().map(|(from, _, _)| from.div_euclid(1_000)).min().unwrap_or(self.begin);
        let to = seen().map(|(_, to, _)| to.div_euclid(1_000) + 1).max().unwrap_or(self.end);
        (from.min(self.begin), to.max(self.end + 1))
    }
}

/// What is printed on a receipt and may be referred to later.
#[derive(Debug, Clone)]
struct Printed {
    register: RegisterId,
    sequence: i64,
    receipt: Option<String>,
}

/// The tills of a store on one business day.
#[derive(Debug, Clone)]
pub(crate) struct Tills {
    business_day: NaiveDate,
    sequences: Vec<i64>,
    printed: HashMap<Key, Printed>,
}

impl Tills {
    /// Tills that begin to count.
    pub(crate) fn new(plan: &StorePlan, business_day: NaiveDate, first_sequence: i64) -> Self {
        Self { business_day, sequences: vec![first_sequence; plan.registers.len()], printed: HashMap::new() }
    }

    /// Writes an event down. Events must come in the order in which they complete.
    pub(crate) fn write(&mut self, plan: &StorePlan, draft: Draft) -> Result<Rung> {
        let Draft { key, register, begin, end, mut body, line_at, refers, seen, cashier, basket, at: _ } = draft;
        let no_register = || Error::Plan { store: plan.store.id.clone(), problem: "an event has no register" };
        let till = plan.registers.get(register).ok_or_else(no_register)?;
        let next = self.sequences.get_mut(register).ok_or_else(no_register)?;
        let sequence = *next;
        *next += 1;
        let write = |seconds: i64| till.clock.write(&plan.store, instant(seconds * 1_000));
        // Dots, because digits joined by dashes may look like a card number and be masked.
        let prints = matches!(body.kind, Kind::Sale | Kind::Return | Kind::PostVoid);
        let receipt = prints
            .then(|| format!("{}.{}.{}.{sequence:05}", plan.store.id, till.id, self.business_day.format("%Y%m%d")));
        body.sequence_no = Some(sequence);
        body.business_day = Some(self.business_day);
        body.event_time_raw = write(end);
        body.begin_time_raw = (begin < end).then(|| write(begin));
        body.receipt_no.clone_from(&receipt);
        for (line, at) in body.lines.iter_mut().zip(line_at) {
            line.line_time_raw = Some(write(at));
        }
        body.reference = refers.and_then(|key| self.printed.get(&key)).map(|printed| TransactionRef {
            event_id: None,
            business_day: Some(self.business_day),
            register_id: Some(printed.register.clone()),
            sequence_no: Some(printed.sequence),
            receipt_no: printed.receipt.clone(),
        });
        body.source = Some(Source {
            adapter: "simulator".to_owned(),
            vendor: None,
            version: None,
            position: basket.map(|basket| basket_position(basket.id)),
        });
        self.printed.insert(key, Printed { register: till.id.clone(), sequence, receipt });
        Ok(Rung {
            true_time: instant(end * 1_000),
            true_begin: instant(begin * 1_000),
            event_id: natural_id(&plan.store.tenant, &body)?,
            transaction: body,
            presence: spans(seen),
            cashier: spans(cashier),
            basket: basket.map(|basket| basket.id),
        })
    }
}

/// What is seen, with instants.
fn spans(seen: Vec<(i64, i64, Zone)>) -> Vec<Seen> {
    let span = |(from, to, zone)| Some(Seen { span: TimeSpan::new(instant(from), instant(to)).ok()?, zone });
    seen.into_iter().filter_map(span).collect()
}

/// The instant of a count of milliseconds since 1970.
pub(crate) fn instant(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(milliseconds).unwrap_or_default()
}
