//! [`Automaton`]: a pattern as places, each of which takes one row, and which places may come next, the preferred first.
//!
//! Ways that need no row (the end of a loop, an option that is left out) are followed once, when the automaton is built;
//! so a run only goes from row to row.

use super::pattern::Pattern;

/// A pattern that is written out may have so many places.
pub(super) const MOST_PLACES: usize = 200;

/// Where a match goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// With a row at a place.
    Place(usize),
    /// Nowhere: it is complete.
    End,
}

/// A pattern, ready to run.
#[derive(Debug, Clone)]
pub(super) struct Automaton {
    /// The variable of each place.
    variables: Vec<usize>,
    /// What comes after each place.
    after: Vec<Vec<Next>>,
    begin: Vec<Next>,
}

/// A step of the pattern, written out.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Takes a row at a place.
    Row(usize),
    /// Goes on at either of two steps, the first preferred.
    Either(usize, usize),
    /// Goes on at a step.
    Go(usize),
}

impl Automaton {
    /// Writes a pattern out; `None` when it has more than [`MOST_PLACES`].
    pub(super) fn new(pattern: &Pattern) -> Option<Self> {
        let mut written = Written::default();
        written.write(pattern)?;
        let after = written.behind.iter().map(|step| written.reached(*step)).collect();
        let begin = written.reached(0);
        Some(Self { variables: written.variables, after, begin })
    }

    /// The variable whose row a place takes.
    pub(super) fn variable(&self, place: usize) -> usize {
        self.variables.get(place).copied().unwrap_or(usize::MAX)
    }

    /// What comes after a place, the preferred first.
    pub(super) fn after(&self, place: usize) -> &[Next] {
        self.after.get(place).map(Vec::as_slice).unwrap_or_default()
    }

    /// Where a match begins.
    pub(super) fn begin(&self) -> &[Next] {
        &self.begin
    }

    /// How many places it has.
    pub(super) fn places(&self) -> usize {
        self.variables.len()
    }

    /// The variables that a match can begin with, as bits.
    pub(super) fn first(&self) -> u64 {
        let bit = |next: &Next| match next {
            Next::Place(place) => 1_u64 << (self.variable(*place) & 63),
            Next::End => 0,
        };
        self.begin.iter().map(bit).fold(0, |all, bit| all | bit)
    }
}

/// A pattern as steps.
#[derive(Debug, Default)]
struct Written {
    steps: Vec<Step>,
    variables: Vec<usize>,
    /// The step behind each place.
    behind: Vec<usize>,
}

impl Written {
    fn write(&mut self, pattern: &Pattern) -> Option<()> {
        match pattern {
            Pattern::Row(variable) => {
                if self.variables.len() >= MOST_PLACES {
                    return None;
                }
                self.steps.push(Step::Row(self.variables.len()));
                self.variables.push(*variable);
                self.behind.push(self.steps.len());
            }
            Pattern::All(parts) => parts.iter().try_for_each(|part| self.write(part))?,
            Pattern::Any(parts) => {
                let Some((last, rest)) = parts.split_last() else { return Some(()) };
                let mut ends = Vec::new();
                for part in rest {
                    let fork = self.fork();
                    self.write(part)?;
                    ends.push(self.steps.len());
                    self.steps.push(Step::Go(0));
                    self.set(fork, Step::Either(fork + 1, self.steps.len()));
                }
                self.write(last)?;
                for end in ends {
                    self.set(end, Step::Go(self.steps.len()));
                }
            }
            Pattern::Repeated { what, least, most, greedy } => {
                (0..*least).try_for_each(|_| self.write(what))?;
                let prefer = |one, other| if *greedy { Step::Either(one, other) } else { Step::Either(other, one) };
                if let Some(most) = most {
                    let mut forks = Vec::new();
                    for _ in *least..*most {
                        forks.push(self.fork());
                        self.write(what)?;
                    }
                    for fork in forks {
                        self.set(fork, prefer(fork + 1, self.steps.len()));
                    }
                } else {
                    let fork = self.fork();
                    self.write(what)?;
                    self.steps.push(Step::Go(fork));
                    self.set(fork, prefer(fork + 1, self.steps.len()));
                }
            }
        }
        Some(())
    }

    /// Keeps a step free.
    fn fork(&mut self) -> usize {
        self.steps.push(Step::Go(0));
        self.steps.len() - 1
    }

    fn set(&mut self, at: usize, step: Step) {
        if let Some(place) = self.steps.get_mut(at) {
            *place = step;
        }
    }

    /// What can be reached from a step without a row, the preferred first.
    fn reached(&self, from: usize) -> Vec<Next> {
        let mut seen = vec![false; self.steps.len() + 1];
        let mut open = vec![from];
        let mut reached = Vec::new();
        while let Some(at) = open.pop() {
            match seen.get_mut(at) {
                Some(seen) if !*seen => *seen = true,
                _ => continue,
            }
            match self.steps.get(at) {
                Some(Step::Row(place)) => reached.push(Next::Place(*place)),
                Some(Step::Go(to)) => open.push(*to),
                Some(Step::Either(one, other)) => open.extend([*other, *one]),
                None => reached.push(Next::End),
            }
        }
        reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(what: Pattern, least: u32, most: Option<u32>, greedy: bool) -> Pattern {
        Pattern::Repeated { what: Box::new(what), least, most, greedy }
    }

    #[test]
    fn what_is_preferred_comes_first() {
        let pattern = |greedy| Pattern::All(vec![Pattern::Row(0), repeated(Pattern::Row(1), 0, None, greedy)]);
        let greedy = Automaton::new(&pattern(true)).unwrap();
        assert_eq!((greedy.begin(), greedy.after(0)), (&[Next::Place(0)][..], &[Next::Place(1), Next::End][..]));
        assert_eq!(greedy.after(1), [Next::Place(1), Next::End]);
        let reluctant = Automaton::new(&pattern(false)).unwrap();
        assert_eq!(reluctant.after(1), [Next::End, Next::Place(1)]);
        let either = Automaton::new(&Pattern::Any(vec![Pattern::Row(3), Pattern::Row(1), Pattern::Row(2)])).unwrap();
        assert_eq!(either.begin(), [Next::Place(0), Next::Place(1), Next::Place(2)]);
        assert_eq!((either.variable(0), either.first()), (3, 0b1110));
    }

    #[test]
    fn a_loop_of_nothing_ends() {
        let nothing = repeated(Pattern::Row(0), 0, Some(1), true);
        let automaton = Automaton::new(&Pattern::All(vec![repeated(nothing, 0, None, true), Pattern::Row(1)])).unwrap();
        assert_eq!(automaton.begin(), [Next::Place(0), Next::Place(1)]);
        assert_eq!(automaton.after(0), [Next::Place(0), Next::Place(1)]);
    }

    #[test]
    fn numbers_are_written_out_up_to_a_limit() {
        let automaton = Automaton::new(&repeated(Pattern::Row(0), 2, Some(3), true)).unwrap();
        assert_eq!((automaton.places(), automaton.after(0)), (3, &[Next::Place(1)][..]));
        assert_eq!(automaton.after(1), [Next::Place(2), Next::End]);
        assert!(Automaton::new(&repeated(Pattern::Row(0), 201, None, true)).is_none());
    }
}
