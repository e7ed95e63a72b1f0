use super::*;
use crate::contender::samples;

/// A folder with these scripts as programs.
fn folder(scripts: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, script) in scripts {
        let path = folder.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn prints(description: &Description) -> String {
    format!(
        "cat <<'END'\n{}\nEND",
        serde_json::to_string(description).unwrap()
    )
}

#[test]
fn models_describe_themselves_and_come_in_a_fixed_order() {
    let mut further = samples::descriptions().remove(0);
    further.name = "aardvark".to_owned();
    further.lineage = Lineage::Further;
    let mut all = samples::descriptions();
    all.push(further);
    let scripts: Vec<_> = all
        .iter()
        .rev()
        .map(|one| (format!("server-{}", one.name), prints(one)))
        .collect();
    let scripts: Vec<_> = scripts
        .iter()
        .map(|(name, script)| (&**name, &**script))
        .collect();
    let folder = folder(&scripts);
    let found = in_folder(folder.path()).unwrap();
    assert_eq!((found.models, found.faulty.len()), (all, 0));
}

/// Threads, loops in threads and in processes, loops with threads for jobs, and the loop without workers.
#[test]
fn further_models_come_from_simple_to_composed() {
    let mut all = samples::further();
    all.reverse();
    all.sort_by_cached_key(place);
    let names: Vec<_> = all.iter().map(|model| &*model.name).collect();
    assert_eq!(names, ["eta", "iota", "kappa", "lambda", "theta", "mu"]);
}

#[test]
fn links_to_programs_are_found_and_other_files_are_not() {
    let own = folder(&[
        ("server-alpha", &prints(&samples::descriptions()[0])),
        ("other", "exit 0"),
    ]);
    fs::write(own.path().join("server-alpha.d"), "no program").unwrap();
    fs::create_dir(own.path().join("server-folder")).unwrap();
    let linked = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(
        own.path().join("server-alpha"),
        linked.path().join("server-alpha"),
    )
    .unwrap();
    for folder in [own.path(), linked.path()] {
        let found = in_folder(folder).unwrap();
        assert_eq!((found.models.len(), found.faulty.len()), (1, 0), "{found:?}");
    }
}

#[test]
fn a_faulty_program_is_left_out_with_one_line() {
    let mut other = samples::descriptions().remove(0);
    other.schema = SCHEMA + 1;
    let newer = prints(&other);
    other.schema = SCHEMA;
    let renamed = prints(&other);
    let folder = folder(&[
        ("server-fails", "echo broken >&2; exit 3"),
        ("server-hangs", "sleep 100 & wait"),
        ("server-listens", "echo listening on 127.0.0.1:1; exit 0"),
        ("server-newer", &newer),
        ("server-prints", "while :; do echo more; done"),
        ("server-renamed", &renamed),
    ]);
    let began = Instant::now();
    let found = describe_all(folder.path(), Duration::from_secs(2)).unwrap();
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(found.models.is_empty());
    let expected = [
        ("server-fails", "it fails"),
        ("server-hangs", "within 2s"),
        ("server-listens", "no description"),
        ("server-newer", "has schema 2, and this program reads 1"),
        ("server-prints", "too long"),
        ("server-renamed", "\"alpha\""),
    ];
    assert_eq!(found.faulty.len(), expected.len(), "{found:?}");
    for (left_out, (name, reason)) in found.faulty.iter().zip(expected) {
        assert_eq!(left_out.name, name);
        assert!(
            left_out.reason.contains(reason) && !left_out.reason.contains('\n'),
            "{left_out:?}"
        );
    }
}

#[test]
fn a_description_with_fields_of_a_later_version_is_read() {
    let mut description = serde_json::to_value(&samples::descriptions()[0]).unwrap();
    description["colour"] = "green".into();
    let read = super::description("alpha", description.to_string().as_bytes()).unwrap();
    assert_eq!(read, samples::descriptions()[0]);
}

#[test]
fn a_command_is_found_by_its_path() {
    let folder = folder(&[("tool", "exit 0")]);
    let path = env::join_paths([Path::new("/nowhere"), folder.path()]).unwrap();
    let found = |typed: &str| folder_of_command(Some(OsStr::new(typed)), Some(&path));
    assert_eq!(found("tool").as_deref(), Some(folder.path()));
    assert_eq!(found("bin/tool").as_deref(), Some(Path::new("bin")));
    assert_eq!(found("other"), None);
}
