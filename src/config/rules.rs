//! Finds the creation rule of a file, and says why there is none.
//!
//! The subject of `path_regex` is the absolute path of the file with the directory of the config cut off in front; a file
//! elsewhere keeps its absolute path. The first rule without a pattern or with one that matches wins; patterns after it
//! are not looked at.

use super::model::{Config, CreationRule};
use crate::document::Position;
use crate::pattern::{self, PatternError};

/// The file a rule is wanted for: data of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePath {
    /// Its absolute path, as the reference makes it: the working directory and the argument joined and cleaned, symbolic links kept.
    pub absolute: String,
    /// Whether `\` separates: then patterns are tried on the path as it is and with `/`.
    pub windows: bool,
}

/// The rule of a file.
#[derive(Clone, Copy, Debug)]
pub struct RuleMatch<'c> {
    /// Which one, from 0.
    pub index: usize,
    /// The rule.
    pub rule: &'c CreationRule,
}

/// Why no rule could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// A pattern before any match cannot be compiled.
    #[error("can not compile regexp: {path}: {position}: creation_rules[{index}].path_regex `{pattern}`: {error}")]
    Pattern {
        /// Path of the config.
        path: String,
        /// Which rule, from 0.
        index: usize,
        /// Where the rule begins.
        position: Position,
        /// Its pattern.
        pattern: String,
        /// What is wrong with it.
        error: PatternError,
    },
    /// There are rules, and none matches.
    #[error("{0}")]
    NoMatch(Box<NoMatch>),
}

/// No creation rule matches a file: everything that was tried. Its `Display` is a table of several lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoMatch {
    /// Path of the config.
    pub config: String,
    /// What the patterns were matched against.
    pub subject: String,
    /// The rules, in order.
    pub rules: Vec<MissedRule>,
}

/// A rule that does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedRule {
    /// The 1-based line of the rule.
    pub line: u32,
    /// Its pattern.
    pub pattern: String,
    /// What would make it match.
    pub near: Option<NearMiss>,
}

/// A small change that would make a rule match.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NearMiss {
    /// The pattern without the blanks around it.
    Blanks,
    /// Without regard to case.
    Case,
    /// On the path relative to this directory.
    Base(String),
    /// On the absolute path.
    Absolute,
    /// Without the `^` in front.
    Anchor,
    /// On the same name with this ending.
    Ending(&'static str),
    /// Without this directory in front of the pattern.
    Directory(String),
}

impl std::fmt::Display for NearMiss {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Blanks => f.write_str("matches without the blanks around it"),
            Self::Case => f.write_str("matches if upper and lower case are the same: `(?i)` in front"),
            Self::Base(directory) => write!(f, "matches the path relative to {directory}, not to the config"),
            Self::Absolute => f.write_str("matches the absolute path, but the path is relative to the config"),
            Self::Anchor => f.write_str("matches without the `^`"),
            Self::Ending(ending) => write!(f, "matches the ending `{ending}`"),
            Self::Directory(directory) => write!(f, "matches without `{directory}` in front"),
        }
    }
}

impl std::fmt::Display for NoMatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "error loading config: no matching creation rules found")?;
        writeln!(f, "  config    {}", self.config)?;
        write!(f, "  path      {}", self.subject)?;
        if self.rules.is_empty() {
            write!(f, "\n  rules     none: `creation_rules` is an empty list")?;
        }
        let width = self.rules.iter().map(|rule| rule.pattern.chars().count()).max().unwrap_or(0).min(48);
        for rule in &self.rules {
            write!(f, "\n  line {:<4} {:<width$}  ", rule.line, rule.pattern)?;
            match &rule.near {
                Some(near) => write!(f, "no, but {near}")?,
                None => f.write_str("no")?,
            }
        }
        Ok(())
    }
}

impl FilePath {
    /// What `path_regex` is matched against, for a config in `directory`; with `\` as it came on Windows.
    pub fn subject(&self, directory: &str) -> &str {
        let separator = if self.windows { '\\' } else { '/' };
        let below = self.absolute.strip_prefix(directory).and_then(|rest| rest.strip_prefix(separator));
        below.unwrap_or(&self.absolute)
    }

    /// The subject in the spellings that are tried.
    fn subjects(&self, directory: &str) -> Vec<String> {
        let subject = self.subject(directory);
        let mut subjects = vec![subject.to_owned()];
        if self.windows && subject.contains('\\') {
            subjects.push(subject.replace('\\', "/"));
        }
        subjects
    }
}

