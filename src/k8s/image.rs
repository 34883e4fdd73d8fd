//! Image references: what they name, which pattern they match, and which version their tag tells.

use std::fmt;

use super::version::Version;
use crate::k8s::glob::glob;

/// The registry that a reference without a host means (distribution/reference `normalize.go`).
const DEFAULT_HOST: &str = "docker.io";

/// A reference `[registry[:port]/]path[:tag][@digest]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image<'a> {
    /// As written; none means docker.io.
    host: Option<&'a str>,
    /// Without the host and without `library/` of docker.io.
    pub path: &'a str,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

impl<'a> Image<'a> {
    /// None for what is no reference at all (empty, or with blanks).
    pub fn parse(text: &'a str) -> Option<Image<'a>> {
        let text = text.strip_prefix("docker-pullable://").unwrap_or(text);
        if text.is_empty() || text.contains(char::is_whitespace) {
            return None;
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') && !name.is_empty() => (name, Some(tag)),
            _ => (name, None),
        };
        let (host, path) = match name.split_once('/') {
            Some((host, path)) if is_host(host) => (Some(host), path),
            _ => (None, name),
        };
        let path = path.strip_prefix("library/").unwrap_or(path);
        (!path.is_empty()).then_some(Image { host, path, tag: tag.filter(|tag| !tag.is_empty()), digest })
    }

    /// The registry, `docker.io` where none is written.
    pub fn host(&self) -> &'a str {
        match self.host {
            None | Some("index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com") => DEFAULT_HOST,
            Some(host) => host,
        }
    }

    /// The last segment of the path: `postgresql` of `bitnami/postgresql`.
    pub fn name(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// Registry and path, without tag and digest.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.host(), self.path)
    }

    /// Whether the trailing segments of the path are those of the pattern; `*` stands for anything inside one segment.
    ///
    /// So a mirror (`my.registry/hub/bitnami/postgresql`) is what it mirrors.
    pub fn matches(&self, pattern: &str) -> bool {
        let wanted: Vec<&str> = pattern.split('/').collect();
        let segments: Vec<&str> = self.path.split('/').collect();
        let skipped = segments.len().checked_sub(wanted.len());
        skipped.is_some_and(|skipped| wanted.iter().zip(&segments[skipped..]).all(|(wanted, segment)| glob(wanted, segment)))
    }

    /// Whether registry and whole path are those of the pattern, `docker.io/bitnami/*`; a trailing `/*` takes all below it.
    pub fn is_at(&self, pattern: &str) -> bool {
        let repository = self.repository();
        match pattern.strip_suffix("/*") {
            Some(base) => repository.strip_prefix(base).is_some_and(|rest| rest.starts_with('/')),
            None => repository == pattern,
        }
    }

    /// Which bits the reference means may change without the text changing: no digest, and a tag that is no version.
    pub fn is_floating(&self) -> bool {
        self.digest.is_none() && self.tag.is_none_or(|tag| !has_number(tag))
    }

    /// The version that the tag (or, for some vendors, the name) tells.
    pub fn version(&self, scheme: Scheme) -> Option<Version> {
        scheme.read(self)
    }
}

/// A host contains a dot or a port, or is `localhost` (distribution/reference `splitDockerDomain`).
fn is_host(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost"
}

fn has_number(tag: &str) -> bool {
    tag.contains(|c: char| c.is_ascii_digit())
}

impl fmt::Display for Image<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repository())?;
        if let Some(tag) = self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

/// How a product's tags tell its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// `16.4.0-debian-12-r7`, `v1.2.3-alpine`, `3.13-management`: the first number.
    Plain,
    /// `16-3.4` (PostGIS), `2.17.2-pg16` (Timescale), `pg16`, `ubi8-16.4-1` (Crunchy), `spilo-16:3.3-p1`: PostgreSQL's own version.
    Postgresql,
    /// The extension beside it: `2.17.2-pg16`, `pg16.4-ts2.17`.
    Timescale,
    /// `0.45.0-kafka-3.9.0` (Strimzi), `2.13-2.8.1` (Scala first), Confluent's platform minus four majors.
    Kafka,
    /// `RELEASE.2024-05-10T01-41-38Z` (MinIO): the date.
    Date,
}

impl Scheme {
    pub fn parse(word: &str) -> Option<Scheme> {
        Some(match word {
            "plain" => Scheme::Plain,
            "postgresql" => Scheme::Postgresql,
            "timescale" => Scheme::Timescale,
            "kafka" => Scheme::Kafka,
            "date" => Scheme::Date,
            _ => return None,
        })
    }

    fn read(self, image: &Image<'_>) -> Option<Version> {
        if self == Scheme::Postgresql {
            return postgresql(image);
        }
        let tag = image.tag?;
        match self {
            Scheme::Kafka => kafka(image, tag),
            Scheme::Timescale => after_word(tag, "ts").or_else(|| tag.contains("-pg").then(|| plain(tag))?),
            Scheme::Date => date(tag),
            Scheme::Plain | Scheme::Postgresql => plain(tag),
        }
    }
}

