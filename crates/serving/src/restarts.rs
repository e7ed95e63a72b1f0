//! When a worker that has died is replaced, and when its slot is given up.

use std::time::{Duration, Instant};

/// A worker that lived this long shows that its start went well.
pub(crate) const LONG_LIFE: Duration = Duration::from_secs(2);

/// How long to wait before a worker is replaced. The pause grows while workers keep dying.
#[derive(Debug, Default)]
pub(crate) struct Pacing {
    last_pause: Duration,
    last_death: Option<Instant>,
}

impl Pacing {
    const FIRST_PAUSE: Duration = Duration::from_millis(50);
    const LONGEST_PAUSE: Duration = Duration::from_secs(5);

    /// The pause before the successor of a worker that was born and died at these times.
    ///
    /// Of workers that die together only the first makes the pause grow. The others started before it died, so they show
    /// nothing about its successor.
    pub(crate) fn after(&mut self, born: Instant, died: Instant) -> Duration {
        let is_successor = self.last_death.is_none_or(|last_death| born >= last_death);
        self.last_death = Some(died);
        if died - born >= LONG_LIFE {
            self.last_pause = Duration::ZERO;
        } else if is_successor {
            self.last_pause = (self.last_pause * 2).clamp(Self::FIRST_PAUSE, Self::LONGEST_PAUSE);
        }
        self.last_pause
    }
}

/// How often in a row the workers of one slot have died early.
#[derive(Debug, Default)]
pub(crate) struct EarlyDeaths(u32);

impl EarlyDeaths {
    /// Counts a death. Returns whether the slot is to be given up, after this many restarts in vain.
    pub(crate) fn count(&mut self, lived: Duration, start_retries: u32) -> bool {
        if lived >= LONG_LIFE {
            self.0 = 0;
            return false;
        }
        self.0 += 1;
        self.0 > start_retries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YOUNG: Duration = Duration::from_millis(10);

    #[test]
    fn the_pause_grows_until_a_successor_lives_long() {
        let (mut pacing, mut now) = (Pacing::default(), Instant::now());
        let mut die_after = |lived: Duration| {
            let born = now;
            now += lived;
            pacing.after(born, now).as_millis()
        };
        let pauses: Vec<_> = (0..10).map(|_| die_after(YOUNG)).collect();
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert_eq!(die_after(Duration::from_secs(60)), 0);
        assert_eq!(die_after(YOUNG), 50);
    }

    #[test]
    fn workers_that_die_together_are_one_death() {
        let (mut pacing, born) = (Pacing::default(), Instant::now());
        let pauses: Vec<_> = (0..10)
            .map(|_| pacing.after(born, born + YOUNG).as_millis())
            .collect();
        assert_eq!(pauses, [50; 10]);
    }

    #[test]
    fn a_slot_is_given_up_after_its_retries() {
        let mut deaths = EarlyDeaths::default();
        assert!(!deaths.count(YOUNG, 2));
        assert!(!deaths.count(YOUNG, 2));
        assert!(!deaths.count(LONG_LIFE, 2), "a long life starts the count again");
        assert!(!deaths.count(YOUNG, 2));
        assert!(!deaths.count(YOUNG, 2));
        assert!(deaths.count(YOUNG, 2));
        assert!(EarlyDeaths::default().count(YOUNG, 0));
    }
}
