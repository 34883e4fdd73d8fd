use super::*;
use crate::k8s::scope::Scopes;
use crate::release::StoredAs;
use crate::release::manifest::ParseContext;
use crate::release::redact::Redactor;
use crate::release::saved::parse_saved;

const RECORDS: &str = r#"
- name: shop
  version: 1
  namespace: prod
  info: {status: superseded, description: Install complete, notes: "open http://u:first-one@shop\n"}
  chart:
    metadata: {name: shop, version: 1.0.0, appVersion: "1.0"}
    values: {replicas: 1, image: {tag: "1"}}
    files: [{name: crds/a.yaml, data: YXBpVmVyc2lvbjogYXBpZXh0ZW5zaW9ucy5rOHMuaW8vdjEKa2luZDogQ3VzdG9tUmVzb3VyY2VEZWZpbml0aW9uCm1ldGFkYXRhOiB7bmFtZTogYS5ifQo=}]
  config: {auth: {password: first-secret}, image: {tag: "1"}}
  manifest: |
    # Source: shop/templates/web.yaml
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, labels: {helm.sh/chart: shop-1.0.0}}
    spec: {replicas: 1}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: db}
    stringData: {password: first-secret}
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: same}
- name: shop
  version: 2
  namespace: prod
  info: {status: deployed, description: Upgrade complete, notes: "open http://u:second-one@shop\n"}
  chart:
    metadata: {name: shop, version: 1.1.0, appVersion: "1.1"}
    values: {replicas: 1, image: {tag: "1"}}
  config: {auth: {password: second-secret}, image: {tag: "2"}}
  hooks:
    - {name: migrate, kind: Job, path: shop/templates/migrate.yaml, events: [pre-upgrade], manifest: "apiVersion: batch/v1\nkind: Job\nmetadata: {name: migrate}\n"}
  manifest: |
    # Source: shop/templates/web.yaml
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web, labels: {helm.sh/chart: shop-1.1.0}}
    spec: {replicas: 1}
    ---
    apiVersion: v1
    kind: Secret
    metadata: {name: db}
    stringData: {password: second-secret}
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata: {name: same}
"#;

fn records() -> Vec<Inspected> {
    let redactor = Redactor::with_key([3; 32]);
    let scopes = Scopes::builtin();
    let context = ParseContext { default_namespace: "prod", scopes: &scopes, redactor: &redactor };
    let saved = parse_saved(RECORDS.as_bytes(), "shop", "prod", 1 << 20).unwrap();
    saved.into_iter().map(|saved| saved.record.ok().unwrap().into_inspected(StoredAs::default(), &context)).collect()
}

fn compared(parts: &[Part]) -> Differences {
    let records = records();
    let of = Of { name: "shop".to_owned(), namespace: "prod".to_owned(), driver: "files".to_owned() };
    compare(of, &records[0], &records[1], parts)
}

#[test]
fn every_part_is_compared_and_no_secret_is_shown() {
    let all = compared(&Part::ALL);
    let counts: Vec<_> = all.counts.iter().map(|c| (c.part, c.added, c.removed, c.changed, c.unchanged)).collect();
    assert_eq!(
        counts,
        [
            (Part::Values, 0, 0, 1, 0),
            (Part::Crds, 0, 1, 0, 0),
            (Part::Manifest, 0, 0, 2, 1),
            (Part::Hooks, 1, 0, 0, 0),
            (Part::Notes, 0, 0, 1, 0),
        ]
    );
    for text in [all.text(TextOptions::default()), all.json(), all.yaml(), format!("{all:?}")] {
        assert!(!text.contains("-secret") && !text.contains("-one@"), "{text}");
    }
    let text = all.text(TextOptions::default());
    for line in [
        "--- shop revision 1, superseded, shop-1.0.0 (app 1.0)",
        "+++ shop revision 2, deployed, shop-1.1.0 (app 1.1)",
        "values changed values",
        "-  tag: '1'",
        "+  tag: '2'",
        "crds removed CustomResourceDefinition/a.b  (crds/a.yaml)",
        "manifest changed Deployment/prod/web, nothing that matters to what runs  (shop/templates/web.yaml)",
        "manifest changed Secret/prod/db",
        "+  password: <redacted, changed>",
        "hooks added Job/prod/migrate  (shop/templates/migrate.yaml)",
        "(only what is left out as a secret differs)",
        "manifest: 2 changed, 1 unchanged",
    ] {
        assert!(text.lines().any(|found| found.trim() == line.trim()), "{line} is missing in {text}");
    }
    let stat = all.text(TextOptions { stat: true, color: false });
    assert!(stat.contains("manifest  changed  +1  -1  Deployment/prod/web\n") && !stat.contains("@@"), "{stat}");
}

#[test]
fn a_record_does_not_differ_from_itself() {
    let records = records();
    let of = Of { name: "shop".to_owned(), namespace: "prod".to_owned(), driver: "files".to_owned() };
    for record in &records {
        let none = compare(of.clone(), record, record, &Part::ALL);
        assert!(none.same && none.differences.is_empty(), "{none:?}");
        assert!(none.text(TextOptions::default()).contains("No difference in values, crds, manifest, hooks, notes.\n"));
    }
}

#[test]
fn labels_of_the_chart_are_told_apart() {
    let found = compared(&[Part::Manifest]).differences;
    let noise: Vec<_> = found.iter().map(|difference| (difference.name(), difference.only_noise)).collect();
    assert_eq!(noise, [("Deployment/prod/web".to_owned(), true), ("Secret/prod/db".to_owned(), false)]);
}
