//! Paths of artifacts, as clients give them: checked once, here, and never again a plain string.
//!
//! What could name a file outside the store is refused, also where it is hidden under further percent-encoding: `..`,
//! absolute paths, NUL, backslashes, drive letters. See the table in the tests.

use idiom_tracking_api::ApiError;
use object_store::path::Path;
use percent_encoding::percent_decode_str;

const MAX_PATH_BYTES: usize = 1000;
const MAX_NAME_BYTES: usize = 250;

/// The store's own folder for parts of files that are not whole yet; no path of a client leads there.
pub(super) const UPLOADS_FOLDER: &str = ".uploads";

/// A path inside the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ArtifactPath(Path);

impl ArtifactPath {
    /// Checks a path that is no longer percent-encoded.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let text = text.strip_suffix('/').unwrap_or(text);
        check_layers(text)?;
        if text.len() > MAX_PATH_BYTES || text.split('/').any(|name| name.len() > MAX_NAME_BYTES) {
            return Err(ApiError::invalid("Invalid path: it is too long"));
        }
        Path::parse(text).map(Self).map_err(|_| invalid())
    }

    /// A place of the store's own.
    pub(super) fn of_key(key: Path) -> Self {
        Self(key)
    }

    /// The store itself, to be listed.
    pub(crate) fn root() -> Self {
        Self(Path::default())
    }

    /// Checks a path as it stands in a URL.
    pub(crate) fn parse_encoded(text: &str) -> Result<Self, ApiError> {
        let decoded = percent_decode_str(text)
            .decode_utf8()
            .map_err(|_| invalid())?;
        Self::parse(&decoded)
    }

    /// The place an artifact URI of ours names, e.g. `mlflow-artifacts:/3/RUN/artifacts`.
    pub(crate) fn of_uri(uri: &str) -> Result<Self, ApiError> {
        let elsewhere = || {
            ApiError::invalid(format!(
                "the artifacts at `{uri}` are not in this server's store"
            ))
        };
        let place = uri
            .strip_prefix("mlflow-artifacts:")
            .ok_or_else(elsewhere)?;
        // `mlflow-artifacts://host:port/path` names this server too: that is how the client found it.
        let path = match place.strip_prefix("//") {
            Some(rest) => rest.split_once('/').map_or("", |(_host, path)| path),
            None => place.trim_start_matches('/'),
        };
        Self::parse(path)
    }

    /// A path below this one.
    pub(crate) fn join(&self, below: &str) -> Result<Self, ApiError> {
        let below = Self::parse(below)?;
        Ok(Self(self.0.parts().chain(below.0.parts()).collect()))
    }

    /// The path as text, with slashes.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// What names the file in the store.
    pub(super) fn key(&self) -> &Path {
        &self.0
    }

    /// The rest of a path below this one.
    pub(super) fn relative(&self, path: &Path) -> Option<String> {
        let rest: Vec<String> = path
            .prefix_match(&self.0)?
            .map(|part| part.as_ref().to_owned())
            .collect();
        Some(rest.join("/"))
    }

    /// The name of the file.
    pub(crate) fn file_name(&self) -> &str {
        self.0.filename().unwrap_or_default()
    }

    /// The run a path belongs to, by its place: `EXPERIMENT/RUN/artifacts/...`, and the path inside that run.
    pub(crate) fn run(&self) -> Option<(&str, &str)> {
        let (before, inside) = self.0.as_ref().split_once("/artifacts/")?;
        Some((before.rsplit('/').next()?, inside))
    }
}

fn invalid() -> ApiError {
    ApiError::invalid("Invalid path")
}

/// Looks at the path as it is and as it would be under each further layer of percent-encoding.
fn check_layers(text: &str) -> Result<(), ApiError> {
    let mut layer = text.to_owned();
    loop {
        check(&layer)?;
        let deeper = percent_decode_str(&layer).decode_utf8_lossy().into_owned();
        if deeper == layer {
            return Ok(());
        }
        layer = deeper;
    }
}

fn check(path: &str) -> Result<(), ApiError> {
    let bytes = path.as_bytes();
    let has_drive = bytes.len() > 1 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':';
    let climbs = path.split('/').any(|part| part == "..");
    let is_ours = path.split('/').next() == Some(UPLOADS_FOLDER);
    if path.starts_with('/') || path.contains(['\\', '\0']) || has_drive || climbs || is_ours {
        Err(invalid())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_could_leave_the_store_is_refused() {
        let bad = [
            "..",
            "a/../b",
            "a/..",
            "/etc/passwd",
            "//host/share",
            "a\\b",
            "..\\b",
            "a\0b",
            "C:/x",
            "c:x",
            "%2e%2e/a",
            "%252e%252e/a",
            "%2Fetc",
            "a%00b",
            "a%5cb",
            "%25%32%65%25%32%65/a",
            "a//b",
            "./a",
            "a/./b",
            "a\nb",
            ".uploads/0/1",
            "%2euploads/0/1",
        ];
        for path in bad {
            assert!(ArtifactPath::parse(path).is_err(), "{path:?}");
        }
        for path in [
            "..%2fa",
            "%2e%2e%2fa",
            "%252e%252e%252fa",
            "a%00",
            "a%5Cb",
            "%ff",
        ] {
            assert!(ArtifactPath::parse_encoded(path).is_err(), "{path:?}");
        }
    }

    #[test]
    fn names_that_only_look_odd_are_taken() {
        for path in [
            "a b.png",
            "...",
            "a..b",
            "字/圖.png",
            "100%",
            "a%b",
            "x+step+3.png",
            "a#b",
            "k%step%3.png",
        ] {
            assert!(ArtifactPath::parse(path).is_ok(), "{path:?}");
        }
    }

    #[test]
    fn a_uri_names_a_place_in_the_store() {
        let expected = ArtifactPath::parse("3/run/artifacts").unwrap();
        assert_eq!(
            ArtifactPath::of_uri("mlflow-artifacts:/3/run/artifacts").unwrap(),
            expected
        );
        assert_eq!(
            ArtifactPath::of_uri("mlflow-artifacts://localhost:5151/3/run/artifacts").unwrap(),
            expected
        );
        assert!(ArtifactPath::of_uri("file:///etc").is_err());
        assert!(ArtifactPath::of_uri("mlflow-artifacts:/../etc").is_err());
    }

    #[test]
    fn a_path_tells_its_run() {
        let path = ArtifactPath::parse("3/run/artifacts/images/a.png").unwrap();
        assert_eq!(path.run(), Some(("run", "images/a.png")));
    }
}
