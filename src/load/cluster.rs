//! One API server: raw GETs with the representation asked for, bounded in number, size and time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ConfigExt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tower::{BoxError, ServiceBuilder};

use super::answers::Answers;
use super::error::LoadError;
use super::kubeconfig::{Connection, connection};
use crate::settings::KubeOptions;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// Waits before the second and third attempt of a read.
const BACKOFF: [Duration; 2] = [Duration::from_millis(150), Duration::from_millis(600)];
/// Requests in flight at once.
const PARALLEL: usize = 8;
/// Bound of one answer, in bytes: the largest are lists of 500 objects.
const MAX_BODY: usize = 64 * 1024 * 1024;

/// A representation to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accept {
    Json,
    /// `metadata` only, of one object (`PartialObjectMetadata`).
    Metadata,
    /// `metadata` only, of a list.
    MetadataList,
    /// All groups in one answer (KEP-3352), or the plain group list of an older server.
    Discovery,
}

impl Accept {
    fn header(self) -> &'static str {
        match self {
            Accept::Json => "application/json",
            Accept::Metadata => "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            Accept::MetadataList => "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            Accept::Discovery => {
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                 application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
            }
        }
    }
}

/// Why a read gave nothing. Messages are the server's own and have to pass the redactor before they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    NotFound(String),
    Forbidden(String),
    Unauthorized(String),
    /// A list's continuation has expired (410).
    Expired,
    /// No connection, or it broke.
    Unreachable(String),
    /// No answer within this time.
    Timeout(Duration),
    /// The time for all evidence together is over.
    OutOfTime(Duration),
    /// Any other status.
    Status {
        code: u16,
        message: String,
    },
    /// The answer is not what was asked for.
    Malformed(String),
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ApiError::NotFound(message) | ApiError::Forbidden(message) | ApiError::Unauthorized(message) => f.write_str(message),
            ApiError::Expired => f.write_str("the list changed while it was being read"),
            ApiError::Unreachable(why) => f.write_str(why),
            ApiError::Timeout(limit) => write!(f, "no answer within {limit:?}"),
            ApiError::OutOfTime(limit) => write!(f, "not asked: the {limit:?} for live evidence were over"),
            ApiError::Status { code, message } => write!(f, "status {code}: {message}"),
            ApiError::Malformed(why) => write!(f, "unexpected answer: {why}"),
        }
    }
}

impl Limits {
    /// Time that the next request has, and what it failed of when that is over.
    fn left(self) -> (Duration, ApiError) {
        match self.all {
            Some((end, all)) if end.saturating_duration_since(Instant::now()) < self.request => {
                (end.saturating_duration_since(Instant::now()), ApiError::OutOfTime(all))
            }
            _ => (self.request, ApiError::Timeout(self.request)),
        }
    }
}

impl ApiError {
    /// The reason as a gap tells it, for example `forbidden: get persistentvolumeclaims in prod`.
    pub fn gap(&self, verb: &str, plural: &str, namespace: Option<&str>) -> String {
        let place = namespace.map(|name| format!(" in {name}")).unwrap_or_default();
        match self {
            ApiError::Forbidden(_) => format!("forbidden: {verb} {plural}{place}"),
            ApiError::Unauthorized(_) => format!("unauthorized: {verb} {plural}{place}"),
            other => format!("{verb} {plural}{place}: {other}"),
        }
    }

    /// The error where this read is indispensable.
    pub fn fatal(self, server: &str, what: &str) -> LoadError {
        let server = server.to_owned();
        match self {
            ApiError::Forbidden(why) => LoadError::Forbidden { what: what.to_owned(), why },
            ApiError::Unauthorized(why) => LoadError::Unauthorized { server, why },
            ApiError::Unreachable(why) => LoadError::Unreachable { server, why },
            ApiError::Timeout(_) | ApiError::OutOfTime(_) => LoadError::Unreachable { server, why: self.to_string() },
            other => LoadError::Storage(format!("{what}: {other}")),
        }
    }

