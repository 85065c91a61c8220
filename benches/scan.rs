//! Scanning alone: `cargo bench`. Megabytes a second (best of several runs) and bytes of memory a leaf beyond the text, for the shapes
//! that docs/benchmarks.md lists. Each shape is measured in a process of its own, because peak memory is that of a process.
//!
//! One thread, unless RAYON_NUM_THREADS says otherwise: large texts are read in segments, one a thread.

use leafseal::document::{Document, Duplicates, Format};
use std::process::Command;
use std::time::Instant;

const LEAVES: usize = 400_000;

fn main() {
    let shape = std::env::args().skip_while(|word| word != "--shape").nth(1);
    match shape {
        Some(shape) => measure(&shape),
        None => {
            println!("| shape | MB | leaves | MB/s | bytes a leaf beyond the text |\n|---|---|---|---|---|");
            let threads = std::env::var("RAYON_NUM_THREADS").unwrap_or_else(|_| String::from("1"));
            for (name, _, _) in SHAPES {
                let program = std::env::current_exe().expect("a running program has a path");
                let status = Command::new(program).args(["--shape", name]).env("RAYON_NUM_THREADS", &threads).status();
                assert!(status.is_ok_and(|status| status.success()), "{name}");
            }
        }
    }
}

type Shape = (&'static str, Format, fn() -> String);

const SHAPES: &[Shape] = &[
    ("YAML flat", Format::Yaml, || flat(|i| format!("connection_option_{i}: value-{i:09}\n"))),
    ("YAML nested", Format::Yaml, yaml_nested),
    ("YAML flat, sealed", Format::Yaml, || flat(|i| format!("connection_option_{i}: {}\n", sealed(i)))),
    ("tfvars flat", Format::Tfvars, || flat(|i| format!("connection_option_{i} = \"value-{i:09}\"\n"))),
    ("tfvars nested", Format::Tfvars, tfvars_nested),
    ("TOML flat", Format::Toml, || flat(|i| format!("connection_option_{i} = \"value-{i:09}\"\n"))),
    ("TOML nested", Format::Toml, toml_nested),
    ("JSON flat", Format::Json, || object(flat(|i| format!("  \"connection_option_{i}\": \"value-{i:09}\",\n")))),
    ("JSON nested", Format::Json, json_nested),
];

fn measure(shape: &str) {
    let (name, format, text) = SHAPES.iter().find(|(name, _, _)| *name == shape).expect("a shape of the table");
    let text = text();
    let size = text.len();
    // The peak starts from here (Linux): making the text does not count.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let before = peak_memory();
    let document = Document::scan(text.clone(), *format, Duplicates::Keep).expect("made to be valid");
    let memory = peak_memory().saturating_sub(before + size);
    let leaves = document.leaves.len();
    drop(document);
    let best = (0..12)
        .map(|_| {
            let copy = text.clone();
            let start = Instant::now();
            let document = Document::scan(copy, *format, Duplicates::Keep);
            let seconds = start.elapsed().as_secs_f64();
            assert!(document.is_ok());
            seconds
        })
        .fold(f64::INFINITY, f64::min);
    let megabytes = size as f64 / 1e6;
    println!("| {name} | {megabytes:.1} | {leaves} | {:.0} | {} |", megabytes / best, memory / leaves);
}

/// Peak resident memory of this process in bytes; 0 where the system does not say.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<usize>().map_or(0, |kb| kb * 1024)
}

fn flat(line: impl Fn(usize) -> String) -> String {
    (0..LEAVES).map(line).collect()
}

fn sealed(i: usize) -> String {
    let nonce = "A".repeat(43);
    format!("ENC[AES256_GCM,data:{i:016}AAA=,iv:{nonce}=,tag:{:022}==,type:str]", i)
}

fn yaml_nested() -> String {
    let mut out = String::new();
    for service in 0..LEAVES / 20 {
        out.push_str(&format!("service{service}:\n  database:\n"));
        (0..10).for_each(|i| out.push_str(&format!("    connection_option_{i}: value-{service:06}-{i:02}\n")));
        out.push_str("  limits:\n");
        (0..10).for_each(|i| out.push_str(&format!("    connection_limit_number_{i}: {}\n", service * 10 + i)));
    }
    out
}

fn tfvars_nested() -> String {
    let mut out = String::new();
    for service in 0..LEAVES / 20 {
        out.push_str(&format!("service{service} = {{\n  database = {{\n"));
        (0..10).for_each(|i| out.push_str(&format!("    connection_option_{i} = \"value-{service:06}-{i:02}\"\n")));
        out.push_str("  }\n  limits = {\n");
        (0..10).for_each(|i| out.push_str(&format!("    connection_limit_number_{i} = {}\n", service * 10 + i)));
        out.push_str("  }\n}\n");
    }
    out
}

fn toml_nested() -> String {
    let mut out = String::new();
    for service in 0..LEAVES / 20 {
        out.push_str(&format!("[service{service}.database]\n"));
        (0..10).for_each(|i| out.push_str(&format!("connection_option_{i} = \"value-{service:06}-{i:02}\"\n")));
        out.push_str(&format!("[service{service}.limits]\n"));
        (0..10).for_each(|i| out.push_str(&format!("connection_limit_number_{i} = {}\n", service * 10 + i)));
    }
    out
}

fn json_nested() -> String {
    let mut out = String::new();
    for service in 0..LEAVES / 20 {
        out.push_str(&format!("  \"service{service}\": {{\n    \"database\": {{\n"));
        (0..10).for_each(|i| out.push_str(&format!("      \"connection_option_{i}\": \"value-{service:06}-{i:02}\",\n")));
        out.push_str("      \"last\": null\n    },\n    \"limits\": {\n");
        (0..10).for_each(|i| out.push_str(&format!("      \"connection_limit_number_{i}\": {},\n", service * 10 + i)));
        out.push_str("      \"last\": null\n    }\n  },\n");
    }
    object(out)
}

fn object(entries: String) -> String {
    format!("{{\n{}\n}}\n", entries.trim_end_matches(",\n"))
}
