//! The routes, and what holds for all of them: who may ask, how long, how much, and what an error looks like.

mod about;
mod access;
mod artifacts;
mod charts;
mod connection;
mod events;
mod experiments;
mod failure;
mod guard;
mod message;
mod metrics;
mod models;
mod openapi;
mod routes;
mod runs;
mod uploads;
mod upstream;
mod users;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use idiom_tracking_api::{AJAX_PREFIX, API_PREFIX, ErrorCode};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

pub(crate) use connection::serve;
pub(crate) use guard::Guard;
pub(crate) use upstream::Upstream;

use crate::accounts::Gate;
use crate::artifacts::Artifacts;
use crate::events::News;
use crate::extension::{Extension, Shell};
use crate::store::Store;
use crate::ui::{self, Ui};
use failure::Failure;

/// The largest JSON body, in bytes. A batch has a smaller limit of its own.
const MAX_JSON_BYTES: usize = 32 << 20;
/// How long a request that is no artifact may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);
/// How long a sender may pause in the middle of a body.
const BODY_PAUSE: Duration = Duration::from_secs(30);

/// What handlers share.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Shared>);

impl FromRef<AppState> for Store {
    fn from_ref(app: &AppState) -> Self {
        app.store.clone()
    }
}

impl FromRef<AppState> for ui::Rows {
    fn from_ref(app: &AppState) -> Self {
        match app.upstream {
            Some(_) => Self::Elsewhere,
            None => Self::Ours,
        }
    }
}

impl FromRef<AppState> for Arc<Ui> {
    fn from_ref(app: &AppState) -> Self {
        app.ui.clone()
    }
}

pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) artifacts: Artifacts,
    /// Which database the store is; see [`crate::DatabasePlace::mark`].
    pub(crate) database: Option<String>,
    pub(crate) news: News,
    pub(crate) guard: Guard,
    pub(crate) gate: Gate,
    /// The server behind our pages, if it is not we who keep the runs.
    pub(crate) upstream: Option<Upstream>,
    pub(crate) ui: Arc<Ui>,
    /// Turns true when the server stops, so that endless answers end.
    pub(crate) stopping: tokio::sync::watch::Receiver<bool>,
}

impl AppState {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl std::ops::Deref for AppState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// First parts of paths that no extension may have: ours, and those that MLflow's clients may ask for.
const OWN_PREFIXES: [&str; 15] = [
    "/ajax-api",
    "/api",
    "/assets",
    "/compare",
    "/experiments",
    "/get-artifact",
    "/graphql",
    "/health",
    "/login",
    "/logout",
    "/model-versions",
    "/openapi",
    "/runs",
    "/upload-artifact",
    "/version",
];

/// Why an extension may not have its prefix, where that is so.
pub(crate) fn check_prefix(prefix: &str, others: &[Box<dyn Extension>]) -> Result<(), String> {
    let name = prefix.strip_prefix('/').unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || !name.bytes().all(is_plain) {
        return Err("a prefix is a slash and lower-case letters, digits or `-`".to_owned());
    }
    let taken = OWN_PREFIXES.contains(&prefix) || others.iter().any(|one| one.prefix() == prefix);
    if taken {
        return Err("the prefix is taken".to_owned());
    }
    Ok(())
}

/// The routes of an extension under its prefix and its limits.
fn extended(app: Router<AppState>, extension: &dyn Extension, ui: &Arc<Ui>) -> Router<AppState> {
    let limits = extension.limits();
    let timeout =
        TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limits.answer_within);
    let routes = extension
        .router(Shell(ui.clone()))
        .layer(timeout)
        .layer(DefaultBodyLimit::max(limits.max_body_bytes))
        .layer(RequestBodyLimitLayer::new(limits.max_body_bytes));
    app.nest(extension.prefix(), routes.with_state(()))
}

/// All routes.
pub(crate) fn app(state: AppState, extensions: &[Box<dyn Extension>]) -> Router {
    let timeout = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER_WITHIN);
    let quick = Router::new()
        .nest(API_PREFIX, mlflow())
        .nest(AJAX_PREFIX, mlflow())
        .merge(about::router())
        .merge(charts::router())
        .merge(users::router())
        .merge(ui::router())
        .layer(timeout)
        .layer(DefaultBodyLimit::max(MAX_JSON_BYTES));
    let own = Router::new()
        .merge(quick)
        .merge(artifacts::router())
        .merge(uploads::router().layer(DefaultBodyLimit::max(MAX_JSON_BYTES)))
        .merge(events::router());
    extensions
        .iter()
        .fold(own, |app, extension| {
            extended(app, extension.as_ref(), &state.ui)
        })
        .fallback(no_such_route)
        .method_not_allowed_fallback(no_such_method)
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            upstream::answer,
        ))
        .layer(middleware::from_fn_with_state(state.clone(), access::check))
        .layer(middleware::from_fn_with_state(state.clone(), guard::check))
        .layer(CatchPanicLayer::custom(failure::panicked))
        .layer(middleware::from_fn(guard::headers))
        .with_state(state)
}

/// MLflow's routes, which stand under two prefixes.
fn mlflow() -> Router<AppState> {
    Router::new()
        .route("/experiments/create", post(experiments::create))
        .route("/experiments/get", get(experiments::get))
        .route("/experiments/get-by-name", get(experiments::get_by_name))
        .route(
            "/experiments/search",
            get(experiments::search).post(experiments::search),
        )
        .route("/experiments/update", post(experiments::update))
        .route("/experiments/delete", post(experiments::delete))
        .route("/experiments/restore", post(experiments::restore))
        .route(
            "/experiments/set-experiment-tag",
            post(experiments::set_tag),
        )
        .route(
            "/experiments/delete-experiment-tag",
            post(experiments::delete_tag),
        )
        .route("/runs/create", post(runs::create))
        .route("/runs/get", get(runs::get))
        .route("/runs/update", post(runs::update))
        .route("/runs/delete", post(runs::delete))
        .route("/runs/restore", post(runs::restore))
        .route("/runs/search", post(runs::search))
        .route("/runs/log-metric", post(metrics::log_metric))
        .route("/runs/log-batch", post(metrics::log_batch))
        .route("/runs/log-parameter", post(metrics::log_param))
        .route("/runs/set-tag", post(metrics::set_tag))
        .route("/runs/delete-tag", post(metrics::delete_tag))
        .route("/runs/log-inputs", post(metrics::log_inputs))
        .route("/metrics/get-history", get(metrics::history))
        .route("/artifacts/list", get(artifacts::list))
        .route("/metrics/get-history-bulk", get(metrics::history_bulk))
        .route(
            "/metrics/get-history-bulk-interval",
            get(metrics::history_bulk_interval),
        )
        .route(
            "/experiments/search-datasets",
            post(experiments::search_datasets),
        )
        .route("/upload-artifact", post(uploads::of_page))
        .merge(models::router())
        .merge(users::mlflow())
}

/// A program is told in JSON, a reader on a page.
async fn no_such_route(
    State(ui): State<Arc<Ui>>,
    method: Method,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    if access::is_for_a_reader(&method, &headers) {
        return (StatusCode::NOT_FOUND, ui::missing_page(&ui, &headers)).into_response();
    }
    let message = format!("no route `{}` on this server", uri.path());
    Failure::new(ErrorCode::EndpointNotFound, message).into_response()
}

async fn no_such_method(method: Method, uri: Uri) -> Failure {
    let message = format!("`{}` cannot be asked with {method}", uri.path());
    Failure::new(ErrorCode::BadRequest, message).with_status(StatusCode::METHOD_NOT_ALLOWED)
}
