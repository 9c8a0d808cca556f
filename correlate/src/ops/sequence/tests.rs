//! Sequences against the plain SQL that comes to the same.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::with_sequences;
use crate::ops::chance::Chance;
use crate::ops::tests::rows_of;

/// What happens at a few tills, in no order; some times are the same, some tills and kinds are missing.
fn happenings(chance: &mut Chance, rows: i64) -> RecordBatch {
    let small = |chance: &mut Chance, bound: u64| i64::try_from(chance.below(bound)).unwrap();
    let (mut tills, mut at, mut kinds, mut amounts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let till = format!("till {}", chance.below(3));
        tills.push(chance.rarely_null(till));
        at.push(small(chance, 150));
        let kind = ["a", "b", "c", "d"][usize::try_from(chance.below(4)).unwrap()];
        kinds.push(chance.rarely_null(kind));
        let amount = small(chance, 10);
        amounts.push(chance.rarely_null(amount));
    }
    RecordBatch::try_from_iter_with_nullable([
        ("till", Arc::new(StringArray::from(tills)) as ArrayRef, true),
        ("at_us", Arc::new(Int64Array::from(at)), true),
        ("id", Arc::new(Int64Array::from_iter_values(0..rows)), true),
        ("kind", Arc::new(StringArray::from(kinds)), true),
        ("amount", Arc::new(Int64Array::from(amounts)), true),
    ])
    .unwrap()
}

fn context(partitions: usize, rows: &RecordBatch) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(23);
    let state = SessionStateBuilder::new().with_default_features().with_config(config);
    let context = SessionContext::new_with_state(with_sequences(state).build());
    let batches = (0..rows.num_rows()).step_by(31).map(|at| rows.slice(at, 31.min(rows.num_rows() - at)));
    let table = MemTable::try_new(rows.schema(), vec![batches.collect()]).unwrap();
    context.register_table("t", Arc::new(table)).unwrap();
    context
}

fn sequence(select: &str, rest: &str) -> String {
    format!("SELECT {select} FROM t MATCH_RECOGNIZE (PARTITION BY till ORDER BY at_us, id {rest}) AS m")
}

/// Rows with what is before and behind them.
const NEIGHBOURS: &str = "SELECT *, lag(amount) OVER w AS earlier, lead(id) OVER w AS next_id, lead(kind) OVER w AS next_kind, \
                          lead(at_us) OVER w AS next_at FROM t WINDOW w AS (PARTITION BY till ORDER BY at_us, id)";

/// Pairs of a row and one behind it within 30, and which of them it is.
fn pairs(condition: &str, order: &str) -> String {
    format!(
        "SELECT first_id, last_id, took FROM (SELECT l.id AS first_id, r.id AS last_id, r.at_us - l.at_us AS took, \
         row_number() OVER (PARTITION BY l.id ORDER BY {order}) AS nth FROM t l JOIN t r \
         ON (r.till IS NOT DISTINCT FROM l.till) AND (r.at_us > l.at_us OR (r.at_us = l.at_us AND r.id > l.id)) \
         AND r.at_us - l.at_us <= 30 WHERE l.kind = 'a' AND r.kind = 'b' AND {condition}) WHERE nth = 1"
    )
}

