//! The flags that choose built-in models, and the models that they choose.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use schema::capability::Capability;
use schema::cpus::CpuSet;
use schema::model::{Description, Lineage, Serves, WaitHolds};
use schema::name::listed;

use super::Usage;
use crate::contender::discover::{self, Found};
use crate::contender::{self, ALL, ARTICLE, Contender, FURTHER, LeftOut};
use crate::output;

/// Where the built-in models are looked for.
#[derive(Args)]
pub(crate) struct ServersFlag {
    /// Folder with the server programs; without it, the folder of this program
    #[arg(long, value_name = "DIR")]
    servers: Option<PathBuf>,
}

impl ServersFlag {
    /// The folder of the servers' programs.
    fn folder(&self) -> Result<PathBuf> {
        match &self.servers {
            Some(folder) => Ok(folder.clone()),
            None => discover::beside_this_program(),
        }
    }

    /// The built-in models in the folder of the servers. Programs there that do not describe themselves are reported on
    /// stderr.
    pub(crate) fn discover(&self) -> Result<Discovered> {
        let folder = self.folder()?;
        let found = discover::in_folder(&folder)
            .map_err(|error| Usage(format!("{error:#}; give another with --servers")))?;
        for LeftOut { name, reason, .. } in &found.faulty {
            output::note(&format!("{name} is left out: {reason}"));
        }
        Ok(Discovered { folder, found })
    }

    /// The same, as the programs describe themselves on the CPUs of the servers. A default number of workers may depend on
    /// them.
    pub(crate) fn discover_on(&self, cpus: &CpuSet) -> Result<Discovered> {
        let before = meter::cpus::allowed()?;
        meter::cpus::pin_this_thread(cpus)?;
        let discovered = self.discover();
        meter::cpus::pin_this_thread(&before)?;
        discovered
    }
}

/// The built-in models of a folder.
pub(crate) struct Discovered {
    folder: PathBuf,
    found: Found,
}

impl Discovered {
    /// What the models report of themselves.
    pub(crate) fn descriptions(&self) -> &[Description] {
        &self.found.models
    }

    /// What the lists of `--models` ask for, where these contenders take part beside the models.
    pub(crate) fn parse(&self, lists: &[String], others: &[Contender]) -> Result<Vec<Asked>, Usage> {
        let others = others.iter().map(|other| &*other.name);
        let known: Vec<_> = self.names().chain(others).collect();
        let names = lists.iter().flat_map(|list| listed(list, &known));
        let asked: Vec<_> = names.map(Asked::from_name).collect();
        let mut single = asked.iter().filter_map(Asked::name);
        match single.find(|name| !known.contains(name)) {
            None => Ok(asked),
            Some(name) => Err(self.unknown(name, &known)),
        }
    }

    /// The models and contenders that were asked for, and the programs that can't be asked whether they are among them.
    /// Contenders that the user gave a file of take part unless some of them are named: then it is only these.
    pub(crate) fn asked(
        &self,
        asked: &[Asked],
        others: Vec<Contender>,
    ) -> Result<(Vec<Contender>, Vec<LeftOut>), Usage> {
        let is_named = |name: &str| asked.iter().any(|one| one.name() == Some(name));
        let is_asked = |model: &Description| {
            asked.is_empty()
                || asked.iter().any(|one| match one {
                    Asked::All => true,
                    Asked::Lineage(lineage) => model.lineage == *lineage,
                    Asked::Named(name) => model.name == *name,
                })
        };
        let mut contenders: Vec<_> = self
            .found
            .models
            .iter()
            .filter(|model| is_asked(model))
            .map(|model| contender::built_in(model.clone(), &self.folder))
            .collect();
        let some_are_named = others.iter().any(|other| is_named(&other.name));
        if contenders.is_empty() && !some_are_named {
            if self.found.models.is_empty() {
                return Err(self.nothing("no server"));
            }
            let known: Vec<_> = self.names().collect();
            return Err(Usage(format!(
                "none of the models in {} is among those asked for; use one of {}",
                self.folder.display(),
                in_words(&known)
            )));
        }
        let taking_part = |other: &Contender| !some_are_named || is_named(&other.name);
        contenders.extend(others.into_iter().filter(taking_part));
        let all = asked.is_empty() || asked.contains(&Asked::All);
        let left_out = if all {
            self.found.faulty.clone()
        } else {
            Vec::new()
        };
        Ok((contenders, left_out))
    }

    /// The model of this name; without one, an event loop, or else the first.
    pub(crate) fn one(&self, name: Option<&str>) -> Result<Contender, Usage> {
        if let Some(name) = name {
            self.check(name)?;
            let (mut contenders, _) = self.asked(&[Asked::Named(name.to_owned())], Vec::new())?;
            return Ok(contenders.remove(0));
        }
        let (contenders, _) = self.asked(&[], Vec::new())?;
        let event_loop = [
            Capability::Serves(Serves::Many),
            Capability::WaitHolds(WaitHolds::Nothing),
        ];
        let chosen = contenders
            .iter()
            .find(|contender| contender.capabilities.has_all(&event_loop));
        Ok(chosen.unwrap_or(&contenders[0]).clone())
    }

