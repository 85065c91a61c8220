//! Owns the form of reports that say what is and what is missing: lines for people, and the same as JSON.

use crate::host::failure::Failure;
use crate::host::ui::Ui;
use serde_json::{Map, Value, json};

/// A report in sections.
#[derive(Debug, Default)]
pub struct Report {
    sections: Vec<Section>,
    hints: Vec<String>,
}

/// A section with its findings.
#[derive(Debug)]
struct Section {
    name: &'static str,
    findings: Vec<Finding>,
}

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is as it should be.
    Good,
    /// Neither good nor bad.
    Plain,
    /// It looks like a mistake.
    Doubtful,
    /// It is in the way.
    Bad,
}

/// One finding.
#[derive(Debug)]
struct Finding {
    state: State,
    what: String,
    detail: String,
}

impl Report {
    /// Begins a section.
    pub fn section(&mut self, name: &'static str) {
        self.sections.push(Section { name, findings: Vec::new() });
    }

    /// Adds a finding to the section.
    pub fn add(&mut self, state: State, what: impl Into<String>, detail: impl Into<String>) {
        let finding = Finding { state, what: plain(&what.into()), detail: plain(&detail.into()) };
        match self.sections.last_mut() {
            Some(section) => section.findings.push(finding),
            None => self.sections.push(Section { name: "", findings: vec![finding] }),
        }
    }

    /// Adds what to do, once.
    pub fn hint(&mut self, hint: impl Into<String>) {
        let hint = hint.into();
        if !self.hints.contains(&hint) {
            self.hints.push(hint);
        }
    }

    /// Whether nothing is in the way.
    pub fn is_good(&self) -> bool {
        !self.sections.iter().flat_map(|section| &section.findings).any(|finding| finding.state == State::Bad)
    }

    /// Prints it to stdout.
    ///
    /// # Errors
    /// When stdout cannot take it.
    pub fn print(&self, ui: &Ui) -> Result<(), Failure> {
        if ui.json() { ui.report(&self.json()) } else { ui.data(self.text().as_bytes()) }
    }

    fn text(&self) -> String {
        let mut out = String::new();
        for section in &self.sections {
            out.push_str(&format!("{}\n", section.name));
            let width =
                section.findings.iter().map(|finding| finding.what.chars().count()).filter(|width| *width <= 48).max().unwrap_or(0);
            for Finding { state, what, detail } in &section.findings {
                let line = format!("  {:<7}  {what:<width$}  {detail}", state.mark());
                out.push_str(line.trim_end());
                out.push('\n');
            }
        }
        for hint in &self.hints {
            out.push_str(&format!("hint: {hint}\n"));
        }
        out
    }

    fn json(&self) -> Value {
        let finding = |finding: &Finding| json!({ "state": finding.state.word(), "what": finding.what, "detail": finding.detail });
        let mut object = Map::from_iter([("good".to_owned(), json!(self.is_good()))]);
        for section in &self.sections {
            object.insert(section.name.replace(' ', "_"), section.findings.iter().map(finding).collect());
        }
        object.insert("hints".to_owned(), json!(self.hints));
        Value::Object(object)
    }
}

impl State {
    fn mark(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Plain => "-",
            Self::Doubtful => "warning",
            Self::Bad => "error",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Plain => "none",
            other => other.mark(),
        }
    }
}

/// What comes from files is not to be trusted with a terminal.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_the_same_to_people_and_programs() {
        let mut report = Report::default();
        report.section("key services");
        report.add(State::Good, "age1x", "opens\u{1b} it");
        assert!(report.is_good());
        report.add(State::Bad, "longer name", "");
        report.hint("look");
        report.hint("look");
        assert!(!report.is_good());
        assert_eq!(report.text(), "key services\n  ok       age1x        opens it\n  error    longer name\nhint: look\n");
        assert_eq!(report.json()["key_services"][1]["state"], "error");
        assert_eq!((report.json()["good"].as_bool(), report.json()["hints"].as_array().map(Vec::len)), (Some(false), Some(1)));
    }
}