    fn is_transient(&self) -> bool {
        match self {
            ApiError::Status { code, .. } => matches!(code, 429 | 500 | 502 | 503 | 504),
            _ => false,
        }
    }
}

/// A client of one API server. Clones share connections and the bound of requests in flight.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    permits: Arc<Semaphore>,
    /// Address, for Helm's discovery cache.
    server: String,
    /// Address and proxy, for messages.
    route: String,
    namespace: String,
    context: Option<String>,
    limits: Limits,
    /// Where several looks at one release share what they read.
    answers: Option<Arc<Answers>>,
}

/// How long answers may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    request: Duration,
    /// End of all requests together, and how long that was.
    all: Option<(Instant, Duration)>,
}

impl Cluster {
    /// Reads the configuration and prepares the connection; credential plugins run here, the first request connects.
    pub async fn connect(options: &KubeOptions) -> Result<Cluster, LoadError> {
        let connection = connection(options)?;
        let parallel = options.burst_limit.and_then(|n| usize::try_from(n).ok()).unwrap_or(PARALLEL).clamp(1, PARALLEL);
        let server = connection.config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let route = match &connection.proxy {
            Some(proxy) => format!("{server} through proxy {}", proxy.uri().to_string().trim_end_matches('/')),
            None => server.clone(),
        };
        let client = client(&connection).map_err(|error| credentials_error(&error, &connection))?;
        let Connection { namespace, context, .. } = connection;
        let limits = Limits { request: REQUEST_TIMEOUT, all: None };
        Ok(Cluster {
            client,
            permits: Arc::new(Semaphore::new(parallel)),
            server,
            route,
            namespace,
            context,
            limits,
            answers: None,
        })
    }

    /// The same server for reads that may fail: each within `request`, all of them within `all` from now on.
    pub fn limited(&self, request: Duration, all: Duration) -> Cluster {
        let end = Instant::now().checked_add(all).map(|end| (end, all));
        Cluster { limits: Limits { request, all: end }, ..self.clone() }
    }

    /// The same server; what it has answered once is not asked again.
    pub fn remembering(self) -> Cluster {
        Cluster { answers: Some(Arc::default()), ..self }
    }