    /// Whether there is a model of this name; as an error, what there is.
    pub(crate) fn check(&self, name: &str) -> Result<(), Usage> {
        let known: Vec<_> = self.names().collect();
        if known.contains(&name) {
            Ok(())
        } else {
            Err(self.unknown(name, &known))
        }
    }

    /// That there is nothing of this name, and what there is.
    fn unknown(&self, name: &str, known: &[&str]) -> Usage {
        let program = format!("{}{name}", contender::PROGRAM_PREFIX);
        if let Some(faulty) = self.found.faulty.iter().find(|other| other.name == program) {
            return Usage(format!("{program} can't be measured: {}", faulty.reason));
        }
        if known.is_empty() {
            return self.nothing(&program);
        }
        Usage(format!(
            "model {name:?} is unknown; use one of {}",
            in_words(known)
        ))
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.found.models.iter().map(|model| &*model.name)
    }

    fn nothing(&self, what: &str) -> Usage {
        Usage(format!(
            "there is {what} in {}; build the servers with cargo build --release, or give their folder with --servers",
            self.folder.display()
        ))
    }
}

/// What a list of models may have, where these names are known.
fn in_words(known: &[&str]) -> String {
    format!("{}, or {ARTICLE}, {FURTHER} or {ALL}", known.join(", "))
}

/// A part of the list of models that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Every model there is.
    All,
    /// Those of this lineage.
    Lineage(Lineage),
    /// The one of this name.
    Named(String),
}

impl Asked {
    fn from_name(name: String) -> Self {
        match &*name {
            ALL => Self::All,
            ARTICLE => Self::Lineage(Lineage::Article),
            FURTHER => Self::Lineage(Lineage::Further),
            _ => Self::Named(name),
        }
    }

    /// The name that was asked for, if it is not a group.
    pub(crate) fn name(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::All | Self::Lineage(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::samples;

    fn discovered(models: Vec<Description>) -> Discovered {
        Discovered {
            folder: "bin".into(),
            found: Found {
                models,
                faulty: Vec::new(),
            },
        }
    }

    /// The names of those that a list on the command line chooses.
    fn chosen(list: &str) -> Result<Vec<String>, String> {
        let all = [samples::descriptions(), samples::further()].concat();
        let discovered = discovered(all);
        let others = ["hers, mine", "his"].map(|name| Contender {
            name: name.to_owned(),
            built_in: false,
            ..samples::contenders().remove(0)
        });
        let asked = discovered.parse(&[list.to_owned()], &others);
        let chosen = asked.and_then(|asked| discovered.asked(&asked, others.to_vec()));
        let (contenders, _) = chosen.map_err(|error| error.to_string())?;
        Ok(contenders.into_iter().map(|contender| contender.name).collect())
    }

    #[test]
    fn a_list_of_models_may_mix_names_and_groups() {
        let all = [samples::NAMES, samples::FURTHER].concat();
        let with_others = |models: &[&'static str]| [models, &["hers, mine", "his"]].concat();
        assert_eq!(chosen("all").unwrap(), with_others(&all));
        assert_eq!(chosen("article").unwrap(), with_others(&samples::NAMES));
        assert_eq!(chosen("further").unwrap(), with_others(&samples::FURTHER));
        assert_eq!(chosen("article,further").unwrap(), with_others(&all));
        assert_eq!(
            chosen("mu,article,alpha").unwrap(),
            with_others(&[&samples::NAMES[..], &["mu"]].concat())
        );
    }

    #[test]
    fn contenders_that_are_named_take_part_without_the_others() {
        assert_eq!(chosen("his,alpha").unwrap(), ["alpha", "his"]);
        assert_eq!(chosen("hers, mine").unwrap(), ["hers, mine"]);
    }

    #[test]
    fn an_unknown_model_is_reported_with_names_and_groups() {
        for list in ["article,omega", "omega"] {
            let message = chosen(list).unwrap_err();
            for part in ["\"omega\"", "alpha", "mu", "article, further or all"] {
                assert!(message.contains(part), "{message}");
            }
        }
        assert!(
            chosen("all,,alpha")
                .unwrap_err()
                .contains("article, further or all")
        );
    }

    #[test]
    fn a_group_without_a_model_is_reported() {
        let article = discovered(samples::descriptions());
        let asked = [Asked::Lineage(Lineage::Further)];
        let message = article.asked(&asked, Vec::new()).unwrap_err().to_string();
        assert!(
            message.contains("none of the models") && message.contains("alpha"),
            "{message}"
        );
    }
}
