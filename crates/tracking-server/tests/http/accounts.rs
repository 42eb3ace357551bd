//! Team use: accounts with roles, tokens and passwords, sessions of browsers, the audit log.

use idiom_tracking_server::{Accounts, Role, ServerConfig, bind};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::served::{Reply, Served, config};

/// A server with an account of each role, and their passwords.
struct Team {
    served: Served,
    passwords: [String; 3],
}

const NAMES: [&str; 3] = ["reader", "writer", "boss"];

impl Team {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let accounts = Accounts::open(&config.db).await.unwrap();
        // The first must be an admin: others could never be changed again.
        let refused = accounts.put("reader", Role::Read).await.unwrap_err();
        assert_eq!(
            refused.to_string(),
            "there must be an admin while there are accounts"
        );
        let boss = accounts.put("boss", Role::Admin).await.unwrap().password;
        let reader = accounts.put("reader", Role::Read).await.unwrap().password;
        let writer = accounts.put("writer", Role::Write).await.unwrap().password;
        accounts.close().await;
        let served = Served::start_in(folder, &config).await;
        Self {
            served,
            passwords: [reader, writer, boss],
        }
    }

    async fn ask(
        &self,
        who: usize,
        method: Method,
        path: &str,
        body: Value,
    ) -> (StatusCode, Value) {
        let request = self
            .served
            .client
            .request(method, self.served.url(path))
            .json(&body);
        let answer = request
            .basic_auth(NAMES[who], Some(&self.passwords[who]))
            .send()
            .await
            .unwrap();
        (answer.status(), answer.json().await.unwrap_or_default())
    }
}

/// Method and path of each line of the table in `ROUTES.md`, and what it needs.
fn routes() -> Vec<(Method, String, String)> {
    let lines = include_str!("../../ROUTES.md")
        .lines()
        .scan(String::new(), |prefix, line| {
            if line.starts_with("## ") {
                *prefix = if line.contains("MLflow's") {
                    "/api/2.0/mlflow".to_owned()
                } else {
                    String::new()
                };
            }
            Some((prefix.clone(), line))
        });
    let cells = lines.filter_map(|(prefix, line)| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let path = cells.get(2)?.trim_matches('`');
        path.starts_with('/').then(|| {
            (
                cells[1].parse().unwrap(),
                format!("{prefix}{path}"),
                cells[3].to_owned(),
            )
        })
    });
    cells.collect()
}

#[tokio::test]
async fn with_accounts_every_route_but_the_open_ones_asks_who_it_is() {
    let team = Team::start().await;
    let routes = routes();
    assert!(routes.len() > 70, "{}", routes.len());
    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for (method, path, needs) in routes {
        let path = path.replace("{*path}", "a/b").replace(['{', '}'], "");
        let answer = client
            .request(method.clone(), team.served.url(&path))
            .body("{}")
            .send()
            .await
            .unwrap();
        let is_refused = answer.status() == StatusCode::UNAUTHORIZED;
        assert_eq!(
            is_refused,
            needs != "open",
            "{method} {path}: {}",
            answer.status()
        );
        assert_ne!(
            answer.status(),
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}"
        );
    }
    let unknown = client
        .get(team.served.url("/api/nothing"))
        .send()
        .await
        .unwrap();
    assert!(matches!(
        unknown.status(),
        StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND
    ));
}

#[tokio::test]
async fn without_accounts_every_route_of_the_table_is_there() {
    let served = Served::start().await;
    for (method, path, _) in routes() {
        let path = path
            .replace("{*path}", "a/b")
            .replace("{file}", "runs.js")
            .replace(['{', '}'], "");
        let answer = served
            .client
            .request(method.clone(), served.url(&path))
            .json(&json!({}))
            .send()
            .await
            .unwrap();
        let status = answer.status();
        if path.ends_with("/events") {
            continue; // It is there, and its answer never ends.
        }
        let text = answer.text().await.unwrap();
        assert!(
            !text.contains("ENDPOINT_NOT_FOUND") && status != StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}: {text}"
        );
    }
}

#[tokio::test]
async fn each_role_may_do_what_those_before_it_may() {
    let team = Team::start().await;
    let search = (
        "/api/2.0/mlflow/runs/search",
        json!({"experiment_ids": ["0"]}),
    );
    let create = ("/api/2.0/mlflow/runs/create", json!({"experiment_id": "0"}));
    let user = |name: &str| {
        (
            "/api/2.0/mlflow/users/create",
            json!({"username": name, "password": "long enough 1"}),
        )
    };
    let [ok, no] = [StatusCode::OK, StatusCode::FORBIDDEN];
    for (who, expected) in [[ok, no, no], [ok, ok, no], [ok, ok, ok]]
        .into_iter()
        .enumerate()
    {
        for ((path, body), expected) in [search.clone(), create.clone(), user(&format!("new{who}"))]
            .into_iter()
            .zip(expected)
        {
            let (status, answer) = team.ask(who, Method::POST, path, body).await;
            assert_eq!(status, expected, "{} {path}: {answer}", NAMES[who]);
        }
    }
    let (_, current) = team
        .ask(1, Method::GET, "/api/2.0/mlflow/users/current", json!({}))
        .await;
    assert_eq!(
        (&current["user"]["username"], &current["user"]["is_admin"]),
        (&json!("writer"), &json!(false))
    );
}

