//! Everything that is tested from outside: one binary, one module a topic.

#![expect(clippy::unwrap_used, reason = "a test that panics is a test that fails")]

mod architecture;
#[cfg(feature = "audit")]
mod audit;
mod aws;
mod azure;
mod cli_docs;
mod completion;
mod config;
mod decrypt;
mod docs;
mod edit;
mod encrypt;
mod errors;
mod exec;
mod files;
mod formats;
mod gcp;
mod groups;
mod harness;
mod hostile;
mod huawei;
mod inspect;
mod interop;
mod keygen;
mod keyservice;
mod leaks;
mod legacy;
mod lossless;
mod pgp;
mod plugins;
mod python;
mod reference;
mod rotate;
mod set;
mod stand_in;
mod support;
mod sync;
mod tamper;
mod terraform;
mod tfvars;
mod toml;
mod updatekeys;
mod vault;
#[path = "../examples/yaml_events.rs"]
#[expect(dead_code, reason = "its main function is for the shell")]
mod yaml_events;
mod yaml_suite;
