//! Owns which addresses a file may name: `SOPS_HC_VAULT_ALLOWLIST`.

use super::VaultError;

/// Which addresses may be asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Allowlist {
    /// Any.
    All,
    /// Those that begin with one of these; none where there are none. Each ends with a slash.
    Prefixes(Vec<String>),
}

impl Allowlist {
    /// Reads the list: empty or `all`, `none`, or prefixes separated by commas.
    ///
    /// # Errors
    /// [`VaultError::EmptyEntry`].
    pub(super) fn parse(text: &str) -> Result<Self, VaultError> {
        match text {
            "" | "all" => return Ok(Self::All),
            "none" => return Ok(Self::Prefixes(Vec::new())),
            _ => {}
        }
        let entry = |(index, entry): (usize, &str)| match entry.trim() {
            "" => Err(VaultError::EmptyEntry(index + 1)),
            entry => Ok(with_slash(entry)),
        };
        text.split(',').enumerate().map(entry).collect::<Result<_, _>>().map(Self::Prefixes)
    }

    /// Whether an address is on the list.
    pub(super) fn allows(&self, address: &str) -> bool {
        match self {
            Self::All => true,
            Self::Prefixes(prefixes) => prefixes.iter().any(|prefix| with_slash(address).starts_with(prefix.as_str())),
        }
    }
}

fn with_slash(text: &str) -> String {
    if text.ends_with('/') { text.to_owned() } else { format!("{text}/") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_read_as_sops_reads_it() {
        let allows = |list: &str, address: &str| Allowlist::parse(list).expect(list).allows(address);
        for list in ["", "all", "https://vault", " https://other , https://vault ", "https://vault/"] {
            assert!(allows(list, "https://vault"), "{list}");
        }
        for list in ["none", "https://vaul", "https://vault:8200", "ALL", "none "] {
            assert!(!allows(list, "https://vault"), "{list}");
        }
        assert_eq!(Allowlist::parse("https://a,,https://b"), Err(VaultError::EmptyEntry(2)));
    }
}
