//! Connection strings of MySQL and MariaDB: the URL form, with the `ssl-…` parameters of MySQL's own client, and the form of
//! Go's driver (`user:password@tcp(host:port)/db?tls=…`) behind `mysql://`, as golang-migrate takes it.

use std::collections::BTreeMap;
use std::fs;

use mysql_async::{ClientIdentity, Conn, DriverError, Error, OptsBuilder, SslOpts};
use rustls::RootCertStore;

use crate::load::storage::postgres;

/// A parsed connection string. Holds a password: not printable.
pub struct Target {
    pub options: OptsBuilder,
    pub database: Option<String>,
    /// Host and port or the socket, for messages.
    pub server: String,
}

impl Target {
    /// Connects; the error holds nothing of the connection string but the server.
    pub async fn connect(&self) -> Result<Conn, String> {
        let failed = |error: Error| match &error {
            Error::Server(_) => format!("{} refuses: {}", self.server, said(&error)),
            _ => format!("cannot reach {}: {}", self.server, said(&error)),
        };
        Conn::new(self.options.clone()).await.map_err(failed)
    }
}

/// What an error says.
pub fn said(error: &Error) -> String {
    match error {
        Error::Server(said) => said.message.clone(),
        Error::Driver(DriverError::NoClientSslFlagFromServer) => {
            "it offers no encryption; ssl-mode=DISABLED speaks to it without".to_owned()
        }
        Error::Io(error) => innermost(error),
        other => other.to_string(),
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), innermost)
}

/// Parses what follows `mysql:`.
pub fn target(rest: &str) -> Result<Target, String> {
    let rest = rest.strip_prefix("//").ok_or("a MySQL connection string begins with mysql://")?;
    let mut given = match of_go(rest) {
        Some(settings) => settings?,
        None => postgres::url(rest)?,
    };
    let mut take = |name: &str| given.remove(name).filter(|value| !value.is_empty());
    let [user, password, database, host, port] = ["user", "password", "dbname", "host", "port"].map(&mut take);
    let host = host.unwrap_or_else(|| "localhost".to_owned());
    let port = port.map_or(Ok(3306), |port| port.parse::<u16>()).map_err(|_| "the connection string's port is no port number")?;
    let parameters = Parameters(given.into_iter().map(|(name, value)| (plain(&name), value)).collect());
    let socket = parameters.get(&["socket", "unixsocket"]).map(str::to_owned);
    let local = socket.is_some() || ["localhost", "127.0.0.1", "::1"].contains(&host.as_str());
    let server = socket.clone().unwrap_or_else(|| format!("{host}:{port}"));
    let options = OptsBuilder::default()
        .ip_or_hostname(host)
        .tcp_port(port)
        .user(user)
        .pass(password)
        .db_name(database.clone())
        .ssl_opts(if socket.is_some() { None } else { parameters.encryption(local)? })
        .socket(socket)
        // The server would name its socket, which may be on another machine.
        .prefer_socket(false);
    Ok(Target { options, database, server: format!("MySQL at {server}") })
}

/// None where it is not Go's form.
fn of_go(rest: &str) -> Option<Result<BTreeMap<String, String>, String>> {
    let at = rest.find("@tcp(").or_else(|| rest.find("@unix(")).or_else(|| rest.starts_with("tcp(").then_some(0))?;
    let (login, address) = rest.split_at(at);
    let (protocol, address) = address.trim_start_matches('@').split_once('(')?;
    let (address, rest) = address.split_once(')')?;
    let whole = match protocol {
        "unix" => format!("{login}@localhost{rest}{}socket={address}", if rest.contains('?') { '&' } else { '?' }),
        _ => format!("{login}@{address}{rest}"),
    };
    Some(postgres::url(&whole))
}

/// `ssl-mode`, `ssl_mode` and `sslMode` are one.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

struct Parameters(BTreeMap<String, String>);

/// How far a server is trusted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verify {
    Nothing,
    ChainAndName,
}

