//! What else went on while a trial was measured.

use procfs::{CurrentSI, KernelStats};

use crate::cpus::CpuSet;

/// Time that the hypervisor gave to others while some processors had work, in ticks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stolen {
    ticks: u64,
    cpus: usize,
}

impl Stolen {
    /// Since boot, from these processors; none where the kernel doesn't tell.
    pub(crate) fn until_now(cpus: &[CpuSet]) -> Option<Self> {
        let stats = KernelStats::current().ok()?;
        let numbers = cpus.iter().flat_map(CpuSet::numbers);
        let stolen = numbers.map(|cpu| stats.cpu_time.get(cpu)?.steal);
        let ticks: Vec<u64> = stolen.collect::<Option<_>>()?;
        Some(Self {
            ticks: ticks.iter().sum(),
            cpus: ticks.len(),
        })
    }

    /// The share of these processors' time that was stolen since an earlier look, so many seconds ago.
    pub(crate) fn share_since(&self, earlier: &Self, seconds: f64) -> f64 {
        let ticks = self.ticks.saturating_sub(earlier.ticks) as f64;
        ticks / (procfs::ticks_per_second() as f64 * seconds * self.cpus as f64)
    }
}
