//! The arrows of `docs/architecture.md`: a module uses only what is below it, and only `host/` meets the operating system.

use std::fs;
use std::path::{Path, PathBuf};

/// Top-level modules from the top of the house to its ground. A module may use itself and what stands after it.
const ORDER: &[&[&str]] = &[
    &["main", "large_pages"],
    &["cli"],
    &["commands"],
    &["host"],
    &["file"],
    &["config"],
    &["metadata", "selection"],
    &["keys"],
    &["mac", "document"],
    &["crypto"],
    &["pattern"],
    &["value"],
    &["secret"],
];

/// Uses that the order alone would forbid, each with its reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("metadata", "selection", "the selectors are part of the metadata"),
    ("document", "config", "the layout settings are plain numbers"),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|e| e == "rs") {
                out.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let all: Vec<(PathBuf, String)> = files.into_iter().map(|p| (p.clone(), fs::read_to_string(p).unwrap())).collect();
    // Modules that are nothing but tests meet what they like.
    let tests: Vec<PathBuf> = all
        .iter()
        .flat_map(|(path, text)| {
            let folder = if path.ends_with("mod.rs") { path.parent().unwrap().to_owned() } else { path.with_extension("") };
            let names =
                text.split("#[cfg(test)]\nmod ").skip(1).filter_map(|rest| rest.split_once(';').map(|(name, _)| name.to_owned()));
            names.map(move |name| folder.join(format!("{name}.rs"))).collect::<Vec<_>>()
        })
        .collect();
    all.into_iter().filter(|(path, _)| !tests.contains(path)).collect()
}

/// The code of a file before its tests, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let tests = text.lines().position(|l| l.trim_start().starts_with("#[cfg(test)]")).unwrap_or(usize::MAX);
    text.lines()
        .enumerate()
        .take_while(move |(i, _)| *i < tests)
        .filter(|(_, l)| !l.trim_start().starts_with("//"))
        .map(|(i, l)| (i + 1, l))
}

fn module(path: &Path) -> String {
    let relative = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    relative.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned()
}

fn rank(module: &str) -> Option<usize> {
    ORDER.iter().position(|level| level.contains(&module))
}

#[test]
fn arrows_point_down() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let from = module(&path);
        if from == "lib" {
            continue;
        }
        let from_rank = rank(&from).unwrap_or_else(|| panic!("{} is not in the house: add it to ORDER", path.display()));
        for (line, code) in code(&text) {
            for used in code.split("crate::").skip(1) {
                let to: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                let Some(to_rank) = rank(&to) else { continue };
                let allowed = to == from || to_rank > from_rank || EXCEPTIONS.iter().any(|(f, t, _)| *f == from && *t == to);
                if !allowed {
                    wrong.push(format!("{}:{line}: `{from}` uses `{to}`", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows that point up:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_host_meets_the_operating_system() {
    const FORBIDDEN: &[&str] =
        &["std::fs", "std::env", "std::process", "println!", "eprintln!", "print!(", "SystemTime", "Instant::now", "std::io::std"];
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let module = module(&path);
        if ["host", "main"].contains(&module.as_str()) {
            continue;
        }
        for (line, code) in code(&text) {
            for word in FORBIDDEN {
                if code.contains(word) && !(word == &"std::process" && code.contains("ExitCode")) {
                    wrong.push(format!("{}:{line}: {word}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "outside host/:\n{}", wrong.join("\n"));
}

#[test]
fn no_file_has_grown_two_nouns() {
    let long: Vec<String> = sources()
        .iter()
        .filter_map(|(path, text)| {
            let lines = code(text).last().map_or(0, |(n, _)| n);
            (lines > 450).then(|| format!("{}: {lines} lines before its tests", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "split by noun:\n{}", long.join("\n"));
}

#[test]
fn every_module_says_what_it_owns() {
    let silent: Vec<String> =
        sources().iter().filter(|(_, text)| !text.starts_with("//!")).map(|(path, _)| path.display().to_string()).collect();
    assert!(silent.is_empty(), "no `//!` at the top:\n{}", silent.join("\n"));
}
