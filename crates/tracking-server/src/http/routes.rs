//! Every route with what it needs and where it comes from, in one table: access is decided by it (`access`), the list in
//! `ROUTES.md` and the OpenAPI description are made from it, and tests hold it against the router and the sources.

use idiom_tracking_api::{AJAX_PREFIX, API_PREFIX};

use crate::accounts::Role;

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Anybody.
    Open,
    /// Whoever has an account of at least this role.
    Needs(Role),
}

const OPEN: Access = Access::Open;
const READ: Access = Access::Needs(Role::Read);
const WRITE: Access = Access::Needs(Role::Write);
const ADMIN: Access = Access::Needs(Role::Admin);

/// A route: method, path, access, and what it does.
pub(crate) type Route = (&'static str, &'static str, Access, &'static str);

/// MLflow's routes, which stand under both of its prefixes.
pub(crate) const MLFLOW: &[Route] = &[
    ("POST", "/experiments/create", WRITE, "make an experiment"),
    ("GET", "/experiments/get", READ, "one experiment"),
    (
        "GET",
        "/experiments/get-by-name",
        READ,
        "one experiment, by its name",
    ),
    (
        "GET",
        "/experiments/search",
        READ,
        "experiments that a filter lets through",
    ),
    (
        "POST",
        "/experiments/search",
        READ,
        "experiments that a filter lets through",
    ),
    ("POST", "/experiments/update", WRITE, "rename an experiment"),
    (
        "POST",
        "/experiments/delete",
        WRITE,
        "delete an experiment; it can be restored",
    ),
    (
        "POST",
        "/experiments/restore",
        WRITE,
        "restore an experiment",
    ),
    (
        "POST",
        "/experiments/set-experiment-tag",
        WRITE,
        "tag an experiment",
    ),
    (
        "POST",
        "/experiments/delete-experiment-tag",
        WRITE,
        "take a tag off an experiment",
    ),
    (
        "POST",
        "/experiments/search-datasets",
        READ,
        "data sets that runs of experiments used",
    ),
    ("POST", "/runs/create", WRITE, "begin a run"),
    ("GET", "/runs/get", READ, "one run"),
    (
        "POST",
        "/runs/update",
        WRITE,
        "a run's name, status and end",
    ),
    (
        "POST",
        "/runs/delete",
        WRITE,
        "delete a run; it can be restored",
    ),
    ("POST", "/runs/restore", WRITE, "restore a run"),
    (
        "POST",
        "/runs/search",
        READ,
        "runs that a filter lets through",
    ),
    ("POST", "/runs/log-metric", WRITE, "one point of a curve"),
    (
        "POST",
        "/runs/log-batch",
        WRITE,
        "up to 1000 points, params and tags, all or nothing",
    ),
    ("POST", "/runs/log-parameter", WRITE, "one param"),
    ("POST", "/runs/set-tag", WRITE, "tag a run"),
    ("POST", "/runs/delete-tag", WRITE, "take a tag off a run"),
    (
        "POST",
        "/runs/log-inputs",
        WRITE,
        "data sets and models a run was given",
    ),
    ("POST", "/runs/outputs", WRITE, "models a run made"),
    (
        "POST",
        "/runs/log-model",
        WRITE,
        "models a run made, as older clients say it",
    ),
    ("GET", "/metrics/get-history", READ, "a curve"),
    (
        "GET",
        "/metrics/get-history-bulk",
        READ,
        "one curve of up to 100 runs",
    ),
    (
        "GET",
        "/metrics/get-history-bulk-interval",
        READ,
        "the same, thinned out alike",
    ),
    (
        "GET",
        "/artifacts/list",
        READ,
        "a folder of a run's artifacts",
    ),
    (
        "POST",
        "/upload-artifact",
        WRITE,
        "a small file of a run, from MLflow's pages",
    ),
    ("POST", "/logged-models", WRITE, "make a logged model"),
    (
        "POST",
        "/logged-models/search",
        READ,
        "models that a filter lets through",
    ),
    ("GET", "/logged-models/{model_id}", READ, "one model"),
    (
        "PATCH",
        "/logged-models/{model_id}",
        WRITE,
        "say that a model is ready, or failed",
    ),
    (
        "DELETE",
        "/logged-models/{model_id}",
        WRITE,
        "delete a model",
    ),
    (
        "POST",
        "/logged-models/{model_id}/params",
        WRITE,
        "params of a model",
    ),
    (
        "PATCH",
        "/logged-models/{model_id}/tags",
        WRITE,
        "tag a model",
    ),
    (
        "DELETE",
        "/logged-models/{model_id}/tags/{key}",
        WRITE,
        "take a tag off a model",
    ),
    (
        "GET",
        "/logged-models/{model_id}/artifacts/directories",
        READ,
        "a folder of a model's files",
    ),
    (
        "GET",
        "/logged-models/{model_id}/artifacts/files",
        READ,
        "a file of a model",
    ),
    ("POST", "/users/create", ADMIN, "make an account"),
    ("GET", "/users/get", ADMIN, "one account"),
    ("GET", "/users/current", READ, "the account that asks"),
    (
        "PATCH",
        "/users/update-password",
        READ,
        "a new password: one's own, or anybody's for an admin",
    ),
    (
        "PATCH",
        "/users/update-admin",
        ADMIN,
        "make an account an admin, or no longer one",
    ),
    ("DELETE", "/users/delete", ADMIN, "remove an account"),
];

/// All other routes.
pub(crate) const OTHERS: &[Route] = &[
    ("GET", "/health", OPEN, "`OK`"),
    ("GET", "/version", OPEN, "`idiom` and the version"),
    (
        "GET",
        "/api/3.0/mlflow/server-info",
        READ,
        "what MLflow's client asks of a server's abilities",
    ),
    (
        "GET",
        "/ajax-api/3.0/mlflow/server-info",
        READ,
        "the same for pages",
    ),
    (
        "GET",
        "/api/2.0/mlflow-artifacts/artifacts",
        READ,
        "a folder of the store",
    ),
    (
        "GET",
        "/api/2.0/mlflow-artifacts/artifacts/{*path}",
        READ,
        "a file of the store, or a range of it",
    ),
    (
        "PUT",
        "/api/2.0/mlflow-artifacts/artifacts/{*path}",
        WRITE,
        "write a file",
    ),
    (
        "DELETE",
        "/api/2.0/mlflow-artifacts/artifacts/{*path}",
        WRITE,
        "remove a file or a folder",
    ),
    (
        "GET",
        "/ajax-api/2.0/mlflow-artifacts/artifacts",
        READ,
        "the same for pages",
    ),
    (
        "GET",
        "/ajax-api/2.0/mlflow-artifacts/artifacts/{*path}",
        READ,
        "the same for pages",
    ),
    (
        "PUT",
        "/ajax-api/2.0/mlflow-artifacts/artifacts/{*path}",
        WRITE,
        "the same for pages",
    ),
    (
        "DELETE",
        "/ajax-api/2.0/mlflow-artifacts/artifacts/{*path}",
        WRITE,
        "the same for pages",
    ),
    (
        "PUT",
        "/api/2.0/mlflow-artifacts/mpu/part/{upload}/{part}",
        WRITE,
        "a part of a file",
    ),
    (
        "POST",
        "/api/2.0/mlflow-artifacts/mpu/create/{*path}",
        WRITE,
        "begin to send a file in parts",
    ),
    (
        "POST",
        "/api/2.0/mlflow-artifacts/mpu/complete/{*path}",
        WRITE,
        "put its parts together",
    ),
    (
        "POST",
        "/api/2.0/mlflow-artifacts/mpu/abort/{*path}",
        WRITE,
        "forget its parts",
    ),
    (
        "POST",
        "/ajax-api/2.0/mlflow-artifacts/mpu/create/{*path}",
        WRITE,
        "begin to send a file in parts, for pages",
    ),
    (
        "POST",
        "/ajax-api/2.0/mlflow-artifacts/mpu/complete/{*path}",
        WRITE,
        "put its parts together, for pages",
    ),
    (
        "POST",
        "/ajax-api/2.0/mlflow-artifacts/mpu/abort/{*path}",
        WRITE,
        "forget its parts, for pages",
    ),
    ("GET", "/get-artifact", READ, "a file of a run"),
    (
        "GET",
        "/api/idiom/events",
        READ,
        "news of runs as server-sent events",
    ),
    (
        "GET",
        "/api/idiom/metrics",
        READ,
        "thinned-out curves of several runs",
    ),
    (
        "GET",
        "/api/idiom/summaries",
        READ,
        "last, least and greatest of curves",
    ),
    (
        "GET",
        "/api/idiom/ledger",
        READ,
        "how many points of a run's curves came, and came again",
    ),
    (
        "GET",
        "/api/idiom/images",
        READ,
        "pictures that runs logged",
    ),
    (
        "POST",
        "/api/idiom/runs/search",
        READ,
        "MLflow's search with OR and parentheses",
    ),
    (
        "GET",
        "/api/idiom/audit",
        ADMIN,
        "the newest lines of the audit log",
    ),
    (
        "GET",
        "/api/idiom/openapi.json",
        READ,
        "this list as OpenAPI",
    ),
    ("GET", "/", READ, "the table of runs"),
    ("GET", "/compare", READ, "runs side by side"),
    ("GET", "/runs/{run_id}", READ, "one run"),
    ("GET", "/login", OPEN, "where browsers sign in"),
    (
        "POST",
        "/login",
        OPEN,
        "a name and its password for a session",
    ),
    ("POST", "/logout", OPEN, "end the session"),
    ("GET", "/favicon.ico", OPEN, "the icon"),
    (
        "GET",
        "/assets/{version}/{file}",
        OPEN,
        "scripts and styles",
    ),
];

/// What a request needs, by its method and the path of the route it matched; further routes of extensions are read or
/// written by their method.
pub(crate) fn access_of(method: &str, path: &str) -> Access {
    let method = if method == "HEAD" { "GET" } else { method };
    let below = [API_PREFIX, AJAX_PREFIX]
        .into_iter()
        .find_map(|prefix| path.strip_prefix(prefix));
    let (table, path) = below.map_or((OTHERS, path), |below| (MLFLOW, below));
    let known = table
        .iter()
        .find(|route| route.0 == method && route.1 == path);
    known.map_or(if method == "GET" { READ } else { WRITE }, |route| route.2)
}

/// Whether a request is one that others may ask about later.
pub(crate) fn is_audited(method: &str, path: &str) -> bool {
    let words = ["/delete", "/restore", "/users/", "/login", "/logout"];
    method != "GET" && (words.iter().any(|word| path.contains(word)) || method == "DELETE")
}

/// What a route needs, in a word.
pub(super) fn word(access: Access) -> &'static str {
    match access {
        Access::Open => "open",
        Access::Needs(role) => role.as_str(),
    }
}

