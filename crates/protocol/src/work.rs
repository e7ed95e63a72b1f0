//! The operation `work`: a request that computes, then waits, then replies, as most real ones do.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::limits::{SPIN_MOST_US, WAIT_MOST_MS, whole_number};
use crate::message::excerpt;

/// What a `work` does, within its limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// First it keeps the CPU busy for this many microseconds.
    pub cpu_us: u64,
    /// Then it blocks its thread for this many milliseconds.
    pub block_ms: u64,
    /// Or it waits as long without holding the thread, where the model can. One of the two is 0.
    pub sleep_ms: u64,
    /// Then it replies with so many characters.
    pub reply_bytes: u64,
}

/// The keys as they are written. Each value is read later, so that an error can name its key.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys<'a> {
    #[serde(default, borrow, deserialize_with = "present")]
    cpu_us: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    wait_ms: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    block: Option<&'a RawValue>,
    #[serde(default, borrow, deserialize_with = "present")]
    reply_bytes: Option<&'a RawValue>,
}

impl Work {
    /// Reads the parameters of a `work`, whose reply has at most so many characters.
    ///
    /// # Errors
    /// What is wrong with them, as a text that names the key and its range.
    pub fn read(params: &str, reply_most_bytes: u64) -> Result<Self, String> {
        // Serde would also accept an array with the values in order.
        if !params.starts_with('{') {
            return Err(format!(
                "work takes an object with any of the keys cpu_us, wait_ms, block and reply_bytes, not {}",
                excerpt(params, 40)
            ));
        }
        let keys: Keys<'_> = serde_json::from_str(params).map_err(|error| format!("work: {error}"))?;
        let number = |key: &str, value: Option<&RawValue>, most: u64| match value {
            None => Ok(0),
            Some(value) => whole_number(value.get(), most).ok_or_else(|| {
                let value = excerpt(value.get(), 40);
                format!("work takes a whole number from 0 to {most} as {key}, not {value}")
            }),
        };
        let wait_ms = number("wait_ms", keys.wait_ms, WAIT_MOST_MS)?;
        let (block_ms, sleep_ms) = match keys.block.map_or("false", RawValue::get) {
            "true" => (wait_ms, 0),
            "false" => (0, wait_ms),
            other => {
                let value = excerpt(other, 40);
                return Err(format!("work takes true or false as block, not {value}"));
            }
        };
        Ok(Self {
            cpu_us: number("cpu_us", keys.cpu_us, SPIN_MOST_US)?,
            block_ms,
            sleep_ms,
            reply_bytes: number("reply_bytes", keys.reply_bytes, reply_most_bytes)?,
        })
    }

    /// Whether a part of it holds the thread.
    pub(crate) fn holds_a_thread(self) -> bool {
        self.cpu_us > 0 || self.block_ms > 0
    }
}

/// A value that is there, `null` included, which is not the same as a missing one.
fn present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(value).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(params: &str) -> Result<Work, String> {
        Work::read(params, 1000)
    }

    #[test]
    fn each_key_is_optional() {
        let nothing = Work::default();
        assert_eq!(read("{}"), Ok(nothing));
        assert_eq!(read(r#"{"cpu_us":7}"#), Ok(Work { cpu_us: 7, ..nothing }));
        assert_eq!(
            read(r#"{"wait_ms":7}"#),
            Ok(Work {
                sleep_ms: 7,
                ..nothing
            })
        );
        assert_eq!(read(r#"{"block":true}"#), Ok(nothing));
        assert_eq!(
            read(r#"{"reply_bytes":7}"#),
            Ok(Work {
                reply_bytes: 7,
                ..nothing
            })
        );
        assert_eq!(
            read(r#"{ "reply_bytes" : 1000, "block" : true, "wait_ms" : 60000, "cpu\u005fus" : 10000000 }"#),
            Ok(Work {
                cpu_us: 10_000_000,
                block_ms: 60_000,
                sleep_ms: 0,
                reply_bytes: 1000
            })
        );
    }

    #[test]
    fn an_error_names_the_key_and_its_range() {
        for (key, most) in [("cpu_us", 10_000_000), ("wait_ms", 60_000), ("reply_bytes", 1000)] {
            for bad in [
                &*(most + 1).to_string(),
                "-1",
                "1.5",
                "1e1",
                "-0",
                "\"1\"",
                "null",
                "true",
                "[1]",
            ] {
                assert_eq!(
                    read(&format!(r#"{{"{key}":{bad}}}"#)),
                    Err(format!(
                        "work takes a whole number from 0 to {most} as {key}, not {bad}"
                    ))
                );
            }
        }
        for bad in ["null", "0", "\"true\"", "{}"] {
            assert_eq!(
                read(&format!(r#"{{"block":{bad}}}"#)),
                Err(format!("work takes true or false as block, not {bad}"))
            );
        }
    }

    #[test]
    fn only_an_object_with_known_keys_is_taken() {
        let error = |params: &str| read(params).unwrap_err();
        assert!(error(r#"{"cpu":1}"#).contains("unknown field `cpu`"));
        assert!(error(r#"{"cpu_us":1,"cpu_us":1}"#).contains("duplicate field `cpu_us`"));
        for other in ["null", "7", "[1,2,true,4]", "\"{}\""] {
            assert!(
                error(other).ends_with(&format!("reply_bytes, not {other}")),
                "{other}"
            );
        }
    }
}
