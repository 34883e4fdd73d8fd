//! Plans: made, shown, accepted, carried out; and refused where something moved.
//!
//! Over Helm's memory storage wherever a Helm is built, and on the lab's API server where `ROLLBACK_SAFE_LAB` names a running
//! lab. What is missing is skipped by name.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::helms;
use crate::place::{Ended, Place, on_lab};

/// A place with a plan in it.
pub struct Planned {
    pub place: Place,
    pub file: PathBuf,
}

impl Planned {
    pub fn new(place: Place, target: &str) -> Planned {
        let file = place.home.path().join("shop.plan");
        let planned = Planned { place, file };
        planned.plan(target);
        planned
    }

    pub fn plan(&self, target: &str) -> Ended {
        let ended = self.place.tool(&["plan", "shop", target, "--out", self.path()]);
        ended.expect(0, &["Plan written to", "Its digest is sha256:"])
    }

    pub fn path(&self) -> &str {
        self.file.to_str().unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&fs::read_to_string(&self.file).unwrap()).unwrap()
    }

    pub fn digest(&self) -> String {
        self.json()["digest"].as_str().unwrap().to_owned()
    }

    /// Ids of the findings that close the gate.
    pub fn findings(&self) -> Vec<String> {
        let plan = self.json();
        let findings = plan["plan"]["report"]["findings"].as_array().unwrap().clone();
        let serious =
            findings.iter().filter(|finding| ["critical", "high"].iter().any(|severity| finding["severity"] == *severity));
        serious.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect()
    }

    pub fn apply(&self, more: &[&str]) -> Ended {
        self.place.tool(&[&["apply", self.path()], more].concat())
    }

    fn accept_all(&self, more: &[&str]) {
        let findings = self.findings();
        let named = findings.iter().flat_map(|id| ["--finding", id.as_str()]);
        let args: Vec<&str> = ["accept", self.path(), "--reason", "known", "--by", "jane"].into_iter().chain(named).collect();
        self.place.tool(&[&args, more].concat()).expect(0, &["Everything that needs acceptance is accepted"]);
    }

    /// Replaces the first place where the text stands.
    pub fn tamper(&self, old: &str, new: &str) {
        let text = fs::read_to_string(&self.file).unwrap();
        assert!(text.contains(old), "{old} is not in the plan");
        fs::write(&self.file, text.replacen(old, new, 1)).unwrap();
    }
}

pub fn in_memory() -> impl Iterator<Item = Planned> {
    helms().into_iter().map(|helm| Planned::new(Place::memory(helm), "2"))
}

fn schema(text: &str) -> Value {
    serde_json::from_str(text).expect("a schema is JSON")
}

#[track_caller]
fn matches_schema(schema: &Value, instance: &Value) {
    let validator = jsonschema::validator_for(schema).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn a_plan_has_the_form_of_its_schema_and_is_its_owners_only() {
    let mut form = schema(include_str!("../../schema/plan-v1.schema.json"));
    form["$defs"]["report"] = schema(include_str!("../../schema/report-v1.schema.json"));
    for planned in in_memory() {
        planned.accept_all(&[]);
        matches_schema(&form, &planned.json());
        assert_eq!(fs::metadata(&planned.file).unwrap().permissions().mode() & 0o777, 0o600);
        let left: Vec<_> = fs::read_dir(planned.place.home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".shop.plan")), "{left:?}");
    }
}

#[test]
fn a_plan_is_shown_in_every_form_without_a_release() {
    for planned in in_memory() {
        planned.accept_all(&[]);
        let nowhere = Place::new(planned.place.helm.clone(), Default::default());
        for form in ["text", "json", "yaml", "markdown", "sarif", "junit", "github", "gitlab"] {
            let shown = nowhere.tool(&["plan", "show", planned.path(), "-o", form]).expect(0, &["valid until", "acceptances: "]);
            assert!(shown.stdout.contains("pvc-removed"), "{form}: {}", shown.stdout);
        }
        let json = nowhere.tool(&["plan", "show", planned.path(), "-o", "json"]).stdout;
        let report: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(report["findings"][0]["accepted"]["reason"], "jane: known");
        assert_eq!(report["digest"], planned.json()["plan"]["report"]["digest"]);
    }
}

