//! The questions that are asked: a rule each, in the SQL that our engine and DuckDB read alike. What others need to be asked
//! differently stands in `tests/bench/peers`.

use tillsight_correlate::rule::Rule;

/// Tender, then void: the transaction before a void at its register was a sale that was paid in cash, less than 60 s ago.
const SEQUENCE: &str = include_str!("sequence.sql");

/// A void by somebody who in the time before voided more than three sales, and more than three times as often as the others
/// of the store. `{us}` is how long that time is, in microseconds.
const SLIDING: &str = include_str!("sliding.sql");

/// A rule of the library.
pub(crate) fn library(id: &str) -> Rule {
    Rule::shelf().unwrap().into_iter().find(|rule| rule.header.id.as_str() == id).expect("it is in the library")
}

/// The rule of this name: `refund`, `sequence`, `sliding-1` and `sliding-8` (hours).
pub(crate) fn named(name: &str) -> Rule {
    let own = |id: &str, back: i64, reads: &str, sql: &str| {
        let header = format!(
            "id = \"{id}\"\nversion = \"1.0\"\nname = \"{id}\"\ndescription = \"For a benchmark.\"\nseverity = \"low\"\n\
             scope = \"store\"\nanchor = [\"POST_VOID\"]\nlookback_seconds = {back}\nlookahead_seconds = 0\n\
             longest_seconds = 900\nreads = {reads}\nrequires = []\ntitle = \"{id}\"\nexplanation = \"{id}\"\n\
             [clip]\nbefore_seconds = 10\nafter_seconds = 10\n"
        );
        Rule::new(&header, sql, Vec::new()).unwrap()
    };
    match (name, name.strip_prefix("sliding-").and_then(|hours| hours.parse::<i64>().ok())) {
        ("refund", _) => library("refund_no_customer"),
        ("sequence", _) => own("paid_then_voided", 60, "[\"pos\", \"tenders\"]", SEQUENCE),
        (_, Some(hours)) => {
            let sql = SLIDING.replace("{us}", &format!("{}", hours * 3_600_000_000));
            own("voids_beside_others", hours * 3_600, "[\"pos\"]", &sql)
        }
        _ => panic!("no rule {name}"),
    }
}
