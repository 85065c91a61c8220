//! Says what a config means for one file: which rule is used and why, which keys, which selection, and what looks like a
//! mistake. As data, as lines for people, and as a tree for JSON.

use super::model::{Config, Indents};
use super::policy::{Overrides, Policy, PolicyError, resolve};
use super::rules::{FilePath, NearMiss, near_miss};
use crate::document::dotenv::Dialect;
use crate::document::node::Node;
use crate::document::{Format, Position};
use crate::keys::MasterKey;
use crate::pattern::PatternError;
use crate::value::{Value, ValueType};

/// What a config means for one file.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The absolute path of the file.
    pub file: String,
    /// Path of the config, if there is one.
    pub config: Option<String>,
    /// What patterns are matched against, if there is a config.
    pub subject: Option<String>,
    /// Every creation rule, in order.
    pub rules: Vec<ExplainedRule>,
    /// How the file would be sealed, or why not.
    pub policy: Result<Policy, PolicyError>,
    /// `stores`.
    pub indents: Indents,
    /// What looks like a mistake; the policy's warnings included.
    pub warnings: Vec<String>,
}

/// A creation rule and what it says to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedRule {
    /// Where it begins.
    pub position: Position,
    /// Its pattern; empty if it has none.
    pub pattern: String,
    /// What it says.
    pub verdict: Verdict,
}

/// What a rule says to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first rule that matches.
    Used,
    /// It would match, but an earlier rule does.
    Later,
    /// It does not match, but nearly.
    No(Option<NearMiss>),
    /// Its pattern cannot be compiled.
    Broken(PatternError),
}

/// Explains what a config means for a file; see [`resolve`] for the arguments.
pub fn explain(config: Option<&Config>, file: &FilePath, given: &Overrides, format: Format) -> Explanation {
    let policy = resolve(config, file, given, format);
    let mut rules = Vec::new();
    let mut warnings: Vec<String> = Vec::new();
    if let Some(config) = config {
        warnings.extend(config.warnings.iter().map(ToString::to_string));
        let mut used = false;
        for (index, rule) in config.creation_rules.iter().flatten().enumerate() {
            let verdict = match config.rule_matches(rule, file) {
                Ok(true) if used => Verdict::Later,
                Ok(true) => Verdict::Used,
                Ok(false) => Verdict::No(near_miss(&rule.path_regex, file, &config.origin.directory)),
                Err(error) => Verdict::Broken(error),
            };
            if let Verdict::Broken(error) = &verdict
                && used
            {
                warnings.push(format!(
                    "{}: creation_rules[{index}].path_regex cannot be compiled, which fails for files that no rule before it matches: {error}",
                    rule.position
                ));
            }
            used |= verdict == Verdict::Used;
            rules.push(ExplainedRule { position: rule.position, pattern: rule.path_regex.clone(), verdict });
        }
    }
    if let Ok(policy) = &policy {
        warnings.extend(policy.warnings.iter().map(ToString::to_string));
    }
    Explanation {
        file: file.absolute.clone(),
        config: config.map(|config| config.origin.path.clone()),
        subject: config.map(|config| file.subject(&config.origin.directory).to_owned()),
        rules,
        policy,
        indents: config.map(|config| config.indents).unwrap_or_default(),
        warnings,
    }
}