#[test]
fn without_acceptance_nothing_runs() {
    for planned in in_memory() {
        let refused = planned.apply(&[]).expect(1, &["Not accepted", "pvc-removed", "Nothing was run"]);
        assert!(!refused.stderr.contains("helm: "), "{}", refused.stderr);
        let digest = planned.digest();
        planned.apply(&["--accept", &digest]).expect(1, &["Not accepted", "critical"]);
        let other = format!("sha256:{}", "0".repeat(64));
        planned.apply(&["--accept", &other, "--accept-critical"]).expect(6, &[&other, &digest, "nothing was run"]);
        planned.apply(&["--accept", &digest, "--accept-critical"]).expect(0, &["helm: Rollback was a success!"]);
    }
}

#[test]
fn an_accepted_plan_runs_and_leaves_traces() {
    for planned in in_memory() {
        let audit = planned.place.home.path().join("audit");
        let audit = ["--audit", audit.to_str().unwrap()];
        planned.accept_all(&audit);
        planned.apply(&audit).expect(0, &["helm: Rollback was a success!", "not verifiable"]);
        let form = schema(include_str!("../../schema/audit-v1.schema.json"));
        let text = fs::read_to_string(audit[1]).unwrap();
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines.iter().for_each(|line| matches_schema(&form, line));
        let outcomes: Vec<&str> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
        assert_eq!(outcomes[outcomes.len() - 2..], ["started", "done"], "{text}");
        assert!(outcomes[..outcomes.len() - 2].iter().all(|outcome| *outcome == "accepted"), "{text}");
        assert_eq!(lines.last().unwrap()["digest"], planned.digest());
        assert_eq!(fs::metadata(audit[1]).unwrap().permissions().mode() & 0o777, 0o600);
        let nowhere = planned.place.home.path().join("no/where");
        let refused = planned.apply(&["--audit", nowhere.to_str().unwrap()]).expect(2, &["the audit file"]);
        assert!(!refused.stderr.contains("helm: "), "{}", refused.stderr);
    }
}

#[test]
fn what_moved_is_named() {
    for mut planned in in_memory() {
        planned.accept_all(&[]);
        let text = fs::read_to_string(crate::place::root().join("examples/try/releases.yaml")).unwrap();
        let other = planned.place.home.path().join("other.yaml");
        fs::write(&other, text.replace("Upgrade complete", "Something else")).unwrap();
        let mut with = |name: &str, value: &str, words: &[&str]| {
            let old = planned.place.env.insert(name.to_owned(), value.to_owned());
            let refused = planned.apply(&[]).expect(6, words);
            assert!(!refused.stderr.contains("helm: "), "{}", refused.stderr);
            match old {
                Some(old) => planned.place.env.insert(name.to_owned(), old),
                None => planned.place.env.remove(name),
            };
        };
        with("HELM_MAX_HISTORY", "3", &["flags: history-max was 10, is now 3"]);
        with("HELM_MEMORY_DRIVER_DATA", other.to_str().unwrap(), &["record: the record of revision"]);
        planned.apply(&["--fail-on", "low"]).expect(6, &["policy: fail-on was \"high\", is now \"low\""]);
        planned.apply(&["-n", "elsewhere"]).expect(6, &["namespace: the plan is for default, not for elsewhere"]);
        planned.apply(&["--migrations", "db"]).expect(2, &["the plan was made with none of these options"]);
    }
}

#[test]
fn an_expired_plan_is_no_plan() {
    for planned in in_memory() {
        planned.place.tool(&["plan", "shop", "2", "--out", planned.path(), "--valid-for", "1ms"]).expect(0, &[]);
        let digest = planned.digest();
        planned.apply(&["--accept", &digest, "--accept-critical"]).expect(6, &["validity: the plan was valid until"]);
        let finding = planned.findings().remove(0);
        let args = ["accept", planned.path(), "--finding", &finding, "--reason", "x", "--by", "jane"];
        planned.place.tool(&args).expect(6, &["validity"]);
    }
}

