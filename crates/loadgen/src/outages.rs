//! Outages: times in which a load had no connection and could not open one.

use schema::load::Failure;

/// The outages of one thread, or of all threads together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Outages {
    /// Begin and end, in nanoseconds of the run's clock, in order and without overlap.
    past: Vec<(u64, u64)>,
    present: Option<Present>,
    /// The attempts to connect since the last connection, all of which failed, and the last failure.
    failed: Option<(Attempts, Failure)>,
}

/// An outage that goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Present {
    since_ns: u64,
    /// Attempts that the server refused.
    refused: Option<Attempts>,
}

/// Attempts to connect that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "units stand last in a name")]
struct Attempts {
    /// When the first and the last of them failed.
    first_ns: u64,
    last_ns: u64,
    /// How long the client paused in between.
    paused_ns: u64,
}

impl Attempts {
    fn begin(now_ns: u64) -> Self {
        Self {
            first_ns: now_ns,
            last_ns: now_ns,
            paused_ns: 0,
        }
    }

    fn length_ns(&self) -> u64 {
        self.last_ns
            .saturating_sub(self.first_ns)
            .saturating_sub(self.paused_ns)
    }
}

impl Outages {
    /// Records a failed attempt to connect. There has been no connection since `since_ns`.
    pub(crate) fn fail(&mut self, failure: Failure, since_ns: u64, now_ns: u64) {
        let attempts = || Attempts::begin(now_ns);
        let (failed, last) = self.failed.get_or_insert_with(|| (attempts(), failure));
        failed.last_ns = now_ns;
        *last = failure;
        match failure {
            // The client lacks ports, so nothing is known about the server.
            Failure::OutOfPorts => self.present = None,
            // The server may be there and overloaded.
            Failure::ConnectTimeout => {
                self.begin(since_ns);
            }
            _ => self.begin(since_ns).refused.get_or_insert_with(attempts).last_ns = now_ns,
        }
    }

    fn begin(&mut self, since_ns: u64) -> &mut Present {
        self.present.get_or_insert(Present {
            since_ns,
            refused: None,
        })
    }

    /// Ends an outage: a connection is open, or the run is over.
    pub(crate) fn end(&mut self, now_ns: u64) {
        self.failed = None;
        if let Some(Present { since_ns, .. }) = self.present.take() {
            self.past.push((since_ns, now_ns.max(since_ns)));
        }
    }

    /// Accounts for a pause of the client: `paused_ns` returns its length since a time.
    pub(crate) fn excuse(&mut self, paused_ns: impl Fn(u64) -> u64) {
        let refused = self.present.as_mut().and_then(|present| present.refused.as_mut());
        let failed = self.failed.as_mut().map(|(failed, _)| failed);
        for attempts in refused.into_iter().chain(failed) {
            attempts.paused_ns += paused_ns(attempts.first_ns);
        }
    }

    /// How long attempts have been refused, without pauses of the client; none if none was refused.
    pub(crate) fn refused_for_ns(&self) -> Option<u64> {
        let refused = self.present.as_ref()?.refused.as_ref()?;
        Some(refused.length_ns())
    }

    /// How long all attempts have failed in any way, without pauses of the client, and the last failure.
    pub(crate) fn failed_for_ns(&self) -> Option<(u64, Failure)> {
        let (failed, last) = self.failed.as_ref()?;
        Some((failed.length_ns(), *last))
    }

    /// The times in which neither of two threads had a connection.
    pub(crate) fn both(&self, other: &Self) -> Self {
        let (mut past, mut own, mut theirs) = (Vec::new(), 0, 0);
        while let (Some(&one), Some(&two)) = (self.past.get(own), other.past.get(theirs)) {
            let common = (one.0.max(two.0), one.1.min(two.1));
            if common.0 < common.1 {
                past.push(common);
            }
            if one.1 < two.1 {
                own += 1;
            } else {
                theirs += 1;
            }
        }
        Self {
            past,
            ..Self::default()
        }
    }

    /// The lengths, in nanoseconds.
    pub(crate) fn lengths_ns(&self) -> impl Iterator<Item = u64> {
        self.past.iter().map(|(from, to)| to - from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outages(past: &[(u64, u64)]) -> Outages {
        let mut outages = Outages::default();
        for &(from, to) in past {
            outages.fail(Failure::ConnectTimeout, from, from);
            outages.end(to);
        }
        outages
    }

    #[test]
    fn an_outage_lasts_until_a_connection_opens() {
        let mut outages = Outages::default();
        assert_eq!(outages.refused_for_ns(), None);
        outages.fail(Failure::ConnectTimeout, 10, 11);
        assert_eq!(outages.refused_for_ns(), None);
        outages.fail(Failure::ConnectRefused, 10, 12);
        outages.fail(Failure::ConnectRefused, 10, 20);
        assert_eq!(outages.refused_for_ns(), Some(8));
        assert_eq!(outages.failed_for_ns(), Some((9, Failure::ConnectRefused)));
        outages.excuse(|first_ns| first_ns - 8);
        outages.fail(Failure::ConnectRefused, 10, 25);
        assert_eq!(outages.refused_for_ns(), Some(9));
        assert_eq!(outages.failed_for_ns(), Some((11, Failure::ConnectRefused)));
        outages.end(40);
        assert_eq!(outages.failed_for_ns(), None);
        outages.end(50);
        outages.fail(Failure::ConnectRefused, 60, 60);
        outages.fail(Failure::OutOfPorts, 60, 70);
        assert_eq!(outages.refused_for_ns(), None);
        assert_eq!(outages.failed_for_ns(), Some((10, Failure::OutOfPorts)));
        outages.end(80);
        assert_eq!(outages.lengths_ns().collect::<Vec<_>>(), [30]);
    }

    #[test]
    fn an_outage_of_all_threads_is_one_of_each() {
        let one = outages(&[(0, 10), (20, 30), (40, 50)]);
        let other = outages(&[(5, 25), (45, 60)]);
        let both = one.both(&other);
        assert_eq!(both, outages(&[(5, 10), (20, 25), (45, 50)]));
        assert_eq!(both, other.both(&one));
        assert_eq!(one.both(&one), one);
        assert_eq!(one.both(&Outages::default()), Outages::default());
    }
}
