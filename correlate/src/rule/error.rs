//! What can be wrong with a rule, in words for its author.

use std::path::{Path, PathBuf};

use datafusion::error::DataFusionError;
use tillsight_schemas::error::{ErrorKind, HasKind, chain};

use super::Header;

/// What is wrong with a rule.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A file of the rule cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The header is not TOML or has a key that does not exist.
    #[error("{} is wrong: {problem}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        problem: String,
    },
    /// A value of the header or the form of the result is wrong.
    #[error("rule {rule}: {problem}")]
    Wrong {
        /// The rule.
        rule: String,
        /// What is wrong and what to do.
        problem: String,
    },
    /// The SQL cannot be planned.
    #[error("rule {rule}: its SQL cannot be planned: {problem}")]
    Plan {
        /// The rule.
        rule: String,
        /// Why, with line and column where they are known.
        problem: String,
    },
    /// The SQL failed when it ran.
    #[error("rule {rule}: its SQL failed: {problem}")]
    Run {
        /// The rule.
        rule: String,
        /// Why.
        problem: String,
    },
}

impl RuleError {
    /// A header that cannot be read.
    pub(super) fn parse(text: &str, error: &toml::de::Error) -> Self {
        Self::Parse { path: "rule.toml".into(), problem: mistake(text, error) }
    }

    /// SQL that cannot be planned.
    pub(crate) fn plan(rule: &Header, error: &DataFusionError) -> Self {
        Self::Plan { rule: rule.id.to_string(), problem: said(error) }
    }

    /// SQL that failed.
    pub(crate) fn run(rule: &Header, error: &DataFusionError) -> Self {
        Self::Run { rule: rule.id.to_string(), problem: said(error) }
    }

    /// What is wrong, for whoever knows already which rule it is about.
    pub(super) fn problem(&self) -> String {
        match self {
            Self::Wrong { problem, .. } => problem.clone(),
            Self::Plan { problem, .. } => format!("its SQL cannot be planned: {problem}"),
            Self::Run { problem, .. } => format!("its SQL failed: {problem}"),
            other => chain(other),
        }
    }

    /// The same, where a header was read from this file.
    pub(super) fn of(self, file: &Path) -> Self {
        match self {
            Self::Parse { problem, .. } => Self::Parse { path: file.to_owned(), problem },
            other => other,
        }
    }
}

/// A mistake in TOML as one line, with its place in the file.
pub(super) fn mistake(text: &str, error: &toml::de::Error) -> String {
    let message = one_line(error.message());
    // A key that is missing has no place: it is said of the whole file.
    match error.span().filter(|span| span.start > 0).and_then(|span| text.get(..span.start)) {
        Some(before) => {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!("line {line}, column {column}: {message}")
        }
        None => message,
    }
}

/// What DataFusion says, once and with its place: its errors repeat what their causes say.
fn said(error: &DataFusionError) -> String {
    let text = match error.find_root() {
        DataFusionError::SQL(error, _) => error.to_string(),
        root => root.message().into_owned(),
    };
    match error.diagnostic().and_then(|diagnostic| diagnostic.span) {
        Some(span) => format!("line {}, column {}: {}", span.start.line, span.start.column, one_line(&text)),
        None => one_line(&text),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl HasKind for RuleError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Read { .. } => ErrorKind::Unavailable,
            Self::Parse { .. } | Self::Wrong { .. } | Self::Plan { .. } => ErrorKind::Invalid,
            Self::Run { .. } => ErrorKind::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_toml_is_one_line_with_its_place() {
        let told = |text: &str| mistake(text, &toml::from_str::<crate::rule::Clip>(text).unwrap_err());
        let wrong = told("before_seconds = 1\nafter_seconds = \"two\"\n");
        assert!(wrong.starts_with("line 2, column 17: ") && !wrong.contains('\n'), "{wrong}");
        let missing = told("before_seconds = 1\n");
        assert!(missing.starts_with("missing field"), "{missing}");
    }
}
