//! The page: `README.md` of the results.

use std::fmt::{self, Write};

use super::columns::{self, CPU, RATE, SERVED};
use super::numbers::{list, rounded};
use super::summary::{Row, Summary, Table};
use crate::environment::{Commit, Environment, Machine};

/// The whole page of a run of this name.
pub(super) fn page(summary: &Summary<'_>, run: &str) -> String {
    let mut page = String::new();
    // Writing to a string can't fail.
    let _ = write(&mut page, summary, run);
    page
}

fn write(page: &mut String, summary: &Summary<'_>, run: &str) -> fmt::Result {
    let environment = summary.environment;
    writeln!(page, "# What each server model costs\n")?;
    writeln!(
        page,
        "<!-- Written by `compare report` from runs/{run}/records.jsonl. Change the program, not this page. -->\n"
    )?;
    introduction(page, summary)?;
    for table in &summary.tables {
        write_table(page, table)?;
    }
    writeln!(page, "## What this run could not show\n")?;
    if summary.limits.is_empty() {
        writeln!(page, "Nothing was found to limit these figures.")?;
    }
    for limit in &summary.limits {
        writeln!(page, "- {limit}")?;
    }
    writeln!(page, "\n## What the columns mean\n")?;
    for column in &columns::ALL {
        writeln!(page, "- **{}**: {}.", column.title, column.meaning)?;
    }
    write_machine(page, &environment.machine, environment)?;
    write_run(page, environment, run)
}

fn introduction(page: &mut String, summary: &Summary<'_>) -> fmt::Result {
    let environment = summary.environment;
    writeln!(
        page,
        "{} server models, one load: a closed loop of `ping` requests, in which each connection sends its next request \
         when the last is answered. {} trials were made, each with a fresh server process.\n",
        environment.models.len(),
        summary.trials
    )?;
    writeln!(
        page,
        "A figure is the median over the trials; below it stand the least and the most. **Bold** is the best of a \
         column, together with all whose range overlaps with it: this run does not tell them apart. † left connections \
         unserved, and is not compared. ‡ the client may have been the limit.\n"
    )
}

fn write_table(page: &mut String, table: &Table<'_>) -> fmt::Result {
    writeln!(page, "## {}\n\n{}\n", table.setting.title, table.question)?;
    if let Some(finding) = finding(table) {
        writeln!(page, "{finding}\n")?;
    }
    let titles: Vec<_> = columns::ALL.iter().map(|column| column.title).collect();
    writeln!(page, "| model | {} |", titles.join(" | "))?;
    writeln!(page, "|---|{}", "--:|".repeat(titles.len()))?;
    for row in &table.rows {
        writeln!(page, "| {} | {} |", row.model, cells(row).join(" | "))?;
    }
    writeln!(page)
}

fn cells(row: &Row<'_>) -> Vec<String> {
    let marks = |index| match index {
        SERVED if row.left_unserved() => " †",
        RATE if row.client_limited() => " ‡",
        _ => "",
    };
    let cells = columns::ALL.iter().zip(&row.cells).enumerate();
    cells
        .map(|(index, (column, cell))| {
            let Some(spread) = cell.spread else {
                return "–".to_owned();
            };
            let [median, least, most] = [spread.median, spread.least, spread.most].map(column.write);
            let median = if cell.best {
                format!("**{median}**")
            } else {
                median
            };
            let range = if least == most {
                String::new()
            } else {
                format!("<br><sub>{least}–{most}</sub>")
            };
            format!("{median}{}{range}", marks(index))
        })
        .collect()
}

/// Who spends least and who most on a request, in the figure that is the steadiest of all.
fn finding(table: &Table<'_>) -> Option<String> {
    let cpu_us = |row: &Row<'_>| row.cells[CPU].spread.map(|spread| spread.median);
    let mut rows: Vec<_> = table
        .rows
        .iter()
        .filter(|row| !row.left_unserved())
        .filter_map(|row| Some((cpu_us(row)?, row)))
        .collect();
    rows.sort_by(|one, other| one.0.total_cmp(&other.0));
    let [(least, cheapest), .., (most, dearest)] = rows[..] else {
        return None;
    };
    if dearest.cells[CPU].best {
        return Some(format!(
            "This run does not tell the models apart by CPU per request: {} to {} µs.",
            rounded(least),
            rounded(most)
        ));
    }
    let name = |row: &Row<'_>| format!("`{}`", row.model);
    let ties: Vec<_> = rows[1..]
        .iter()
        .filter(|(_, row)| row.cells[CPU].best)
        .map(|(_, row)| name(row))
        .collect();
    let ties = match &ties[..] {
        [] => String::new(),
        ties => format!(" ({} can't be told from it)", list(ties)),
    };
    Some(format!(
        "Least CPU per request: {}, {} µs{ties}. Most: {}, {} µs, {} times as much.",
        name(cheapest),
        rounded(least),
        name(dearest),
        rounded(most),
        rounded(most / least)
    ))
}

fn write_machine(page: &mut String, machine: &Machine, environment: &Environment) -> fmt::Result {
    let kind = if machine.virtualised {
        ", virtualised"
    } else {
        ", not virtualised"
    };
    let governor = machine.governor.as_deref().unwrap_or("none to be seen");
    writeln!(page, "\n## The machine\n")?;
    writeln!(
        page,
        "- {}, {} processors{kind}; governor: {governor}",
        machine.cpu_model, machine.processors
    )?;
    writeln!(
        page,
        "- {} GiB of memory; {}",
        rounded(machine.memory_bytes as f64 / (1u64 << 30) as f64),
        machine.kernel
    )?;
    writeln!(
        page,
        "- servers on processors {}, load from {}",
        environment.cpus.server, environment.cpus.client
    )
}

fn write_run(page: &mut String, environment: &Environment, run: &str) -> fmt::Result {
    let times = environment.times;
    writeln!(page, "\n## The run\n")?;
    writeln!(page, "```\n{}\n```\n", environment.command.join(" "))?;
    writeln!(
        page,
        "- {} (version {}), {}",
        environment.started_at.strftime("%Y-%m-%d %H:%M UTC"),
        environment.version,
        environment
            .commit
            .as_ref()
            .map_or_else(|| "from an unknown commit".to_owned(), commit)
    )?;
    writeln!(
        page,
        "- profile `{}`: {} rounds, each trial measured for {:?} after a warm-up of {:?}; the models of each round in an order drawn from seed {}",
        environment.profile, environment.rounds, times.window, times.warmup, environment.seed
    )?;
    writeln!(
        page,
        "- raw records: [records.jsonl](runs/{run}/records.jsonl), a line for each trial; `compare report` makes this page of them again"
    )
}

fn commit(commit: &Commit) -> String {
    let changes = if commit.changed {
        ", with changes that were not committed"
    } else {
        ""
    };
    format!("commit {}{changes}", commit.hash)
}
