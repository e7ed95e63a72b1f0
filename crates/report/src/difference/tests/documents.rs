//! The Markdown and the JSON of invented comparisons, letter by letter.
//!
//! If a change is meant, look at it and accept it: `INSTA_UPDATE=always cargo test -p report golden`.

use super::chance::draw;
use super::*;
use crate::difference::document::{Answer, Change, Direction, Document, Field, Remark};
use stats::simulation::Draws;

const BEFORE: &str = "20260102T030405Z";
const AFTER: &str = "20260103T040506Z";

/// A run before a change, and one after it.
struct Story {
    before: Recorded,
    after: Recorded,
}

impl Story {
    fn new() -> Self {
        let mut before = run_of(&["request-cost", "waiting", "killed-worker"]);
        let environment = &mut before.environment;
        let models = ["alpha", "beta", "delta", "epsilon"];
        environment
            .contenders
            .retain(|contender| models.contains(&&*contender.name));
        environment.experiments[0]
            .settings
            .retain(|setting| ["1", "64"].contains(&&*setting.key));
        before
            .records
            .retain(|record| models.contains(&&*record.model) && !["8", "1000"].contains(&&*record.setting));
        let mut after = before.clone();
        let mut draws = Draws::seeded(1909);
        draw(&mut before, |_| draws.steady_trial(20.0));
        draw(&mut after, |record| {
            draws.steady_trial(match (&*record.model, &*record.experiment, &*record.setting) {
                ("epsilon", "request-cost", "64") => 26.0,
                ("alpha", "request-cost", "1") => 14.0,
                _ => 20.0,
            })
        });
        for (run, is_later) in [(&mut before, false), (&mut after, true)] {
            for record in &mut run.records {
                let never_back = is_later && record.model == "delta";
                if let ("killed-worker", Outcome::Measured(trial)) =
                    (&*record.experiment, &mut record.outcome)
                {
                    trial.kill = Some(KillResult {
                        lost: 2,
                        recovery_ms: (!never_back).then_some(120.0),
                        lowest_rate_share: 0.8,
                    });
                }
                if is_later && record.model == "beta" && record.experiment == "waiting" {
                    record.outcome = Outcome::Failed("ended: <b>it</b> | @somebody [x](y)".to_owned());
                }
            }
        }
        after.environment.started_at = "2026-01-03T04:05:06Z".parse().expect("it is a time");
        after.environment.commit.as_mut().expect("it has one").hash = "fedcba9876543210".repeat(2);
        Self { before, after }
    }

    fn compared<'a>(&'a self, selection: &'a Selection) -> Compared<'a> {
        Compared {
            before: Run {
                name: BEFORE,
                recorded: &self.before,
            },
            after: Some(Run {
                name: AFTER,
                recorded: &self.after,
            }),
            selection,
        }
    }

    fn check(&self, selection: &Selection) -> Document {
        let verdict = Verdict::between(&self.before, &self.after, 0.05, selection);
        self.compared(selection).check(&verdict, 0.05, None)
    }

    fn diff(&self, selection: &Selection) -> Document {
        let differences = Differences::between(&self.before, &self.after, selection);
        self.compared(selection).diff(&differences)
    }

    fn within(&self, selection: &Selection) -> Document {
        let reference = selection.reference.as_deref().expect("there is one");
        let differences = Differences::within(&self.before, reference, selection);
        let compared = Compared {
            after: None,
            ..self.compared(selection)
        };
        compared.diff(&differences)
    }
}

fn by_alpha() -> Selection {
    Selection {
        reference: Some("alpha".to_owned()),
        ..Selection::default()
    }
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[track_caller]
fn is_as_kept(name: &str, text: &str) {
    assert!(text.ends_with('\n'), "{name}");
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(name, text);
    });
}

#[test]
fn the_golden_markdown_of_a_check_stays() {
    is_as_kept(
        "check_markdown",
        &markdown(&Story::new().check(&Selection::default())),
    );
    is_as_kept(
        "check_by_reference_markdown",
        &markdown(&Story::new().check(&by_alpha())),
    );
}

#[test]
fn the_golden_markdown_of_a_diff_stays() {
    let headlines = Selection {
        metrics: names(&["cpu_us_per_request", "threads", "back_ms"]),
        ..Selection::default()
    };
    is_as_kept("diff_markdown", &markdown(&Story::new().diff(&headlines)));
    let within = Selection {
        metrics: names(&["cpu_us_per_request"]),
        ..by_alpha()
    };
    is_as_kept("diff_within_markdown", &markdown(&Story::new().within(&within)));
}

#[test]
fn the_golden_json_of_both_stays() {
    let few = Selection {
        models: names(&["delta", "epsilon"]),
        metrics: names(&["cpu_us_per_request", "back_ms"]),
        ..Selection::default()
    };
    is_as_kept("check_json", &Story::new().check(&few).to_json());
    let few = Selection {
        reference: Some("beta".to_owned()),
        ..few
    };
    is_as_kept("diff_json", &Story::new().diff(&few).to_json());
}

#[test]
fn a_document_survives_its_json() {
    let story = Story::new();
    let everything = Selection::default();
    for document in [
        story.check(&everything),
        story.diff(&by_alpha()),
        story.within(&by_alpha()),
    ] {
        let json = document.to_json();
        assert_eq!(serde_json::from_str::<Document>(&json).unwrap(), document);
    }
}

