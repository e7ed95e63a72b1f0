//! Where and how a run was made: `environment.json` beside its records.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use procfs::{CpuInfo, Current, Meminfo};
use schema::environment::{Commit, Environment, Machine, ROUNDS_READ_MOST};
use schema::record::SCHEMA;
use serde::Deserialize;
use serde_json::Value;

use schema::text;

/// What is read of an environment before anything else.
#[derive(Deserialize)]
struct Version {
    schema: u32,
}

/// Reads an environment for display: long strings are cut.
pub(crate) fn read(path: &Path) -> Result<Environment> {
    stored(path, text::cut_all)
}

/// Reads an environment to continue its run. Nothing is cut, since a command that was cut would be another command.
pub(crate) fn read_whole(path: &Path) -> Result<Environment> {
    stored(path, |_| ())
}

fn stored(path: &Path, cut: impl FnOnce(&mut Value)) -> Result<Environment> {
    let text = fs::read_to_string(path).with_context(|| format!("can't read {}", path.display()))?;
    let fault = || {
        format!(
            "{} does not describe a run; restore it, or measure again",
            path.display()
        )
    };
    let version: Version = serde_json::from_str(&text).with_context(fault)?;
    if version.schema != SCHEMA {
        bail!(
            "{} has schema {}, and this program reads {SCHEMA}; use the program that wrote it, or measure again",
            path.display(),
            version.schema
        );
    }
    let mut stored: Value = serde_json::from_str(&text).with_context(fault)?;
    cut(&mut stored);
    let environment: Environment = serde_json::from_value(stored).with_context(fault)?;
    // All trials are planned again, in memory.
    if environment.rounds > ROUNDS_READ_MOST {
        bail!(
            "{} has {} rounds; at most {ROUNDS_READ_MOST} can be read",
            path.display(),
            environment.rounds
        );
    }
    Ok(environment)
}

pub(crate) fn write(environment: &Environment, path: &Path) -> Result<()> {
    let mut text = serde_json::to_string_pretty(environment).expect("an environment can be written as JSON");
    text.push('\n');
    fs::write(path, text).with_context(|| format!("can't write {}", path.display()))
}

/// The machine that this runs on, of which a run may use so many CPUs.
pub(crate) fn this_machine(cpus: usize) -> Result<Machine> {
    let cpu = CpuInfo::current().context("can't read /proc/cpuinfo")?;
    let memory = Meminfo::current().context("can't read /proc/meminfo")?;
    let governor = fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").ok();
    Ok(Machine {
        cpu_model: cpu_model(&cpu),
        cpus,
        memory_bytes: memory.mem_total,
        kernel: format!("Linux {}", kernel()?),
        governor: governor.map(|governor| governor.trim().to_owned()),
        // Only a hypervisor sets this flag.
        virtualised: cpu.flags(0).is_some_and(|flags| flags.contains(&"hypervisor")),
    })
}

/// The version of the kernel.
pub(crate) fn kernel() -> Result<String> {
    let kernel = procfs::sys::kernel::Version::current().context("can't read the version of the kernel")?;
    Ok(format!("{}.{}.{}", kernel.major, kernel.minor, kernel.patch))
}

/// On x86 the CPU names itself. On ARM the kernel only knows its maker.
fn cpu_model(cpu: &CpuInfo) -> String {
    let model = cpu.model_name(0).or_else(|| cpu.get_field(0, "CPU implementer"));
    model.map_or_else(|| env::consts::ARCH.to_owned(), str::to_owned)
}

/// The state of the sources that this was built from, if it is known: `scripts/compare.sh`, which builds it, passes their
/// folder. The current folder has nothing to do with it.
pub(crate) fn commit() -> Option<Commit> {
    let sources = env::var_os("COMPARE_SOURCES").filter(|sources| !sources.is_empty())?;
    commit_of(sources.as_ref())
}

