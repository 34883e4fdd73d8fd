//! PostgreSQL connection strings as Helm's driver (`lib/pq`) reads them, and TLS by `sslmode`.
//!
//! `tokio-postgres` knows neither `verify-ca`, `verify-full` nor certificate files, and its default is another one:
//! lib/pq requires TLS without verifying the server unless told otherwise (`ssl.go`).

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::config::{Host, SslMode};

/// A parsed connection string. Holds a password: neither printable nor comparable.
pub struct Target {
    pub config: tokio_postgres::Config,
    /// None where the connection is not encrypted.
    pub tls: Option<ClientConfig>,
    /// Host and port, for messages.
    pub server: String,
}

/// Parses `postgres://…` or `key=value …` and fills gaps from `PG*` variables. Errors never quote the text.
pub fn target(text: &str) -> Result<Target, String> {
    let mut settings = match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
        Some(rest) => url(rest)?,
        None => pairs(text)?,
    };
    for (key, variable) in DEFAULTS {
        if let Ok(value) = env::var(variable) {
            settings.entry(key.to_owned()).or_insert(value);
        }
    }
    assemble(settings)
}

const DEFAULTS: [(&str, &str); 12] = [
    ("host", "PGHOST"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("options", "PGOPTIONS"),
    ("application_name", "PGAPPNAME"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
];

pub(in crate::load) type Settings = BTreeMap<String, String>;

fn decoded(text: &str) -> Result<String, String> {
    let bytes = percent_decode_str(text).decode_utf8();
    bytes.map(|text| text.into_owned()).map_err(|_| "the connection string holds an escape that is not UTF-8".to_owned())
}

/// `user:password@host:port/dbname?key=value&…`
pub(in crate::load) fn url(rest: &str) -> Result<Settings, String> {
    let mut settings = Settings::new();
    let whole = rest;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
    let port = address.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
    let (host, port) = port.map_or((address, ""), |(host, port)| (host, port));
    // Else a part of a password would be taken for the host, and shown.
    let cut = !authority.is_empty() && !authority.contains('@') && whole.contains('@');
    if cut || (host.contains(':') && !host.starts_with('[')) {
        return Err(
            "the connection string cannot be taken apart: write / ? @ : in names and passwords as %2F %3F %40 %3A".to_owned()
        );
    }
    let parts = [
        ("user", user),
        ("password", password.unwrap_or_default()),
        ("host", host.trim_matches(['[', ']'])),
        ("port", port),
        ("dbname", database),
    ];
    let query = query.split('&').filter_map(|pair| pair.split_once('='));
    for (key, value) in parts.into_iter().chain(query).filter(|(_, value)| !value.is_empty()) {
        settings.insert(decoded(key)?, decoded(value)?);
    }
    Ok(settings)
}

/// `key=value key='quoted value'`, backslash escapes in both.
fn pairs(text: &str) -> Result<Settings, String> {
    let mut settings = Settings::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Ok(settings);
        }
        let mut key = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=') {
            key.push(c);
        }
        if chars.next().is_none() {
            return Err("the connection string has a word without \"=\"".to_owned());
        }
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        let quoted = chars.next_if_eq(&'\'').is_some();
        let mut value = String::new();
        while let Some(c) = chars.next_if(|c| if quoted { *c != '\'' } else { !c.is_whitespace() }) {
            value.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
        }
        if quoted && chars.next().is_none() {
            return Err("the connection string has an open quote".to_owned());
        }
        settings.insert(key.trim().to_owned(), value);
    }
}

