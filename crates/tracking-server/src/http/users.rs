//! `users/...` as MLflow's, signing in and out, and the audit log.

use axum::extract::{Query, State};
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post};
use axum::{Extension, Form, Json, Router};
use idiom_tracking_api::{ApiError, Done, ErrorCode};
use serde::{Deserialize, Serialize};

use super::AppState;
use super::access::{Asker, SESSION_COOKIE, session_of};
use super::failure::{Answer, Failure};
use super::message::{Message, required};
use super::openapi;
use crate::accounts::{Account, Credentials, Role, hash_password};
use crate::store::{Audited, ChangeAccount, PutAccount, RemoveAccount, no_such_user};
use crate::ui;

/// The shortest password, in characters, as MLflow has it.
const LEAST_PASSWORD: usize = 12;
/// Lines of the audit log in one answer.
const AUDIT_LINES: i64 = 1000;

/// Routes under MLflow's prefixes.
pub(super) fn mlflow() -> Router<AppState> {
    Router::new()
        .route("/users/create", post(create))
        .route("/users/get", get(one))
        .route("/users/current", get(current))
        .route("/users/update-password", patch(update_password))
        .route("/users/update-admin", patch(update_admin))
        .route("/users/delete", delete(remove))
}

/// Other routes.
pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/login", get(login_page).post(sign_in))
        .route("/logout", post(sign_out))
        .route("/api/idiom/audit", get(audit))
        .route(
            "/api/idiom/openapi.json",
            get(|| async { Json(openapi::openapi()) }),
        )
}

/// An account as MLflow's client reads it, and its role.
#[derive(Serialize)]
struct User {
    id: i64,
    username: String,
    is_admin: bool,
    role: &'static str,
    experiment_permissions: [(); 0],
    registered_model_permissions: [(); 0],
}

#[derive(Serialize)]
struct UserAnswer {
    user: User,
}

fn answer(account: Account) -> Answer<UserAnswer> {
    let Account { id, name, role } = account;
    let user = User {
        id,
        username: name,
        is_admin: role == Role::Admin,
        role: role.as_str(),
        experiment_permissions: [],
        registered_model_permissions: [],
    };
    Ok(Json(UserAnswer { user }))
}

#[derive(Deserialize)]
struct AboutUser {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: String,
    role: Option<String>,
    is_admin: Option<bool>,
}

fn hashed(password: &str) -> Result<String, Failure> {
    if password.chars().count() < LEAST_PASSWORD {
        let message = format!("Password must be a string longer than {LEAST_PASSWORD} characters.");
        return Err(ApiError::invalid(message).into());
    }
    hash_password(password)
        .ok_or_else(|| Failure::new(ErrorCode::InternalError, "the password could not be hashed"))
}

async fn hash(password: String) -> Result<String, Failure> {
    let hashing = tokio::task::spawn_blocking(move || hashed(&password));
    hashing.await.unwrap_or_else(|_| {
        Err(Failure::new(
            ErrorCode::InternalError,
            "the password could not be hashed",
        ))
    })
}

async fn create(
    State(app): State<AppState>,
    Message(request): Message<AboutUser>,
) -> Answer<UserAnswer> {
    let name = required("username", request.username)?;
    let role = match request.role.as_deref() {
        None => Role::Write,
        Some(word) => Role::of_word(word).ok_or_else(|| {
            ApiError::invalid(format!(
                "role is `{word}`, but must be `read`, `write` or `admin`"
            ))
        })?,
    };
    let hash = hash(required("password", request.password)?).await?;
    answer(
        app.store
            .write(PutAccount {
                name,
                role,
                hash,
                is_new: true,
            })
            .await?,
    )
}

async fn one(
    State(app): State<AppState>,
    Message(request): Message<AboutUser>,
) -> Answer<UserAnswer> {
    let name = required("username", request.username)?;
    let found = app.store.account(&name).await?;
    answer(found.ok_or_else(|| no_such_user(&name))?.0)
}

