//! A server on a port the system chooses, with two small runs logged over REST as any client would.

use std::net::SocketAddr;

use idiom_tracking_server::{ServerConfig, bind};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const START: i64 = 1_700_000_000_000;

/// The server, its runs, and how to end it.
pub(crate) struct Lab {
    address: SocketAddr,
    runs: Vec<String>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    _folder: tempfile::TempDir,
}

impl Lab {
    /// Points of `loss/colour` in each run: few enough that nothing is thinned out.
    pub(crate) const N_POINTS: usize = 21;

    /// Two runs that differ in `seed` and agree in `batch_size`. Their curves fall to 0.25 and 0.5 and end higher; the
    /// first has pictures at 0, 1000 and 2000 images, the second at 1000 and 2000. Names and tags hold markup.
    pub(crate) async fn with_two_runs() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = ServerConfig {
            port: 0,
            ..ServerConfig::new(folder.path().join("db"), folder.path().join("artifacts"))
        };
        let bound = bind(&config).await.unwrap();
        let address = bound.address();
        let (stop, stopped) = oneshot::channel();
        let server =
            tokio::spawn(async move { bound.run(async { drop(stopped.await) }).await.unwrap() });
        let mut lab = Self {
            address,
            runs: Vec::new(),
            stop,
            server,
            _folder: folder,
        };
        lab.log_run("plain", (1, 0.25), &[0, 1000, 2000]).await;
        lab.log_run("<img src=x onerror=alert(1)>", (2, 0.5), &[1000, 2000])
            .await;
        lab
    }

    /// A run of another program, which does not count images; it has a picture at its step 1000.
    pub(crate) async fn add_foreign_run(&mut self) {
        self.log_run("foreign", (3, 0.75), &[0, 1000]).await;
        let foreign = json!({ "run_id": self.runs[2], "key": "idiom.uid" });
        self.post("runs/delete-tag", &foreign).await;
    }

    pub(crate) fn run_id(&self, run: usize) -> &str {
        &self.runs[run]
    }

    pub(crate) fn address(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The page that compares both runs.
    pub(crate) fn compare(&self) -> String {
        self.address(&format!("/compare?runs={}", self.runs.join(",")))
    }

    /// A tab of a run's page.
    pub(crate) fn run_page(&self, run: usize, tab: &str) -> String {
        self.address(&format!("/runs/{}?tab={tab}", self.runs[run]))
    }

    pub(crate) async fn log_metric(&self, run: usize, key: &str, value: f64, step: i64) {
        let point = json!({ "run_id": self.runs[run], "key": key, "value": if value.is_nan() { json!("NaN") } else { json!(value) }, "timestamp": START + step, "step": step });
        self.post("runs/log-metric", &point).await;
    }

    /// Ends the server, open pages or not.
    pub(crate) async fn stop(self) {
        let _ended_already = self.stop.send(());
        self.server.await.unwrap();
    }

    async fn log_run(&mut self, name: &str, (seed, least): (i64, f64), pictures: &[i64]) {
        let created = self
            .post(
                "runs/create",
                &json!({ "experiment_id": "0", "run_name": name, "start_time": START }),
            )
            .await;
        let info = &created["run"]["info"];
        let id = info["run_id"].as_str().unwrap().to_owned();
        let folder = info["artifact_uri"]
            .as_str()
            .unwrap()
            .trim_start_matches("mlflow-artifacts:/")
            .to_owned();
        let metrics: Vec<Value> = (0..Self::N_POINTS as i64)
            .map(|i| point(i, least))
            .collect();
        let params = json!([{ "key": "seed", "value": seed.to_string() }, { "key": "batch_size", "value": "32" }]);
        let tags = json!([{ "key": "note", "value": "<script>alert(2)</script>" }, { "key": "idiom.uid", "value": "a-run-of-idiom" }]);
        self.post(
            "runs/log-batch",
            &json!({ "run_id": id, "metrics": metrics, "params": params, "tags": tags }),
        )
        .await;
        for step in pictures {
            let picture = format!(
                "samples+step+{step}+timestamp+{}+0e8de5a4-34a1-4b4f-a6c3-0a2d3d7c9c{seed:02}.png",
                START + step
            );
            self.put(
                &format!("/api/2.0/mlflow-artifacts/artifacts/{folder}/images/{picture}"),
                png(*step as u8),
            )
            .await;
        }
        self.runs.push(id);
    }

    async fn post(&self, route: &str, body: &Value) -> Value {
        let address = self.address(&format!("/api/2.0/mlflow/{route}"));
        let answer = reqwest::Client::new()
            .post(address)
            .json(body)
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "{route}: {}",
            answer.text().await.unwrap()
        );
        answer.json().await.unwrap()
    }

    async fn put(&self, path: &str, bytes: Vec<u8>) {
        let answer = reqwest::Client::new()
            .put(self.address(path))
            .body(bytes)
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "{path}: {}",
            answer.text().await.unwrap()
        );
    }
}

/// The i-th point of a curve that has its least value in the middle; no three neighbours lie on one line, so
/// that a drawing may not leave one out.
fn point(i: i64, least: f64) -> Value {
    let from_middle = (i - 10) as f64 / 10.0;
    json!({ "key": "loss/colour", "value": least + from_middle * from_middle, "timestamp": START + i * 1000, "step": i * 100 })
}

/// A PNG of 4 x 4 grey pixels, stored without compression.
fn png(grey: u8) -> Vec<u8> {
    let rows: Vec<u8> = (0..4).flat_map(|_| [0, grey, 90, 160, 230]).collect();
    let length = u16::try_from(rows.len()).unwrap();
    let stored = [
        &[0x78, 0x01, 0x01][..],
        &length.to_le_bytes(),
        &(!length).to_le_bytes(),
        &rows,
        &adler(&rows).to_be_bytes(),
    ]
    .concat();
    let header = [
        &4_u32.to_be_bytes()[..],
        &4_u32.to_be_bytes(),
        &[8, 0, 0, 0, 0],
    ]
    .concat();
    let chunks = [
        chunk(*b"IHDR", &header),
        chunk(*b"IDAT", &stored),
        chunk(*b"IEND", &[]),
    ];
    [b"\x89PNG\r\n\x1a\n".to_vec(), chunks.concat()].concat()
}

fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&kind[..], data].concat();
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat()
}

/// CRC-32 as PNG has it, bit by bit.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| {
        if crc & 1 == 1 {
            (crc >> 1) ^ 0xedb8_8320
        } else {
            crc >> 1
        }
    };
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), step)
    })
}

/// Adler-32 as zlib has it.
fn adler(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (a + b) % 65_521)
    });
    (b << 16) | a
}
