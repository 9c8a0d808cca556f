//! Reads `PATTERN (…)`, and refuses what is not understood with what to write instead.

use datafusion::common::plan_err;
use datafusion::error::Result;
use datafusion::sql::sqlparser::ast::{Ident, MatchRecognizePattern, MatchRecognizeSymbol, RepetitionQuantifier};

use super::pattern::Pattern;

/// A place takes one bit.
const MOST_VARIABLES: usize = 64;

/// A pattern, and the names of its variables in the order in which they come first.
///
/// # Errors
/// For what is refused: anchors, exclusions, `PERMUTE`, and a pattern that is complete without a row.
pub(super) fn read(
    written: &MatchRecognizePattern,
    normal: &dyn Fn(Ident) -> String,
) -> Result<(Pattern, Vec<String>)> {
    let mut names = Vec::new();
    let pattern = part(written, normal, &mut names)?;
    if pattern.can_be_empty() {
        return plan_err!("PATTERN ({written}) is complete without any row: ask for one at least, A+ instead of A*");
    }
    if names.len() > MOST_VARIABLES {
        return plan_err!("PATTERN has {} variables and may have {MOST_VARIABLES}", names.len());
    }
    Ok((pattern, names))
}

fn part(written: &MatchRecognizePattern, normal: &dyn Fn(Ident) -> String, names: &mut Vec<String>) -> Result<Pattern> {
    let mut several = |parts: &[MatchRecognizePattern]| -> Result<Vec<Pattern>> {
        parts.iter().map(|written| part(written, normal, names)).collect()
    };
    match written {
        MatchRecognizePattern::Concat(parts) => Ok(Pattern::All(several(parts)?)),
        MatchRecognizePattern::Alternation(parts) => Ok(Pattern::Any(several(parts)?)),
        MatchRecognizePattern::Group(inner) => part(inner, normal, names),
        MatchRecognizePattern::Symbol(MatchRecognizeSymbol::Named(name)) => {
            let name = normal(name.clone());
            let known = names.iter().position(|known| *known == name);
            Ok(Pattern::Row(known.unwrap_or_else(|| {
                names.push(name);
                names.len() - 1
            })))
        }
        MatchRecognizePattern::Symbol(MatchRecognizeSymbol::Start | MatchRecognizeSymbol::End) => plan_err!(
            "PATTERN has no ^ and $ here, because where rows begin and end is chance: compare times in DEFINE instead"
        ),
        MatchRecognizePattern::Exclude(_) => {
            plan_err!("PATTERN has no {{- -}} here: with one row for each match there is nothing to leave out")
        }
        MatchRecognizePattern::Permute(_) => {
            plan_err!("PATTERN has no PERMUTE here: write the orders out, (A B | B A)")
        }
        MatchRecognizePattern::Repetition(inner, quantifier) => {
            // A question mark right behind a quantifier makes it reluctant.
            let (inner, quantifier, greedy) = match (&**inner, quantifier) {
                (MatchRecognizePattern::Repetition(inner, first), RepetitionQuantifier::AtMostOne) => {
                    (inner, first, false)
                }
                _ => (inner, quantifier, true),
            };
            if matches!(**inner, MatchRecognizePattern::Repetition(..)) {
                return plan_err!("PATTERN has two quantifiers in a row: put parentheses around the first, (A*)+");
            }
            let (least, most) = match *quantifier {
                RepetitionQuantifier::ZeroOrMore => (0, None),
                RepetitionQuantifier::OneOrMore => (1, None),
                RepetitionQuantifier::AtMostOne => (0, Some(1)),
                RepetitionQuantifier::Exactly(count) => (count, Some(count)),
                RepetitionQuantifier::AtLeast(least) => (least, None),
                RepetitionQuantifier::AtMost(most) => (0, Some(most)),
                RepetitionQuantifier::Range(least, most) => (least, Some(most)),
            };
            if most.is_some_and(|most| most == 0 || most < least) {
                return plan_err!("PATTERN repeats {inner} from {least} to {} times", most.unwrap_or(0));
            }
            Ok(Pattern::Repeated { what: Box::new(part(inner, normal, names)?), least, most, greedy })
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::ast::{Query, SetExpr, TableFactor};
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn shape(pattern: &str) -> Result<(String, Vec<String>)> {
        let sql = format!("SELECT * FROM t MATCH_RECOGNIZE (ORDER BY x PATTERN ({pattern}) DEFINE A AS true)");
        let query: Box<Query> = Parser::new(&GenericDialect {}).try_with_sql(&sql).unwrap().parse_query().unwrap();
        let SetExpr::Select(select) = *query.body else { panic!("{sql}") };
        let TableFactor::MatchRecognize { pattern, .. } = &select.from[0].relation else { panic!("{sql}") };
        let (pattern, names) = read(pattern, &|ident| ident.value.to_lowercase())?;
        Ok((pattern.to_string(), names))
    }

    #[test]
    fn patterns_are_read_with_their_quantifiers() {
        for (written, read) in [
            ("A X* B", "v0 (v1){0,} v2"),
            ("A X*? B", "v0 (v1){0,}? v2"),
            ("A B+ C?", "v0 (v1){1,} (v2){0,1}"),
            ("A?? B", "(v0){0,1}? v1"),
            ("A{2} B{2,} A{,3} B{1,3}?", "(v0){2,2} (v1){2,} (v0){0,3} (v1){1,3}?"),
            ("(A | B X)+ B | A", "(((v0 | v1 v2)){1,} v1 | v0)"),
            ("(A*)+ B", "((v0){0,}){1,} v1"),
        ] {
            assert_eq!(shape(written).unwrap().0, read, "{written}");
        }
        assert_eq!(shape("b A b").unwrap().1, ["b", "a"]);
    }

    #[test]
    fn what_is_not_understood_is_refused_with_what_to_write() {
        for (written, because) in [
            ("A*", "complete without any row"),
            ("^ A", "no ^ and $"),
            ("{- A -} B", "nothing to leave out"),
            ("PERMUTE(A, B)", "write the orders out"),
            ("A*+", "two quantifiers"),
            ("A{3,2}", "from 3 to 2 times"),
        ] {
            let error = shape(written).unwrap_err().to_string();
            assert!(error.contains(because), "{written}: {error}");
        }
    }
}
