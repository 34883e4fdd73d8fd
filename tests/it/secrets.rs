//! Nothing planted in a record leaves the library.

use rollback_safe::release::redact::Redactor;
use rollback_safe::release::saved::parse_saved;

use crate::records::{fixture, parse};

const FILES: [&str; 9] = [
    "helm-3.22.0-secret.yaml",
    "helm-3.22.0-secret.json",
    "helm-3.22.0-configmap.yaml",
    "helm-3.22.0-get-all.txt",
    "helm-3.22.0-status.json",
    "helm-4.3.1-secret.yaml",
    "helm-4.3.1-configmap.yaml",
    "helm-4.3.1-get-all.txt",
    "memory.yaml",
];

#[test]
fn no_form_of_a_release_shows_a_planted_value() {
    for file in FILES {
        let redactor = Redactor::new().unwrap();
        for saved in parse_saved(&fixture(file), "shop.v2", "", 1 << 20).unwrap() {
            let release = parse(saved, &redactor);
            for text in [serde_json::to_string(&release).unwrap(), format!("{release:?}")] {
                assert!(!text.contains("planted") && !text.contains("cGxhbnRlZ"), "{file}: {text}");
            }
        }
        let message = "Error: admission webhook denied value planted-in-values-2 (cGxhbnRlZC1pbi12YWx1ZXMtMg==)";
        if file != "helm-3.22.0-get-all.txt" && !file.contains("4.3.1-get-all") && !file.contains("status") {
            assert_eq!(redactor.scrub(message), "Error: admission webhook denied value <redacted> (<redacted>)", "{file}");
        }
    }
}

#[test]
fn a_changed_secret_is_a_change_without_showing_it() {
    let redactor = Redactor::new().unwrap();
    let saved = parse_saved(&fixture("helm-4.3.1-secret.yaml"), "shop.v2", "", 1 << 20).unwrap();
    let releases: Vec<_> = saved.into_iter().map(|saved| parse(saved, &redactor)).collect();
    let secret = |at: usize| &releases[at].objects.iter().find(|object| object.id.kind == "Secret").unwrap().body;
    let hook = |at: usize| {
        &releases[at].hooks[0].object.as_ref().unwrap().body.at(&["spec", "template", "spec", "containers"]).as_list()[0]
    };
    assert_ne!(secret(0), secret(1));
    assert_eq!(secret(0), secret(2));
    assert_ne!(hook(0).get("args"), hook(1).get("args"), "a password inside an argument changed");
    assert_eq!(hook(0).get("args"), hook(2).get("args"));
    assert_eq!(serde_json::to_string(secret(0)).unwrap(), serde_json::to_string(secret(1)).unwrap());
}
