//! The table of routes as an OpenAPI description.

use serde_json::{Map, Value, json};

use idiom_tracking_api::API_PREFIX;

use super::routes::{Access, MLFLOW, OTHERS, word};

/// The list as an OpenAPI description: which routes there are, their path's parts, who may ask, and what errors look like.
pub(crate) fn openapi() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let prefixed = MLFLOW
        .iter()
        .map(|route| (format!("{API_PREFIX}{}", route.1), route));
    for (path, (method, _, access, about)) in
        prefixed.chain(OTHERS.iter().map(|route| (route.1.to_owned(), route)))
    {
        let path = path.replace("{*", "{");
        let parts = path
            .split('{')
            .skip(1)
            .filter_map(|rest| rest.split('}').next());
        let parameters: Vec<Value> = parts
            .map(|name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }))
            .collect();
        let error = json!({ "description": "refused", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } });
        let security = if *access == Access::Open {
            json!([])
        } else {
            json!([{ "basic": [] }, { "token": [] }])
        };
        let operation = json!({
            "summary": about, "parameters": parameters, "security": security, "x-needs": word(*access),
            "responses": { "200": { "description": "done" }, "default": error },
        });
        let entry = paths.entry(path).or_insert_with(|| json!({}));
        entry[method.to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Idiom's tracking server", "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": {
            "schemas": { "Error": {
                "type": "object", "required": ["error_code", "message"],
                "properties": { "error_code": { "type": "string" }, "message": { "type": "string" } },
            } },
            "securitySchemes": {
                "basic": { "type": "http", "scheme": "basic" }, "token": { "type": "http", "scheme": "bearer" },
            },
        },
    })
}
