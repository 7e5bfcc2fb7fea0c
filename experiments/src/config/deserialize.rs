//! Serde over the written tree, with errors that know the key and the place.

use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

use super::{
    ConfigError,
    tree::{Node, Place, Value},
};

/// How a configuration writes that an optional value is absent, since TOML has no null.
pub(super) const ABSENT: &str = "none";

/// The key that chooses among the variants of an enum whose variants have keys.
const KIND: &str = "kind";

/// Reads a `T` from a tree.
pub(crate) fn from_tree<T: de::DeserializeOwned>(root: &Node) -> Result<T, ConfigError> {
    T::deserialize(At { node: root, key: String::new() })
        .map_err(|failure| failure.locate("", &root.place).into())
}

/// What serde found, and, once known, where.
#[derive(Debug)]
struct Failure {
    kind: Kind,
    at: Option<(String, Place)>,
}

#[derive(Debug)]
enum Kind {
    UnknownKey { key: String, known: &'static [&'static str] },
    UnknownVariant { value: String, known: &'static [&'static str] },
    Message(String),
}

impl Failure {
    fn new(kind: Kind) -> Self {
        Self { kind, at: None }
    }

    /// Keeps the innermost place.
    fn locate(mut self, key: &str, place: &Place) -> Self {
        self.at.get_or_insert_with(|| (key.to_owned(), place.clone()));
        self
    }
}

impl From<Failure> for ConfigError {
    fn from(failure: Failure) -> Self {
        let (key, place) = failure.at.expect("from_tree locates every failure");
        match failure.kind {
            Kind::UnknownKey { key: unknown, known } => {
                let table = key.rsplit_once('.').map_or("", |(table, _)| table);
                ConfigError::unknown_key(place, &unknown, table, known)
            }
            Kind::UnknownVariant { value, known } => ConfigError::unknown_choice(place, &key, &value, known),
            Kind::Message(reason) => ConfigError::Value { place, key, reason },
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.kind)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::new(Kind::Message(message.to_string()))
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("found {}, expected {}", in_toml(&found), in_words(expected)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        match found {
            de::Unexpected::Signed(number) if number < 0 => {
                Self::custom(format_args!("{number} is negative, expected zero or more"))
            }
            _ => Self::custom(format_args!("found {}, expected {}", in_toml(&found), in_words(expected))),
        }
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey { key: key.to_owned(), known })
    }

    fn unknown_variant(value: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownVariant { value: value.to_owned(), known })
    }
}

/// A Rust type as a writer of TOML would call it.
fn in_words(expected: &dyn de::Expected) -> String {
    let expected = expected.to_string();
    match expected.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        _ => expected,
    }
}

fn in_toml(found: &de::Unexpected<'_>) -> String {
    match found {
        de::Unexpected::Float(number) => number.to_string(),
        de::Unexpected::Signed(number) => number.to_string(),
        de::Unexpected::Bool(value) => value.to_string(),
        de::Unexpected::Str(text) => format!("\"{text}\""),
        de::Unexpected::Map => "a table".to_owned(),
        de::Unexpected::Seq => "an array".to_owned(),
        other => other.to_string(),
    }
}

/// One node and its dotted key.
struct At<'a> {
    node: &'a Node,
    key: String,
}

impl<'a> At<'a> {
    fn read<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let result = match &self.node.value {
            Value::Text(text) => visitor.visit_str(text),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Float(value) if !value.is_finite() => Err(de::Error::custom("must be a finite number")),
            Value::Float(value) => visitor.visit_f64(*value),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter(), key: &self.key }),
            Value::Table(entries) => visitor.visit_map(self.entries(entries)),
        };
        result.map_err(|failure| failure.locate(&self.key, &self.node.place))
    }

    fn entries(&self, entries: &'a [(String, Node)]) -> Entries<'a> {
        Entries { entries: entries.iter(), value: None, key: self.key.clone(), without_kind: false }
    }
}

impl<'de> Deserializer<'de> for At<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.read(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match &self.node.value {
            Value::Text(text) if text == ABSENT => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    /// A text names a variant without keys. A table is a variant with keys, which its key `kind`
    /// names; without that it is the first variant.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let at = |name: &str, node| At { node, key: format!("{}.{name}", self.key) };
        let result = match &self.node.value {
            Value::Text(_) => {
                let name = Some(At { node: self.node, key: self.key.clone() });
                visitor.visit_enum(Chosen { name, first: "", keys: self.entries(&[]) })
            }
            Value::Table(entries) => {
                let kind = entries.iter().find(|(name, _)| name == KIND);
                let name = kind.map(|(name, node)| at(name, node));
                let keys = Entries { without_kind: true, ..self.entries(entries) };
                visitor.visit_enum(Chosen {
                    name,
                    first: variants.first().copied().unwrap_or_default(),
                    keys,
                })
            }
            _ => return self.read(visitor),
        };
        result.map_err(|failure: Failure| failure.locate(&self.key, &self.node.place))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

struct Items<'a, 'k> {
    items: std::slice::Iter<'a, Node>,
    key: &'k str,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        self.items.next().map(|node| seed.deserialize(At { node, key: self.key.to_owned() })).transpose()
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, (String, Node)>,
    value: Option<At<'a>>,
    key: String,
    /// Whether [`KIND`] has been read already and is passed over.
    without_kind: bool,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let without_kind = self.without_kind;
        let entry = self.entries.find(|(name, _)| !(without_kind && name == KIND));
        let Some((name, node)) = entry else { return Ok(None) };
        let key = if self.key.is_empty() { name.clone() } else { format!("{}.{name}", self.key) };
        let found = seed
            .deserialize(name.as_str().into_deserializer())
            .map_err(|failure: Failure| failure.locate(&key, &node.place))?;
        self.value = Some(At { node, key });
        Ok(Some(found))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(self.value.take().expect("serde asks for a value after its key"))
    }
}

/// One variant of an enum, with its keys.
struct Chosen<'a> {
    /// Where the variant is named; none where the first is meant.
    name: Option<At<'a>>,
    first: &'static str,
    keys: Entries<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Chosen<'a> {
    type Error = Failure;
    type Variant = Entries<'a>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Entries<'a>), Failure> {
        let Some(At { node, key }) = self.name else {
            return Ok((seed.deserialize(self.first.into_deserializer())?, self.keys));
        };
        let found = match &node.value {
            Value::Text(text) => seed.deserialize(text.as_str().into_deserializer()),
            _ => seed.deserialize(At { node, key: key.clone() }),
        };
        Ok((found.map_err(|failure: Failure| failure.locate(&key, &node.place))?, self.keys))
    }
}

impl<'de> VariantAccess<'de> for Entries<'_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        if self.without_kind { Err(de::Error::invalid_type(de::Unexpected::Map, &"a name")) } else { Ok(()) }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(de::value::MapAccessDeserializer::new(self))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_map(self)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_map(self)
    }
}
