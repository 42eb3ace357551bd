//! Reading a request: a JSON body, or the query of a GET, as one of the API's messages.
//!
//! As MLflow's servers do: unknown fields are ignored, null means absent, and a list in a query is its key repeated.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, StatusCode};
use idiom_tracking_api::{ApiError, ErrorCode, limits};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_path_to_error::Segment;

use super::MAX_JSON_BYTES;
use super::failure::Failure;

/// Fields that are lists, even when a query gives just one.
const LISTS: [&str; 3] = ["experiment_ids", "order_by", "run_ids"];

/// A message of which a query gives `run_id` several times.
pub(super) struct RepeatedRuns<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for RepeatedRuns<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Failure> {
        let text = request.uri().query().unwrap_or_default();
        let mut fields = query(text);
        let runs = form_pairs(text).filter(|(key, _)| key == "run_id");
        fields["run_id"] = runs.map(|(_, run)| run).collect();
        from_value(fields).map(Self)
    }
}

/// A request's message.
pub(super) struct Message<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Message<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        if request.method() == Method::GET {
            return from_value(query(request.uri().query().unwrap_or_default())).map(Self);
        }
        parse(&body_of(request, state).await?).map(Self)
    }
}

/// A message no larger than a batch may be.
pub(super) struct SmallMessage<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for SmallMessage<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let body = body_of(request, state).await?;
        if body.len() > limits::MAX_BATCH_BYTES {
            return Err(ApiError::invalid(format!(
                "Batched logging API requests must be at most {} bytes, got a request of size {}.",
                limits::MAX_BATCH_BYTES,
                body.len()
            ))
            .into());
        }
        parse(&body).map(Self)
    }
}

/// The query of a URL as a message.
pub(super) fn query(text: &str) -> Value {
    let mut fields = Map::new();
    for (key, value) in form_pairs(text) {
        let value = Value::from(value);
        match fields.get_mut(&key) {
            Some(Value::Array(list)) => list.push(value),
            Some(_) => {}
            None if LISTS.contains(&key.as_str()) => {
                fields.insert(key, Value::Array(vec![value]));
            }
            None => {
                fields.insert(key, value);
            }
        }
    }
    Value::Object(fields)
}

fn form_pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced)
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key), decode(value))
    })
}

async fn body_of<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Failure> {
    check_json(request.headers())?;
    // A body that says it is too large is not waited for.
    if length_of(request.headers()) > MAX_JSON_BYTES as u64 {
        return Err(unreadable(StatusCode::PAYLOAD_TOO_LARGE));
    }
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection| unreadable(rejection.status()))
}

/// How long a body says it is; 0 when it does not say.
pub(super) fn length_of(headers: &HeaderMap) -> u64 {
    headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .unwrap_or_default()
}

fn check_json(headers: &HeaderMap) -> Result<(), Failure> {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("application/json");
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = format!(
        "Bad Request. Content-Type must be one of ['application/json'], not `{media_type}`."
    );
    Err(ApiError::invalid(message).into())
}

fn unreadable(status: StatusCode) -> Failure {
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let message = format!("a request may have at most {MAX_JSON_BYTES} bytes");
        return Failure::new(ErrorCode::InvalidParameterValue, message).with_status(status);
    }
    Failure::new(ErrorCode::BadRequest, "the request's body broke off").with_status(status)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    if body.is_empty() {
        return from_value(Value::Object(Map::new()));
    }
    // Straight into the message first: that is what nearly all requests are, and the big ones are batches.
    if let Ok(message) = serde_json::from_slice(body) {
        return Ok(message);
    }
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| ApiError::invalid(format!("the request's body is no JSON: {error}")))?;
    from_value(without_nulls(value))
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Failure> {
    if !value.is_object() {
        return Err(ApiError::invalid("the request's body must be a JSON object").into());
    }
    serde_path_to_error::deserialize(&value).map_err(|error| misfit(&value, &error).into())
}

/// What MLflow says of a field that is absent or of the wrong kind; its place is named, e.g. `metrics[3].value`.
fn misfit(request: &Value, error: &serde_path_to_error::Error<serde_json::Error>) -> ApiError {
    let (path, reason) = (error.path(), error.inner().to_string());
    let place = if path.iter().len() == 0 {
        String::new()
    } else {
        path.to_string()
    };
    if let Some(field) = reason
        .strip_prefix("missing field `")
        .and_then(|rest| rest.strip_suffix('`'))
    {
        let dot = if place.is_empty() { "" } else { "." };
        return limits::missing_value(&format!("{place}{dot}{field}"));
    }
    let found = path.iter().fold(request, |value, segment| match segment {
        Segment::Map { key } => &value[key.as_str()],
        Segment::Seq { index } => &value[*index],
        Segment::Enum { .. } | Segment::Unknown => value,
    });
    let kind = match found {
        Value::Null => "NoneType",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "int",
        Value::String(_) => "str",
        Value::Array(_) => "list",
        Value::Object(_) => "dict",
    };
    // The value is shown as far as a person would read it.
    let found = found.to_string();
    let (found, _cut) = limits::cut(&found, 200);
    if reason.starts_with("unknown variant") {
        let message = format!("Invalid value {found} for parameter '{place}' supplied: {reason}.");
        return ApiError::invalid(message);
    }
    ApiError::invalid(format!(
        "Invalid value {found} for parameter '{place}' supplied:  Hint: Value was of type '{kind}'. See the API docs for \
         more information about request parameters."
    ))
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(
                kept.map(|(key, value)| (key, without_nulls(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

/// The run a message names, by its new or its old field.
pub(super) fn run_id(run_id: String, run_uuid: Option<String>) -> Result<String, Failure> {
    required(
        "run_id",
        if run_id.is_empty() {
            run_uuid.unwrap_or_default()
        } else {
            run_id
        },
    )
}

/// A field that must be there.
pub(super) fn required(field: &str, value: String) -> Result<String, Failure> {
    if value.is_empty() {
        Err(limits::missing_value(field).into())
    } else {
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_becomes_a_message() {
        let value = query("run_id=a%2Fb&order_by=x+y&order_by=z&max_results=5&run_id=second");
        assert_eq!(
            value,
            serde_json::json!({"run_id": "a/b", "order_by": ["x y", "z"], "max_results": "5"})
        );
    }

    #[test]
    fn null_means_absent() {
        let message: idiom_tracking_api::CreateRun =
            parse(br#"{"experiment_id": "0", "tags": null}"#).unwrap();
        assert!(message.tags.is_empty());
    }
}
