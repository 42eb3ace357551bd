//! The same promises over PostgreSQL: Debian's server in a folder of its own, and this suite once more on top of it.

use std::path::Path;
use std::process::Command;

use idiom_tests::postgres::{Postgres, programs};
use idiom_tracking_server::{DatabasePlace, ServerConfig, ServerError, Upkeep, UpkeepError, bind};
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::served::{Served, config};

/// Where the suite finds the server when it runs on top of one.
const VARIABLE: &str = "IDIOM_TEST_POSTGRES";

/// What of the suite asks the store.
const ON_TOP: &[&str] = &[
    "accounts::",
    "batches::",
    "charts::",
    "experiments::",
    "runs::",
    "search::",
    "postgres::over_it::",
    "life::a_server_goes_on",
    "life::every_acknowledged",
    "mlflow_client::",
    "upkeep::both_of_mlflows",
    "upkeep::what_was_deleted",
];

/// The place of a test's database where the suite runs on top of PostgreSQL; made when it is not there. A folder, which
/// each test has one of its own of, names it.
pub(crate) fn place(folder: &Path) -> Option<DatabasePlace> {
    let server = std::env::var(VARIABLE).ok()?;
    let name = folder.file_name().unwrap().to_string_lossy();
    let name = name.trim_start_matches('.').to_owned();
    let uri = format!("{server}/{name}");
    let make = move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_all().build().unwrap().block_on(async {
            let mut admin = PgConnection::connect(&format!("{server}/postgres"))
                .await
                .unwrap();
            let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE \"{name}\""));
            let made = sqlx::query(create).execute(&mut admin).await;
            let there = |error: sqlx::Error| error.to_string().contains("already exists");
            assert!(made.map_or_else(there, |_| true), "{name}");
        });
    };
    std::thread::spawn(make).join().unwrap();
    Some(uri.parse().unwrap())
}

