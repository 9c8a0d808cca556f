//! [`Reader`]: goes through a rule's plan from its tables up, and notes what ties them to the anchor.

use std::collections::BTreeSet;

use datafusion::common::{DFSchema, JoinType};
use datafusion::logical_expr::{Aggregate, Expr, Join, LogicalPlan, TableScan, Window};

use super::bounds::{Said, Tie};
use super::fact::{ANY, Context, Fact, Known, Scan, Span, plus};
use super::{reach, seconds};
use crate::ops::SequenceMatch;
use crate::rule::Header;

/// What comes out otherwise when rows come in another order.
const ORDERED: [&str; 10] = [
    "string_agg",
    "array_agg",
    "first_value",
    "last_value",
    "nth_value",
    "row_number",
    "lag",
    "lead",
    "ntile",
    "session_id",
];

/// A table that is read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) table: String,
    /// What the SQL calls it.
    alias: String,
    time: Span,
    /// How far rows may be from the one that `time` is about, because they are found together.
    pub(super) spread: i64,
    edges: (bool, bool),
    ties: BTreeSet<(Tie, Scan)>,
}

/// A node of a plan that has been read.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    pub(super) facts: Vec<Fact>,
    /// The tables below it.
    pub(super) scans: BTreeSet<Scan>,
}