fn assemble(mut settings: Settings) -> Result<Target, String> {
    let mut config = tokio_postgres::Config::new();
    let address = settings.remove("hostaddr");
    let host = settings.remove("host").or(address).unwrap_or_else(|| "localhost".to_owned());
    let port = match settings.remove("port") {
        Some(text) => text.parse::<u16>().map_err(|_| "the connection string's port is no port number".to_owned())?,
        None => 5432,
    };
    config.host(&host).port(port);
    let socket = matches!(config.get_hosts(), [Host::Unix(_)]);
    let tls = tls(&mut settings, socket)?;
    config.ssl_mode(match (tls.is_some(), settings.remove("sslmode").as_deref()) {
        (false, _) => SslMode::Disable,
        (true, Some("prefer" | "allow")) => SslMode::Prefer,
        (true, _) => SslMode::Require,
    });
    config.user(settings.remove("user").or_else(|| env::var("USER").ok()).unwrap_or_else(|| "postgres".to_owned()));
    if let Some(name) = settings.remove("dbname") {
        config.dbname(name);
    }
    let passfile = settings.remove("passfile").map(PathBuf::from);
    if let Some(password) = settings.remove("password").or_else(|| from_passfile(passfile, &config, &host, port)) {
        config.password(password);
    }
    config.application_name(settings.remove("application_name").unwrap_or_else(|| "helm-rollback-safe".to_owned()));
    let mut options = settings.remove("options").unwrap_or_default();
    // What lib/pq does not know it passes on as a run-time parameter, for example search_path.
    for (name, value) in settings.iter().filter(|(name, _)| !IGNORED.contains(&name.as_str())) {
        options.push_str(&format!(" -c {name}={}", value.replace('\\', "\\\\").replace(' ', "\\ ")));
    }
    if !options.is_empty() {
        config.options(options);
    }
    Ok(Target { config, tls, server: format!("PostgreSQL at {host}:{port}") })
}

/// The password file (PostgreSQL manual, "The Password File"; lib/pq `handlePgpass`): one that others may read is not read.
fn from_passfile(named: Option<PathBuf>, config: &tokio_postgres::Config, host: &str, port: u16) -> Option<String> {
    let named = named.or_else(|| env::var_os("PGPASSFILE").map(PathBuf::from));
    let path = named.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".pgpass")))?;
    let mode = fs::metadata(&path).ok()?.permissions().mode();
    let text = fs::read_to_string(&path).ok().filter(|_| mode & 0o077 == 0)?;
    let host = if host.starts_with('/') { "localhost" } else { host };
    let (user, port) = (config.get_user()?, port.to_string());
    let wanted = [host, &port, config.get_dbname().unwrap_or(user), user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| password_for(line, &wanted))
}

/// `host:port:database:user:password`, where `*` stands for all and `\` takes the meaning from `:`.
fn password_for(line: &str, wanted: &[&str]) -> Option<String> {
    let (mut fields, mut chars) = (vec![String::new()], line.chars());
    while let Some(c) = chars.next() {
        let last = fields.len() - 1;
        match c {
            ':' if last < wanted.len() => fields.push(String::new()),
            '\\' => fields[last].extend(chars.next()),
            _ => fields[last].push(c),
        }
    }
    let (password, fields) = fields.split_last().filter(|(_, fields)| fields.len() == wanted.len())?;
    let fits = fields.iter().zip(wanted).all(|(field, wanted)| field == "*" || field == wanted);
    fits.then(|| password.clone())
}

/// Parameters of lib/pq itself that change nothing here.
const IGNORED: [&str; 19] = [
    "binary_parameters",
    "connect_timeout",
    "disable_prepared_binary_result",
    "fallback_application_name",
    "krbsrvname",
    "krbspn",
    // Of libpq, which service files are written for.
    "channel_binding",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "require_auth",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "target_session_attrs",
    "tcp_user_timeout",
];

