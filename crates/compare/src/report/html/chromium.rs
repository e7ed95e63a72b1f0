//! The page in a real browser. It clicks through itself and writes down what came of it, and the browser prints that.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;

use super::{render, sample};

/// Stands before the page's own script, so that it sees that one's errors.
const EARS: &str = r#"<script>
const heard = [];
addEventListener("error", (event) => heard.push(String(event.message)));
addEventListener("securitypolicyviolation", (event) => heard.push(event.violatedDirective));
for (const level of ["error", "warn"]) console[level] = (...words) => heard.push(words.join(" "));
</script>"#;

/// Stands behind it and does what a reader would.
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
  seen.sort_is_told = heading.getAttribute("aria-sort");

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

/// A browser with all of its processes, which end with this.
struct Browser(Child);

impl Drop for Browser {
    fn drop(&mut self) {
        // It may have ended by itself, which is fine.
        let _ = killpg(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

/// What the page is after its scripts, what the browser said, and what it asked the network for.
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
        // What the browser asks for on its own account does not get far either.
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

/// Whether the page did. A browser has its own reasons to ask for things, which the log tells apart by who asked.
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

/// What the reader wrote down. It is in base 64, so that a name which is markup comes through.
fn written(seen: &Seen) -> Value {
    let from = "<output id=\"seen\">";
    let start = seen
        .dom
        .find(from)
        .unwrap_or_else(|| panic!("the page did not get to its end: {}", seen.said));
    let text = &seen.dom[start + from.len()..];
    let text = &text[..text.find('<').unwrap()];
    serde_json::from_slice(&decoded(text)).unwrap()
}

/// Base 64 as a browser writes it.
fn decoded(text: &str) -> Vec<u8> {
    let digit = |letter: u8| match letter {
        b'A'..=b'Z' => u32::from(letter - b'A'),
        b'a'..=b'z' => u32::from(letter - b'a') + 26,
        b'0'..=b'9' => u32::from(letter - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u32> = text.bytes().filter(|letter| *letter != b'=').map(digit).collect();
    digits
        .chunks(4)
        .flat_map(|four| {
            let bits = (0..4).fold(0, |bits, index| bits << 6 | four.get(index).copied().unwrap_or(0));
            bits.to_be_bytes()[1..four.len()].to_vec()
        })
        .collect()
}

#[test]
fn a_reader_can_use_the_page_in_a_browser_and_nothing_leaves_it() {
    let Some(program) = chromium() else {
        println!("skipped: no Chromium");
        return;
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
    // The model without a figure is the last one both ways.
    assert_eq!((upwards.pop(), downwards.pop()), (Some(-1.0), Some(-1.0)));
    assert_eq!(upwards.len(), sample::MODELS.len() - 1);
    assert!(upwards.is_sorted());
    assert!(downwards.iter().rev().is_sorted());
    assert_eq!(read["sort_is_told"], "descending");

    assert_ne!(read["grounds"][0], read["grounds"][1]);
    assert_eq!(read["tip"], true);
    assert_eq!(read["tip_moves"], true);
}

#[test]
fn a_page_that_asks_for_something_is_found_out_and_the_policy_stops_it() {
    let Some(program) = chromium() else {
        println!("skipped: no Chromium");
        return;
    };
    let image = "<img src=\"http://images.example/a.png\" alt=\"\">";
    let stopped = render(&sample::page()).replace("</body>", &format!("{image}</body>"));
    assert!(!asked_the_network(&open(&program, &stopped)));
    let free = stopped.replace("Content-Security-Policy", "nothing");
    assert!(asked_the_network(&open(&program, &free)));
}

/// For the eye: `LOOK=folder cargo test -p compare` writes the page and its plots there.
#[test]
fn the_sample_can_be_looked_at() {
    let Some(folder) = std::env::var_os("LOOK").map(PathBuf::from) else {
        return;
    };
    let sample = sample::page();
    fs::write(folder.join("page.html"), render(&sample)).unwrap();
    for plot in sample.sections.iter().flat_map(|section| &section.plots) {
        let name = folder.join(&plot.key).with_extension("svg");
        fs::write(name, crate::report::plot::svg::file(plot)).unwrap();
    }
}
