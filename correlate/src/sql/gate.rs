//! What a plan may do: read. The kinds of plan that only read are listed; everything else is refused, whatever the
//! planner learns to do one day.

use std::fmt;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;

/// Why a statement is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code of the SQL standard.
    pub sqlstate: &'static str,
    /// The reason and what to do instead.
    pub message: String,
}

impl Refusal {
    /// `42501`: the statement would change something.
    pub fn denied(message: impl Into<String>) -> Self {
        Self { sqlstate: "42501", message: message.into() }
    }

    /// `0A000`: there is no such thing here.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self { sqlstate: "0A000", message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Lets a plan pass that only reads.
///
/// # Errors
/// [`Refusal`] for every other one.
pub fn check(plan: &LogicalPlan) -> Result<(), Refusal> {
    let mut refusal = None;
    let walked = plan.apply_with_subqueries(|node| {
        refusal = reads(node).err();
        Ok(if refusal.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    if let Some(refusal) = refusal {
        return Err(refusal);
    }
    walked.map_err(|error| Refusal::unsupported(error.to_string()))?;
    // The same once more by DataFusion's own rule: two gates, either of which suffices.
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(plan)
        .map_err(|error| Refusal::denied(format!("this connection is read-only: {error}")))
}

fn reads(node: &LogicalPlan) -> Result<(), Refusal> {
    match node {
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::Window(_)
        | LogicalPlan::Aggregate(_)
        | LogicalPlan::Sort(_)
        | LogicalPlan::Join(_)
        | LogicalPlan::Repartition(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::EmptyRelation(_)
        | LogicalPlan::Subquery(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Limit(_)
        | LogicalPlan::Values(_)
        | LogicalPlan::Explain(_)
        | LogicalPlan::Analyze(_)
        | LogicalPlan::Distinct(_)
        | LogicalPlan::DescribeTable(_)
        | LogicalPlan::Unnest(_)
        | LogicalPlan::RecursiveQuery(_) => Ok(()),
        LogicalPlan::Copy(_) => Err(Refusal::denied(
            "COPY is refused: this connection is read-only and never touches files of the server; use SELECT, or \\copy of a SELECT in the client",
        )),
        LogicalPlan::Dml(_) => Err(Refusal::denied("this connection is read-only: rows are written by the tills only")),
        LogicalPlan::Ddl(_) => {
            Err(Refusal::denied("this connection is read-only: nothing can be created, changed or dropped"))
        }
        LogicalPlan::Statement(statement) => {
            Err(Refusal::unsupported(format!("{} is not available here", statement.name())))
        }
        other => Err(Refusal::unsupported(format!("plans of this kind are not available here: {}", other.display()))),
    }
}
