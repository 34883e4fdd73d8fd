//! Credentials in one line: assignments, command-line flags, SQL and configuration statements.

use std::ops::Range;

use super::text::{is_secret_pair, push_value};

/// Bytes of names, and the dashes before a flag.
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// What the credential name at `name` is given: `NAME=value`, `"name": "value"`, `--name value`, `PASSWORD 'value'`, `requirepass value`.
pub(super) fn named(line: &str, name: Range<usize>, spans: &mut Vec<Range<usize>>) {
    let text = line[name.clone()].trim_start_matches('-');
    let quoted = line[name.end..].trim_start_matches('\\').starts_with(['"', '\'']);
    let after = if quoted { line[name.end..].find(['"', '\'']).map_or(name.end, |at| name.end + at + 1) } else { name.end };
    let sign = after + line[after..].len() - line[after..].trim_start_matches([' ', '\t']).len();
    let begin = if quoted { name.start.saturating_sub(1) } else { name.start };
    match line.as_bytes().get(sign) {
        Some(b'=') => assignment(line, text, sign, spans),
        // Elsewhere a colon is prose.
        Some(b':') if starts_pair(line, begin) => pair(line, text, sign, spans),
        _ if sign > after || quoted => following_word(line, name, after, spans),
        _ => {}
    }
}

fn assignment(line: &str, name: &str, sign: usize, spans: &mut Vec<Range<usize>>) {
    // `==` compares, `=>` assigns in some languages.
    let after = sign + 1 + usize::from(line[sign + 1..].starts_with('>'));
    if !line[after..].starts_with('=') {
        spans.extend(value_after(line, after, false).filter(|span| is_secret_pair(name, &line[span.clone()])));
    }
}

fn pair(line: &str, name: &str, sign: usize, spans: &mut Vec<Range<usize>>) {
    let glued = line[sign + 1..].starts_with(|c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\'));
    if !glued {
        spans.extend(value_after(line, sign + 1, true).filter(|span| is_secret_pair(name, &line[span.clone()])));
    }
}

/// `--password VALUE`, `PASSWORD 'VALUE'` (SQL), `requirepass VALUE` (Redis).
fn following_word(line: &str, name: Range<usize>, after: usize, spans: &mut Vec<Range<usize>>) {
    let word = line[after..].trim_start_matches([' ', '\t', ',']);
    let start = line.len() - word.len();
    let end = start + word.find(char::is_whitespace).unwrap_or(word.len());
    let text = &line[name.clone()];
    let sql = text.eq_ignore_ascii_case("password") && word.trim_start_matches('\\').starts_with(['"', '\'']);
    let redis = matches!(text, "requirepass" | "masterauth" | "masterpass");
    let span = trimmed(line, start..end);
    let flag = text.starts_with("--") && !word.starts_with('-') && is_secret_pair(text, &line[span.clone()]);
    if sql || redis || flag {
        push_value(line, span, spans);
    }
}

/// Whether only list dashes, quotes and spaces, or the start of a flow mapping, stand before the name.
fn starts_pair(line: &str, begin: usize) -> bool {
    let head = line[..begin].trim_end_matches('\\').trim_end();
    head.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '"' | '\'' | '#' | '?')).is_empty()
        || head.ends_with(['{', ',', '"', '\''])
}

/// The value after an assignment sign: up to the closing quote, else to the end of the word, or of the line after a colon.
fn value_after(line: &str, after: usize, whole_line: bool) -> Option<Range<usize>> {
    let start = after + line[after..].len() - line[after..].trim_start_matches([' ', '\t', '\\']).len();
    let rest = &line[start..];
    let first = rest.chars().next()?;
    if matches!(first, '"' | '\'' | '`') {
        let body = &rest[1..];
        let end = closing_quote(body, first, line[..start].ends_with('\\'));
        return Some(start + 1..start + 1 + end);
    }
    if matches!(first, '|' | '>' | '{' | '[' | '&' | '*' | '!' | '\n' | '\r') && whole_line {
        return None;
    }
    let mut end = if whole_line {
        let stop = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let stop = rest[..stop].find(" #").unwrap_or(stop);
        // In a flow mapping the next pair follows.
        if line.trim_start().starts_with(['{', '[']) { rest[..stop].find([',', '}', ']']).unwrap_or(stop) } else { stop }
    } else {
        rest.find(|c: char| c.is_whitespace() || matches!(c, ';' | '&' | '"' | '\'' | '`' | ',' | ')')).unwrap_or(rest.len())
    };
    end = rest[..end].trim_end().len();
    (end > 0).then_some(start..start + end)
}

