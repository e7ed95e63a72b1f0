//! What the servers cost, as a table for a page.

use std::fmt::Write as _;

use stats::Estimate;

/// A server beside what it is compared with.
pub(crate) struct Row {
    pub(crate) connections: &'static str,
    pub(crate) server: String,
    pub(crate) baseline: String,
    /// CPU time per request in microseconds in each pair: the server's, and that of what it is compared with. Or why there is
    /// none.
    pub(crate) costs: Result<Vec<(f64, f64)>, String>,
    /// The most that the ratio may be. Without it, the server is reported only.
    pub(crate) bound: Option<f64>,
}

impl Row {
    /// The median of the pairs' ratios.
    fn ratio(&self) -> Option<Estimate> {
        let costs = self.costs.as_ref().ok()?;
        Estimate::from_values(costs.iter().map(|(ours, baseline)| ours / baseline))
    }

    /// Whether the server was measured, and does not cost more than it may.
    pub(crate) fn is_within(&self) -> bool {
        self.ratio()
            .is_some_and(|ratio| self.bound.is_none_or(|bound| ratio.median <= bound))
    }

    /// The median of the ratios and its bound, or why there is none.
    pub(crate) fn verdict(&self) -> String {
        let ratio = match (&self.costs, self.ratio()) {
            (Err(reason), _) => return format!("FAILED: {reason}"),
            (_, None) => return "FAILED: there is no pair".to_owned(),
            (_, Some(ratio)) => ratio.median,
        };
        match self.bound {
            None => format!("median {ratio:.3}, without a bound"),
            Some(bound) if self.is_within() => format!("median {ratio:.3}, within the bound of {bound:.2}"),
            Some(bound) => format!("median {ratio:.3}, OVER the bound of {bound:.2}"),
        }
    }

    fn line(&self) -> String {
        let bound = match self.bound {
            None => "none".to_owned(),
            Some(bound) if self.is_within() => format!("{bound:.2}"),
            Some(bound) => format!("{bound:.2}, exceeded"),
        };
        let values = match (&self.costs, self.ratio()) {
            (Ok(costs), Some(ratio)) => {
                let median =
                    |values: Vec<f64>| Estimate::from_values(values).map_or(f64::NAN, |all| all.median);
                let ours = median(costs.iter().map(|(ours, _)| *ours).collect());
                let baseline = median(costs.iter().map(|(_, baseline)| *baseline).collect());
                format!(
                    "{ours:.3} | {baseline:.3} | {:.2} ({:.2} to {:.2})",
                    ratio.median, ratio.low, ratio.high
                )
            }
            (Err(reason), _) => format!(" |  | {reason}"),
            (Ok(_), None) => " |  | not measured".to_owned(),
        };
        let connections = match self
            .connections
            .split_at_checked(self.connections.len().saturating_sub(3))
        {
            Some((thousands, rest)) if !thousands.is_empty() => format!("{thousands},{rest}"),
            _ => self.connections.to_owned(),
        };
        let Self { server, baseline, .. } = self;
        format!("| {connections} | `{server}` | `{baseline}` | {values} | {bound} |")
    }
}

/// The rows as a table in Markdown, with a sentence of how they were measured.
pub(crate) fn render(rows: &[Row], seconds: &str) -> String {
    let Some(pairs) = rows.iter().filter_map(Row::ratio).map(|ratio| ratio.trials).max() else {
        return "Not measured yet.".to_owned();
    };
    let sure = rows.iter().filter_map(Row::ratio).map(|ratio| ratio.confidence());
    let mut text = "\
| connections | server | compared with | server µs | compared µs | ratio | bound |
|---|---|---|---|---|---|---|
"
    .to_owned();
    for row in rows {
        text += &row.line();
        text.push('\n');
    }
    let _ = write!(
        text,
        "\nBy `cargo bench -p baseline -- --only servers,connections`: {pairs} pairs of {seconds} s on {}. {}",
        baseline::page::machine(),
        baseline::page::sureness(sure.fold(1.0, f64::min))
    );
    text
}
