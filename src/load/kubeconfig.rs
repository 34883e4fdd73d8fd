//! Helm's connection flags → a client configuration, with client-go's precedence (`tools/clientcmd/client_config.go`).

use std::env;
use std::path::{Path, PathBuf};

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use kube::Config;
use kube::config::{Cluster, Kubeconfig};

use super::error::LoadError;
use crate::settings::KubeOptions;

/// How to reach the API server, and where releases are looked for.
pub struct Connection {
    pub config: Config,
    pub proxy: Option<Intercept>,
    /// Helm's namespace setting: flag or `HELM_NAMESPACE`, context, service account, `default`.
    pub namespace: String,
    /// Name of the context in use, where a kubeconfig is used.
    pub context: Option<String>,
}

/// Resolves files, context and overrides. Runs no credential plugin yet.
pub fn connection(options: &KubeOptions) -> Result<Connection, LoadError> {
    let (mut config, context, proxy_url) = match merged(options)? {
        Some(kubeconfig) => from_kubeconfig(kubeconfig, options)?,
        None => (without_kubeconfig(options)?, None, None),
    };
    override_user(&mut config, options);
    if let Some(name) = &config.tls_server_name {
        let valid = rustls::pki_types::ServerName::try_from(name.as_str());
        valid.map_err(|_| LoadError::Configuration(format!("{name:?} is no TLS server name")))?;
    }
    let proxy = proxy_for(&config.cluster_url, proxy_url.as_deref());
    // Chosen above: kube compares NO_PROXY with the proxy's own address instead of the server's.
    config.proxy_url = None;
    let namespace = options.namespace.clone().unwrap_or_else(|| config.default_namespace.trim().to_owned());
    Ok(Connection { config, proxy, namespace, context })
}

/// Helm's namespace setting where no cluster is needed; a kubeconfig that cannot be used counts as none.
pub fn namespace(options: &KubeOptions) -> String {
    let from_context = || {
        let kubeconfig = merged(options).ok()??;
        let name = context_name(&kubeconfig, options)?;
        kubeconfig.contexts.into_iter().find(|c| c.name == name)?.context?.namespace
    };
    let given = options.namespace.clone().or_else(from_context).filter(|name| !name.is_empty());
    given.unwrap_or_else(|| "default".to_owned())
}

/// The files of `--kubeconfig` (which must exist), `KUBECONFIG` or the home directory, merged; `None` where there is none.
fn merged(options: &KubeOptions) -> Result<Option<Kubeconfig>, LoadError> {
    let files = match &options.kubeconfig {
        Some(path) => vec![path.clone()],
        None => default_files().into_iter().filter(|path| path.exists()).collect(),
    };
    let mut merged: Option<Kubeconfig> = None;
    for path in files {
        let next = Kubeconfig::read_from(&path).map_err(|error| configuration(&path, &error))?;
        merged = Some(match merged {
            Some(first) => first.merge(next).map_err(|error| configuration(&path, &error))?,
            None => next,
        });
    }
    Ok(merged.filter(|config| !config.contexts.is_empty() || !config.clusters.is_empty()))
}

fn default_files() -> Vec<PathBuf> {
    match env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) {
        Some(list) => env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect(),
        None => env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect(),
    }
}

fn configuration(path: &Path, error: &dyn std::error::Error) -> LoadError {
    LoadError::Configuration(format!("kubeconfig {}: {error}", path.display()))
}

fn context_name(kubeconfig: &Kubeconfig, options: &KubeOptions) -> Option<String> {
    let current = || kubeconfig.current_context.clone().filter(|name| !name.is_empty());
    options.context.clone().or_else(current)
}

/// The configuration, the context's name, and the cluster's own `proxy-url`.
type FromFile = (Config, Option<String>, Option<String>);