#[test]
fn hostile_files_are_refused_and_nothing_runs() {
    let Some(planned) = in_memory().next() else { return };
    let whole = fs::read_to_string(&planned.file).unwrap();
    for (text, status, words) in [
        (String::new(), 2, "it is no plan"),
        ("{".repeat(100_000), 2, "it is no plan"),
        (whole.replace("plan/v1", "plan/v2"), 2, "rollback-safe/plan/v2"),
        (whole.replacen("\"made\"", "\"mode\"", 1), 2, "does not have the form"),
        (whole.replacen("\"live\"", "\"x\\u001b[2J\": 1, \"live\"", 1), 2, "unknown to this version"),
        (whole.replacen("\"severity\": \"critical\"", "\"severity\": \"info\"", 1), 6, "was changed after it was written"),
        (whole[..whole.len() / 2].to_owned(), 2, "it is no plan"),
    ] {
        fs::write(&planned.file, text).unwrap();
        for command in [&["apply"][..], &["plan", "show"]] {
            let ended = planned.place.tool(&[command, &[planned.path()]].concat()).expect(status, &[words, "help: "]);
            assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
        }
    }
    fs::remove_file(&planned.file).unwrap();
    planned.apply(&[]).expect(2, &["cannot be read"]);
}

/// The digest is no secret, so who changes a plan on purpose can write another one: then the gate judges what it reads itself.
#[test]
fn a_plan_that_was_changed_with_its_digest_opens_no_gate() {
    for planned in in_memory() {
        planned.tamper("\"severity\": \"critical\"", "\"severity\": \"info\"");
        let refused = planned.apply(&[]).expect(6, &["computed as sha256:"]);
        let at = refused.stderr.find("computed as sha256:").unwrap() + "computed as ".len();
        let digest: String = refused.stderr[at..].chars().take("sha256:".len() + 64).collect();
        let old = planned.digest();
        planned.tamper(&old, &digest);
        planned.apply(&[]).expect(6, &["finding: was info, is now critical"]);
    }
}

#[test]
fn a_plan_cannot_bring_flags_of_its_own() {
    let Some(planned) = in_memory().next() else { return };
    for flag in ["--kubeconfig=/tmp/evil", "--dry-run=none", "-h", "stray"] {
        let words = format!("\"flags\": [\n        \"{flag}\"\n      ]");
        planned.tamper("\"flags\": []", &words);
        let refused = planned.apply(&[]);
        let at =
            refused.stderr.find("computed as sha256:").unwrap_or_else(|| panic!("{}", refused.stderr)) + "computed as ".len();
        let digest: String = refused.stderr[at..].chars().take("sha256:".len() + 64).collect();
        planned.tamper(&planned.digest(), &digest);
        planned.apply(&[]).expect(2, &["flags that are none of helm rollback's"]);
        planned.plan("2");
    }
}

#[test]
fn acceptances_name_findings_of_the_plan() {
    for planned in in_memory() {
        let accept =
            |more: &[&str]| planned.place.tool(&[&["accept", planned.path(), "--reason", "x", "--by", "jane"], more].concat());
        accept(&["--finding", "nothing"]).expect(2, &["the plan has no finding \"nothing\"", "pvc-removed"]);
        let finding = planned.findings().remove(0);
        accept(&["--finding", &finding, "--until", "2020-01-01"]).expect(2, &["is over already"]);
        accept(&["--finding", &finding, "--until", "soon"]).expect(2, &["write a day"]);
        accept(&["--finding", &finding[..3]]).expect(2, &["no finding"]);
        let was = planned.digest();
        accept(&["--finding", &finding[..8]]).expect(0, &["The plan's digest is now"]);
        assert_ne!(planned.digest(), was);
        assert_eq!(planned.json()["acceptances"][0]["finding"], finding.as_str());
        // What was accepted by its digest was the plan without this acceptance.
        planned.apply(&["--accept", &was]).expect(6, &["not the plan that was accepted"]);
    }
}

/// A key pair made by the real ssh-keygen; none where it is not installed.
pub fn key(planned: &Planned, name: &str, kind: &str) -> Option<String> {
    let path = planned.place.home.path().join(name);
    let made = Command::new("ssh-keygen").args(["-q", "-t", kind, "-N", "", "-C", name, "-f"]).arg(&path).status();
    match made {
        Ok(status) => assert!(status.success(), "ssh-keygen"),
        Err(_) => {
            crate::skip("ssh-keygen is not installed");
            return None;
        }
    }
    Some(path.to_str().unwrap().to_owned())
}

