//! URLs, hosts and ports in text.

/// An address in a text, without credentials and path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) scheme: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<String>,
}

/// Every URL, `host:port` pair and full domain name of the text. Addresses of the pod itself lead to no other system.
pub(super) fn of(text: &str) -> impl Iterator<Item = Address> {
    let is_separator = |c: char| c.is_whitespace() || "\"',;=()[]{}|`".contains(c);
    text.split(is_separator).filter_map(address).filter(|address| !is_local(&address.host))
}

fn address(word: &str) -> Option<Address> {
    let (scheme, rest) = match word.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, word),
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit('@').next()?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.parse::<u16>().is_ok() => (host, Some(port.to_owned())),
        _ => (authority, None),
    };
    let is_host = host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let is_name = host.contains(|c: char| c.is_ascii_alphabetic());
    let is_full = host.contains('.') && host.len() > 3;
    let is_address = is_host && (scheme.is_some() || (is_name && (port.is_some() || is_full)));
    is_address.then(|| Address { scheme, host: host.to_ascii_lowercase(), port })
}

fn is_local(host: &str) -> bool {
    matches!(host, "localhost" | "0.0.0.0") || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let shown =
            |found: Address| format!("{} {} {}", found.scheme.unwrap_or_default(), found.host, found.port.unwrap_or_default());
        of(text).map(shown).collect()
    }

    #[test]
    fn urls_hosts_and_ports_are_found_without_credentials() {
        assert_eq!(shown("redis://:<redacted>@cache:6379/0"), ["redis cache 6379"]);
        assert_eq!(shown("a.example:9092,b.example:9092"), [" a.example 9092", " b.example 9092"]);
        assert_eq!(shown("url=jdbc:postgresql://db.prod/x?ssl=true"), ["jdbc:postgresql db.prod "]);
        assert_eq!(shown("host: Shop.cache.amazonaws.com"), [" shop.cache.amazonaws.com "]);
        assert_eq!(shown("postgres://localhost:5432 127.0.0.1:6379 12:30 plain words"), Vec::<String>::new());
    }
}
