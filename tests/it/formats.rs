//! Every command that has a report, in every form, about every sort of release; and where the forms are written.
//!
//! `ROLLBACK_SAFE_FORMS=DIR` keeps what is written (`scripts/formats` hands it to readers that are not Rust's).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::valid::{self, FORMS};
use super::write_script;

const BINARY: &str = env!("CARGO_BIN_EXE_helm-rollback-safe");

const EVIL: &str = "\u{1b}[2J</script></details><script>document.title='owned'</script><img src=x onerror=alert(1)>\"' onload=x ]]> \
    --> | a | `b` **c** [x](javascript:x) @all #1 https://evil.example ::error::x %0A ${{ github.token }} $(id) =1+1 \
    \u{202e}gpj.exe\u{200b}\r\nGATE: open <b>";

fn map(name: &str, value: &str) -> String {
    object(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value}}))
}

fn object(object: &Value) -> String {
    format!("---\n# Source: shop/templates/all.yaml\n{object}\n")
}

fn claim(name: &str) -> String {
    let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
    object(&json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}))
}

fn deployment(image: &str) -> String {
    let containers = json!([{"name": "shop", "image": image, "envFrom": [{"configMapRef": {"name": "settings"}}]}]);
    let template = json!({"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": containers}});
    let spec = json!({"selector": {"matchLabels": {"app": "shop"}}, "template": template});
    object(&json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop"}, "spec": spec}))
}

/// A release: what is restored, what runs, and what is said about that with nothing but the two.
struct Sort {
    name: &'static str,
    to: String,
    from: String,
    verdict: &'static str,
    /// A policy that every command is given.
    policy: Option<&'static str>,
}

const WAIVER: &str =
    "schema: rollback-safe/policy/v1\nwaivers:\n- {rule: pvc-removed, reason: fills itself, owner: us, expires: 2126-01-01}\n";

fn sorts() -> Vec<Sort> {
    let sort = |name, to: String, from: String, verdict| Sort { name, to, from, verdict, policy: None };
    let settings = |value: &str| map("settings", value);
    let risky = |name| sort(name, settings("1"), settings("1") + &claim("uploads"), "unsafe");
    let unknown = settings("1") + &sql("migrations", "V2__b.sql", "FROBNICATE t;");
    vec![
        sort("safe", settings("1"), settings("1"), "safe"),
        risky("unsafe"),
        sort("caution", settings("1") + &deployment("shop:1"), settings("2") + &deployment("shop:1"), "caution"),
        sort("hostile", map(EVIL, EVIL), map(EVIL, "x") + &claim(EVIL), "unsafe"),
        sort("inconclusive", settings("1"), unknown, "inconclusive"),
        Sort { verdict: "caution", policy: Some(WAIVER), ..risky("waived") },
        risky("accepted"),
    ]
}

fn sql(name: &str, file: &str, text: &str) -> String {
    let data = json!({"V1__a.sql": "CREATE TABLE t (a int);", (file): text});
    object(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}))
}

fn records(to: &str, from: &str, text: &str) -> String {
    let record = |revision: u32, status: &str, manifest: &str| {
        json!({
            "name": "shop", "namespace": "prod", "version": revision, "manifest": manifest,
            "info": {"status": status, "description": if text == EVIL { EVIL } else { "Upgrade complete" }, "last_deployed": "2026-03-02T09:00:00Z"},
            "chart": {"metadata": {"name": "shop", "version": "1.0.0", "appVersion": text, "apiVersion": "v2"}},
        })
    };
    json!([record(1, "superseded", to), record(2, "deployed", from)]).to_string()
}