#[test]
fn infinite_numbers_are_null_with_a_word() {
    let document = Story::new().check(&Selection::default());
    let never = document.values.iter().find(|value| value.metric == "back_ms");
    let never = never.expect("delta never recovered");
    assert_eq!(
        (never.before, never.after, never.ratio),
        (Some(120.0), None, None)
    );
    for field in [Field::After, Field::Ratio, Field::Low, Field::High] {
        assert!(never.infinite.contains(&field), "{never:?}");
    }
    assert_eq!(never.change, Some(Change::Worse));
    let mut few = Story::new();
    few.after.records.retain(|record| record.round <= 1);
    let document = few.diff(&Selection::default());
    let short = document
        .values
        .iter()
        .find(|value| value.trials.after == 1)
        .unwrap();
    assert_eq!((short.low, short.high, short.significant), (None, None, false));
    assert!(short.infinite.is_empty(), "{short:?}");
}

#[test]
fn json_has_no_invisible_characters() {
    let mut document = Story::new().check(&Selection::default());
    let what = "\u{202e}\u{9b}\u{feff}\n".to_owned();
    document.faults[0].what.clone_from(&what);
    let json = document.to_json();
    assert!(json.contains("\\u202e\\u009b\\ufeff\\n"), "{json}");
    assert_eq!(
        serde_json::from_str::<Document>(&json).unwrap().faults[0].what,
        what
    );
}

#[test]
fn a_comment_below_the_limit_counts_rows_left_out() {
    let mut document = Story::new().check(&Selection::default());
    let value = document.values[0].clone();
    document.values.extend(vec![value; 2000]);
    let remark = Remark {
        model: None,
        experiment: Some("waiting".to_owned()),
        setting: None,
        what: "<".repeat(10_000),
    };
    document.not_compared.extend(vec![remark; 500]);
    document.runs.before.name = "|".repeat(100_000);
    document.errors = vec![Remark {
        what: "lost".to_owned(),
        ..document.not_compared[0].clone()
    }];
    let text = markdown(&document);
    assert!(text.len() < 65_536 && text.len() > 50_000, "{}", text.len());
    let left_out: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("Rows left out: "))
        .collect();
    assert!(
        left_out.len() == 2 && left_out.iter().all(|line| line.contains("--json")),
        "{left_out:?}"
    );
    // What failed comes first, and stays, and so do the short tables.
    for whole in ["worse: costlier", "| lost |", "| rounds | 8 | 8 |"] {
        assert!(text.contains(whole), "{whole}: {text}");
    }
    assert_eq!(
        text.matches("<details>").count(),
        text.matches("</details>").count()
    );
}

#[test]
fn values_with_too_few_trials_are_counted_apart() {
    let mut story = Story::new();
    story.after = story.before.clone();
    for run in [&mut story.before, &mut story.after] {
        run.records
            .retain(|record| record.setting != "64" || record.round <= 3);
    }
    let document = story.check(&Selection::default());
    assert_eq!((document.verdict.values, document.verdict.too_few), (13, 4));
    let expected = "compare check passed: none of 9 values is shown to be worse by more than 5 %, there are no new errors, and \
                    no model is missing. Another 4 values had too few trials to be judged beside so many.";
    assert_eq!(document.verdict_line(), expected);
    assert!(markdown(&document).contains("<summary>Too few trials to be judged: 4</summary>"));
}

#[test]
fn long_names_do_not_cut_a_caution() {
    let mut story = Story::new();
    story.before.environment.machine.cpu_model = "A CPU with a long name ".repeat(20);
    story.after.environment.machine.kernel = "Linux 6.1.0-long".repeat(20);
    let by_alpha = by_alpha();
    let caution = &story.compared(&by_alpha).cautions()[0];
    assert!(
        caution.ends_with("what slows one model more than alpha does not."),
        "{caution}"
    );
    assert_eq!(caution.matches('…').count(), 2, "the names are cut: {caution}");
    assert!(markdown(&story.diff(&by_alpha)).contains("what slows one model more than alpha does not.\n"));
}

#[test]
fn the_worst_value_comes_first() {
    let mut document = Story::new().diff(&Selection::default());
    document
        .values
        .retain(|value| value.significant && value.change.is_some());
    for (index, value) in document.values.iter_mut().enumerate() {
        value.model = format!("m{index}");
        value.better = Some(Direction::Less);
        value.ratio = Some([1.1, 3.0, 0.5][index % 3]);
    }
    document.values.truncate(3);
    let text = markdown(&document);
    let places = ["m1", "m0", "m2"].map(|model| text.find(model).expect("it is there"));
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn a_run_compared_with_itself_has_a_caution() {
    let run = run_of(&["request-cost"]);
    let selection = Selection::default();
    let run = Run {
        name: BEFORE,
        recorded: &run,
    };
    let compared = Compared {
        before: run,
        after: Some(run),
        selection: &selection,
    };
    assert_eq!(
        compared.cautions(),
        ["Both are the same run, so that nothing can differ."]
    );
    let verdict = judge(run.recorded, run.recorded, 0.05);
    assert_eq!(
        compared.check(&verdict, 0.05, None).verdict.result,
        Answer::Passed
    );
}