    /// The address of the API server, without a trailing slash.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// The address as messages name it, with the proxy if there is one.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// Helm's namespace setting.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn context(&self) -> Option<&str> {
        self.context.as_deref()
    }

    /// GET of a path (with query); repeats what failed transiently.
    pub async fn get(&self, path: &str, accept: Accept) -> Result<Bytes, ApiError> {
        let Some(answers) = &self.answers else { return self.get_anew(path, accept).await };
        let question = format!("{path} {}", accept.header());
        if let Some(answer) = answers.find(&question) {
            return answer;
        }
        let answer = self.get_anew(path, accept).await;
        answers.keep(question, &answer);
        answer
    }

    async fn get_anew(&self, path: &str, accept: Accept) -> Result<Bytes, ApiError> {
        let mut backoff = BACKOFF.into_iter();
        loop {
            let answer = self.attempt(path, accept).await;
            match (&answer, backoff.next()) {
                (Err(error), Some(wait)) if error.is_transient() => tokio::time::sleep(wait).await,
                _ => return answer,
            }
        }
    }

    /// As [`Cluster::get`], decoded.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str, accept: Accept) -> Result<T, ApiError> {
        let body = self.get(path, accept).await?;
        serde_json::from_slice(&body).map_err(|error| ApiError::Malformed(position(&error)))
    }

    /// POST of a question that the server answers and does not store, such as a review of permissions.
    pub async fn post_json<T: DeserializeOwned>(&self, path: &str, body: &serde_json::Value) -> Result<T, ApiError> {
        let answer = self.post(path, body.to_string()).await?;
        serde_json::from_slice(&answer).map_err(|error| ApiError::Malformed(position(&error)))
    }

    async fn post(&self, path: &str, body: String) -> Result<Bytes, ApiError> {
        let question = format!("{path} {body}");
        if let Some(answer) = self.answers.as_ref().and_then(|answers| answers.find(&question)) {
            return answer;
        }
        let request = Request::post(path).header(header::ACCEPT, Accept::Json.header());
        let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.into_bytes()));
        let answer = self.send(request).await;
        if let Some(answers) = &self.answers {
            answers.keep(question, &answer);
        }
        answer
    }

    /// A write; the path has to say `dryRun=All`. Gives the server's warnings (RFC 7234 `Warning` headers).
    pub async fn write_json(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &serde_json::Value,
    ) -> Result<Vec<String>, ApiError> {
        // This program writes nothing itself.
        if !path.contains("dryRun=All") {
            return Err(ApiError::Malformed("a write that is no dry run".to_owned()));
        }
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, Accept::Json.header());
        let request = request.header(header::CONTENT_TYPE, content_type).body(Body::from(body.to_string().into_bytes()));
        self.exchange(request).await.map(|(headers, _)| warnings(&headers))
    }

    /// Makes one Event; the one object that this program writes itself.
    pub async fn create_event(&self, namespace: &str, event: &serde_json::Value) -> Result<(), ApiError> {
        let path = format!("/api/v1/namespaces/{}/events", escape(namespace));
        self.post_json::<serde::de::IgnoredAny>(&path, event).await.map(drop)
    }

    async fn attempt(&self, path: &str, accept: Accept) -> Result<Bytes, ApiError> {
        self.send(Request::get(path).header(header::ACCEPT, accept.header()).body(Body::empty())).await
    }

    async fn send(&self, request: Result<Request<Body>, http::Error>) -> Result<Bytes, ApiError> {
        self.exchange(request).await.map(|(_, body)| body)
    }

    async fn exchange(&self, request: Result<Request<Body>, http::Error>) -> Result<(HeaderMap, Bytes), ApiError> {
        let _permit = self.permits.acquire().await.map_err(|_| ApiError::Unreachable("the client was closed".to_owned()))?;
        let request = request.map_err(|error| ApiError::Malformed(format!("request path: {error}")))?;
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| ApiError::Unreachable(causes(&error)))?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
            let body = body.map_err(|error| ApiError::Unreachable(format!("the answer broke off: {error}")))?.to_bytes();
            if status.is_success() { Ok((headers, body)) } else { Err(failure(status, &body)) }
        };
        let (limit, error) = self.limits.left();
        tokio::time::timeout(limit, exchange).await.unwrap_or(Err(error))
    }
}

/// Where a JSON answer is not as expected; never quotes it.
pub fn position(error: &serde_json::Error) -> String {
    format!("not as expected at line {}, column {}", error.line(), error.column())
}

/// `299 - "text"`, as the API server writes them (apiserver `pkg/warning`).
fn warnings(headers: &HeaderMap) -> Vec<String> {
    let texts = headers.get_all(header::WARNING).iter().filter_map(|value| value.to_str().ok());
    texts.filter_map(|text| Some(text.split_once('"')?.1.trim_end_matches('"').replace("\\\"", "\""))).collect()
}

fn failure(status: StatusCode, body: &[u8]) -> ApiError {
    #[derive(serde::Deserialize)]
    struct Status {
        message: String,
    }
    let message = match serde_json::from_slice::<Status>(body) {
        Ok(status) => status.message,
        Err(_) => status.canonical_reason().unwrap_or("error").to_lowercase(),
    };
    match status {
        StatusCode::NOT_FOUND => ApiError::NotFound(message),
        StatusCode::FORBIDDEN => ApiError::Forbidden(message),
        StatusCode::UNAUTHORIZED => ApiError::Unauthorized(message),
        StatusCode::GONE => ApiError::Expired,
        other => ApiError::Status { code: other.as_u16(), message },
    }
}

