//! `session_id(at, gap) OVER (PARTITION BY … ORDER BY at …)`: numbers the stretches of rows that follow each other closely.
//!
//! The first row of a partition is of session 1; a row that comes more than `gap` after the row before begins the next.
//! `at` is what the rows are ordered by: a timestamp, or microseconds as in `event_us`. `gap` is an `INTERVAL` or a number of
//! microseconds, and may differ by row (a number of the rule). A row without an instant or a gap has no session, and the
//! rows around it are compared as if it were not there.
//!
//! The plain SQL that says the same, and the oracle of its tests:
//!
//! ```sql
//! 1 + sum(CASE WHEN at - before > gap THEN 1 ELSE 0 END) OVER (… ROWS UNBOUNDED PRECEDING)   -- before = lag(at) OVER (…)
//! ```

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{PartitionEvaluator, Signature, Volatility, WindowUDF, WindowUDFImpl};

use super::micros;

/// The name of the function.
const NAME: &str = "session_id";

/// The function.
pub(crate) fn session_id() -> WindowUDF {
    WindowUDF::from(SessionId { signature: Signature::any(2, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct SessionId {
    signature: Signature,
}

impl WindowUDFImpl for SessionId {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn partition_evaluator(&self, _: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Sessions))
    }

    fn field(&self, arguments: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        let [at, gap] = arguments.input_fields() else { return plan_err!("{NAME} takes an instant and a gap") };
        if !micros::are_instants(at.data_type()) || !micros::are_lengths(gap.data_type()) {
            return plan_err!(
                "{NAME} takes an instant (a timestamp, or microseconds as bigint) and a gap (an INTERVAL, or microseconds)"
            );
        }
        Ok(Arc::new(Field::new(arguments.name(), DataType::Int64, true)))
    }
}

/// Looks at a partition as a whole.
#[derive(Debug)]
struct Sessions;

impl PartitionEvaluator for Sessions {
    fn evaluate_all(&mut self, values: &[ArrayRef], _: usize) -> Result<ArrayRef> {
        let [at, gap] = values else { return exec_err!("{NAME} takes an instant and a gap") };
        let (at, gap) = (micros::instants(at)?, micros::lengths(gap)?);
        Ok(Arc::new(numbered(&at, &gap)))
    }
}

/// The session of each row.
fn numbered(at: &Int64Array, gap: &Int64Array) -> Int64Array {
    let (mut before, mut number) = (None, 1);
    let of = |(at, gap): (Option<i64>, Option<i64>)| {
        let (at, gap) = at.zip(gap)?;
        if before.replace(at).is_some_and(|before| at.saturating_sub(before) > gap) {
            number += 1;
        }
        Some(number)
    };
    at.iter().zip(gap.iter()).map(of).collect()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, RecordBatch, StringArray};
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::ops::chance::Chance;
    use crate::ops::tests::rows_of;

    #[test]
    fn a_pause_longer_than_the_gap_begins_a_session() {
        let at = Int64Array::from(vec![Some(0), Some(10), None, Some(20), Some(31), Some(31)]);
        let gap = Int64Array::from(vec![10; 6]);
        let numbers = numbered(&at, &gap);
        assert_eq!(numbers.iter().collect::<Vec<_>>(), [Some(1), Some(1), None, Some(1), Some(2), Some(2)]);
        assert_eq!(numbered(&Int64Array::from(vec![7]), &Int64Array::new_null(1)).null_count(), 1);
    }

    /// Visits to a few tills, in no order.
    fn visits(chance: &mut Chance, rows: i64) -> RecordBatch {
        let tills = (0..rows).map(|_| format!("till {}", chance.below(3))).collect::<Vec<_>>();
        let at = (0..rows).map(|_| i64::try_from(chance.below(400)).unwrap()).collect::<Vec<_>>();
        RecordBatch::try_from_iter([
            ("till", Arc::new(StringArray::from(tills)) as ArrayRef),
            ("at_us", Arc::new(Int64Array::from(at))),
            ("id", Arc::new(Int64Array::from_iter_values(0..rows))),
        ])
        .unwrap()
    }

    const ORACLE: &str = "SELECT id, 1 + sum(CASE WHEN at_us - before > 12 THEN 1 ELSE 0 END) \
         OVER (PARTITION BY till ORDER BY at_us, id ROWS UNBOUNDED PRECEDING) AS number FROM \
         (SELECT *, lag(at_us) OVER (PARTITION BY till ORDER BY at_us, id) AS before FROM visits)";

    #[tokio::test]
    async fn sessions_are_those_of_plain_sql() {
        let mut chance = Chance(0x5e55_1015);
        for rows in [1, 2, 30, 200] {
            let context = SessionContext::new();
            context.register_udwf(session_id());
            context.register_batch("visits", visits(&mut chance, rows)).unwrap();
            let expected = rows_of(&context, ORACLE).await;
            for (at, gap) in [
                ("at_us", "12"),
                ("at_us", "id * 0 + 12"),
                ("to_timestamp_micros(at_us)", "INTERVAL '12 microseconds'"),
            ] {
                let sql = format!(
                    "SELECT id, session_id({at}, {gap}) OVER (PARTITION BY till ORDER BY at_us, id) AS number FROM visits"
                );
                assert_eq!(rows_of(&context, &sql).await, expected, "{sql}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_time_is_refused_with_what_it_takes() {
        let context = SessionContext::new();
        context.register_udwf(session_id());
        context.register_batch("visits", visits(&mut Chance(1), 3)).unwrap();
        let sql = "SELECT session_id(till, 12) OVER (ORDER BY at_us, id) FROM visits";
        let error = context.sql(sql).await.unwrap_err().to_string();
        assert!(error.contains("session_id takes an instant"), "{error}");
    }
}