impl Explanation {
    /// Lines for people.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![line("file", &self.file)];
        lines.push(line("config", self.config.as_deref().unwrap_or("none found")));
        if let Some(subject) = &self.subject {
            lines.push(line("path", subject));
        }
        if !self.rules.is_empty() {
            lines.push("rules".into());
        }
        let width = self.rules.iter().map(|rule| shown_pattern(rule).chars().count()).max().unwrap_or(0).min(48);
        for (index, rule) in self.rules.iter().enumerate() {
            let pattern = shown_pattern(rule);
            lines.push(format!("  [{index}] line {:<4} {pattern:<width$}  {}", rule.position.line, rule.verdict));
        }
        match &self.policy {
            Ok(policy) => lines.extend(policy_lines(policy)),
            Err(error) => lines.extend(error.to_string().lines().enumerate().map(|(index, text)| match index {
                0 => line("error", text),
                _ => format!("  {text}"),
            })),
        }
        let Indents { yaml, json_binary, .. } = self.indents;
        if self.indents != (Indents { dotenv: self.indents.dotenv, ..Indents::default() }) {
            let json = |indent: i64| if indent == -1 { "tab".to_owned() } else { indent.to_string() };
            let yaml = if yaml == 0 { 4 } else { yaml };
            let text = format!("yaml {yaml}, json {}, json_binary {}", json(self.indents.json), json(json_binary));
            lines.push(line("indent", &text));
        }
        if self.indents.dotenv == Dialect::Posix {
            lines.push(line("dotenv", "plaintext is read and written as shells do"));
        }
        lines.extend(self.warnings.iter().map(|warning| line("warning", warning)));
        lines
    }

    /// The same as a tree, for JSON.
    pub fn node(&self) -> Node {
        let rules = self.rules.iter().enumerate().map(|(index, rule)| {
            map([
                ("index", integer(index as i64)),
                ("line", integer(rule.position.line.into())),
                ("column", integer(rule.position.column.into())),
                ("path_regex", text_or_null(Some(rule.pattern.as_str()).filter(|pattern| !pattern.is_empty()))),
                ("result", Node::str(rule.verdict.word())),
                ("detail", text_or_null(rule.verdict.detail().as_deref())),
            ])
        });
        let indent = |indent: i64| map([("indent", integer(indent))]);
        map([
            ("file", Node::str(&self.file)),
            ("config", text_or_null(self.config.as_deref())),
            ("path", text_or_null(self.subject.as_deref())),
            ("rules", Node::seq(rules)),
            ("policy", self.policy.as_ref().map_or(Node::scalar(Value::NULL), policy_node)),
            ("error", text_or_null(self.policy.as_ref().err().map(ToString::to_string).as_deref())),
            (
                "stores",
                map([
                    ("yaml", indent(self.indents.yaml)),
                    ("json", indent(self.indents.json)),
                    ("json_binary", indent(self.indents.json_binary)),
                    ("dotenv", map([("dialect", Node::str(if self.indents.dotenv == Dialect::Posix { "posix" } else { "sops" }))])),
                ]),
            ),
            ("warnings", Node::seq(self.warnings.iter().map(Node::str))),
        ])
    }
}

impl Verdict {
    /// One word for programs.
    fn word(&self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Later => "later",
            Self::No(_) => "no",
            Self::Broken(_) => "broken",
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Used | Self::Later | Self::No(None) => None,
            Self::No(Some(near)) => Some(near.to_string()),
            Self::Broken(error) => Some(error.to_string()),
        }
    }
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Used => f.write_str("used"),
            Self::Later => f.write_str("matches too, but the first one is used"),
            Self::No(None) => f.write_str("no"),
            Self::No(Some(near)) => write!(f, "no, but {near}"),
            Self::Broken(error) => write!(f, "no pattern: {error}"),
        }
    }
}

fn line(name: &str, text: &str) -> String {
    format!("{name:<10} {text}")
}

fn shown_pattern(rule: &ExplainedRule) -> &str {
    if rule.pattern.is_empty() { "(every file)" } else { &rule.pattern }
}

fn shown_key(key: &MasterKey) -> String {
    format!("{:<8} {key}", key.type_name())
}

fn policy_lines(policy: &Policy) -> Vec<String> {
    let from = policy.sources.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut lines = vec![line("keys", &format!("{}, from {from}", policy.requirement()))];
    for (index, group) in policy.groups.iter().enumerate() {
        let one = policy.groups.len() == 1;
        if !one {
            lines.push(format!("  group {}", index + 1));
        }
        let indent = if one { "  " } else { "    " };
        lines.extend(group.keys.iter().map(|key| format!("{indent}{}", shown_key(key))));
    }
    let selection = format!("{}: {}, from {}", policy.selection.field(), policy.selection.text(), policy.sources.selection);
    lines.push(line("selection", &selection));
    if policy.mac_only_encrypted {
        lines.push(line("mac", &format!("over encrypted values only, from {}", policy.sources.mac_only_encrypted)));
    }
    lines
}

fn policy_node(policy: &Policy) -> Node {
    let from = |source: &super::Source| Node::str(source.to_string());
    let key = |key: &MasterKey| map([("type", Node::str(key.type_name())), ("key", Node::str(key.to_string()))]);
    map([
        ("groups", Node::seq(policy.groups.iter().map(|group| Node::seq(group.keys.iter().map(key))))),
        ("keys_from", Node::seq(policy.sources.keys.iter().map(from))),
        ("requirement", Node::str(policy.requirement())),
        ("threshold", integer(policy.threshold.into())),
        ("threshold_from", from(&policy.sources.threshold)),
        ("selector", Node::str(policy.selection.field())),
        ("selector_text", Node::str(policy.selection.text())),
        ("selector_from", from(&policy.sources.selection)),
        ("mac_only_encrypted", boolean(policy.mac_only_encrypted)),
        ("mac_only_encrypted_from", from(&policy.sources.mac_only_encrypted)),
    ])
}