fn tls(settings: &mut Settings, socket: bool) -> Result<Option<ClientConfig>, String> {
    let mut take = |key: &str| settings.remove(key).filter(|value| !value.is_empty());
    let (roots, cert, key) = (take("sslrootcert"), take("sslcert"), take("sslkey"));
    for key in ["sslinline", "sslsni", "sslnegotiation"] {
        take(key);
    }
    let verify = match (settings.get("sslmode").map_or("require", String::as_str), &roots) {
        _ if socket => return Ok(None),
        ("disable", _) => return Ok(None),
        ("require" | "prefer" | "allow", None) => Verify::Nothing,
        ("require" | "prefer" | "allow", Some(_)) | ("verify-ca", _) => Verify::Chain,
        ("verify-full", _) => Verify::ChainAndName,
        _ => return Err("the connection string's sslmode is none that is known".to_owned()),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match verify {
        Verify::Nothing => Arc::new(Lenient { provider: Arc::clone(&provider), chain: None }),
        Verify::Chain => {
            let chain = Some(web_pki(roots.as_deref(), &provider)?);
            Arc::new(Lenient { provider: Arc::clone(&provider), chain })
        }
        Verify::ChainAndName => web_pki(roots.as_deref(), &provider)?,
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match (cert, key) {
        (Some(cert), Some(key)) => {
            builder.with_client_auth_cert(certificates(&cert)?, private_key(&key)?).map_err(|error| error.to_string())?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(Some(config))
}

#[derive(Clone, Copy)]
enum Verify {
    Nothing,
    Chain,
    ChainAndName,
}

fn certificates(path: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(Path::new(path)).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    read.map_err(|error| format!("the certificate file {path} cannot be used: {error}"))
}

fn private_key(path: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_file(Path::new(path)).map_err(|error| format!("the key file {path} cannot be used: {error}"))
}

fn web_pki(roots: Option<&str>, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>, String> {
    let mut store = RootCertStore::empty();
    let found = match roots.filter(|path| *path != "system") {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    store.add_parsable_certificates(found);
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
        .build()
        .map_err(|error| format!("no certificate to verify the database server with: {error}"))
}

/// What `sslmode` leaves out of the verification. Signatures of the handshake are checked all the same.
#[derive(Debug)]
struct Lenient {
    provider: Arc<CryptoProvider>,
    /// `sslmode=verify-ca`: the chain counts, the host name does not. None, `sslmode=require`: encrypts without asking who
    /// answers; so does Helm.
    chain: Option<Arc<WebPkiServerVerifier>>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        // rustls looks at the name last.
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> tokio_postgres::Config {
        target(text).unwrap_or_else(|why| panic!("{why}")).config
    }

    #[test]
    fn url_form() {
        let config = parsed("postgres://helm:p%40ss@db.example:6432/releases?sslmode=disable&search_path=helm");
        assert_eq!(config.get_user(), Some("helm"));
        assert_eq!(config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(config.get_ports(), [6432]);
        assert_eq!(config.get_dbname(), Some("releases"));
        assert_eq!(config.get_ssl_mode(), SslMode::Disable);
        assert_eq!(config.get_options(), Some(" -c search_path=helm"));
    }

    #[test]
    fn pair_form_with_quotes() {
        let config = parsed("host=db user='a b' password='it\\'s' dbname=x sslmode = disable");
        assert_eq!((config.get_user(), config.get_password()), (Some("a b"), Some(&b"it's"[..])));
        assert_eq!(config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn tls_as_lib_pq_has_it() {
        assert!(target("host=db").unwrap_or_else(|why| panic!("{why}")).tls.is_some(), "require is the default");
        assert!(target("host=/run/postgresql").unwrap_or_else(|why| panic!("{why}")).tls.is_none());
        assert_eq!(parsed("host=db sslmode=prefer").get_ssl_mode(), SslMode::Prefer);
        assert_eq!(target("host=db sslmode=often").err().unwrap(), "the connection string's sslmode is none that is known");
        assert!(
            target("host=db sslmode=verify-ca sslrootcert=/no/such.pem")
                .err()
                .unwrap()
                .contains("certificate file /no/such.pem cannot be used")
        );
    }

    #[test]
    fn passwords_come_from_a_file_by_what_they_are_for() {
        let wanted = ["db", "5432", "shop", "app"];
        assert_eq!(password_for("db:5432:shop:app:hunter2", &wanted).as_deref(), Some("hunter2"));
        assert_eq!(password_for("*:*:*:app:a\\:b\\\\c:d", &wanted).as_deref(), Some("a:b\\c:d"));
        assert_eq!(password_for("db:5433:shop:app:x", &wanted), None);
        assert_eq!(password_for("db:5432:x", &wanted), None);
    }

    #[test]
    fn errors_do_not_quote_the_string() {
        for text in [
            "hunter2",
            "password='hunter2",
            "postgres://u:hunter2@h:99999/x",
            "postgres://u:1/hunter2@h/x",
            "postgres://u:hunter2?@h/x",
            "host=h port=hunter2",
        ] {
            assert!(!target(text).err().unwrap_or_default().contains("hunter2"), "{text}");
        }
    }
}
