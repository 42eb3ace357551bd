//! Where things are: the server's address, its routes, and where a run's artifacts lie.

use std::net::IpAddr;

use idiom_tracking_api::ARTIFACT_PREFIX;
use reqwest::Url;

use super::Fault;
use crate::TrackingError;
use crate::config::without_credentials;

/// Reads the address of a server.
pub(super) fn parse(uri: &str) -> Result<Url, TrackingError> {
    let url = Url::parse(uri).map_err(|error| bad(uri, &error.to_string()))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(url),
        scheme => Err(bad(
            uri,
            &format!("`{scheme}` is not a scheme that a server can be reached by"),
        )),
    }
}

/// The error of an address.
pub(super) fn bad(uri: &str, reason: &str) -> TrackingError {
    TrackingError::Address {
        uri: without_credentials(uri),
        reason: reason.to_owned(),
    }
}

/// Whether the address is this machine's own.
pub(super) fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// A path of the server, which may itself stand under a path.
pub(super) fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url
}

/// Where an artifact of a run is put. `mlflow-artifacts:/3/RUN/artifacts` lies on the tracking server,
/// `mlflow-artifacts://HOST/...` on another one, `http://...` where it says. Other schemes (`s3:`, `file:`) are stores
/// that a client would write to itself; that is refused.
pub(super) fn of_artifact(base: &Url, artifact_uri: &str, path: &str) -> Result<Url, Fault> {
    let unusable = || {
        Fault::Refused(format!(
            "artifacts of this run lie at `{artifact_uri}`, not behind a server"
        ))
    };
    let root = Url::parse(artifact_uri).map_err(|_| unusable())?;
    let mut url = match root.scheme() {
        "http" | "https" => root,
        "mlflow-artifacts" => {
            let mut url = join(
                base,
                &format!("{ARTIFACT_PREFIX}/{}", root.path().trim_start_matches('/')),
            );
            if root.host_str().is_some_and(|host| !host.is_empty()) {
                url.set_host(root.host_str()).map_err(|_| unusable())?;
                url.set_port(root.port()).map_err(|()| unusable())?;
            }
            url
        }
        _ => return Err(unusable()),
    };
    url.path_segments_mut()
        .map_err(|()| unusable())?
        .pop_if_empty()
        .extend(path.split('/'));
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, artifact_uri: &str, expected: &str) {
        let url = of_artifact(&parse(uri).unwrap(), artifact_uri, "images/a b%c.png").unwrap();
        assert_eq!(url.as_str(), expected);
    }

    // Expected: MlflowArtifactsRepository.resolve_uri of mlflow 3.17.2, and the file's name percent-encoded.
    #[test]
    fn artifacts_lie_where_mlflows_client_puts_them() {
        let path = "api/2.0/mlflow-artifacts/artifacts/3/R/artifacts/images/a%20b%25c.png";
        check(
            "http://h:1",
            "mlflow-artifacts:/3/R/artifacts",
            &format!("http://h:1/{path}"),
        );
        check(
            "http://h:1/p/",
            "mlflow-artifacts:/3/R/artifacts",
            &format!("http://h:1/p/{path}"),
        );
        check(
            "http://h:1",
            "mlflow-artifacts://g:2/3/R/artifacts/",
            &format!("http://g:2/{path}"),
        );
        check(
            "http://h:1",
            "http://g/x",
            "http://g/x/images/a%20b%25c.png",
        );
    }

    #[test]
    fn stores_that_are_not_servers_are_refused() {
        let base = parse("http://h:1").unwrap();
        for uri in ["s3://bucket/x", "file:///tmp/mlruns", "/tmp/mlruns"] {
            assert!(
                matches!(of_artifact(&base, uri, "a"), Err(Fault::Refused(_))),
                "{uri}"
            );
        }
    }

    #[test]
    fn addresses_that_are_not_servers_are_errors() {
        for uri in [
            "sqlite:///mlflow.db",
            "databricks",
            "./mlruns",
            "127.0.0.1:5151",
            "",
        ] {
            assert!(
                matches!(parse(uri), Err(TrackingError::Address { .. })),
                "{uri}"
            );
        }
    }
}
