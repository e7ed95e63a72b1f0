//! Strings from outside that would act as markup, formulas or control characters, and very long strings.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Script, blocking, event_loop, made, only_run, run, smoke, text, two_models};

const IMAGE: &str = "<img src=x onerror=alert(1)>";

/// Ends at the first request, after it has printed 2 MB with all kinds of special characters.
const EVIL: &str = r#"
def crash():
    words = b"<img src=x onerror=alert(1)> | ` ** [a](b) \x1b[31m\x00\xff" + b"x" * 2000000 + b"\n"
    os.write(2, words[:1000])
    sys.stderr.buffer.write(words[1000:])
    sys.stderr.flush()
    os._exit(7)
serve("listening on 127.0.0.1:%d", crash)
"#;

/// Checks that there is no control character but line ends and tabs, and no very long line.
#[track_caller]
fn is_tame(what: &str, printed: &str, line_most: usize) {
    let wild = printed
        .chars()
        .find(|c| c.is_control() && *c != '\n' && *c != '\t');
    assert_eq!(wild, None, "{what}");
    let longest = printed.lines().map(str::len).max().unwrap_or(0);
    assert!(longest < line_most, "{what}: a line of {longest} bytes");
}

/// The pages of a run, with the names of the files.
fn pages(out: &Path) -> Vec<(&'static str, String)> {
    let folder = only_run(out);
    let read = |path: &Path| fs::read_to_string(path).expect("the page is there");
    let mut pages = vec![
        ("README.md", read(&out.join("README.md"))),
        ("report.html", read(&folder.join("report.html"))),
        ("trials.csv", read(&folder.join("trials.csv"))),
    ];
    // There is no plot if nothing could be compared.
    let plot = out.join("request-cost.svg");
    pages.extend(plot.exists().then(|| ("request-cost.svg", read(&plot))));
    pages
}

/// Checks that markup from outside is not markup in a page.
#[track_caller]
fn has_no_foreign_markup(pages: &[(&str, String)]) {
    for (name, page) in pages {
        if *name != "trials.csv" {
            assert!(!page.contains("<img"), "{name}: {page}");
        }
    }
}

#[test]
fn last_words_of_a_contender_are_escaped_and_cut() {
    let Some(script) = Script::new("evil", EVIL, "") else {
        return;
    };
    let done = script.smoke().output().unwrap();
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(message.contains("last line on stderr: <img src=x"), "{message}");
    is_tame("stderr", &message, 2000);
    is_tame("stdout", &text(&done.stdout), 2000);
    let pages = pages(&script.out());
    has_no_foreign_markup(&pages);
    let page = &pages[0].1;
    is_tame("README.md", page, 5000);
    assert!(
        page.contains("&lt;img src=x onerror=alert(1)> \\| \\` \\*\\* \\[a\\](b)"),
        "{page}"
    );
    let kept = fs::read(only_run(&script.out()).join("output/verify-evil.log")).unwrap();
    assert!(kept.len() > 2_000_000, "{} bytes of output", kept.len());
}

/// Changes a JSON file of a run.
fn change(path: &Path, change: impl Fn(&mut Value)) {
    let text = fs::read_to_string(path).expect("the file is there");
    let lines = if path.ends_with("environment.json") {
        vec![&*text]
    } else {
        text.lines().collect()
    };
    let changed = lines.iter().map(|line| {
        let mut value = serde_json::from_str(line).expect("it is JSON");
        change(&mut value);
        format!("{value}\n")
    });
    fs::write(path, changed.collect::<String>()).expect("the file can be written");
}

