//! A headless Chromium behind chromedriver, with what the tests ask of it.

use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};

use super::lab::Lab;

const CHROMIUM: &str = "/usr/bin/chromium";
const CHROMEDRIVER: &str = "/usr/bin/chromedriver";

/// A browser and the driver process that owns it.
pub(crate) struct Browser {
    client: Client,
    driver: Driver,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts both; `None`, with a line that says so, where they are not installed.
    pub(crate) async fn start(test: &str) -> Option<Self> {
        if ![CHROMIUM, CHROMEDRIVER]
            .iter()
            .all(|program| Path::new(program).exists())
        {
            assert_ne!(
                std::env::var("IDIOM_REQUIRE_ALL").as_deref(),
                Ok("1"),
                "{test} needs chromium and chromium-driver"
            );
            println!("skipped: {test} needs chromium and chromium-driver");
            return None;
        }
        let driver = start_driver();
        let profile = tempfile::tempdir().unwrap();
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities(profile.path()));
        let client = builder.connect(&driver.endpoint).await.unwrap();
        Some(Self {
            client,
            driver,
            _profile: profile,
        })
    }

    pub(crate) async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap();
    }

    /// Runs statements in the page.
    pub(crate) async fn run(&self, script: &str) {
        self.client.execute(script, Vec::new()).await.unwrap();
    }

    /// What an expression is in the page.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        self.client
            .execute(&format!("return {expression}"), Vec::new())
            .await
            .unwrap()
    }

    /// What an expression over one export of one of the page's modules is.
    pub(crate) async fn call(&self, module: &str, name: &str, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1];
             const folder = document.querySelector('script[type=module]').src;
             import(new URL('{module}', folder)).then(({{ {name} }}) => done({expression}), (error) => done(String(error)));"
        );
        self.client
            .execute_async(&script, Vec::new())
            .await
            .unwrap()
    }

    /// Waits until an expression holds in the page, looking at every frame.
    pub(crate) async fn until(&self, expression: &str) {
        let look = format!(
            "const done = arguments[arguments.length - 1];
             const end = performance.now() + 20000;
             const holds = () => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }};
             const look = () => {{ if (holds()) done(true); else if (performance.now() > end) done(false); else requestAnimationFrame(look); }};
             look();"
        );
        let mut held = self.client.execute_async(&look, Vec::new()).await;
        if held.is_err() {
            // The page went away under the script, as it does where a link leads on: look at the next one.
            held = self.client.execute_async(&look, Vec::new()).await;
        }
        let held = held.unwrap();
        if held != true {
            let page = self
                .value("document.querySelector('main').innerText.slice(0, 2000)")
                .await;
            panic!(
                "never came true: {expression}\nconsole: {:?}\npage: {page}",
                self.console().await
            );
        }
    }

    /// What axe-core finds wrong on the page by WCAG 2.1 A and AA, one line each: contrast, names, roles, keyboard.
    pub(crate) async fn faults(&self, axe: &str) -> Vec<String> {
        self.client.execute(axe, Vec::new()).await.unwrap();
        let look = "const done = arguments[arguments.length - 1];
             const rules = { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] };
             const said = ({ html, any, all, none }) => `${html.slice(0, 200)}: ${[...any, ...all, ...none][0]?.message}`;
             axe.run(document, rules).then(({ violations }) =>
               done(violations.map(({ id, nodes }) => `${id} ${nodes.length} x ${said(nodes[0])}`)));";
        let found = self.client.execute_async(look, Vec::new()).await.unwrap();
        serde_json::from_value(found).unwrap()
    }

    /// Presses a key where the page has its focus.
    pub(crate) async fn press(&self, key: &str) {
        self.client
            .active_element()
            .await
            .unwrap()
            .send_keys(key)
            .await
            .unwrap();
    }

    /// Takes one expected refusal (a 400 the page explained) out of the console.
    pub(crate) async fn expect_refusal(&self) {
        let lines = self.console().await;
        assert!(lines.len() == 1 && lines[0].contains("400"), "{lines:?}");
    }

    /// Warnings and errors of the console so far, content-security violations among them; reading them empties it.
    async fn console(&self) -> Vec<String> {
        let session = self.client.session_id().await.unwrap().unwrap();
        let address = format!("{}/session/{session}/se/log", self.driver.endpoint);
        let answer = reqwest::Client::new()
            .post(address)
            .json(&json!({ "type": "browser" }))
            .send()
            .await
            .unwrap();
        let body: Value = answer.json().await.unwrap();
        let lines = body["value"].as_array().cloned().unwrap_or_default();
        lines
            .iter()
            .map(|line| line["message"].to_string())
            .collect()
    }

    /// The console must be clean; then browser, driver and server end.
    pub(crate) async fn finish(self, lab: Lab) {
        let lines = self.console().await;
        self.client.clone().close().await.unwrap();
        assert!(lines.is_empty(), "the console says: {lines:?}");
        lab.stop().await;
    }
}

/// chromedriver; ended when dropped, and its browser with it: killed, it would leave that behind.
struct Driver {
    process: Child,
    endpoint: String,
}

impl Driver {
    fn shut_down(&self) -> std::io::Result<()> {
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(
            stream,
            "GET /shutdown HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        )?;
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _killed_then = self.shut_down();
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// chromedriver on a port the system chooses.
fn start_driver() -> Driver {
    let mut command = Command::new(CHROMEDRIVER);
    command
        .arg("--port=0")
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut driver = Driver {
        process: command.spawn().unwrap(),
        endpoint: String::new(),
    };
    let lines = BufReader::new(driver.process.stdout.take().unwrap()).lines();
    let port = lines.map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once("started successfully on port ")?;
        port.trim_end_matches('.').parse::<u16>().ok()
    });
    driver.endpoint = format!("http://127.0.0.1:{}", port.unwrap());
    driver
}

fn capabilities(profile: &Path) -> serde_json::Map<String, Value> {
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--lang=en-GB",
        "--window-size=1366,768",
    ];
    let mut args: Vec<String> = flags.map(str::to_owned).to_vec();
    args.push(format!("--user-data-dir={}", profile.display()));
    let options = json!({ "binary": CHROMIUM, "args": args });
    let wishes = json!({ "browserName": "chrome", "timeouts": { "script": 25000 }, "goog:loggingPrefs": { "browser": "WARNING" }, "goog:chromeOptions": options });
    wishes.as_object().unwrap().clone()
}
