//! Numbers out of HDF5 files.

use std::path::{Path, PathBuf};

use hdf5_pure::{DType, Dataset, File};

use super::table::Table;
use crate::dataset::DatasetError;

/// An HDF5 file that is open for reading.
pub(super) struct Hdf5 {
    path: PathBuf,
    file: File,
}

impl Hdf5 {
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        match File::open(path) {
            Ok(file) => Ok(Self { path: path.to_owned(), file }),
            Err(hdf5_pure::Error::Io(source)) if source.kind() == std::io::ErrorKind::NotFound => {
                Err(DatasetError::file(path, "does not exist"))
            }
            Err(hdf5_pure::Error::Io(source)) => Err(DatasetError::io(path, source)),
            Err(error) => {
                Err(DatasetError::file(path, format!("is no HDF5 file, or a damaged one: {error}")))
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn has_dataset(&self, name: &str) -> bool {
        self.file.dataset(name).is_ok()
    }

    pub(super) fn has_group(&self, name: &str) -> bool {
        self.file.group(name).is_ok()
    }

    /// Names of the groups in a group.
    pub(super) fn groups(&self, name: &str) -> Result<Vec<String>, DatasetError> {
        let group = self.file.group(name).map_err(|error| self.wrong(name, error))?;
        group.groups().map_err(|error| self.wrong(name, error))
    }

    /// Names of the datasets in a group, in alphabetical order.
    pub(super) fn datasets(&self, name: &str) -> Result<Vec<String>, DatasetError> {
        let group = self.file.group(name).map_err(|error| self.wrong(name, error))?;
        let mut names = group.datasets().map_err(|error| self.wrong(name, error))?;
        names.sort();
        Ok(names)
    }

    /// The text in an attribute of a group; `None` where there is none.
    pub(super) fn text(&self, group: &str, attribute: &str) -> Option<String> {
        let attributes = self.file.group(group).ok()?.attrs().ok()?;
        attributes.get(attribute)?.as_str().map(str::to_owned)
    }

    /// Whether a dataset is a table of numbers: not of texts, and not of pictures.
    pub(super) fn is_vector(&self, name: &str) -> Result<bool, DatasetError> {
        let dataset = self.dataset(name)?;
        let rank = dataset.shape().map_err(|error| self.wrong(name, error))?.len();
        Ok(rank <= 2 && is_number(&dataset.dtype().map_err(|error| self.wrong(name, error))?))
    }

    /// A dataset of numbers of any type; all dimensions but the first lie side by side.
    pub(super) fn table(&self, name: &str) -> Result<Table, DatasetError> {
        let dataset = self.dataset(name)?;
        let dtype = dataset.dtype().map_err(|error| self.wrong(name, error))?;
        if !is_number(&dtype) {
            return Err(DatasetError::column(&self.path, name, format!("holds {dtype}, not numbers")));
        }
        let (rows, width) = self.size(name, &dataset)?;
        let values = dataset.read_f32().map_err(|error| self.wrong(name, error))?;
        if values.len() != rows * width {
            let reason = format!("holds {} numbers, its shape asks for {rows} x {width}", values.len());
            return Err(DatasetError::column(&self.path, name, reason));
        }
        Ok(Table { rows, width, values })
    }

    /// A table of numbers that are all finite.
    pub(super) fn finite(&self, name: &str) -> Result<Table, DatasetError> {
        let table = self.table(name)?;
        table.check_finite(&self.path, name)?;
        Ok(table)
    }

    /// A dataset of one flag per row: of truth values, as h5py writes them, or of numbers 0 and 1.
    pub(super) fn flags(&self, name: &str) -> Result<Vec<bool>, DatasetError> {
        let dataset = self.dataset(name)?;
        let dtype = dataset.dtype().map_err(|error| self.wrong(name, error))?;
        let (rows, width) = self.size(name, &dataset)?;
        if width != 1 {
            let reason = format!("has {width} values per row; one flag is needed");
            return Err(DatasetError::column(&self.path, name, reason));
        }
        let values: Vec<f32> = match dtype {
            DType::Enum(_) => {
                let bytes = dataset.read_u8().map_err(|error| self.wrong(name, error))?;
                bytes.into_iter().map(f32::from).collect()
            }
            _ => self.table(name)?.values,
        };
        if values.len() != rows {
            return Err(DatasetError::column(&self.path, name, "its flags are not of one byte each"));
        }
        let flag = |(row, value)| match value {
            0.0 => Ok(false),
            1.0 => Ok(true),
            other => Err(DatasetError::row(&self.path, name, row, format!("is {other}, neither 0 nor 1"))),
        };
        values.into_iter().enumerate().map(flag).collect()
    }

    fn dataset(&self, name: &str) -> Result<Dataset, DatasetError> {
        self.file.dataset(name).map_err(|error| self.wrong(name, error))
    }

    /// Rows, and values in each.
    fn size(&self, name: &str, dataset: &Dataset) -> Result<(usize, usize), DatasetError> {
        let shape = dataset.shape().map_err(|error| self.wrong(name, error))?;
        let absurd = || DatasetError::column(&self.path, name, format!("has the absurd shape {shape:?}"));
        let Some((rows, rest)) = shape.split_first() else {
            return Err(DatasetError::column(&self.path, name, "is a single value; rows are needed"));
        };
        let width = rest.iter().try_fold(1u64, |product, side| product.checked_mul(*side));
        let width = width.and_then(|width| usize::try_from(width).ok()).ok_or_else(absurd)?;
        let rows = usize::try_from(*rows).map_err(|_| absurd())?;
        rows.checked_mul(width).ok_or_else(absurd)?;
        if rows == 0 || width == 0 {
            return Err(DatasetError::column(&self.path, name, "is empty"));
        }
        Ok((rows, width))
    }

    fn wrong(&self, name: &str, error: hdf5_pure::Error) -> DatasetError {
        DatasetError::column(&self.path, name, format!("cannot be read: {error}"))
    }
}

fn is_number(dtype: &DType) -> bool {
    use DType::{F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    matches!(dtype, F32 | F64 | I8 | I16 | I32 | I64 | U8 | U16 | U32 | U64)
}
