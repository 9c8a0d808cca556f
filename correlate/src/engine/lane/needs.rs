//! What rules need of a record ([`Need`]), asked of columns of the lake.
//!
//! A path is a column: records within records are flattened there, `lines.entry` is the column `entry` of the lines, and a
//! record that may be absent has a column `has_<name>`.

use std::collections::HashSet;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::error::ArrowError;
use tillsight_schemas::pos::Kind;

use super::known::column;
use crate::lake::Table;
use crate::rule::Need;

/// The transactions that are asked about, and the items of all transactions around them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records<'a> {
    pub(super) transactions: &'a RecordBatch,
    pub(super) lines: &'a RecordBatch,
    pub(super) tenders: &'a RecordBatch,
}

/// The columns of a table of items that needs ask for.
pub(super) fn columns<'a>(table: Table, needs: impl Iterator<Item = &'a Need>) -> Vec<String> {
    let list = if table == Table::Lines { "lines" } else { "tenders" };
    let mut columns = Vec::new();
    for need in needs {
        let only = need.only().map(|(path, _)| path);
        for path in need.paths().iter().map(Vec::as_slice).chain(only) {
            match path {
                [first, rest @ ..] if first == list && !rest.is_empty() => columns.push(name(table, rest)),
                _ => {}
            }
        }
    }
    columns
}

impl Records<'_> {
    /// Which of the transactions should have what is needed, and have it not.
    ///
    /// # Errors
    /// [`ArrowError`] when a table lacks a column.
    pub(super) fn missing(&self, need: &Need) -> Result<Vec<bool>, ArrowError> {
        let concerned = self.concerned(need)?;
        let ids = column(self.transactions, "event_id")?.as_string::<i32>();
        if let Some(list) = need.list() {
            let items = self.items(list);
            let (holds, has) = (holds(items, need)?, any(items, need.paths())?);
            let lacking: HashSet<&str> = column(items.1, "event_id")?
                .as_string::<i32>()
                .iter()
                .zip(holds.iter().zip(&has))
                .filter_map(|(id, (holds, has))| id.filter(|_| *holds && !*has))
                .collect();
            return Ok(ids
                .iter()
                .zip(concerned)
                .map(|(id, of)| of && id.is_some_and(|id| lacking.contains(id)))
                .collect());
        }
        let mut missing = concerned;
        if let Some((path, wanted)) = need.only() {
            and(&mut missing, self.have(path, wanted)?);
        }
        for path in need.paths() {
            and(&mut missing, self.have(path, None)?.into_iter().map(|has| !has));
        }
        Ok(missing)
    }

    /// Which of them are of the kinds that a need is about, and no training and no test.
    fn concerned(&self, need: &Need) -> Result<Vec<bool>, ArrowError> {
        let kinds: Vec<&str> = need.kinds.iter().map(|kind: &Kind| kind.as_str()).collect();
        let of = column(self.transactions, "kind")?.as_string::<i32>();
        let mut concerned: Vec<bool> = of.iter().map(|kind| kind.is_some_and(|kind| kinds.contains(&kind))).collect();
        for name in ["training", "test"] {
            let exempt = column(self.transactions, name)?.as_boolean();
            and(&mut concerned, exempt.iter().map(|exempt| exempt != Some(true)));
        }
        Ok(concerned)
    }

    /// Which of them have something at a path, with a value where one is wanted.
    fn have(&self, path: &[String], wanted: Option<&str>) -> Result<Vec<bool>, ArrowError> {
        let Some((list, rest)) = path.split_first().filter(|(first, _)| matches!(first.as_str(), "lines" | "tenders"))
        else {
            return there(Table::Transactions, self.transactions, path, wanted);
        };
        let (table, items) = self.items(list);
        let has = if rest.is_empty() { vec![true; items.num_rows()] } else { there(table, items, rest, wanted)? };
        let owners = column(items, "event_id")?.as_string::<i32>();
        let owners: HashSet<&str> = owners.iter().zip(has).filter_map(|(id, has)| id.filter(|_| has)).collect();
        let ids = column(self.transactions, "event_id")?.as_string::<i32>();
        Ok(ids.iter().map(|id| id.is_some_and(|id| owners.contains(id))).collect())
    }

    fn items(&self, list: &str) -> (Table, &RecordBatch) {
        if list == "lines" { (Table::Lines, self.lines) } else { (Table::Tenders, self.tenders) }
    }
}

fn and(all: &mut [bool], others: impl IntoIterator<Item = bool>) {
    for (one, other) in all.iter_mut().zip(others) {
        *one &= other;
    }
}

/// Which items a need is about.
fn holds((table, items): (Table, &RecordBatch), need: &Need) -> Result<Vec<bool>, ArrowError> {
    match need.only() {
        Some((path, wanted)) => there(table, items, path.get(1..).unwrap_or_default(), wanted),
        None => Ok(vec![true; items.num_rows()]),
    }
}

/// Which items have something at one of the paths.
fn any((table, items): (Table, &RecordBatch), paths: &[Vec<String>]) -> Result<Vec<bool>, ArrowError> {
    let mut any = vec![false; items.num_rows()];
    for path in paths {
        let has = there(table, items, path.get(1..).unwrap_or_default(), None)?;
        any.iter_mut().zip(has).for_each(|(any, has)| *any |= has);
    }
    Ok(any)
}

/// Which rows have something at a path of theirs.
fn there(table: Table, rows: &RecordBatch, path: &[String], wanted: Option<&str>) -> Result<Vec<bool>, ArrowError> {
    let values = column(rows, &name(table, path))?;
    Ok(match (wanted, values.as_boolean_opt()) {
        (Some(wanted), _) => match values.as_string_opt::<i32>() {
            Some(texts) => texts.iter().map(|text| text == Some(wanted)).collect(),
            None => vec![false; values.len()],
        },
        // Whether the record is there.
        (None, Some(has)) if name(table, path).starts_with("has_") => has.iter().map(|has| has == Some(true)).collect(),
        (None, _) => (0..values.len()).map(|row| values.is_valid(row)).collect(),
    })
}

/// The column of a path.
fn name(table: Table, path: &[String]) -> String {
    let name = path.join("_");
    let record = format!("has_{name}");
    if table.schema().index_of(&record).is_ok() { record } else { name }
}
