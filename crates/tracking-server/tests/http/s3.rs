//! Artifacts in S3: the binary over a store that speaks its protocol (moto), through the doors that people use.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};

use reqwest::StatusCode;
use reqwest::blocking::Client;
use serde_json::{Value, json};

use crate::life::Program;
use crate::mlflow_client::packages;
use crate::served::skip;

/// As in `tests/fetch_python.py`.
const MOTO: &str = "moto-5.1.22";

/// The store; it ends with this, and also when the test is killed: it waits for the pipe between them.
struct Store {
    python: Child,
    pipe: Option<ChildStdin>,
    address: String,
}

impl Store {
    /// None where moto is not there, which is said.
    fn start(test: &str) -> Option<Self> {
        let packages = packages(MOTO);
        if !packages.is_dir() {
            skip(test, "moto (python3 tests/fetch_python.py s3)");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/s3_standin.py");
        let mut python = Command::new("python3");
        python.arg(script).env("PYTHONPATH", packages);
        python.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut python = python.spawn().unwrap();
        let (pipe, mut address) = (python.stdin.take(), String::new());
        let said = python.stdout.take().unwrap();
        BufReader::new(said).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        assert!(address.starts_with("http://"), "moto did not start");
        Some(Self {
            python,
            pipe,
            address,
        })
    }

    fn variables(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT_URL", &self.address),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "lab"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ]
    }

    /// The server's binary, its artifacts in a bucket.
    fn command(&self, folder: &Path, bucket: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_idiom-tracking-server"));
        command
            .arg("--db")
            .arg(folder.join("idiom.db"))
            .args(["--artifacts", bucket]);
        command
            .args(arguments)
            .envs(self.variables())
            .env("NO_PROXY", "127.0.0.1");
        command.stderr(Stdio::piped());
        command
    }

    fn done(&self, folder: &Path, arguments: &[&str]) -> Output {
        self.command(folder, BUCKET, arguments).output().unwrap()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _reaped = self.python.wait();
    }
}

const BUCKET: &str = "s3://lab/teams/gan";

#[test]
fn artifacts_in_s3_are_put_listed_read_in_parts_and_taken_away() {
    let Some(store) = Store::start("artifacts_in_s3_are_put_listed_read_in_parts_and_taken_away")
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let program = Program::of(store.command(folder.path(), BUCKET, &["--port", "0"]));
    let client = Client::builder().no_proxy().build().unwrap();
    let create = program
        .post("runs/create", &json!({"experiment_id": "0"}))
        .unwrap();
    let run = create["run"]["info"]["run_id"].as_str().unwrap().to_owned();
    let place = |name: &str| {
        format!(
            "{}/api/2.0/mlflow-artifacts/artifacts/0/{run}/artifacts/{name}",
            program.base
        )
    };
    // More than one part of an upload in parts.
    let large: Vec<u8> = (0..17_000_000_u32).map(|i| (i % 251) as u8).collect();
    for (name, bytes) in [
        ("images/畫 1.png", b"a picture".to_vec()),
        ("large.bin", large.clone()),
    ] {
        let put = client.put(place(name)).body(bytes).send().unwrap();
        assert_eq!(put.status(), StatusCode::OK, "{name}: {:?}", put.text());
    }

    let list = client.get(format!("{}/api/2.0/mlflow/artifacts/list", program.base));
    let listed: Value = list
        .query(&[("run_id", &run)])
        .send()
        .unwrap()
        .json()
        .unwrap();
    let expected = json!([
        {"path": "images", "is_dir": true},
        {"path": "large.bin", "is_dir": false, "file_size": 17_000_000},
    ]);
    assert_eq!(listed["files"], expected);

    let whole = client.get(place("large.bin")).send().unwrap();
    assert!(
        whole.bytes().unwrap() == large,
        "the bytes did not come back"
    );
    let part = client
        .get(place("large.bin"))
        .header("range", "bytes=8388600-8388615")
        .send()
        .unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(
        part.headers()["content-range"],
        "bytes 8388600-8388615/17000000"
    );
    assert_eq!(part.bytes().unwrap(), large[8_388_600..=8_388_615]);
    let picture = client.get(place("images/畫 1.png")).send().unwrap();
    let mark = picture.headers()["etag"].clone();
    let known = client
        .get(place("images/畫 1.png"))
        .header("if-none-match", mark)
        .send()
        .unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);

    let gone = client.delete(place("images")).send().unwrap();
    assert_eq!(gone.status(), StatusCode::OK);
    assert_eq!(
        client
            .get(place("images/畫 1.png"))
            .send()
            .unwrap()
            .status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        client.delete(place("images")).send().unwrap().status(),
        StatusCode::NOT_FOUND
    );

    backup_and_import_reach_the_bucket(&store, folder.path(), &run);
    program
        .post("runs/delete", &json!({"run_id": run}))
        .unwrap();
    let gc = store.done(folder.path(), &["gc", "--older-than-days", "0", "--delete"]);
    assert!(
        gc.status.success() && String::from_utf8_lossy(&gc.stdout).contains("gone\trun"),
        "{gc:?}"
    );
    assert_eq!(
        client.get(place("large.bin")).send().unwrap().status(),
        StatusCode::NOT_FOUND
    );
}

/// A backup brings what is in the bucket into its folder; what is taken over from MLflow goes into the bucket.
fn backup_and_import_reach_the_bucket(store: &Store, folder: &Path, run: &str) {
    let copy = folder.join("copy").display().to_string();
    let backup = || store.done(folder, &["backup", &copy]);
    let first = backup();
    assert!(first.status.success(), "{first:?}");
    let large = folder.join(format!("copy/artifacts/0/{run}/artifacts/large.bin"));
    assert_eq!(std::fs::metadata(large).unwrap().len(), 17_000_000);
    let again = String::from_utf8(backup().stdout).unwrap();
    assert!(
        again.contains("and 0 artifacts copied, 1 were there already"),
        "{again}"
    );
    let mlruns = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/mlruns");
    let import = store.done(folder, &["import", &mlruns.display().to_string()]);
    assert!(import.status.success(), "{import:?}");
    let third = String::from_utf8(backup().stdout).unwrap();
    let copied = third.split(" artifacts copied").next().unwrap_or_default();
    assert!(
        !copied.ends_with(" 0"),
        "nothing came into the bucket: {third}"
    );
    let check = store.done(folder, &["check"]);
    assert!(check.status.success(), "{check:?}");
}

#[test]
fn a_bucket_that_is_not_there_is_told_at_the_start() {
    let Some(store) = Store::start("a_bucket_that_is_not_there_is_told_at_the_start") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let output = store
        .command(folder.path(), "s3://elsewhere", &["--port", "0"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("`s3://elsewhere`") && said.contains("AWS_ENDPOINT_URL"),
        "{said}"
    );
}
