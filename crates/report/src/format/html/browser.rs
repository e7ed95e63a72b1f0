//! Chromium for the tests of the page, controlled over a pipe by its protocol for debuggers: no port, and nothing to install but
//! the browser.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// No step takes this long, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// The browser reads commands from descriptor 3 and writes to 4.
const PIPES: &str = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null";

/// A browser with one tab. Dropping it ends all its processes.
pub(super) struct Browser {
    child: Child,
    input: ChildStdin,
    output: Receiver<Value>,
    folder: tempfile::TempDir,
    session: Option<String>,
    commands: u64,
    events: Vec<Value>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = killpg(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

impl Browser {
    /// Starts it, or skips the test where it is missing.
    pub(super) fn start() -> Option<Self> {
        use std::os::unix::process::CommandExt;

        let Some(program) = program() else {
            test_support::skip("Chromium is not installed");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new("sh")
            .args(["-c", PIPES])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-sync",
            ])
            .args([
                "--disable-component-update",
                "--disable-dev-shm-usage",
                "--remote-debugging-pipe",
            ])
            // The browser's own requests fail too.
            .arg("--host-resolver-rules=MAP * ~NOTFOUND")
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .arg(format!(
                "--log-net-log={}",
                folder.path().join("net.json").display()
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.path().join("stderr")).unwrap())
            .process_group(0)
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, output) = channel();
        thread::spawn(move || {
            for message in stdout.split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap();
                if sender.send(message).is_err() {
                    break;
                }
            }
        });
        let mut browser = Self {
            child,
            input,
            output,
            folder,
            session: None,
            commands: 0,
            events: Vec::new(),
        };
        let tab = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": tab["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", &attach);
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Sends a command and returns its result.
    pub(super) fn call(&mut self, method: &str, params: &Value) -> Value {
        self.commands += 1;
        let mut command = json!({ "id": self.commands, "method": method, "params": params });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        let mut text = command.to_string().into_bytes();
        text.push(0);
        self.input.write_all(&text).unwrap();
        loop {
            let message = self.next();
            if message["id"] == self.commands {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
        }
    }

    fn next(&mut self) -> Value {
        let message = self.output.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            let said = fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default();
            panic!("the browser does not answer ({error}): {said}");
        });
        if message["id"].is_null() {
            self.events.push(message.clone());
        }
        message
    }

    /// Waits for an event, from now on.
    fn wait(&mut self, method: &str) {
        while self.next()["method"] != method {}
    }

    /// Opens a page from a file. `fragment` is what stands behind its name, such as `#w=1`.
    pub(super) fn open(&mut self, html: &str, fragment: &str) {
        fs::write(self.folder.path().join("page.html"), html).unwrap();
        // Another fragment alone would not load the page again.
        self.call("Page.navigate", &json!({ "url": "about:blank" }));
        self.wait("Page.loadEventFired");
        let url = format!(
            "file://{}{fragment}",
            self.folder.path().join("page.html").display()
        );
        let answer = self.call("Page.navigate", &json!({ "url": url }));
        assert!(answer["errorText"].is_null(), "{answer}");
        self.wait("Page.loadEventFired");
    }

    /// Runs an expression in the page and returns its value. A promise is waited for.
    pub(super) fn run(&mut self, expression: &str) -> Value {
        let answer = self.call(
            "Runtime.evaluate",
            &json!({ "expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true }),
        );
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {}",
            answer["exceptionDetails"]
        );
        answer["result"]["value"].clone()
    }

    /// Presses a key and lets the page answer.
    pub(super) fn key(&mut self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Escape" => 27,
            " " => 32,
            "End" => 35,
            "Home" => 36,
            "ArrowLeft" => 37,
            "ArrowUp" => 38,
            "ArrowRight" => 39,
            "ArrowDown" => 40,
            _ => panic!("the number of {key} is missing here"),
        };
        for kind in ["rawKeyDown", "keyUp"] {
            let press = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            self.call("Input.dispatchKeyEvent", &press);
        }
    }

    /// Sets the size of the window in CSS pixels, and whether the system is dark.
    pub(super) fn screen(&mut self, width: u32, height: u32, dark: bool) {
        self.call(
            "Emulation.setDeviceMetricsOverride",
            &json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700 }),
        );
        let scheme = if dark { "dark" } else { "light" };
        self.call(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] }),
        );
    }

    pub(super) fn scripts(&mut self, enabled: bool) {
        self.call(
            "Emulation.setScriptExecutionDisabled",
            &json!({ "value": !enabled }),
        );
    }

    /// The whole page as it looks, from top to bottom, as PNGs of at most this height.
    pub(super) fn pictures(&mut self, height: f64) -> Vec<Vec<u8>> {
        let size = self.call("Page.getLayoutMetrics", &json!({}))["cssContentSize"].clone();
        let whole = size["height"].as_f64().unwrap();
        let tops = (0..).map(|index| f64::from(index) * height);
        tops.take_while(|top| *top < whole)
            .map(|top| {
                let height = height.min(whole - top);
                let clip = json!({ "x": 0, "y": top, "width": size["width"], "height": height, "scale": 1 });
                let picture = json!({ "captureBeyondViewport": true, "format": "png", "clip": clip });
                let answer = self.call("Page.captureScreenshot", &picture);
                STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
            })
            .collect()
    }

    /// The page as it prints, on A4.
    pub(super) fn print(&mut self) -> Vec<u8> {
        let answer = self.call(
            "Page.printToPDF",
            &json!({ "preferCSSPageSize": true, "printBackground": false, "paperWidth": 8.27, "paperHeight": 11.69 }),
        );
        STANDARD.decode(answer["data"].as_str().unwrap()).unwrap()
    }

    /// What the page reported as wrong: exceptions, errors and warnings on the console, and violations of its policy.
    pub(super) fn complaints(&self) -> Vec<String> {
        let is_complaint = |event: &&Value| match event["method"].as_str() {
            Some("Runtime.exceptionThrown" | "Log.entryAdded") => true,
            Some("Runtime.consoleAPICalled") => event["params"]["type"] != "log",
            _ => false,
        };
        self.events
            .iter()
            .filter(is_complaint)
            .map(Value::to_string)
            .collect()
    }

    /// What the pages asked for, without files and data in the page itself.
    pub(super) fn requests(&self) -> Vec<&str> {
        let sent = self
            .events
            .iter()
            .filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.filter_map(|event| event["params"]["request"]["url"].as_str())
            .filter(|url| {
                !["file:", "data:", "about:"]
                    .iter()
                    .any(|own| url.starts_with(own))
            })
            .collect()
    }

    /// Ends the browser and returns its log of the network.
    pub(super) fn close(mut self) -> String {
        self.session = None;
        self.call("Browser.close", &json!({}));
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "chromium did not end");
            thread::sleep(Duration::from_millis(20));
        }
        let log = fs::read(self.folder.path().join("net.json")).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }
}
