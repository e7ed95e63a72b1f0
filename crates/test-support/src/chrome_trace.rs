//! Checks a trace of a server in Chrome's trace event format: that it is in that format as Perfetto reads it, and that it
//! agrees with physics.
//!
//! It shares no code and no type with what writes traces: a fault there must not hide itself here.

mod events;
mod facts;
mod flows;
mod lanes;
mod nesting;
mod requests;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

use serde_json::Value;

use events::Events;
pub use facts::{Facts, LaneFacts};

/// Checks a trace.
///
/// # Errors
///
/// All faults, a sentence each.
pub fn check(text: &str) -> Result<Facts, Vec<String>> {
    let file: Value = serde_json::from_str(text).map_err(|error| vec![format!("no JSON: {error}")])?;
    let mut faults = Vec::new();
    let events = Events::read(&file, &mut faults);
    nesting::check(&events, &mut faults);
    let lanes = lanes::check(&events, &mut faults);
    let (wakes, arrows) = flows::check(&events, &lanes, &mut faults);
    let held = requests::check(&events, &mut faults);
    if faults.is_empty() {
        let other = &events.other;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(Facts {
            model: text(&other["model"]),
            source: events.source.clone(),
            lacks: other["lacks"]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect(),
            length_ns: events.length_ns,
            zero_ns: other["zero_ns"].as_i64().unwrap_or_default(),
            connections: events.connections().count(),
            requests: held.requests,
            parts: held.parts,
            held_by: held.by,
            wakes,
            arrows,
            lanes,
        })
    } else {
        Err(faults)
    }
}
