//! Traces on a host that exists in these tests only.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use host::{Ended, Intervention, Loaded, Traced};
use loadgen::Plan;
use meter::Life;
use schema::trace::{ConnectionMark, Marks, RequestMark};
use trace::event::{Event, Kind, Recording, Thread};

use super::*;
use crate::cmd::trace::asked::AskedFlags;
use crate::contender::samples;

const PORT: u16 = 5_000;
const MAIN: i32 = 100;
const OTHER: i32 = 101;

/// A host whose servers do this while they are traced.
struct Fake {
    events: Vec<(u64, i32, Kind)>,
    fault: Option<Fault>,
    /// The flags that servers were started with.
    flags: RefCell<Vec<String>>,
    plans: RefCell<Vec<Plan>>,
}

struct FakeServer([String; 1]);

/// A thread reads a request and answers it.
fn serving() -> Vec<(u64, i32, Kind)> {
    vec![
        (100, MAIN, Kind::SwitchIn { cpu: 0 }),
        (120, MAIN, Kind::Received { port: PORT }),
        (130, MAIN, Kind::Exit("recvfrom".to_owned())),
        (400, MAIN, Kind::Enter("sendto".to_owned())),
        (410, MAIN, Kind::Sent { port: PORT }),
        (420, MAIN, Kind::Exit("sendto".to_owned())),
        (430, MAIN, Kind::Enter("recvfrom".to_owned())),
        (440, MAIN, Kind::SwitchOut { runnable: false }),
    ]
}

impl Fake {
    fn doing(events: Vec<(u64, i32, Kind)>) -> Self {
        Self {
            events,
            fault: None,
            flags: RefCell::default(),
            plans: RefCell::default(),
        }
    }

    fn failing(fault: Fault) -> Self {
        Self {
            fault: Some(fault),
            ..Self::doing(serving())
        }
    }

    /// What comes of this contender with these flags.
    fn trace(&self, contender: &Contender, flags: &str, is_cancelled: bool) -> Result<Trace, Untraced> {
        #[derive(Parser)]
        struct Command {
            #[command(flatten)]
            asked: AskedFlags,
        }
        let words = std::iter::once("trace").chain(flags.split_whitespace());
        let asked = Command::try_parse_from(words).unwrap().asked.read().unwrap();
        let cpus = Split {
            server: "0".parse().unwrap(),
            client: "1".parse().unwrap(),
            shared: false,
        };
        let cancel = AtomicBool::new(is_cancelled);
        let bench = Bench {
            host: self,
            asked: &asked,
            source: Source::Perf,
            kernel: "6.12.0".to_owned(),
            commit: None,
            cpus: &cpus,
            keep_records: false,
            cancel: &cancel,
        };
        let out = tempfile::tempdir().unwrap();
        let traced = bench.trace(contender, &Folder::in_results(out.path()));
        assert_eq!(
            out.path().read_dir().unwrap().count(),
            0,
            "nothing is written yet"
        );
        traced
    }

    fn left_out(&self) -> String {
        match self.trace(&samples::contenders()[0], "", false) {
            Err(Untraced::LeftOut {
                reason,
                unavailable: false,
            }) => reason,
            _ => panic!("it is left out, and is no fault of this machine"),
        }
    }
}

impl Host for Fake {
    type Server = FakeServer;

    fn start(&self, start: &Start<'_>) -> Result<FakeServer, Fault> {
        self.flags.borrow_mut().extend_from_slice(start.flags);
        Ok(FakeServer([start.contender.program()]))
    }

    fn load_cpus(&self) -> Vec<usize> {
        vec![1]
    }

    fn load(&self, _: &Plan, _: &mut FakeServer, _: Intervention) -> Result<Loaded, Fault> {
        Err("it is traced and not measured".into())
    }

    fn trace(&self, plan: &Plan, _: &mut FakeServer, source: Source) -> Result<Traced, Fault> {
        self.plans.borrow_mut().push(plan.clone());
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let events = self.events.iter().cloned();
        let events = events.map(|(us, thread, kind)| Event {
            at_ns: us * 1_000,
            thread,
            kind,
        });
        let thread = |thread| Thread {
            process: MAIN,
            thread,
            name: "alpha".to_owned(),
            call: Some("recvfrom".to_owned()),
        };
        let recording = Recording {
            source,
            lacks: Vec::new(),
            from_ns: 0,
            to_ns: 2_000_000,
            threads: vec![thread(MAIN), thread(OTHER)],
            events: events.collect(),
        };
        let marks = Marks {
            threads: vec![900],
            connections: vec![ConnectionMark {
                connection: 0,
                port: PORT,
                opens_ns: 50_000,
            }],
            requests: vec![RequestMark {
                connection: 0,
                port: PORT,
                due_ns: 90_000,
                sent_ns: 90_000,
                received_ns: 450_000,
            }],
        };
        let mut unrecorded = marks.clone();
        unrecorded.requests[0].received_ns -= 60_000;
        Ok(Traced {
            recording,
            marks,
            unrecorded,
        })
    }
}

