//! Each fault is refused with its place and its remedy.

use crate::experiment::file::parse;

/// An experiment with this before its only setting, and this within it.
fn read(before: &str, within: &str) -> Result<(), String> {
    let key = if before.contains("key = ") {
        ""
    } else {
        "key = \"mine\""
    };
    let text = format!(
        "{key}\ntitle = \"Mine\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = \"p99_us\"\n\
         {before}\n[[setting]]\ntitle = \"a\"\n{within}"
    );
    parse(&text).map(drop).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(before: &str, within: &str, reported: &[&str]) {
    let within = format!("key = \"a\"\n{within}");
    let message = read(before, &within).unwrap_err();
    for expected in reported {
        assert!(message.contains(expected), "{expected}: {message}");
    }
}

#[test]
fn a_key_can_be_part_of_a_file_name() {
    for key in ["a/b", "..", "../a", "a b", "", ".a", "-a", "é", &"a".repeat(65)] {
        let message = read(&format!("key = {key:?}"), "key = \"a\"").unwrap_err();
        assert!(
            message.contains(&format!("{key:?}")) && message.contains("letters"),
            "{message}"
        );
        let message = read("", &format!("key = {key:?}")).unwrap_err();
        assert!(message.starts_with(&format!("setting {key:?}: ")), "{message}");
    }
    for key in ["sleep-10ms", "1.5", "A_b"] {
        assert_eq!(read(&format!("key = {key:?}"), &format!("key = {key:?}")), Ok(()));
    }
}

#[test]
fn an_unknown_name_is_reported_with_the_known_ones() {
    let profiles = ["\"quik\"", "smoke, quick, standard, full"];
    refused("profiles = [\"quik\"]", "", &profiles);
    refused(
        "",
        "profiles = [\"quik\"]",
        &["setting \"a\"", profiles[0], profiles[1]],
    );
    let needs = ["\"tallly\" is unknown", "isolated-crash"];
    refused("needs = \"tallly\"", "", &needs);
    refused("", "needs = [\"tally\", \"tallly\"]", &needs);
    refused("[[where]]\nhas = \"tallly\"", "", &needs);
    let theory = "[[theory]]\nqueue = \"m/m/1\"\nsettings = [\"b\"]";
    refused(theory, "", &["[[theory]]", "\"b\"", "use one of a"]);
}

#[test]
fn any_model_may_be_named() {
    assert_eq!(
        read(
            "models = [\"hers\"]\n[[where]]\nmodels = [\"hers\"]\nload = { connections = 1 }\n\
             [[theory]]\nqueue = \"m/m/1\"\nmodels = [\"hers\"]",
            "key = \"a\""
        ),
        Ok(())
    );
}

#[test]
fn impossible_values_are_refused_with_their_place() {
    let least = |name: &str| format!("{name} is 0; give at least 1");
    refused("window_ms = 0", "", &["setting \"a\"", &least("window_ms")]);
    refused("", "window_ms = 0", &["setting \"a\"", &least("window_ms")]);
    refused("max_rounds = 0", "", &[&least("max_rounds")]);
    refused("workers = 0", "", &[&least("workers")]);
    refused("", "workers = 0", &["setting \"a\"", &least("workers")]);
    refused("[[where]]\nworkers = 2", "", &["[[where]] number 1", "give has"]);
    refused(
        "method = { rate-under-bound = { p99_ms = 0 } }",
        "",
        &[&least("p99_ms")],
    );
    for name in ["connections", "pipeline", "requests_per_connection"] {
        refused(
            &format!("[load]\n{name} = 0"),
            "",
            &["setting \"a\"", &least(name)],
        );
    }
    refused(
        "[[where]]\nhas = \"serves:one\"\nload = { connections = 0 }",
        "",
        &["setting \"a\"", "[[where]] number 1", &least("connections")],
    );
    for name in [
        "rate_per_s",
        "rate_per_s_per_cpu",
        "capacity",
        "capacity_per_s",
        "within_times",
    ] {
        for value in ["0.0", "-1.5", "nan", "inf"] {
            let load = format!("load = {{ {name} = {value} }}");
            refused("", &load, &["setting \"a\"", name, "more than 0"]);
        }
    }
}

#[test]
fn a_rate_is_given_in_one_way() {
    refused(
        "",
        "load = { capacity = 0.5, rate_per_s = 9.0 }",
        &["rate_per_s and capacity"],
    );
    refused(
        "",
        "load = { capacity_per_s = 9.0 }",
        &["capacity_per_s, but no capacity"],
    );
    refused("", "load = { capacity = 70.0 }", &["capacity is 70", "0.7"]);
    for other in ["capacity = 0.5", "rate_per_s = 9.0"] {
        refused(
            "",
            &format!("load = {{ rate_per_s_per_cpu = 9.0, {other} }}"),
            &["rate_per_s_per_cpu and another rate"],
        );
    }
}

#[test]
fn a_rate_in_a_title_must_be_known() {
    let with = |load: &str| {
        let text = format!(
            "key = \"mine\"\ntitle = \"Mine\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = \"mean_us\"\n\
             [[setting]]\nkey = \"a\"\ntitle = \"at {{rate}}/s\"\nload = {{ {load} }}"
        );
        parse(&text).map(drop).map_err(|error| error.to_string())
    };
    for known in [
        "rate_per_s_per_cpu = 9.0",
        "rate_per_s = 9.0",
        "capacity = 0.5, capacity_per_s = 9.0",
    ] {
        assert_eq!(with(known), Ok(()), "{known}");
    }
    for unknown in ["capacity = 0.5", "connections = 1"] {
        let reason = with(unknown).unwrap_err();
        assert!(reason.contains("{rate} is in a title"), "{reason}");
    }
}

#[test]
fn a_headline_quantile_needs_twenty_samples_beyond() {
    let load = |rate: &str| format!("profiles = [\"standard\"]\nload = {{ {rate} }}");
    let reported = [
        "setting \"a\"",
        "p99_us",
        "only 8 of the 800 samples of a window of 400ms",
        "set window_ms to 1000",
    ];
    refused("", &load("rate_per_s = 2000.0"), &reported);
    refused("", &load("capacity = 0.5, capacity_per_s = 4000.0"), &reported);
    for enough in [
        load("rate_per_s = 5000.0"),
        format!("window_ms = 1000\n{}", load("rate_per_s = 2000.0")),
        // What it will be is known when it has been measured.
        load("capacity = 0.5"),
        load("connections = 1"),
    ] {
        assert_eq!(read("", &format!("key = \"a\"\n{enough}")), Ok(()));
    }
    let mix = |weight: u32| {
        format!(
            "profiles = [\"standard\"]\n[setting.load]\nrate_per_s = 10000.0\n\
             [[setting.load.operation]]\nop = \"ping\"\nweight = {weight}\n\
             [[setting.load.operation]]\nop = \"sleep\"\nparams = 10\nweight = 50"
        )
    };
    let first = |within: &str| {
        let text = format!(
            "key = \"mine\"\ntitle = \"Mine\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = \"first_op_p99_us\"\n\
             [[setting]]\nkey = \"a\"\ntitle = \"a\"\n{within}"
        );
        parse(&text).map(drop).map_err(|error| error.to_string())
    };
    assert_eq!(first(&mix(50)), Ok(()));
    assert!(first(&mix(10)).unwrap_err().contains("first_op_p99_us"));
}

#[test]
fn a_headline_that_no_trial_has_is_refused() {
    let with = |headline: &str, before: &str, load: &str| {
        let text = format!(
            "key = \"mine\"\ntitle = \"Mine\"\nquestion = \"?\"\nsetup = \"-\"\nheadline = {headline:?}\n{before}\n\
             [[setting]]\nkey = \"a\"\ntitle = \"a\"\n{load}"
        );
        parse(&text).map(drop).map_err(|error| error.to_string())
    };
    for (headline, before, load, needed) in [
        (
            "syscalls_per_request",
            "method = \"system-calls\"",
            "",
            "system-calls",
        ),
        ("back_ms", "method = \"kill-worker\"", "", "kill-worker"),
        (
            "rate_under_bound_per_s",
            "method = { rate-under-bound = { p99_ms = 5 } }",
            "",
            "rate-under-bound",
        ),
        (
            "within_percent",
            "",
            "load = { within_times = 10 }",
            "within_times",
        ),
        (
            "first_op_p99_us",
            "",
            "load = { operation = [{ op = \"ping\" }, { op = \"spin\" }] }",
            "two or more operations",
        ),
    ] {
        assert_eq!(with(headline, before, load), Ok(()));
        let message = with(headline, "", "").unwrap_err();
        for part in ["setting \"a\"", headline, needed] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[test]
fn a_bound_of_latency_needs_work_of_a_known_time() {
    refused(
        "",
        "load = { op = \"pi\", within_times = 10.0 }",
        &["setting \"a\"", "within_times", "use ping, spin"],
    );
    assert_eq!(
        read("", "key = \"a\"\nload = { op = \"spin\", within_times = 10.0 }"),
        Ok(())
    );
}

#[test]
fn a_setting_needs_a_place_on_the_axis() {
    let axis = "axis = { title = \"clients\" }";
    refused(axis, "", &["setting \"a\"", "x", "\"clients\""]);
    assert_eq!(read(axis, "key = \"a\"\nx = 3"), Ok(()));
    let rate = "key = \"a\"\nload = { rate_per_s_per_cpu = 50000.0 }";
    assert_eq!(read(axis, rate), Ok(()));
    let panel = "panel = \"short\"";
    refused("", panel, &["panel", "no axis"]);
    assert_eq!(read(axis, &format!("key = \"a\"\nx = 3\n{panel}")), Ok(()));
}

#[test]
fn a_plot_is_of_a_metric_in_the_tables() {
    let metrics = |plot: &str| format!("metrics = [\"p50_us\"]\nplots = [\"p99_us\", {plot:?}]");
    assert_eq!(read(&metrics("p50_us"), "key = \"a\""), Ok(()));
    refused(
        &metrics("p90_us"),
        "",
        &["plots", "\"p90_us\"", "use one of p99_us, p50_us"],
    );
}
