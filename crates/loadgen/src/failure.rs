//! What can go wrong with a request or a connection, in one table. All that is said or decided of a kind comes from it.

use std::fmt;

/// Whose doing a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A reply that is not what was asked for: the server does not speak the wire, or does other work.
    Reply,
    /// A server, or a network, that gives no reply or no connection.
    Silence,
    /// This client lacks something.
    Client,
}

/// What a failure does to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It goes on.
    GoesOn,
    /// It ends, and another is opened in its place.
    Ends,
    /// It ends if nothing on it comes in time.
    MayEnd,
    /// It could not be opened.
    NotOpened,
}

macro_rules! failures {
    ($($kind:ident, $name:literal, $cause:ident, $effect:ident;)*) => {
        /// How a request, or a connection, can fail.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum Failure {
            $($kind,)*
        }

        impl Failure {
            /// All kinds.
            pub(crate) const ALL: &[Self] = &[$(Self::$kind,)*];

            /// What it is called in results.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)*
                }
            }

            /// Whose doing it is.
            pub(crate) fn cause(self) -> Cause {
                match self {
                    $(Self::$kind => Cause::$cause,)*
                }
            }

            /// What it does to its connection.
            pub(crate) fn effect(self) -> Effect {
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
    /// The kind of this name.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
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
    fn every_kind_has_a_name_of_its_own() {
        for &failure in Failure::ALL {
            assert_eq!(Failure::from_name(failure.name()), Some(failure));
        }
        assert_eq!(Failure::from_name("no such kind"), None);
    }
}