#[test]
fn a_signed_acceptance_cannot_be_changed() {
    for planned in in_memory() {
        for kind in ["ed25519", "ecdsa"] {
            let Some(key) = key(&planned, kind, kind) else { return };
            planned.plan("2");
            planned.accept_all(&["--sign", &key]);
            planned.apply(&[]).expect(0, &["helm: Rollback was a success!"]);
            planned.tamper("\"reason\": \"known\"", "\"reason\": \"knowm\"");
            let digest = planned.apply(&[]).expect(6, &["computed as sha256:"]).stderr;
            let at = digest.find("computed as sha256:").unwrap() + "computed as ".len();
            let digest: String = digest[at..].chars().take("sha256:".len() + 64).collect();
            planned.tamper(&planned.digest(), &digest);
            planned.apply(&[]).expect(6, &["is not one over this acceptance of this plan"]);
        }
        let refused = planned.place.tool(&[
            "accept",
            planned.path(),
            "--finding",
            &planned.findings()[0],
            "--reason",
            "x",
            "--by",
            "y",
            "--sign",
            "/nonexistent",
        ]);
        refused.expect(2, &["could not be signed"]);
    }
}

/// The Events of the release's namespace, as a template sees them.
fn events(place: &Place) -> String {
    let chart = place.home.path().join("events");
    fs::create_dir_all(chart.join("templates")).unwrap();
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: events\nversion: 0.1.0\n").unwrap();
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: events}\ndata:\n  events: {{ lookup \"v1\" \"Event\" .Release.Namespace \"\" | toJson | quote }}\n";
    fs::write(chart.join("templates/events.yaml"), template).unwrap();
    place.helm(&["install", "events", chart.to_str().unwrap(), "--dry-run=server"])
}

#[test]
fn a_plan_runs_once_and_says_so_the_second_time() {
    for helm in helms() {
        let Some(place) = on_lab(helm, "plan", "secrets") else { return };
        place.two_revisions();
        let planned = Planned::new(place, "1");
        assert!(planned.json()["plan"]["bound"]["cluster"].is_string() && planned.json()["plan"]["made"]["by"].is_string());
        planned.accept_all(&[]);
        // Not signed, so it counts under the name that the cluster has for us (SelfSubjectReview), whatever --by says.
        assert_eq!(planned.json()["acceptances"][0]["identity"], planned.json()["plan"]["made"]["by"]);
        planned.apply(&[]).expect(0, &["Verified: shop is back at what revision 1 says. Revision 3 is deployed."]);
        let again = planned.apply(&[]).expect(0, &["carried out already: revision 3 is deployed", "Verified"]);
        assert!(!again.stderr.contains("helm: "), "{}", again.stderr);
        assert_eq!(planned.place.status_of(4), "none");
        let events = events(&planned.place);
        for reason in ["RollbackFindingAccepted", "RollbackStarted", "RollbackDone"] {
            assert!(events.contains(reason), "{reason}: {events}");
        }
        // Somebody undoes it behind the plan's back: it is no longer what the plan led to.
        planned.place.helm(&["upgrade", "shop", &Place::chart(), "--set", "image=registry.example/shop:3"]);
        planned.apply(&[]).expect(6, &["revision: there is a new revision 4 (deployed"]);
        planned.place.helm(&["uninstall", "shop"]);
        planned.apply(&[]).expect(6, &["revision: there is no release"]);
    }
}

#[test]
fn a_concurrent_upgrade_makes_a_plan_stale() {
    for helm in helms() {
        let Some(place) = on_lab(helm, "stale", "secrets") else { return };
        place.two_revisions();
        let planned = Planned::new(place, "1");
        planned.accept_all(&[]);
        let place = &planned.place;
        place.helm(&["upgrade", "shop", &Place::chart(), "--set", "image=registry.example/shop:2.1,uploads=true"]);
        let refused = planned.apply(&[]).expect(6, &["revision: there is a new revision 3 (deployed, shop-"]);
        assert!(!refused.stderr.contains("helm: "), "{}", refused.stderr);
        let digest = planned.digest();
        planned.apply(&["--accept", &digest, "--accept-critical"]).expect(6, &["new revision 3"]);
        assert_eq!(place.status_of(4), "none");
        place.helm(&["uninstall", "shop"]);
    }
}
