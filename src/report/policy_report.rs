//! The report as an object of the cluster, for dashboards that show what policy engines found: a `Report` of openreports.io, or the
//! `PolicyReport` of wgpolicyk8s.io that came before it (github.com/openreports/reports-api, config/crd;
//! github.com/kubernetes-sigs/wg-policy-prototypes, policy-report/crd/v1alpha2). Both have the fields that are used here.

use serde_json::{Map, Value, json};

use super::text::sentence;
use super::{Finding, Report, clean, yaml};
use crate::forecast::Outcome;
use crate::gate::GatePolicy;
use crate::input::Gap;
use crate::policy::SourceInfo;
use crate::release::ObjectRef;

/// An object must fit into one request to etcd (1.5 MiB); the worst come first.
const RESULTS: usize = 500;

/// Bytes of a message.
const MESSAGE: usize = 1_024;

const SOURCE: &str = "rollback-safe";

/// `openreports.io/v1alpha1`, for `kubectl apply -f`.
pub fn openreports(report: &Report, policy: &GatePolicy) -> String {
    object(report, policy, "openreports.io/v1alpha1", "Report")
}

/// `wgpolicyk8s.io/v1alpha2`, for `kubectl apply -f`.
pub fn policyreport(report: &Report, policy: &GatePolicy) -> String {
    object(report, policy, "wgpolicyk8s.io/v1alpha2", "PolicyReport")
}

/// The same name for each report on this release, so that applying a newer one replaces it.
fn object(report: &Report, policy: &GatePolicy, api_version: &str, kind: &str) -> String {
    let results = results(report, policy);
    let mut object = json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {
            "name": format!("{SOURCE}-{}", name(&report.release.name, 200)),
            "namespace": name(&report.release.namespace, 63),
            "labels": {"app.kubernetes.io/managed-by": SOURCE},
            "annotations": {
                "rollback-safe/verdict": report.verdict.as_str(),
                "rollback-safe/digest": report.digest,
                "rollback-safe/from": report.release.from.revision.to_string(),
                "rollback-safe/to": report.release.to.revision.to_string(),
            },
        },
        "summary": summary(&results),
        "results": results.into_iter().take(RESULTS).collect::<Vec<_>>(),
    });
    if let Some(scope) = scope(report) {
        object["scope"] = scope;
    }
    if let Some(policy) = &report.policy {
        let sources: Vec<String> = policy.sources.iter().map(SourceInfo::sentence).collect();
        object["metadata"]["annotations"]["rollback-safe/policy"] = json!(policy.digest);
        object["metadata"]["annotations"]["rollback-safe/policy-sources"] = json!(short(&sources.join("\n")));
    }
    if kind == "Report" {
        object["source"] = json!(SOURCE);
    }
    yaml::harmless(&object)
}

/// The newest record, where the cluster has it as an object (Helm, `pkg/storage/storage.go` `makeKey`).
fn scope(report: &Report) -> Option<Value> {
    let kind = match report.release.driver.as_str() {
        "secrets" => "Secret",
        "configmaps" => "ConfigMap",
        _ => return None,
    };
    let release = &report.release;
    let record = format!("sh.helm.release.v1.{}.v{}", clean(&release.name), release.from.revision);
    Some(json!({"apiVersion": "v1", "kind": kind, "namespace": clean(&release.namespace), "name": record}))
}

/// One for the rollback itself, so that a safe one passes visibly, then one a finding and one a needed fact that is missing.
fn results(report: &Report, policy: &GatePolicy) -> Vec<Value> {
    let fails = matches!(report.predicted.outcome, Outcome::Fails | Outcome::Stuck);
    let whole = result("forecast", if fails { "fail" } else { "pass" }, &sentence(report), !fails);
    let findings = report.findings.iter().map(|finding| found(finding, policy));
    let gaps = report.gaps.iter().filter(|gap| gap.blocks).map(missing);
    std::iter::once(whole).chain(findings).chain(gaps).collect()
}

fn found(finding: &Finding, policy: &GatePolicy) -> Value {
    let closes = finding.severity >= policy.fail_on;
    let word = match &finding.waived {
        Some(_) => "skip",
        None if closes => "fail",
        None => "warn",
    };
    let mut result = result(&finding.rule, word, &format!("{} {}", finding.message, finding.why), closes);
    result["severity"] = json!(finding.severity.as_str());
    result["properties"] = properties(finding);
    if let Some(object) = &finding.object {
        result["resources"] = json!([reference(object)]);
    }
    result
}

fn missing(gap: &Gap) -> Value {
    result("not-known", "error", &format!("{}: {}", gap.what, gap.why), false)
}

fn result(policy: &str, word: &str, message: &str, scored: bool) -> Value {
    json!({
        "source": SOURCE,
        "category": "Helm rollback",
        "policy": policy,
        "result": word,
        "scored": scored,
        "message": short(message),
    })
}

fn properties(finding: &Finding) -> Value {
    let waived = finding.waived.as_ref().map(|waiver| waiver.reason.as_str());
    let accepted = finding.accepted.as_ref().map(|acceptance| acceptance.reason.as_str());
    let confidence = finding.confidence.to_string();
    let all = [
        ("title", Some(finding.title.as_str())),
        ("fingerprint", Some(&finding.id)),
        ("confidence", Some(&confidence)),
        ("path", finding.path.as_deref()),
        ("template", finding.template.as_deref()),
        ("remediation", Some(&finding.remediation)),
        ("waived", waived),
        ("accepted", accepted),
    ];
    let given = all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), json!(short(value?)))));
    Value::Object(given.collect::<Map<_, _>>())
}

fn reference(object: &ObjectRef) -> Value {
    let mut reference = json!({
        "apiVersion": clean(&object.api_version),
        "kind": clean(&object.kind),
        "name": clean(&object.name),
    });
    if let Some(namespace) = &object.namespace {
        reference["namespace"] = json!(clean(namespace));
    }
    reference
}

fn summary(results: &[Value]) -> Value {
    let words = ["pass", "fail", "warn", "error", "skip"];
    let of = |word: &str| results.iter().filter(|result| result["result"] == word).count();
    Value::Object(words.into_iter().map(|word| (word.to_owned(), json!(of(word)))).collect())
}

/// Line by line, what would act on a terminal made visible, and no longer than fits many times into an object.
fn short(text: &str) -> String {
    let text: String = text.trim_end().lines().map(clean).collect::<Vec<_>>().join("\n");
    if text.len() <= MESSAGE {
        return text;
    }
    let end = (0..=MESSAGE).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// As the API server takes names (RFC 1123 labels): releases in files may be called anything.
fn name(text: &str, longest: usize) -> String {
    let text = text.to_lowercase();
    let fits = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let text: String = text.chars().map(fits).take(longest).collect();
    let text = text.trim_matches('-');
    if text.is_empty() { "unnamed".to_owned() } else { text.to_owned() }
}
