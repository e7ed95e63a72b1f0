/// A remark about a model in a setting, or about more than that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The model, or `all`.
    pub model: String,
    /// The experiment, with the setting if it is about one.
    pub place: String,
    /// The remark.
    pub what: String,
}

impl Note {
    pub(super) fn new(model: &str, place: &str, what: impl Into<String>) -> Self {
        Self {
            model: model.to_owned(),
            place: place.to_owned(),
            what: what.into(),
        }
    }

    /// A remark about every model there.
    pub(super) fn about_all(place: &str, what: impl Into<String>) -> Self {
        Self::new("all", place, what)
    }
}
