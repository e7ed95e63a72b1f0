//! What can go wrong with a request or a connection, in one table. Everything that is printed or decided about a kind comes
//! from it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Failures of one kind in the whole run, warm-up included. (The `requests` of a result are those of the window.)
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Failures {
    /// The [name](Failure::name) of the kind.
    pub kind: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: String,
}

impl Failures {
    /// Whether there was a reply, and it was wrong, an error, no frame, or answered no request.
    #[must_use]
    pub fn are_of_replies(&self) -> bool {
        self.cause() == Cause::Reply
    }

    /// Whether the client had no port to connect from.
    #[must_use]
    pub fn are_of_ports(&self) -> bool {
        self.cause() == Cause::Client
    }

    /// Whether they end a connection, or keep one from being opened.
    #[must_use]
    pub fn are_of_connections(&self) -> bool {
        self.effect() != Effect::GoesOn
    }

    /// Who caused them. A kind that this version does not know is one of the server's.
    #[must_use]
    pub fn cause(&self) -> Cause {
        Failure::from_name(&self.kind).map_or(Cause::Silence, Failure::cause)
    }

    /// What they do to their connections.
    #[must_use]
    pub fn effect(&self) -> Effect {
        Failure::from_name(&self.kind).map_or(Effect::MayEnd, Failure::effect)
    }
}

/// Who caused a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A reply that is not what was asked for: the server does not speak the protocol, or does other work.
    Reply,
    /// A server, or a network, that gives no reply or no connection.
    Silence,
    /// This client lacks a resource, such as ports.
    Client,
}

/// What a failure does to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It goes on.
    GoesOn,
    /// It ends, and another is opened in its place.
    Ends,
    /// It ends if nothing is received on it in time.
    MayEnd,
    /// It could not be opened.
    NotOpened,
}

macro_rules! failures {
    ($($kind:ident, $name:literal, $cause:ident, $effect:ident;)*) => {
        /// How a request, or a connection, can fail.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum Failure {
            $($kind,)*
        }

        impl Failure {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Its name in results.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// Who caused it.
            #[must_use]
            pub fn cause(self) -> Cause {
                match self {
                    $(Self::$kind => Cause::$cause,)*
                }
            }

            /// What it does to its connection.
            #[must_use]
            pub fn effect(self) -> Effect {
                match self {
                    $(Self::$kind => Effect::$effect,)*
                }
            }
        }
    };
}

failures! {
    ConnectRefused,   "connect_refused",     Silence, NotOpened;
    ConnectTimeout,   "connect_timeout",     Silence, NotOpened;
    ConnectFailed,    "connect_failed",      Silence, NotOpened;
    OutOfPorts,       "out_of_ports",        Client,  NotOpened;
    Reset,            "reset",               Silence, Ends;
    ClosedInMidReply, "closed_in_mid_reply", Silence, Ends;
    Closed,           "closed",              Silence, Ends;
    Timeout,          "timeout",             Silence, MayEnd;
    WrongValue,       "wrong_value",         Reply,   GoesOn;
    ErrorReply,       "error_reply",         Reply,   GoesOn;
    NotAFrame,        "not_a_frame",         Reply,   Ends;
    Unasked,          "unasked_reply",       Reply,   Ends;
}

impl Failure {
    /// Finds the kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|failure| failure.name() == name)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_name() {
        for &failure in Failure::ALL {
            assert_eq!(Failure::from_name(failure.name()), Some(failure));
        }
        assert_eq!(Failure::from_name("no such kind"), None);
    }
}
