//! Whether who asks may: looked up in the table of routes, once there are accounts.
//!
//! A program that may not is answered 401 or 403 in MLflow's words, a reader in a browser is led to the page where one
//! signs in. What others may ask about later goes into the audit log.

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, COOKIE, HeaderValue, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use idiom_tracking_api::ErrorCode;

use super::AppState;
use super::failure::Failure;
use super::routes::{Access, access_of, is_audited};
use crate::accounts::{Account, Credentials};
use crate::store::{Audited, now};

/// The cookie of a session.
pub(super) const SESSION_COOKIE: &str = "idiom_session";

/// Who asks, for handlers that want to know.
#[derive(Clone, Debug)]
pub(super) struct Asker(pub(super) Option<Account>);

/// Refuses what the asker may not do.
pub(super) async fn check(
    State(app): State<AppState>,
    mut request: Request,
    next: Next,
) -> Response {
    let method = request.method().as_str().to_owned();
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let access = access_of(&method, path.as_deref().unwrap_or_default());
    let asker = match admit(&app, request.headers(), access).await {
        Ok(asker) => asker,
        Err(failure) => return refuse(failure, &request),
    };
    let name = asker
        .as_ref()
        .map_or_else(String::new, |account| account.name.clone());
    let place = request.uri().path().to_owned();
    request.extensions_mut().insert(Asker(asker));
    let response = next.run(request).await;
    if is_audited(&method, &place) {
        note(&app, (name, method, place), response.status()).await;
    }
    response
}

/// The asker, where there are accounts; none where there are none or the route is open.
async fn admit(
    app: &AppState,
    headers: &HeaderMap,
    access: Access,
) -> Result<Option<Account>, Failure> {
    let Access::Needs(role) = access else {
        return Ok(None);
    };
    if !app.gate.is_closed().await? {
        return Ok(None);
    }
    let account = match secret_of(headers) {
        Some(Secret::Session(session)) => app.gate.account(&Credentials::Session(&session)).await?,
        Some(Secret::Password(name, password)) => {
            let credentials = Credentials::Password {
                name: &name,
                password: &password,
            };
            app.gate.account(&credentials).await?
        }
        None => None,
    };
    let Some(account) = account else {
        let message = "You are not authenticated. Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN.";
        return Err(Failure::new(ErrorCode::Unauthenticated, message));
    };
    if account.role < role {
        let message = format!(
            "Permission denied: this needs the role `{}`, `{}` has `{}`",
            role.as_str(),
            account.name,
            account.role.as_str()
        );
        return Err(Failure::new(ErrorCode::PermissionDenied, message));
    }
    Ok(Some(account))
}

/// Whether a request comes from somebody who follows a link in a browser.
pub(super) fn is_for_a_reader(method: &Method, headers: &HeaderMap) -> bool {
    let accepts = headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    method == Method::GET && accepts.contains("text/html")
}

fn refuse(failure: Failure, request: &Request) -> Response {
    let is_unknown = failure.status() == StatusCode::UNAUTHORIZED;
    if is_unknown && is_for_a_reader(request.method(), request.headers()) {
        let place = request
            .uri()
            .path_and_query()
            .map_or("/", |place| place.as_str());
        let next = percent_encoding::utf8_percent_encode(place, percent_encoding::NON_ALPHANUMERIC);
        return Redirect::to(&format!("/login?next={next}")).into_response();
    }
    let mut response = failure.into_response();
    if is_unknown {
        let realm = HeaderValue::from_static("Basic realm=\"idiom\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, realm);
    }
    response
}

enum Secret {
    Session(String),
    Password(String, String),
}

/// What a request shows of its sender: `Authorization` first, for programs; else the session of a browser.
fn secret_of(headers: &HeaderMap) -> Option<Secret> {
    let header = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let Some((scheme, value)) = header.and_then(|header| header.split_once(' ')) else {
        return session_of(headers).map(Secret::Session);
    };
    let (text, between) = if scheme.eq_ignore_ascii_case("basic") {
        (
            String::from_utf8(STANDARD.decode(value.trim()).ok()?).ok()?,
            ':',
        )
    } else if scheme.eq_ignore_ascii_case("bearer") {
        (value.trim().to_owned(), '.')
    } else {
        return None;
    };
    let (name, password) = text.split_once(between)?;
    Some(Secret::Password(name.to_owned(), password.to_owned()))
}

/// The secret in the session's cookie.
pub(super) fn session_of(headers: &HeaderMap) -> Option<String> {
    let lines = headers
        .get_all(COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let mut pairs = lines
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .find(|(key, _)| *key == SESSION_COOKIE)
        .map(|(_, value)| value.to_owned())
}

async fn note(
    app: &AppState,
    (account, method, path): (String, String, String),
    status: StatusCode,
) {
    let line = Audited {
        at: now(),
        account,
        method,
        path,
        status: i64::from(status.as_u16()),
    };
    if let Err(error) = app.store.write(line).await {
        tracing::error!(%error, "a line of the audit log was lost");
    }
}