fn command(directory: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.args(args).current_dir(directory).env_clear().env("HOME", "/nonexistent").env("PATH", "/usr/bin:/bin");
    command.env("HELM_BIN", directory.join("helm")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(directory: &Path, args: &[&str], input: &str) -> Output {
    let mut child = command(directory, args).spawn().expect("the binary starts");
    // Who does not read it closes the pipe.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    child.wait_with_output().expect("the binary ends")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// All forms at once, by name.
fn forms(directory: &Path, name: &str, args: &[&str], input: &str) -> BTreeMap<&'static str, String> {
    let file = |form: &str| format!("{name}.{form}");
    let outputs: Vec<String> = FORMS.iter().map(|form| format!("--output={form}={}", file(form))).collect();
    let all: Vec<&str> = args.iter().copied().chain(outputs.iter().map(String::as_str)).collect();
    let output = run(directory, &all, input);
    assert!(!output.stdout.is_empty(), "{name}: {}", said(&output));
    FORMS.iter().map(|form| (*form, fs::read_to_string(directory.join(file(form))).expect("written"))).collect()
}

/// Where what is written stays, or a directory that goes.
fn place() -> (PathBuf, Option<tempfile::TempDir>) {
    match std::env::var_os("ROLLBACK_SAFE_FORMS") {
        Some(directory) => (PathBuf::from(directory), None),
        None => {
            let directory = tempfile::tempdir().expect("a directory");
            (directory.path().to_owned(), Some(directory))
        }
    }
}

/// What the commands read: records, a chart, and a Helm that renders it.
fn write_release(directory: &Path, sort: &Sort) {
    let text = if sort.name == "hostile" { EVIL } else { "1.0" };
    let write = |name: &str, text: &str| fs::write(directory.join(name), text).expect("a file");
    write("to.yaml", &sort.to);
    write("from.yaml", &sort.from);
    let both = records(&sort.to, &sort.from, text);
    let mut first: Value = serde_json::from_str(&both).expect("JSON");
    first.as_array_mut().expect("a list").truncate(1);
    first[0]["info"]["status"] = json!("deployed");
    write("records.json", &both);
    write("first.json", &first.to_string());
    write("policy.yaml", sort.policy.unwrap_or("schema: rollback-safe/policy/v1\n"));
    fs::create_dir_all(directory.join("chart")).expect("a directory");
    write("chart/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.1.0\n");
    let helm = "case \"$1\" in version) echo v4.3.1 ;; template) cat >/dev/null; cat from.yaml ;; esac";
    write_script(&directory.join("helm"), helm);
}

/// Makes a plan over Helm's memory storage; the sort of that name is accepted too.
fn write_plan(directory: &Path, sort: &Sort) {
    let plan = |args: &[&str]| {
        let mut command = command(directory, args);
        let output = with_release(&mut command, directory).output().expect("the binary starts");
        assert_eq!(output.status.code(), Some(0), "{}: {args:?}: {}", sort.name, said(&output));
    };
    plan(&["plan", "shop", "1", "--no-live", "--out=shop.plan", "--config=policy.yaml"]);
    let text = fs::read_to_string(directory.join("shop.plan")).expect("a plan");
    let made: Value = serde_json::from_str(&text).expect("JSON");
    let findings = made["plan"]["report"]["findings"].as_array().expect("a list");
    let ids: Vec<String> =
        findings.iter().map(|finding| format!("--finding={}", finding["id"].as_str().expect("an id"))).collect();
    if sort.name == "accepted" {
        let mut args = vec!["accept", "shop.plan", "--reason=looked at", "--by=jane", "--config=policy.yaml"];
        args.extend(ids.iter().map(String::as_str));
        plan(&args);
    }
}

fn with_release<'a>(command: &'a mut Command, directory: &Path) -> &'a mut Command {
    let release = [("HELM_DRIVER", "memory"), ("HELM_NAMESPACE", "prod")];
    command.envs(release).env("HELM_MEMORY_DRIVER_DATA", directory.join("records.json"))
}

const COMMANDS: [(&str, &[&str]); 5] = [
    ("check", &["check", "shop", "1", "-n=prod", "--releases=records.json", "--no-live"]),
    ("run", &["run", "shop", "1", "-n=prod", "--dry-run", "--releases=records.json", "--no-live"]),
    ("compare", &["compare", "from.yaml", "to.yaml", "-n=prod", "--name=shop"]),
    ("preview", &["preview", "shop", "chart", "-n=prod", "--releases=first.json"]),
    ("plan-show", &["plan", "show", "shop.plan"]),
];

