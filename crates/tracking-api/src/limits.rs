//! What may be logged: the longest names and texts, the largest batches, and the characters of a key.
//!
//! The numbers and the words of the errors are MLflow 3.17's, so that its Python client's users see what they know.
//! Values that are too long are cut, as MLflow cuts them; [`cut`] tells whether it did, so that a client can say so.

use crate::{ApiError, KeyValue, LogBatch, Metric};

/// Points in one batch.
pub const MAX_METRICS_PER_BATCH: usize = 1000;
/// Params in one batch.
pub const MAX_PARAMS_PER_BATCH: usize = 100;
/// Tags in one batch.
pub const MAX_TAGS_PER_BATCH: usize = 100;
/// Points, params and tags in one batch, together.
pub const MAX_ITEMS_PER_BATCH: usize = 1000;
/// Bytes of one batch's JSON.
pub const MAX_BATCH_BYTES: usize = 1_000_000;
/// Characters of a key of a metric, param or tag.
pub const MAX_KEY_CHARS: usize = 250;
/// Characters of a param's value.
pub const MAX_PARAM_CHARS: usize = 6000;
/// Characters of a tag's value.
pub const MAX_TAG_CHARS: usize = 8000;
/// Characters of an experiment's name.
pub const MAX_EXPERIMENT_NAME_CHARS: usize = 500;
/// Characters of an experiment's tag.
pub const MAX_EXPERIMENT_TAG_CHARS: usize = 20_000;
/// Characters of a data set's name.
pub const MAX_DATASET_NAME_CHARS: usize = 500;
/// Characters of a data set's digest.
pub const MAX_DATASET_DIGEST_CHARS: usize = 36;
/// Results on one page of a search, at most.
pub const MAX_SEARCH_RESULTS: i64 = 50_000;
/// Results on one page of a search, unless asked otherwise.
pub const DEFAULT_SEARCH_RESULTS: i64 = 1000;
/// Points on one page of a metric's history.
pub const MAX_HISTORY_RESULTS: i64 = 25_000;

const BAD_CHARACTERS: &str = "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), \
     spaces ( ), colon(:) and slashes (/).";

/// Cuts a text to `limit` characters; the flag says whether anything was cut off.
pub fn cut(text: &str, limit: usize) -> (&str, bool) {
    match text.char_indices().nth(limit) {
        Some((end, _)) => (&text[..end], true),
        None => (text, false),
    }
}

/// Checks a whole batch: sizes, keys, timestamps, and that no param is given twice.
///
/// # Errors
/// The first item that is not allowed, named by its place in the batch, e.g. `metrics[3].name`.
pub fn check_batch(batch: &LogBatch) -> Result<(), ApiError> {
    check_counts(batch)?;
    for (index, metric) in batch.metrics.iter().enumerate() {
        check_there(&metric.key, "metrics", index)?;
        check_metric(metric, &format!("metrics[{index}]."))?;
    }
    for (index, param) in batch.params.iter().enumerate() {
        check_there(&param.key, "params", index)?;
        check_key(&param.key, &format!("params[{index}].key"), "Param key")?;
    }
    for (index, tag) in batch.tags.iter().enumerate() {
        check_there(&tag.key, "tags", index)?;
        check_tag_key(&tag.key, &format!("tags[{index}].key"))?;
    }
    check_unique(&batch.params)
}

fn check_there(key: &str, list: &str, index: usize) -> Result<(), ApiError> {
    if key.is_empty() {
        Err(missing_value(&format!("{list}[{index}].key")))
    } else {
        Ok(())
    }
}

fn check_counts(batch: &LogBatch) -> Result<(), ApiError> {
    let (metrics, params, tags) = (batch.metrics.len(), batch.params.len(), batch.tags.len());
    check_count("metrics", metrics, MAX_METRICS_PER_BATCH)?;
    check_count("params", params, MAX_PARAMS_PER_BATCH)?;
    check_count("tags", tags, MAX_TAGS_PER_BATCH)?;
    check_count(
        "metrics, params, and tags",
        metrics + params + tags,
        MAX_ITEMS_PER_BATCH,
    )
}

fn check_count(what: &str, count: usize, limit: usize) -> Result<(), ApiError> {
    if count <= limit {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "A batch logging request can contain at most {limit} {what}. Got {count} {what}. Please split up {what} across \
         multiple requests and try again."
    )))
}

fn check_unique(params: &[KeyValue]) -> Result<(), ApiError> {
    let mut seen = std::collections::HashSet::new();
    let twice: Vec<&str> = params
        .iter()
        .map(|param| param.key.as_str())
        .filter(|key| !seen.insert(*key))
        .collect();
    if twice.is_empty() {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "Duplicate parameter keys have been submitted: ['{}']. Please ensure the request contains only one param value \
         per param key.",
        twice.join("', '")
    )))
}

/// Checks one point; `path` ends in a dot or is empty.
///
/// # Errors
/// When its key is not allowed or its timestamp is negative.
pub fn check_metric(metric: &Metric, path: &str) -> Result<(), ApiError> {
    check_key(&metric.key, &format!("{path}name"), "Metric name")?;
    if metric.timestamp < 0 {
        return Err(invalid_value(
            &format!("{path}timestamp"),
            &metric.timestamp.to_string(),
            &format!(
                "metric '{}' (value={:?}). Timestamp must be a nonnegative long (64-bit integer) ",
                metric.key, metric.value
            ),
        ));
    }
    Ok(())
}

