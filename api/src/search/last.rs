//! When a register or an operator was last heard of.

use chrono::{DateTime, Utc};

use super::{Order, Request, Scope, Search, SearchError};

/// Whose records are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    /// A register's.
    Register,
    /// An operator's.
    Operator,
}

impl Search {
    /// The registers or operators within a scope that have records, the 50 with most of them, each with the time of the
    /// last one. Reads the disk: call it where that is allowed.
    ///
    /// # Errors
    /// As [`Search::find`].
    pub(crate) fn last_records(&self, of: Of, scope: &Scope) -> Result<Vec<(String, DateTime<Utc>)>, SearchError> {
        let ask = |text: String| {
            self.find(&Request {
                text,
                from: None,
                to: None,
                scope: scope.clone(),
                order: Order::Time,
                limit: 1,
                cursor: None,
            })
        };
        let facets = ask(String::new())?.facets;
        let (name, values) = match of {
            Of::Register => ("register", facets.register),
            Of::Operator => ("op", facets.operator),
        };
        let mut last = Vec::new();
        for value in values {
            let answer = ask(format!("{name}:\"{}\"", value.value))?;
            last.extend(answer.items.first().map(|hit| (value.value.clone(), hit.event_time)));
        }
        Ok(last)
    }
}
