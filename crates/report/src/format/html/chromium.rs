//! The page in a real browser. A script in it does what a reader would and writes down the results, and the browser prints
//! them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use super::{render, sample};

/// Runs before the page's own script, to record its errors.
const EARS: &str = r#"<script>
const heard = [];
addEventListener("error", (event) => heard.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => heard.push(event.violatedDirective));
for (const level of ["error", "warn"]) console[level] = (...words) => heard.push(words.join(" "));
</script>"#;

/// Runs after it, and does what a reader would.
const READER: &str = r##"<script>
addEventListener("load", () => {
  const all = (what) => [...document.querySelectorAll(what)];
  const visible = (part) => part.getClientRects().length > 0;
  const of = (model) => all("[data-series]").filter((part) => part.dataset.series === model);
  const seen = {};
  seen.plots = all("svg[role=img]").filter(visible).length;
  seen.sections = all("nav a").filter((link) => document.querySelector(link.getAttribute("href"))).length;
  seen.folded = all("details").every((part) => !part.open);
  for (const part of all("details")) part.open = true;

  const name = `<b>"&`;
  seen.parts = of(name).length;
  const others = all("[data-series]").filter(visible).length - seen.parts;
  const box = all("#models input").find((box) => box.value === name);
  box.click();
  seen.parts_when_off = of(name).filter(visible).length;
  seen.others_stay = all("[data-series]").filter(visible).length === others;
  box.click();
  seen.parts_when_on = of(name).filter(visible).length;

  const table = document.querySelector("table:not(.choices)");
  const heading = table.tHead.rows[0].cells[5];
  const values = () => [...table.tBodies[0].rows].map((row) => Number(row.cells[5].dataset.value ?? -1));
  heading.querySelector("button").click();
  seen.upwards = values();
  heading.querySelector("button").click();
  seen.downwards = values();
  seen.sort_order = heading.getAttribute("aria-sort");

  const ground = () => getComputedStyle(document.body).backgroundColor;
  seen.grounds = [ground()];
  document.getElementById("theme").click();
  seen.grounds.push(ground());

  const [first, second] = all(".plot .point");
  const tip = document.getElementById("tip");
  first.focus();
  seen.tip = !tip.hidden && tip.textContent === first.dataset.label;
  first.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
  seen.tip_moves = tip.textContent === second.dataset.label;

  seen.loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  seen.heard = heard;
  const out = document.createElement("output");
  out.id = "seen";
  out.textContent = btoa(JSON.stringify(seen));
  document.body.append(out);
});
</script>"##;

fn chromium() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|program| program.is_file())
}

/// A browser. Dropping it ends all its processes.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = killpg(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// The page after its scripts, the browser's messages, and its requests to the network.
struct Seen {
    dom: String,
    said: String,
    requests: String,
}

fn open(program: &Path, html: &str) -> Seen {
    use std::os::unix::process::CommandExt;

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    fs::write(file("page.html"), html).unwrap();
    let child = Command::new(program)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ])
        // The browser's own requests fail too.
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .args(["--disable-dev-shm-usage", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--user-data-dir={}", file("profile").display()))
        .arg(format!("--log-net-log={}", file("net.json").display()))
        .arg(format!("file://{}", file("page.html").display()))
        .stdin(Stdio::null())
        .stdout(File::create(file("dom")).unwrap())
        .stderr(File::create(file("said")).unwrap())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut browser = Browser(child);
    let deadline = Instant::now() + Duration::from_secs(90);
    while browser.0.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "chromium did not end");
        thread::sleep(Duration::from_millis(50));
    }
    let read = |name: &str| String::from_utf8_lossy(&fs::read(file(name)).unwrap_or_default()).into_owned();
    Seen {
        dom: read("dom"),
        said: read("said"),
        requests: read("net.json"),
    }
}