#[test]
fn the_suite_holds_over_postgresql_too() {
    let Some(postgres) = Postgres::start("the_suite_holds_over_postgresql_too") else {
        return;
    };
    let mut suite = Command::new(std::env::current_exe().unwrap());
    suite
        .args(["--include-ignored", "--test-threads", "4"])
        .args(ON_TOP);
    let output = suite.env(VARIABLE, postgres.uri()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let passed = said.lines().filter(|line| line.ends_with("... ok")).count();
    assert!(passed > 50, "only {passed} tests ran:\n{said}");
}

/// What only PostgreSQL can go through. Run by the test above, in the process that has its address.
mod over_it {
    use super::*;

    async fn admin(config: &ServerConfig) -> PgConnection {
        let DatabasePlace::Postgres(uri) = &config.db else {
            panic!("this is run over PostgreSQL only");
        };
        PgConnection::connect(uri).await.unwrap()
    }

    async fn log(served: &Served, run: &str, steps: impl Iterator<Item = i64>) -> u16 {
        let point = |step| json!({"key": "m", "value": step, "timestamp": 1, "step": step});
        let metrics: Vec<_> = steps.map(point).collect();
        let batch = json!({"run_id": run, "metrics": metrics});
        served.post("runs/log-batch", batch).await.status.as_u16()
    }

    #[tokio::test]
    #[ignore = "the_suite_holds_over_postgresql_too runs it"]
    async fn two_servers_on_one_database_lose_no_point() {
        let first = Served::start().await;
        let config = config(first.folder.path());
        let second = Served::start_in(tempfile::tempdir().unwrap(), &config).await;
        let run = first.run().await;
        // Both merge into the same blocks of the same curve, turn by turn.
        let (even, odd) = tokio::join!(
            async {
                for batch in 0..10 {
                    assert_eq!(
                        log(&first, &run, (0..100).map(|i| 2 * (100 * batch + i))).await,
                        200
                    );
                }
            },
            async {
                for batch in 0..10 {
                    assert_eq!(
                        log(&second, &run, (0..100).map(|i| 2 * (100 * batch + i) + 1)).await,
                        200
                    );
                }
            }
        );
        let ((), ()) = (even, odd);
        let history = [("run_id", run.as_str()), ("metric_key", "m")];
        let history = second.get("metrics/get-history", &history).await.ok();
        let steps: Vec<i64> = history["metrics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|point| point["step"].as_i64().unwrap())
            .collect();
        assert_eq!(steps, (0..2000).collect::<Vec<_>>());
    }

    #[tokio::test]
    #[ignore = "the_suite_holds_over_postgresql_too runs it"]
    async fn writes_go_on_after_the_database_cut_all_connections() {
        let served = Served::start().await;
        let run = served.run().await;
        let config = config(served.folder.path());
        let mut admin = admin(&config).await;
        let cut = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
            WHERE datname = current_database() AND pid <> pg_backend_pid()";
        let cut: i64 = sqlx::query_scalar(cut).fetch_one(&mut admin).await.unwrap();
        assert!(cut > 0);
        // What was under way is refused as the server's fault, and the client sends it again.
        let mut tries = 0;
        while log(&served, &run, 0..5).await != 200 {
            tries += 1;
            assert!(tries < 5, "the connection was not made anew");
        }
        assert_eq!(
            served.read_run(&run).await["data"]["metrics"][0]["step"],
            json!(4)
        );
    }

    #[tokio::test]
    #[ignore = "the_suite_holds_over_postgresql_too runs it"]
    async fn a_newer_database_is_refused_and_a_password_never_shown() {
        let served = Served::start().await;
        let config = config(served.folder.path());
        let _folder = served.stop().await;
        let later = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', true, '', 0)";
        sqlx::query(later)
            .execute(&mut admin(&config).await)
            .await
            .unwrap();
        let error = bind(&config).await.err().unwrap();
        assert!(matches!(error, ServerError::Migration { .. }), "{error:?}");
        let nowhere = ServerConfig {
            db: "postgresql://ada:secret@127.0.0.1:1/idiom".parse().unwrap(),
            ..config
        };
        let error = bind(&nowhere).await.err().unwrap();
        let said = format!("{error} {error:?} {:?} {nowhere:?}", error.hint());
        assert!(matches!(error, ServerError::Database { .. }), "{said}");
        assert!(
            said.contains("ada@127.0.0.1:1/idiom") && !said.contains("secret"),
            "{said}"
        );
    }

    /// One of PostgreSQL's programs on a database.
    fn program(name: &str, arguments: &[&str]) {
        let output = Command::new(programs().unwrap().join(name))
            .args(arguments)
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{name}: {output:?}");
    }

    #[tokio::test]
    #[ignore = "the_suite_holds_over_postgresql_too runs it"]
    async fn a_backup_is_pg_dumps_and_ours_together_and_opens_again() {
        let served = Served::start().await;
        let run = served.run().await;
        assert_eq!(log(&served, &run, 0..50).await, 200);
        let artifact = format!("/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/a.txt");
        let put = served.client.put(served.url(&artifact)).body("kept");
        assert!(put.send().await.unwrap().status().is_success());
        let config = config(served.folder.path());
        let copy = tempfile::tempdir().unwrap();
        let backup = async || {
            let folder = copy.path().to_owned();
            let work = Upkeep::Backup { folder };
            work.carry_out(&config.db, &config.artifacts, |_| ()).await
        };
        let error = backup().await.unwrap_err();
        let hint = error.hint().unwrap();
        assert!(matches!(error, UpkeepError::NoDump { .. }), "{error}");
        assert!(hint.contains("pg_dump --format custom --file"), "{hint}");
        let DatabasePlace::Postgres(uri) = &config.db else {
            panic!("this is run over PostgreSQL only");
        };
        let dump = copy.path().join("idiom.dump").display().to_string();
        program("pg_dump", &["--format", "custom", "--file", &dump, uri]);
        backup().await.unwrap();
        drop(served);

        let db = place(copy.path()).unwrap();
        let DatabasePlace::Postgres(uri) = &db else {
            panic!("this is run over PostgreSQL only");
        };
        program("pg_restore", &["--exit-on-error", "--dbname", uri, &dump]);
        let copied = ServerConfig {
            port: 0,
            ..ServerConfig::new(db, copy.path().join("artifacts"))
        };
        let check = Upkeep::Check.carry_out(&copied.db, &copied.artifacts, |line| {
            assert!(
                line.ends_with("in order, 1 curves with 50 points"),
                "{line}"
            );
        });
        check.await.unwrap();
        let served = Served::start_in(copy, &copied).await;
        let text = served.client.get(served.url(&artifact)).send();
        assert_eq!(text.await.unwrap().text().await.unwrap(), "kept");
        let metrics = &served.read_run(&run).await["data"]["metrics"];
        assert_eq!(metrics[0]["step"], json!(49));
    }

    #[test]
    #[ignore = "the_suite_holds_over_postgresql_too runs it"]
    fn the_binarys_verbs_work_on_it_by_option_and_by_variable() {
        let folder = tempfile::tempdir().unwrap();
        let DatabasePlace::Postgres(uri) = place(folder.path()).unwrap() else {
            panic!("this is run over PostgreSQL only");
        };
        let said = |options: &[&str], arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_idiom-tracking-server"));
            command.args(options).args(arguments);
            command.env("IDIOM_DB", &uri);
            command.env("IDIOM_ARTIFACTS", folder.path().join("artifacts"));
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        let store = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/mlruns");
        let taken = said(&[], &["import", &store.display().to_string()]);
        assert!(taken.contains("drawing: 3 runs taken over"), "{taken}");
        let checked = said(&["--db", &uri], &["check"]);
        assert!(checked.contains("in order"), "{checked}");
        let listed = said(&[], &["gc", "--older-than-days", "0"]);
        assert!(listed.contains("would go\trun"), "{listed}");
    }

    #[tokio::test]
    #[ignore = "the_suite_holds_over_postgresql_too runs it"]
    async fn a_text_with_nul_is_refused_with_the_reason() {
        let served = Served::start().await;
        let run = served.run().await;
        let tag = json!({"run_id": run, "key": "k", "value": "a\0b"});
        let refused = served.post("runs/set-tag", tag).await;
        let message = refused.refused(400, "INVALID_PARAMETER_VALUE");
        assert!(message.contains("NUL"), "{message}");
    }
}
