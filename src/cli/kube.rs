//! How to reach the cluster: Helm's global flags, kubectl's names for them, and `HELM_*` variables.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::exit::Advice;
use crate::settings::KubeOptions;

use super::env::Env;
use super::flags::go_bool;

#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster (as in Helm; kubectl's names work too)")]
pub struct KubeArgs {
    /// Namespace of the release
    #[arg(short, long, global = true, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Context of the kubeconfig
    #[arg(long, visible_alias = "context", global = true, value_name = "NAME", action = clap::ArgAction::Append)]
    pub kube_context: Vec<String>,
    /// Kubeconfig file
    #[arg(long, global = true, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Bearer token (better: HELM_KUBETOKEN, which other users of the machine cannot see)
    #[arg(long, alias = "token", global = true, value_name = "TOKEN")]
    pub kube_token: Option<String>,
    /// User to impersonate
    #[arg(long, visible_alias = "as", global = true, value_name = "USER")]
    pub kube_as_user: Option<String>,
    /// Group to impersonate; may be repeated
    #[arg(long, visible_alias = "as-group", global = true, value_name = "GROUP", action = clap::ArgAction::Append)]
    pub kube_as_group: Vec<String>,
    /// Address of the API server
    #[arg(long, visible_alias = "server", global = true, value_name = "URL")]
    pub kube_apiserver: Option<String>,
    /// Certificate authority of the API server
    #[arg(long, alias = "certificate-authority", global = true, value_name = "FILE")]
    pub kube_ca_file: Option<PathBuf>,
    /// Name in the API server's certificate
    #[arg(long, alias = "tls-server-name", global = true, value_name = "NAME")]
    pub kube_tls_server_name: Option<String>,
    /// Do not check the API server's certificate
    #[arg(long, alias = "insecure-skip-tls-verify", global = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", value_parser = go_bool)]
    pub kube_insecure_skip_tls_verify: Option<bool>,
    /// Requests in flight at once
    #[arg(long, global = true, value_name = "NUMBER")]
    pub burst_limit: Option<u32>,
    /// Requests a second
    #[arg(long, global = true, value_name = "NUMBER")]
    pub qps: Option<f32>,
}

impl KubeArgs {
    /// Flags, else variables; empty counts as not given.
    ///
    /// # Errors
    /// Two contexts were given.
    pub fn options(&self, env: &Env) -> Result<KubeOptions> {
        let text = |flag: &Option<String>, name: &str| flag.clone().filter(|text| !text.is_empty()).or_else(|| env.text(name));
        let path = |flag: &Option<PathBuf>| flag.clone().filter(|path| !path.as_os_str().is_empty());
        let groups: Vec<String> = self.kube_as_group.iter().filter(|group| !group.is_empty()).cloned().collect();
        Ok(KubeOptions {
            namespace: text(&self.namespace, "HELM_NAMESPACE"),
            context: self.context(env)?,
            kubeconfig: path(&self.kubeconfig),
            token: text(&self.kube_token, "HELM_KUBETOKEN"),
            as_user: text(&self.kube_as_user, "HELM_KUBEASUSER"),
            as_groups: if groups.is_empty() { env.list("HELM_KUBEASGROUPS") } else { groups },
            apiserver: text(&self.kube_apiserver, "HELM_KUBEAPISERVER"),
            ca_file: path(&self.kube_ca_file).or_else(|| env.path("HELM_KUBECAFILE")),
            tls_server_name: text(&self.kube_tls_server_name, "HELM_KUBETLS_SERVER_NAME"),
            insecure_skip_tls_verify: self
                .kube_insecure_skip_tls_verify
                .unwrap_or_else(|| env.flag("HELM_KUBEINSECURE_SKIP_TLS_VERIFY")),
            burst_limit: self.burst_limit.or_else(|| env.number("HELM_BURST_LIMIT")),
            qps: self.qps.or_else(|| env.number("HELM_QPS")),
        })
    }

    /// Two contexts are never a matter of which one wins: one of them is the wrong cluster.
    ///
    /// As a Helm plugin `--kube-context` arrives in the variable only, so there a flag that differs is a second context too.
    fn context(&self, env: &Env) -> Result<Option<String>> {
        let mut given: Vec<String> = self.kube_context.iter().filter(|name| !name.is_empty()).cloned().collect();
        let inherited = env.text("HELM_KUBECONTEXT");
        if env.text("HELM_PLUGIN_NAME").is_some() || given.is_empty() {
            given.extend(inherited);
        }
        given.dedup();
        match given.as_slice() {
            [] => Ok(None),
            [one] => Ok(Some(one.clone())),
            [one, other, ..] => Err(Advice::usage(format!("two kube contexts were given: {one:?} and {other:?}"))
                .help("name the one that is meant, with --kube-context")
                .into()),
        }
    }
}

