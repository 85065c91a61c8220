//! Owns addresses of key services: what is one, whether a redirect stays on the same server, how a name becomes part of a path.

/// `http(s)://HOST[:PORT]` without the slash at its end; `None` for anything with more in it: a user, a path, a query.
pub(in crate::keys) fn origin(address: &str) -> Option<&str> {
    let bare = address.strip_suffix('/').unwrap_or(address);
    let host = bare.strip_prefix("https://").or_else(|| bare.strip_prefix("http://"))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let port = if host.ends_with(']') { None } else { host.rsplit_once(':') };
    if port.is_some_and(|(_, port)| port.parse::<u16>().is_err()) {
        return None;
    }
    (!host.is_empty() && !host.starts_with(':') && host.chars().all(plain)).then_some(bare)
}

/// Escapes what may not stand in one segment of a path.
#[cfg(any(feature = "vault", feature = "huawei-kms"))]
pub(in crate::keys) fn escaped(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// Whether a redirect stays: the same address, or the same host by `https` instead of `http`.
pub(super) fn same_server(from: &str, to: &str) -> bool {
    let address = |url: &str| {
        let start = url.find("://")? + 3;
        let end = url[start..].find('/').map_or(url.len(), |at| start + at);
        origin(&url[..end]).map(str::to_owned)
    };
    let (Some(from), Some(to)) = (address(from), address(to)) else { return false };
    let host = |address: &str| {
        let rest = address.split_once("://").map(|(_, rest)| rest)?.to_owned();
        Some(match rest.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host.to_owned(),
            _ => rest,
        })
    };
    from == to || (from.starts_with("http://") && to.starts_with("https://") && host(&from) == host(&to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_nothing_else() {
        for (address, origin_of_it) in [
            ("https://vault.example.com:8200", "https://vault.example.com:8200"),
            ("http://127.0.0.1:8200/", "http://127.0.0.1:8200"),
            ("https://[::1]:8200", "https://[::1]:8200"),
        ] {
            assert_eq!(origin(address), Some(origin_of_it));
        }
        for address in [
            "",
            "vault:8200",
            "https://",
            "https://:8200",
            "https://me:pass@vault",
            "https://vault/prefix",
            "https://vault?x",
            "https://vault#x",
            "file:///etc",
            "https://a b",
            "https://vault\r\nX: y",
            "https://vault:99999",
            "https://vault:",
        ] {
            assert_eq!(origin(address), None, "{address}");
        }
    }

    #[test]
    fn a_redirect_may_only_stay_on_the_same_server() {
        for (from, to, same) in [
            ("http://a:1/v1/x", "http://a:1/v1/y", true),
            ("http://a:80/v1/x", "https://a/v1/x", true),
            ("http://a:1/v1/x", "http://a:2/v1/x", false),
            ("https://a/v1/x", "http://a/v1/x", false),
            ("https://a/v1/x", "https://b/v1/x", false),
            ("https://a/v1/x", "https://a@b/v1/x", false),
            ("https://a/v1/x", "https://a.b/v1/x", false),
            ("https://a/v1/x", "//b/v1/x", false),
            ("https://a/v1/x", "", false),
        ] {
            assert_eq!(same_server(from, to), same, "{from} {to}");
        }
    }
}
