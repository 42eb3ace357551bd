//! Which fields there are, by which names, and how each may be compared.

use super::token::Word;
use super::tree::{Entity, Field, Operator};
use crate::ApiError;

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Runs: metrics, params, tags, attributes, data sets.
    Runs,
    /// Experiments: tags and attributes.
    Experiments,
    /// Logged models: metrics, params, tags, attributes.
    Models,
}

const NUMBERS: &[Operator] = &[
    Operator::Equal,
    Operator::NotEqual,
    Operator::Less,
    Operator::LessEqual,
    Operator::Greater,
    Operator::GreaterEqual,
];
const TEXTS: &[Operator] = &[
    Operator::Equal,
    Operator::NotEqual,
    Operator::Like,
    Operator::ILike,
    Operator::In,
    Operator::NotIn,
];
const OPTIONAL_TEXTS: &[Operator] = &[
    Operator::Equal,
    Operator::NotEqual,
    Operator::Like,
    Operator::ILike,
    Operator::In,
    Operator::NotIn,
    Operator::IsNull,
    Operator::IsNotNull,
];

const ENTITIES: &str = "Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']";
const EXPERIMENT_ENTITIES: &str = "Valid entity types are ('attribute', 'tag', 'tags')";
const MODEL_ENTITIES: &str = "Valid values are ['metric', 'parameter', 'tag', 'attribute']";

impl Subject {
    fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Runs => &[
                "artifact_uri",
                "end_time",
                "run_id",
                "run_name",
                "start_time",
                "status",
                "user_id",
            ],
            Self::Experiments => &["creation_time", "experiment_id", "last_update_time", "name"],
            Self::Models => &[
                "creation_time",
                "last_updated_time",
                "model_id",
                "model_type",
                "name",
                "source_run_id",
                "status",
            ],
        }
    }

    /// The field a name means.
    pub(super) fn field(self, word: &Word) -> Result<Field, ApiError> {
        let (entity, key) = match &word.key {
            None => (Entity::Attribute, word.head.as_str()),
            Some(key) => (self.entity(&word.head)?, key.as_str()),
        };
        let key = match entity {
            Entity::Attribute => self.attribute(key)?,
            Entity::Dataset => dataset(key)?,
            Entity::Metric | Entity::Param | Entity::Tag => key,
        };
        Ok(Field {
            entity,
            key: key.to_owned(),
        })
    }

    fn entity(self, name: &str) -> Result<Entity, ApiError> {
        let entity = match name {
            "metric" | "metrics" => Some(Entity::Metric),
            "param" | "params" | "parameter" | "parameters" => Some(Entity::Param),
            "tag" | "tags" => Some(Entity::Tag),
            "attr" | "attribute" | "attributes" | "run" => Some(Entity::Attribute),
            "dataset" | "datasets" => Some(Entity::Dataset),
            _ => None,
        };
        let here = |entity: &Entity| match self {
            Self::Runs => true,
            Self::Experiments => matches!(entity, Entity::Tag | Entity::Attribute),
            Self::Models => *entity != Entity::Dataset,
        };
        let valid = match self {
            Self::Runs => ENTITIES,
            Self::Experiments => EXPERIMENT_ENTITIES,
            Self::Models => MODEL_ENTITIES,
        };
        let refuse = || ApiError::invalid(format!("Invalid entity type '{name}'. {valid}"));
        entity.filter(here).ok_or_else(refuse)
    }

    fn attribute(self, key: &str) -> Result<&str, ApiError> {
        let key = match (self, key) {
            (Self::Runs, "created" | "Created") => "start_time",
            (Self::Runs, "run name" | "Run name" | "Run Name") => "run_name",
            (Self::Models, "creation_timestamp" | "creation_timestamp_ms") => "creation_time",
            (Self::Models, "last_updated_timestamp" | "last_updated_timestamp_ms") => {
                "last_updated_time"
            }
            (_, key) => key,
        };
        if self.attributes().contains(&key) {
            return Ok(key);
        }
        let valid = self.attributes().join("', '");
        Err(ApiError::invalid(format!(
            "Invalid attribute key '{key}' specified. Valid keys are '{{'{valid}'}}'"
        )))
    }
}

fn dataset(key: &str) -> Result<&str, ApiError> {
    if ["name", "digest", "context"].contains(&key) {
        return Ok(key);
    }
    Err(ApiError::invalid(format!(
        "Invalid dataset key '{key}' specified. Valid keys are '{{'context', 'digest', 'name'}}'"
    )))
}

impl Field {
    /// Whether it is compared as a number.
    pub fn is_number(&self) -> bool {
        match self.entity {
            Entity::Metric => true,
            Entity::Attribute => self.key.ends_with("_time"),
            Entity::Param | Entity::Tag | Entity::Dataset => false,
        }
    }

    /// How it may be compared.
    pub(super) fn operators(&self) -> &'static [Operator] {
        match self.entity {
            _ if self.is_number() => NUMBERS,
            Entity::Param | Entity::Tag => OPTIONAL_TEXTS,
            Entity::Metric | Entity::Attribute | Entity::Dataset => TEXTS,
        }
    }

    /// What MLflow calls its kind.
    pub(super) fn kind(&self) -> &'static str {
        match self.entity {
            Entity::Metric => "metric",
            Entity::Param => "parameter",
            Entity::Tag => "tag",
            Entity::Attribute => "attributes",
            Entity::Dataset => "dataset attributes",
        }
    }
}