/// Checks the key of a metric or param: its characters, that as a path it names itself, and its length.
///
/// # Errors
/// When it is not allowed; `path` and `entity` name it in the message.
pub fn check_key(key: &str, path: &str, entity: &str) -> Result<(), ApiError> {
    if !key.chars().all(is_key_char) {
        return Err(invalid_value(path, &quoted(key), BAD_CHARACTERS));
    }
    let normalised = normalised_path(key);
    if normalised != key
        || normalised == "."
        || normalised.starts_with("..")
        || normalised.starts_with('/')
    {
        let message = format!(
            "Names may be treated as files in certain cases, and must not resolve to other names when treated as such. \
             This name would resolve to '{normalised}'"
        );
        return Err(invalid_value(path, &quoted(key), &message));
    }
    check_chars(key, entity, MAX_KEY_CHARS)
}

/// Checks the key of a tag.
///
/// # Errors
/// As [`check_key`].
pub fn check_tag_key(key: &str, path: &str) -> Result<(), ApiError> {
    check_key(key, path, path)
}

/// Checks the name of an experiment.
///
/// # Errors
/// When it is empty or too long.
pub fn check_experiment_name(name: &str) -> Result<(), ApiError> {
    if name.is_empty() {
        return Err(ApiError::invalid("Invalid experiment name: ''"));
    }
    check_chars(name, "name", MAX_EXPERIMENT_NAME_CHARS)
}

/// Checks that a text is at most `limit` characters long.
///
/// # Errors
/// When it is longer.
pub fn check_chars(text: &str, entity: &str, limit: usize) -> Result<(), ApiError> {
    if text.chars().count() <= limit {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "'{entity}' exceeds the maximum length of {limit} characters"
    )))
}

/// The error of a required field that is absent or empty.
pub fn missing_value(field: &str) -> ApiError {
    ApiError::invalid(format!(
        "Missing value for required parameter '{field}'. See the API docs for more information about request parameters."
    ))
}

/// MLflow's wording for a value that is not allowed; `value` is given as JSON.
pub fn invalid_value(path: &str, value: &str, reason: &str) -> ApiError {
    ApiError::invalid(format!(
        "Invalid value {value} for parameter '{path}' supplied: {reason}"
    ))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn is_key_char(character: char) -> bool {
    character.is_alphanumeric() || "/_.- :".contains(character)
}

/// What Python's `posixpath.normpath` makes of a path.
fn normalised_path(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    // POSIX gives exactly two leading slashes a meaning of their own; Python keeps them.
    let slashes = path.len() - path.trim_start_matches('/').len();
    let root = match slashes {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        let climbs = part == "..";
        match parts.last() {
            Some(&last) if climbs && last != ".." => {
                parts.pop();
            }
            None if climbs && !root.is_empty() => {}
            _ => parts.push(part),
        }
    }
    let joined = format!("{root}{}", parts.join("/"));
    if joined.is_empty() {
        ".".to_owned()
    } else {
        joined
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("loss/generator")]
    #[case("a b:c-d.e_f")]
    #[case("损失/生成器")]
    fn keys_that_name_themselves_pass(#[case] key: &str) {
        assert_eq!(check_key(key, "key", "Param key"), Ok(()));
    }

    // Expected values: Python's posixpath.normpath.
    #[rstest]
    #[case("", ".")]
    #[case("a//b", "a/b")]
    #[case("a/./b", "a/b")]
    #[case("a/../b", "b")]
    #[case("../a", "../a")]
    #[case("/a", "/a")]
    #[case("//a", "//a")]
    #[case("///a", "/a")]
    #[case("/..", "/")]
    #[case("a/", "a")]
    #[case("a/..", ".")]
    fn paths_normalise_as_pythons_do(#[case] path: &str, #[case] expected: &str) {
        assert_eq!(normalised_path(path), expected);
    }

    #[rstest]
    #[case("")]
    #[case("a//b")]
    #[case("/a")]
    #[case("..a")]
    #[case("a/../b")]
    #[case("a\\b")]
    #[case("a<script>")]
    #[case("a\0")]
    fn keys_that_could_name_something_else_are_refused(#[case] key: &str) {
        assert!(check_key(key, "key", "Param key").is_err());
    }

    #[test]
    fn a_bad_item_is_named_by_its_place() {
        let good = Metric {
            key: "a".into(),
            ..Metric::default()
        };
        let bad = Metric {
            key: "a;b".into(),
            ..Metric::default()
        };
        let batch = LogBatch {
            metrics: vec![good, bad],
            ..LogBatch::default()
        };
        let message = check_batch(&batch).unwrap_err().message;
        assert!(
            message.starts_with(r#"Invalid value "a;b" for parameter 'metrics[1].name' supplied"#),
            "{message}"
        );
    }

    #[test]
    fn a_batch_holds_1000_items_and_not_one_more() {
        let metrics = vec![
            Metric {
                key: "a".into(),
                ..Metric::default()
            };
            1000
        ];
        let mut batch = LogBatch {
            metrics,
            ..LogBatch::default()
        };
        assert!(check_batch(&batch).is_ok());
        batch.tags.push(KeyValue::new("t", "1"));
        assert!(
            check_batch(&batch)
                .unwrap_err()
                .message
                .contains("at most 1000 metrics, params, and tags")
        );
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(cut("粵語字", 2), ("粵語", true));
        assert_eq!(cut("粵語", 2), ("粵語", false));
    }
}
