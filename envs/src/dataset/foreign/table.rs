//! A column of a foreign file, as numbers.

use std::{ops::Range, path::Path};

use crate::dataset::DatasetError;

/// `[rows, width]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub(super) rows: usize,
    pub(super) width: usize,
    pub(super) values: Vec<f32>,
}

impl Table {
    /// Rows `range`.
    pub(super) fn slice(&self, range: Range<usize>) -> &[f32] {
        &self.values[range.start * self.width..range.end * self.width]
    }

    /// Row `row`.
    pub(super) fn row(&self, row: usize) -> &[f32] {
        self.slice(row..row + 1)
    }

    /// Refuses rows with a number that is not finite.
    pub(super) fn check_finite(&self, path: &Path, column: &str) -> Result<(), DatasetError> {
        match self.values.iter().position(|value| !value.is_finite()) {
            None => Ok(()),
            Some(at) => {
                let reason = format!("is {}; learners need numbers", self.values[at]);
                Err(DatasetError::row(path, column, at / self.width.max(1), reason))
            }
        }
    }

    /// Refuses another number of rows than `rows`, that of the column `other`.
    pub(super) fn check_rows(
        &self,
        path: &Path,
        column: &str,
        rows: usize,
        other: &str,
    ) -> Result<(), DatasetError> {
        if self.rows == rows {
            return Ok(());
        }
        let reason = format!("has {} rows, but {rows} belong to `{other}`", self.rows);
        Err(DatasetError::column(path, column, reason))
    }

    /// Tables of equal length side by side.
    pub(super) fn beside(tables: &[Self]) -> Self {
        let rows = tables.first().map_or(0, |table| table.rows);
        let width = tables.iter().map(|table| table.width).sum();
        let mut values = Vec::with_capacity(rows * width);
        for row in 0..rows {
            tables.iter().for_each(|table| values.extend_from_slice(table.row(row)));
        }
        Self { rows, width, values }
    }
}
