//! The permissions in examples/rbac, each with what it lets `check` see.

use std::collections::BTreeSet;
use std::fs;

use crate::helms;
use crate::place::{Place, on_lab, root};

/// Applies one of the files in the namespace of the release, by way of a chart.
fn grant(place: &Place, file: &str) {
    let namespace = &place.env["HELM_NAMESPACE"];
    let text = fs::read_to_string(root().join("examples/rbac").join(file)).unwrap();
    let text = text.replace("namespace: prod", &format!("namespace: {namespace}"));
    let text = text.replace("rollback-safe-cluster-reader", &format!("rollback-safe-cluster-reader-{namespace}"));
    let name = file.trim_end_matches(".yaml");
    let chart = place.home.path().join(name);
    fs::create_dir_all(chart.join("templates")).unwrap();
    fs::write(chart.join("Chart.yaml"), format!("apiVersion: v2\nname: {name}\nversion: 0.1.0\n")).unwrap();
    fs::write(chart.join("templates/rbac.yaml"), text).unwrap();
    place.helm(&["install", name, chart.to_str().unwrap()]);
}

/// The gaps that the reader is left with for want of a permission.
fn gaps(place: &Place) -> BTreeSet<String> {
    let user = format!("system:serviceaccount:{}:rollback-safe", place.env["HELM_NAMESPACE"]);
    let ended = place.tool(&["check", "shop", "1", "--kube-as-user", &user, "-o", "json"]);
    assert!(matches!(ended.code, Some(0 | 1 | 4)), "{}", ended.stderr);
    let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_ne!(report["predicted"]["outcome"], "fails", "a reader does not run the rollback: {}", ended.stdout);
    let gaps = report["gaps"].as_array().unwrap().iter();
    let texts = gaps.map(|gap| format!("{}: {}", gap["what"].as_str().unwrap(), gap["why"].as_str().unwrap()));
    texts.filter(|text| text.contains("forbidden: ")).collect()
}

fn of_kinds(gaps: &BTreeSet<String>) -> BTreeSet<&str> {
    gaps.iter().filter_map(|text| text.split("forbidden: ").nth(1)?.split([' ', ':']).nth(1)).collect()
}

#[test]
fn each_level_sees_what_its_file_says() {
    let Some(helm) = helms().pop() else { return };
    let Some(place) = on_lab(helm, "rbac", "secrets") else { return };
    place.two_revisions();

    grant(&place, "records-only.yaml");
    let blind = gaps(&place);
    let live = of_kinds(&blind);
    for kind in ["deployments", "persistentvolumeclaims", "nodes", "pods"] {
        assert!(live.contains(kind), "{kind}: {blind:#?}");
    }

    grant(&place, "namespaced-reader.yaml");
    let inside = gaps(&place);
    let cluster_scoped = [
        "apiservices",
        "mutatingwebhookconfigurations",
        "nodes",
        "persistentvolumes",
        "storageclasses",
        "validatingwebhookconfigurations",
    ];
    let left = of_kinds(&inside);
    assert!(left.iter().all(|kind| cluster_scoped.contains(kind)), "{inside:#?}");
    assert!(left.contains("nodes"), "{inside:#?}");

    grant(&place, "cluster-reader.yaml");
    assert_eq!(gaps(&place), BTreeSet::new());
}
