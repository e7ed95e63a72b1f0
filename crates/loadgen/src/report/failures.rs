//! What went wrong, by kind.

use serde::{Deserialize, Serialize};

use crate::failure::{Cause, Effect, Failure};

/// Failures of one kind in the whole run, those of the warm-up included, whereas [`Requests`](super::Requests) are of the window.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Failures {
    /// What kind.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: String,
}

impl Failures {
    /// Whether they say that a reply was wrong, an error, no frame or nobody's, and not that there was none.
    #[must_use]
    pub fn are_of_replies(&self) -> bool {
        self.cause() == Cause::Reply
    }

    /// Whether they say that the client had no port to connect from.
    #[must_use]
    pub fn are_of_ports(&self) -> bool {
        self.cause() == Cause::Client
    }

    /// Whether they end a connection, or keep one from being opened.
    #[must_use]
    pub fn are_of_connections(&self) -> bool {
        self.effect() != Effect::GoesOn
    }

    /// Whose doing they are. A kind that this version does not know is one of the server's.
    pub(crate) fn cause(&self) -> Cause {
        Failure::from_name(&self.kind).map_or(Cause::Silence, Failure::cause)
    }

    pub(crate) fn effect(&self) -> Effect {
        Failure::from_name(&self.kind).map_or(Effect::MayEnd, Failure::effect)
    }
}