fn from_kubeconfig(mut kubeconfig: Kubeconfig, options: &KubeOptions) -> Result<FromFile, LoadError> {
    let Some(name) = context_name(&kubeconfig, options) else {
        return Err(LoadError::Configuration("the kubeconfig has no current context; pass --kube-context".to_owned()));
    };
    let Some(context) = kubeconfig.contexts.iter().find(|c| c.name == name).and_then(|c| c.context.clone()) else {
        let known: Vec<&str> = kubeconfig.contexts.iter().map(|c| c.name.as_str()).collect();
        let text = format!("the kubeconfig has no context {name:?}; it has {}", known.join(", "));
        return Err(LoadError::Configuration(text));
    };
    let mut proxy_url = None;
    if let Some(cluster) = kubeconfig.clusters.iter_mut().find(|c| c.name == context.cluster).and_then(|c| c.cluster.as_mut()) {
        override_cluster(cluster, options);
        proxy_url = cluster.proxy_url.take().filter(|url| !url.is_empty());
    }
    kubeconfig.current_context = Some(name.clone());
    let config = Config::try_from(kubeconfig)
        .map_err(|error| LoadError::Configuration(format!("context {name:?} of the kubeconfig: {error}")))?;
    Ok((config, Some(name), proxy_url))
}

/// client-go `getCluster`: a CA or "insecure" given by flag replaces both; a server given by flag drops the TLS server name.
fn override_cluster(cluster: &mut Cluster, options: &KubeOptions) {
    if options.insecure_skip_tls_verify || options.ca_file.is_some() {
        cluster.insecure_skip_tls_verify = Some(options.insecure_skip_tls_verify);
        cluster.certificate_authority = options.ca_file.as_ref().map(|path| path.display().to_string());
        cluster.certificate_authority_data = None;
    }
    if options.tls_server_name.is_some() || options.apiserver.is_some() {
        cluster.tls_server_name.clone_from(&options.tls_server_name);
    }
    if let Some(server) = &options.apiserver {
        cluster.server = Some(with_scheme(server));
    }
}

/// client-go reads `host:port` as http (`rest.DefaultServerURL`), but as https where TLS settings are given.
fn with_scheme(server: &str) -> String {
    if server.contains("://") { server.to_owned() } else { format!("https://{server}") }
}

fn without_kubeconfig(options: &KubeOptions) -> Result<Config, LoadError> {
    if let Some(server) = &options.apiserver {
        return bare(server, options);
    }
    if env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        return Config::incluster().map_err(|error| LoadError::Configuration(format!("in-cluster configuration: {error}")));
    }
    let looked = default_files().iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
    Err(LoadError::Configuration(format!("no kubeconfig found (looked for {looked}), and this is not a pod")))
}

/// A server named by flag with no kubeconfig at all.
fn bare(server: &str, options: &KubeOptions) -> Result<Config, LoadError> {
    let mut cluster = Cluster::default();
    override_cluster(&mut cluster, options);
    cluster.server = Some(with_scheme(server));
    let text = "clusters: [{name: flags}]\ncontexts: [{name: flags, context: {cluster: flags}}]\ncurrent-context: flags\n";
    let mut kubeconfig = Kubeconfig::from_yaml(text).map_err(|error| LoadError::Configuration(error.to_string()))?;
    if let Some(named) = kubeconfig.clusters.first_mut() {
        named.cluster = Some(cluster);
    }
    Config::try_from(kubeconfig).map_err(|error| LoadError::Configuration(format!("--kube-apiserver: {error}")))
}

fn override_user(config: &mut Config, options: &KubeOptions) {
    let user = &mut config.auth_info;
    if let Some(token) = &options.token {
        // A token on the command line beats every other way to log in; a client certificate is still presented.
        user.token = Some(token.clone().into());
        (user.token_file, user.exec, user.auth_provider) = (None, None, None);
        (user.username, user.password) = (None, None);
    }
    if let Some(name) = &options.as_user {
        user.impersonate = Some(name.clone());
    }
    if !options.as_groups.is_empty() {
        user.impersonate_groups = Some(options.as_groups.clone());
    }
}

