//! The values of flags.

use std::time::Duration;

use loadgen::plan::TIME_MOST;
use nix::sched::CpuSet;

/// Parses a time from 0 to [`TIME_MOST`].
pub(super) fn time(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let time = humantime::parse_duration(text)
        .map_err(|error| format!("{error}; use a time such as 10s or 500ms, at most 30days"))?;
    if time > TIME_MOST {
        return Err("it is too long; use at most 30days".to_owned());
    }
    Ok(time)
}

/// Parses a time above 0.
pub(super) fn time_above_zero(text: &str) -> Result<Duration, String> {
    let time = time(text)?;
    if time.is_zero() {
        return Err("it is zero; use a time such as 10s or 500ms".to_owned());
    }
    Ok(time)
}

/// Parses a list of CPUs such as `0,2-3`.
pub(super) fn cpu_list(text: &str) -> Result<CpuList, String> {
    let number = |text: &str| {
        text.trim()
            .parse::<usize>()
            .ok()
            .filter(|&number| number < CpuSet::count())
            .ok_or_else(|| format!("{text:?} is not the number of a CPU; use a list such as 1 or 2,4-5"))
    };
    let mut cpus = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            None => cpus.push(number(part)?),
            Some((first, last)) => {
                let (first, last) = (number(first)?, number(last)?);
                if first > last {
                    return Err(format!(
                        "{part} is a range that runs backwards; put the lower number first"
                    ));
                }
                cpus.extend(first..=last);
            }
        }
    }
    Ok(CpuList(cpus))
}

/// Numbers of CPUs.
#[derive(Debug, Clone, Default)]
pub(super) struct CpuList(pub(super) Vec<usize>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cpus_has_numbers_and_ranges() {
        assert_eq!(cpu_list("0,2-4,7").unwrap().0, [0, 2, 3, 4, 7]);
        for bad in ["", "a", "1-", "1,,2", "-1", "3-1", "0-99999999999"] {
            assert!(cpu_list(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_has_a_unit_and_a_range() {
        assert_eq!(time("30days"), Ok(TIME_MOST));
        assert_eq!(time("0"), Ok(Duration::ZERO));
        assert_eq!(time_above_zero("1ns"), Ok(Duration::from_nanos(1)));
        for bad in [
            "",
            "10",
            "-1s",
            "31days",
            "500000000000years",
            "99999999999999999999s",
            "nan",
            "1e9s",
            "s",
        ] {
            assert!(time(bad).is_err(), "{bad}");
        }
        for zero in ["0", "0s", "0days"] {
            assert!(time_above_zero(zero).is_err(), "{zero}");
        }
    }
}
