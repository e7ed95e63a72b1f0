use std::fmt;

use schema::experiment::{Experiment, Setting};

/// What a remark is about: everything, an experiment, or a setting of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The experiment's key; none: everything.
    pub experiment: Option<String>,
    /// The setting's key; none: all settings.
    pub setting: Option<String>,
}

/// A remark about a model in a setting, or about more than that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The model; none: all of them.
    pub model: Option<String>,
    /// Where.
    pub place: Place,
    /// The remark.
    pub what: String,
}

impl Place {
    pub(super) fn everything() -> Self {
        Self::default()
    }

    pub(super) fn experiment(experiment: &Experiment) -> Self {
        Self {
            experiment: Some(experiment.key.clone()),
            setting: None,
        }
    }

    pub(super) fn setting(experiment: &Experiment, setting: &Setting) -> Self {
        Self {
            setting: Some(setting.key.clone()),
            ..Self::experiment(experiment)
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.experiment.as_deref().unwrap_or("everything"))?;
        match &self.setting {
            Some(setting) => write!(f, "/{setting}"),
            None => Ok(()),
        }
    }
}

impl Note {
    pub(super) fn new(model: &str, place: Place, what: impl Into<String>) -> Self {
        Self {
            model: Some(model.to_owned()),
            place,
            what: what.into(),
        }
    }

    /// A remark about every model there.
    pub(super) fn about_all(place: Place, what: impl Into<String>) -> Self {
        Self {
            model: None,
            place,
            what: what.into(),
        }
    }

    /// The model's name, or that it is about all.
    #[must_use]
    pub fn who(&self) -> &str {
        self.model.as_deref().unwrap_or("all")
    }
}