/// The list as Markdown.
#[cfg(test)]
fn markdown() -> String {
    let mut text = String::from(
        "# Routes\n\nMade from `src/http/routes.rs` by `IDIOM_WRITE=1 cargo test --workspace --lib routes`. \"needs\" is the least role once there are accounts.\n",
    );
    let prefixes = format!("MLflow's, under `{API_PREFIX}` and `{AJAX_PREFIX}`");
    for (title, table) in [(prefixes.as_str(), MLFLOW), ("Others", OTHERS)] {
        text += &format!("\n## {title}\n| method | path | needs | what |\n|---|---|---|---|\n");
        for (method, path, access, about) in table {
            text += &format!("| {method} | `{path}` | {} | {about} |\n", word(*access));
        }
    }
    text + "\nNot here, and answered 404 with `ENDPOINT_NOT_FOUND`: registered models, traces, scorers, prompts, the gateway, webhooks, jobs, \
            presigned addresses.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every path that the sources give to a router as a literal.
    fn paths_in_sources() -> Vec<String> {
        let literal = regex::Regex::new(r#"\.route\(\s*"([^"]+)""#).unwrap();
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let files = ["http", "ui"].map(|folder| std::fs::read_dir(root.join(folder)).unwrap());
        let texts = files
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| std::fs::read_to_string(path).unwrap());
        texts
            .flat_map(|text| {
                literal
                    .captures_iter(&text)
                    .map(|found| found[1].to_owned())
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn every_route_of_the_sources_stands_in_the_table() {
        let paths = paths_in_sources();
        assert!(paths.len() > 50, "{paths:?}");
        for path in paths {
            let known = MLFLOW.iter().chain(OTHERS).any(|route| route.1 == path);
            assert!(known, "`{path}` is not in the table");
        }
    }

    #[test]
    fn the_list_of_routes_is_up_to_date() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ROUTES.md");
        if std::env::var_os("IDIOM_WRITE").is_some() {
            std::fs::write(&path, markdown()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == markdown(),
            "write it anew: IDIOM_WRITE=1 cargo test --workspace --lib routes"
        );
    }

    #[test]
    fn an_unknown_route_is_read_or_written_by_its_method() {
        assert_eq!(access_of("HEAD", "/playground"), READ);
        assert_eq!(access_of("POST", "/playground/draw"), WRITE);
        assert_eq!(
            access_of("POST", "/ajax-api/2.0/mlflow/users/create"),
            ADMIN
        );
    }
}