impl Config {
    /// The creation rule of a file. `None` if the config has no `creation_rules`: then there is no config as far as encryption is
    /// concerned.
    ///
    /// # Errors
    /// [`RuleError::NoMatch`] if there are rules and none matches, [`RuleError::Pattern`] if one that comes before a match
    /// cannot be compiled.
    pub fn matching_rule(&self, file: &FilePath) -> Result<Option<RuleMatch<'_>>, RuleError> {
        let Some(rules) = &self.creation_rules else { return Ok(None) };
        let subjects = file.subjects(&self.origin.directory);
        for (index, rule) in rules.iter().enumerate() {
            let matches = matches(&rule.path_regex, &subjects).map_err(|error| RuleError::Pattern {
                path: self.origin.path.clone(),
                index,
                position: rule.position,
                pattern: rule.path_regex.clone(),
                error,
            })?;
            if matches {
                return Ok(Some(RuleMatch { index, rule }));
            }
        }
        let missed = |rule: &CreationRule| MissedRule {
            line: rule.position.line,
            pattern: rule.path_regex.clone(),
            near: near_miss(&rule.path_regex, file, &self.origin.directory),
        };
        Err(RuleError::NoMatch(Box::new(NoMatch {
            config: self.origin.path.clone(),
            subject: file.subject(&self.origin.directory).to_owned(),
            rules: rules.iter().map(missed).collect(),
        })))
    }

    /// Whether the pattern of a rule matches a file, whatever the rules before it say.
    pub(super) fn rule_matches(&self, rule: &CreationRule, file: &FilePath) -> Result<bool, PatternError> {
        matches(&rule.path_regex, &file.subjects(&self.origin.directory))
    }
}

fn matches(pattern: &str, subjects: &[String]) -> Result<bool, PatternError> {
    if pattern.is_empty() {
        return Ok(true);
    }
    let regex = pattern::compile(pattern)?;
    Ok(subjects.iter().any(|subject| regex.is_match(subject)))
}

/// What would make a pattern that does not match a file match it; the smallest change first.
pub(super) fn near_miss(pattern: &str, file: &FilePath, directory: &str) -> Option<NearMiss> {
    let slashes = |text: &str| if file.windows { text.replace('\\', "/") } else { text.to_owned() };
    let subject = slashes(file.subject(directory));
    let absolute = slashes(&file.absolute);
    let hits = |pattern: &str, subject: &str| pattern::compile(pattern).is_ok_and(|regex| regex.is_match(subject));

    if pattern.trim() != pattern && hits(pattern.trim(), &subject) {
        return Some(NearMiss::Blanks);
    }
    if hits(&format!("(?i){pattern}"), &subject) {
        return Some(NearMiss::Case);
    }
    if let Some(near) = other_base(pattern, &absolute, &subject) {
        return Some(near);
    }
    let bare = pattern.strip_prefix('^').unwrap_or(pattern);
    if bare != pattern && !bare.is_empty() && hits(bare, &subject) {
        return Some(NearMiss::Anchor);
    }
    let name = subject.rsplit('/').next().unwrap_or(&subject);
    let stem = name.rfind('.').map_or(subject.as_str(), |dot| &subject[..subject.len() - name.len() + dot]);
    for ending in [".yaml", ".yml", ".json", ".env", ".ini"] {
        if hits(pattern, &format!("{stem}{ending}")) {
            return Some(NearMiss::Ending(ending));
        }
    }
    // The rest must still say something about the path: `.*` would match anything.
    let slash = bare.find('/').filter(|slash| slash + 1 < bare.len())?;
    let rest = &bare[slash + 1..];
    (hits(rest, &subject) && !hits(rest, "\u{1}")).then(|| NearMiss::Directory(pattern[..pattern.len() - rest.len()].to_owned()))
}

