//! The kernel's records of a thread's switches, its name, and the threads that it starts.

use perf_event::data::endian::Native;
use perf_event::data::parse::{ParseConfig, ParseResult, Parser};
use perf_event::data::{Comm, Exit, Fork, Lost, LostSamples};

// Kinds of records in `linux/perf_event.h`: `PERF_RECORD_LOST` and so on.
const LOST: u32 = 2;
const COMM: u32 = 3;
const EXIT: u32 = 4;
const FORK: u32 = 7;
const LOST_SAMPLES: u32 = 13;
const SWITCH: u32 = 14;

/// `PERF_RECORD_MISC_SWITCH_OUT` of `linux/perf_event.h`: the thread stopped running.
const SWITCH_OUT: u16 = 1 << 13;
/// `PERF_RECORD_MISC_SWITCH_OUT_PREEMPT`: it could have continued.
const SWITCH_OUT_PREEMPT: u16 = 1 << 14;

/// The length of a record's header. The last two bytes of it are the length of the record.
const HEADER_BYTES: usize = 8;

/// A record of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    /// When, on `CLOCK_MONOTONIC`.
    pub(super) at_ns: u64,
    /// The number of the thread.
    pub(super) thread: i32,
    /// What happened to it.
    pub(super) what: What,
}

/// What happened to a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// It began to run on this CPU.
    In { cpu: u32 },
    /// It stopped running, and could have continued or not.
    Out { runnable: bool },
    /// It started this thread, of its own process or of a new one.
    Started { process: i32, thread: i32 },
    /// It got this name.
    Named(String),
    /// It ended.
    Ended,
}

/// Appends a record as the kernel wrote it: its header, and what follows.
pub(super) fn append(bytes: &mut Vec<u8>, kind: u32, misc: u16, data: &[&[u8]]) {
    let length = HEADER_BYTES + data.iter().map(|part| part.len()).sum::<usize>();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(misc.to_ne_bytes());
    // The kernel's own field is no longer.
    bytes.extend((length as u16).to_ne_bytes());
    for part in data {
        bytes.extend_from_slice(part);
    }
}

/// Reads records that follow one another, and puts them in the order of time. The error is that records are missing.
pub(super) fn read(mut bytes: &[u8], config: &ParseConfig<Native>) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    let mut lost = 0;
    while !bytes.is_empty() {
        let length = bytes
            .get(6..HEADER_BYTES)
            .map(|two| u16::from_ne_bytes([two[0], two[1]]));
        let record = length.and_then(|length| bytes.split_at_checked(usize::from(length)));
        let Some((record, rest)) = record.filter(|(record, _)| record.len() >= HEADER_BYTES) else {
            return Err("the kernel's records of context switches are damaged".to_owned());
        };
        bytes = rest;
        match read_one(record, config) {
            Ok(Read::Record(record)) => records.push(record),
            Ok(Read::Lost(count)) => lost += count,
            Ok(Read::Other) => {}
            Err(error) => return Err(format!("can't read a record of the kernel: {error}")),
        }
    }
    if lost > 0 {
        return Err(format!(
            "{lost} records of context switches were lost, since they came faster than they were read; record fewer requests"
        ));
    }
    records.sort_by_key(|record| record.at_ns);
    Ok(records)
}

enum Read {
    Record(Record),
    Lost(u64),
    Other,
}

/// Reads a record by its kind. `perf-event-data` reads the parts of records, but takes a switch for an unknown record.
fn read_one(record: &[u8], config: &ParseConfig<Native>) -> ParseResult<Read> {
    let (mut body, metadata) = Parser::new(record, config.clone()).parse_metadata()?;
    let id = metadata.sample_id();
    let (thread, what) = match metadata.ty() {
        SWITCH => match switch(metadata.misc(), id.cpu()) {
            Some(what) => (id.tid(), what),
            None => return Ok(Read::Other),
        },
        FORK => {
            let fork: Fork = body.parse()?;
            let (process, thread) = (fork.pid.cast_signed(), fork.tid.cast_signed());
            (Some(fork.ptid), What::Started { process, thread })
        }
        COMM => {
            let comm: Comm<'_> = body.parse()?;
            let name = String::from_utf8_lossy(&comm.comm).into_owned();
            (Some(comm.tid), What::Named(name))
        }
        EXIT => (Some(body.parse::<Exit>()?.tid), What::Ended),
        LOST => return Ok(Read::Lost(body.parse::<Lost>()?.lost)),
        LOST_SAMPLES => return Ok(Read::Lost(body.parse::<LostSamples>()?.lost)),
        _ => return Ok(Read::Other),
    };
    Ok(match (id.time(), thread.map(u32::cast_signed)) {
        (Some(at_ns), Some(thread)) => Read::Record(Record { at_ns, thread, what }),
        _ => Read::Other,
    })
}

