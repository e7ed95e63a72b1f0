//! The operations of the requests of a run: one, or a mix.

use protocol::FrameLimit;

use crate::distribution::random;
use crate::mix::{self, MixError};
use crate::operation::Operation;
pub use crate::operation::{Params, Verdict, WorkError};
use schema::load::MixPart;

/// The operations of the requests of a run. The operation and the parameters of a request are a pure function of its number:
/// whoever checks the reply computes them again.
#[derive(Debug, Clone)]
pub struct Work {
    operations: Vec<Operation>,
    /// For each part of a mix, the sum of its weight and those before it; empty for a single operation.
    weights_so_far: Vec<u64>,
    seed: u64,
}

impl Work {
    /// Requests for one operation.
    pub fn new(operation: &str, params: Params) -> Result<Self, WorkError> {
        Ok(Self {
            operations: vec![Operation::new(operation, params, 0)?],
            weights_so_far: Vec::new(),
            seed: 0,
        })
    }

    /// A mix, from a TOML text such as
    ///
    /// ```toml
    /// [[operation]]
    /// op = "ping"
    /// weight = 99
    ///
    /// [[operation]]
    /// op = "spin"
    /// weight = 1
    /// times = { distribution = "exponential", mean = 1000 }
    /// ```
    pub fn mix(text: &str, seed: u64) -> Result<Self, MixError> {
        let mut so_far = 0;
        let (mut operations, mut weights_so_far) = (Vec::new(), Vec::new());
        for (index, part) in mix::parse(text)?.into_iter().enumerate() {
            let operation = Operation::new(&part.op, part.params, random(seed, u64::MAX - index as u64));
            operations.push(operation.map_err(|source| MixError::Operation {
                number: index + 1,
                source,
            })?);
            so_far += u64::from(part.weight);
            weights_so_far.push(so_far);
        }
        Ok(Self {
            operations,
            weights_so_far,
            seed,
        })
    }

    /// The times that the first requests ask for, if each asks for one.
    #[must_use]
    pub fn times(&self, requests: usize) -> Vec<u64> {
        let time = |number| self.operations[self.part(number)].time(number);
        (0..requests as u64).filter_map(time).collect()
    }

    /// The mean time that a request asks the server to take, in microseconds; none if that of an operation is unknown, as for
    /// `pi` and `blob`.
    #[must_use]
    pub fn mean_time_us(&self) -> Option<f64> {
        let Some(&all) = self.weights_so_far.last() else {
            return self.operations[0].mean_time_us();
        };
        let parts = self.weights().zip(&self.operations);
        let times = parts.map(|(weight, part)| Some(weight as f64 * part.mean_time_us()?));
        Some(times.sum::<Option<f64>>()? / all as f64)
    }

    /// The weight of each operation of a mix.
    fn weights(&self) -> impl Iterator<Item = u64> {
        let before = [0].iter().chain(&self.weights_so_far);
        let sums = self.weights_so_far.iter().zip(before);
        sums.map(|(sum, before)| sum - before)
    }

    /// The operation; for a mix those of its parts in order, such as `ping+spin`.
    #[must_use]
    pub fn operation(&self) -> String {
        let names: Vec<_> = self.operations.iter().map(Operation::name).collect();
        names.join("+")
    }

