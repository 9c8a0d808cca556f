//! What people are shown of the scores: two rankings whose numbers can be checked.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use tillsight_correlate::score::{Part, Policy, Risk, Scores, Standing, Verdict, Withheld};
use tillsight_correlate::tally::{COUNTED, Counted, Counts, Gathered, Period};
use tillsight_schemas::id::{OperatorId, StoreId};

use crate::http::answer::answer;

/// So many operators are listed, and beyond them those who stand out.
const LISTED: usize = 200;

answer! {
    /// Something that is counted.
    struct ScoreMeasure {
        /// Its name for programs; in SQL its column, and with `_of` that of what it is counted among.
        key: String,
        /// What people call it.
        name: String,
        /// What it is counted among, after `per 100`.
        of: String,
        /// Its share in the composite risk, 0 to 1.
        weight: f64,
        /// The place of the question that counts it, from 0.
        question: i64,
    }

    /// A question that numbers come from.
    struct ScoreQuestion {
        /// What it counts.
        name: String,
        /// The SQL; who runs it gets the same numbers, by register.
        sql: String,
    }

    /// One measure's part in a composite risk. Rates are per 100.
    struct ScorePart {
        /// The measure.
        measure: String,
        /// How often it happened.
        events: i64,
        /// Among how many.
        of: i64,
        /// The rate as counted.
        raw: f64,
        /// The rate that is believed: as counted, and drawn towards that of the peers where little was counted.
        rate: f64,
        /// The rate of the peers: the mean of operators with the same work; for a store the median of the stores.
        peers: f64,
        /// How often it would have happened to peers.
        expected: f64,
        /// 0 to 100: how far the rate exceeds that of the peers.
        points: f64,
        /// What it adds to the risk: weight × points.
        contribution: f64,
    }

    /// One measure of one operator.
    struct OperatorPart {
        /// What was counted, and what it adds to the risk.
        @flatten part: ScorePart,
        /// The lower end of the interval in which the rate lies with 95 %.
        low: f64,
        /// Its upper end.
        high: f64,
        /// The smallest share of wrong ones among all who stand out at which this one would; null where it was not compared.
        q: Option<f64>,
        /// Whether it stands out.
        stands_out: bool,
        /// Where it stands out: with so many it would not.
        not_with: Option<i64>,
        /// Why it was not compared: `few` (too little was counted), `peers` (too few do this work), `spread` (honest people
        /// differ otherwise here than is assumed).
        withheld: Option<String>,
        /// A query that finds the receipts, where the search can tell them from others.
        query: Option<String>,
    }

    /// An operator at one kind of work in one store.
    struct ScoredOperator {
        /// The place among those listed, from 1.
        rank: i64,
        /// The store.
        store_id: StoreId,
        /// Who.
        operator_id: OperatorId,
        /// What reports show instead of the id.
        alias: Option<String>,
        /// The work: `staffed`, `self_checkout` or `service`, after the kind of the register.
        work: String,
        /// How many do the same work, in all stores of the retailer.
        peers: i64,
        /// The composite risk, 0 to 100: the sum of the contributions. It ranks, and says nothing by itself.
        risk: f64,
        /// Whether anything stands out.
        stands_out: bool,
        /// The parts, those that add most first.
        parts: Vec<OperatorPart>,
    }

    /// A store, beside what the work of its operators lets expect.
    struct ScoredStore {
        /// The place among those listed, from 1.
        rank: i64,
        /// The store.
        store_id: StoreId,
        /// The composite risk, 0 to 100.
        risk: f64,
        /// The parts, those that add most first.
        parts: Vec<ScorePart>,
    }

    /// Operators and stores beside their peers, over some business days.
    struct ScoresShown {
        /// The first day.
        from: NaiveDate,
        /// The last: the last one that is over everywhere.
        to: NaiveDate,
        /// Of those who stand out, what share may be wrong in the long run.
        q: f64,
        /// How many comparisons were made.
        compared: i64,
        /// With less counted, nobody is compared.
        exposures_enough: i64,
        /// With fewer at the same work, nobody is compared.
        peers_enough: i64,
        /// What is counted.
        measures: Vec<ScoreMeasure>,
        /// The questions behind it.
        questions: Vec<ScoreQuestion>,
        /// Operators, the highest risk first: 200, and those beyond who stand out.
        operators: Vec<ScoredOperator>,
        /// How many operators there are.
        operators_total: i64,
        /// Stores, the highest risk first.
        stores: Vec<ScoredStore>,
        /// When it was made.
        made_at: DateTime<Utc>,
    }
}

/// What stands beside the scores.
pub(super) struct Beside<'a> {
    /// The days.
    pub(super) period: &'a Period,
    /// What was counted.
    pub(super) counts: &'a Counts,
    /// What operators are called.
    pub(super) aliases: &'a BTreeMap<OperatorId, String>,
    /// When they are made.
    pub(super) now: DateTime<Utc>,
}