fn map<const N: usize>(entries: [(&str, Node); N]) -> Node {
    Node::map(entries.into_iter().map(|(key, node)| (key.to_owned(), node)))
}

fn integer(number: i64) -> Node {
    Node::scalar(Value::new(ValueType::Int, number.to_string().into_bytes()))
}

fn boolean(value: bool) -> Node {
    let text: &'static [u8] = if value { b"True" } else { b"False" };
    Node::scalar(Value::new(ValueType::Bool, text))
}

fn text_or_null(text: Option<&str>) -> Node {
    text.map_or(Node::scalar(Value::NULL), Node::str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::{CreationRule, KeyField, KeyText, Origin};

    fn rule(line: u32, pattern: &str) -> CreationRule {
        let mut rule = CreationRule::at(Position { line, column: 5 });
        rule.path_regex = pattern.into();
        rule.keys.pgp = KeyField { position: Some(rule.position), text: KeyText::Text("AA,BB".into()) };
        rule
    }

    fn explained(rules: Vec<CreationRule>) -> Explanation {
        let config = Config {
            origin: Origin { path: "/p/.sops.yaml".into(), directory: "/p".into() },
            creation_rules: Some(rules),
            destination_rules: Vec::new(),
            indents: Indents { yaml: 2, ..Indents::default() },
            warnings: Vec::new(),
        };
        let file = FilePath { absolute: "/p/dev/a.yaml".into(), windows: false };
        explain(Some(&config), &file, &Overrides::default(), Format::Yaml)
    }

    #[test]
    fn lines_show_config_rules_keys_and_warnings() {
        let explanation = explained(vec![rule(2, "^Dev/"), rule(4, "^dev/"), rule(6, "*"), rule(8, "")]);
        assert_eq!(
            explanation.lines(),
            [
                "file       /p/dev/a.yaml",
                "config     /p/.sops.yaml",
                "path       dev/a.yaml",
                "rules",
                "  [0] line 2    ^Dev/         no, but matches if upper and lower case are the same: `(?i)` in front",
                "  [1] line 4    ^dev/         used",
                "  [2] line 6    *             no pattern: nothing stands before `*` that it could repeat (character 1)",
                "  [3] line 8    (every file)  matches too, but the first one is used",
                "keys       any one of 2 keys, from creation_rules[1] (line 4)",
                "  pgp      AA",
                "  pgp      BB",
                "selection  unencrypted_suffix: _unencrypted, from default",
                "indent     yaml 2, json tab, json_binary tab",
                "warning    line 6, column 5: creation_rules[2].path_regex cannot be compiled, which fails for files that no rule before it \
             matches: nothing stands before `*` that it could repeat (character 1)",
            ]
        );
    }

    #[test]
    fn a_policy_that_cannot_be_made_is_shown_with_its_reason() {
        let explanation = explained(vec![rule(2, "^other/")]);
        let lines = explanation.lines();
        assert!(lines.contains(&"error      error loading config: no matching creation rules found".to_owned()), "{lines:?}");
        let none = explain(None, &FilePath { absolute: "/x".into(), windows: false }, &Overrides::default(), Format::Yaml);
        assert_eq!(none.lines()[1], "config     none found");
        assert!(matches!(none.policy, Err(PolicyError::NoKeys)));
    }

    #[test]
    fn the_tree_holds_the_same_for_programs() {
        let node = explained(vec![rule(2, "^x"), rule(4, "")]).node();
        let result = |index: usize| node.get("rules").and_then(|rules| rules.items().nth(index)?.get("result").cloned());
        for (index, word) in [(0, "no"), (1, "used")] {
            let Some(Node { kind: crate::document::node::Tree::Scalar(value), .. }) = result(index) else { panic!("a word") };
            assert_eq!(value.canonical(), word.as_bytes());
        }
        let policy = node.get("policy").expect("a policy");
        assert_eq!(policy.get("groups").and_then(|groups| groups.items().next()).expect("a group").items().count(), 2);
    }
}
