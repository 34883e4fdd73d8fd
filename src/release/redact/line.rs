//! Credentials in one line: assignments, command-line flags, SQL and configuration statements.

use std::ops::Range;

use super::names::{Place, is_credential};
use super::text::{is_secret_pair, push_value};

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// `NAME=value`, `"name": "value"`, and `name: value` where a line or a flow mapping begins (elsewhere a colon is prose).
pub(super) fn assignments(line: &str, spans: &mut Vec<Range<usize>>) {
    for (at, sign) in line.match_indices(['=', ':']) {
        let Some((name, begin)) = name_before(line, at) else { continue };
        if !is_credential(name, Place::Field) {
            continue;
        }
        let after = at + 1;
        if sign == ":" {
            if line[after..].starts_with(|c: char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '\\')) || !starts_pair(line, begin) {
                continue;
            }
        } else if line[after..].starts_with('=') || line[..at].ends_with(['=', '!', '<', '>']) {
            continue;
        }
        if let Some(span) = value_after(line, after, sign == ":") && is_secret_pair(name, &line[span.clone()]) {
            spans.push(span);
        }
    }
}

/// The name that ends right before `at`, and where it (or its quote) begins.
fn name_before(line: &str, at: usize) -> Option<(&str, usize)> {
    let head = line[..at].trim_end();
    let quote = head.chars().next_back().filter(|c| matches!(c, '"' | '\''));
    let inner = quote.map_or(head, |quote| head.trim_end_matches(quote).trim_end_matches('\\'));
    let start = inner.rfind(|c: char| !is_name(c)).map_or(0, |at| at + inner[at..].chars().next().map_or(1, char::len_utf8));
    let name = inner[start..].trim_start_matches('-');
    (!name.is_empty()).then(|| (name, if quote.is_some() { start.saturating_sub(1) } else { start }))
}

/// Whether only list dashes, quotes and spaces, or the start of a flow mapping, stand before the name.
fn starts_pair(line: &str, begin: usize) -> bool {
    let head = line[..begin].trim_end_matches('\\').trim_end();
    head.trim_matches(|c: char| c.is_whitespace() || matches!(c, '-' | '"' | '\'' | '#' | '?')).is_empty() || head.ends_with(['{', ',', '"', '\''])
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
    "mysql", "mysqldump", "mysqladmin", "mysqlimport", "mysqlcheck", "mariadb", "mariadb-dump", "mariadb-admin", "redis-cli", "curl", "wget", "sshpass", "mongo",
    "mongosh", "mongodump", "mongorestore", "ldapsearch", "ldapadd", "htpasswd", "sqlcmd",
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

/// `--password VALUE`, and the short forms of common clients: `mysql -pVALUE`, `redis-cli -a VALUE`, `curl -u user:VALUE`.
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
    let next = next.filter(|next| !next.text.starts_with('-')).map(|next| next.start..next.start + next.text.len());
    let flag = word.text.trim_start_matches(['"', '\'']);
    if let Some(name) = flag.strip_prefix("--") {
        let name = name.trim_end_matches(['"', '\'', ',']);
        return if is_credential(name, Place::Field) && !name.contains('=') { next } else { short_flag(program, flag, word, next) };
    }
    short_flag(program, flag, word, next)
}

fn short_flag(program: &str, flag: &str, word: Word<'_>, next: Option<Range<usize>>) -> Option<Range<usize>> {
    let letter = match program {
        "redis-cli" => "-a",
        "ldapsearch" | "ldapadd" => "-w",
        "sqlcmd" => "-P",
        "mongo" | "mongosh" | "mongodump" | "mongorestore" | "sshpass" => "-p",
        // For these a blank after -p means that the password is asked for.
        "mysql" | "mysqldump" | "mysqladmin" | "mysqlimport" | "mysqlcheck" | "mariadb" | "mariadb-dump" | "mariadb-admin" => {
            let glued = flag.len() > 2 && flag.starts_with("-p");
            let end = word.start + word.text.len();
            return glued.then(|| end - (flag.len() - 2)..end);
        }
        _ => return None,
    };
    next.filter(|_| flag == letter)
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

/// `IDENTIFIED BY 'x'`, `PASSWORD 'x'` (SQL), `requirepass x`, `masterauth x` (Redis), `auth x y` is left alone.
pub(super) fn statements(line: &str, spans: &mut Vec<Range<usize>>) {
    let words = words(line);
    for (at, word) in words.iter().enumerate() {
        let Some(next) = words.get(at + 1) else { break };
        let keyword = word.text.trim_matches(['"', '\'', '(']);
        let quoted = next.text.starts_with(['\'', '"']) || next.text.starts_with("\\'") || next.text.starts_with("\\\"");
        let sql = quoted
            && (keyword.eq_ignore_ascii_case("password")
                || keyword.eq_ignore_ascii_case("by") && at > 0 && words[at - 1].text.eq_ignore_ascii_case("identified"));
        let redis = matches!(keyword, "requirepass" | "masterauth" | "masterpass");
        if sql || redis {
            push_value(line, trimmed(line, next.start..next.start + next.text.len()), spans);
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
