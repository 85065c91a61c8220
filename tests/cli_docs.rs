//! `docs/cli.md` is made from the program itself. `UPDATE_DOCS=1 cargo test cli_docs` writes it.

use leafseal::host::{env, exit};

#[test]
fn docs_cli_md_is_what_the_program_says() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let text = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == text, "docs/cli.md is not what the program says: run `UPDATE_DOCS=1 cargo test cli_docs`");
}

fn document() -> String {
    let mut out = String::from(
        "# The command line\n\nMade from the program by `tests/cli_docs.rs`; do not edit.\n\n\
         Options may stand anywhere, long ones with one dash or two. `-` is standard input or output. A name that is no command is a file to \
         edit; a file named like a command needs `./` before it. What is printed on standard output is data; everything else goes to standard \
         error.\n",
    );
    let mut command = leafseal::cli::command().term_width(100);
    command.build();
    section(&mut out, "leafseal", &mut command.clone());
    for sub in command.get_subcommands_mut().filter(|c| c.get_name() != "help" && !c.is_hide_set()) {
        let name = format!("leafseal {}", sub.get_name());
        section(&mut out, &name, sub);
    }
    out.push_str("\n## Environment\n\n");
    out.push_str(&env::table());
    out.push_str("\n## Exit codes\n\nThose of sops.\n\n| code | when |\n|---|---|\n");
    for (code, meaning) in exit::ALL {
        out.push_str(&format!("| {} | {meaning} |\n", code.0));
    }
    out
}

fn section(out: &mut String, name: &str, command: &mut clap::Command) {
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    out.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", lines.join("\n").trim_end()));
}