/// The innermost cause says what is wrong ("Connection refused"), the outer ones only where.
fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        texts.push(error.to_string());
        next = error.source();
    }
    match texts.as_slice() {
        // hyper-util's own wrapper says no more than that connecting failed.
        [.., before, last] if !before.contains(last.as_str()) && !before.starts_with("client error") => {
            format!("{before}: {last}")
        }
        [.., last] => last.clone(),
        [] => String::new(),
    }
}

/// A credential plugin's output may hold a token, so only its exit status and stderr are shown.
fn credentials_error(error: &kube::Error, connection: &Connection) -> LoadError {
    let plugin =
        connection.config.auth_info.exec.as_ref().and_then(|exec| exec.command.as_deref()).unwrap_or("of the kubeconfig");
    let text = match error {
        kube::Error::Auth(kube::client::AuthError::AuthExecRun { out, .. }) => {
            let stderr: String = String::from_utf8_lossy(&out.stderr).trim().chars().take(400).collect();
            format!("credential plugin {plugin} failed ({}): {stderr}", out.status)
        }
        kube::Error::Auth(kube::client::AuthError::AuthExecParse(_)) => {
            format!("the output of credential plugin {plugin} is no ExecCredential")
        }
        kube::Error::Auth(kube::client::AuthError::AuthExecStart(error)) => {
            format!("credential plugin {plugin} cannot be run: {error}")
        }
        other => causes(other),
    };
    LoadError::Configuration(text)
}

fn client(connection: &Connection) -> Result<kube::Client, kube::Error> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    // kube's own connector leaves Nagle's algorithm on, which costs each new connection a delayed acknowledgement (40 ms).
    http.set_nodelay(true);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    http.set_keepalive(Some(Duration::from_secs(30)));
    match &connection.proxy {
        None => stack(connection, http),
        Some(proxy) if proxy.uri().scheme_str().is_some_and(|scheme| scheme.starts_with("socks5")) => {
            stack(connection, socks(proxy, http))
        }
        Some(proxy) if proxy.uri().scheme_str() == Some("https") => {
            let to_proxy = connection.config.rustls_https_connector_with_connector(http)?;
            stack(connection, tunnel(proxy, to_proxy))
        }
        Some(proxy) => stack(connection, tunnel(proxy, http)),
    }
}

fn tunnel<C>(proxy: &Intercept, connector: C) -> Tunnel<C> {
    let tunnel = Tunnel::new(proxy.uri().clone(), connector);
    match proxy.basic_auth() {
        Some(value) => tunnel.with_auth(value.clone()),
        None => tunnel,
    }
}

fn socks<C>(proxy: &Intercept, connector: C) -> SocksV5<C> {
    let socks = SocksV5::new(proxy.uri().clone(), connector);
    match proxy.raw_auth() {
        Some((user, password)) => socks.with_auth(user.to_owned(), password.to_owned()),
        None => socks,
    }
}

/// TLS over `connector`, HTTP/2 where the server speaks it (one connection for every request in flight), credentials, impersonation.
fn stack<C>(connection: &Connection, connector: C) -> Result<kube::Client, kube::Error>
where
    C: tower::Service<http::Uri> + Clone + Send + Sync + 'static,
    C::Response: hyper_util::client::legacy::connect::Connection + hyper::rt::Read + hyper::rt::Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Into<BoxError>,
{
    let config = &connection.config;
    let auth = config.auth_layer()?;
    let mut tls_config = config.clone();
    if auth.is_some() {
        // The plugin gave a token; asking for the client certificate below would run it a second time.
        tls_config.auth_info.exec = None;
    }
    let mut https =
        hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls_config.rustls_client_config()?).https_or_http();
    if let Some(name) = config.tls_server_name.clone().and_then(|name| name.try_into().ok()) {
        https = https.with_server_name_resolver(hyper_rustls::FixedServerNameResolver::new(name));
    }
    let connector = https.enable_all_versions().wrap_connector(connector);
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .timer(TokioTimer::new())
        .http2_adaptive_window(true)
        .build::<_, Body>(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(auth)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(client);
    Ok(kube::Client::new(service, connection.namespace.clone()))
}

