use super::*;
use crate::contender::{Contender, samples};
use crate::experiment::{Experiment, shipped};
use crate::journal::tests::full;
use crate::plan;

struct Silent;

impl Watch for Silent {
    fn begins(&mut self, _: Planned<'_>) {}
    fn ended(&mut self, _: Planned<'_>, _: &Outcome) {}
}

fn calm(_: &Measured) -> bool {
    false
}

fn fixture() -> (Vec<Experiment>, Vec<Contender>) {
    let mut experiments = shipped::all();
    experiments.retain(|experiment| experiment.key == "past-capacity");
    (experiments, samples::contenders()[1..3].to_vec())
}

fn journal() -> (tempfile::TempDir, std::path::PathBuf, Journal) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records.jsonl");
    let journal = Journal::create(path.clone()).unwrap();
    (folder, path, journal)
}

fn serving(per_s: f64) -> Outcome {
    let mut measured = Measured::example();
    measured.load.throughput_per_s = per_s;
    Outcome::Measured(Box::new(measured))
}

#[test]
fn loads_get_the_median_of_the_measured_capacities() {
    let (experiments, contenders) = fixture();
    let trials = plan::trials(&experiments, &contenders, 1, 3);
    let (_folder, _, mut journal) = journal();
    let (mut count, mut given) = (0.0, Vec::new());
    let mut make = |_, trial: Planned<'_>, capacity| {
        count += 1.0;
        if !trial.finds_capacity() {
            given.push((trial.contender.name.clone(), capacity));
        }
        Ok(serving(count * 100.0))
    };
    let ended = run(&trials, &[], &mut journal, &calm, &mut Silent, &mut make).unwrap();
    assert_eq!(ended, Ended::AfterAll { failed: 0 });
    // Trials 1 to 3 found the capacity of one contender, and 4 to 6 that of the other.
    let mut found: Vec<_> = given.iter().map(|(_, capacity)| capacity.unwrap()).collect();
    found.sort_by(f64::total_cmp);
    found.dedup();
    assert_eq!(found, [200.0, 500.0]);
}

#[test]
fn an_interrupted_run_continues_where_it_stopped() {
    let (experiments, contenders) = fixture();
    let trials = plan::trials(&experiments, &contenders, 2, 3);
    for stop in 0..trials.len() {
        let (_folder, path, mut journal) = journal();
        let mut left = stop;
        let mut until_stopped = |_, _: Planned<'_>, _| {
            if left == 0 {
                return Err(Unmade::Interrupted);
            }
            left -= 1;
            Ok(serving(7.0))
        };
        let ended = run(&trials, &[], &mut journal, &calm, &mut Silent, &mut until_stopped).unwrap();
        assert_eq!(ended, Ended::Interrupted { after: stop });
        drop(journal);
        let (mut journal, before) = Journal::resume(path.clone()).unwrap();
        assert_eq!(before.len(), stop);
        let mut to_the_end = |_, _: Planned<'_>, _| Ok(serving(7.0));
        run(
            &trials,
            &before,
            &mut journal,
            &calm,
            &mut Silent,
            &mut to_the_end,
        )
        .unwrap();
        let records = crate::journal::read(&path).unwrap();
        let order: Vec<_> = records.iter().map(|record| record.trial).collect();
        assert_eq!(order, (1..=trials.len()).collect::<Vec<_>>());
    }
}

#[test]
fn a_repeated_or_resumed_trial_has_its_records_number() {
    let (experiments, contenders) = fixture();
    let trials = plan::trials(&experiments, &contenders, 1, 3);
    let (_folder, path, mut journal) = journal();
    let (mut count, mut numbers) = (0, Vec::new());
    let mut make = |number: usize, _: Planned<'_>, _: Option<f64>| {
        numbers.push(number);
        if number == 9 && count == 8 {
            return Err(Unmade::Interrupted);
        }
        Ok(disturbed_every_third(&mut count))
    };
    run(&trials, &[], &mut journal, &is_disturbed, &mut Silent, &mut make).unwrap();
    let before = crate::journal::read(&path).unwrap();
    let mut count = before.len();
    let mut make = |number: usize, _: Planned<'_>, _: Option<f64>| {
        numbers.push(number);
        Ok(disturbed_every_third(&mut count))
    };
    run(
        &trials,
        &before,
        &mut journal,
        &is_disturbed,
        &mut Silent,
        &mut make,
    )
    .unwrap();
    let records = crate::journal::read(&path).unwrap();
    assert!(records.len() > trials.len(), "some were repeated");
    numbers.dedup();
    assert_eq!(numbers, (1..=records.len()).collect::<Vec<_>>());
}

