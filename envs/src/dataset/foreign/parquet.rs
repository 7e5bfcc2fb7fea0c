//! Columns of Parquet files: numbers, flags, texts, and lists of them of one length.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use parquet::{
    basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical},
    column::reader::{ColumnReader, ColumnReaderImpl},
    data_type::{BoolType, ByteArray, ByteArrayType, DataType, FloatType, Int64Type},
    errors::ParquetError,
    file::{
        metadata::KeyValue,
        properties::WriterProperties,
        reader::{FileReader, SerializedFileReader},
        writer::SerializedFileWriter,
    },
    schema::types::{Type, TypePtr},
};

use super::table::Table;
use crate::dataset::DatasetError;

/// A file that is open for reading.
pub(super) struct ParquetFile {
    path: PathBuf,
    reader: SerializedFileReader<Bytes>,
}

impl ParquetFile {
    pub(super) fn open(path: &Path) -> Result<Self, DatasetError> {
        let bytes = fs::read(path).map_err(|source| DatasetError::io(path, source))?;
        let reader = SerializedFileReader::new(Bytes::from(bytes)).map_err(|error| {
            DatasetError::file(path, format!("is no Parquet file, or a damaged one: {error}"))
        })?;
        Ok(Self { path: path.to_owned(), reader })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn has(&self, column: &str) -> bool {
        self.leaf(column).is_some()
    }

    /// The leaf of a column that has one.
    fn leaf(&self, column: &str) -> Option<usize> {
        let schema = self.reader.metadata().file_metadata().schema_descr();
        let mut leaves =
            (0..schema.num_columns()).filter(|leaf| schema.column(*leaf).path().parts()[0] == column);
        leaves.next().filter(|_| leaves.next().is_none())
    }

    /// A column of numbers or flags, or of lists of them, all of one length.
    pub(super) fn table(&self, column: &str) -> Result<Table, DatasetError> {
        let wrong = |reason: String| DatasetError::column(&self.path, column, reason);
        let leaf = self.leaf(column).ok_or_else(|| wrong("is missing, or made of several".into()))?;
        let damaged = |error: ParquetError| wrong(format!("cannot be read: {error}"));
        let descriptor = self.reader.metadata().file_metadata().schema_descr().column(leaf);
        let depth = descriptor.max_rep_level();
        if depth > 1 {
            return Err(wrong("holds lists of lists, not vectors".into()));
        }
        let mut values = Vec::new();
        let (mut rows, mut width) = (0, if depth == 0 { Some(1) } else { None });
        for group in 0..self.reader.num_row_groups() {
            let group = self.reader.get_row_group(group).map_err(damaged)?;
            let (numbers, levels) = match group.get_column_reader(leaf).map_err(damaged)? {
                ColumnReader::FloatColumnReader(reader) => read(reader, |x| x),
                ColumnReader::DoubleColumnReader(reader) => read(reader, |x| x as f32),
                ColumnReader::Int32ColumnReader(reader) => read(reader, |x| x as f32),
                ColumnReader::Int64ColumnReader(reader) => read(reader, |x| x as f32),
                ColumnReader::BoolColumnReader(reader) => read(reader, |x| f32::from(u8::from(x))),
                _ => return Err(wrong("holds texts or bytes, not numbers".into())),
            }
            .map_err(damaged)?;
            if numbers.len() != levels.count {
                return Err(wrong(format!(
                    "has {} values that are missing between rows {rows} and {}",
                    levels.count - numbers.len(),
                    rows + levels.count
                )));
            }
            values.extend(numbers);
            if depth == 0 {
                rows += levels.count;
                continue;
            }
            let starts = levels.repetition.iter().enumerate().filter(|(_, level)| **level == 0);
            let mut starts: Vec<usize> = starts.map(|(at, _)| at).collect();
            starts.push(levels.count);
            for pair in starts.windows(2) {
                let length = pair[1] - pair[0];
                let expected = *width.get_or_insert(length);
                if length != expected {
                    let reason = format!("is a list of {length}, the rows before have {expected}");
                    return Err(DatasetError::row(&self.path, column, rows, reason));
                }
                rows += 1;
            }
        }
        Ok(Table { rows, width: width.unwrap_or(1), values })
    }

    /// A column of one whole number per row.
    pub(super) fn whole_numbers(&self, column: &str) -> Result<Vec<i64>, DatasetError> {
        let wrong = |reason: String| DatasetError::column(&self.path, column, reason);
        let leaf = self.leaf(column).ok_or_else(|| wrong("is missing".into()))?;
        let damaged = |error: ParquetError| wrong(format!("cannot be read: {error}"));
        let mut values = Vec::new();
        for group in 0..self.reader.num_row_groups() {
            let group = self.reader.get_row_group(group).map_err(damaged)?;
            let (numbers, levels) = match group.get_column_reader(leaf).map_err(damaged)? {
                ColumnReader::Int64ColumnReader(reader) => read(reader, |x| x),
                ColumnReader::Int32ColumnReader(reader) => read(reader, i64::from),
                _ => return Err(wrong("does not hold whole numbers".into())),
            }
            .map_err(damaged)?;
            if numbers.len() != levels.count || levels.repetition.iter().any(|level| *level > 0) {
                return Err(wrong("needs one whole number in every row".into()));
            }
            values.extend(numbers);
        }
        Ok(values)
    }
}

/// Where the values of a column chunk belong.
struct Levels {
    /// Values, missing ones included.
    count: usize,
    /// 0 where a row begins; empty for columns without lists.
    repetition: Vec<i16>,
}

/// All values of a column chunk.
fn read<T: DataType, V>(
    mut reader: ColumnReaderImpl<T>,
    number: impl Fn(T::T) -> V,
) -> Result<(Vec<V>, Levels), ParquetError> {
    let (mut values, mut definition, mut repetition) = (Vec::new(), Vec::new(), Vec::new());
    let mut count = 0;
    loop {
        let (records, _, levels) =
            reader.read_records(usize::MAX, Some(&mut definition), Some(&mut repetition), &mut values)?;
        count += levels;
        if records == 0 && levels == 0 {
            return Ok((values.into_iter().map(number).collect(), Levels { count, repetition }));
        }
    }
}

/// A column to be written.
pub(super) struct Column {
    name: String,
    values: Values,
    /// Lengths of the lists; `None` for one value per row.
    list: Option<usize>,
}

/// Values of a column, row after row.
pub(super) enum Values {
    F32(Vec<f32>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
    Text(Vec<String>),
}

impl Column {
    /// One value per row.
    pub(super) fn scalar(name: impl Into<String>, values: Values) -> Self {
        Self { name: name.into(), values, list: None }
    }

