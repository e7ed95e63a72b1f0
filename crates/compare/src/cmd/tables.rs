//! Tables of `diff` and `check` in a terminal.

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use crate::output::Text;
use report::difference::{Compared, Difference, Note};
use report::numbers::rounded;

/// A line below the headings and no other lines.
const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::new('─', '─', '─', '─'));

/// What the two columns of values show.
pub(crate) struct Columns {
    headings: [String; 2],
    /// Whether the values are multiples of those of a reference.
    are_multiples: bool,
}

impl Columns {
    pub(crate) fn new(compared: &Compared<'_>) -> Self {
        let reference = compared.selection.reference.clone();
        let headings = match (&compared.after, &reference) {
            (None, Some(reference)) => [reference.clone(), "model".to_owned()],
            _ => ["before".to_owned(), "after".to_owned()],
        };
        Self {
            headings,
            are_multiples: compared.after.is_some() && reference.is_some(),
        }
    }

    /// A time that is infinite is that of what never came.
    fn value(&self, difference: &Difference, value: f64) -> String {
        if value.is_infinite() {
            "never".to_owned()
        } else if self.are_multiples {
            format!("{} ×", rounded(value))
        } else {
            difference.metric.format(value)
        }
    }
}

/// Adds a table under this heading, if there is anything in it.
pub(crate) fn print_table(out: &mut Text, heading: &str, table: &Table) {
    if !table.is_empty() {
        out.add(format_args!("{heading}{table}\n"));
    }
}

/// Adds notes under this heading, if there are any.
pub(crate) fn print_notes(out: &mut Text, heading: &str, notes: &[Note]) {
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header(["model", "experiment/setting", ""]);
    for note in notes {
        table.add_row([note.who(), &note.place.to_string(), &note.what]);
    }
    print_table(out, heading, &table);
}

/// Values side by side.
pub(crate) fn values<'a>(columns: &Columns, differences: impl Iterator<Item = &'a Difference>) -> Table {
    let [before, after] = &columns.headings;
    let mut table = Table::new();
    table.load_style(STYLE);
    table.set_header([
        "model",
        "experiment/setting",
        "metric",
        before,
        after,
        "ratio",
        "95 % interval",
    ]);
    for difference in differences {
        let comparison = &difference.comparison;
        table.add_row([
            difference.model.clone(),
            difference.place.to_string(),
            difference.metric.short.to_owned(),
            columns.value(difference, difference.before),
            columns.value(difference, difference.after),
            ratio(comparison.ratio),
            format!("{} to {}", ratio(comparison.low), ratio(comparison.high)),
        ]);
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn ratio(ratio: f64) -> String {
    if ratio.is_infinite() {
        "∞".to_owned()
    } else {
        format!("{ratio:.3}")
    }
}

/// Why nothing can be compared at all.
pub(crate) fn nothing_in_common(compared: &Compared<'_>, not_compared: &[Note]) -> String {
    // A reason that many have is stated once.
    let mut reasons: Vec<(&Note, usize)> = Vec::new();
    for note in not_compared {
        match reasons.iter_mut().find(|(first, _)| first.what == note.what) {
            Some((_, number)) => *number += 1,
            None => reasons.push((note, 1)),
        }
    }
    let reasons = reasons.iter().map(|(note, number)| {
        let others = match number - 1 {
            0 => String::new(),
            others => format!(", and {others} more"),
        };
        format!("\n  {}, {}{others}: {}", note.place, note.who(), note.what)
    });
    let remedy = match &compared.after {
        None => "choose another --reference, or select more",
        Some(_) if compared.selection.is_everything() => "measure both with the same flags",
        Some(_) => "select more, or measure both with the same flags",
    };
    let what = match &compared.after {
        Some(_) => "the runs have nothing in common that can be compared",
        None => "the run has nothing that can be compared with the reference",
    };
    format!("{what}; {remedy}{}", reasons.collect::<String>())
}
