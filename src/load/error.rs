//! What can keep a comparison from being made at all, each with what to do about it.

use std::fmt;

use crate::forecast::target::{NoTarget, ranges};
use crate::release::Revision;
use crate::release::redact::Redactor;

/// Why nothing could be loaded. `Display` is the error, [`LoadError::help`] the way on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadError {
    /// Kubeconfig, context or credentials cannot be used.
    Configuration(String),
    /// The connection string of the SQL storage cannot be used; never quotes it.
    Database(String),
    /// The database that an option names cannot be used; never quotes the connection string.
    Connection(String),
    /// The API server or database did not answer.
    Unreachable {
        server: String,
        why: String,
    },
    /// The credentials were refused.
    Unauthorized {
        server: String,
        why: String,
    },
    /// An indispensable read is not allowed, for example `list secrets in prod`.
    Forbidden {
        what: String,
        why: String,
    },
    NoSuchRelease {
        release: String,
        place: String,
        hint: Option<String>,
    },
    NoTarget {
        release: String,
        why: NoTarget,
    },
    /// A listed record was gone when it was read.
    RecordGone {
        revision: Revision,
    },
    /// The record of *from* or *to* cannot be used.
    CorruptRecord {
        revision: Revision,
        why: String,
    },
    /// There is no binary by this name.
    HelmMissing {
        wanted: String,
        why: String,
    },
    /// A saved file cannot be read or understood.
    File {
        path: String,
        why: String,
    },
    /// The storage answered something else.
    Storage(String),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Configuration(why) | LoadError::Database(why) | LoadError::Connection(why) | LoadError::Storage(why) => {
                f.write_str(why)
            }
            LoadError::Unreachable { server, why } => write!(f, "cannot reach {server}: {why}"),
            LoadError::Unauthorized { server, why } => write!(f, "{server} does not accept the credentials: {why}"),
            LoadError::Forbidden { what, why } => write!(f, "not allowed to {what}: {why}"),
            LoadError::NoSuchRelease { release, place, .. } => write!(f, "there is no release {release:?} in {place}"),
            LoadError::NoTarget { release, why } => write!(f, "release {release:?}: {why}"),
            LoadError::RecordGone { revision } => write!(f, "revision {revision} was removed while it was being read"),
            LoadError::CorruptRecord { revision, why } => write!(f, "the record of revision {revision} cannot be used: {why}"),
            LoadError::HelmMissing { wanted, why } => write!(f, "cannot find Helm as {wanted:?}: {why}"),
            LoadError::File { path, why } => write!(f, "{path}: {why}"),
        }
    }
}

impl std::error::Error for LoadError {}

impl LoadError {
    /// Messages of servers and plugins without secrets.
    pub fn scrubbed(mut self, redactor: &Redactor) -> LoadError {
        match &mut self {
            LoadError::Configuration(why) | LoadError::Database(why) | LoadError::Connection(why) | LoadError::Storage(why) => {
                *why = redactor.scrub(why);
            }
            LoadError::Unreachable { why, .. }
            | LoadError::Unauthorized { why, .. }
            | LoadError::Forbidden { why, .. }
            | LoadError::CorruptRecord { why, .. }
            | LoadError::HelmMissing { why, .. }
            | LoadError::File { why, .. } => *why = redactor.scrub(why),
            LoadError::NoSuchRelease { .. } | LoadError::NoTarget { .. } | LoadError::RecordGone { .. } => {}
        }
        self
    }

    /// What to do about it, in one or two lines.
    pub fn help(&self) -> Option<String> {
        let text = match self {
            LoadError::Configuration(_) => {
                "check --kubeconfig, --kube-context and KUBECONFIG; `kubectl config get-contexts` lists contexts"
            }
            LoadError::Database(_) => {
                "check HELM_DRIVER_SQL_CONNECTION_STRING; both postgres://user@host/db?sslmode=… and key=value pairs are read"
            }
            LoadError::Connection(_) => {
                "check what --database-file, --database-env or --database-service names: postgres://user@host/db?sslmode=…, host=… dbname=…, mysql://user@host/db?ssl-mode=… or sqlite:PATH"
            }
            LoadError::Unreachable { .. } => {
                "check the address, the certificates, the network and any proxy (HTTPS_PROXY, NO_PROXY); records can also be read from files with --releases PATH"
            }
            LoadError::Unauthorized { .. } => {
                "log in again or pass --kube-token; for the SQL storage, check HELM_DRIVER_SQL_CONNECTION_STRING"
            }
            LoadError::Forbidden { .. } => {
                "ask for get and list on the release records (Secrets or ConfigMaps with label owner=helm), or pass saved ones with --releases PATH"
            }
            LoadError::NoSuchRelease { hint, .. } => return Some(no_release_help(hint.as_deref())),
            LoadError::NoTarget { why, .. } => return Some(no_target_help(why)),
            LoadError::RecordGone { .. } => "something else works on this release; run again",
            LoadError::CorruptRecord { .. } => {
                "name another revision, or restore the record from a backup; Helm cannot read it either"
            }
            LoadError::HelmMissing { .. } => {
                "install Helm, or point HELM_BIN at the binary; --helm-version X.Y.Z analyses without one"
            }
            LoadError::File { .. } | LoadError::Storage(_) => return None,
        };
        Some(text.to_owned())
    }
}

fn no_release_help(hint: Option<&str>) -> String {
    let common = "check the name, the namespace (-n) and the storage driver (HELM_DRIVER); `helm list -A --all` lists releases";
    match hint {
        Some(hint) => format!("{hint}; {common}"),
        None => common.to_owned(),
    }
}

fn no_target_help(why: &NoTarget) -> String {
    match why {
        NoTarget::Missing { existing, .. } => {
            format!("revisions that exist: {}; older ones are pruned by --history-max, and Helm keeps no copy", ranges(existing))
        }
        NoTarget::OnlyRevision(_) | NoTarget::NoHistory => {
            "an earlier revision is needed; to get rid of a bad first install, uninstall or upgrade it".to_owned()
        }
        NoTarget::NoneWorked(_) => "give the revision explicitly if one of these is the right one all the same".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_revision_names_those_that_exist() {
        let why = NoTarget::Missing { wanted: 4, existing: vec![5, 6, 7] };
        let error = LoadError::NoTarget { release: "shop".to_owned(), why };
        assert_eq!(error.to_string(), "release \"shop\": the release has no revision 4; it has 5–7");
        assert!(error.help().unwrap().starts_with("revisions that exist: 5–7"));
    }
}