impl Server for FakeServer {
    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], 1).into()
    }

    fn command(&self) -> &[String] {
        &self.0
    }

    fn ready(&self) -> Duration {
        Duration::ZERO
    }

    fn explain(&mut self, _: &str, reason: String) -> String {
        reason
    }

    fn stop(self) -> Result<Ended, Fault> {
        Ok(Ended {
            life: Life::default(),
            drain: Duration::ZERO,
            workers: Vec::new(),
        })
    }
}

#[test]
fn a_trace_is_of_its_server_and_what_was_asked() {
    let host = Fake::doing(serving());
    let contender = &samples::contenders()[0];
    let Ok(trace) = host.trace(contender, "--op sleep --params 0", false) else {
        panic!("it is traced")
    };
    assert_eq!((&*trace.model, &*trace.workload.op), ("alpha", "sleep"));
    assert_eq!(trace.recorded.command, [contender.program()]);
    assert_eq!(trace.recorded.unrecorded_ns, Some(300_000));
    assert_eq!((trace.requests.len(), trace.requests[0].parts.len()), (1, 1));
    let plans = host.plans.borrow();
    assert_eq!((plans[0].threads, &plans[0].cpus), (1, &vec![1]));
}

#[test]
fn the_recording_of_median_length_is_shown() {
    let traced = |recorded_ns: u64, unrecorded_ns: u64| {
        let marks = |received_ns: u64| Marks {
            requests: vec![RequestMark {
                connection: 0,
                port: 1,
                due_ns: 0,
                sent_ns: 0,
                received_ns,
            }],
            ..Marks::default()
        };
        Traced {
            recording: Recording {
                source: Source::Perf,
                lacks: Vec::new(),
                from_ns: 0,
                to_ns: recorded_ns,
                threads: Vec::new(),
                events: Vec::new(),
            },
            marks: marks(recorded_ns),
            unrecorded: marks(unrecorded_ns),
        }
    };
    let (shown, unrecorded_ns) = typical(vec![traced(70, 40), traced(50, 60), traced(900, 45)]);
    assert_eq!((shown.recording.to_ns, unrecorded_ns), (70, Some(45)));
}

#[test]
fn models_with_workers_are_started_with_the_same_number() {
    let contenders = samples::contenders();
    for (contender, flags) in [(&contenders[3], &["--workers", "7"][..]), (&contenders[1], &[])] {
        let host = Fake::doing(serving());
        assert!(host.trace(contender, "--workers 7", false).is_ok());
        assert_eq!(*host.flags.borrow(), flags, "{}", contender.name);
    }
}

#[test]
fn an_operation_that_a_contender_lacks_is_not_asked() {
    let host = Fake::doing(serving());
    let contender = Contender {
        operations: vec!["ping".to_owned()],
        ..samples::contenders().remove(0)
    };
    assert!(matches!(
        host.trace(&contender, "", false),
        Err(Untraced::NotAsked(reason)) if reason == "it does not answer work"
    ));
    assert!(host.plans.borrow().is_empty());
    assert!(host.trace(&contender, "--op ping", false).is_ok());
}

#[test]
fn a_trace_that_contradicts_physics_is_left_out() {
    let mut events = serving();
    events.insert(1, (110, OTHER, Kind::SwitchIn { cpu: 0 }));
    let reason = Fake::doing(events).left_out();
    assert!(
        reason.starts_with("its trace contradicts itself: ") && reason.contains("CPU 0"),
        "{reason}"
    );
}

#[test]
fn faults_are_those_of_the_server_or_the_workbench() {
    assert_eq!(Fake::failing("it is deaf".into()).left_out(), "it is deaf");
    let contender = &samples::contenders()[0];
    let refuses = Fake::failing(Fault::Unavailable("not here".to_owned()));
    assert!(matches!(
        refuses.trace(contender, "", false),
        Err(Untraced::LeftOut {
            unavailable: true,
            ..
        })
    ));
    let full = Fake::failing(Fault::Own("the disk is full".to_owned()));
    assert!(matches!(full.trace(contender, "", false), Err(Untraced::Own(_))));
    // After a signal nothing else is reported.
    assert!(matches!(
        full.trace(contender, "", true),
        Err(Untraced::Interrupted)
    ));
}