/// The first part of the tag that is a version; names in front of it (`ubi9-`, `RELEASE-`, `release-`) are skipped, a bare hash is none.
fn plain(tag: &str) -> Option<Version> {
    if is_hash(tag) {
        return None;
    }
    let words = tag.split(['-', '_']);
    words.filter_map(Version::parse_word).next()
}

/// A commit or build hash: seven or more hexadecimal digits without a dot, letters among them.
fn is_hash(tag: &str) -> bool {
    let hash = tag.strip_prefix("sha-").unwrap_or(tag);
    hash.len() >= 7 && hash.chars().all(|c| c.is_ascii_hexdigit()) && hash.contains(|c: char| c.is_ascii_alphabetic())
}

fn postgresql(image: &Image<'_>) -> Option<Version> {
    if let Some(major) = image.name().strip_prefix("spilo-") {
        return Version::parse(major);
    }
    let tag = image.tag?;
    after_word(tag, "pg").or_else(|| plain(tag))
}

/// `pg16.4` of `2.17-pg16.4`: the number right behind the word.
fn after_word(tag: &str, word: &str) -> Option<Version> {
    tag.split('-').filter_map(|part| part.strip_prefix(word)).find_map(Version::parse_word)
}

fn kafka(image: &Image<'_>, tag: &str) -> Option<Version> {
    if let Some((_, version)) = tag.split_once("kafka-") {
        return Version::prefix(version).map(|(version, _)| version);
    }
    if image.matches("wurstmeister/kafka") {
        return tag.split_once('-').and_then(|(_, version)| Version::parse_word(version));
    }
    let version = plain(tag)?;
    match image.matches("confluentinc/*") {
        // Confluent Platform 7.x carries Kafka 3.x, 8.x carries 4.x (docs.confluent.io: versions-interoperability).
        true => Some(Version::of(&[version.major().checked_sub(4)?, version.minor(), version.part(2)])),
        false => Some(version),
    }
}

fn date(tag: &str) -> Option<Version> {
    let digits = tag.strip_prefix("RELEASE.").unwrap_or(tag);
    let time = |c: char| matches!(c, '-' | 'T' | 'Z');
    let parts: Vec<u64> = digits.split(time).map_while(|part| part.parse().ok()).collect();
    match parts.as_slice() {
        [year, month, day, hour, minute, ..] => Some(Version::of(&[*year, *month, *day, hour * 100 + minute])),
        [year, month, day, ..] => Some(Version::of(&[*year, *month, *day])),
        _ => Version::parse_word(tag),
    }
}