/// Sequences, and the plain SQL that comes to the same.
fn statements() -> Vec<(String, String)> {
    let told = "MEASURES FIRST(a.id) AS first_id, LAST(b.id) AS last_id, LAST(b.at_us) - FIRST(a.at_us) AS took \
                ONE ROW PER MATCH AFTER MATCH SKIP TO NEXT ROW";
    let kinds = "a AS kind = 'a', b AS kind = 'b', c AS kind = 'c'";
    let found = "first_id, last_id, took";
    let (sooner, later) = ("r.at_us, r.id", "r.at_us DESC, r.id DESC");
    let followed = "MEASURES a.id AS first_id, id AS last_id, CLASSIFIER() AS kind_of, COUNT(*) AS n";
    vec![
        (
            sequence("first_id, last_id, kind_of, n", &format!("{followed} PATTERN (a (b | c)) DEFINE {kinds}, within AS 30")),
            format!(
                "SELECT id AS first_id, next_id AS last_id, next_kind AS kind_of, 2 AS n FROM ({NEIGHBOURS}) \
                 WHERE kind = 'a' AND next_kind IN ('b', 'c') AND next_at - at_us <= 30"
            ),
        ),
        (
            sequence(found, &format!("{told} PATTERN (a x*? b) DEFINE {}, within AS 30", kinds.replace(", c AS kind = 'c'", ""))),
            pairs("true", sooner),
        ),
        (
            sequence(found, &format!("{told} PATTERN (a x* b) DEFINE a AS kind = 'a', b AS kind = 'b', within AS 30")),
            pairs("true", later),
        ),
        (
            sequence(
                found,
                &format!(
                    "{told} PATTERN (a x*? b) DEFINE a AS kind = 'a', b AS b.kind = 'b' AND amount >= a.amount, \
                     within AS INTERVAL '30 microseconds'"
                ),
            ),
            pairs("r.amount >= l.amount", sooner),
        ),
        (
            sequence(
                found,
                &format!(
                    "{told} PATTERN (a x* b) DEFINE a AS kind = 'a', within AS id * 0 + 30, \
                     b AS kind = 'b' AND amount >= FIRST(amount) AND COUNT(a.*) = 1"
                ),
            ),
            pairs("r.amount >= l.amount", later),
        ),
        (
            sequence(
                "last_id, n",
                "MEASURES LAST(b.id) AS last_id, COUNT(a.*) AS n AFTER MATCH SKIP PAST LAST ROW PATTERN (a+ b) \
                 DEFINE a AS kind = 'a', b AS kind = 'b', within AS 1000",
            ),
            "WITH marked AS (SELECT *, sum(CASE WHEN kind = 'a' THEN 0 ELSE 1 END) OVER (PARTITION BY till \
             ORDER BY at_us, id ROWS UNBOUNDED PRECEDING) AS breaks FROM t) \
             SELECT b.id AS last_id, count(*) AS n FROM marked b JOIN marked a ON (a.till IS NOT DISTINCT FROM b.till) \
             AND a.breaks = b.breaks - 1 AND a.kind = 'a' WHERE b.kind = 'b' GROUP BY b.id"
                .to_owned(),
        ),
        (
            sequence("id", "MEASURES u.id AS id PATTERN (u) DEFINE u AS amount > PREV(amount), within AS 0"),
            format!("SELECT id FROM ({NEIGHBOURS}) WHERE amount > earlier"),
        ),
        (
            sequence(
                "till, number, id",
                "MEASURES MATCH_NUMBER() AS number, id AS id PATTERN (a) DEFINE a AS kind = 'a', within AS 0",
            ),
            "SELECT till, row_number() OVER (PARTITION BY till ORDER BY at_us, id) AS number, id FROM t WHERE kind = 'a'"
                .to_owned(),
        ),
    ]
}

#[tokio::test]
async fn sequences_are_those_of_plain_sql() {
    let mut chance = Chance(0x05e9_0e2c_e551);
    let (mut cases, mut found) = (0, 0);
    for rows in [1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 90, 120, 150, 200, 250] {
        for partitions in [1, 3] {
            let rows = happenings(&mut chance, rows);
            let context = context(partitions, &rows);
            for (ours, plain) in statements() {
                let (ours_said, plain_said) = (rows_of(&context, &ours).await, rows_of(&context, &plain).await);
                // A table without rows may be without a head.
                let count =
                    |said: &[String]| said.iter().filter(|line| line.contains(|c: char| c.is_ascii_digit())).count();
                if count(&ours_said) > 0 || count(&plain_said) > 0 {
                    assert_eq!(ours_said, plain_said, "{ours}\n{plain}");
                }
                (cases, found) = (cases + 1, found + count(&ours_said));
            }
        }
    }
    assert!(cases > 200 && found > 1_000, "{cases} {found}");
}

#[tokio::test]
async fn a_match_begins_where_the_last_one_ended_or_at_the_next_row() {
    let kinds = vec!["a", "a", "b", "a", "b"];
    let rows = RecordBatch::try_from_iter([
        ("till", Arc::new(StringArray::from(vec!["1"; 5])) as ArrayRef),
        ("at_us", Arc::new(Int64Array::from(vec![0, 1, 2, 3, 4]))),
        ("id", Arc::new(Int64Array::from(vec![0, 1, 2, 3, 4]))),
        ("kind", Arc::new(StringArray::from(kinds))),
    ])
    .unwrap();
    let context = context(1, &rows);
    let said = async |skip: &str| {
        let rest = format!(
            "MEASURES FIRST(a.id) AS first_id, LAST(b.id) AS last_id, COUNT(*) AS n {skip} PATTERN (a+ b) \
             DEFINE a AS kind = 'a', b AS kind = 'b', within AS 100"
        );
        let rows = rows_of(&context, &sequence("first_id, last_id, n", &rest)).await;
        rows.into_iter().filter(|line| line.starts_with("| ") && !line.contains("first")).collect::<Vec<_>>()
    };
    let lines = |rows: &[(i64, i64, i64)]| -> Vec<String> {
        rows.iter().map(|(first, last, n)| format!("| {first}        | {last}       | {n} |")).collect()
    };
    assert_eq!(said("").await, lines(&[(0, 2, 3), (3, 4, 2)]));
    assert_eq!(said("AFTER MATCH SKIP TO NEXT ROW").await, lines(&[(0, 2, 3), (1, 2, 2), (3, 4, 2)]));
}

