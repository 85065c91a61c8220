//! The YAML test suite with go-yaml's verdicts and events, where `../shared` is there (or `LEAFSEAL_SHARED` says where).

use std::path::PathBuf;

use crate::yaml_events::events;

#[test]
fn the_suite_is_read_as_go_yaml_reads_it() {
    let shared = std::env::var_os("LEAFSEAL_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let Ok(folder) = std::fs::read_dir(shared.join("yaml-suite")) else {
        eprintln!("skipped: no yaml-suite in {}", shared.display());
        return;
    };
    let mut compared = 0;
    for entry in folder {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let expected = std::fs::read_to_string(path.with_extension("events")).unwrap();
        match events(&std::fs::read(&path).unwrap()) {
            Ok(events) => assert_eq!(events, expected, "{}", path.display()),
            Err(error) => assert!(expected.starts_with("ERROR"), "{}: {error}", path.display()),
        }
        compared += 1;
    }
    assert_eq!(compared, 402);
}
