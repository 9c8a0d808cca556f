//! Times without seconds, as PostgreSQL reads them: `'2026-11-02 14:30'` is `'2026-11-02 14:30:00'`.
//!
//! Which texts are read as times is known once the planner has put its casts around them: after `TIMESTAMP`, in a cast,
//! beside a column of times. Texts that stay texts stay as they are.

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, lit};
use datafusion::optimizer::AnalyzerRule;

/// Puts the seconds behind them.
#[derive(Debug)]
pub(super) struct WholeMinutes;

impl AnalyzerRule for WholeMinutes {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let read = plan.transform_up_with_subqueries(|node| {
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(with_seconds)?.update_data(|expr| name.restore(expr)))
            })
        })?;
        Ok(read.data)
    }

    fn name(&self) -> &'static str {
        "whole_minutes"
    }
}

fn with_seconds(expr: Expr) -> Result<Transformed<Expr>> {
    let whole = match &expr {
        Expr::Cast(cast) if matches!(cast.field.data_type(), DataType::Timestamp(..)) => match cast.expr.as_ref() {
            Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _) => completed(text),
            _ => None,
        },
        _ => None,
    };
    Ok(match (whole, expr) {
        (Some(whole), Expr::Cast(cast)) => {
            Transformed::yes(Expr::Cast(Cast::new_from_field(Box::new(lit(whole)), cast.field)))
        }
        (_, expr) => Transformed::no(expr),
    })
}

/// A time to the minute with its seconds; nothing for any other text.
fn completed(text: &str) -> Option<String> {
    let (minute, zone) = text.split_at_checked(16)?;
    let like = |(byte, shape): (u8, u8)| match shape {
        b'0' => byte.is_ascii_digit(),
        b' ' => matches!(byte, b' ' | b'T' | b't'),
        other => byte == other,
    };
    let is_minute = minute.bytes().zip(*b"0000-00-00 00:00").all(like);
    (is_minute && !zone.starts_with(':')).then(|| format!("{minute}:00{zone}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_the_minute_gets_seconds_and_nothing_else_does() {
        assert_eq!(completed("2026-11-02 14:30").as_deref(), Some("2026-11-02 14:30:00"));
        assert_eq!(completed("2026-11-02T14:30Z").as_deref(), Some("2026-11-02T14:30:00Z"));
        assert_eq!(completed("2026-11-02 14:30+01").as_deref(), Some("2026-11-02 14:30:00+01"));
        for other in ["2026-11-02 14:30:05", "2026-11-02", "2026-11-02 1430", "2 November at half two", ""] {
            assert_eq!(completed(other), None, "{other}");
        }
    }
}
