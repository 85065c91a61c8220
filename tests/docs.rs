//! What the documents say about the program and the repository is so.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The pages people read: README, CHANGELOG and `docs/`.
fn pages() -> Vec<String> {
    let mut pages = vec![String::from("README.md"), String::from("CHANGELOG.md")];
    let mut docs: Vec<_> =
        fs::read_dir(root().join("docs")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    docs.sort();
    pages.extend(docs.into_iter().map(|name| format!("docs/{name}")));
    pages
}

/// What stands between two marks, for each pair of them.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).filter_map(move |rest| rest.split(close).next())
}

/// The anchor that a heading gets on the usual hosts.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn headings(page: &str) -> Vec<String> {
    read(page).lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim().to_owned()).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = read(&page);
        for target in between(&text, "](", ")").filter(|t| !t.starts_with("http")) {
            let (file, fragment) = target.split_once('#').map_or((target, None), |(file, fragment)| (file, Some(fragment)));
            let folder = Path::new(&page).parent().unwrap();
            let path = if file.is_empty() { PathBuf::from(&page) } else { folder.join(file) };
            let found = root().join(&path).exists();
            let named = fragment.is_none_or(|f| headings(path.to_str().unwrap()).iter().any(|h| anchor(h) == f));
            if !found || !named {
                broken.push(format!("{page}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "links to nowhere:\n{}", broken.join("\n"));
}

#[test]
fn commands_and_options_in_the_readme_exist() {
    let mut program = leafseal::cli::command();
    program.build();
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    let readme = read("README.md");
    // Every place where the program is called, in text and in examples: up to what ends a command of the shell.
    for call in readme.split("leafseal ").skip(1) {
        let call = call.split(['\n', '`', '|', '#']).next().unwrap_or_default();
        let mut words = call.split_whitespace().map(|w| w.trim_matches(['\'', '"', ':', ',']));
        let Some(first) = words.next() else { continue };
        let Some(command) = program.find_subcommand(first) else {
            // A file that is edited, or a sentence about the program.
            if call.contains("--") {
                wrong.push(format!("leafseal {call}"));
            }
            continue;
        };
        seen.insert(first.to_owned());
        // What follows the dashes is for another program.
        for option in words.take_while(|w| *w != "--").filter_map(|w| w.strip_prefix("--")) {
            let known = command.get_arguments().chain(program.get_arguments()).any(|a| a.get_long() == Some(option));
            if !known {
                wrong.push(format!("leafseal {call}: --{option}"));
            }
        }
    }
    assert!(wrong.is_empty(), "the README calls what does not exist:\n{}", wrong.join("\n"));
    for command in ["init", "encrypt", "edit", "set", "decrypt"] {
        assert!(seen.contains(command), "the README does not show `leafseal {command}`");
    }
}

#[test]
fn every_exit_code_is_documented() {
    let source = read("src/host/exit.rs");
    let table = read("docs/cli.md");
    let codes: Vec<&str> =
        source.lines().filter(|l| l.starts_with("pub const ")).flat_map(|l| between(l, "= Exit(", ")")).collect();
    assert!(codes.len() > 15, "{codes:?}");
    for code in codes {
        assert!(table.contains(&format!("\n| {code} | ")), "exit code {code} is not in docs/cli.md");
    }
}

#[test]
fn files_that_the_documents_name_exist() {
    let mut missing = Vec::new();
    for page in pages() {
        let text = read(&page);
        // Spans of code that begin with a folder of the repository; `src/...` may also be a folder, with a slash at its end.
        for name in between(&text, "`", "`").filter(|n| !n.contains(char::is_whitespace)) {
            let ours =
                ["src/", "tests/", "docs/", "scripts/", "examples/", "testdata/"].iter().any(|folder| name.starts_with(folder));
            if ours && !root().join(name).exists() {
                missing.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "there are no such files:\n{}", missing.join("\n"));
}

#[test]
fn rules_that_the_code_points_at_exist() {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            if entry.is_dir() {
                walk(&entry, out);
            } else {
                out.push(entry);
            }
        }
    }
    let mut files = Vec::new();
    walk(&root().join("src"), &mut files);
    let mut wrong = Vec::new();
    let mut count = 0;
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        // `docs/format.md`, "Sealed values" (and "Shares")
        for reference in text.split("`docs/").skip(1) {
            let Some((page, rest)) = reference.split_once('`') else { continue };
            let page = format!("docs/{page}");
            let known = headings(&page);
            let line = rest.lines().next().unwrap_or_default();
            let Some(mut rest) = line.strip_prefix(", \"") else { continue };
            while let Some((name, after)) = rest.split_once('"') {
                count += 1;
                if !known.iter().any(|h| h == name) {
                    wrong.push(format!("{}: {page} has no section \"{name}\"", file.display()));
                }
                match after.strip_prefix(" and \"") {
                    Some(next) => rest = next,
                    None => break,
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 15, "only {count} references were found: is the test still reading them?");
}