/// What is shown of the stores of which `shows` says yes.
pub(super) fn shown(
    gathered: &Gathered,
    scores: &Scores<'_>,
    policy: &Policy,
    beside: &Beside<'_>,
    shows: impl Fn(&StoreId) -> bool,
) -> ScoresShown {
    let standings: BTreeMap<(&str, &str), &Standing<'_>> =
        scores.standings.iter().map(|standing| ((standing.operator, standing.measure), standing)).collect();
    let mut peers: BTreeMap<&str, usize> = BTreeMap::new();
    for group in &scores.groups {
        let most = peers.entry(group.role).or_default();
        *most = group.peers.max(*most);
    }
    let mut operators = Vec::new();
    for risk in &scores.operators {
        let Some(unit) = gathered.units.get(risk.name).filter(|unit| shows(&unit.store)) else { continue };
        let of_measure = |part: &Part<'_>| {
            let standing = standings.get(&(risk.name, part.measure))?;
            (part.exposures > 0).then(|| operator_part(part, standing, unit, beside.period))
        };
        let mut parts: Vec<OperatorPart> = risk.parts.iter().filter_map(of_measure).collect();
        parts.sort_by(|one, other| other.part.contribution.total_cmp(&one.part.contribution));
        if parts.is_empty() {
            continue;
        }
        operators.push(ScoredOperator {
            rank: number(operators.len() + 1),
            store_id: unit.store.clone(),
            operator_id: unit.operator.clone(),
            alias: beside.aliases.get(&unit.operator).cloned(),
            work: unit.work.to_string(),
            peers: number(peers.get(unit.work.as_str()).copied().unwrap_or_default()),
            risk: risk.score,
            stands_out: parts.iter().any(|part| part.stands_out),
            parts,
        });
    }
    let operators_total = number(operators.len());
    let mut place = 0;
    operators.retain(|operator| {
        place += 1;
        place <= LISTED || operator.stands_out
    });
    ScoresShown {
        from: beside.period.first,
        to: beside.period.last,
        q: policy.q,
        compared: number(scores.tests),
        exposures_enough: policy.exposures_enough.into(),
        peers_enough: number(policy.peers_enough),
        measures: measures(),
        questions: questions(beside.counts),
        operators,
        operators_total,
        stores: stores(scores, gathered, shows),
        made_at: beside.now,
    }
}

fn stores(scores: &Scores<'_>, gathered: &Gathered, shows: impl Fn(&StoreId) -> bool) -> Vec<ScoredStore> {
    let known: BTreeSet<&StoreId> = gathered.units.values().map(|unit| &unit.store).collect();
    let mut stores = Vec::new();
    for Risk { name, score, parts, .. } in &scores.stores {
        let Some(store) = known.iter().find(|store| store.as_str() == *name && shows(store)) else { continue };
        let mut parts: Vec<ScorePart> = parts.iter().filter(|part| part.exposures > 0).map(score_part).collect();
        parts.sort_by(|one, other| other.contribution.total_cmp(&one.contribution));
        if !parts.is_empty() {
            let store_id = StoreId::clone(store);
            stores.push(ScoredStore { rank: number(stores.len() + 1), store_id, risk: *score, parts });
        }
    }
    stores
}

fn measures() -> Vec<ScoreMeasure> {
    let all: f64 = COUNTED.iter().map(|counted| counted.weight).sum();
    let measure = |counted: &Counted| ScoreMeasure {
        key: counted.key.to_owned(),
        name: counted.name.to_owned(),
        of: counted.of.to_owned(),
        weight: counted.weight / all,
        question: number(counted.question()),
    };
    COUNTED.iter().map(measure).collect()
}

fn questions(counts: &Counts) -> Vec<ScoreQuestion> {
    let question = |(name, sql): &(&str, String)| ScoreQuestion { name: (*name).to_owned(), sql: sql.clone() };
    counts.questions.iter().map(question).collect()
}

fn score_part(part: &Part<'_>) -> ScorePart {
    let of = part.exposures.max(1);
    ScorePart {
        measure: part.measure.to_owned(),
        events: i64::try_from(part.events).unwrap_or(i64::MAX),
        of: i64::try_from(part.exposures).unwrap_or(i64::MAX),
        raw: 100.0 * real(part.events) / real(of),
        rate: 100.0 * part.rate,
        peers: 100.0 * part.peers_median,
        expected: part.expected,
        points: part.points,
        contribution: part.contribution,
    }
}

fn operator_part(
    part: &Part<'_>,
    standing: &Standing<'_>,
    unit: &tillsight_correlate::tally::Unit,
    period: &Period,
) -> OperatorPart {
    let (q, not_with, withheld) = match standing.verdict {
        Verdict::Tested { q, not_with, .. } => (Some(q), not_with, None),
        Verdict::Untested(Withheld::Exposures) => (None, None, Some("few")),
        Verdict::Untested(Withheld::Peers) => (None, None, Some("peers")),
        Verdict::Untested(Withheld::Misfit) => (None, None, Some("spread")),
    };
    let find = COUNTED.iter().find(|counted| counted.key == part.measure).and_then(|counted| counted.find);
    let query = |find: &str| {
        format!("op:{} store:{} {find} from:{} to:{}", unit.operator, unit.store, period.first, period.last)
    };
    OperatorPart {
        part: ScorePart { peers: 100.0 * standing.peers_mean, ..score_part(part) },
        low: 100.0 * standing.interval.0,
        high: 100.0 * standing.interval.1,
        q,
        stands_out: standing.sent(),
        not_with: not_with.map(i64::from),
        withheld: withheld.map(str::to_owned),
        query: find.filter(|_| part.events > 0).map(query),
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts of a period are far below 2^52")]
fn real(count: u64) -> f64 {
    count as f64
}

fn number(of: usize) -> i64 {
    i64::try_from(of).unwrap_or(i64::MAX)
}
