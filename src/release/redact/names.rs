//! Which field, variable and flag names hold a credential.
//!
//! The last word of a name decides: `DB_PASSWORD` holds a password, `passwordFile`, `secretName` and `tokenAudience` do not.

/// Words that name a credential wherever they end a name.
const CREDENTIALS: &[&str] = &[
    "apikey",
    "auth0secret",
    "authorization",
    "bearer",
    "clientsecret",
    "connectionstring",
    "connstr",
    "credential",
    "credentials",
    "dsn",
    "htpasswd",
    "jwt",
    "kubeconfig",
    "masterauth",
    "pass",
    "passphrase",
    "passwd",
    "password",
    "passwords",
    "pgpass",
    "privatekey",
    "pwd",
    "requirepass",
    "secret",
    "secretkey",
    "token",
    "tokens",
    "webhookurl",
];

/// Endings of names written without separators: `dbpassword`, `authtoken`.
const ENDINGS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "secretkey",
    "privatekey",
    "accesskey",
    "accesstoken",
    "authtoken",
    "connectionstring",
    "clientsecret",
];

/// `<word> key` that is a credential. Any other key is a key of something: of a map, a cache, a partition.
const SECRET_KEYS: &[&str] = &[
    "access",
    "account",
    "admin",
    "aes",
    "api",
    "app",
    "auth",
    "client",
    "cookie",
    "crypto",
    "deploy",
    "ecdsa",
    "encryption",
    "fernet",
    "hmac",
    "host",
    "jwt",
    "license",
    "master",
    "private",
    "root",
    "rsa",
    "sas",
    "secret",
    "server",
    "session",
    "shared",
    "signing",
    "ssh",
    "ssl",
    "storage",
    "subscription",
    "tls",
    "write",
];

/// `<word> key` in environment variables that is none, although most `*_KEY` variables are.
const PLAIN_KEYS: &[&str] = &[
    "cache",
    "foreign",
    "group",
    "header",
    "idempotency",
    "label",
    "lookup",
    "object",
    "partition",
    "primary",
    "public",
    "routing",
    "sort",
    "tag",
];

/// `<word> secret` whose value is the name of a Secret.
const SECRET_NAMES: &[&str] = &[
    "ca",
    "cert",
    "certificate",
    "certificates",
    "certs",
    "config",
    "credential",
    "credentials",
    "custom",
    "external",
    "extra",
    "from",
    "image",
    "ingress",
    "key",
    "keys",
    "keystore",
    "password",
    "pull",
    "registry",
    "source",
    "target",
    "tls",
    "token",
    "truststore",
    "with",
];

/// Last words that say nothing about what the value is.
const MODIFIERS: &[&str] = &[
    "b64",
    "base",
    "base64",
    "bcrypt",
    "current",
    "encoded",
    "hash",
    "new",
    "old",
    "plain",
    "plaintext",
    "previous",
    "raw",
    "text",
    "val",
    "value",
];

/// Where a name stands decides what `*_KEY` means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// An environment variable or a parameter in a name/value list.
    Variable,
    /// A field of an object, of values, or of a file.
    Field,
}

/// Whether a scalar under this name is a credential.
pub(super) fn is_credential(name: &str, place: Place) -> bool {
    // Longer names than any real one are not worth the work.
    if name.len() > 200 || !may_be_credential(name) {
        return false;
    }
    let words = words(name);
    let mut words = words.as_slice();
    if words.iter().any(|word| word == "existing") {
        return false;
    }
    while let [rest @ .., last] = words
        && !rest.is_empty()
        && (MODIFIERS.contains(&last.as_str()) || last.bytes().all(|byte| byte.is_ascii_digit()))
    {
        words = rest;
    }
    let Some((last, before)) = words.split_last() else { return false };
    let qualifier = before.last().map_or("", String::as_str);
    match last.as_str() {
        "key" | "keys" => is_secret_key(qualifier, place),
        "secret" => !SECRET_NAMES.contains(&qualifier),
        "pass" => !matches!(qualifier, "proxy" | "fastcgi" | "uwsgi" | "grpc" | "by" | "first" | "single" | "two"),
        "string" => matches!(qualifier, "connection" | "conn"),
        "url" => qualifier == "webhook",
        last => CREDENTIALS.contains(&last) || ENDINGS.iter().any(|ending| last.ends_with(ending)),
    }
}

fn is_secret_key(qualifier: &str, place: Place) -> bool {
    match place {
        Place::Variable => !PLAIN_KEYS.contains(&qualifier) && !qualifier.is_empty(),
        Place::Field => SECRET_KEYS.contains(&qualifier),
    }
}