#[tokio::test]
async fn partial_matches_without_measure_are_an_error_and_no_wrong_answer() {
    let rows = happenings(&mut Chance(3), 60);
    let context = context(1, &rows);
    let sql = "SELECT n FROM t MATCH_RECOGNIZE (ORDER BY at_us, id MEASURES COUNT(*) AS n PATTERN ((a | b)+ c) DEFINE \
               a AS at_us >= FIRST(at_us), b AS at_us >= FIRST(at_us), c AS kind = 'never', within AS 1000) AS m";
    let error = context.sql(sql).await.unwrap().collect().await.unwrap_err().to_string();
    assert!(error.contains("more than 10000 partial matches") && error.contains("shorten `within`"), "{error}");
}

#[tokio::test]
async fn what_is_wrong_is_told_with_what_to_write() {
    let context = context(1, &happenings(&mut Chance(9), 5));
    let told = async |rest: &str| {
        let sql = sequence("*", rest);
        match context.sql(&sql).await {
            Ok(frame) => panic!("{sql}: {:?}", frame.logical_plan()),
            Err(error) => error.to_string(),
        }
    };
    let within = "within AS 30";
    for (rest, because) in [
        ("PATTERN (a) DEFINE a AS kind = 'a'".to_owned(), "`within AS INTERVAL '60' SECOND`"),
        (format!("PATTERN (a) DEFINE a AS kind = 'a', z AS kind = 'b', {within}"), "z, which is not in the PATTERN"),
        (format!("PATTERN (a) DEFINE a AS kind = 'a', a AS kind = 'b', {within}"), "says a twice"),
        (format!("PATTERN (a) DEFINE a AS amount, {within}"), "DEFINE a is true or false"),
        ("PATTERN (a) DEFINE a AS kind = 'a', within AS kind".to_owned(), "write an INTERVAL"),
        (format!("PATTERN (a*) DEFINE a AS kind = 'a', {within}"), "complete without any row"),
        (format!("PATTERN (a{{300}}) DEFINE a AS kind = 'a', {within}"), "repeat less often"),
        (format!("ALL ROWS PER MATCH PATTERN (a) DEFINE a AS kind = 'a', {within}"), "no ALL ROWS PER MATCH"),
        (format!("AFTER MATCH SKIP TO LAST a PATTERN (a) DEFINE a AS kind = 'a', {within}"), "skip PAST LAST ROW"),
        (format!("PATTERN (a) DEFINE a AS NEXT(kind) = 'a', {within}"), "let the PATTERN name the row"),
        (format!("PATTERN (a b) DEFINE a AS true, b AS PREV(a.kind) = 'a', {within}"), "PREV takes a column"),
        (format!("PATTERN (a) DEFINE a AS sum(amount) > 3, {within}"), "no other aggregates"),
        (format!("MEASURES FIRST(a.amount + 1) AS x PATTERN (a) DEFINE a AS true, {within}"), "FIRST takes a column"),
        (format!("MEASURES PREV(amount) AS x PATTERN (a) DEFINE a AS true, {within}"), "PREV is for DEFINE"),
        (format!("MEASURES COUNT(z.*) AS x PATTERN (a) DEFINE a AS true, {within}"), "no such variable"),
    ] {
        // The limit of places is known when the plan is made physical.
        let error = if because == "repeat less often" {
            context.sql(&sequence("*", &rest)).await.unwrap().collect().await.unwrap_err().to_string()
        } else {
            told(&rest).await
        };
        assert!(error.contains(because), "{rest}: {error}");
    }
    let backwards = "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY at_us DESC PATTERN (a) DEFINE a AS true, within AS 1)";
    assert!(context.sql(backwards).await.unwrap_err().to_string().contains("goes forwards in time"));
    let by_name = "SELECT * FROM t MATCH_RECOGNIZE (ORDER BY kind PATTERN (a) DEFINE a AS true, within AS 1)";
    assert!(context.sql(by_name).await.unwrap_err().to_string().contains("begin ORDER BY with the time"));
}
