//! [`IntervalJoins`]: puts [`IntervalJoinExec`] where a hash join would test every pair of a key.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::config::ConfigOptions;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;

use super::IntervalJoinExec;

/// Replaces hash joins whose condition says that two stretches of time overlap.
#[derive(Debug)]
pub struct IntervalJoins;

impl PhysicalOptimizerRule for IntervalJoins {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let replaced = plan.transform_up(|plan| {
            let join = plan.downcast_ref::<HashJoinExec>().map(IntervalJoinExec::instead_of).transpose()?.flatten();
            Ok(match join {
                Some(join) => Transformed::yes(Arc::new(join) as Arc<dyn ExecutionPlan>),
                None => Transformed::no(plan),
            })
        })?;
        Ok(replaced.data)
    }

    fn name(&self) -> &'static str {
        "interval_joins"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