/// Reads a plan.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    header: &'a Header,
    pub(super) reads: Vec<Read>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(header: &'a Header) -> Self {
        Self { header, reads: Vec::new() }
    }

    /// What is known about the columns of a plan.
    ///
    /// # Errors
    /// In words, what the plan may not do.
    pub(super) fn read(&mut self, plan: &LogicalPlan) -> Result<Node, String> {
        refuse(plan)?;
        match plan {
            LogicalPlan::TableScan(scan) => Ok(self.table(scan)),
            LogicalPlan::SubqueryAlias(alias) => {
                let node = self.read(&alias.input)?;
                if let (LogicalPlan::TableScan(_), Some(read)) = (&*alias.input, self.reads.last_mut()) {
                    alias.alias.table().clone_into(&mut read.alias);
                }
                Ok(node)
            }
            LogicalPlan::Filter(filter) => {
                let node = self.read(&filter.input)?;
                self.learn(&filter.predicate, filter.input.schema(), &node.facts, &node.scans);
                Ok(node)
            }
            LogicalPlan::Projection(projection) => {
                let node = self.read(&projection.input)?;
                let facts = self.facts(&projection.expr, projection.input.schema(), &node.facts);
                Ok(Node { facts, scans: node.scans })
            }
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Window(window) => self.window(window),
            LogicalPlan::Sort(sort) => self.read(&sort.input),
            LogicalPlan::Extension(extension) => match extension.node.as_any().downcast_ref::<SequenceMatch>() {
                Some(sequence) => self.sequence(sequence),
                None => self.any(plan),
            },
            other => self.any(other),
        }
    }

    /// A plan of which is known only what is below it.
    fn any(&mut self, plan: &LogicalPlan) -> Result<Node, String> {
        let mut whole = Node::default();
        for input in plan.inputs() {
            whole.scans.extend(self.read(input)?.scans);
        }
        Ok(Node { facts: vec![Fact::Unknown; plan.schema().fields().len()], ..whole })
    }

    /// Whether every table is tied to the anchor.
    ///
    /// # Errors
    /// In words, which one is not, and what to add.
    pub(super) fn verdict(&self) -> Result<(), String> {
        (0..self.reads.len()).try_for_each(|scan| self.tied(scan))
    }

    fn table(&mut self, scan: &TableScan) -> Node {
        let number = self.reads.len();
        let table = scan.table_name.table().to_owned();
        let anchor = table == "anchor";
        let longest = self.header.longest_seconds.saturating_mul(1_000_000);
        let facts = scan.projected_schema.fields().iter().map(|field| match (table.as_str(), field.name().as_str()) {
            ("anchor", "begin_us") => Fact::Instant(number, (-longest, 0)),
            ("anchor" | "pos", "event_us") => Fact::Instant(number, (0, 0)),
            ("pos", "begin_us") => Fact::Instant(number, (i64::MIN, 0)),
            ("anchor", "camera_begin_us" | "camera_end_us") => Fact::Seen,
            ("presence", "start_us" | "end_us") => Fact::Edge(number),
            ("params", name) if self.header.params.contains_key(name) => {
                Fact::Number(self.header.params.get(name).map_or(ANY, |param| (param.min, param.max)))
            }
            ("anchor" | "pos" | "lines" | "tenders", "event_id") => Fact::Id(number),
            ("lines", "line_no") | ("tenders", "tender_no") => Fact::Place(number),
            (_, "tenant_id") => Fact::Tenant(number),
            (_, "store_id") => Fact::Store(number),
            _ => Fact::Unknown,
        });
        let facts = facts.collect();
        let time = if anchor { (0, 0) } else { ANY };
        let read = Read { alias: table.clone(), table, time, spread: 0, edges: (false, false), ties: BTreeSet::new() };
        self.reads.push(read);
        Node { facts, scans: BTreeSet::from([number]) }
    }

    fn join(&mut self, join: &Join) -> Result<Node, String> {
        let (left, right) = (self.read(&join.left)?, self.read(&join.right)?);
        let schema = join.left.schema().join(join.right.schema()).map_err(|error| error.to_string())?;
        let facts: Vec<Fact> = left.facts.iter().chain(&right.facts).copied().collect();
        let scans: BTreeSet<Scan> = left.scans.union(&right.scans).copied().collect();
        // Rows that a join keeps without a partner are not bound by its condition.
        let bound = match join.join_type {
            JoinType::Left | JoinType::LeftAnti | JoinType::LeftMark => right.scans.clone(),
            JoinType::Right | JoinType::RightAnti | JoinType::RightMark => left.scans.clone(),
            JoinType::Full => BTreeSet::new(),
            JoinType::Inner | JoinType::LeftSemi | JoinType::RightSemi => scans.clone(),
        };
        // Twice: one condition may bound a table by another that is bounded by a later one.
        for _ in 0..2 {
            for (one, other) in &join.on {
                let known = self.known();
                let context = Context { schema: &schema, facts: &facts, known: &known };
                let said = Said::equal(context.of(one), context.of(other), context);
                self.note(said, &bound);
            }
            if let Some(filter) = &join.filter {
                self.learn(filter, &schema, &facts, &bound);
            }
        }
        let facts = match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => left.facts,
            JoinType::RightSemi | JoinType::RightAnti => right.facts,
            JoinType::LeftMark => [left.facts, vec![Fact::Unknown]].concat(),
            JoinType::RightMark => [right.facts, vec![Fact::Unknown]].concat(),
            _ => facts,
        };
        Ok(Node { facts, scans })
    }

    fn aggregate(&mut self, aggregate: &Aggregate) -> Result<Node, String> {
        let node = self.read(&aggregate.input)?;
        let schema = aggregate.input.schema();
        let groups = self.facts(&aggregate.group_expr, schema, &node.facts);
        self.together(&node.scans, &groups, "counts")?;
        for expr in &aggregate.aggr_expr {
            let known = self.known();
            self.ordered(expr, Context { schema, facts: &node.facts, known: &known })?;
        }
        let facts = [groups, self.facts(&aggregate.aggr_expr, schema, &node.facts)].concat();
        Ok(Node { facts, scans: node.scans })
    }

    fn window(&mut self, window: &Window) -> Result<Node, String> {
        let node = self.read(&window.input)?;
        let schema = window.input.schema();
        for expr in &window.window_expr {
            let inner = if let Expr::Alias(alias) = expr { &alias.expr } else { expr };
            if let Expr::WindowFunction(call) = inner {
                let by = self.facts(&call.params.partition_by, schema, &node.facts);
                self.together(&node.scans, &by, "numbers")?;
            }
            let known = self.known();
            self.ordered(inner, Context { schema, facts: &node.facts, known: &known })?;
        }
        let facts = [node.facts.clone(), self.facts(&window.window_expr, schema, &node.facts)].concat();
        Ok(Node { facts, scans: node.scans })
    }

    /// Whether rows may be taken together by these columns.
    pub(super) fn together(&self, scans: &BTreeSet<Scan>, by: &[Fact], verb: &str) -> Result<(), String> {
        let ids: Vec<Scan> =
            by.iter().filter_map(|fact| if let Fact::Id(scan) = fact { Some(*scan) } else { None }).collect();
        // The lines or tenders of one event, whatever event that is.
        if let (Some(scan), 1) = (scans.first(), scans.len())
            && self.reads.get(*scan).is_some_and(|read| matches!(read.table.as_str(), "lines" | "tenders"))
            && ids.contains(scan)
        {
            return Ok(());
        }
        // A part of the statement may begin with an anchor of its own, which is tied to the others further up.
        let begins = scans.iter().find(|scan| self.is_anchor(**scan));
        for scan in scans.iter().filter(|scan| Some(*scan) != begins) {
            self.tied(*scan)?;
        }
        let one_anchor = ids.iter().any(|scan| self.is_anchor(*scan));
        if one_anchor {
            return Ok(());
        }
        Err(format!(
            "it {verb} rows of several anchors together, and which anchors are judged together is chance: group (or \
             partition) by the event_id of the anchor"
        ))
    }

    /// Whether what depends on an order has one that is the same in every tick: it must end in an id, or in the number of a
    /// line or tender of the anchor.
    fn ordered(&self, expr: &Expr, context: Context<'_>) -> Result<(), String> {
        let inner = if let Expr::Alias(alias) = expr { &alias.expr } else { expr };
        let (name, order) = match inner {
            Expr::AggregateFunction(call) => (call.func.name(), &call.params.order_by),
            Expr::WindowFunction(call) => (call.fun.name(), &call.params.order_by),
            _ => return Ok(()),
        };
        if ORDERED.contains(&name) && !order.iter().any(|sort| self.is_last_word(context.of(&sort.expr))) {
            return Err(format!(
                "{name} without a last word: two rows of the same time may come in any order, so let ORDER BY end in an \
                 event_id, or in the line_no or tender_no of the anchor"
            ));
        }
        Ok(())
    }

    /// Whether an order that ends in it is the same in every tick.
    pub(super) fn is_last_word(&self, fact: Fact) -> bool {
        match fact {
            Fact::Id(_) => true,
            Fact::Place(scan) => self
                .reads
                .get(scan)
                .is_some_and(|read| read.ties.iter().any(|(tie, to)| *tie == Tie::Event && self.is_anchor(*to))),
            _ => false,
        }
    }

    pub(super) fn is_anchor(&self, scan: Scan) -> bool {
        self.reads.get(scan).is_some_and(|read| read.table == "anchor")
    }

    pub(super) fn known(&self) -> Known {
        self.reads.iter().enumerate().map(|(scan, read)| (scan, read.time)).filter(|(_, time)| *time != ANY).collect()
    }

    fn facts(&self, exprs: &[Expr], schema: &DFSchema, facts: &[Fact]) -> Vec<Fact> {
        let known = self.known();
        let context = Context { schema, facts, known: &known };
        exprs.iter().map(|expr| context.of(expr)).collect()
    }

    /// Notes what a condition says about the tables that it binds.
    fn learn(&mut self, condition: &Expr, schema: &DFSchema, facts: &[Fact], bound: &BTreeSet<Scan>) {
        for _ in 0..2 {
            let known = self.known();
            let said = Said::by(condition, Context { schema, facts, known: &known });
            self.note(said, bound);
        }
    }

    fn note(&mut self, said: Said, bound: &BTreeSet<Scan>) {
        for (scan, (low, high)) in said.times {
            if let Some(read) = self.reads.get_mut(scan).filter(|read| bound.contains(&scan) && read.table != "anchor")
            {
                read.time = (read.time.0.max(low), read.time.1.min(high));
            }
        }
        for (scan, (below, above)) in said.edges {
            if let Some(read) = self.reads.get_mut(scan).filter(|_| bound.contains(&scan)) {
                read.edges = (read.edges.0 || below, read.edges.1 || above);
            }
        }
        for (tie, one, other) in said.ties {
            for (from, to) in [(one, other), (other, one)] {
                let same_event = tie == Tie::Event && self.is_anchor(to);
                if let Some(read) = self.reads.get_mut(from).filter(|_| bound.contains(&from)) {
                    read.ties.insert((tie, to));
                    // The row of the anchor is as old as the anchor.
                    if same_event && read.table == "pos" {
                        read.time = (read.time.0.max(0), read.time.1.min(0));
                    }
                }
            }
        }
    }

    /// Whether a table can be reached from an anchor by what ties them.
    fn reaches(&self, scan: Scan, tie: Tie) -> bool {
        let mut seen = BTreeSet::from([scan]);
        let mut open = vec![scan];
        while let Some(at) = open.pop() {
            let Some(read) = self.reads.get(at) else { continue };
            if at != scan && (self.is_anchor(at) || (tie == Tie::Event && read.table == "pos" && self.tied(at).is_ok()))
            {
                return true;
            }
            // Who is tied by the event is tied by its tenant and store as well.
            let ties = read.ties.iter().filter(|(by, _)| *by == tie || *by == Tie::Event);
            open.extend(ties.map(|(_, to)| *to).filter(|to| seen.insert(*to)).collect::<Vec<_>>());
        }
        false
    }

    /// Whether a table is tied to the anchor.
    fn tied(&self, scan: Scan) -> Result<(), String> {
        let Some(read) = self.reads.get(scan) else { return Ok(()) };
        let name = if read.alias == read.table {
            format!("`{}`", read.table)
        } else {
            format!("`{}` ({})", read.table, read.alias)
        };
        let alias = &read.alias;
        let first = self.reads.iter().position(|read| read.table == "anchor") == Some(scan);
        match read.table.as_str() {
            "anchor" if first || self.reaches(scan, Tie::Event) => Ok(()),
            "anchor" => Err(format!("{name} is read twice: join it on the event_id of the other")),
            "lines" | "tenders" if self.reaches(scan, Tie::Event) => Ok(()),
            "lines" | "tenders" => Err(format!(
                "{name} must be tied to an event that is: join it with `{alias}.event_id = …` of an anchor or of a row of `pos`"
            )),
            _ if !self.reaches(scan, Tie::Tenant) || !self.reaches(scan, Tie::Store) => Err(format!(
                "{name} is read across stores: join it with `{alias}.tenant_id = a.tenant_id AND {alias}.store_id = a.store_id`"
            )),
            "presence" if read.edges != (true, true) => Err(format!(
                "{name} is not bounded in time: add `{alias}.start_us < …` and `{alias}.end_us > …` of the times of the anchor"
            )),
            "pos" => self.within_reach(read, &name),
            _ => Ok(()),
        }
    }

    fn within_reach(&self, read: &Read, name: &str) -> Result<(), String> {
        let (from, to) = reach(self.header);
        let (low, high) = (plus(read.time.0, -read.spread), plus(read.time.1, read.spread));
        let alias = &read.alias;
        if low == i64::MIN {
            return Err(format!("{name} is read without a beginning: add `{alias}.event_us >= a.event_us - …`"));
        }
        if high == i64::MAX {
            return Err(format!("{name} is read without an end: add `{alias}.event_us <= a.event_us`"));
        }
        if low < from {
            return Err(format!(
                "{name} looks back {} where lookback_seconds is {}: raise it, or lower the limits of the parameter",
                seconds(low),
                self.header.lookback_seconds
            ));
        }
        if high > to {
            return Err(format!(
                "{name} looks ahead {} where lookahead_seconds is {}: raise it, or lower the limits of the parameter",
                seconds(high),
                self.header.lookahead_seconds
            ));
        }
        Ok(())
    }
}

/// What no plan may do.
fn refuse(plan: &LogicalPlan) -> Result<(), String> {
    let problem = match plan {
        LogicalPlan::Limit(_) => "LIMIT depends on which anchors are judged together: rank per anchor instead",
        LogicalPlan::Sort(sort) if sort.fetch.is_some() => {
            "LIMIT depends on which anchors are judged together: rank per anchor instead"
        }
        LogicalPlan::RecursiveQuery(_) => "a recursive query has no bound in time",
        LogicalPlan::Dml(_) | LogicalPlan::Ddl(_) | LogicalPlan::Copy(_) | LogicalPlan::Statement(_) => {
            "a rule reads, and does nothing else"
        }
        _ if plan.expressions().iter().any(asks_aside) => {
            "a question within an expression sees all anchors of a tick: write it as a join"
        }
        _ => return Ok(()),
    };
    Err(problem.to_owned())
}

fn asks_aside(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    expr.exists(|expr| {
        Ok(matches!(expr, Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)))
    })
    .unwrap_or(true)
}