#[test]
fn a_fault_of_the_workbench_fails_no_trial() {
    let (experiments, contenders) = fixture();
    let trials = plan::trials(&experiments, &contenders, 1, 3);
    let (_folder, path, mut journal) = journal();
    let mut make = |number: usize, _: Planned<'_>, _: Option<f64>| match number {
        3 => Err(Unmade::Fault("no space".to_owned())),
        _ => Ok(serving(7.0)),
    };
    let ended = run(&trials, &[], &mut journal, &calm, &mut Silent, &mut make).unwrap();
    assert_eq!(ended, Ended::Halted("no space".to_owned()));
    let records = crate::journal::read(&path).unwrap();
    assert_eq!(records.len(), 2);
    assert!(
        records
            .iter()
            .all(|record| matches!(record.outcome, Outcome::Measured(_)))
    );
}

#[test]
fn a_full_disk_ends_the_run() {
    let Some(mut journal) = full() else {
        return;
    };
    let (experiments, contenders) = fixture();
    let trials = plan::trials(&experiments, &contenders, 1, 3);
    let mut count = 0;
    let mut make = |_, _: Planned<'_>, _: Option<f64>| {
        count += 1;
        Ok(serving(7.0))
    };
    let ended = run(&trials, &[], &mut journal, &calm, &mut Silent, &mut make).unwrap();
    let Ended::Halted(reason) = ended else {
        panic!("{ended:?}");
    };
    assert!(reason.contains("No space left"), "{reason}");
    assert_eq!(count, 1);
}

#[test]
fn a_failed_trial_is_recorded_and_the_run_continues() {
    let (experiments, contenders) = fixture();
    let trials = plan::trials(&experiments, &contenders, 1, 3);
    let (_folder, path, mut journal) = journal();
    let mut make = |_, trial: Planned<'_>, _| {
        Ok(match &*trial.contender.name {
            "beta" => Outcome::Failed("it was never ready".to_owned()),
            _ => serving(7.0),
        })
    };
    let ended = run(&trials, &[], &mut journal, &calm, &mut Silent, &mut make).unwrap();
    assert_eq!(
        ended,
        Ended::AfterAll {
            failed: trials.len() / 2
        }
    );
    assert_eq!(crate::journal::read(&path).unwrap().len(), trials.len());
}

/// A trial whose rate marks every third as disturbed.
fn disturbed_every_third(made: &mut usize) -> Outcome {
    *made += 1;
    serving(if made.is_multiple_of(3) { 0.5 } else { 7.0 })
}

fn is_disturbed(trial: &Measured) -> bool {
    trial.load.throughput_per_s < 1.0
}

fn order(records: &[Record]) -> Vec<(usize, usize, String, String)> {
    let key = |record: &Record| {
        (
            record.trial,
            record.round,
            record.setting.clone(),
            record.model.clone(),
        )
    };
    records.iter().map(key).collect()
}

