//! JSON Schemas of the files that people write, so that an editor completes and checks them while they are typed.
//!
//! Made from the types themselves. `extends` may stand in every file, and what it brings need not be said again, so nothing
//! is required.

use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

use crate::experiment::Experiment;
use crate::pipeline::Pipeline;

/// Of `experiments/*.yaml`.
#[must_use]
pub fn experiment() -> String {
    schema_of::<Experiment>()
}

/// Of `pipelines/*.yaml`.
#[must_use]
pub fn pipeline() -> String {
    schema_of::<Pipeline>()
}

fn schema_of<T: JsonSchema>() -> String {
    let mut schema = schema_for!(T).to_value();
    if let Some(object) = schema.as_object_mut() {
        object.remove("required");
    }
    schema["properties"]["extends"] = json!({
        "description": "A file to build upon, relative to this one: its keys hold where this file says nothing else.",
        "type": "string",
    });
    pretty(&schema)
}

fn pretty(schema: &Value) -> String {
    // A JSON value has a text form: this cannot fail.
    let mut text = serde_json::to_string_pretty(schema).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_knows_keys_with_their_words_and_refuses_others() {
        let schema: Value = serde_json::from_str(&experiment()).unwrap();
        let train = &schema["$defs"]["Train"];
        assert_eq!(train["additionalProperties"], false);
        let words = train["properties"]["seed"]["description"].as_str().unwrap();
        assert!(words.starts_with("Decides every random draw"), "{words}");
        assert_eq!(schema["properties"]["extends"]["type"], "string");
        assert!(schema.get("required").is_none());
    }
}
