//! One release that the tool and a real Helm reach alike.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::lab;

pub const TOOL: &str = env!("CARGO_BIN_EXE_helm-rollback-safe");

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What a run of the tool ended with.
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn of(output: &Output) -> Ended {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    #[track_caller]
    pub fn expect(self, code: i32, words: &[&str]) -> Ended {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in stderr:\n{}", self.stderr);
        }
        self
    }

    /// The digest that a refusal offers.
    #[track_caller]
    pub fn digest(&self) -> String {
        let at = self.stderr.find("--accept sha256:").unwrap_or_else(|| panic!("no digest in:\n{}", self.stderr));
        self.stderr[at + "--accept ".len()..].chars().take("sha256:".len() + 64).collect()
    }
}

/// One release, reachable with one Helm.
pub struct Place {
    pub helm: PathBuf,
    pub env: BTreeMap<String, String>,
    pub home: TempDir,
}

impl Place {
    /// Helm's memory driver with the releases of `scripts/try`.
    pub fn memory(helm: PathBuf) -> Place {
        let data = root().join("examples/try/releases.yaml");
        let env = [("HELM_DRIVER", "memory"), ("HELM_MEMORY_DRIVER_DATA", data.to_str().unwrap()), ("HELM_NAMESPACE", "default")];
        Place::new(helm, env.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
    }

    pub fn new(helm: PathBuf, mut env: BTreeMap<String, String>) -> Place {
        let home = TempDir::new().unwrap();
        for (name, folder) in
            [("HELM_DATA_HOME", "data"), ("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HOME", "")]
        {
            env.insert(name.to_owned(), home.path().join(folder).to_str().unwrap().to_owned());
        }
        env.entry("KUBECONFIG".to_owned()).or_insert_with(|| home.path().join("no-kubeconfig").to_str().unwrap().to_owned());
        Place { helm, env, home }
    }

    pub fn command(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.args(args).env_clear().env("PATH", path).envs(&self.env).env("HELM_BIN", &self.helm).stdin(Stdio::null());
        command
    }

    pub fn tool(&self, args: &[&str]) -> Ended {
        Ended::of(&self.command(Path::new(TOOL), args).output().unwrap())
    }

    #[track_caller]
    pub fn helm(&self, args: &[&str]) -> String {
        let output = self.command(&self.helm, args).output().unwrap();
        let ended = Ended::of(&output);
        assert_eq!(ended.code, Some(0), "helm {args:?}: {}", ended.stderr);
        ended.stdout
    }

    /// Puts a script in place of Helm; `$HELM` in it is the real one.
    pub fn wrap(&mut self, script: &str) {
        let wrapper = self.home.path().join("wrapped-helm");
        crate::write_script(&wrapper, &format!("HELM={}\n{script}", self.helm.display()));
        self.helm = wrapper;
    }
}

/// A namespace of the lab of its own.
pub fn on_lab(helm: PathBuf, name: &str, driver: &str) -> Option<Place> {
    let mut env = lab()?;
    let line = helm.file_name().unwrap().to_string_lossy().replace(['.', '_'], "-");
    env.insert("HELM_NAMESPACE".to_owned(), format!("it-{name}-{line}-{}", std::process::id()));
    env.insert("HELM_DRIVER".to_owned(), driver.to_owned());
    if driver == "sql" {
        let Some(url) = env.get("LAB_PG_URL").cloned() else {
            eprintln!("skipped: the lab has no PostgreSQL (scripts/lab up --postgres)");
            return None;
        };
        env.insert("HELM_DRIVER_SQL_CONNECTION_STRING".to_owned(), url);
    }
    Some(Place::new(helm, env))
}

impl Place {
    pub fn chart() -> String {
        root().join("examples/try/chart").to_str().unwrap().to_owned()
    }

    /// Revision 1 without uploads, revision 2 with a claim and a migration that ran.
    pub fn two_revisions(&self) {
        self.helm(&["install", "shop", &Place::chart(), "--create-namespace"]);
        self.helm(&["upgrade", "shop", &Place::chart(), "--set", "image=registry.example/shop:2.0,uploads=true,migrate=true"]);
    }

    pub fn status_of(&self, revision: u32) -> String {
        let history = self.helm(&["history", "shop", "-o", "json"]);
        let history: serde_json::Value = serde_json::from_str(&history).unwrap();
        let entry = history.as_array().unwrap().iter().find(|entry| entry["revision"] == revision).cloned();
        entry.map_or_else(|| "none".to_owned(), |entry| entry["status"].as_str().unwrap().to_owned())
    }
}