/// The path relative to another directory, or the absolute path, if the pattern matches that.
fn other_base(pattern: &str, absolute: &str, subject: &str) -> Option<NearMiss> {
    let regex = pattern::compile(pattern).ok()?;
    let slashes = absolute.match_indices('/').map(|(index, _)| index);
    // From the file's own directory outwards; deeper paths than this are not searched.
    let bases: Vec<usize> = slashes.collect::<Vec<_>>().into_iter().rev().take(32).collect();
    let base = bases.into_iter().find(|&slash| {
        let relative = &absolute[slash + 1..];
        relative != subject && regex.is_match(relative)
    });
    match base {
        Some(0) => Some(NearMiss::Base("/".into())),
        Some(slash) => Some(NearMiss::Base(absolute[..slash].to_owned())),
        None => (absolute != subject && regex.is_match(absolute)).then_some(NearMiss::Absolute),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::model::{Indents, Origin};

    fn config(patterns: &[&str]) -> Config {
        let rule = |(index, pattern): (usize, &&str)| {
            let mut rule = CreationRule::at(Position { line: index as u32 + 2, column: 5 });
            rule.path_regex = (*pattern).to_owned();
            rule
        };
        Config {
            origin: Origin { path: "/home/u/proj/.sops.yaml".into(), directory: "/home/u/proj".into() },
            creation_rules: Some(patterns.iter().enumerate().map(rule).collect()),
            destination_rules: Vec::new(),
            indents: Indents::default(),
            warnings: Vec::new(),
        }
    }

    fn file(absolute: &str) -> FilePath {
        FilePath { absolute: absolute.into(), windows: false }
    }

    fn windows(absolute: &str) -> FilePath {
        FilePath { absolute: absolute.into(), windows: true }
    }

    #[track_caller]
    fn index(patterns: &[&str], absolute: &str) -> usize {
        config(patterns).matching_rule(&file(absolute)).expect("a rule matches").expect("there are rules").index
    }

    #[test]
    fn the_first_rule_that_matches_or_has_no_pattern_wins() {
        assert_eq!(index(&["^a", "b", ""], "/home/u/proj/xb"), 1);
        assert_eq!(index(&["^a", "", "b"], "/home/u/proj/xb"), 1);
        assert_eq!(index(&["^x", "["], "/home/u/proj/xb"), 0);
        let mut none = config(&[]);
        none.creation_rules = None;
        assert!(none.matching_rule(&file("/x")).expect("no rules").is_none());
    }

    #[test]
    fn the_subject_is_relative_to_the_config_or_absolute_outside() {
        assert_eq!(file("/home/u/proj/s/a.yaml").subject("/home/u/proj"), "s/a.yaml");
        assert_eq!(file("/home/u/project/a.yaml").subject("/home/u/proj"), "/home/u/project/a.yaml");
        assert_eq!(file("/etc/a.yaml").subject("/home/u/proj"), "/etc/a.yaml");
        // The reference does not cut the root off either.
        assert_eq!(file("/etc/a.yaml").subject("/"), "/etc/a.yaml");
        assert_eq!(windows(r"C:\p\s\a.yaml").subject(r"C:\p"), r"s\a.yaml");
    }

    #[test]
    fn on_windows_a_pattern_may_be_written_with_either_separator() {
        let mut config = config(&[r"^s\\a\.yaml$", "^s/b/"]);
        config.origin.directory = r"C:\p".into();
        assert_eq!(config.matching_rule(&windows(r"C:\p\s\a.yaml")).expect("matches").expect("rules").index, 0);
        assert_eq!(config.matching_rule(&windows(r"C:\p\s\b\c")).expect("matches").expect("rules").index, 1);
        assert!(config.matching_rule(&windows(r"C:\p\t\b\c")).is_err());
    }

    #[test]
    fn a_broken_pattern_before_a_match_is_an_error_with_its_rule() {
        let error = config(&["^a", "(?!b)", ""]).matching_rule(&file("/home/u/proj/xb")).expect_err("does not compile");
        assert_eq!(
            error.to_string(),
            "can not compile regexp: /home/u/proj/.sops.yaml: line 3, column 5: creation_rules[1].path_regex `(?!b)`: \
             look-ahead `(?!` is not supported (character 1)"
        );
    }

    #[test]
    fn no_match_shows_config_path_subject_and_every_rule() {
        let error =
            config(&[r"^prod/.*\.yaml$", r"^Secrets/"]).matching_rule(&file("/home/u/proj/secrets/a.yaml")).expect_err("none");
        assert_eq!(
            error.to_string(),
            "error loading config: no matching creation rules found\n\
             \x20 config    /home/u/proj/.sops.yaml\n\
             \x20 path      secrets/a.yaml\n\
             \x20 line 2    ^prod/.*\\.yaml$  no, but matches without `^prod/` in front\n\
             \x20 line 3    ^Secrets/        no, but matches if upper and lower case are the same: `(?i)` in front"
        );
        let error = config(&[]).matching_rule(&file("/home/u/proj/a")).expect_err("an empty list matches nothing");
        assert!(error.to_string().ends_with("rules     none: `creation_rules` is an empty list"));
    }

    #[test]
    fn near_misses_name_the_smallest_change() {
        let near = |pattern: &str| near_miss(pattern, &file("/home/u/proj/sub/Dev/a.yml"), "/home/u/proj");
        assert_eq!(near(" sub/"), Some(NearMiss::Blanks));
        assert_eq!(near("^sub/dev/"), Some(NearMiss::Case));
        assert_eq!(near(r"^a\.yml$"), Some(NearMiss::Base("/home/u/proj/sub/Dev".into())));
        assert_eq!(near("^Dev/"), Some(NearMiss::Base("/home/u/proj/sub".into())));
        assert_eq!(near("^proj/sub/"), Some(NearMiss::Base("/home/u".into())));
        assert_eq!(near("^home/u"), Some(NearMiss::Base("/".into())));
        assert_eq!(near("^/home/u/proj/sub/"), Some(NearMiss::Absolute));
        assert_eq!(near("^ev/"), Some(NearMiss::Anchor));
        assert_eq!(near(r"Dev/.*\.yaml$"), Some(NearMiss::Ending(".yaml")));
        assert_eq!(near(r"^prod/.*\.yml$"), Some(NearMiss::Directory("^prod/".into())));
        assert_eq!(near("^prod/.*"), None);
        assert_eq!(near("nothing"), None);
    }
}
