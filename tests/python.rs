//! Servers in Python (`tests/servers`), each in a process of its own on loopback, where `scripts/servers` installed what they need.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server; it ends when its standard input does, with this process at the latest.
pub(crate) struct Server {
    facts: serde_json::Value,
    child: Child,
}

impl Server {
    /// Starts a script with arguments; `None`, with a note, where there is nothing to run it with.
    pub(crate) fn start(script: &str, arguments: &[&str]) -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("target/servers/bin/python3");
        if !python.exists() {
            eprintln!("skipped: there is nothing to run {script} with; scripts/servers installs it");
            return None;
        }
        let mut child = Command::new(python)
            .arg(root.join("tests/servers").join(script))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Some greet before the facts.
        let line = lines.map_while(Result::ok).find(|line| line.starts_with('{')).expect("a server tells where it is");
        Some(Self { facts: serde_json::from_str(&line).unwrap(), child })
    }

    /// What it said about itself.
    pub(crate) fn facts(&self) -> &serde_json::Value {
        &self.facts
    }

    /// A text of that.
    pub(crate) fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
