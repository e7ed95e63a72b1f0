//! Simulated trials of known truth, by which tests check the statistics. The same seed gives the same trials.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws from the distributions of simulated trials.
pub struct Draws {
    random: ChaCha8Rng,
    /// Box and Muller's method (1958) makes two normal values at a time.
    spare_normal: Option<f64>,
}

impl Draws {
    #[must_use]
    /// The same draws for the same seed.
    pub fn seeded(seed: u64) -> Self {
        Self {
            random: ChaCha8Rng::seed_from_u64(seed),
            spare_normal: None,
        }
    }

    /// From 0 up to but not including 1.
    fn uniform(&mut self) -> f64 {
        self.random.random()
    }

    /// Whether something of this chance happens.
    pub fn happens(&mut self, chance: f64) -> bool {
        self.uniform() < chance
    }

    /// A whole number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        self.random.random_range(0..end)
    }

    /// With mean 1.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.uniform()).ln()
    }

    /// With mean 0 and standard deviation 1.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        let radius = (2.0 * self.exponential()).sqrt();
        let (sine, cosine) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.spare_normal = Some(radius * sine);
        radius * cosine
    }

    /// The factor of one trial within its round: close to 1 and skewed to the right, and far off in one of twenty.
    pub fn skewed_trial(&mut self) -> f64 {
        let usual = (0.022 * self.normal()).exp() * (1.0 + 0.03 * self.exponential());
        if self.happens(0.05) {
            usual * (1.0 + 2.0 * self.exponential())
        } else {
            usual
        }
    }

    /// What all trials of a round share: the machine's speed varies by far more than models differ.
    pub fn round(&mut self) -> f64 {
        100.0 * (0.2 * self.normal()).exp()
    }

    /// A trial that costs `mean`, with the spread that was measured of CPU time per request: 2.2 %.
    pub fn steady_trial(&mut self, mean: f64) -> f64 {
        mean * (1.0 + 0.022 * self.normal())
    }
}
