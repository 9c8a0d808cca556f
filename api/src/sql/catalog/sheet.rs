//! A table of the catalogue while it is made, column by column.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int16Array, Int32Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::MemTable;
use datafusion::error::Result;

/// The columns of a table, each with its rows.
#[derive(Debug)]
pub(super) struct Sheet {
    rows: usize,
    columns: Vec<(&'static str, ArrayRef)>,
}

impl Sheet {
    /// A sheet of so many rows.
    pub(super) fn new(rows: usize) -> Self {
        Self { rows, columns: Vec::new() }
    }

    /// Adds a column of texts.
    pub(super) fn texts<T: AsRef<str>>(
        mut self,
        name: &'static str,
        values: impl IntoIterator<Item = Option<T>>,
    ) -> Self {
        self.columns.push((name, Arc::new(values.into_iter().collect::<StringArray>())));
        self
    }

    /// Adds a column of numbers.
    pub(super) fn numbers(mut self, name: &'static str, values: impl IntoIterator<Item = Option<i32>>) -> Self {
        self.columns.push((name, Arc::new(values.into_iter().collect::<Int32Array>())));
        self
    }

    /// Adds a column of small numbers.
    pub(super) fn small(mut self, name: &'static str, values: impl IntoIterator<Item = Option<i16>>) -> Self {
        self.columns.push((name, Arc::new(values.into_iter().collect::<Int16Array>())));
        self
    }

    /// Adds a column of truths.
    pub(super) fn truths(mut self, name: &'static str, values: impl IntoIterator<Item = Option<bool>>) -> Self {
        self.columns.push((name, Arc::new(values.into_iter().collect::<BooleanArray>())));
        self
    }

    /// Adds columns that say the same text in every row.
    pub(super) fn same(mut self, names: &[&'static str], value: &str) -> Self {
        for name in names {
            let values: StringArray = (0..self.rows).map(|_| Some(value)).collect();
            self.columns.push((name, Arc::new(values)));
        }
        self
    }

    /// Adds columns that say the same number in every row.
    pub(super) fn all(mut self, names: &[&'static str], value: i32) -> Self {
        for name in names {
            self.columns.push((name, Arc::new(Int32Array::from(vec![value; self.rows]))));
        }
        self
    }

    /// Adds columns that say yes or no in every row.
    pub(super) fn every(mut self, names: &[&'static str], value: bool) -> Self {
        for name in names {
            self.columns.push((name, Arc::new(BooleanArray::from(vec![value; self.rows]))));
        }
        self
    }

    /// Adds columns that are null in every row.
    pub(super) fn null(mut self, names: &[&'static str], data_type: &DataType) -> Self {
        for name in names {
            self.columns.push((name, new_null_array(data_type, self.rows)));
        }
        self
    }

    /// The table.
    pub(super) fn table(self) -> Result<Arc<MemTable>> {
        let fields: Vec<Field> =
            self.columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), true)).collect();
        let schema = SchemaRef::new(Schema::new(fields));
        let columns = self.columns.into_iter().map(|(_, column)| column).collect();
        let rows = RecordBatch::try_new(SchemaRef::clone(&schema), columns)?;
        Ok(Arc::new(MemTable::try_new(schema, vec![vec![rows]])?))
    }
}