    /// The name of each part.
    pub(crate) fn parts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.operations.iter().map(Operation::name)
    }

    /// The parameters, if they are the same for all requests.
    #[must_use]
    pub fn fixed_params(&self) -> Option<String> {
        match &self.operations[..] {
            [one] if self.weights_so_far.is_empty() => one.fixed_params(),
            _ => None,
        }
    }

    /// The length of the string of each ping, if one was given and this is no mix.
    pub(crate) fn payload_bytes(&self) -> Option<usize> {
        self.operations[0]
            .payload_bytes()
            .filter(|_| self.weights_so_far.is_empty())
    }

    /// The parts of a mix in order, each with its own name; none for a single operation.
    pub(crate) fn mix_parts(&self) -> Option<Vec<MixPart>> {
        let labels: Vec<_> = self.operations.iter().map(Operation::label).collect();
        let name = |index: usize| {
            let label = &labels[index];
            if labels.iter().filter(|other| *other == label).count() > 1 {
                format!("{label} #{}", index + 1)
            } else {
                label.clone()
            }
        };
        let parts = self.weights().zip(&self.operations).enumerate();
        let parts = parts.map(|(index, (weight, operation))| MixPart {
            name: name(index),
            weight,
            op: operation.name().to_owned(),
            params: operation.fixed_params(),
            payload_bytes: operation.payload_bytes(),
            times: operation.times(),
        });
        (!self.weights_so_far.is_empty()).then(|| parts.collect())
    }

    /// Which part of the mix the request of this number is.
    pub(crate) fn part(&self, number: u64) -> usize {
        let Some(&all) = self.weights_so_far.last() else {
            return 0;
        };
        let point = random(self.seed, number) % all;
        self.weights_so_far.partition_point(|&so_far| so_far <= point)
    }

    /// Appends the request of this number to `out`.
    pub fn append_request(&mut self, number: u64, out: &mut Vec<u8>) {
        let part = self.part(number);
        self.operations[part].append_request(number, out);
    }

    /// The longest frame accepted as a reply. It has room for other ways to write the same JSON, and for an error. It is far
    /// below the length that four bytes of text stand for, so that garbage is found at once.
    pub(crate) fn reply_limit(&self) -> FrameLimit {
        const LEAST_BYTES: usize = 1 << 20;
        let longest = self
            .operations
            .iter()
            .map(Operation::reply_bytes)
            .max()
            .unwrap_or(0);
        let bytes = longest.saturating_mul(8).max(LEAST_BYTES);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        FrameLimit::new(bytes).unwrap_or(FrameLimit::MOST)
    }

    /// About the most memory that a client needs for these requests, in bytes: all unsent requests, a reply on each connection,
    /// and the templates of each thread.
    pub(crate) fn kept_bytes(&self, connections: usize, pipeline: usize, threads: usize) -> u128 {
        let longest = |bytes: fn(&Operation) -> usize| {
            let all = self.operations.iter().map(bytes);
            all.max().unwrap_or(0) as u128
        };
        let (request, reply) = (longest(Operation::request_bytes), longest(Operation::reply_bytes));
        let one = |operation: &Operation| operation.request_bytes() + operation.reply_bytes();
        let templates: u128 = self.operations.iter().map(|it| one(it) as u128).sum();
        (request * pipeline as u128 + reply) * connections as u128 + templates * (threads as u128 + 1)
    }

    /// Checks whether the body of a frame answers the request of this number.
    pub fn judge(&mut self, number: u64, body: &[u8]) -> Verdict {
        let part = self.part(number);
        self.operations[part].judge(number, body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIX: &str = r#"
        [[operation]]
        op = "ping"
        weight = 97

        [[operation]]
        op = "spin"
        weight = 2
        params = 20

        [[operation]]
        op = "sleep"
        times = { distribution = "bimodal", low = 1, high = 50, high_share = 0.1 }
    "#;

    #[test]
    fn parts_of_a_mix_have_their_weights() {
        let work = Work::mix(MIX, 3).unwrap();
        let mut counts = [0; 3];
        for number in 0..100_000 {
            counts[work.part(number)] += 1;
        }
        assert!((96_500..97_500).contains(&counts[0]), "{counts:?}");
        assert!((1_800..2_200).contains(&counts[1]), "{counts:?}");
        assert!((850..1_150).contains(&counts[2]), "{counts:?}");
        assert_eq!(work.operation(), "ping+spin+sleep");
        assert_eq!(work.fixed_params(), None);
    }

    #[test]
    fn a_seed_gives_its_own_mix_and_always_the_same() {
        let requests = |seed| {
            let mut work = Work::mix(MIX, seed).unwrap();
            let mut out = Vec::new();
            (0..1000).for_each(|number| work.append_request(number, &mut out));
            out
        };
        assert_eq!(requests(1), requests(1));
        assert_ne!(requests(1), requests(2));
    }

    #[test]
    fn one_operation_alone_is_every_request() {
        let work = Work::new("spin", Params::Json("7".to_owned())).unwrap();
        assert!((0..100).all(|number| work.part(number) == 0));
        assert_eq!(work.fixed_params().as_deref(), Some("7"));
    }

    #[test]
    fn parts_of_a_mix_are_listed_with_their_parameters() {
        let parts = Work::mix(MIX, 1).unwrap().mix_parts().unwrap();
        let listed: Vec<_> = parts.iter().map(|part| (part.weight, &*part.name)).collect();
        assert_eq!(
            listed,
            [(97, "ping"), (2, "spin 20"), (1, "sleep bimodal 1|50:0.1")]
        );
        assert_eq!(parts[1].params.as_deref(), Some("20"));
        assert!(parts[2].times.is_some() && parts[2].params.is_none());
    }

    #[test]
    fn equal_parts_of_a_mix_are_numbered() {
        let names = |text: &str| -> Option<Vec<String>> {
            let parts = Work::mix(text, 1).unwrap().mix_parts()?;
            Some(parts.into_iter().map(|part| part.name).collect())
        };
        let twice =
            r#"operation = [{ op = "pi" }, { op = "ping", payload = 20 }, { op = "pi", params = 100 }]"#;
        assert_eq!(
            names(twice).unwrap(),
            ["pi 100 #1", "ping of 20 bytes", "pi 100 #3"]
        );
        assert_eq!(names(r#"operation = [{ op = "ping" }]"#).unwrap(), ["ping"]);
        let long = format!(
            r#"operation = [{{ op = "ping", params = "{}" }}]"#,
            "é".repeat(30)
        );
        assert_eq!(names(&long).unwrap(), [format!("ping \"{}…", "é".repeat(19))]);
        assert!(Work::new("ping", Params::Unique).unwrap().mix_parts().is_none());
    }

    #[test]
    fn a_mix_has_the_mean_time_of_its_parts() {
        let mean = |work: Work| work.mean_time_us();
        let one = |op: &str| Work::new(op, Params::Unique).unwrap();
        assert_eq!(mean(one("ping")), Some(0.0));
        assert_eq!(mean(one("spin")), Some(100.0));
        assert_eq!(mean(one("sleep")), Some(10_000.0));
        assert_eq!(mean(one("work")), Some(10_100.0));
        assert_eq!(mean(one("pi")), None);
        // 2 of 100 take 20 µs, and 1 of 100 takes 1 ms in 9 of 10 and else 50 ms.
        let of_mix = mean(Work::mix(MIX, 1).unwrap()).unwrap();
        assert!((of_mix - 59.4).abs() < 1e-9, "{of_mix}");
        let unknown = Work::mix(r#"operation = [{ op = "spin" }, { op = "blob" }]"#, 1);
        assert_eq!(mean(unknown.unwrap()), None);
    }

    #[test]
    fn a_payload_is_listed_if_one_was_given() {
        let payload_bytes = |params| Work::new("ping", params).unwrap().payload_bytes();
        assert_eq!(payload_bytes(Params::Payload(100_000)), Some(100_000));
        assert_eq!(payload_bytes(Params::Payload(3)), Some(3));
        assert_eq!(payload_bytes(Params::Unique), None);
    }
}