#[test]
fn strings_in_files_are_escaped_and_cut_wherever_they_go() {
    let out = tempfile::tempdir().unwrap();
    made(smoke("request-cost", &two_models(), out.path()).args(["--trials", "2"]));
    let folder = only_run(out.path());
    let name = format!("=a|`b`\n{IMAGE}\u{1b}[31m");
    change(&folder.join("environment.json"), |environment| {
        let long = format!("{IMAGE} \u{7}{}", "é".repeat(1 << 20));
        environment["contenders"][0]["name"] = json!(name);
        environment["left_out"] = json!([{ "name": name, "reason": long }]);
        environment["machine"]["cpu_model"] = json!(long);
        environment["version"] = json!(IMAGE);
        environment["profile"] = json!(IMAGE);
        environment["command"] = json!(["compare", "```", "<!-- results: end -->", IMAGE]);
        let experiment = &mut environment["experiments"][0];
        for key in ["title", "question", "setup"] {
            experiment[key] = json!(format!("{IMAGE} | {}", experiment[key]));
        }
        experiment["settings"][0]["title"] = json!(format!("{IMAGE}\n# x"));
    });
    change(&folder.join("records.jsonl"), |record| {
        if record["model"] == blocking() {
            record["model"] = json!(name);
            if record["round"] == 2 {
                record.as_object_mut().unwrap().remove("measured");
                record["failed"] = json!(format!("=cmd()|{IMAGE}\0{}", "y".repeat(2 << 20)));
            }
        }
    });
    let into = out.path().join("mine.md");
    fs::write(&into, "<!-- results: begin -->\n<!-- results: end -->\n").unwrap();
    let report = [
        "report",
        folder.to_str().unwrap(),
        "--into",
        into.to_str().unwrap(),
    ];
    let done = run(&report);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(run(&report).status.success(), "there are still two markers");
    is_tame("stdout", &text(&done.stdout), 4000);
    let mut pages = pages(out.path());
    pages.push(("mine.md", fs::read_to_string(&into).unwrap()));
    // Markup in a block of code has no effect.
    for (_, page) in pages
        .iter_mut()
        .filter(|(name, _)| ["README.md", "mine.md"].contains(name))
    {
        let lines = page.lines().filter(|line| !line.starts_with("compare "));
        *page = lines.collect::<Vec<_>>().join("\n");
    }
    has_no_foreign_markup(&pages);
    for (name, page) in &pages {
        is_tame(name, page, 100_000);
    }
    let readme = &pages[0].1;
    let rows = readme
        .lines()
        .filter(|line| line.starts_with('|'))
        .collect::<Vec<_>>();
    let bars = |row: &str| row.replace("\\|", "").matches('|').count();
    assert!(
        rows.iter().any(|row| row.contains("=a\\|\\`b\\` &lt;img")),
        "{readme}"
    );
    for table in readme.split("\n\n").filter(|part| part.starts_with('|')) {
        let counts: Vec<_> = table.lines().map(bars).collect();
        assert!(counts.windows(2).all(|two| two[0] == two[1]), "{table}");
    }
    let csv = &pages[2].1;
    assert!(
        !csv.contains(",=") && csv.contains("'=a|") && csv.contains("'=cmd()"),
        "{csv}"
    );

    let copy = tempfile::tempdir().unwrap();
    for file in ["records.jsonl", "environment.json"] {
        fs::copy(folder.join(file), copy.path().join(file)).unwrap();
    }
    let [folder, copy] = [&folder, copy.path()].map(|path: &Path| path.to_str().unwrap().to_owned());
    for command in [
        ["diff", &*folder, &copy, "--all"],
        ["check", &folder, "--baseline", &copy],
    ] {
        let done = run(&command);
        is_tame("stdout", &text(&done.stdout), 10_000);
        is_tame("stderr", &text(&done.stderr), 10_000);
    }
}

#[test]
fn a_round_beyond_all_rounds_is_refused() {
    let out = tempfile::tempdir().unwrap();
    made(&mut smoke("request-cost", event_loop(), out.path()));
    let folder = only_run(out.path());
    change(&folder.join("records.jsonl"), |record| {
        record["round"] = json!(10_000_000_000_000_000_000_u64);
    });
    let folder = folder.to_str().unwrap();
    for command in [&["report", folder][..], &["diff", folder, folder]] {
        let done = run(command);
        let message = text(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{message}");
        assert!(
            message.contains("records.jsonl:1 has the round 1000"),
            "{message}"
        );
        assert_eq!(message.lines().count(), 1, "{message}");
    }
}

#[test]
fn a_key_can_not_lead_out_of_the_results() {
    let out = tempfile::tempdir().unwrap();
    let results = out.path().join("a/b");
    made(&mut smoke("request-cost", event_loop(), &results));
    let folder = only_run(&results);
    change(&folder.join("environment.json"), |environment| {
        environment["experiments"][0]["key"] = json!("../../escaped");
    });
    change(&folder.join("records.jsonl"), |record| {
        record["experiment"] = json!("../../escaped")
    });
    let done = run(&["report", folder.to_str().unwrap()]);
    let message = text(&done.stderr);
    assert_eq!(done.status.code(), Some(1), "{message}");
    assert!(message.contains("../../escaped"), "{message}");
    assert!(!out.path().join("escaped.svg").exists());
}