#[test]
fn every_command_writes_every_form_about_everything() {
    let (directory, _gone) = place();
    for sort in sorts() {
        write_release(&directory, &sort);
        write_plan(&directory, &sort);
        for (command, args) in COMMANDS {
            let judging = ["--helm-version=4.3.1", "--config=policy.yaml"];
            let more: &[&str] = if command == "plan-show" { &[] } else { &judging };
            let name = format!("{command}-{}", sort.name);
            let forms = forms(&directory, &name, &[args, more, &["--width=80"]].concat(), "");
            let report: Value = serde_json::from_str(&forms["json"]).expect("JSON");
            assert_eq!(report["verdict"], sort.verdict, "{name}: {}", forms["text"]);
            for (form, text) in &forms {
                let faults = valid::faults(form, text);
                assert!(faults.is_empty(), "{name} as {form}: {faults:#?}\n{text}");
            }
            says_why(&sort, command, &forms);
        }
    }
}

/// What a person decided stands in each form that has a place for it, and what that person read by is named in all.
fn says_why(sort: &Sort, command: &str, forms: &BTreeMap<&'static str, String>) {
    let with_reasons = ["text", "json", "yaml", "markdown", "github-summary", "html", "openreports", "policyreport", "in-toto"];
    let reason = match (sort.name, command) {
        ("waived", _) => "fills itself",
        ("accepted", "plan-show") => "looked at",
        _ => "",
    };
    for form in with_reasons {
        assert!(forms[form].contains(reason), "{reason} in {command}-{} as {form}:\n{}", sort.name, forms[form]);
    }
    for (form, text) in forms {
        assert!(text.contains("policy.yaml"), "the policy in {command}-{} as {form}:\n{text}", sort.name);
    }
}

/// A directory for each sort of history, and the verdict of its analysis.
fn histories() -> [(&'static str, Vec<(String, String)>); 4] {
    let first = || ("V1__a.sql".to_owned(), "CREATE TABLE t (a int, b int);".to_owned());
    let second = |text: &str| vec![first(), ("V2__b.sql".to_owned(), text.to_owned())];
    // As long as a name may be.
    let evil: String = EVIL.replace('/', "\u{2215}").chars().take(190).collect();
    let quoted = EVIL.replace('"', "\"\"");
    let drops = format!("ALTER TABLE \"{quoted}\" DROP COLUMN b;\n{EVIL}");
    let hostile =
        vec![("V1__a.sql".to_owned(), format!("CREATE TABLE \"{quoted}\" (a int, b int);")), (format!("V2__{evil}.sql"), drops)];
    [
        ("safe", vec![first()]),
        ("unsafe", second("ALTER TABLE t DROP COLUMN b;")),
        ("inconclusive", second("FROBNICATE t;")),
        ("hostile", hostile),
    ]
}

#[test]
fn migrations_are_told_in_every_form() {
    let directory = tempfile::tempdir().expect("a directory");
    for (sort, files) in histories() {
        let history = directory.path().join(sort);
        fs::create_dir(&history).expect("a directory");
        files.iter().for_each(|(name, text)| fs::write(history.join(name), text).expect("a file"));
        let outputs = valid::MIGRATION_FORMS.map(|form| format!("--output={form}={sort}.{form}"));
        let args = ["migrations", sort, "--width=80"].into_iter().chain(outputs.iter().map(String::as_str));
        let output = run(directory.path(), &args.collect::<Vec<_>>(), "");
        assert_eq!(output.status.code(), Some(0), "{sort}: {}", said(&output));
        for form in valid::MIGRATION_FORMS {
            let text = fs::read_to_string(directory.path().join(format!("{sort}.{form}"))).expect("written");
            assert_eq!(valid::migration_faults(form, &text), Vec::<String>::new(), "{sort} as {form}:\n{text}");
        }
        let report = fs::read_to_string(directory.path().join(format!("{sort}.json"))).expect("written");
        for (word, sorts) in [("data-loss", ["unsafe", "hostile"]), ("opaque", ["inconclusive", "hostile"])] {
            assert_eq!(report.contains(word), sorts.contains(&sort), "{word} in {sort}: {report}");
        }
    }
}

/// The records come through a pipe, which can be read once, and one report is made of them.
#[test]
fn twenty_forms_cost_one_analysis() {
    let directory = tempfile::tempdir().expect("a directory");
    let Sort { to, from, .. } = sorts().remove(1);
    let outputs: Vec<String> = (0..20).map(|number| format!("--output={}={number}.out", FORMS[number % FORMS.len()])).collect();
    let args = ["check", "shop", "1", "-n=prod", "--releases=-", "--no-live", "--helm-version=4.3.1", "--debug"];
    let all: Vec<&str> = args.into_iter().chain(outputs.iter().map(String::as_str)).collect();
    let output = run(directory.path(), &all, &records(&to, &from, "1.0"));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(said(&output).matches("made the report").count(), 1, "{}", said(&output));
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 20, "one file a form, and nothing beside them");
}

