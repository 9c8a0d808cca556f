//! The till's live turn: the planned session at the watched register, the rest of the shop, and what the panel asks for.
//!
//! Wishes come in on standard input, orders for the camera go out on standard output: the till itself speaks only Kafka.

use std::collections::VecDeque;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, TimeDelta, Utc};
use tillsight_datasets::cameras::Order;
use tillsight_datasets::film::Labels;
use tillsight_datasets::journey::Panel;
use tillsight_datasets::live::Schedule;
use tillsight_datasets::plan::StorePlan;
use tillsight_datasets::session::{Action, OnDemand, Outlook, Registers, Session};
use tillsight_datasets::truth::{Item, Truth};
use tillsight_ingest::bus::Producer;
use tillsight_schemas::pos::Transaction;
use tillsight_schemas::{Clock, SystemClock, TimeSpan};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::Result;
use super::film::{self, Showing};
use super::panel::Wish;
use super::till::{TillArguments, outgoing};

/// The register of the watched store for the cases that need no camera.
const OTHER: &str = "4";
/// So long before it is unplugged a camera is missed already, because a rule looks ahead; and so long after it is plugged in
/// again it may still be looked for.
const MISSED: (TimeDelta, TimeDelta) = (TimeDelta::seconds(6), TimeDelta::seconds(40));
/// A schedule needs some seconds to be a schedule.
const SHORTEST: u64 = 600;

/// What is due at an instant.
enum Due {
    Ring(Box<Transaction>),
    Camera(Order),
}

/// A live turn.
struct Turn<'a> {
    due: VecDeque<(DateTime<Utc>, Due)>,
    truth: Vec<Item>,
    seed: u64,
    path: Option<&'a Path>,
    /// How far the panel has set the watched register's clock.
    ahead: i64,
    /// When the panel had the camera unplugged.
    blind: Vec<(DateTime<Utc>, Option<DateTime<Utc>>)>,
    last_wish: DateTime<Utc>,
}

