//! The field format: `name length (u8), name, kind (u8), payload length (u64), payload`, little-endian.

use serde::{Serialize, de::DeserializeOwned};

use crate::{Checkpoint, CheckpointError};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Kind {
    Value = 1,
    F32 = 2,
    Bytes = 3,
    Section = 4,
}

/// Writes named fields one after the other.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty writer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A small typed value, through serde.
    ///
    /// # Panics
    /// When the name is longer than 255 bytes, or the type cannot be encoded (a map with an unknown
    /// length); both are programming errors that any test meets.
    pub fn value<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) {
        let payload = postcard::to_stdvec(value).expect("checkpoint values have a known length");
        self.field(name, Kind::Value, &payload);
    }

    /// A column of numbers, bit for bit.
    pub fn f32s(&mut self, name: &str, values: &[f32]) {
        self.header(name, Kind::F32, values.len() * 4);
        if cfg!(target_endian = "little") {
            self.bytes.extend_from_slice(bytemuck::cast_slice(values));
        } else {
            values.iter().for_each(|v| self.bytes.extend_from_slice(&v.to_le_bytes()));
        }
    }

    /// Raw bytes, for state that has an encoding of its own.
    pub fn bytes(&mut self, name: &str, values: &[u8]) {
        self.field(name, Kind::Bytes, values);
    }

    /// A part that is itself a [`Checkpoint`].
    pub fn part(&mut self, name: &str, part: &(impl Checkpoint + ?Sized)) {
        let mut inner = Writer::new();
        part.save(&mut inner);
        self.field(name, Kind::Section, &inner.bytes);
    }

    /// The encoded fields.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn field(&mut self, name: &str, kind: Kind, payload: &[u8]) {
        self.header(name, kind, payload.len());
        self.bytes.extend_from_slice(payload);
    }

    fn header(&mut self, name: &str, kind: Kind, payload: usize) {
        let length = u8::try_from(name.len()).expect("checkpoint field names are short");
        self.bytes.push(length);
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(kind as u8);
        self.bytes.extend_from_slice(&(payload as u64).to_le_bytes());
    }
}

/// Reads fields in the order in which they were written.
pub struct Reader<'a> {
    rest: &'a [u8],
    path: String,
}