#[tokio::test]
async fn a_token_a_password_and_a_session_all_open_and_nothing_else_does() {
    let team = Team::start().await;
    let url = team
        .served
        .url("/api/2.0/mlflow/experiments/get?experiment_id=0");
    let ask = |change: fn(reqwest::RequestBuilder, &str) -> reqwest::RequestBuilder| {
        let request = change(team.served.client.get(&url), &team.passwords[0]);
        async move { request.send().await.unwrap().status() }
    };
    let [ok, no] = [StatusCode::OK, StatusCode::UNAUTHORIZED];
    assert_eq!(
        ask(|request, password| request.basic_auth("reader", Some(password))).await,
        ok
    );
    assert_eq!(
        ask(|request, password| request.bearer_auth(format!("reader.{password}"))).await,
        ok
    );
    assert_eq!(
        ask(|request, password| request.basic_auth("writer", Some(password))).await,
        no
    );
    assert_eq!(
        ask(|request, _| request.basic_auth("reader", Some("wrong"))).await,
        no
    );
    assert_eq!(ask(|request, _| request.bearer_auth("nonsense")).await, no);
    assert_eq!(
        ask(|request, _| request.header("cookie", "idiom_session=guessed")).await,
        no
    );

    let client = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let page = client
        .get(team.served.url("/compare?runs=a"))
        .header("accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(
        page.headers()["location"],
        "/login?next=%2Fcompare%3Fruns%3Da"
    );
    let form = format!("name=reader&password={}&next=%2Fcompare", team.passwords[0]);
    let sign_in = client
        .post(team.served.url("/login"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form);
    let signed_in = sign_in.send().await.unwrap();
    assert_eq!(signed_in.headers()["location"], "/compare");
    let cookie = signed_in.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let with_cookie = || client.get(&url).header("cookie", &cookie).send();
    assert_eq!(with_cookie().await.unwrap().status(), ok);
    client
        .post(team.served.url("/logout"))
        .header("cookie", &cookie)
        .send()
        .await
        .unwrap();
    assert_eq!(with_cookie().await.unwrap().status(), no);
}

#[tokio::test]
async fn a_changed_password_or_a_removed_account_counts_at_once() {
    let team = Team::start().await;
    let search = "/api/2.0/mlflow/experiments/search?max_results=1";
    assert_eq!(
        team.ask(0, Method::GET, search, json!({})).await.0,
        StatusCode::OK
    );
    let change = json!({"username": "reader", "password": "another long one"});
    let path = "/api/2.0/mlflow/users/update-password";
    assert_eq!(
        team.ask(1, Method::PATCH, path, change.clone()).await.0,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        team.ask(0, Method::PATCH, path, change).await.0,
        StatusCode::OK
    );
    assert_eq!(
        team.ask(0, Method::GET, search, json!({})).await.0,
        StatusCode::UNAUTHORIZED
    );
    let remove = json!({"username": "writer"});
    assert_eq!(
        team.ask(2, Method::DELETE, "/api/2.0/mlflow/users/delete", remove)
            .await
            .0,
        StatusCode::OK
    );
    assert_eq!(
        team.ask(1, Method::GET, search, json!({})).await.0,
        StatusCode::UNAUTHORIZED
    );
    let last = team
        .ask(
            2,
            Method::DELETE,
            "/api/2.0/mlflow/users/delete",
            json!({"username": "boss"}),
        )
        .await;
    assert_eq!(
        (last.0, &last.1["message"]),
        (
            StatusCode::BAD_REQUEST,
            &json!("there must be an admin while there are accounts")
        )
    );
    let (_, log) = team
        .ask(2, Method::GET, "/api/idiom/audit", json!({}))
        .await;
    let said: Vec<String> = log["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| format!("{} {} {}", line["account"], line["path"], line["status"]))
        .collect();
    let users = "/api/2.0/mlflow/users";
    assert_eq!(
        said,
        [
            format!("\"boss\" \"{users}/delete\" 400"),
            format!("\"boss\" \"{users}/delete\" 200"),
            format!("\"reader\" \"{users}/update-password\" 200"),
            format!("\"writer\" \"{users}/update-password\" 403"),
        ]
    );
}

#[tokio::test]
async fn others_are_listened_to_once_there_are_accounts() {
    let folder = tempfile::tempdir().unwrap();
    let open = ServerConfig {
        host: "0.0.0.0".to_owned(),
        ..config(folder.path())
    };
    assert!(
        bind(&open).await.is_err(),
        "nobody would be asked who they are"
    );
    let accounts = Accounts::open(&open.db).await.unwrap();
    accounts.put("boss", Role::Admin).await.unwrap();
    accounts.close().await;
    assert!(bind(&open).await.is_ok());
}

#[tokio::test]
async fn the_description_of_the_routes_is_openapi() {
    let served = Served::start().await;
    let found = Reply::of(served.client.get(served.url("/api/idiom/openapi.json")))
        .await
        .ok();
    assert_eq!(found["openapi"], "3.1.0");
    let one = &found["paths"]["/api/2.0/mlflow/logged-models/{model_id}/tags/{key}"]["delete"];
    assert_eq!(one["parameters"][1]["name"], "key");
    assert_eq!(found["paths"]["/health"]["get"]["security"], json!([]));
}
