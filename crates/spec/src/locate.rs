//! Finds the line and column at which a dotted path stands in a YAML text.
//!
//! The YAML reader tells places only inside its errors. So the text is read once more by a probe that
//! walks to the wanted key and fails there on purpose; the place in that error is the answer.

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use std::fmt;

/// Line and column, both from 1, of the key that `path` names; `None` where the text has no such key.
pub(crate) fn locate(text: &str, path: &[String]) -> Option<(usize, usize)> {
    if path.is_empty() {
        return Some((1, 1));
    }
    let error = Probe(path)
        .deserialize(serde_yaml::Deserializer::from_str(text))
        .err()?;
    if !error.to_string().contains(FOUND) {
        return None;
    }
    error.location().map(|l| (l.line(), l.column()))
}

const FOUND: &str = "the probe has found its key";

struct Probe<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Probe<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Probe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping or a sequence")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.0.split_first() else {
            return Ok(());
        };
        while let Some(matches) = map.next_key_seed(Key {
            wanted,
            last: rest.is_empty(),
        })? {
            if matches {
                map.next_value_seed(Probe(rest))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.0.split_first() else {
            return Ok(());
        };
        let mut index = 0;
        loop {
            let here = wanted.parse() == Ok(index);
            let more = match (here, rest.is_empty()) {
                (true, true) => seq.next_element_seed(Here)?.is_some(),
                (true, false) => seq.next_element_seed(Probe(rest))?.is_some(),
                _ => seq.next_element::<IgnoredAny>()?.is_some(),
            };
            if !more {
                return Ok(());
            }
            index += 1;
        }
    }
}

/// Reads a key: says whether it is the wanted one, and fails on purpose where it is the last.
struct Key<'a> {
    wanted: &'a str,
    last: bool,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        match key == self.wanted {
            true if self.last => Err(E::custom(FOUND)),
            matches => Ok(matches),
        }
    }
}

/// Fails on purpose at a sequence's element.
struct Here;

impl<'de> DeserializeSeed<'de> for Here {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(Fail)
    }
}

struct Fail;

macro_rules! fail_on {
    ($($visit:ident($kind:ty)),*) => { $(fn $visit<E: serde::de::Error>(self, _: $kind) -> Result<(), E> { Err(E::custom(FOUND)) })* };
}

impl<'de> Visitor<'de> for Fail {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fail_on!(
        visit_bool(bool),
        visit_i64(i64),
        visit_u64(u64),
        visit_f64(f64),
        visit_str(&str)
    );
    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        Err(E::custom(FOUND))
    }
    fn visit_map<A: MapAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(FOUND))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom(FOUND))
    }
}

#[cfg(test)]
mod tests {
    use super::locate;

    fn check(text: &str, path: &str) -> Option<(usize, usize)> {
        locate(
            text,
            &path.split('.').map(str::to_owned).collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_nested_key_is_found_where_it_stands() {
        assert_eq!(check("a: 1\nb:\n  c: 2\n  d: 3\n", "b.d"), Some((4, 3)));
    }

    #[test]
    fn an_element_of_a_sequence_is_found() {
        assert_eq!(check("a:\n  - x: 1\n  - y: 2\n", "a.1.y"), Some((3, 5)));
        assert_eq!(check("a: [1, 22, 3]\n", "a.1"), Some((1, 8)));
    }

    #[test]
    fn a_key_that_is_not_there_is_not_found() {
        assert_eq!(check("a: 1\n", "b"), None);
    }
}