/// The path of a resource: of the collection, or of one object in it. `None` where a name cannot be part of a path.
pub fn resource_path(api_version: &str, plural: &str, namespace: Option<&str>, name: Option<&str>) -> Option<String> {
    let mut path = if api_version.contains('/') { "/apis".to_owned() } else { "/api".to_owned() };
    let mut push = |part: &str| {
        path.push('/');
        segment(part).map(|text| path.push_str(&text))
    };
    for part in api_version.split('/') {
        push(part)?;
    }
    if let Some(namespace) = namespace {
        push("namespaces")?;
        push(namespace)?;
    }
    push(plural)?;
    if let Some(name) = name {
        push(name)?;
    }
    Some(path)
}

/// One path segment, percent-encoded; names come from manifests and may be anything.
fn segment(text: &str) -> Option<String> {
    if matches!(text, "" | "." | "..") || text.len() > 1024 {
        return None;
    }
    Some(escape(text))
}

/// Percent-encodes everything but unreserved characters and the colon (RBAC names have it).
pub fn escape(text: &str) -> String {
    const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');
    utf8_percent_encode(text, &ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let path = |api, ns, name| resource_path(api, "things", ns, name);
        assert_eq!(path("v1", Some("prod"), Some("a")).unwrap(), "/api/v1/namespaces/prod/things/a");
        assert_eq!(path("a.b/v1", None, None).unwrap(), "/apis/a.b/v1/things");
        assert_eq!(path("v1", None, Some("system:x/y?z")).unwrap(), "/api/v1/things/system:x%2Fy%3Fz");
        assert_eq!(path("v1", Some(".."), Some("a")), None);
        assert_eq!(path("v1/../..", None, None), None);
    }

    #[test]
    fn reasons_for_gaps() {
        let denied = ApiError::Forbidden("secrets \"x\" is forbidden: …".to_owned());
        assert_eq!(denied.gap("get", "secrets", Some("prod")), "forbidden: get secrets in prod");
        assert_eq!(ApiError::Timeout(REQUEST_TIMEOUT).gap("list", "nodes", None), "list nodes: no answer within 30s");
    }

    #[test]
    fn a_status_answer_becomes_its_kind() {
        let body = br#"{"kind":"Status","message":"no","code":403}"#;
        assert_eq!(failure(StatusCode::FORBIDDEN, body), ApiError::Forbidden("no".to_owned()));
        assert_eq!(
            failure(StatusCode::BAD_GATEWAY, b"<html>"),
            ApiError::Status { code: 502, message: "bad gateway".to_owned() }
        );
    }

    #[tokio::test]
    async fn nobody_there_is_unreachable_with_the_cause() {
        let options =
            KubeOptions { apiserver: Some("http://127.0.0.1:9".to_owned()), kubeconfig: None, ..KubeOptions::default() };
        let connection = Connection {
            config: kube::Config::new("http://127.0.0.1:9".parse().unwrap()),
            proxy: None,
            namespace: "default".to_owned(),
            context: None,
        };
        let cluster = Cluster {
            client: client(&connection).unwrap(),
            permits: Arc::new(Semaphore::new(1)),
            server: options.apiserver.clone().unwrap(),
            route: options.apiserver.unwrap(),
            namespace: "default".to_owned(),
            context: None,
            limits: Limits { request: REQUEST_TIMEOUT, all: None },
            answers: None,
        };
        let error = cluster.get("/version", Accept::Json).await.unwrap_err();
        assert!(matches!(&error, ApiError::Unreachable(why) if why.contains("refused")), "{error:?}");
        assert!(error.fatal("s", "x").to_string().starts_with("cannot reach s: "));
    }
}
