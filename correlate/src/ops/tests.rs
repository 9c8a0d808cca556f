//! The operators against the same SQL without them.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::IntervalJoins;
use super::chance::Chance;

/// Stretches of time of a few tills, some without a till, a beginning or an end; some end before they begin.
fn stretches(chance: &mut Chance, rows: i64) -> RecordBatch {
    let (mut tills, mut lanes, mut begins, mut ends) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        let begin = chance.below(2_000) as i64;
        let end = begin + chance.below(60) as i64 - 5;
        let till = format!("till {}", chance.below(4));
        tills.push(chance.rarely_null(till));
        let lane = chance.below(3) as i64;
        lanes.push(chance.rarely_null(lane));
        begins.push(chance.rarely_null(begin));
        ends.push(chance.rarely_null(end));
    }
    let fields = [
        ("till", DataType::Utf8),
        ("lane", DataType::Int64),
        ("begin_us", DataType::Int64),
        ("end_us", DataType::Int64),
        ("id", DataType::Int64),
    ];
    let schema = Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec());
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(StringArray::from(tills)),
            Arc::new(Int64Array::from(lanes)),
            Arc::new(Int64Array::from(begins)),
            Arc::new(Int64Array::from(ends)),
            Arc::new(Int64Array::from_iter_values(0..rows)),
        ],
    )
    .unwrap()
}

fn context(partitions: usize, ours: bool, tables: &[(&str, &RecordBatch)]) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(97);
    let mut state = SessionStateBuilder::new().with_default_features().with_config(config);
    if ours {
        state = state.with_physical_optimizer_rule(Arc::new(IntervalJoins));
    }
    let context = SessionContext::new_with_state(state.build());
    for (name, rows) in tables {
        let batches = (0..rows.num_rows()).step_by(150).map(|at| rows.slice(at, 150.min(rows.num_rows() - at)));
        let table = MemTable::try_new(rows.schema(), vec![batches.collect()]).unwrap();
        context.register_table(*name, Arc::new(table)).unwrap();
    }
    context
}

/// The rows of a statement, sorted, as text; and its plan.
async fn answer(context: &SessionContext, sql: &str) -> (Vec<String>, String) {
    let frame = context.sql(sql).await.unwrap();
    let plan = frame.clone().create_physical_plan().await.unwrap();
    let plan = displayable(plan.as_ref()).indent(true).to_string();
    (as_text(&frame.collect().await.unwrap()), plan)
}

/// Rows, sorted, as text.
pub(crate) fn as_text(rows: &[RecordBatch]) -> Vec<String> {
    let rows = pretty_format_batches(rows).unwrap().to_string();
    let mut rows: Vec<String> = rows.lines().map(ToOwned::to_owned).collect();
    rows.sort();
    rows
}

/// The rows of a statement, sorted, as text.
pub(super) async fn rows_of(context: &SessionContext, sql: &str) -> Vec<String> {
    as_text(&context.sql(sql).await.unwrap().collect().await.unwrap())
}

const OVERLAP: &str = "r.till = l.till AND r.begin_us < l.end_us AND r.end_us > l.begin_us";
const WITHIN: &str =
    "r.till = l.till AND r.lane = l.lane AND r.begin_us BETWEEN l.begin_us - 20 AND l.end_us + 20 AND r.id <> l.id";
/// Bounds of one number, the narrowest of which counts, and one of another.
const NARROW: &str = "r.till = l.till AND r.end_us >= l.end_us - 30 AND r.end_us > l.begin_us + 2 AND r.end_us <= l.end_us + 40 \
                      AND r.end_us < l.begin_us + 25 AND r.begin_us < l.end_us";

fn statements() -> Vec<String> {
    let mut all = Vec::new();
    for condition in [OVERLAP, WITHIN, NARROW] {
        for join in ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"] {
            all.push(format!("SELECT l.id, l.till, r.id AS other, r.end_us FROM l {join} r ON {condition}"));
            all.push(format!("SELECT count(*), sum(r.end_us) FROM l {join} r ON {condition}"));
        }
        for exists in ["EXISTS", "NOT EXISTS"] {
            all.push(format!("SELECT l.id, l.till FROM l WHERE {exists} (SELECT 1 FROM r WHERE {condition})"));
        }
        for join in ["RIGHT SEMI JOIN", "RIGHT ANTI JOIN"] {
            all.push(format!("SELECT r.id, r.till FROM l {join} r ON {condition}"));
        }
    }
    all
}

#[tokio::test]
async fn an_interval_join_answers_what_the_hash_join_answers() {
    let mut chance = Chance(0x7177_1151_9487);
    for (left, right) in [(40, 900), (700, 300), (1, 5), (0, 50), (50, 0)] {
        let (left, right) = (stretches(&mut chance, left), stretches(&mut chance, right));
        let tables = [("l", &left), ("r", &right)];
        for partitions in [1, 3] {
            let (ours, plain) = (context(partitions, true, &tables), context(partitions, false, &tables));
            for sql in statements() {
                let ((rows, plan), (expected, _)) = (answer(&ours, &sql).await, answer(&plain, &sql).await);
                assert_eq!(rows, expected, "{sql}\n{plan}");
                if partitions == 1 && left.num_rows() > 1 && right.num_rows() > 1 {
                    assert!(plan.contains("IntervalJoinExec"), "{sql}\n{plan}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_join_without_a_band_stays_a_hash_join() {
    let mut chance = Chance(7);
    let rows = stretches(&mut chance, 50);
    let context = context(1, true, &[("l", &rows), ("r", &rows)]);
    for condition in [
        "r.till = l.till",
        "r.till = l.till AND r.begin_us < l.end_us",
        "r.till = l.till AND r.begin_us - l.begin_us < 5 AND l.id < 3",
    ] {
        let sql = format!("SELECT l.id, r.id FROM l JOIN r ON {condition}");
        let (_, plan) = answer(&context, &sql).await;
        assert!(!plan.contains("IntervalJoinExec"), "{plan}");
    }
}

#[tokio::test]
async fn a_long_history_of_one_till_costs_no_square() {
    // 200,000 × 200,000 pairs of one key: a hash join would compare 4 · 10¹⁰ of them.
    let long = |gap: i64| {
        let at = (0..200_000_i64).map(move |number| number * gap);
        RecordBatch::try_from_iter([
            ("till", Arc::new(StringArray::from_iter_values((0..200_000).map(|_| "1"))) as _),
            ("begin_us", Arc::new(Int64Array::from_iter_values(at.clone())) as _),
            ("end_us", Arc::new(Int64Array::from_iter_values(at.map(|at| at + 5))) as _),
        ])
        .unwrap()
    };
    let (left, right) = (long(10), long(20));
    let context = context(1, true, &[("l", &left), ("r", &right)]);
    let sql = "SELECT count(*) FROM l JOIN r ON r.till = l.till AND r.begin_us < l.end_us AND r.end_us > l.begin_us";
    let (rows, plan) = answer(&context, sql).await;
    assert!(plan.contains("IntervalJoinExec"), "{plan}");
    assert!(rows.iter().any(|row| row.contains("100000")), "{rows:?}");
}
