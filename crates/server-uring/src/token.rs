//! What an operation belongs to. The kernel returns its number with each completion.

/// Above all connections.
const LISTENER: u64 = 1 << 60;
const SIGNAL: u64 = LISTENER + 1;

/// What an operation belongs to.
pub(crate) enum Token {
    Listener,
    Signal,
    /// The key of the connection. It is not used again before the last completion of its operations.
    Connection(usize, Operation),
}

/// The operations of a connection.
#[derive(Clone, Copy)]
pub(crate) enum Operation {
    Receive = 0,
    Send = 1,
    Watch = 2,
}

impl Token {
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Listener => LISTENER,
            Self::Signal => SIGNAL,
            Self::Connection(key, operation) => (key as u64) << 2 | operation as u64,
        }
    }

    pub(crate) fn from_number(number: u64) -> Self {
        match number {
            LISTENER => Self::Listener,
            SIGNAL => Self::Signal,
            _ => {
                let operation = match number & 3 {
                    0 => Operation::Receive,
                    1 => Operation::Send,
                    _ => Operation::Watch,
                };
                Self::Connection((number >> 2) as usize, operation)
            }
        }
    }
}
