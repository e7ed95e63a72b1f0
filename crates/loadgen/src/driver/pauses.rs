//! Readings of the clock, and what has to be done after a pause between two of them.

use std::time::Duration;

use super::state::Driver;
use crate::clock::nanoseconds;
use crate::connection::State;
use crate::pauses::Pause;

impl Driver<'_> {
    /// Reads the clock. What is counted afterwards belongs to the phase and the slice of that time.
    pub(super) fn tick(&mut self) -> u64 {
        self.tick_after(Duration::ZERO)
    }

    /// The same, after a wait of at most `asleep`.
    pub(super) fn tick_after(&mut self, asleep: Duration) -> u64 {
        let now_ns = self.clock.now_ns();
        if let Some(pause) = self.pauses.tick(now_ns, nanoseconds(asleep)) {
            self.resume(pause);
        }
        if now_ns >= self.next_edge_ns {
            self.cross_edges(now_ns);
        }
        now_ns
    }

    /// Resumes after a pause of the client. The pause is not the server's, so all deadlines are extended by it.
    #[cold]
    fn resume(&mut self, pause: Pause) {
        for connection in &mut self.connections {
            if let State::Connecting { since_ns } = &mut connection.state {
                *since_ns = pause.postpone(*since_ns);
            }
            for request in &mut connection.in_flight {
                pause.prolong(request);
            }
        }
        self.outages
            .excuse(|since_ns| pause.postpone(since_ns) - since_ns);
        if let Some((queue, _)) = &mut self.open_loop {
            queue.note_pause();
        }
        if pause.until_ns > self.schedule.opens_ns {
            let pauses = &mut self.tally.pauses;
            pauses.count += 1;
            pauses.longest_ns = pauses.longest_ns.max(pause.lasted_ns);
        }
    }

    /// Reads everything that came in a pause, before anything times out.
    pub(super) fn catch_up(&mut self) {
        let until_ns = self.pauses.paused_until_ns();
        for index in 0..self.connections.len() {
            self.read_pending(index);
        }
        // There may have been another pause meanwhile.
        self.pauses.is_catching_up = self.pauses.paused_until_ns() != until_ns;
    }

    /// Reads what has arrived on a connection, or finds it open, even without an event.
    pub(super) fn read_pending(&mut self, index: usize) {
        match self.connections[index].state {
            State::Down { .. } => {}
            State::Connecting { .. } => {
                if self.finish_connect(index) {
                    self.put_to_use(index, self.pauses.last_tick_ns());
                }
            }
            State::Open => {
                self.connections[index].expect_more();
                self.receive(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::stepped::{MS, Stepped, closed_loop, open_loop};
    use crate::pauses::Pauses;
    use crate::plan::Plan;
    use schema::load::Requests;

    fn timeout_100ms(plan: Plan) -> Plan {
        Plan {
            timeout: Duration::from_millis(100),
            ..plan
        }
    }

    #[test]
    fn a_reply_that_came_in_a_pause_is_in_time() {
        let mut driver = Stepped::begin(timeout_100ms(closed_loop(5_000)));
        driver.at(50 * MS).paused_until(1_250 * MS);
        // It is read some time after the pause, with others that were read before it.
        driver.at(1_300 * MS).answer(0, 1);
        let tally = driver.finish();
        assert_eq!((tally.requests.ok, tally.requests.timeout), (1, 0));
        // Its latency includes the pause.
        assert_eq!(tally.area_ns, tally.waits_ns);
        assert_eq!(
            tally.pauses,
            Pauses {
                count: 1,
                longest_ns: 1_200 * MS,
                requests: 1
            }
        );
    }

    #[test]
    fn a_server_that_is_silent_beyond_a_pause_times_out() {
        let mut driver = Stepped::begin(timeout_100ms(closed_loop(5_000)));
        driver.at(50 * MS).paused_until(1_250 * MS);
        driver.at(1_250 * MS).catch_up();
        driver.sweep(1_250 * MS);
        driver.at(1_299 * MS).sweep(1_299 * MS);
        assert_eq!(driver.tally.requests.timeout, 0);
        driver.at(1_301 * MS).sweep(1_301 * MS);
        assert_eq!(driver.finish().requests.timeout, 1);
    }

    #[test]
    fn every_request_that_met_a_pause_is_counted_once() {
        // Due each millisecond, and the first was sent.
        let mut driver = Stepped::begin(timeout_100ms(open_loop(1_000)));
        driver.at(2 * MS + MS / 2).paused_until(202 * MS + MS / 2);
        driver.at(203 * MS).paused_until(400 * MS + MS / 2);
        driver.at(401 * MS).answer(0, 1);
        driver.at(1_000 * MS);
        let tally = driver.finish();
        // Those due at 0 to 400 ms were in the system during a pause, some of them during both.
        assert_eq!((tally.pauses.count, tally.pauses.requests), (2, 401));
        assert!(tally.requests.add_up());
    }

    #[test]
    fn a_pause_before_the_window_does_not_count() {
        let mut driver = Stepped::begin(timeout_100ms(Plan {
            warmup: Duration::from_secs(2),
            ..closed_loop(1_000)
        }));
        driver.at(MS).paused_until(1_000 * MS);
        driver.at(1_000 * MS).answer(0, 1);
        driver.at(2_500 * MS).answer(0, 1);
        assert_eq!(driver.finish().pauses, Pauses::default());
    }

    #[test]
    fn a_pause_does_not_make_the_server_gone() {
        let mut driver = Stepped::begin(closed_loop(5_000));
        driver.fail_connect(0, &std::io::ErrorKind::ConnectionRefused.into(), 0);
        driver.sweep(MS);
        driver.at(MS).paused_until(1_500 * MS);
        driver.fail_connect(0, &std::io::ErrorKind::ConnectionRefused.into(), 1_500 * MS);
        assert_eq!(driver.ends_early(), None);
    }

    #[test]
    fn a_pause_across_the_end_makes_no_timeout() {
        let mut driver = Stepped::begin(timeout_100ms(closed_loop(500)));
        driver.at(50 * MS).paused_until(2_000 * MS);
        driver.at(2_001 * MS).answer(0, 1);
        let (tally, slices) = driver.finish_with_slices();
        assert_eq!(
            tally.requests,
            Requests {
                planned: 1,
                sent: 1,
                ok: 1,
                ..Requests::default()
            }
        );
        assert!(slices.iter().all(|&slice| slice == (0, 0)), "{slices:?}");
        assert_eq!(tally.pauses.requests, 1);
    }
}