fn switch(misc: u16, cpu: Option<u32>) -> Option<What> {
    if misc & SWITCH_OUT == 0 {
        return Some(What::In { cpu: cpu? });
    }
    Some(What::Out {
        runnable: misc & SWITCH_OUT_PREEMPT != 0,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::sampling::config;
    use super::*;

    // Linux 6.18 on x86-64, without their headers, for threads 21549 and 21551 of process 21517.
    const SWITCHED: [u8; 24] = [
        13, 84, 0, 0, 45, 84, 0, 0, 203, 163, 83, 200, 140, 54, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
    ];
    const FORKED: [u8; 48] = [
        13, 84, 0, 0, 13, 84, 0, 0, 45, 84, 0, 0, 13, 84, 0, 0, 35, 72, 68, 199, 140, 54, 0, 0, 13, 84, 0, 0,
        13, 84, 0, 0, 61, 71, 68, 199, 140, 54, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    const ENDED: [u8; 48] = [
        13, 84, 0, 0, 221, 83, 0, 0, 47, 84, 0, 0, 221, 83, 0, 0, 107, 187, 82, 200, 140, 54, 0, 0, 13, 84,
        0, 0, 47, 84, 0, 0, 29, 183, 82, 200, 140, 54, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

    fn read_all(records: &[(u32, u16, &[u8])]) -> Result<Vec<Record>, String> {
        let mut bytes = Vec::new();
        for &(kind, misc, data) in records {
            append(&mut bytes, kind, misc, &[data]);
        }
        read(&bytes, &config())
    }

    fn time(bytes: [u8; 8]) -> u64 {
        u64::from_le_bytes(bytes)
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn records_of_the_kernel_are_read_and_put_in_order() {
        let mut named = Vec::from(&SWITCHED[..8]);
        named.extend(b"worker-1\0\0\0\0\0\0\0\0");
        named.extend(SWITCHED);
        let records = read_all(&[
            (SWITCH, 0, &SWITCHED),
            (SWITCH, SWITCH_OUT, &SWITCHED),
            (SWITCH, SWITCH_OUT | SWITCH_OUT_PREEMPT, &SWITCHED),
            (COMM, 0, &named),
            (FORK, 0, &FORKED),
            (EXIT, 0, &ENDED),
            // Nothing that is asked for.
            (5, 0, &SWITCHED),
        ])
        .unwrap();
        let switched_ns = time([203, 163, 83, 200, 140, 54, 0, 0]);
        let at = |at_ns: u64, thread: i32, what: What| Record { at_ns, thread, what };
        let forked = What::Started {
            process: 21_517,
            thread: 21_549,
        };
        let expected = [
            at(time([61, 71, 68, 199, 140, 54, 0, 0]), 21_517, forked),
            at(time([29, 183, 82, 200, 140, 54, 0, 0]), 21_551, What::Ended),
            at(switched_ns, 21_549, What::In { cpu: 1 }),
            at(switched_ns, 21_549, What::Out { runnable: false }),
            at(switched_ns, 21_549, What::Out { runnable: true }),
            at(switched_ns, 21_549, What::Named("worker-1".to_owned())),
        ];
        assert_eq!(records, expected);
    }

    #[test]
    fn lost_records_are_an_error() {
        let mut lost = Vec::from([0; 8]);
        lost.extend(7_u64.to_ne_bytes());
        lost.extend(SWITCHED);
        for kind in [LOST, LOST_SAMPLES] {
            let data = if kind == LOST { &lost } else { &lost[8..] };
            let error = read_all(&[(SWITCH, 0, &SWITCHED), (kind, 0, data)]).unwrap_err();
            assert!(
                error.contains("7 records of context switches were lost"),
                "{error}"
            );
        }
    }

    #[test]
    fn damaged_records_are_an_error() {
        let mut bytes = Vec::new();
        append(&mut bytes, SWITCH, 0, &[&SWITCHED]);
        bytes.pop();
        assert!(read(&bytes, &config()).unwrap_err().contains("damaged"));
        assert!(read_all(&[(FORK, 0, &SWITCHED)]).is_err());
        assert!(read(&[0; 8], &config()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..100),
            kind in 0..20_u32,
            misc in any::<u16>(),
        ) {
            let _ = read(&bytes, &config());
            let _ = read_all(&[(kind, misc, &bytes)]);
        }
    }
}
