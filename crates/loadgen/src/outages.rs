//! When a load had no connection, and could not open one.

/// The outages of one thread, or those of all threads together.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Outages {
    /// From when to when, in nanoseconds of the run's clock, in order and without overlap.
    past: Vec<(u64, u64)>,
    present: Option<Present>,
}

/// An outage that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "units stand last in a name")]
struct Present {
    since_ns: u64,
    /// When an attempt was refused first, and last.
    refused_ns: Option<(u64, u64)>,
    /// How long since then the client was paused, and tried nothing.
    paused_ns: u64,
}

impl Outages {
    /// An attempt to connect has failed, and there has been no connection since then.
    pub(crate) fn fail(&mut self, since_ns: u64) {
        self.begin(since_ns);
    }

    /// An attempt was refused at once, and there has been no connection since then: the server is not there.
    pub(crate) fn refuse(&mut self, since_ns: u64, now_ns: u64) {
        let present = self.begin(since_ns);
        let (_, last_ns) = present.refused_ns.get_or_insert((now_ns, now_ns));
        *last_ns = now_ns;
    }

    fn begin(&mut self, since_ns: u64) -> &mut Present {
        self.present.get_or_insert(Present {
            since_ns,
            refused_ns: None,
            paused_ns: 0,
        })
    }

    /// A connection is open, or the run is over.
    pub(crate) fn end(&mut self, now_ns: u64) {
        if let Some(Present { since_ns, .. }) = self.present.take() {
            self.past.push((since_ns, now_ns.max(since_ns)));
        }
    }

    /// It is not known whether the server takes connections: this client can't open any.
    pub(crate) fn forget(&mut self) {
        self.present = None;
    }

    /// The client was paused, for as long as `paused_ns` gives of the time since then.
    pub(crate) fn excuse(&mut self, paused_ns: impl FnOnce(u64) -> u64) {
        if let Some(present) = &mut self.present {
            present.paused_ns += present.refused_ns.map_or(0, |(first_ns, _)| paused_ns(first_ns));
        }
    }

    /// For how long attempts have been refused; nothing if none has. Time in which the client tried nothing is not counted.
    pub(crate) fn refused_for_ns(&self) -> Option<u64> {
        let present = self.present.as_ref()?;
        let (first_ns, last_ns) = present.refused_ns?;
        Some(last_ns.saturating_sub(first_ns).saturating_sub(present.paused_ns))
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
        Self { past, present: None }
    }

    /// How long each took, in nanoseconds.
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
            outages.fail(from);
            outages.end(to);
        }
        outages
    }

    #[test]
    fn an_outage_lasts_until_a_connection_opens() {
        let mut outages = Outages::default();
        assert_eq!(outages.refused_for_ns(), None);
        outages.fail(10);
        assert_eq!(outages.refused_for_ns(), None);
        outages.refuse(10, 12);
        outages.refuse(10, 20);
        assert_eq!(outages.refused_for_ns(), Some(8));
        outages.excuse(|first_ns| first_ns - 8);
        outages.refuse(10, 25);
        assert_eq!(outages.refused_for_ns(), Some(9));
        outages.end(40);
        outages.end(50);
        outages.refuse(60, 60);
        outages.forget();
        assert_eq!(outages.refused_for_ns(), None);
        outages.end(80);
        assert_eq!(outages.lengths_ns().collect::<Vec<_>>(), [30]);
    }

    #[test]
    fn all_threads_are_without_a_connection_where_each_is() {
        let one = outages(&[(0, 10), (20, 30), (40, 50)]);
        let other = outages(&[(5, 25), (45, 60)]);
        let both = one.both(&other);
        assert_eq!(both, outages(&[(5, 10), (20, 25), (45, 50)]));
        assert_eq!(both, other.both(&one));
        assert_eq!(one.both(&one), one);
        assert_eq!(one.both(&Outages::default()), Outages::default());
    }
}