/// Rings live for so many seconds; returns how many records were sent.
pub(super) async fn ring(
    panel: &Panel,
    plans: &[StorePlan],
    producer: &Producer,
    arguments: &TillArguments,
    seconds: u64,
) -> Result<u64> {
    let start = SystemClock.now();
    let last = start + TimeDelta::seconds(i64::try_from(seconds)?);
    let showing: Option<Showing> = arguments.showing.as_deref().map(serde_json::from_str).transpose()?;
    let film = match &showing {
        Some(showing) => Some((
            Labels::read(&showing.labels)?,
            DateTime::from_timestamp_micros(showing.began_us).ok_or("the film began at no time")?,
        )),
        None => None,
    };
    let outlook = film.as_ref().map(|(labels, began)| Outlook { labels, began: *began });
    let registers = Registers { watched: film::WATCHED.parse()?, other: OTHER.parse()? };
    let mut turn = Turn::plan(panel, plans, arguments, &registers, outlook.as_ref(), (start, last))?;
    turn.write()?;

    let stop = tokio::time::Instant::now() + Duration::from_secs(seconds);
    let watched = plans.iter().find(|plan| plan.store.id.as_str() == film::STORE);
    let mut wishes = BufReader::new(tokio::io::stdin()).lines();
    let mut listening = outlook.is_some();
    let mut sent = 0;
    loop {
        let next = turn.due.front().map_or(last, |(at, _)| *at).min(last);
        let wait = (next - SystemClock.now()).to_std().unwrap_or_default();
        tokio::select! {
            line = wishes.next_line(), if listening => match line? {
                Some(line) => {
                    if let (Some(plan), Some(outlook)) = (watched, &outlook) {
                        turn.grant(panel, plan, &registers, outlook, serde_json::from_str(&line)?)?;
                    }
                }
                None => listening = false,
            },
            () = tokio::time::sleep(wait) => {
                if next >= last {
                    break;
                }
                match turn.due.pop_front() {
                    Some((_, Due::Ring(transaction))) => {
                        producer.send(vec![outgoing(&turn.by_its_clock(*transaction))?]).await?;
                        sent += 1;
                    }
                    Some((_, Due::Camera(order))) => say(&serde_json::to_string(&order)?)?,
                    None => {}
                }
            }
        }
    }
    tokio::time::sleep_until(stop).await;
    Ok(sent)
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

impl<'a> Turn<'a> {
    fn plan(
        panel: &Panel,
        plans: &[StorePlan],
        arguments: &'a TillArguments,
        registers: &Registers,
        outlook: Option<&Outlook<'_>>,
        (start, last): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Self> {
        let seed = arguments.seed;
        // What lies beyond the end is not rung.
        let end = last.max(start + TimeDelta::seconds(i64::try_from(SHORTEST)?));
        let (mut due, mut truth) = (Vec::new(), Vec::new());
        let mut blind = None;
        // The windows come first, one for each draw.
        for (plan, draw) in plans.iter().zip(0_u32..) {
            let seed = seed.wrapping_add(draw.into());
            let (mut reserved, mut cases) = (Vec::new(), Vec::new());
            if let Some(outlook) = outlook.filter(|_| draw < arguments.draws) {
                let span = TimeSpan::new(start, last)?;
                let session = Session::plan(panel, plan, registers, outlook, span, seed, blind.as_deref())?;
                blind.get_or_insert(session.blind);
                truth.extend(session.truth);
                due.extend(session.steps.into_iter().map(|step| match step.action {
                    Action::Ring(rung) => (step.at, Due::Ring(Box::new(rung.transaction))),
                    Action::Camera(order) => (step.at, Due::Camera(order)),
                }));
                reserved = vec![registers.watched.clone(), registers.other.clone()];
                cases = Session::cases();
            }
            let span = TimeSpan::new(start, end)?;
            let schedule = Schedule::with_cases(panel, plan, span, seed, &reserved, &cases)?;
            truth.extend(schedule.truth.iter().cloned());
            due.extend(schedule.map(|rung| (rung.true_time, Due::Ring(Box::new(rung.transaction)))));
        }
        truth.retain(|item| item.true_time < last);
        due.retain(|(at, _)| *at < last);
        due.sort_by_key(|(at, _)| *at);
        Ok(Self {
            due: due.into(),
            truth,
            seed,
            path: arguments.truth.as_deref(),
            ahead: 0,
            blind: Vec::new(),
            last_wish: start,
        })
    }

    /// Writes down what is staged; what an unplugged camera cannot see is not expected.
    fn write(&self) -> Result<()> {
        let Some(path) = self.path else { return Ok(()) };
        let missed = |item: &Item| {
            self.blind.iter().any(|(from, to)| {
                item.true_time > *from - MISSED.0 && to.is_none_or(|to| item.true_time < to + MISSED.1)
            })
        };
        let mut items = self.truth.clone();
        for item in
            items.iter_mut().filter(|item| item.expected_rule.is_some() && !item.presence.is_empty() && missed(item))
        {
            item.expected_rule = None;
            item.why = format!("You unplugged the camera: nobody can tell. ({})", item.why);
        }
        items.sort_by_key(|item| item.true_time);
        Ok(Truth { seed: self.seed, items }.write(path)?)
    }

    fn grant(
        &mut self,
        panel: &Panel,
        plan: &StorePlan,
        registers: &Registers,
        outlook: &Outlook<'_>,
        wish: Wish,
    ) -> Result<()> {
        let now = SystemClock.now();
        match wish {
            Wish::Ahead(seconds) => self.ahead = seconds,
            Wish::Blind(true) => self.blind.push((now, None)),
            Wish::Blind(false) => {
                if let Some((_, to)) = self.blind.last_mut() {
                    *to = Some(now);
                }
            }
            Wish::Ring(what) => {
                // Two rings of one second would have one number.
                let second = TimeDelta::seconds(1);
                let begin = (now.trunc_subsecs(0) + second).max(self.last_wish + second);
                self.last_wish = begin;
                let made = OnDemand::ring(panel, plan, registers, outlook, what, begin, self.seed)?;
                let at = made.rung.true_time;
                let place = self.due.partition_point(|(due, _)| *due <= at);
                self.due.insert(place, (at, Due::Ring(Box::new(made.rung.transaction))));
                self.truth.extend(made.item);
            }
        }
        self.write()
    }

    /// A record of the watched register as its clock has it.
    fn by_its_clock(&self, mut transaction: Transaction) -> Transaction {
        let watched = transaction.store_id.as_str() == film::STORE && transaction.register_id.as_str() == film::WATCHED;
        if self.ahead != 0 && watched {
            let ahead = TimeDelta::seconds(self.ahead);
            let lines = transaction.lines.iter_mut().filter_map(|line| line.line_time_raw.as_mut());
            let texts = lines.chain(transaction.begin_time_raw.as_mut());
            for text in texts.chain([&mut transaction.event_time_raw]) {
                *text = shifted(text, ahead);
            }
        }
        transaction
    }
}

/// A time as a till writes it (`2026-11-22T14:03:22`, and whatever follows), moved.
fn shifted(text: &str, by: TimeDelta) -> String {
    let moved = text.split_at_checked(19).and_then(|(time, rest)| {
        let time = NaiveDateTime::parse_from_str(time, "%Y-%m-%dT%H:%M:%S").ok()?;
        Some(format!("{}{rest}", (time + by).format("%Y-%m-%dT%H:%M:%S")))
    });
    moved.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_moved_and_what_follows_it_stays() {
        let by = TimeDelta::seconds(40);
        assert_eq!(shifted("2026-11-22T23:59:30", by), "2026-11-23T00:00:10");
        assert_eq!(shifted("2026-11-22T14:03:22.5-06:00", -by), "2026-11-22T14:02:42.5-06:00");
        assert_eq!(shifted("noon", by), "noon");
    }
}
