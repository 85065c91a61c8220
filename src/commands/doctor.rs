//! `leafseal doctor`.

use super::args::{InputArgs, OrderArgs, ServiceArgs};
use super::format;
use super::report::{Report, State};
use super::session::{Session, Settled, mac_policy};
use crate::config::{self, Overrides, Verdict};
use crate::document::Format;
use crate::file::EncryptedFile;
use crate::host::config_file;
use crate::host::env;
use crate::host::exit;
use crate::host::failure::{Failure, usage};
use crate::host::{files, plugins};
use crate::keys::age::{Found, short};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "Examples:
  leafseal doctor
  leafseal doctor secrets.yaml
  leafseal doctor --output-format json secrets.yaml";

/// Say what is missing to decrypt a file here
///
/// Which .sops.yaml is found and which rule holds for the file, where identities are looked for and what is there, which key
/// services are asked, which keys open the file, and what to do. Ends with 0 when the file can be decrypted here; without a FILE, when
/// nothing is in the way of decrypting one. Nothing is changed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The file
    #[arg(value_name = "FILE")]
    file: Vec<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
    #[command(flatten)]
    services: ServiceArgs,
    #[command(flatten)]
    order: OrderArgs,
}

/// Runs the command.
///
/// # Errors
/// Exit 1 when something is in the way.
pub fn run(args: &Args, session: &Session<'_>) -> Result<(), Failure> {
    let file = match args.file.as_slice() {
        [] => None,
        [file] => Some(file.as_path()),
        _ => return Err(usage("only one file can be looked at at a time")),
    };
    let mut doctor = Doctor { args, session, report: Report::default() };
    let format = file.map(|file| format::choose(args.input.input_type.as_deref(), &files::absolute(file))).transpose()?;
    doctor.configuration(file, format);
    doctor.identities(file.is_some());
    let settled = doctor.services();
    if let (Some(file), Some(format), Some(settled)) = (file, format, settled) {
        doctor.file(file, format, &settled);
    }
    doctor.report.print(session.ui)?;
    if doctor.report.is_good() { Ok(()) } else { Err(Failure::quiet(exit::GENERIC)) }
}

/// The looking.
struct Doctor<'a> {
    args: &'a Args,
    session: &'a Session<'a>,
    report: Report,
}

impl<'a> Doctor<'a> {
    fn bad(&mut self, what: impl Into<String>, failure: &Failure) {
        self.report.add(State::Bad, what, failure.message.clone());
        for line in failure.details.iter().chain(&failure.causes) {
            self.report.add(State::Plain, "", line.clone());
        }
        for hint in &failure.hints {
            self.report.hint(hint.clone());
        }
    }

    fn configuration(&mut self, file: Option<&Path>, format: Option<Format>) {
        self.report.section("configuration");
        let path = file.map(files::absolute);
        let found = match &path {
            Some(path) => self.session.configs.of_file(path),
            None => self.session.configs.of_working_folder(),
        };
        let config = match found {
            Err(failure) => return self.bad("", &failure),
            Ok(None) => {
                self.report.add(State::Plain, "none found", "decrypting needs none; `leafseal init` writes one for new files");
                return;
            }
            Ok(Some(config)) => config,
        };
        self.report.add(State::Good, config.origin.path.clone(), "");
        let (Some(path), Some(format)) = (path, format) else { return };
        let name = config_file::file_path(&path, Some(&config));
        let explanation = config::explain(Some(&config), &name, &Overrides::default(), format);
        let used = explanation.rules.iter().enumerate().find(|(_, rule)| rule.verdict == Verdict::Used);
        match (&explanation.policy, used) {
            (Ok(policy), Some((index, rule))) => {
                let place = format!("creation_rules[{index}] (line {})", rule.position.line);
                self.report.add(State::Good, place, format!("holds for this file: {}", policy.requirement()));
            }
            (Ok(_), None) => self.report.add(State::Plain, "creation_rules", "none holds for this file"),
            // A file that is encrypted needs no rule.
            (Err(error), _) => {
                let text = error.to_string();
                self.report.add(State::Doubtful, "creation_rules", text.lines().next().unwrap_or_default());
                self.report
                    .hint("`leafseal config FILE` shows why no rule holds for the file; only new files and updatekeys need one");
            }
        }
        for warning in &explanation.warnings {
            self.report.add(State::Doubtful, "", warning.clone());
        }
    }