/// Flags that Helm takes everywhere and that mean nothing here. As a plugin we see some of them, and refusing them would break
/// command lines that Helm itself accepts (`pkg/cli/environment.go` `AddFlags`, klog's flags).
#[derive(Args, Clone, Debug, Default)]
pub struct IgnoredArgs {
    #[arg(long, global = true, hide = true)]
    content_cache: Option<String>,
    #[arg(long, global = true, hide = true)]
    registry_config: Option<String>,
    #[arg(long, global = true, hide = true)]
    repository_config: Option<String>,
    #[arg(long, global = true, hide = true)]
    repository_cache: Option<String>,
    #[arg(short, long, global = true, hide = true)]
    v: Option<String>,
    #[arg(long, global = true, hide = true)]
    vmodule: Option<String>,
    #[arg(long, alias = "log_dir", global = true, hide = true)]
    log_dir: Option<String>,
    #[arg(long, alias = "log_file", global = true, hide = true)]
    log_file: Option<String>,
    #[arg(long, alias = "log_file_max_size", global = true, hide = true)]
    log_file_max_size: Option<String>,
    #[arg(long, alias = "log_backtrace_at", global = true, hide = true)]
    log_backtrace_at: Option<String>,
    #[arg(long, global = true, hide = true)]
    stderrthreshold: Option<String>,
    #[arg(long, global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    logtostderr: Option<String>,
    #[arg(long, global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    alsologtostderr: Option<String>,
    #[arg(long, alias = "one_output", global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    one_output: Option<String>,
    #[arg(long, alias = "skip_headers", global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    skip_headers: Option<String>,
    #[arg(long, alias = "skip_log_headers", global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    skip_log_headers: Option<String>,
    #[arg(long, alias = "add_dir_header", global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    add_dir_header: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contexts(given: &[&str], env: Env) -> Result<Option<String>> {
        let args = KubeArgs { kube_context: given.iter().map(ToString::to_string).collect(), ..KubeArgs::default() };
        args.options(&env).map(|options| options.context)
    }

    #[test]
    fn one_context_is_one_however_often_it_is_said() {
        assert_eq!(contexts(&[], Env::default()).unwrap(), None);
        assert_eq!(contexts(&["", "a", "a"], Env::default()).unwrap().as_deref(), Some("a"));
        assert_eq!(contexts(&[], Env::from([("HELM_KUBECONTEXT", "a")])).unwrap().as_deref(), Some("a"));
        assert_eq!(contexts(&["b"], Env::from([("HELM_KUBECONTEXT", "a")])).unwrap().as_deref(), Some("b"));
    }

    #[test]
    fn two_contexts_are_refused() {
        assert!(contexts(&["a", "b"], Env::default()).is_err());
        let plugin = Env::from([("HELM_PLUGIN_NAME", "rollback-safe"), ("HELM_KUBECONTEXT", "a")]);
        let error = contexts(&["b"], plugin).unwrap_err();
        assert_eq!(error.downcast_ref::<Advice>().unwrap().status, crate::exit::ExitStatus::Usage);
    }

    #[test]
    fn variables_fill_in_and_flags_win() {
        let env = Env::from([
            ("HELM_NAMESPACE", "prod"),
            ("HELM_KUBETOKEN", ""),
            ("HELM_KUBEASGROUPS", "a,b,a,b"),
            ("HELM_QPS", "3.00"),
            ("HELM_BURST_LIMIT", "100"),
            ("HELM_KUBEINSECURE_SKIP_TLS_VERIFY", "true"),
        ]);
        let options = KubeArgs::default().options(&env).unwrap();
        assert_eq!(options.namespace.as_deref(), Some("prod"));
        assert_eq!(options.token, None);
        assert_eq!(options.as_groups, ["a", "b"]);
        assert_eq!((options.qps, options.burst_limit), (Some(3.0), Some(100)));
        assert!(options.insecure_skip_tls_verify);

        let args = KubeArgs {
            namespace: Some("test".to_owned()),
            kube_as_group: vec!["c".to_owned()],
            kube_insecure_skip_tls_verify: Some(false),
            ..KubeArgs::default()
        };
        let options = args.options(&env).unwrap();
        assert_eq!(options.namespace.as_deref(), Some("test"));
        assert_eq!(options.as_groups, ["c"]);
        assert!(!options.insecure_skip_tls_verify);
    }
}
