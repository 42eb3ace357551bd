//! A headless Chromium behind chromedriver, asked over plain WebDriver: as much as an end-to-end test needs.

use crate::owned::Owned;
use crate::project::has;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A browser; it ends with the value.
pub struct Browser {
    driver: Owned,
    client: reqwest::blocking::Client,
    endpoint: String,
    session: String,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts one; `None`, with a line that says so, where Chromium or its driver is not installed.
    ///
    /// # Panics
    /// Where it is missing and everything is required, or where it does not start.
    #[must_use]
    pub fn start(test: &str) -> Option<Self> {
        let [chromium, driver] = ["/usr/bin/chromium", "/usr/bin/chromedriver"].map(Path::new);
        if !has(chromium, test, "chromium") || !has(driver, test, "chromium-driver") {
            return None;
        }
        let mut command = Command::new(driver);
        command
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut driver = Owned::spawn(&mut command);
        let output = driver.stdout.take().unwrap_or_else(|| panic!("no output"));
        let endpoint = format!("http://127.0.0.1:{}", port(BufReader::new(output)));
        let profile = tempfile::tempdir().unwrap_or_else(|e| panic!("no temporary folder: {e}"));
        let client = reqwest::blocking::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(120))
            .build();
        let client = client.unwrap_or_else(|e| panic!("no client: {e}"));
        let mut browser = Self {
            driver,
            client,
            session: format!("{endpoint}/session"),
            endpoint: endpoint.clone(),
            _profile: profile,
        };
        let opened = browser.ask("", &wishes(browser._profile.path(), chromium));
        let id = opened["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("no session: {opened}"));
        browser.session = format!("{endpoint}/session/{id}");
        Some(browser)
    }

    /// Goes to a page.
    pub fn open(&self, address: &str) {
        self.ask("/url", &json!({ "url": address }));
    }

    /// Waits until an expression holds in the page, looking at every frame.
    ///
    /// # Panics
    /// Where it does not come to that in 30 seconds.
    pub fn until(&self, expression: &str) {
        let look = format!(
            "const done = arguments[arguments.length - 1];
             const end = performance.now() + 30000;
             const holds = () => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }};
             const look = () => holds() ? done('') : performance.now() > end
               ? done(document.body.innerText.slice(0, 2000)) : requestAnimationFrame(look);
             look();"
        );
        let page = self.ask("/execute/async", &json!({ "script": look, "args": [] }));
        assert_eq!(page, "", "never came true: {expression}");
    }

    /// Hands a file to a file field, as a person would choose it.
    ///
    /// # Panics
    /// Where there is no such field.
    pub fn choose(&self, selector: &str, file: &Path) {
        let wish = json!({ "using": "css selector", "value": selector });
        let found = self.ask("/element", &wish);
        let fields = found.as_object().into_iter().flatten();
        let id = fields.filter_map(|(_, id)| id.as_str()).next();
        let id = id.unwrap_or_else(|| panic!("no {selector}: {found}"));
        self.ask(
            &format!("/element/{id}/value"),
            &json!({ "text": file.to_string_lossy() }),
        );
    }

    /// Runs statements in the page; what they `return`.
    #[must_use]
    pub fn run(&self, script: &str) -> Value {
        self.ask("/execute/sync", &json!({ "script": script, "args": [] }))
    }

    fn ask(&self, command: &str, body: &Value) -> Value {
        let answer = self
            .client
            .post(format!("{}{command}", self.session))
            .json(body)
            .send();
        let answer = answer.and_then(reqwest::blocking::Response::json::<Value>);
        answer.unwrap_or_else(|e| panic!("{command}: {e}"))["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends its browsers, then itself; killed, it would leave them behind.
        if self
            .client
            .get(format!("{}/shutdown", self.endpoint))
            .send()
            .is_ok()
        {
            let _ = self.driver.wait();
        }
    }
}

fn port(output: impl BufRead) -> String {
    let mut lines = output.lines().map_while(Result::ok);
    let line = lines.find_map(|line| {
        Some(
            line.split_once("started successfully on port ")?
                .1
                .to_owned(),
        )
    });
    line.unwrap_or_else(|| panic!("chromedriver names no port"))
        .trim_end_matches('.')
        .to_owned()
}

fn wishes(profile: &Path, chromium: &Path) -> Value {
    let profile = format!("--user-data-dir={}", profile.display());
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
        &profile,
    ];
    let options = json!({ "binary": chromium, "args": flags });
    json!({ "capabilities": { "alwaysMatch": {
        "browserName": "chrome", "timeouts": { "script": 60000 }, "goog:chromeOptions": options,
    } } })
}
