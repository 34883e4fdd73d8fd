//! The command line of the user's own Helm.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::release::Revision;
use crate::settings::KubeOptions;

/// One `helm rollback` with an explicit revision. An argument vector, never a shell line.
#[derive(Clone, Debug)]
pub struct HelmCommand {
    /// `HELM_BIN` as resolved.
    pub program: PathBuf,
    pub release: String,
    /// The revision to restore.
    pub to: Revision,
    /// The newest revision that exists; Helm writes `from + 1`.
    pub from: Revision,
    /// Namespace of the records, as resolved (never left to Helm's own defaults).
    pub namespace: String,
    pub kube: KubeOptions,
    /// The user's `helm rollback` flags, as given.
    pub flags: Vec<String>,
}

impl HelmCommand {
    /// Arguments after the program name.
    ///
    /// What was resolved is passed again although a Helm plugin inherits most of it: a context switched in the meantime,
    /// or a start as kubectl plugin, must not send the rollback to another cluster.
    pub fn args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["rollback".into(), self.release.clone().into(), self.to.to_string().into()];
        args.extend(self.flags.iter().map(OsString::from));
        args.extend(connection(&self.namespace, &self.kube));
        args
    }

    /// Variables set for Helm on top of the inherited environment.
    pub fn env(&self) -> Vec<(&'static str, OsString)> {
        connection_env(&self.kube)
    }

    /// The command as a person would type it, for messages. Holds no secret: the token is not an argument.
    pub fn display(&self) -> String {
        let words = std::iter::once(self.program.clone().into_os_string()).chain(self.args());
        words.map(|word| quote(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }

    /// The flags that lead `helm`, `helm rollback-safe` or `kubectl` to the same release, for hints.
    pub fn same_place(&self) -> Place {
        Place { namespace: self.namespace.clone(), context: self.kube.context.clone().filter(|c| !c.is_empty()) }
    }
}

/// Helm's own flags for the same cluster and namespace.
pub fn connection(namespace: &str, kube: &KubeOptions) -> Vec<OsString> {
    let mut args = Vec::new();
    push(&mut args, "--namespace", Some(namespace));
    push(&mut args, "--kube-context", kube.context.as_ref());
    push(&mut args, "--kubeconfig", kube.kubeconfig.as_ref().filter(|path| !is_list(path.as_os_str())));
    push(&mut args, "--kube-as-user", kube.as_user.as_ref());
    for group in &kube.as_groups {
        push(&mut args, "--kube-as-group", Some(group));
    }
    push(&mut args, "--kube-apiserver", kube.apiserver.as_ref());
    push(&mut args, "--kube-ca-file", kube.ca_file.as_ref());
    push(&mut args, "--kube-tls-server-name", kube.tls_server_name.as_ref());
    push(&mut args, "--burst-limit", kube.burst_limit.map(|limit| limit.to_string()));
    push(&mut args, "--qps", kube.qps.map(|qps| qps.to_string()));
    if kube.insecure_skip_tls_verify {
        args.push("--kube-insecure-skip-tls-verify=true".into());
    }
    args
}

/// Variables that belong to those flags.
///
/// The token goes this way because every user of the machine can read an argument vector.
pub fn connection_env(kube: &KubeOptions) -> Vec<(&'static str, OsString)> {
    let mut env = Vec::new();
    if let Some(token) = kube.token.as_ref().filter(|token| !token.is_empty()) {
        env.push(("HELM_KUBETOKEN", token.into()));
    }
    // `--kubeconfig` takes one path; several only work through the variable (client-go `clientcmd` loading rules).
    if let Some(list) = kube.kubeconfig.as_ref().filter(|path| is_list(path.as_os_str())) {
        env.push(("KUBECONFIG", list.into()));
    }
    env
}

/// Where a release lives, in flags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub namespace: String,
    pub context: Option<String>,
}

impl Place {
    /// ` -n prod --kube-context east`, to be put behind a Helm command.
    pub fn helm_flags(&self) -> String {
        self.flags("--kube-context")
    }

    /// ` -n prod --context east`.
    pub fn kubectl_flags(&self) -> String {
        self.flags("--context")
    }

    fn flags(&self, context_flag: &str) -> String {
        let context = self.context.as_ref().map(|context| format!(" {context_flag} {}", quote(context)));
        format!(" -n {}{}", quote(&self.namespace), context.unwrap_or_default())
    }
}

fn push<T: AsRef<OsStr>>(args: &mut Vec<OsString>, flag: &str, value: Option<T>) {
    if let Some(value) = value.filter(|value| !value.as_ref().is_empty()) {
        args.push(flag.into());
        args.push(value.as_ref().to_owned());
    }
}

fn is_list(path: &OsStr) -> bool {
    let separator = if cfg!(windows) { b';' } else { b':' };
    path.as_encoded_bytes().contains(&separator)
}

/// POSIX shell quoting, only where it is needed.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(kube: KubeOptions, flags: &[&str]) -> HelmCommand {
        HelmCommand {
            program: "/opt/helm".into(),
            release: "shop".into(),
            to: 5,
            from: 7,
            namespace: "prod".into(),
            kube,
            flags: flags.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn revision_is_explicit_and_flags_pass_through() {
        let line = command(KubeOptions::default(), &["--wait", "--description", "back to 5; rm -rf /"]).display();
        assert_eq!(line, "/opt/helm rollback shop 5 --wait --description 'back to 5; rm -rf /' --namespace prod");
    }

    #[test]
    fn connection_is_repeated_and_the_token_stays_off_the_argument_vector() {
        let kube = KubeOptions {
            context: Some("east".into()),
            kubeconfig: Some("/home/me/kube config".into()),
            token: Some("t0p-secret".into()),
            as_user: Some("deployer".into()),
            as_groups: vec!["a".into(), "b".into()],
            insecure_skip_tls_verify: true,
            ..KubeOptions::default()
        };
        let command = command(kube, &[]);
        assert_eq!(
            command.display(),
            "/opt/helm rollback shop 5 --namespace prod --kube-context east --kubeconfig '/home/me/kube config' \
             --kube-as-user deployer --kube-as-group a --kube-as-group b --kube-insecure-skip-tls-verify=true"
        );
        assert_eq!(command.env(), [("HELM_KUBETOKEN", OsString::from("t0p-secret"))]);
    }

    #[test]
    fn several_kubeconfigs_go_through_the_variable() {
        let kube = KubeOptions { kubeconfig: Some("/a:/b".into()), context: Some(String::new()), ..KubeOptions::default() };
        let command = command(kube, &[]);
        assert_eq!(command.display(), "/opt/helm rollback shop 5 --namespace prod");
        assert_eq!(command.env(), [("KUBECONFIG", OsString::from("/a:/b"))]);
    }

    #[test]
    fn places_read_as_flags() {
        let place = Place { namespace: "prod".into(), context: Some("it's".into()) };
        assert_eq!(place.helm_flags(), r" -n prod --kube-context 'it'\''s'");
        assert_eq!(Place { namespace: "d".into(), context: None }.kubectl_flags(), " -n d");
    }
}