/// A place that cannot be written is told before Helm is asked for its version or anything is read.
#[test]
fn a_place_that_cannot_be_written_stops_everything() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |path: &str| directory.path().join(path);
    write_script(&at("helm"), "touch \"$(dirname \"$0\")/called\"");
    fs::create_dir(at("folder")).expect("a directory");
    fs::write(at("kept.json"), "kept").expect("a file");
    fs::write(at("a.yaml"), map("a", "1")).expect("a file");
    let Sort { to, from, .. } = sorts().remove(0);
    let starts: [&[&str]; 4] = [
        &["run", "shop", "1", "--accept=sha256:0000000000000000000000000000000000000000000000000000000000000000"],
        &["check", "shop", "1", "--releases=-"],
        &["compare", "a.yaml", "a.yaml"],
        &["migrations", "."],
    ];
    for start in starts {
        for place in ["json=none/report.json", "json=folder", "json=kept.json/report.json"] {
            let args = [start, &["-o", "json=kept.json", "-o", place]].concat();
            let args = if place.starts_with("json=kept.json/") { [start, &["-o", place]].concat() } else { args };
            let mut child = command(directory.path(), &args).spawn().expect("the binary starts");
            let _ = child.stdin.take().expect("a pipe").write_all(records(&to, &from, "1").as_bytes());
            let output = child.wait_with_output().expect("the binary ends");
            assert_eq!(output.status.code(), Some(2), "{args:?}: {}", said(&output));
            assert!(output.stdout.is_empty(), "{args:?}");
            assert!(said(&output).contains("the report cannot be written to"), "{args:?}: {}", said(&output));
            assert!(!at("called").exists(), "{args:?}: Helm was run");
            assert_eq!(fs::read_to_string(at("kept.json")).expect("a file"), "kept", "{args:?}");
            assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 4, "{args:?}: something stays behind");
        }
    }
}

/// A run that fails leaves former reports as they were, and makes no file.
#[test]
fn a_failed_run_leaves_no_file() {
    let directory = tempfile::tempdir().expect("a directory");
    fs::write(directory.path().join("old.json"), "old").expect("a file");
    let args = ["check", "other", "1", "--releases=-", "-o", "json=old.json", "-o", "html=new.html"];
    let Sort { to, from, .. } = sorts().remove(0);
    let output = run(directory.path(), &args, &records(&to, &from, "1"));
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert_eq!(fs::read_to_string(directory.path().join("old.json")).expect("a file"), "old");
    assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1);
}

#[test]
fn reports_take_the_place_of_former_ones() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = tempfile::tempdir().expect("a directory");
    let at = |path: &str| directory.path().join(path);
    fs::write(at("real.json"), "old").expect("a file");
    fs::set_permissions(at("real.json"), fs::Permissions::from_mode(0o640)).expect("a mode");
    symlink("real.json", at("link.json")).expect("a link");
    fs::write(at("summary.md"), "said before\n").expect("a file");
    let Sort { to, from, .. } = sorts().remove(0);
    let args = [
        "check",
        "shop",
        "1",
        "-n=prod",
        "--releases=-",
        "--no-live",
        "--helm-version=4.3.1",
        "-o",
        "json=link.json",
        "-o",
        "github-summary=summary.md",
        "-o",
        "junit=/dev/stderr",
    ];
    let output = run(directory.path(), &args, &records(&to, &from, "1"));
    assert!(said(&output).contains("<testsuites"), "{}", said(&output));
    assert!(fs::symlink_metadata(at("link.json")).expect("a link").is_symlink());
    let report: Value = serde_json::from_str(&fs::read_to_string(at("real.json")).expect("a file")).expect("JSON");
    assert_eq!(report["release"]["name"], "shop");
    assert_eq!(fs::metadata(at("real.json")).expect("a file").permissions().mode() & 0o777, 0o640);
    let summary = fs::read_to_string(at("summary.md")).expect("a file");
    assert!(summary.starts_with("said before\n### SAFE: "), "{summary}");
}
