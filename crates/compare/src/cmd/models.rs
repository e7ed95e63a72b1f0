//! The flags that choose built-in models, and the models that they choose.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Result;
use clap::Args;
use schema::capability::Capability;
use schema::cpus::CpuSet;
use schema::model::{Description, Lineage, Serves, WaitHolds};
use schema::name::{NAMES, is_name};

use super::Usage;
use crate::contender::discover::{self, Found};
use crate::contender::{self, Contender, LeftOut};
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
        for LeftOut { name, reason } in &found.faulty {
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

    /// The models that were asked for, and the programs that can't be asked whether they are among them.
    pub(crate) fn asked(&self, asked: &[Asked]) -> Result<(Vec<Contender>, Vec<LeftOut>), Usage> {
        for one in asked {
            if let Asked::Named(name) = one {
                self.check(name)?;
            }
        }
        let is_asked = |model: &Description| {
            asked.is_empty()
                || asked.iter().any(|one| match one {
                    Asked::All => true,
                    Asked::Lineage(lineage) => model.lineage == *lineage,
                    Asked::Named(name) => model.name == *name,
                })
        };
        let contenders: Vec<_> = self
            .found
            .models
            .iter()
            .filter(|model| is_asked(model))
            .map(|model| contender::built_in(model.clone(), &self.folder))
            .collect();
        if contenders.is_empty() && self.found.models.is_empty() {
            return Err(self.nothing("no server"));
        }
        if contenders.is_empty() {
            return Err(Usage(format!(
                "none of the models in {} is among those asked for; use one of {}",
                self.folder.display(),
                self.known()
            )));
        }
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
            let (mut contenders, _) = self.asked(&[Asked::Named(name.to_owned())])?;
            return Ok(contenders.remove(0));
        }
        let (contenders, _) = self.asked(&[])?;
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
        if self.found.models.iter().any(|model| model.name == name) {
            return Ok(());
        }
        let program = format!("{}{name}", contender::PROGRAM_PREFIX);
        if let Some(faulty) = self.found.faulty.iter().find(|other| other.name == program) {
            return Err(Usage(format!("{program} can't be measured: {}", faulty.reason)));
        }
        if self.found.models.is_empty() {
            return Err(self.nothing(&program));
        }
        Err(Usage(format!(
            "model {name:?} is unknown; use one of {}",
            self.known()
        )))
    }

    /// What a list of models may have.
    fn known(&self) -> String {
        let names: Vec<_> = self.found.models.iter().map(|model| &*model.name).collect();
        format!("{}, or article, further or all", names.join(", "))
    }

    fn nothing(&self, what: &str) -> Usage {
        Usage(format!(
            "there is {what} in {}; build the servers with cargo build --release, or give their folder with --servers",
            self.folder.display()
        ))
    }
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

impl FromStr for Asked {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "all" => Ok(Self::All),
            "article" => Ok(Self::Lineage(Lineage::Article)),
            "further" => Ok(Self::Lineage(Lineage::Further)),
            _ if is_name(name) => Ok(Self::Named(name.to_owned())),
            _ => Err(format!(
                "a model's name has {NAMES}; see compare list for the names, or give article, further or all"
            )),
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
        let asked: Result<Vec<Asked>, _> = list.split(',').map(str::parse).collect();
        let all = [samples::descriptions(), samples::further()].concat();
        let (contenders, _) = discovered(all)
            .asked(&asked?)
            .map_err(|error| error.to_string())?;
        Ok(contenders.into_iter().map(|contender| contender.name).collect())
    }

    #[test]
    fn a_list_of_models_may_mix_names_and_groups() {
        let all = [samples::NAMES, samples::FURTHER].concat();
        assert_eq!(chosen("all").unwrap(), all);
        assert_eq!(chosen("article").unwrap(), samples::NAMES);
        assert_eq!(chosen("further").unwrap(), samples::FURTHER);
        assert_eq!(chosen("article,further").unwrap(), all);
        assert_eq!(
            chosen("mu,article,alpha").unwrap(),
            [&samples::NAMES[..], &["mu"]].concat()
        );
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
        let message = article.asked(&asked).unwrap_err().to_string();
        assert!(
            message.contains("none of the models") && message.contains("alpha"),
            "{message}"
        );
    }
}
