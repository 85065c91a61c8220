//! Owns the choice of a format: from a flag, else from the ending of a name.

use super::args::TypeArgs;
use crate::document::Format;
use crate::host::failure::{Failure, usage};
use std::path::Path;

/// The format that a `--input-type` or `--output-type` asks for, else that of the name: `.yaml`, `.yml`, `.json`, `.env`, `.ini`, and binary for
/// everything else, as in sops (endings in capitals are binary). Unlike sops, `.tfvars` and `.hcl` are HCL and `.toml` is TOML, an unknown
/// type is an error and `yml` is YAML.
///
/// # Errors
/// When the type is unknown.
pub fn choose(flag: Option<&str>, name: &Path) -> Result<Format, Failure> {
    match flag {
        Some(text) => match text.to_ascii_lowercase().as_str() {
            "yaml" | "yml" => Ok(Format::Yaml),
            "json" => Ok(Format::Json),
            "binary" => Ok(Format::Binary),
            "dotenv" | "env" => Ok(Format::Dotenv),
            "ini" => Ok(Format::Ini),
            "tfvars" | "hcl" => Ok(Format::Tfvars),
            "toml" => Ok(Format::Toml),
            "" => of_name(name),
            _ => Err(usage(format!("unknown type `{text}`: it is one of yaml, json, dotenv, ini, tfvars, toml, binary"))),
        },
        None => of_name(name),
    }
}

/// The formats of a file that is changed: the one it has, and the one it gets.
///
/// # Errors
/// As [`choose`].
pub fn both(types: &TypeArgs, name: &Path) -> Result<(Format, Format), Failure> {
    Ok((choose(types.input.input_type.as_deref(), name)?, choose(types.output_type.as_deref(), name)?))
}

/// The format of what is written: as [`choose`] for the input's name; but where one of the names is that of a tfvars or TOML file, which sops
/// does not know, the name of `--output` decides.
///
/// # Errors
/// As [`choose`].
pub fn output(flag: Option<&str>, name: &Path, output: Option<&Path>) -> Result<Format, Failure> {
    let by_input = choose(flag, name)?;
    let Some(by_output) = output.filter(|_| flag.is_none_or(str::is_empty)).map(of_name).transpose()? else {
        return Ok(by_input);
    };
    let is_ours = |format| matches!(format, Format::Tfvars | Format::Toml);
    let decides = by_output != Format::Binary && (is_ours(by_input) || is_ours(by_output));
    Ok(if decides { by_output } else { by_input })
}

fn of_name(name: &Path) -> Result<Format, Failure> {
    let name = name.as_os_str().as_encoded_bytes();
    match () {
        () if name.ends_with(b".yaml") || name.ends_with(b".yml") => Ok(Format::Yaml),
        () if name.ends_with(b".json") => Ok(Format::Json),
        () if name.ends_with(b".env") => Ok(Format::Dotenv),
        () if name.ends_with(b".ini") => Ok(Format::Ini),
        () if name.ends_with(b".tfvars") || name.ends_with(b".hcl") => Ok(Format::Tfvars),
        () if name.ends_with(b".toml") => Ok(Format::Toml),
        () => Ok(Format::Binary),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ending_decides_unless_a_flag_does() {
        let choose = |flag, name: &str| choose(flag, Path::new(name)).ok();
        assert_eq!(choose(None, "a/b.yml"), Some(Format::Yaml));
        assert_eq!(choose(None, "a.json"), Some(Format::Json));
        assert_eq!(choose(None, "a.YAML"), Some(Format::Binary));
        assert_eq!(choose(None, "/dev/stdin"), Some(Format::Binary));
        assert_eq!(choose(Some("json"), "a.yaml"), Some(Format::Json));
        assert_eq!(choose(Some("yml"), "a.txt"), Some(Format::Yaml));
        assert_eq!(choose(Some("bogus"), "a.yaml"), None);
        assert_eq!(choose(None, ".env"), Some(Format::Dotenv));
        assert_eq!(choose(None, "x.env.local"), Some(Format::Binary));
        assert_eq!(choose(None, "a.ini"), Some(Format::Ini));
        assert_eq!(choose(Some("dotenv"), "a.ini"), Some(Format::Dotenv));
        assert_eq!(choose(None, "a.auto.tfvars"), Some(Format::Tfvars));
        assert_eq!(choose(None, "a.tfvars.json"), Some(Format::Json));
        assert_eq!(choose(None, "a.toml"), Some(Format::Toml));
    }

    #[test]
    fn the_name_of_the_output_decides_for_formats_that_sops_does_not_know() {
        let output = |flag, name: &str, to: &str| output(flag, Path::new(name), Some(Path::new(to))).ok();
        assert_eq!(output(None, "a.tfvars", "a.enc.yaml"), Some(Format::Yaml));
        assert_eq!(output(None, "a.enc.yaml", "a.auto.tfvars"), Some(Format::Tfvars));
        assert_eq!(output(None, "a.tfvars", "a.out"), Some(Format::Tfvars));
        assert_eq!(output(None, "a.yaml", "a.json"), Some(Format::Yaml), "as in sops");
        assert_eq!(output(Some("json"), "a.toml", "a.yaml"), Some(Format::Json));
    }
}
