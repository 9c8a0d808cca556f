//! `GET /api/v1/feeds/{store_id}/completeness?day=&integrator=`: whether everything of a store's business day arrived, register
//! by register: first and last number, what is missing between them, what came twice, what was corrected or set aside.
//!
//! Numbers come from the search index, which has each transaction once, as it holds now; repetitions and records set aside
//! from what is remembered of the last days ([`crate::feed`]).

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use serde::Deserialize;
use tillsight_ingest::pos::Permits;
use tillsight_schemas::id::{RegisterId, StoreId};

use super::Shared;
use super::answer::answer;
use super::auth::Caller;
use super::extract::{Path, Query};
use super::feeds::{Reader, unknown};
use super::problem::Problem;
use crate::feed::Heard;
use crate::search::{Arrival, Scope};

/// Spans of numbers that are listed of a register.
const SPANS: usize = 200;

answer! {
    /// Numbers that follow each other.
    struct NumberSpan {
        /// The first one.
        first: i64,
        /// The last one.
        last: i64,
    }

    /// What arrived of a register on a business day.
    struct RegisterArrivals {
        /// Who sent it.
        integrator_id: String,
        /// The register.
        register_id: RegisterId,
        /// How many transactions, each once.
        records: i64,
        /// Those of them without a running number.
        unnumbered: i64,
        /// The smallest running number.
        first_no: Option<i64>,
        /// The greatest running number.
        last_no: Option<i64>,
        /// When the first transaction completed, by the till's clock.
        first_at: Option<DateTime<Utc>>,
        /// When the last one did.
        last_at: Option<DateTime<Utc>>,
        /// How many numbers between the smallest and the greatest are missing.
        missing: i64,
        /// Which, the smallest first.
        gaps: Vec<NumberSpan>,
        /// Numbers that several transactions have.
        shared: Vec<NumberSpan>,
        /// Transactions that correct earlier records.
        corrections: i64,
        /// Repetitions that were received on that day; null when that is not remembered any more.
        duplicates: Option<i64>,
        /// Records of the register that were set aside on that day; null when that is not remembered any more.
        quarantined: Option<i64>,
    }

    /// What arrived of a store's business day.
    struct Completeness {
        /// The shop.
        store_id: StoreId,
        /// The business day.
        day: NaiveDate,
        /// Whether no number is missing or shared, nothing was set aside, and all of that is known.
        whole: bool,
        /// By register.
        registers: Vec<RegisterArrivals>,
        /// Records that were set aside on that day and name the store, but no register of it; null when that is not
        /// remembered any more.
        quarantined: Option<i64>,
        /// What is missing in this answer, in sentences.
        problems: Vec<String>,
    }
}

/// Which day, and of whom.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    day: Option<NaiveDate>,
    integrator: Option<String>,
}

/// What arrived of a store's business day.
pub(super) async fn completeness(
    State(shared): State<Shared>,
    caller: Caller,
    Path(store_id): Path<StoreId>,
    Query(asked): Query<Asked>,
) -> Result<Json<Completeness>, Problem> {
    let reader = Reader::of(&shared, &caller)?;
    let writes = |permits: &Permits| permits.stores.is_empty() || permits.stores.contains(&store_id);
    let chosen = |permits: &&Permits| {
        let named = asked.integrator.as_ref().is_none_or(|name| permits.integrator.as_str() == name);
        named && reader.may(permits) && writes(permits)
    };
    let permits: Vec<&Permits> = shared.permits.iter().filter(chosen).collect();
    if let (true, Some(name)) = (permits.is_empty(), &asked.integrator) {
        return Err(unknown("integrator", name));
    }
    let set_up = permits.first().and_then(|permits| shared.stores.get(&permits.tenant, &store_id));
    let (Some(store), true) = (set_up, reader.sees(&store_id)) else {
        return Err(unknown("store", store_id.as_str()));
    };
    let now = shared.clock.now();
    let day = asked.day.unwrap_or_else(|| store.business_day(now));
    if store.day(day).is_none() {
        let detail = format!("{day} is no day of the store's calendar");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad query", detail));
    }
    let (search, scope) = (shared.search.clone(), Scope::whole(store.tenant.clone(), vec![store_id.clone()]));
    let arrivals = tokio::task::spawn_blocking(move || search.arrivals(day, &scope)).await;
    let arrivals = match arrivals {
        Ok(arrivals) => arrivals.map_err(|error| Problem::unavailable("the receipts cannot be searched", &error))?,
        Err(error) => return Err(Problem::unavailable("the receipts cannot be searched", &error)),
    };
    let mut lanes: BTreeMap<(String, String), Vec<Arrival>> = BTreeMap::new();
    for arrival in arrivals {
        lanes.entry((arrival.integrator.clone(), arrival.register.clone())).or_default().push(arrival);
    }
    let (mut registers, mut beside) = (Vec::new(), Some(0));
    for permits in permits {
        let heard = shared.feeds.heard_on((&permits.tenant, &permits.integrator), &store_id, day, now);
        beside = beside.zip(heard.as_ref()).map(|(sum, (_, beside))| sum + beside.rejected);
        // A register may have nothing but what was set aside.
        let of_feed = heard.iter().flat_map(|(registers, _)| registers);
        let of_feed = of_feed.filter(|(_, heard)| heard.duplicates + heard.rejected > 0);
        let of_feed = of_feed.map(|(register, _)| register.clone());
        let of_index = lanes.keys().filter(|(integrator, _)| integrator == permits.integrator.as_str());
        let mut all: BTreeSet<RegisterId> = of_index.filter_map(|(_, register)| register.parse().ok()).collect();
        all.extend(of_feed);
        for register in all {
            let arrived = lanes.remove(&(permits.integrator.to_string(), register.to_string())).unwrap_or_default();
            let heard = heard.as_ref().map(|(registers, _)| registers.get(&register).copied().unwrap_or_default());
            registers.push(told(permits.integrator.to_string(), register, &arrived, heard));
        }
    }
    let mut problems = Vec::new();
    if !shared.search.is_complete() {
        problems.push("The search index is being built: numbers may be missing that have come.".to_owned());
    }
    if beside.is_none() {
        problems.push("What was repeated or set aside on that day is not remembered (any more, or yet).".to_owned());
    }
    let cut = |register: &RegisterArrivals| register.gaps.len() >= SPANS || register.shared.len() >= SPANS;
    if registers.iter().any(cut) {
        problems.push(format!("Of a register the first {SPANS} gaps are listed, and as many numbers that are shared."));
    }
    let clean = |register: &RegisterArrivals| {
        register.missing == 0 && register.shared.is_empty() && register.quarantined == Some(0)
    };
    let whole = problems.is_empty() && beside == Some(0) && registers.iter().all(clean);
    Ok(Json(Completeness { store_id, day, whole, registers, quarantined: beside, problems }))
}

