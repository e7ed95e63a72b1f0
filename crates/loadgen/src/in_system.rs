//! The number of requests in the system, integrated over the window.
//!
//! This is the L of Little's law, L = λW, computed without any latency: each change of the number is recorded with its time,
//! and the area below is added up. If a latency is missing, or counted from the wrong time, the two sides differ.

/// The number of requests in the system, and its integral within the window. Times are in nanoseconds from the start of the
/// load, and never decrease.
#[derive(Debug, Clone)]
pub(crate) struct InSystem {
    opens_ns: u64,
    closes_ns: u64,
    at_ns: u64,
    number: u64,
    area_ns: u128,
}

impl InSystem {
    pub(crate) fn within(opens_ns: u64, closes_ns: u64) -> Self {
        Self {
            opens_ns,
            closes_ns,
            at_ns: 0,
            number: 0,
            area_ns: 0,
        }
    }

    pub(crate) fn enter(&mut self, at_ns: u64, number: u64) {
        self.advance(at_ns);
        self.number += number;
    }

    pub(crate) fn leave(&mut self, at_ns: u64, number: u64) {
        self.advance(at_ns);
        self.number = self.number.saturating_sub(number);
    }

    /// Ends the window early, at this time.
    pub(crate) fn close(&mut self, at_ns: u64) {
        self.closes_ns = at_ns;
    }

    /// The area up to this time, in requests times nanoseconds.
    pub(crate) fn area_ns(&mut self, at_ns: u64) -> u128 {
        self.advance(at_ns);
        self.area_ns
    }

    /// How many requests are in the system.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether a request that is due at this time falls due within the window.
    pub(crate) fn is_within(&self, due_ns: u64) -> bool {
        due_ns >= self.opens_ns && !self.is_closed(due_ns)
    }

    /// Whether the window is over at this time.
    pub(crate) fn is_closed(&self, at_ns: u64) -> bool {
        at_ns >= self.closes_ns
    }

    /// The part of a request's time that lies within the window.
    pub(crate) fn clip(&self, from_ns: u64, to_ns: u64) -> u64 {
        to_ns
            .min(self.closes_ns)
            .saturating_sub(from_ns.max(self.opens_ns))
    }

    fn advance(&mut self, at_ns: u64) {
        let at_ns = at_ns.max(self.at_ns);
        self.area_ns += u128::from(self.clip(self.at_ns, at_ns)) * u128::from(self.number);
        self.at_ns = at_ns;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_area_is_the_sum_of_times_within_the_window(
            requests in prop::collection::vec((0u64..1000, 0u64..500), 0..60),
            opens in 0u64..500,
            length in 0u64..1000,
        ) {
            let mut system = InSystem::within(opens, opens + length);
            let expected: u64 = requests.iter().map(|&(from, time)| system.clip(from, from + time)).sum();
            let mut changes: Vec<_> = requests
                .iter()
                .flat_map(|&(from, time)| [(from, true), (from + time, false)])
                .collect();
            // A request that enters and leaves at the same time has to enter first.
            changes.sort_by_key(|&(at, enters)| (at, !enters));
            for (at, enters) in changes {
                if enters { system.enter(at, 1) } else { system.leave(at, 1) }
            }
            prop_assert_eq!(system.area_ns(10_000), u128::from(expected));
        }
    }

    #[test]
    fn an_early_end_of_the_window_ends_the_area() {
        let mut system = InSystem::within(100, 1_000_000);
        system.enter(150, 2);
        system.close(200);
        assert_eq!(system.area_ns(1_000_000), 2 * 50);
        assert_eq!((system.clip(0, 1_000), system.clip(200, 300)), (100, 0));
    }
}