/// The commit of these sources; none where they are in no repository, or git is missing. Results that a run wrote are no
/// change.
fn commit_of(sources: &Path) -> Option<Commit> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(sources)
            .args(arguments)
            .stderr(Stdio::null())
            .output();
        let output = output.ok().filter(|output| output.status.success())?;
        String::from_utf8(output.stdout).ok()
    };
    let hash = git(&["rev-parse", "HEAD"])?.trim().to_owned();
    let changes = git(&[
        "status",
        "--porcelain",
        "--untracked-files=no",
        "--",
        ".",
        ":(exclude)results",
    ])?;
    Some(Commit {
        hash,
        changed: !changes.trim().is_empty(),
    })
}

/// The arguments of this process, as typed.
pub(crate) fn typed() -> Vec<String> {
    std::iter::once("compare".to_owned())
        // An argument that is no text can't be kept in a file that is one.
        .chain(
            env::args_os()
                .skip(1)
                .map(|argument| argument.to_string_lossy().into_owned()),
        )
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use procfs::FromBufRead;
    use schema::cpus::Split;
    use schema::experiment::Times;

    use super::*;
    use crate::contender::samples;
    use crate::experiment::shipped;

    /// A run of two models and two experiments, for tests to change.
    pub(crate) fn environment() -> Environment {
        let experiments = shipped::all()
            .into_iter()
            .filter_map(|experiment| experiment.within("quick"));
        Environment {
            schema: SCHEMA,
            started_at: Timestamp::UNIX_EPOCH,
            command: vec!["compare".to_owned(), "run".to_owned()],
            version: "0.1.0".to_owned(),
            commit: None,
            profile: "quick".to_owned(),
            times: Times {
                warmup: Duration::from_millis(80),
                window: Duration::from_millis(250),
            },
            rounds: 8,
            seed: 7,
            contenders: samples::contenders()[3..5].to_vec(),
            left_out: Vec::new(),
            left_out_of: Vec::new(),
            experiments: experiments.take(2).collect(),
            experiments_left_out: Vec::new(),
            cpus: Split {
                server: "0".parse().expect("a set of CPUs"),
                client: "1".parse().expect("a set of CPUs"),
                shared: false,
            },
            round_trip_us: None,
            machine: Machine {
                cpu_model: "Some CPU".to_owned(),
                cpus: 2,
                memory_bytes: 8 << 30,
                kernel: "Linux 6.1.0".to_owned(),
                governor: None,
                virtualised: false,
            },
        }
    }

    #[test]
    fn long_strings_are_cut_only_where_they_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("environment.json");
        let mut environment = environment();
        environment.contenders[0].command.push("x".repeat(5000));
        write(&environment, &path).unwrap();
        assert_eq!(read_whole(&path).unwrap(), stripped(environment));
        let shown = read(&path).unwrap();
        let argument = shown.contenders[0].command.last().unwrap();
        assert_eq!(argument.chars().count(), text::STORED_MOST + 1);
    }

    /// Without what is not written down.
    fn stripped(mut environment: Environment) -> Environment {
        for contender in &mut environment.contenders {
            contender.folder = std::path::PathBuf::new();
        }
        environment
    }

    #[test]
    fn a_machine_without_a_model_name_still_has_one() {
        let arm = "processor\t: 0\nCPU implementer\t: 0x41\n\n";
        assert_eq!(
            cpu_model(&CpuInfo::from_buf_read(arm.as_bytes()).unwrap()),
            "0x41"
        );
        let bare = "processor\t: 0\n\n";
        assert_eq!(
            cpu_model(&CpuInfo::from_buf_read(bare.as_bytes()).unwrap()),
            env::consts::ARCH
        );
    }

    #[test]
    fn this_machine_can_be_described() {
        let machine = this_machine(2).unwrap();
        assert!(
            machine.memory_bytes > 0 && machine.kernel.starts_with("Linux "),
            "{machine:?}"
        );
    }
}