    fn identities(&mut self, for_file: bool) {
        self.report.section("identities");
        let mut usable = false;
        for place in self.session.local.age_identities() {
            let at = place.path.filter(|path| *path != place.label).map(|path| format!("{path}: ")).unwrap_or_default();
            let (state, detail) = match &place.found {
                Found::NotSet => (State::Plain, "not set".to_owned()),
                // A file that someone named should be there.
                Found::Missing if !at.is_empty() => (State::Doubtful, "there is no such file".to_owned()),
                Found::Missing => (State::Plain, "there is no such file".to_owned()),
                Found::Command if !self.is_set(&place.label) => (State::Plain, "not set".to_owned()),
                Found::Command => (State::Good, "a command, run when a file needs it".to_owned()),
                Found::Identities { recipients, plugins } => {
                    let missing: Vec<&String> = plugins.iter().filter(|name| !plugins::is_installed(name)).collect();
                    if let Some(name) = missing.first() {
                        self.report.hint(format!("the program age-plugin-{name} belongs into a folder of the PATH"));
                    }
                    let named = plugins.iter().map(|name| match missing.contains(&name) {
                        true => format!("an identity of age-plugin-{name}, which is not installed"),
                        false => format!("an identity of age-plugin-{name}"),
                    });
                    let state = if missing.is_empty() || !recipients.is_empty() { State::Good } else { State::Doubtful };
                    (state, recipients.iter().map(|text| short(text)).chain(named).collect::<Vec<_>>().join(", "))
                }
                Found::Locked(recipient) => {
                    let whose = recipient.as_deref().map(|text| format!("{}, ", short(text))).unwrap_or_default();
                    (State::Good, format!("{whose}asks for a passphrase when a file needs it"))
                }
                Found::Unusable(why) => (State::Doubtful, why.clone()),
            };
            usable |= state == State::Good;
            self.report.add(state, place.label, format!("{at}{detail}"));
        }
        if !usable {
            // Whether a file needs one, the file says.
            let state = if for_file { State::Doubtful } else { State::Bad };
            self.report.add(state, "age", "there is no identity");
            self.report.hint(
                "`leafseal keygen` makes an identity where it is looked for; SOPS_AGE_KEY_FILE names one that lies elsewhere",
            );
        }
    }

    /// Whether a variable that holds a command is set.
    fn is_set(&self, name: &str) -> bool {
        env::ALL.iter().any(|variable| variable.name == name && variable.path().is_some())
    }

    fn services(&mut self) -> Option<Settled<'a>> {
        self.report.section("key services");
        let settled = match self.session.settle(&self.args.services, Some(&self.args.order)) {
            Ok(settled) => settled,
            Err(failure) => {
                self.bad("", &failure);
                return None;
            }
        };
        if settled.asks_here() {
            self.report.add(State::Good, "this machine", "asked for every key");
        } else {
            self.report.add(State::Bad, "this machine", "not asked: the local key service is switched off");
            self.report.hint("--enable-local-keyservice or SOPS_ENABLE_LOCAL_KEYSERVICE=true switches it on");
        }
        for service in self.session.services.get().into_iter().flatten() {
            let address = service.address().unwrap_or_default();
            match service.check() {
                Ok(()) => self.report.add(State::Good, address, "answers; asked for every key that this machine does not open"),
                Err(error) => self.report.add(State::Bad, address, error.to_string()),
            }
        }
        Some(settled)
    }

    fn file(&mut self, file: &Path, format: Format, settled: &Settled<'_>) {
        self.report.section("file");
        let shown = files::shown(file);
        let cx = settled.context();
        let encrypted = match files::read(file).and_then(|bytes| Ok(EncryptedFile::parse_owned(bytes, format)?)) {
            Ok(encrypted) => encrypted,
            Err(failure) => return self.bad(shown, &failure),
        };
        let held = encrypted.metadata();
        let groups: Vec<_> = held.groups.iter().map(|group| group.group()).collect();
        let warnings = config::group_warnings(&groups, held.shamir_threshold, held.shamir_threshold == 0);
        let (report, opened) = encrypted.open_with_report(mac_policy(false), &cx);
        for (index, group) in report.groups.iter().enumerate() {
            let of = if groups.len() > 1 { format!(" (group {index})") } else { String::new() };
            if let Some(key) = &group.opened_by {
                self.report.add(State::Good, key.to_string(), format!("opens the data key{of}"));
            }
        }
        for warning in warnings {
            self.report.add(State::Doubtful, shown.clone(), warning.to_string());
        }
        match opened {
            Ok(plain) => {
                let values = plain.sealed_values();
                self.report.add(State::Good, shown, format!("can be decrypted here: {values} sealed values, and the MAC holds"));
            }
            Err(error) => self.bad(shown, &Failure::from(error)),
        }
    }
}