/// Whether the page made a request. The log has the browser's own requests too, which have another origin.
fn asked_the_network(seen: &Seen) -> bool {
    assert!(
        seen.requests.contains("\"events\""),
        "there is no log of requests"
    );
    seen.requests
        .lines()
        .filter(|event| event.contains("\"network_isolation_key\":\"file://"))
        .any(|event| {
            ["http", "ws"]
                .iter()
                .any(|scheme| event.contains(&format!("\"url\":\"{scheme}")))
        })
}

/// What the script wrote down. It is in base64, so that markup in names survives.
fn written(seen: &Seen) -> Value {
    let from = "<output id=\"seen\">";
    let start = seen
        .dom
        .find(from)
        .unwrap_or_else(|| panic!("the page did not get to its end: {}", seen.said));
    let text = &seen.dom[start + from.len()..];
    let text = &text[..text.find('<').unwrap()];
    serde_json::from_slice(&STANDARD.decode(text).unwrap()).unwrap()
}

#[test]
fn the_page_works_in_a_browser_without_a_request() {
    let Some(program) = chromium() else {
        return test_support::skip("Chromium is not installed");
    };
    let sample = sample::page();
    let html = render(&sample)
        .replacen("<title>", &format!("{EARS}<title>"), 1)
        .replace("</body>", &format!("{READER}</body>"));
    let seen = open(&program, &html);
    let read = written(&seen);

    assert!(read["heard"].as_array().unwrap().is_empty(), "{read}");
    assert!(!seen.said.contains("CONSOLE"), "{}", seen.said);
    assert!(
        read["loaded"]
            .as_array()
            .unwrap()
            .iter()
            .all(|name| name == "data:,"),
        "{read}"
    );
    assert!(!asked_the_network(&seen), "the page asked for something");

    let plots: usize = sample.sections.iter().map(|section| section.plots.len()).sum();
    assert_eq!(read["plots"], plots);
    assert_eq!(read["sections"], sample.sections.len());
    assert_eq!(read["folded"], true);
    // A series in each plot, and a row in each table.
    assert_eq!(read["parts"], plots + 2 * sample.sections.len());
    assert_eq!(read["parts_when_off"], 0);
    assert_eq!(read["others_stay"], true);
    assert_eq!(read["parts_when_on"], read["parts"]);

    let column = |name: &str| -> Vec<f64> { serde_json::from_value(read[name].clone()).unwrap() };
    let (mut upwards, mut downwards) = (column("upwards"), column("downwards"));
    // The model without a value is the last one in both orders.
    assert_eq!((upwards.pop(), downwards.pop()), (Some(-1.0), Some(-1.0)));
    assert_eq!(upwards.len(), sample::MODELS.len() - 1);
    assert!(upwards.is_sorted());
    assert!(downwards.iter().rev().is_sorted());
    assert_eq!(read["sort_order"], "descending");

    assert_ne!(read["grounds"][0], read["grounds"][1]);
    assert_eq!(read["tip"], true);
    assert_eq!(read["tip_moves"], true);
}

#[test]
fn the_policy_stops_a_request_that_the_test_would_see() {
    let Some(program) = chromium() else {
        return test_support::skip("Chromium is not installed");
    };
    let image = "<img src=\"http://images.example/a.png\" alt=\"\">";
    let stopped = render(&sample::page()).replace("</body>", &format!("{image}</body>"));
    assert!(!asked_the_network(&open(&program, &stopped)));
    let free = stopped.replace("Content-Security-Policy", "nothing");
    assert!(asked_the_network(&open(&program, &free)));
}

/// To look at it: `LOOK=folder cargo test -p report` writes the page and its plots there.
#[test]
fn the_sample_can_be_looked_at() {
    let Some(folder) = std::env::var_os("LOOK").map(PathBuf::from) else {
        return;
    };
    let sample = sample::page();
    fs::write(folder.join("page.html"), render(&sample)).unwrap();
    for plot in sample.sections.iter().flat_map(|section| &section.plots) {
        let name = folder.join(&plot.key).with_extension("svg");
        fs::write(name, crate::plot::svg::file(plot)).unwrap();
    }
}
