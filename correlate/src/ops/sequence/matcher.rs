//! [`Matcher`]: finds the match that begins at a row.
//!
//! Partial matches are kept in the order of preference. Two of them at the same place have the same future where what a
//! variable asks for is known of each row beforehand, so the less preferred one is dropped, and there are never more
//! than places. Where a variable looks back at the rows of its match they differ, and their number is limited.

use std::ops::Range;

use datafusion::error::{DataFusionError, Result};

use super::automaton::{Automaton, Next};

/// So many partial matches may be open at once.
pub(super) const MOST_OPEN: usize = 10_000;
/// So many rows may be held by the partial matches that begin at one row.
const MOST_ROWS: usize = 1_000_000;

/// The rows of all keys, each key's in order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    /// The variables that each may be a row of, as bits.
    pub(super) variables: &'a [u64],
    /// When each was, in microseconds.
    pub(super) times: &'a [i64],
}

/// Whether a row may be of a variable, given what its match has taken up to a footstep: asked where bits alone do not
/// decide.
pub(super) type Judge<'a> = dyn FnMut(usize, usize, &Trail, Option<usize>) -> Result<bool> + 'a;

/// What partial matches have taken, as footsteps each of which knows the one before.
#[derive(Debug, Default)]
pub(super) struct Trail(Vec<Footstep>);

#[derive(Debug, Clone, Copy)]
struct Footstep {
    before: Option<usize>,
    variable: usize,
    row: usize,
}

/// The rows of a match by variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Taken {
    /// Its first and last row.
    pub(super) rows: (usize, usize),
    /// The variable of the last row.
    pub(super) by: usize,
    /// The first and last row of each variable.
    pub(super) of: Vec<Option<(usize, usize)>>,
    /// How many rows each variable has.
    pub(super) counts: Vec<i64>,
}

impl Trail {
    /// What was taken up to a footstep.
    fn taken(&self, from: Option<usize>, variables: usize) -> Option<Taken> {
        let last = self.0.get(from?)?;
        let mut taken = Taken::of(last.variable, last.row, variables);
        let mut at = last.before;
        while let Some(step) = at.and_then(|at| self.0.get(at)) {
            taken.before(step.variable, step.row);
            at = step.before;
        }
        Some(taken)
    }

    /// What would have been taken with one row more.
    pub(super) fn with(&self, from: Option<usize>, variable: usize, row: usize, variables: usize) -> Taken {
        let mut taken = Taken::of(variable, row, variables);
        let mut at = from;
        while let Some(step) = at.and_then(|at| self.0.get(at)) {
            taken.before(step.variable, step.row);
            at = step.before;
        }
        taken
    }
}

impl Taken {
    fn of(variable: usize, row: usize, variables: usize) -> Self {
        let mut taken = Self { rows: (row, row), by: variable, of: vec![None; variables], counts: vec![0; variables] };
        taken.before(variable, row);
        taken
    }

    /// Takes in a row that came before those that are known.
    fn before(&mut self, variable: usize, row: usize) {
        self.rows.0 = row;
        if let Some(of) = self.of.get_mut(variable) {
            *of = Some((row, of.map_or(row, |(_, last)| last)));
        }
        if let Some(count) = self.counts.get_mut(variable) {
            *count += 1;
        }
    }
}

/// A partial match.
#[derive(Debug, Clone, Copy)]
struct Open {
    place: usize,
    /// Its last footstep.
    trail: Option<usize>,
}

/// Runs an automaton.
#[derive(Debug)]
pub(super) struct Matcher<'a> {
    automaton: &'a Automaton,
    variables: usize,
    /// Whether what a variable asks for depends on the rows of its match.
    looks_back: bool,
    open: Vec<Open>,
    next: Vec<Open>,
    trail: Trail,
    /// When each place was reached last.
    reached: Vec<usize>,
    now: usize,
}

impl<'a> Matcher<'a> {
    /// Of an automaton over so many variables.
    pub(super) fn new(automaton: &'a Automaton, variables: usize, looks_back: bool) -> Self {
        Self {
            automaton,
            variables,
            looks_back,
            open: Vec::new(),
            next: Vec::new(),
            trail: Trail::default(),
            reached: vec![0; automaton.places()],
            now: 0,
        }
    }

