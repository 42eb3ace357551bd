//! Where the next page begins: base64 of `{"offset": N}`, as MLflow's tokens are.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Serialize};

use crate::ApiError;

#[derive(Serialize, Deserialize)]
struct Position {
    offset: u64,
}

/// The token of the page that begins at `offset`.
pub fn encode(offset: u64) -> String {
    BASE64_STANDARD.encode(format!("{{\"offset\": {offset}}}"))
}

/// Where the page of a token begins; the first page when there is none.
///
/// # Errors
/// When the token was not made by a server.
pub fn decode(token: Option<&str>) -> Result<u64, ApiError> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(0);
    };
    let bytes = BASE64_STANDARD
        .decode(token)
        .map_err(|_| ApiError::invalid("Invalid page token, could not base64-decode"))?;
    let position: Position = serde_json::from_slice(&bytes)
        .map_err(|_| ApiError::invalid("Invalid page token, could not parse JSON"))?;
    Ok(position.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_mlflow_makes() {
        // python: base64.b64encode(json.dumps({"offset": 1000}).encode())
        assert_eq!(encode(1000), "eyJvZmZzZXQiOiAxMDAwfQ==");
        assert_eq!(decode(Some("eyJvZmZzZXQiOiAxMDAwfQ==")), Ok(1000));
    }

    #[test]
    fn no_token_means_the_first_page_and_a_made_up_one_is_refused() {
        assert_eq!(decode(None), Ok(0));
        assert!(decode(Some("???")).is_err());
        assert!(decode(Some("e30=")).is_err());
    }
}
