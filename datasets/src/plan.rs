//! A store on paper: its hours, registers and people, and what is wrong with each register's clock.

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tillsight_schemas::TimeSpan;
use tillsight_schemas::id::{OperatorId, RegisterId};
use tillsight_schemas::store::{Local, Store};

use crate::rates::Rates;
use crate::{Error, Result};

/// What somebody may do at a till.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Rings.
    Cashier,
    /// Rings and approves.
    Supervisor,
    /// Approves, takes cash out.
    Manager,
}

/// Somebody who works tills.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// Their number.
    pub id: OperatorId,
    /// What they may do.
    pub role: Role,
}

/// How a register writes a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeStyle {
    /// `2026-11-22T14:03:22`, the store's local time.
    LocalSeconds,
    /// `2026-11-22T14:03:22-06:00`.
    OffsetSeconds,
    /// `2026-11-22T20:03:22Z`.
    UtcSeconds,
    /// `2026-11-22T14:03`, the store's local time.
    LocalMinutes,
}

/// The clock of a register: how far it is off, and what it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TillClock {
    /// Seconds that it runs ahead; negative when it is behind.
    pub ahead_seconds: i64,
    /// What it writes.
    pub style: TimeStyle,
}

impl TillClock {
    /// What the register writes at a true instant.
    pub fn write(&self, store: &Store, true_time: DateTime<Utc>) -> String {
        let shown = store.local(true_time + TimeDelta::seconds(self.ahead_seconds));
        match self.style {
            TimeStyle::LocalSeconds => shown.format("%Y-%m-%dT%H:%M:%S").to_string(),
            TimeStyle::OffsetSeconds => shown.to_rfc3339_opts(SecondsFormat::Secs, false),
            TimeStyle::UtcSeconds => shown.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true),
            TimeStyle::LocalMinutes => shown.format("%Y-%m-%dT%H:%M").to_string(),
        }
    }
}

/// From when to when, by the store's clocks; the same time twice means round the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// The first minute.
    pub opens: NaiveTime,
    /// The first minute after.
    pub closes: NaiveTime,
}

impl Hours {
    /// Round the clock.
    pub const ALWAYS: Self = Self { opens: NaiveTime::MIN, closes: NaiveTime::MIN };

    /// From one full hour to another; 24 is midnight.
    pub fn new(opens: u32, closes: u32) -> Self {
        let hour = |hour: u32| NaiveTime::from_hms_opt(hour % 24, 0, 0).unwrap_or(NaiveTime::MIN);
        Self { opens: hour(opens), closes: hour(closes) }
    }

    /// The instants of these hours on a business day.
    ///
    /// # Errors
    /// [`Error::NoSuchDay`] when the calendar ends.
    pub fn on(&self, store: &Store, day: NaiveDate) -> Result<TimeSpan> {
        let missing = || Error::NoSuchDay { store: store.id.clone(), day };
        let whole = store.day(day).ok_or_else(missing)?;
        if self.opens == self.closes {
            return Ok(whole);
        }
        let start = instant(store, day, self.opens).ok_or_else(missing)?;
        let end = if self.closes == store.day_ends.unwrap_or(NaiveTime::MIN) {
            whole.end()
        } else {
            instant(store, day, self.closes).ok_or_else(missing)?
        };
        let hours = TimeSpan::new(start, end).map_err(|_| missing())?;
        hours.overlap(&whole).ok_or_else(missing)
    }
}

/// When the store's clocks show a time on a business day; a time that is skipped counts as an hour later.
fn instant(store: &Store, day: NaiveDate, time: NaiveTime) -> Option<DateTime<Utc>> {
    let day = if store.day_ends.is_some_and(|end| time < end) { day.succ_opt()? } else { day };
    match store.instants(day.and_time(time)) {
        Local::Once(at) | Local::Twice { first: at, .. } => Some(at),
        Local::Never => match store.instants(day.and_time(time) + TimeDelta::hours(1)) {
            Local::Once(at) | Local::Twice { first: at, .. } => Some(at),
            Local::Never => None,
        },
    }
}