    /// A list of `width` values per row.
    pub(super) fn list(name: impl Into<String>, width: usize, values: Values) -> Self {
        Self { name: name.into(), values, list: Some(width) }
    }

    /// The column as pyarrow would declare it.
    fn declare(&self) -> Result<TypePtr, ParquetError> {
        let (physical, text) = match self.values {
            Values::F32(_) => (Physical::FLOAT, false),
            Values::I64(_) => (Physical::INT64, false),
            Values::Bool(_) => (Physical::BOOLEAN, false),
            Values::Text(_) => (Physical::BYTE_ARRAY, true),
        };
        let leaf = |name: &str| {
            let mut leaf = Type::primitive_type_builder(name, physical).with_repetition(Repetition::OPTIONAL);
            if text {
                leaf = leaf
                    .with_logical_type(Some(LogicalType::String))
                    .with_converted_type(ConvertedType::UTF8);
            }
            leaf.build().map(Arc::new)
        };
        if self.list.is_none() {
            return leaf(&self.name);
        }
        let repeated = Type::group_type_builder("list")
            .with_repetition(Repetition::REPEATED)
            .with_fields(vec![leaf("element")?])
            .build()?;
        let list = Type::group_type_builder(&self.name)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(Some(LogicalType::List))
            .with_converted_type(ConvertedType::LIST)
            .with_fields(vec![Arc::new(repeated)])
            .build()?;
        Ok(Arc::new(list))
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::F32(values) => values.len(),
            Values::I64(values) => values.len(),
            Values::Bool(values) => values.len(),
            Values::Text(values) => values.len(),
        }
    }
}

/// The bytes of a file of these columns, of equal numbers of rows, with `metadata` as (key, value).
pub(super) fn encode(columns: &[Column], metadata: &[(&str, String)]) -> Result<Vec<u8>, ParquetError> {
    let fields = columns.iter().map(Column::declare).collect::<Result<_, _>>()?;
    let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build()?);
    let metadata =
        metadata.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("telos".into())
        .set_key_value_metadata(Some(metadata))
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for column in columns {
        let mut target = group.next_column()?.expect("as many columns as were declared");
        // Nothing is missing: every value is defined to the full depth.
        let definition = vec![if column.list.is_some() { 3 } else { 1 }; column.len()];
        let repetition: Option<Vec<i16>> =
            column.list.map(|width| (0..column.len()).map(|at| i16::from(at % width > 0)).collect());
        let (definition, repetition) = (Some(definition.as_slice()), repetition.as_deref());
        match &column.values {
            Values::F32(values) => target.typed::<FloatType>().write_batch(values, definition, repetition)?,
            Values::I64(values) => target.typed::<Int64Type>().write_batch(values, definition, repetition)?,
            Values::Bool(values) => target.typed::<BoolType>().write_batch(values, definition, repetition)?,
            Values::Text(values) => {
                let values: Vec<ByteArray> = values.iter().map(|text| text.as_str().into()).collect();
                target.typed::<ByteArrayType>().write_batch(&values, definition, repetition)?
            }
        };
        target.close()?;
    }
    group.close()?;
    writer.into_inner()
}