/// Cheap test that almost every name fails.
fn may_be_credential(name: &str) -> bool {
    const PARTS: [&[u8]; 13] = [
        b"pass",
        b"pwd",
        b"secret",
        b"token",
        b"key",
        b"dsn",
        b"credential",
        b"conn",
        b"auth",
        b"jwt",
        b"bearer",
        b"webhook",
        b"kubeconfig",
    ];
    let name = name.as_bytes();
    (0..name.len()).any(|at| {
        // The first letter rules most positions out.
        let first = name[at] | 0x20;
        matches!(first, b'p' | b's' | b't' | b'k' | b'd' | b'c' | b'a' | b'j' | b'b' | b'w')
            && PARTS
                .iter()
                .any(|part| part[0] == first && name[at..].get(..part.len()).is_some_and(|here| here.eq_ignore_ascii_case(part)))
    })
}

/// Lower-case words: `dbPassword`, `DB_PASSWORD`, `db-password` and `db.password` are all `db`, `password`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let chars: Vec<char> = name.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        let starts = c.is_uppercase()
            && (before.is_some_and(|b| b.is_lowercase() || b.is_ascii_digit())
                || before.is_some_and(|b| b.is_uppercase()) && after.is_some_and(|a| a.is_lowercase()));
        if (starts || !c.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether a name/value pair's value only points at the credential: a variable reference, a template, a file.
pub(super) fn is_reference(name: &str, value: &str) -> bool {
    is_variable(value) || is_path(name, value)
}

/// `$(NAME)`, `${NAME}`, `$NAME`, `{{ … }}`, or a value that is redacted already.
pub(super) fn is_variable(value: &str) -> bool {
    let value = value.trim();
    if value == super::REDACTED_TEXT || value.starts_with("{{") && value.ends_with("}}") {
        return true;
    }
    let Some(rest) = value.strip_prefix('$') else { return false };
    let name = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let name = name.or_else(|| rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))).unwrap_or(rest);
    let variable = name.split(':').next().unwrap_or_default();
    !variable.is_empty() && variable.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `TLS_KEY=/etc/tls/tls.key` names a file; a password may well begin with a slash.
fn is_path(name: &str, value: &str) -> bool {
    let looks = value.starts_with('/') && value[1..].contains('/') && !value.contains(char::is_whitespace);
    looks && !name.to_ascii_lowercase().contains("pass")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_credentials() {
        for name in [
            "password",
            "DB_PASSWORD",
            "postgresPassword",
            "rootPasswordHash",
            "dbpassword",
            "apiKey",
            "API_KEY",
            "api-key",
            "SECRET_KEY_BASE",
            "clientSecret",
            "JWT_SECRET",
            "secret",
            "token",
            "GITHUB_TOKEN",
            "accessToken",
            "authToken",
            "dsn",
            "CONNECTION_STRING",
            "redis.auth.password",
            "spring.datasource.password",
            "SMTP_PASS",
            "privateKey",
            "tls.key",
            "AWS_SECRET_ACCESS_KEY",
            "cookie_secret",
            "PASSWORD_2",
            "sasl.jaas.password",
        ] {
            assert!(is_credential(name, Place::Field), "{name}");
        }
        assert!(is_credential("SOME_KEY", Place::Variable));
    }

    #[test]
    fn names_of_other_things() {
        for name in [
            "secretName",
            "existingSecret",
            "existingSecretPasswordKey",
            "tokenAudience",
            "passwordFile",
            "PASSWORD_FILE",
            "secretKeyRef",
            "imagePullSecrets",
            "pullSecret",
            "tlsSecret",
            "passwordKey",
            "adminPasswordKey",
            "key",
            "keys",
            "image",
            "publicKey",
            "topologyKey",
            "tokenTTL",
            "secretNamespace",
            "automountServiceAccountToken2x",
            "passwordPolicy",
            "keyPrefix",
            "proxy_pass",
            "bypass",
            "partitionKey",
            "authMethod",
            "monkey",
            "secrets",
            "passwordLength",
        ] {
            assert!(!is_credential(name, Place::Field), "{name}");
        }
        for name in ["DB_PASSWORD_FILE", "PARTITION_KEY", "KEYCLOAK_URL", "TOKEN_EXPIRY_SECONDS", "KEY"] {
            assert!(!is_credential(name, Place::Variable), "{name}");
        }
    }

    #[test]
    fn references_are_no_credentials() {
        for value in ["$(DB_PASSWORD)", "${DB_PASSWORD}", "$DB_PASSWORD", "${DB_PASSWORD:-}", "{{ .Values.x }}"] {
            assert!(is_reference("password", value), "{value}");
        }
        assert!(is_reference("TLS_KEY", "/etc/tls/tls.key"));
        for value in ["$ecret!", "/abc/def", "hunter2", "$"] {
            assert!(!is_reference("password", value), "{value}");
        }
    }
}