/// A till.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Register {
    /// Its number.
    pub id: RegisterId,
    /// What people call it.
    pub name: String,
    /// Its clock.
    pub clock: TillClock,
    /// When somebody works it.
    pub staffed: Hours,
    /// Whether a camera is to see its customer zone.
    pub watched: bool,
}

/// A store, with all that a day in it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorePlan {
    /// The store.
    pub store: Store,
    /// When it is open.
    pub hours: Hours,
    /// Its registers.
    pub registers: Vec<Register>,
    /// Its people; at least one of each role.
    pub operators: Vec<Operator>,
    /// How often things happen.
    pub rates: Rates,
}

impl StorePlan {
    /// Everybody with a role.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &OperatorId> {
        self.operators.iter().filter(move |operator| operator.role == role).map(|operator| &operator.id)
    }

    /// The place of a register in [`registers`](Self::registers).
    ///
    /// # Errors
    /// [`Error::NoSuchRegister`].
    pub fn register(&self, id: &RegisterId) -> Result<usize> {
        let found = self.registers.iter().position(|register| register.id == *id);
        found.ok_or_else(|| Error::NoSuchRegister { store: self.store.id.clone(), register: id.clone() })
    }

    /// Checks that a day can be made of it.
    ///
    /// # Errors
    /// [`Error::Plan`] with what is wrong.
    pub fn check(&self) -> Result<()> {
        let wrong = |problem| Err(Error::Plan { store: self.store.id.clone(), problem });
        if self.registers.is_empty() {
            return wrong("it has no register");
        }
        if [Role::Cashier, Role::Supervisor, Role::Manager].iter().any(|role| self.with_role(*role).next().is_none()) {
            return wrong("it needs a cashier, a supervisor and a manager");
        }
        if self.rates.arrivals_per_day > 20_000 {
            return wrong("more than 20000 customers a day do not fit through its door");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_clock_that_is_ahead_writes_the_wrong_time_and_the_truth_keeps_the_right_one() {
        let store = demo::kiosk().unwrap().store;
        let clock = |ahead_seconds, style| TillClock { ahead_seconds, style };
        let true_time = at("2026-11-22T20:03:22Z");
        let write = |clock: TillClock| clock.write(&store, true_time);
        assert_eq!(write(clock(0, TimeStyle::LocalSeconds)), "2026-11-22T14:03:22");
        assert_eq!(write(clock(37, TimeStyle::LocalSeconds)), "2026-11-22T14:03:59");
        assert_eq!(write(clock(0, TimeStyle::OffsetSeconds)), "2026-11-22T14:03:22-06:00");
        assert_eq!(write(clock(-40, TimeStyle::UtcSeconds)), "2026-11-22T20:02:42Z");
        assert_eq!(write(clock(0, TimeStyle::LocalMinutes)), "2026-11-22T14:03");
    }

    #[test]
    fn hours_follow_the_wall_clock_over_the_clock_changes() {
        let store = demo::kiosk().unwrap().store;
        let hours = |hours: Hours, day: &str| hours.on(&store, day.parse().unwrap()).unwrap().duration().num_hours();
        assert_eq!(hours(Hours::ALWAYS, "2026-03-08"), 23);
        assert_eq!(hours(Hours::ALWAYS, "2026-11-01"), 25);
        assert_eq!(hours(Hours::new(6, 23), "2026-11-01"), 17);
        assert_eq!(hours(Hours::new(2, 24), "2026-03-08"), 21, "two o'clock does not exist that night");
    }

    #[test]
    fn a_store_without_a_supervisor_is_refused() {
        let mut plan = demo::kiosk().unwrap();
        plan.operators.retain(|operator| operator.role != Role::Supervisor);
        assert!(plan.check().unwrap_err().to_string().contains("supervisor"));
    }
}
