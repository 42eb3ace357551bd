//! Numbers as protobuf's JSON writes them: doubles that may be NaN or infinite (as strings), and 64-bit integers that
//! may come as strings.
//!
//! Use with `#[serde(with = "number::double")]` and `#[serde(deserialize_with = "number::int64")]`. We write integers
//! as JSON numbers, as MLflow does, and read both.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};

/// Doubles: `1.5`, `"NaN"`, `"Infinity"`, `"-Infinity"`, and numbers in strings.
pub mod double {
    use serde::{Deserializer, Serializer};

    /// Writes NaN and infinities as the strings `NaN`, `Infinity` and `-Infinity`, other doubles as numbers.
    ///
    /// # Errors
    /// What the serializer refuses.
    pub fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if value.is_nan() {
            serializer.serialize_str("NaN")
        } else if *value == f64::INFINITY {
            serializer.serialize_str("Infinity")
        } else if *value == f64::NEG_INFINITY {
            serializer.serialize_str("-Infinity")
        } else {
            serializer.serialize_f64(*value)
        }
    }

    /// Reads a number, or a number in a string.
    ///
    /// # Errors
    /// When it is neither.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        deserializer.deserialize_any(super::DoubleVisitor)
    }
}

struct DoubleVisitor;

impl Visitor<'_> for DoubleVisitor {
    type Value = f64;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a valid double (64-bit floating point)")
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<f64, E> {
        parse_double(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// A double in text, as protobuf's JSON and Python write it.
pub fn parse_double(text: &str) -> Option<f64> {
    match text.trim() {
        "NaN" | "nan" => Some(f64::NAN),
        "Infinity" | "inf" => Some(f64::INFINITY),
        "-Infinity" | "-inf" => Some(f64::NEG_INFINITY),
        other => other.parse().ok().filter(|value: &f64| value.is_finite()),
    }
}

/// Reads a 64-bit integer given as a number or as a string.
///
/// # Errors
/// When it is neither, or has a fraction, or does not fit.
pub fn int64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    deserializer.deserialize_any(Int64Visitor)
}

/// Reads a 64-bit integer, its string, or null as none. Use with `#[serde(default)]`.
///
/// # Errors
/// As [`int64`].
pub fn optional_int64<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    deserializer.deserialize_option(OptionalInt64Visitor)
}

struct OptionalInt64Visitor;

impl<'de> Visitor<'de> for OptionalInt64Visitor {
    type Value = Option<i64>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        Int64Visitor.expecting(out)
    }

    fn visit_none<E: de::Error>(self) -> Result<Option<i64>, E> {
        Ok(None)
    }

    fn visit_unit<E: de::Error>(self) -> Result<Option<i64>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<i64>, D::Error> {
        int64(deserializer).map(Some)
    }
}

struct Int64Visitor;

impl Visitor<'_> for Int64Visitor {
    type Value = i64;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a 64-bit integer")
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<i64, E> {
        Ok(value)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<i64, E> {
        i64::try_from(value).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(value), &self))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<i64, E> {
        // Python sends `1e3` and `5.0` where a program computed a step; both are whole numbers.
        let whole = value.fract() == 0.0 && value.abs() < 9.0e15;
        if whole {
            Ok(value as i64)
        } else {
            Err(E::invalid_value(de::Unexpected::Float(value), &self))
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<i64, E> {
        text.trim()
            .parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}