impl Parameters {
    fn get(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.0.get(*name)).map(String::as_str)
    }

    /// As PostgreSQL's clients have it: another machine is spoken to with encryption, whoever answers, unless more or less is asked
    /// for. There is no falling back: `preferred` means `required`.
    fn encryption(&self, local: bool) -> Result<Option<SslOpts>, String> {
        let roots = self.get(&["sslca", "sslrootcert"]);
        let asked = self.get(&["sslmode", "tls", "usessl", "requiressl", "sslaccept"]);
        let go = self.0.contains_key("tls");
        let verify = match asked.map(str::to_ascii_lowercase).as_deref() {
            None if roots.is_none() && local => return Ok(None),
            None if roots.is_some() => Verify::ChainAndName,
            Some("disabled" | "disable" | "false" | "0") => return Ok(None),
            // The client cannot leave the name out: it looks for words in an error that rustls no longer writes.
            Some("verify_ca" | "verify-ca" | "verify_identity" | "verify-identity" | "verify-full" | "strict") => {
                Verify::ChainAndName
            }
            Some("true") if go => Verify::ChainAndName,
            None
            | Some("preferred" | "prefer" | "required" | "require" | "true" | "1" | "skip-verify" | "accept_invalid_certs") => {
                Verify::Nothing
            }
            Some(_) => return Err("the connection string's ssl-mode is none that is known".to_owned()),
        };
        let identity = self.get(&["sslcert"]).zip(self.get(&["sslkey"]));
        options(verify, roots, identity).map(Some)
    }
}

fn options(verify: Verify, roots: Option<&str>, identity: Option<(&str, &str)>) -> Result<SslOpts, String> {
    let read = |path: &str| fs::read(path).map_err(|error| format!("the certificate file {path} cannot be used: {error}"));
    let identity =
        identity.map(|(cert, key)| Ok::<_, String>(ClientIdentity::new(read(cert)?.into(), read(key)?.into()))).transpose()?;
    let options = SslOpts::default().with_client_identity(identity);
    if verify == Verify::Nothing {
        return Ok(options.with_danger_accept_invalid_certs(true));
    }
    let roots = match roots {
        Some(path) => vec![read(path)?.into()],
        None => of_this_machine().into_iter().map(Into::into).collect(),
    };
    Ok(options.with_disable_built_in_roots(true).with_root_certs(roots))
}

/// One certificate that cannot be read would refuse them all.
fn of_this_machine() -> Vec<Vec<u8>> {
    let found = rustls_native_certs::load_native_certs().certs.into_iter();
    let usable = found.filter(|cert| RootCertStore::empty().add(cert.clone()).is_ok());
    usable.map(|cert| cert.as_ref().to_vec()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mysql_async::Opts;

    fn parsed(rest: &str) -> Opts {
        Opts::from(target(rest).unwrap_or_else(|why| panic!("{why}")).options)
    }

    #[test]
    fn urls_and_the_form_of_go() {
        for text in ["//u:p%40ss@db.example:3307/shop", "//u:p%40ss@tcp(db.example:3307)/shop?parseTime=true"] {
            let options = parsed(text);
            assert_eq!((options.user(), options.pass(), options.db_name()), (Some("u"), Some("p@ss"), Some("shop")));
            assert_eq!((options.ip_or_hostname(), options.tcp_port()), ("db.example", 3307));
        }
        for text in ["//u@localhost/shop?socket=%2Frun%2Fx", "//u@unix(/run/x)/shop"] {
            assert_eq!((parsed(text).socket(), parsed(text).db_name()), (Some("/run/x"), Some("shop")), "{text}");
        }
    }

    #[test]
    fn other_machines_are_spoken_to_with_encryption() {
        assert!(parsed("//u@127.0.0.1/x").ssl_opts().is_none());
        assert!(parsed("//u@db.example/x").ssl_opts().is_some_and(SslOpts::accept_invalid_certs));
        assert!(parsed("//u@db.example/x?ssl-mode=DISABLED").ssl_opts().is_none());
        let full = parsed("//u@tcp(db.example)/x?tls=true");
        assert!(full.ssl_opts().is_some_and(|options| !options.accept_invalid_certs() && !options.skip_domain_validation()));
        assert!(parsed("//u@localhost/x?ssl_mode=VERIFY_CA").ssl_opts().is_some_and(|options| !options.accept_invalid_certs()));
        assert!(target("//u@h/x?ssl-mode=often").is_err());
        assert!(target("//u@h/x?ssl-ca=/no/such.pem").err().is_some_and(|why| why.contains("/no/such.pem cannot be used")));
    }
}
