//! `key=value` from the command line, laid over a document.
//!
//! A value is read as YAML, so `2`, `1e-3`, `true`, `[a, b]` and `text` mean what they mean in the file.

use crate::SpecError;
use serde_yaml::{Mapping, Value};

/// One `dotted.path=value`.
#[derive(Debug, Clone)]
pub(crate) struct Override {
    pub(crate) path: Vec<String>,
    pub(crate) value: Value,
}

impl Override {
    /// Reads `train.seed=2`.
    pub(crate) fn parse(text: &str) -> Result<Self, SpecError> {
        let fail = |reason: String| SpecError::Override {
            text: text.into(),
            reason,
        };
        let (path, value) = text
            .split_once('=')
            .ok_or_else(|| fail("has no `=`".into()))?;
        let path: Vec<String> = path.trim().split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err(fail("has an empty part in its key".into()));
        }
        let value = serde_yaml::from_str(value).map_err(|e| fail(e.to_string()))?;
        Ok(Self { path, value })
    }

    /// Sets the value in `document`, making the mappings on the way.
    pub(crate) fn apply(&self, document: &mut Value) -> Result<(), SpecError> {
        let (last, parents) = self
            .path
            .split_last()
            .ok_or_else(|| self.fail("is empty"))?;
        let mut at = document;
        for part in parents {
            at = self
                .mapping(at)?
                .entry(Value::from(part.as_str()))
                .or_insert(Value::Null);
        }
        self.mapping(at)?
            .insert(Value::from(last.as_str()), self.value.clone());
        Ok(())
    }

    fn mapping<'a>(&self, at: &'a mut Value) -> Result<&'a mut Mapping, SpecError> {
        if at.is_null() {
            *at = Value::Mapping(Mapping::new());
        }
        at.as_mapping_mut()
            .ok_or_else(|| self.fail("goes through a key that holds no mapping"))
    }

    fn fail(&self, reason: &str) -> SpecError {
        SpecError::Override {
            text: self.path.join("."),
            reason: reason.into(),
        }
    }
}