/// Position of the closing quote, or the end of the line. JSON inside a quoted string writes `\"` on both sides (`nested`).
fn closing_quote(body: &str, quote: char, nested: bool) -> usize {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            '\n' => return at,
            _ if escaped && nested && c == quote => return at.saturating_sub(1),
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at,
            _ => {}
        }
    }
    body.len()
}

/// Programs whose short flags carry a password.
const PROGRAMS: &[&str] = &[
    "mysql",
    "mysqldump",
    "mysqladmin",
    "mysqlimport",
    "mysqlcheck",
    "mariadb",
    "mariadb-dump",
    "mariadb-admin",
    "redis-cli",
    "curl",
    "sshpass",
    "mongo",
    "mongosh",
    "mongodump",
    "mongorestore",
    "ldapsearch",
    "ldapadd",
    "ldapmodify",
    "sqlcmd",
];

/// A blank-separated word and its position in the line. Quotes are not interpreted.
#[derive(Clone, Copy)]
struct Word<'l> {
    text: &'l str,
    start: usize,
}

fn words(line: &str) -> Vec<Word<'_>> {
    let mut words = Vec::new();
    let mut start = 0;
    for part in line.split_inclusive(char::is_whitespace) {
        let text = part.trim_end();
        if !text.is_empty() {
            words.push(Word { text, start });
        }
        start += part.len();
    }
    words
}

/// The short forms of common clients: `mysql -pVALUE`, `redis-cli -a VALUE`, `curl -u user:VALUE`.
pub(super) fn flags(line: &str, spans: &mut Vec<Range<usize>>) {
    let words = words(line);
    let mut program = "";
    for (at, word) in words.iter().enumerate() {
        let name = word.text.rsplit('/').next().unwrap_or_default().trim_matches(['"', '\'', '(', '`', '$']);
        if PROGRAMS.contains(&name) {
            program = name;
        } else if word.text.ends_with([';', '|', '&']) {
            program = "";
        }
        let next = words.get(at + 1).copied();
        if let Some(span) = flag_value(program, *word, next).or_else(|| user_password(program, *word, next?)) {
            push_value(line, trimmed(line, span), spans);
        }
    }
}

fn flag_value(program: &str, word: Word<'_>, next: Option<Word<'_>>) -> Option<Range<usize>> {
    let flag = word.text.trim_start_matches(['"', '\'']);
    let letter = match program {
        "redis-cli" => "-a",
        "ldapsearch" | "ldapadd" | "ldapmodify" => "-w",
        "sqlcmd" => "-P",
        "mongo" | "mongosh" | "mongodump" | "mongorestore" | "sshpass" => "-p",
        // For these a blank after -p means that the password is asked for.
        _ if program.starts_with("mysql") || program.starts_with("mariadb") => {
            let end = word.start + word.text.len();
            return (flag.len() > 2 && flag.starts_with("-p")).then(|| end - (flag.len() - 2)..end);
        }
        _ => return None,
    };
    let next = next.filter(|next| flag == letter && !next.text.starts_with('-'))?;
    Some(next.start..next.start + next.text.len())
}

/// `curl -u user:VALUE`.
fn user_password(program: &str, word: Word<'_>, next: Word<'_>) -> Option<Range<usize>> {
    let takes_user = program == "curl" && matches!(word.text, "-u" | "--user" | "-U" | "--proxy-user");
    let colon = next.text.find(':').filter(|_| takes_user)?;
    Some(next.start + colon + 1..next.start + next.text.len())
}

/// Without quotes around it, and without what ends a shell command.
fn trimmed(line: &str, span: Range<usize>) -> Range<usize> {
    let text = &line[span.clone()];
    let front = text.len() - text.trim_start_matches(['"', '\'', '\\']).len();
    let body = text[front..].trim_end_matches(['"', '\'', ';', ')', ',', '`', '\\']);
    span.start + front..span.start + front + body.len()
}

