//! What `diff` and `check` share: which values, by which reference, and the files for a pull request.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;
use report::Recorded;
use report::difference::document::Document;
use report::difference::{self, Selection};
use schema::model::Lineage;
use schema::name::listed;

use super::{Usage, unreadable};
use crate::folder::Run;
use crate::output;

/// The flags of both.
#[derive(Args)]
pub(crate) struct ComparisonFlags {
    /// Compare multiples of this model's values in the same round: what slows all models alike cancels
    #[arg(long, value_name = "MODEL")]
    reference: Option<String>,

    /// Only these models: names, article (its six) or further (the others)
    #[arg(long, value_name = "LIST")]
    models: Vec<String>,

    /// Only these experiments, by key
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    experiments: Vec<String>,

    /// Write the result as Markdown, short enough for a comment; - is stdout, in place of the tables
    #[arg(long, value_name = "PATH")]
    markdown: Option<PathBuf>,

    /// Write the result as JSON, see docs/COMPARING.md; - is stdout, in place of the tables
    #[arg(long, value_name = "PATH")]
    json: Option<PathBuf>,
}

impl ComparisonFlags {
    /// Fails if both files are one.
    pub(crate) fn check_files(&self) -> Result<(), Usage> {
        match (&self.markdown, &self.json) {
            (Some(markdown), Some(json)) if is_stdout(markdown) && is_stdout(json) => Err(Usage(
                "--markdown and --json can't both go to stdout; give one of them a file".to_owned(),
            )),
            (Some(markdown), Some(json)) if markdown == json => Err(Usage(format!(
                "--markdown and --json both name {}; give each a file of its own",
                markdown.display()
            ))),
            _ => Ok(()),
        }
    }

    /// The model that the others are compared by.
    pub(crate) fn reference(&self) -> Option<&str> {
        self.reference.as_deref()
    }

    /// What is selected of these runs.
    pub(crate) fn selection(&self, metrics: &[String], runs: &[&Recorded]) -> Result<Selection, Usage> {
        let known: Vec<_> = runs.iter().flat_map(|run| run.environment.names()).collect();
        let lists = self.models.iter();
        let models: Vec<_> = lists.flat_map(|list| listed(list, &known)).collect();
        let selection = Selection {
            models: in_groups(&models, runs),
            experiments: self.experiments.clone(),
            metrics: metrics.to_vec(),
            reference: self.reference.clone(),
        };
        let checked = selection.check(runs);
        checked.map_err(|error| Usage(error.to_string()))?;
        Ok(selection)
    }

    /// Whether stdout has a document, and so no tables.
    pub(crate) fn takes_stdout(&self) -> bool {
        let files = [&self.markdown, &self.json];
        files.into_iter().flatten().any(|path| is_stdout(path))
    }

    /// Writes the files that were asked for. If one of them is stdout, the answer goes to stderr too.
    pub(crate) fn write(&self, document: &Document) -> Result<()> {
        if let Some(path) = &self.markdown {
            write(path, &difference::markdown(document))?;
        }
        if let Some(path) = &self.json {
            write(path, &document.to_json())?;
        }
        if self.takes_stdout() {
            output::note(&document.verdict_line());
        }
        Ok(())
    }
}

/// The names of models, with those of the runs in the place of `article` and `further`. A group without a model in the runs stays
/// as it is, and is then unknown.
fn in_groups(asked: &[String], runs: &[&Recorded]) -> Vec<String> {
    let models = |lineage: Lineage| {
        let contenders = runs.iter().flat_map(|run| &run.environment.contenders);
        let own = contenders.filter(move |contender| contender.capabilities.lineage == Some(lineage));
        own.map(|contender| contender.name.clone())
            .collect::<BTreeSet<_>>()
    };
    let mut names = Vec::new();
    for name in asked {
        let group = match &**name {
            "article" => models(Lineage::Article),
            "further" => models(Lineage::Further),
            _ => BTreeSet::new(),
        };
        if group.is_empty() {
            names.push(name.clone());
        }
        names.extend(group);
    }
    names
}

fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The file may be a pipe, so that it is not replaced.
fn write(path: &Path, text: &str) -> Result<()> {
    if is_stdout(path) {
        return output::print(text);
    }
    let written = fs::write(path, text);
    Ok(written.map_err(|error| {
        Usage(format!(
            "can't write {}: {error}; give another file",
            path.display()
        ))
    })?)
}

/// A run, read for a comparison with another.
pub(crate) struct Opened {
    /// The name of its folder.
    pub(crate) name: String,
    pub(crate) recorded: Recorded,
}

impl Opened {
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let run = Run::open(folder).map_err(|error| Usage(error.to_string()))?;
        let recorded = run.read().map_err(unreadable)?;
        Ok(Self {
            name: run.id(),
            recorded,
        })
    }

    pub(crate) fn as_run(&self) -> difference::Run<'_> {
        difference::Run {
            name: &self.name,
            recorded: &self.recorded,
        }
    }
}
