//! [`Pattern`]: what `PATTERN (…)` says, as a tree over the numbers of row variables.
//!
//! Which of several matches counts is a matter of order: of `A | B` the left one is preferred, a quantifier takes as many
//! rows as it can, and with a `?` behind it as few (SQL:2016, "preferment").

use std::fmt;

/// What a sequence of rows looks like.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Pattern {
    /// A row of a variable.
    Row(usize),
    /// One after the other.
    All(Vec<Self>),
    /// One of them, the first preferred.
    Any(Vec<Self>),
    /// The same several times.
    Repeated {
        /// What is repeated.
        what: Box<Self>,
        /// At least so often.
        least: u32,
        /// At most so often; without a limit when absent.
        most: Option<u32>,
        /// Whether more is preferred to less.
        greedy: bool,
    },
}

impl Pattern {
    /// Whether it is complete without any row.
    pub(super) fn can_be_empty(&self) -> bool {
        match self {
            Self::Row(_) => false,
            Self::All(parts) => parts.iter().all(Self::can_be_empty),
            Self::Any(parts) => parts.iter().any(Self::can_be_empty),
            Self::Repeated { what, least, .. } => *least == 0 || what.can_be_empty(),
        }
    }
}

/// With the numbers of its variables: `v0 (v1)* v2`.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, parts: &[Self], between: &str| {
            for (number, part) in parts.iter().enumerate() {
                if number > 0 {
                    f.write_str(between)?;
                }
                write!(f, "{part}")?;
            }
            Ok(())
        };
        match self {
            Self::Row(variable) => write!(f, "v{variable}"),
            Self::All(parts) => joined(f, parts, " "),
            Self::Any(parts) => {
                f.write_str("(")?;
                joined(f, parts, " | ")?;
                f.write_str(")")
            }
            Self::Repeated { what, least, most, greedy } => {
                write!(f, "({what}){{{least},")?;
                if let Some(most) = most {
                    write!(f, "{most}")?;
                }
                f.write_str(if *greedy { "}" } else { "}?" })
            }
        }
    }
}