    /// The preferred match that begins at the first of some rows and ends by an instant.
    ///
    /// # Errors
    /// [`DataFusionError::ResourcesExhausted`] when too many partial matches are open; those of `judge`.
    pub(super) fn find(
        &mut self,
        rows: Rows<'_>,
        span: Range<usize>,
        until: i64,
        judge: &mut Judge<'_>,
    ) -> Result<Option<Taken>> {
        self.trail.0.clear();
        self.open.clear();
        let begin = self.automaton.begin().iter();
        self.open.extend(begin.filter_map(|next| match next {
            Next::Place(place) => Some(Open { place: *place, trail: None }),
            Next::End => None,
        }));
        let mut best = None;
        let may = rows.variables.get(span.clone()).unwrap_or_default();
        let times = rows.times.get(span.clone()).unwrap_or_default();
        for ((row, may), at) in span.zip(may).zip(times) {
            if *at > until || self.open.is_empty() {
                break;
            }
            self.next.clear();
            self.now += 1;
            if let Some(complete) = self.step(row, *may, judge)? {
                best = Some(complete);
            }
            std::mem::swap(&mut self.open, &mut self.next);
        }
        Ok(self.trail.taken(best, self.variables))
    }

    /// Takes a row; the last footstep of the match that it completes, behind which nothing is open any more that would be
    /// less preferred.
    fn step(&mut self, row: usize, may: u64, judge: &mut Judge<'_>) -> Result<Option<usize>> {
        for open in &self.open {
            let variable = self.automaton.variable(open.place);
            if may & (1_u64 << (variable & 63)) == 0 {
                continue;
            }
            if self.looks_back && !judge(variable, row, &self.trail, open.trail)? {
                continue;
            }
            let footstep = self.trail.0.len();
            self.trail.0.push(Footstep { before: open.trail, variable, row });
            for next in self.automaton.after(open.place) {
                let Next::Place(place) = next else { return Ok(Some(footstep)) };
                if !self.looks_back {
                    match self.reached.get_mut(*place) {
                        Some(reached) if *reached != self.now => *reached = self.now,
                        _ => continue,
                    }
                }
                self.next.push(Open { place: *place, trail: Some(footstep) });
            }
            if self.next.len() > MOST_OPEN || self.trail.0.len() > MOST_ROWS {
                return Err(DataFusionError::ResourcesExhausted(format!(
                    "MATCH_RECOGNIZE keeps more than {MOST_OPEN} partial matches, or {MOST_ROWS} rows in them: shorten \
                     `within`, or let DEFINE say more about each row by itself"
                )));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::pattern::Pattern;
    use super::*;
    use crate::ops::chance::Chance;

    const VARIABLES: usize = 3;

    fn pattern(chance: &mut Chance, depth: u64) -> Pattern {
        let some = |chance: &mut Chance| (0..1 + chance.below(3)).map(|_| pattern(chance, depth - 1)).collect();
        match if depth == 0 { 0 } else { chance.below(5) } {
            0 | 1 => Pattern::Row(usize::try_from(chance.below(3)).unwrap()),
            2 => Pattern::All(some(chance)),
            3 => Pattern::Any(some(chance)),
            _ => {
                let (what, least) = (Box::new(pattern(chance, depth - 1)), u32::try_from(chance.below(3)).unwrap());
                let more = u32::try_from(chance.below(3)).unwrap();
                let most = (chance.below(2) == 0).then_some((least + more).max(1));
                Pattern::Repeated { what, least, most, greedy: chance.below(2) == 0 }
            }
        }
    }

    /// Tries one way after the other in the order of preference, as the standard says it.
    fn tried(rest: &[&Pattern], may: &[u64], row: usize, taken: &mut Vec<usize>) -> bool {
        let Some((first, rest)) = rest.split_first() else { return true };
        match first {
            Pattern::Row(variable) => {
                if may.get(row).is_none_or(|may| may & (1 << variable) == 0) {
                    return false;
                }
                taken.push(*variable);
                let found = tried(rest, may, row + 1, taken);
                if !found {
                    taken.pop();
                }
                found
            }
            Pattern::All(parts) => tried(&[&parts.iter().collect::<Vec<_>>(), rest].concat(), may, row, taken),
            Pattern::Any(parts) => parts.iter().any(|part| tried(&[&[part], rest].concat(), may, row, taken)),
            Pattern::Repeated { what, least, most, greedy } => {
                if *most == Some(0) {
                    return tried(rest, may, row, taken);
                }
                // One time more must take a row, or it would go on for ever.
                let fewer = Pattern::Repeated {
                    what: what.clone(),
                    least: least.saturating_sub(1),
                    most: most.map(|most| most - 1),
                    greedy: *greedy,
                };
                let more = |taken: &mut Vec<usize>| tried(&[&[what.as_ref(), &fewer], rest].concat(), may, row, taken);
                if *least > 0 {
                    return more(taken);
                }
                let again_first = [*greedy, !*greedy];
                again_first.into_iter().any(|again| if again { more(taken) } else { tried(rest, may, row, taken) })
            }
        }
    }

    fn by_trying(pattern: &Pattern, may: &[u64]) -> Option<Taken> {
        let mut variables = Vec::new();
        tried(&[pattern], may, 0, &mut variables).then(|| {
            let mut taken = Taken::of(*variables.last().unwrap(), variables.len() - 1, VARIABLES);
            for (row, variable) in variables.iter().enumerate().rev().skip(1) {
                taken.before(*variable, row);
            }
            taken
        })
    }

    /// Whether something that needs no row is repeated without end: trying would not come back.
    fn endless(pattern: &Pattern) -> bool {
        match pattern {
            Pattern::Row(_) => false,
            Pattern::All(parts) | Pattern::Any(parts) => parts.iter().any(endless),
            Pattern::Repeated { what, .. } => what.can_be_empty() || endless(what),
        }
    }

    #[test]
    fn the_match_is_the_first_that_trying_in_order_finds() {
        let mut chance = Chance(0x5eed_0001);
        let (mut found, mut tries) = (0, 0);
        while tries < 4_000 {
            let pattern = pattern(&mut chance, 3);
            if pattern.can_be_empty() || endless(&pattern) {
                continue;
            }
            let Some(automaton) = Automaton::new(&pattern) else { continue };
            tries += 1;
            let may: Vec<u64> = (0..chance.below(9)).map(|_| chance.below(8)).collect();
            let times: Vec<i64> = (0_i64..).take(may.len()).collect();
            let expected = by_trying(&pattern, &may);
            for looks_back in [false, true] {
                let mut matcher = Matcher::new(&automaton, VARIABLES, looks_back);
                let rows = Rows { variables: &may, times: &times };
                let ours = matcher.find(rows, 0..may.len(), i64::MAX, &mut |_, _, _, _| Ok(true)).unwrap();
                assert_eq!(ours, expected, "{pattern} over {may:?}");
            }
            found += usize::from(expected.is_some());
        }
        assert!(found > 500 && found < 3_500, "{found}");
    }

    #[test]
    fn a_match_ends_by_its_instant() {
        let then = Pattern::Repeated { what: Box::new(Pattern::Row(1)), least: 0, most: None, greedy: true };
        let automaton = Automaton::new(&Pattern::All(vec![Pattern::Row(0), then])).unwrap();
        let (may, times) = ([1, 2, 2, 2], [0, 10, 20, 30]);
        let rows = Rows { variables: &may, times: &times };
        let mut matcher = Matcher::new(&automaton, 2, false);
        let last = |taken: Option<Taken>| taken.unwrap().rows.1;
        let mut until = |until| matcher.find(rows, 0..4, until, &mut |_, _, _, _| Ok(true)).unwrap();
        assert_eq!((last(until(19)), last(until(20)), last(until(99))), (1, 2, 3));
        assert_eq!(until(99).unwrap().counts, [1, 3]);
    }

    #[test]
    fn what_grows_without_measure_is_an_error() {
        // Each row doubles the ways that differ by what they have taken.
        let either = Pattern::Any(vec![Pattern::Row(0), Pattern::Row(1)]);
        let some = Pattern::Repeated { what: Box::new(either), least: 1, most: None, greedy: true };
        let automaton = Automaton::new(&Pattern::All(vec![some, Pattern::Row(2)])).unwrap();
        let (may, times) = (vec![3; 40], vec![0; 40]);
        let rows = Rows { variables: &may, times: &times };
        let mut matcher = Matcher::new(&automaton, VARIABLES, true);
        let error = matcher.find(rows, 0..40, 0, &mut |_, _, _, _| Ok(true)).unwrap_err().to_string();
        assert!(error.contains("more than 10000 partial matches"), "{error}");
        let mut matcher = Matcher::new(&automaton, VARIABLES, false);
        assert!(matcher.find(rows, 0..40, 0, &mut |_, _, _, _| Ok(true)).unwrap().is_none());
    }
}
