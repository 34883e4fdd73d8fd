//! The tables of data formats, and what moves between versions cross.

use super::*;

#[test]
fn the_tables_are_read_in_full() {
    table::check(IMAGES);
    table::check(BOUNDARIES);
    assert_eq!(read_products(IMAGES).unwrap().len(), IMAGES.lines().count() - 1);
    assert_eq!(read_rows(BOUNDARIES).unwrap().len(), BOUNDARIES.lines().count() - 1);
    for row in ROWS.iter() {
        assert!(product(row.product).is_some() && !row.condition.is_empty(), "{row:?}");
    }
    table::check(SWAPS);
    for row in read_swaps(SWAPS).unwrap() {
        assert!(product(row.current).is_some() && product(row.target).is_some() && !row.condition.is_empty(), "{row:?}");
    }
    for product in PRODUCTS.iter() {
        assert!(ROWS.iter().any(|row| row.product == product.id), "{} has no boundary", product.id);
    }
}

#[test]
fn swaps_say_whether_they_were_checked() {
    const HEAD: &str = "current,target,current_scope,target_scope,verdict,condition,checked,source\n";
    let read = |row: &str| read_swaps(Box::leak(format!("{HEAD}{row}\n").into_boxed_str()));
    assert!(read("redis,valkey,,,safe,why,no,there").is_ok_and(|rows| !rows[0].checked));
    assert!(read("redis,valkey,,,safe,why,,there").is_err() && read("redis,valkey,,,safe,why,yes,").is_err());
}

#[test]
fn bad_tables_are_refused() {
    const HEAD: &str = "product,software,boundary,cuts,scope,verdict,unprepared,condition,checked,source\n";
    let read = |row: &str| read_rows(Box::leak(format!("{HEAD}{row}\n").into_boxed_str()));
    assert!(read("x,X,major,,,impossible,,why,yes,there").is_ok());
    for row in [
        "x,X,major,,,impossible,,why,yes,",
        "x,X,sideways,,,impossible,,why,yes,there",
        "x,X,list,3.x,,impossible,,why,yes,there",
        "x,X,list,,,impossible,,why,yes,there",
        "x,X,distance,far,,impossible,,why,yes,there",
        "x,X,major,,8.0,impossible,,why,yes,there",
        "x,X,major,,,terrible,,why,yes,there",
        "x,X,major,,,conditional,,why,yes,there",
        "x,X,major,,,safe,works,why,yes,there",
        "x,X,major,,,safe,,why,perhaps,there",
        "x,X,major,,,safe,,why,yes,there,more",
    ] {
        assert!(read(row).is_err(), "{row}");
    }
    assert!(read_rows("product,software\nx,X\n").is_err());
    assert!(read_products("product,name,state,scheme,image_patterns,mounts,source\nx,X,volume,plain,a||b,,there\n").is_err());
}

/// The worst verdict of a move, by image names.
fn verdict(current: &str, target: &str) -> Option<Verdict> {
    let (current, target) = (Image::parse(current).unwrap(), Image::parse(target).unwrap());
    let verdicts = products(&target).flat_map(|product| {
        let versions = current.version(product.scheme).zip(target.version(product.scheme));
        versions.map(|(current, target)| crossed(product, &current, &target)).unwrap_or_default()
    });
    verdicts.map(|row| row.verdict).max()
}

#[test]
fn the_worst_row_that_is_crossed_counts() {
    use Verdict::{Conditional, Impossible, Safe, Unsupported};
    for (current, target, expected) in [
        ("postgres:16.4", "postgres:15.8", Some(Impossible)),
        ("postgres:16.4", "postgres:16.2", Some(Safe)),
        ("postgres:16.4", "postgres:16", None),
        ("postgres:15", "postgres:16", None),
        ("postgres:9.6", "postgres:9.5", Some(Impossible)),
        ("bitnami/postgresql:16.4.0-debian-12-r7", "bitnami/postgresql:16.4.0-debian-12-r2", None),
        ("ghcr.io/zalando/spilo-16:3.3-p1", "ghcr.io/zalando/spilo-15:3.3-p1", Some(Impossible)),
        ("timescale/timescaledb:2.17.2-pg16", "timescale/timescaledb:2.16.1-pg16", Some(Conditional)),
        ("mysql:8.4.3", "mysql:8.0.40", Some(Impossible)),
        ("mysql:8.0.40", "mysql:8.0.36", Some(Safe)),
        ("mysql:8.0.36", "mysql:8.0.34", Some(Impossible)),
        ("mysql:8.0.34", "mysql:8.0.33", Some(Impossible)),
        ("mariadb:11.4.2", "mariadb:10.11.8", Some(Unsupported)),
        ("mongo:8.0.3", "mongo:7.0.14", Some(Unsupported)),
        ("mongo:6.0.5", "mongo:5.0.9", Some(Conditional)),
        ("redis:7.4.1", "redis:7.2.5", Some(Conditional)),
        ("redis:7.2.5", "redis:7.2.1", None),
        ("etcd:3.6.1", "etcd:3.5.9", Some(Conditional)),
        ("etcd:3.6.1", "etcd:3.4.30", Some(Impossible)),
        ("prom/prometheus:v3.1.0", "prom/prometheus:v2.55.0", None),
        ("prom/prometheus:v3.1.0", "prom/prometheus:v2.54.0", Some(Impossible)),
        ("strimzi/kafka:0.45.0-kafka-4.0.0", "strimzi/kafka:0.45.0-kafka-3.9.0", Some(Impossible)),
        ("strimzi/kafka:0.46.0-kafka-3.9.0", "strimzi/kafka:0.45.0-kafka-3.9.0", None),
        ("minio/minio:RELEASE.2024-05-10T01-41-38Z", "minio/minio:RELEASE.2022-05-26T05-48-41Z", Some(Conditional)),
        ("minio/minio:RELEASE.2024-05-10T01-41-38Z", "minio/minio:RELEASE.2024-01-01T00-00-00Z", None),
        ("elasticsearch:8.17.2", "elasticsearch:8.17.0", Some(Conditional)),
        ("elasticsearch:8.17.2", "elasticsearch:8.16.3", Some(Impossible)),
        ("elasticsearch:7.17.9", "elasticsearch:7.17.5", Some(Impossible)),
        ("nextcloud:29.0.4.1", "nextcloud:29.0.4.0", Some(Impossible)),
        ("memcached:1.6.1", "memcached:1.5.0", None),
    ] {
        assert_eq!(verdict(current, target), expected, "{current} → {target}");
    }
}

#[test]
fn data_directories_tell_a_product_apart() {
    let name = |mount| product_at(mount).map(|product| product.name);
    assert_eq!(name("/var/lib/postgresql/data"), Some("PostgreSQL"));
    assert_eq!(name("/bitnami/mysql"), Some("MySQL"));
    // MySQL and MariaDB share it.
    assert_eq!(name("/var/lib/mysql"), None);
    assert_eq!(name("/var/lib/postgresqlish"), None);
    assert_eq!(name("/data"), None);
}