async fn current(Extension(Asker(asker)): Extension<Asker>) -> Answer<UserAnswer> {
    answer(asker.ok_or_else(|| ApiError::missing("there are no accounts on this server"))?)
}

async fn update_password(
    State(app): State<AppState>,
    Extension(Asker(asker)): Extension<Asker>,
    Message(request): Message<AboutUser>,
) -> Answer<Done> {
    let name = required("username", request.username)?;
    let may = asker.is_none_or(|asker| asker.name == name || asker.role == Role::Admin);
    if !may {
        return Err(Failure::new(
            ErrorCode::PermissionDenied,
            "Permission denied: this is another's password",
        ));
    }
    let hash = Some(hash(required("password", request.password)?).await?);
    app.store
        .write(ChangeAccount {
            name,
            role: None,
            hash,
        })
        .await?;
    Ok(Json(Done {}))
}

async fn update_admin(
    State(app): State<AppState>,
    Message(request): Message<AboutUser>,
) -> Answer<Done> {
    let name = required("username", request.username)?;
    let role = if request.is_admin == Some(true) {
        Role::Admin
    } else {
        Role::Write
    };
    app.store
        .write(ChangeAccount {
            name,
            role: Some(role),
            hash: None,
        })
        .await?;
    Ok(Json(Done {}))
}

async fn remove(State(app): State<AppState>, Message(request): Message<AboutUser>) -> Answer<Done> {
    let name = required("username", request.username)?;
    app.store.write(RemoveAccount { name }).await?;
    Ok(Json(Done {}))
}

#[derive(Serialize)]
struct AuditLog {
    lines: Vec<Audited>,
}

async fn audit(State(app): State<AppState>) -> Answer<AuditLog> {
    Ok(Json(AuditLog {
        lines: app.store.audit(AUDIT_LINES).await?,
    }))
}

#[derive(Default, Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
    #[serde(default)]
    failed: String,
}

async fn login_page(
    State(app): State<AppState>,
    Query(next): Query<Next>,
    headers: HeaderMap,
) -> Response {
    ui::login_page(
        &app.ui,
        &headers,
        own_place(&next.next),
        !next.failed.is_empty(),
    )
}

#[derive(Deserialize)]
struct SignIn {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    State(app): State<AppState>,
    Form(form): Form<SignIn>,
) -> Result<Response, Failure> {
    let credentials = Credentials::Password {
        name: &form.name,
        password: &form.password,
    };
    let next = own_place(&form.next);
    let Some(account) = app.gate.account(&credentials).await? else {
        let next = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
        return Ok(go(&format!("/login?failed=1&next={next}"), None));
    };
    let session = app.gate.sign_in(&account.name);
    Ok(go(next, Some(&session)))
}

async fn sign_out(State(app): State<AppState>, headers: HeaderMap) -> Response {
    if let Some(session) = session_of(&headers) {
        app.gate.sign_out(&session);
    }
    go("/login", Some(""))
}

/// A place on this server; anything else is the table of runs.
fn own_place(place: &str) -> &str {
    let is_own =
        place.starts_with('/') && !place.starts_with("//") && !place.contains(['\\', '\r', '\n']);
    if is_own { place } else { "/" }
}

fn go(place: &str, session: Option<&str>) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, place.to_owned())]).into_response();
    let lasts = |secret: &str| {
        if secret.is_empty() {
            "; Max-Age=0"
        } else {
            "; Max-Age=43200"
        }
    };
    let cookie = session.map(|secret| {
        format!(
            "{SESSION_COOKIE}={secret}; Path=/; HttpOnly; SameSite=Strict{}",
            lasts(secret)
        )
    });
    if let Some(cookie) = cookie.and_then(|cookie| cookie.parse().ok()) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::own_place;

    #[test]
    fn signing_in_leads_nowhere_else() {
        assert_eq!(own_place("/compare?runs=a"), "/compare?runs=a");
        for foreign in [
            "//evil.example",
            "https://evil.example",
            "",
            "/\\evil.example",
            "/a\r\nset-cookie: x",
        ] {
            assert_eq!(own_place(foreign), "/");
        }
    }
}