impl Version {
    /// A word of a tag that is a version from its first character on: `16.4`, `v1`, `3.0.0rc1`; not `r7`, `ubi9`.
    fn parse_word(word: &str) -> Option<Version> {
        let (version, rest) = Version::prefix(word)?;
        // `12abc` is a hash or a name; `1.2rc1` and `11.0.4.Final` are versions.
        let is_version = rest.is_empty() || version.len() > 1 || rest.starts_with(['.', '+', '-', '_']);
        is_version.then_some(version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> Image<'_> {
        Image::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn references_fall_into_their_parts() {
        let parts = |text| {
            let image = image(text);
            (image.host(), image.path, image.tag, image.digest)
        };
        assert_eq!(parts("postgres"), ("docker.io", "postgres", None, None));
        assert_eq!(parts("library/postgres:16"), ("docker.io", "postgres", Some("16"), None));
        assert_eq!(parts("localhost/x/y:1"), ("localhost", "x/y", Some("1"), None));
        assert_eq!(parts("reg.example:5000/team/db"), ("reg.example:5000", "team/db", None, None));
        assert_eq!(parts("index.docker.io/bitnami/redis:7.2"), ("docker.io", "bitnami/redis", Some("7.2"), None));
        let digest = "sha256:0123";
        assert_eq!(parts("quay.io/a/b:v1@sha256:0123"), ("quay.io", "a/b", Some("v1"), Some(digest)));
        assert_eq!(parts("docker-pullable://a/b@sha256:0123"), ("docker.io", "a/b", None, Some(digest)));
        assert_eq!(image("redis:7@sha256:0123").to_string(), "docker.io/redis:7@sha256:0123");
        assert!(Image::parse("").is_none() && Image::parse("a b").is_none() && Image::parse("docker.io/").is_none());
    }

    #[test]
    fn patterns_match_trailing_segments() {
        assert!(image("my.registry/dockerhub/bitnami/postgresql:16").matches("bitnami/postgresql"));
        assert!(image("ghcr.io/zalando/spilo-16:3.3-p1").matches("spilo-*"));
        assert!(image("postgres:16").matches("postgres") && image("mirror.local/a/postgres").matches("postgres"));
        assert!(!image("bitnami/postgresql").matches("postgres") && !image("postgres").matches("bitnami/postgres"));
        assert!(!image("prometheuscommunity/postgres-exporter").matches("postgres"));
        assert!(image("goharbor/harbor-core").matches("goharbor/*") && !image("goharbor/x/y").matches("goharbor/*"));
    }

    #[test]
    fn places_are_compared_with_their_registry() {
        assert!(image("bitnami/redis:7").is_at("docker.io/bitnami/*"));
        assert!(image("k8s.gcr.io/etcd:3.5").is_at("k8s.gcr.io/*") && image("k8s.gcr.io/a/b").is_at("k8s.gcr.io/*"));
        assert!(!image("registry.example/bitnami/redis:7").is_at("docker.io/bitnami/*"));
        assert!(!image("bitnamilegacy/redis:7").is_at("docker.io/bitnami/*"));
    }

    #[test]
    fn floating_tags() {
        for text in ["redis", "redis:latest", "redis:stable", "a/b:main-branch"] {
            assert!(image(text).is_floating(), "{text}");
        }
        for text in ["redis:7", "redis@sha256:01", "a/b:v1", "redis:latest@sha256:01"] {
            assert!(!image(text).is_floating(), "{text}");
        }
    }

    fn version(text: &str, scheme: Scheme) -> Option<String> {
        image(text).version(scheme).map(|version| version.to_string())
    }

    #[test]
    fn plain_tags() {
        for (text, expected) in [
            ("bitnami/postgresql:16.4.0-debian-12-r7", "16.4.0"),
            ("rabbitmq:3.13-management", "3.13"),
            ("app:v1.2.3-alpine", "1.2.3"),
            ("redis:7@sha256:01", "7"),
            ("elasticsearch/elasticsearch:8.15.0", "8.15.0"),
            ("crunchydata/x:ubi8-16.4-1", "16.4"),
            ("clickhouse/clickhouse-server:24.8", "24.8"),
            ("cockroachdb/cockroach:v25.2.1", "25.2.1"),
            ("keycloak/keycloak:26.2.0.Final", "26.2.0"),
            ("app:release-1.4", "1.4"),
            ("app:3.0.0rc1", "3.0.0"),
        ] {
            assert_eq!(version(text, Scheme::Plain).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn tags_that_tell_no_version() {
        for text in ["redis", "redis:latest", "redis:alpine", "a/b@sha256:0123", "a/b:sha-9fceb02", "a/b:deadbeef", "a/b:12abc34"]
        {
            assert_eq!(version(text, Scheme::Plain), None, "{text}");
        }
    }

    #[test]
    fn postgresql_is_found_in_every_vendor_s_tag() {
        for (text, expected) in [
            ("postgres:16.4-alpine", "16.4"),
            ("postgis/postgis:16-3.4", "16"),
            ("timescale/timescaledb:2.17.2-pg16", "16"),
            ("timescale/timescaledb-ha:pg16.4-ts2.17", "16.4"),
            ("pgvector/pgvector:pg17", "17"),
            ("pgvector/pgvector:0.8.0-pg17", "17"),
            ("ghcr.io/zalando/spilo-16:3.3-p1", "16"),
            ("crunchydata/crunchy-postgres:ubi8-16.4-1", "16.4"),
            ("supabase/postgres:15.1.1.78", "15.1.1.78"),
        ] {
            assert_eq!(version(text, Scheme::Postgresql).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_schemes() {
        assert_eq!(version("timescale/timescaledb:2.17.2-pg16", Scheme::Timescale).as_deref(), Some("2.17.2"));
        assert_eq!(version("timescale/timescaledb-ha:pg16.4-ts2.17", Scheme::Timescale).as_deref(), Some("2.17"));
        assert_eq!(version("timescale/timescaledb-ha:pg16", Scheme::Timescale), None);
        assert_eq!(version("strimzi/kafka:0.45.0-kafka-3.9.0", Scheme::Kafka).as_deref(), Some("3.9.0"));
        assert_eq!(version("wurstmeister/kafka:2.13-2.8.1", Scheme::Kafka).as_deref(), Some("2.8.1"));
        assert_eq!(version("confluentinc/cp-kafka:7.6.1", Scheme::Kafka).as_deref(), Some("3.6.1"));
        assert_eq!(version("apache/kafka:4.0.0", Scheme::Kafka).as_deref(), Some("4.0.0"));
        let minio = |tag: &str| version(&format!("minio/minio:{tag}"), Scheme::Date);
        assert_eq!(minio("RELEASE.2024-05-10T01-41-38Z").as_deref(), Some("2024.5.10.141"));
        assert_eq!(minio("latest"), None);
    }
}
