//! `[parameters]` of a sweep file: from the written tables to a checked [`Space`].

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{
        MapAccess, SeqAccess, Visitor,
        value::{MapAccessDeserializer, SeqAccessDeserializer},
    },
};
use serde_json::Value;

use super::{
    domain::Domain,
    space::{Parameter, Space, key_of},
    specification::value_error,
};
use crate::config::{ConfigError, Node};

/// The whole table.
pub(super) type ParameterTable = InOrder<Written>;

/// A table as pairs in the order of the file.
#[derive(Debug)]
pub(super) struct InOrder<T>(Vec<(String, T)>);

/// One parameter: an array of values, or a table.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Keys {
    values: Option<Vec<Value>>,
    linear: Option<[f64; 2]>,
    log: Option<[f64; 2]>,
    int: Option<[i64; 2]>,
    log_int: Option<[i64; 2]>,
    variants: Option<InOrder<Vec<String>>>,
    points: Option<usize>,
    when: InOrder<Value>,
}

/// [`Keys`], or the array that stands for its `values`.
#[derive(Debug)]
pub(super) struct Written(Keys);

/// Checks every parameter and puts them in one space.
pub(super) fn check(root: &Node, table: ParameterTable) -> Result<Space, ConfigError> {
    let mut space = Space::default();
    for (key, Written(keys)) in table.0 {
        let parameter = parameter(&space, &key, keys)
            .map_err(|(inner, reason)| value_error(root, &["parameters", &key, inner], reason))?;
        space.parameters.push(parameter);
    }
    Ok(space)
}

/// What is wrong: the key inside the parameter's table, or nothing, and the reason.
type Wrong = (&'static str, String);

fn parameter(before: &Space, key: &str, keys: Keys) -> Result<Parameter, Wrong> {
    if ["seed", "seeds"].contains(&key) {
        return Err(("", "is not searched; the sweep's own `seeds` train every setting".into()));
    }
    let points = keys.points;
    let mut domains: Vec<(&'static str, Domain)> = Vec::new();
    domains.extend(keys.values.map(|values| ("values", Domain::Values(values))));
    domains.extend(keys.linear.map(|[low, high]| ("linear", Domain::Linear(low, high))));
    domains.extend(keys.log.map(|[low, high]| ("log", Domain::Log(low, high))));
    domains.extend(keys.int.map(|[low, high]| ("int", Domain::Int(low, high))));
    domains.extend(keys.log_int.map(|[low, high]| ("log_int", Domain::LogInt(low, high))));
    let (names, variants) = match keys.variants {
        None => (None, None),
        Some(InOrder(pairs)) => {
            let (names, flags): (Vec<String>, Vec<Vec<String>>) = pairs.into_iter().unzip();
            check_variants(&flags)?;
            (Some(Domain::Values(names.into_iter().map(Value::String).collect())), Some(flags))
        }
    };
    domains.extend(names.map(|names| ("variants", names)));
    let mut domains = domains.into_iter();
    let (name, domain) = match (domains.next(), domains.next()) {
        (Some(one), None) => one,
        (Some((first, _)), Some((second, _))) => {
            return Err((second, format!("is in conflict with `{first}`; a parameter has one domain")));
        }
        (None, _) => {
            let reason = "has no domain; give an array of values, or one of values, linear, log, int, log_int, variants";
            return Err(("", reason.into()));
        }
    };
    let wrong = |reason: &str| Err((name, reason.to_owned()));
    match &domain {
        Domain::Values(values) if values.is_empty() => return wrong("is empty"),
        Domain::Values(values) => {
            let twice = values.iter().enumerate().find(|(index, value)| values[..*index].contains(value));
            if let Some((_, value)) = twice {
                return Err((name, format!("names {value} twice")));
            }
            if values.iter().any(|value| value.is_object() || value.is_null()) {
                return wrong("holds a table; a parameter is one key of the configuration");
            }
        }
        Domain::Linear(low, high) | Domain::Log(low, high) if low >= high => {
            return wrong("must be [low, high] with low below high");
        }
        Domain::Log(low, _) if *low <= 0.0 => return wrong("must lie above 0 to have a logarithm"),
        Domain::Int(low, high) | Domain::LogInt(low, high) if low >= high => {
            return wrong("must be [low, high] with low below high");
        }
        Domain::LogInt(low, _) if *low < 1 => return wrong("must begin at 1 or more to have a logarithm"),
        Domain::Int(low, high) if high.abs_diff(*low) > u64::from(u32::MAX) => {
            return wrong("spans more than 2^32 numbers; use `linear` or `log_int`");
        }
        _ => {}
    }
    match points {
        Some(0) => return Err(("points", "is 0, but a grid needs at least 1".into())),
        Some(_) if domain.choices().is_some() => {
            return Err(("points", "is for ranges; a grid takes all of `values`".into()));
        }
        _ => {}
    }
    let when = keys
        .when
        .0
        .into_iter()
        .map(|(other, value)| condition(before, other, value))
        .collect::<Result<_, _>>()?;
    Ok(Parameter { key: key.to_owned(), domain, points, when, variants })
}

/// What variants may say.
fn check_variants(variants: &[Vec<String>]) -> Result<(), Wrong> {
    for flag in variants.iter().flatten() {
        if !flag.contains('=') {
            return Err(("variants", format!("\"{flag}\" is not key=value, such as steps=5000")));
        }
        if ["seed", "seeds"].contains(&key_of(flag)) {
            return Err((
                "variants",
                format!("\"{flag}\" sets a seed; the sweep's own `seeds` train every setting"),
            ));
        }
    }
    Ok(())
}

fn condition(before: &Space, other: String, value: Value) -> Result<(String, Vec<Value>), Wrong> {
    let Some(known) = before.parameters.iter().find(|parameter| parameter.key == other) else {
        return Err(("when", format!("names `{other}`, which is no parameter above this one")));
    };
    let accepted = match value {
        // A list of alternatives, unless the other parameter's values are lists themselves.
        Value::Array(items) if known.domain.unit(&Value::Array(items.clone())).is_none() => items,
        one => vec![one],
    };
    if accepted.is_empty() {
        return Err(("when", format!("accepts no value of {other}")));
    }
    match accepted.iter().find(|value| known.domain.unit(value).is_none()) {
        Some(value) => Err(("when", format!("asks for {other} = {value}, which it can never be"))),
        None => Ok((other, accepted)),
    }
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for InOrder<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = InOrder<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<InOrder<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(InOrder(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ArrayOrTable;
        impl<'de> Visitor<'de> for ArrayOrTable {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of values or a table such as { log = [1e-4, 1e-2] }")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Written, A::Error> {
                let values = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Written(Keys { values: Some(values), ..Keys::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written, A::Error> {
                Keys::deserialize(MapAccessDeserializer::new(map)).map(Written)
            }
        }
        deserializer.deserialize_any(ArrayOrTable)
    }
}