impl<'a> Reader<'a> {
    /// Reads the bytes of a [`Writer`].
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, path: String::new() }
    }

    /// Reads what [`Writer::value`] wrote.
    ///
    /// # Errors
    /// When the next field is another one or does not decode as `T`.
    pub fn value<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, CheckpointError> {
        let payload = self.field(name, Kind::Value)?;
        match postcard::take_from_bytes(payload) {
            Ok((value, [])) => Ok(value),
            Ok(_) => Err(self.wrong(name, "holds more than the expected type")),
            Err(error) => Err(self.wrong(name, &format!("does not decode: {error}"))),
        }
    }

    /// Fills `values` with what [`Writer::f32s`] wrote.
    ///
    /// # Errors
    /// When the next field is another one or has another length than `values`.
    pub fn f32s(&mut self, name: &str, values: &mut [f32]) -> Result<(), CheckpointError> {
        let payload = self.field(name, Kind::F32)?;
        if payload.len() != values.len() * 4 {
            let reason = format!("holds {} numbers, expected {}", payload.len() / 4, values.len());
            return Err(self.wrong(name, &reason));
        }
        for (value, chunk) in values.iter_mut().zip(payload.chunks_exact(4)) {
            *value = f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        }
        Ok(())
    }

    /// Reads what [`Writer::f32s`] wrote, at its own length.
    ///
    /// # Errors
    /// When the next field is another one.
    pub fn f32_vec(&mut self, name: &str) -> Result<Vec<f32>, CheckpointError> {
        let payload = self.field(name, Kind::F32)?;
        Ok(payload.chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect())
    }

    /// Reads what [`Writer::bytes`] wrote.
    ///
    /// # Errors
    /// When the next field is another one.
    pub fn bytes(&mut self, name: &str) -> Result<&'a [u8], CheckpointError> {
        self.field(name, Kind::Bytes)
    }

    /// Restores what [`Writer::part`] wrote.
    ///
    /// # Errors
    /// Whatever the part's own `load` finds, with the part's name before the field's.
    pub fn part(&mut self, name: &str, part: &mut (impl Checkpoint + ?Sized)) -> Result<(), CheckpointError> {
        let payload = self.field(name, Kind::Section)?;
        let mut inner = Reader { rest: payload, path: format!("{}{name}.", self.path) };
        part.load(&mut inner)?;
        inner.finish()
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// When fields remain that nobody asked for.
    pub fn finish(self) -> Result<(), CheckpointError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.wrong("", "has fields that nobody reads")) }
    }

    /// An error about a field at this place, for `load` implementations that find a wrong value.
    pub fn wrong(&self, name: &str, reason: &str) -> CheckpointError {
        CheckpointError::Field { field: format!("{}{name}", self.path), reason: reason.into() }
    }

    fn field(&mut self, name: &str, kind: Kind) -> Result<&'a [u8], CheckpointError> {
        let short = |reader: &Self| reader.wrong(name, "the data ends before this field");
        let (&length, rest) = self.rest.split_first().ok_or_else(|| short(self))?;
        let (found, rest) = rest.split_at_checked(length as usize).ok_or_else(|| short(self))?;
        let (&found_kind, rest) = rest.split_first().ok_or_else(|| short(self))?;
        let (size, rest) = rest.split_first_chunk::<8>().ok_or_else(|| short(self))?;
        if found != name.as_bytes() {
            let reason = format!("found `{}` in its place", String::from_utf8_lossy(found));
            return Err(self.wrong(name, &reason));
        }
        if found_kind != kind as u8 {
            return Err(self.wrong(name, &format!("has kind {found_kind}, expected {kind:?}")));
        }
        let size = usize::try_from(u64::from_le_bytes(*size)).map_err(|_| short(self))?;
        let (payload, rest) = rest.split_at_checked(size).ok_or_else(|| short(self))?;
        self.rest = rest;
        Ok(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pair(f32, Vec<f32>);

    impl Checkpoint for Pair {
        fn save(&self, out: &mut Writer) {
            out.value("a", &self.0);
            out.f32s("b", &self.1);
        }
        fn load(&mut self, from: &mut Reader<'_>) -> Result<(), CheckpointError> {
            self.0 = from.value("a")?;
            from.f32s("b", &mut self.1)
        }
    }

    #[test]
    fn numbers_survive_bit_for_bit() {
        let values = vec![f32::MIN_POSITIVE / 2.0, -0.0, f32::NAN, 1.0 / 3.0];
        let bytes = crate::to_bytes(&Pair(f32::EPSILON, values.clone()));
        let mut restored = Pair(0.0, vec![0.0; 4]);
        crate::from_bytes(&mut restored, &bytes).unwrap();
        assert_eq!(restored.0.to_bits(), f32::EPSILON.to_bits());
        for (a, b) in restored.1.iter().zip(&values) {
            assert_eq!(a.to_bits(), b.to_bits());
        }
    }

    #[test]
    fn errors_name_the_nested_field() {
        let mut out = Writer::new();
        out.part("critic", &Pair(1.0, vec![1.0, 2.0]));
        let bytes = out.into_bytes();
        let mut other_shape = Pair(0.0, vec![0.0; 3]);
        let error = Reader::new(&bytes).part("critic", &mut other_shape).unwrap_err().to_string();
        assert_eq!(error, "checkpoint field `critic.b`: holds 2 numbers, expected 3");
        let error = Reader::new(&bytes).part("actor", &mut other_shape).unwrap_err().to_string();
        assert!(error.contains("`actor`: found `critic`"), "{error}");
    }

    proptest::proptest! {
        #[test]
        fn damaged_bytes_are_errors_and_never_panics(cut in 0usize..60, flip in 0usize..60, bit in 0u8..8) {
            let mut bytes = crate::to_bytes(&Pair(0.5, vec![1.0, 2.0, 3.0]));
            let at = flip % bytes.len();
            bytes[at] ^= 1 << bit;
            let keep = cut.min(bytes.len());
            let mut restored = Pair(0.0, vec![0.0; 3]);
            let result = crate::from_bytes(&mut restored, &bytes[..keep]);
            if keep < bytes.len() {
                proptest::prop_assert!(result.is_err());
            }
        }
    }
}
