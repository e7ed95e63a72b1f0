//! The files that are kept of each trial.

use std::collections::BTreeSet;
use std::fs;

use crate::support::{made, only_run, preforked, smoke};

#[test]
fn each_trial_has_its_log_and_a_kill_its_slices() {
    let out = tempfile::tempdir().unwrap();
    made(&mut smoke(
        "rate-under-bound,killed-worker",
        preforked(),
        out.path(),
    ));
    let folder = only_run(out.path());
    let records = fs::read_to_string(folder.join("records.jsonl")).unwrap();
    let records: Vec<serde_json::Value> = records
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let word = |record: &serde_json::Value, key: &str| record[key].as_str().unwrap().to_owned();
    let expected: BTreeSet<_> = records
        .iter()
        .map(|record| {
            let [experiment, setting, model] =
                ["experiment", "setting", "model"].map(|key| word(record, key));
            format!("{experiment}-{setting}-{model}-{}.hlog", record["trial"])
        })
        .collect();
    let written: BTreeSet<_> = fs::read_dir(folder.join("hdr"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(written, expected);
    let of = |round: bool| {
        records
            .iter()
            .filter(move |record| (record["round"] == 0) == round)
            .count()
    };
    assert!(of(true) > 1 && of(false) > 1, "some trials find a capacity");

    for record in &records {
        let killed = word(record, "experiment") == "killed-worker";
        let slices = record.pointer("/measured/load/intervals");
        let slices = slices.map_or(0, |slices| slices.as_array().unwrap().len());
        assert_eq!(slices, if killed { 75 } else { 0 }, "{record:#}");
    }
}