/// The cluster's own proxy, else the environment's as Go reads it (`net/http` `ProxyFromEnvironment`): never for loopback.
fn proxy_for(server: &http::Uri, own: Option<&str>) -> Option<Intercept> {
    if let Some(url) = own {
        return Matcher::builder().all(url.to_owned()).build().intercept(server);
    }
    let host = server.host()?.trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if loopback {
        return None;
    }
    let variable = |upper: &str, lower: &str| env::var(upper).or_else(|_| env::var(lower)).unwrap_or_default();
    Matcher::builder()
        .https(variable("HTTPS_PROXY", "https_proxy"))
        .http(variable("HTTP_PROXY", "http_proxy"))
        .no(variable("NO_PROXY", "no_proxy"))
        .build()
        .intercept(server)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &str = "
apiVersion: v1
kind: Config
current-context: a
clusters:
- {name: c, cluster: {server: 'https://one.example:6443', tls-server-name: inner, proxy-url: 'http://u:p@proxy.example:3128'}}
contexts:
- {name: a, context: {cluster: c, user: u, namespace: prod}}
- {name: b, context: {cluster: c, user: u}}
users:
- {name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /does/not/exist, interactiveMode: Never}}}
";

    fn with(text: &str, change: impl FnOnce(&mut KubeOptions)) -> Result<Connection, LoadError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        std::fs::write(&path, text).unwrap();
        let mut options = KubeOptions { kubeconfig: Some(path), ..KubeOptions::default() };
        change(&mut options);
        connection(&options)
    }

    #[test]
    fn namespace_of_flag_context_and_default() {
        assert_eq!(with(TWO, |_| ()).unwrap().namespace, "prod");
        assert_eq!(with(TWO, |o| o.context = Some("b".to_owned())).unwrap().namespace, "default");
        assert_eq!(with(TWO, |o| o.namespace = Some("x".to_owned())).unwrap().namespace, "x");
    }

    #[test]
    fn unknown_context_names_the_known_ones() {
        let error = with(TWO, |o| o.context = Some("z".to_owned())).err().unwrap();
        assert_eq!(error.to_string(), "the kubeconfig has no context \"z\"; it has a, b");
    }

    #[test]
    fn flags_override_cluster_and_user() {
        let connection = with(TWO, |o| {
            o.apiserver = Some("two.example:443".to_owned());
            o.token = Some("t".to_owned());
            o.as_user = Some("alice".to_owned());
            o.as_groups = vec!["dev".to_owned()];
        });
        let config = connection.unwrap().config;
        assert_eq!(config.cluster_url.to_string(), "https://two.example:443/");
        assert_eq!(config.tls_server_name, None, "the name belongs to the replaced server");
        assert!(config.auth_info.exec.is_none() && config.auth_info.token.is_some());
        assert_eq!(config.auth_info.impersonate.as_deref(), Some("alice"));
        assert_eq!(config.auth_info.impersonate_groups.as_deref(), Some(&["dev".to_owned()][..]));
    }

    #[test]
    fn the_clusters_own_proxy_is_used_and_its_password_leaves_the_address() {
        let proxy = with(TWO, |_| ()).unwrap().proxy.unwrap();
        assert_eq!(proxy.uri().to_string(), "http://proxy.example:3128/");
        assert!(proxy.basic_auth().is_some());
    }

    #[test]
    fn a_missing_explicit_file_is_an_error() {
        let options = KubeOptions { kubeconfig: Some("/does/not/exist".into()), ..KubeOptions::default() };
        assert!(connection(&options).err().unwrap().to_string().starts_with("kubeconfig /does/not/exist: "));
    }

    #[test]
    fn a_server_without_a_kubeconfig() {
        let options = KubeOptions { apiserver: Some("h:1".to_owned()), ..KubeOptions::default() };
        assert_eq!(bare("h:1", &options).unwrap().cluster_url.to_string(), "https://h:1/");
    }
}