/// `IDENTIFIED BY 'VALUE'` (SQL).
pub(super) fn identified(line: &str, spans: &mut Vec<Range<usize>>) {
    for three in words(line).windows(3) {
        let [first, by, value] = three else { continue };
        let keyword = first.text.trim_matches(['"', '\'', '(']);
        let quoted = value.text.trim_start_matches('\\').starts_with(['"', '\'']);
        if quoted && keyword.eq_ignore_ascii_case("identified") && by.text.eq_ignore_ascii_case("by") {
            push_value(line, trimmed(line, value.start..value.start + value.text.len()), spans);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::{credentials, mask};

    fn masked(text: &str) -> String {
        mask(text, &credentials(text))
    }

    #[test]
    fn credentials_in_lines_are_found_wherever_they_stand() {
        for text in [
            "password=PLANTED",
            "db.password = PLANTED",
            "DB_PASSWORD=\"PLANTED\"",
            "export PGPASSWORD='PLANTED'; psql -h db",
            "password: PLANTED",
            "  - password: 'PLANTED'",
            "\"password\": \"PLANTED\",",
            "{\"a\":1,\"apiKey\":\"PLANTED\"}",
            "{\\\"apiKey\\\":\\\"PLANTED\\\"}",
            "{user: a, password: PLANTED, host: b}",
            "postgres://app:PLANTED@db:5432/app",
            "redis://:PLANTED@cache:6379/0",
            "amqp://u:PLANTED/x@host/vhost",
            "jdbc:mysql://db/app?user=a&password=PLANTED&ssl=true",
            "host=db user=a password=PLANTED dbname=x",
            "run --password=PLANTED --verbose",
            "run --api-token PLANTED --verbose",
            "mysql -uroot -pPLANTED app",
            "/usr/bin/mysqladmin -u root '-pPLANTED' ping",
            "redis-cli -h x -a PLANTED ping",
            "curl -u admin:PLANTED https://x",
            "sshpass -p PLANTED ssh x",
            "ALTER USER app IDENTIFIED BY 'PLANTED';",
            "CREATE ROLE app LOGIN PASSWORD 'PLANTED';",
            "requirepass PLANTED",
            "Authorization: Bearer PLANTED1a2b3c4d",
            "error: Basic UExBTlRFRDpQTEFOVEVE was refused",
            "https://ghp_PLANTEDPLANTEDPLANTEDPLANTEDPLANTED1@github.com/x",
            "-----BEGIN RSA PRIVATE KEY-----\nPLANTED\n-----END RSA PRIVATE KEY-----",
            "eyJhbGciOiJIUzI1NiJ9.eyJQTEFOVEVEIjoiUExBTlRFRCJ9.PLANTEDPLANTEDPLANTED",
            "clientSecret: PLANTED # rotated",
            "{\"password\": \"a\\\"PLANTED\"}",
        ] {
            let out = masked(text);
            assert!(!out.contains("PLANTED") && !out.contains("UExBTlRFRD") && out.contains("<redacted>"), "{text:?} -> {out:?}");
        }
    }

    #[test]
    fn ordinary_text_is_left_alone() {
        for text in [
            "secretName: db-tls",
            "existingSecret: db",
            "--password-file=/run/secrets/x --token-ttl=1h",
            "password: $(DB_PASSWORD)",
            "psql -p 5432 -h db",
            "mkdir -p data && cp -p a b",
            "secrets \"db-password\" not found",
            "Error: unable to get Secret/shop/db-password: forbidden",
            "the password must be at least 8 characters long",
            "https://example.com/a?b=c",
            "ssh://git@example.com/x.git",
            "http://example.com:8080/login@home",
            "registry.example.com:5000/app@sha256:0123456789abcdef",
            "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
            "mysql -h db -u root -p app",
            "if [ \"$PASSWORD\" = \"\" ]; then",
            "basic auth is enabled, bearer tokens are not",
            "helm.sh/hook: pre-upgrade",
            "curl -u $USER https://x",
            "password:\n  minLength: 8",
            "key: value",
            "listen: 0.0.0.0:80",
        ] {
            assert_eq!(masked(text), text);
        }
    }
}