#[test]
fn disturbed_trials_are_repeated_after_their_round() {
    let (experiments, contenders) = fixture();
    let trials = plan::trials(&experiments, &contenders, 3, 3);
    let (_folder, path, mut journal) = journal();
    let mut number = 0;
    let mut make = |_, _: Planned<'_>, _| Ok(disturbed_every_third(&mut number));
    run(&trials, &[], &mut journal, &is_disturbed, &mut Silent, &mut make).unwrap();
    let records = crate::journal::read(&path).unwrap();
    let blocks = records.chunk_by(|one, next| one.round == next.round && one.setting == next.setting);
    for block in blocks.filter(|block| block[0].round > 0) {
        let (first, again) = block.split_at(contenders.len());
        let again = &again[..again.len().min(contenders.len())];
        let disturbed = first.iter().filter(|record| match &record.outcome {
            Outcome::Measured(trial) => is_disturbed(trial),
            Outcome::Failed(_) => false,
        });
        let disturbed: Vec<_> = disturbed.map(|record| &record.model).collect();
        assert_eq!(
            again.iter().map(|record| &record.model).collect::<Vec<_>>(),
            disturbed
        );
    }
    let again = records.iter().filter(|record| record.round > 0).count() - 3 * 6 * contenders.len();
    assert!(again > 0);
}

/// How often each trial of the rounds is made, if it is disturbed so many times first.
fn times_made(disturbed: usize) -> Vec<usize> {
    let (experiments, contenders) = fixture();
    let trials = plan::trials(&experiments, &contenders, 2, 3);
    let (_folder, path, mut journal) = journal();
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    let key = |trial: Planned<'_>| {
        (
            trial.round,
            trial.setting.key.clone(),
            trial.contender.name.clone(),
        )
    };
    let mut make = |_, trial: Planned<'_>, _: Option<f64>| {
        let times = counts.entry(key(trial)).or_default();
        *times += 1;
        Ok(serving(if *times <= disturbed { 0.5 } else { 7.0 }))
    };
    run(&trials, &[], &mut journal, &is_disturbed, &mut Silent, &mut make).unwrap();
    assert_eq!(
        crate::journal::read(&path).unwrap().len(),
        counts.values().sum::<usize>()
    );
    let of_rounds = counts.into_iter().filter(|((round, ..), _)| *round > 0);
    of_rounds.map(|(_, times)| times).collect()
}

#[test]
fn a_disturbed_trial_is_repeated_until_it_counts() {
    for disturbed in 0..=REPEATS_MOST {
        let times = times_made(disturbed);
        assert_eq!(times.len(), 2 * 5 * 2);
        assert!(times.iter().all(|&times| times == disturbed + 1), "{times:?}");
    }
}

#[test]
fn repeats_of_a_trial_end_at_the_limit() {
    let times = times_made(usize::MAX);
    assert!(times.iter().all(|&times| times == 1 + REPEATS_MOST), "{times:?}");
}

#[test]
fn a_run_with_disturbed_trials_can_be_resumed() {
    let (experiments, contenders) = fixture();
    let trials = plan::trials(&experiments, &contenders, 2, 3);
    let (_folder, path, mut whole) = journal();
    let mut number = 0;
    let mut make = |_, _: Planned<'_>, _| Ok(disturbed_every_third(&mut number));
    run(&trials, &[], &mut whole, &is_disturbed, &mut Silent, &mut make).unwrap();
    let whole = crate::journal::read(&path).unwrap();
    for stop in 0..whole.len() {
        let (_folder, path, mut journal) = journal();
        for record in &whole[..stop] {
            journal.append(record).unwrap();
        }
        let mut number = stop;
        let mut make = |_, _: Planned<'_>, _| Ok(disturbed_every_third(&mut number));
        run(
            &trials,
            &whole[..stop],
            &mut journal,
            &is_disturbed,
            &mut Silent,
            &mut make,
        )
        .unwrap();
        assert_eq!(
            order(&crate::journal::read(&path).unwrap()),
            order(&whole),
            "after {stop}"
        );
    }
}

#[test]
fn records_in_another_order_are_refused() {
    let (experiments, contenders) = fixture();
    let trials = plan::trials(&experiments, &contenders, 1, 3);
    let (_folder, path, mut journal) = journal();
    let mut make = |_, _: Planned<'_>, _| Ok(serving(7.0));
    run(&trials, &[], &mut journal, &calm, &mut Silent, &mut make).unwrap();
    let mut records = crate::journal::read(&path).unwrap();
    records.reverse();
    let error = run(&trials, &records, &mut journal, &calm, &mut Silent, &mut make).unwrap_err();
    assert!(error.to_string().contains("is not the one"), "{error}");
}