/// What arrived of one register.
fn told(integrator_id: String, register_id: RegisterId, arrived: &[Arrival], heard: Option<Heard>) -> RegisterArrivals {
    let mut numbers: Vec<i64> = arrived.iter().filter_map(|arrival| arrival.number).collect();
    numbers.sort_unstable();
    let pairs = || numbers.iter().zip(numbers.iter().skip(1));
    let holes = pairs().filter(|(one, next)| next.saturating_sub(**one) > 1);
    let holes: Vec<NumberSpan> =
        holes.map(|(one, next)| NumberSpan { first: one.saturating_add(1), last: next.saturating_sub(1) }).collect();
    let missing = holes
        .iter()
        .fold(0_i64, |sum, hole| sum.saturating_add(hole.last.saturating_sub(hole.first).saturating_add(1)));
    let twice: BTreeSet<i64> = pairs().filter(|(one, next)| one == next).map(|(one, _)| *one).collect();
    let count =
        |of: &dyn Fn(&Arrival) -> bool| i64::try_from(arrived.iter().filter(|one| of(one)).count()).unwrap_or(i64::MAX);
    RegisterArrivals {
        integrator_id,
        register_id,
        records: count(&|_| true),
        unnumbered: count(&|arrival| arrival.number.is_none()),
        first_no: numbers.first().copied(),
        last_no: numbers.last().copied(),
        first_at: arrived.iter().map(|arrival| arrival.at).min(),
        last_at: arrived.iter().map(|arrival| arrival.at).max(),
        missing,
        gaps: holes.into_iter().take(SPANS).collect(),
        shared: spans(&twice).into_iter().take(SPANS).collect(),
        corrections: count(&|arrival| arrival.is_correction),
        duplicates: heard.map(|heard| heard.duplicates),
        quarantined: heard.map(|heard| heard.rejected),
    }
}

/// Numbers in order as spans.
fn spans(numbers: &BTreeSet<i64>) -> Vec<NumberSpan> {
    let mut spans: Vec<NumberSpan> = Vec::new();
    for number in numbers {
        match spans.last_mut().filter(|span| span.last.saturating_add(1) == *number) {
            Some(span) => span.last = *number,
            None => spans.push(NumberSpan { first: *number, last: *number }),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrived(numbers: &[Option<i64>]) -> RegisterArrivals {
        let arrival = |number: &Option<i64>| Arrival {
            integrator: "kiosk".into(),
            register: "1".into(),
            number: *number,
            at: DateTime::UNIX_EPOCH,
            is_correction: false,
        };
        let arrivals: Vec<Arrival> = numbers.iter().map(arrival).collect();
        told("kiosk".into(), "1".parse().unwrap(), &arrivals, None)
    }

    fn pairs(spans: &[NumberSpan]) -> Vec<(i64, i64)> {
        spans.iter().map(|span| (span.first, span.last)).collect()
    }

    #[test]
    fn what_is_missing_between_the_first_and_the_last_number_is_told_as_spans() {
        let register = arrived(&[Some(9), Some(4), None, Some(5), Some(12), Some(5), Some(4)]);
        assert_eq!((register.records, register.unnumbered), (7, 1));
        assert_eq!((register.first_no, register.last_no, register.missing), (Some(4), Some(12), 5));
        assert_eq!(pairs(&register.gaps), [(6, 8), (10, 11)]);
        assert_eq!(pairs(&register.shared), [(4, 5)]);
        assert_eq!((register.duplicates, register.quarantined), (None, None));
    }

    #[test]
    fn numbers_from_end_to_end_and_none_at_all_are_counted_too() {
        let register = arrived(&[Some(i64::MIN), Some(i64::MAX)]);
        assert_eq!((register.missing, register.gaps.len()), (i64::MAX, 1));
        let register = arrived(&[]);
        assert_eq!((register.records, register.first_no, register.first_at), (0, None, None));
        assert_eq!((register.missing, register.gaps.len()), (0, 0));
    }
}
