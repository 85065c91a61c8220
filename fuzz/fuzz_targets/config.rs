//! Configuration: arbitrary text as `.sops.yaml` is read or refused, and explained for a file, without a panic.
#![no_main]

use leafseal::config::{Config, FilePath, Origin, Overrides, explain};
use leafseal::document::Format;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let origin = Origin { path: String::from("/repo/.sops.yaml"), directory: String::from("/repo") };
    let Ok(config) = Config::parse(data, origin) else { return };
    for name in ["/repo/secrets/prod.yaml", "/elsewhere/a.json"] {
        let file = FilePath { absolute: name.to_owned(), windows: data.len() % 2 == 1 };
        let explanation = explain(Some(&config), &file, &Overrides::default(), Format::Yaml);
        let _ = explanation.lines();
        let _ = explanation.node();
    }
});
