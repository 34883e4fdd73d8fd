//! The pipelines in examples/ci: what they may do, and that their scripts do what they say, with real Git and real Helm.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::{helms, lab, valid, write_script};

const BINARY: &str = env!("CARGO_BIN_EXE_helm-rollback-safe");

fn example(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ci").join(path)
}

fn yaml(path: &str) -> Value {
    serde_yaml::from_str(&fs::read_to_string(example(path)).expect("a file")).expect("YAML")
}

/// All steps of a workflow or composite action.
fn steps(file: &Value) -> Vec<&Value> {
    let jobs = file["jobs"].as_object().into_iter().flatten().map(|(_, job)| &job["steps"]);
    jobs.chain([&file["runs"]["steps"]]).filter_map(Value::as_array).flatten().collect()
}

/// Text from a request reaches scripts through variables only: an expression in a script is replaced before a shell reads it.
#[test]
fn no_expression_stands_in_a_script() {
    let (workflow, action) = (yaml("github/rollback-safe.yml"), yaml("github/action.yml"));
    let scripts: Vec<&str> = [&workflow, &action].into_iter().flat_map(steps).filter_map(|step| step["run"].as_str()).collect();
    assert!(scripts.len() >= 4, "{scripts:?}");
    for script in scripts {
        assert!(!script.contains("${{"), "{script}");
    }
    for step in yaml("tekton/task.yaml")["spec"]["steps"].as_array().expect("steps") {
        let script = step["script"].as_str().unwrap_or_default();
        assert!(!script.contains("$(params."), "{script}");
    }
}

#[test]
fn the_workflow_has_few_rights() {
    let workflow = yaml("github/rollback-safe.yml");
    let triggers: Vec<&String> = workflow["on"].as_object().expect("triggers").keys().collect();
    assert_eq!(triggers, ["pull_request"]);
    let rights = workflow["permissions"].as_object().expect("permissions");
    let rights: BTreeMap<&str, &str> = rights.iter().map(|(key, value)| (key.as_str(), value.as_str().expect("text"))).collect();
    assert_eq!(rights, BTreeMap::from([("contents", "read"), ("pull-requests", "write")]));
    let checkouts: Vec<&Value> = steps(&workflow)
        .into_iter()
        .filter(|step| step["uses"].as_str().is_some_and(|uses| uses.starts_with("actions/checkout@")))
        .collect();
    assert_eq!(checkouts.len(), 2);
    assert!(checkouts.iter().all(|step| step["with"]["persist-credentials"] == false), "no token stays on the disk");
}

#[test]
fn the_tekton_task_is_one() {
    assert_eq!(valid::tekton_task(&yaml("tekton/task.yaml")), Vec::<String>::new());
    let mut broken = yaml("tekton/task.yaml");
    broken["spec"]["steps"][0]["arguments"] = Value::Null;
    assert_ne!(valid::tekton_task(&broken), Vec::<String>::new());
}

fn git(directory: &Path, args: &[&str]) -> String {
    let identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "init.defaultBranch=main"];
    let output = Command::new("git").current_dir(directory).args(identity).args(args).output().expect("git");
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

const CHART: &str = "apiVersion: v2\nname: shop\nversion: 1.0.0\n";
const MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  size: {{ .Values.size | quote }}\n";
const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: uploads\nspec:\n  accessModes: [ReadWriteOnce]\n  \
                     resources:\n    requests:\n      storage: 1Gi\n";

/// A repository whose branch adds a claim to the chart; the commit of its base.
fn repository(directory: &Path) -> String {
    let write = |path: &str, text: &str| {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    };
    git(directory, &["init", "--quiet"]);
    write("chart/Chart.yaml", CHART);
    write("chart/values.yaml", "size: 1\n");
    write("chart/templates/map.yaml", MAP);
    write("prod.yaml", "size: 3\n");
    git(directory, &["add", "."]);
    git(directory, &["commit", "--quiet", "--message=base"]);
    let base = git(directory, &["rev-parse", "HEAD"]);
    write("chart/templates/claim.yaml", CLAIM);
    git(directory, &["add", "."]);
    git(directory, &["commit", "--quiet", "--message=a claim"]);
    base
}

fn compare(directory: &Path, helm: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(example("compare-with-base"));
    command.current_dir(directory).env("ROLLBACK_SAFE", BINARY).env("HELM_BIN", helm).env("RELEASE", "shop");
    command.envs(variables.iter().copied()).output().expect("bash")
}

#[test]
fn a_request_is_compared_with_its_base() {
    for helm in helms() {
        let directory = tempfile::tempdir().expect("a directory");
        let base = repository(directory.path());
        let variables =
            [("BASE", base.as_str()), ("VALUES", "prod.yaml missing.yaml"), ("OUTPUTS", "sarif=rollback-safe/report.sarif")];
        let output = compare(directory.path(), &helm, &variables);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let read = |file: &str| fs::read_to_string(directory.path().join("rollback-safe").join(file)).expect("written");
        assert!(read("comment.md").starts_with("<!-- rollback-safe: default/shop -->\n### UNSAFE: "), "{}", read("comment.md"));
        for (form, file) in
            [("markdown", "comment.md"), ("html", "report.html"), ("json", "report.json"), ("sarif", "report.sarif")]
        {
            assert_eq!(valid::faults(form, &read(file)), Vec::<String>::new(), "{file}");
        }
        assert!(read("report.json").contains("PersistentVolumeClaim/default/uploads"));
        assert_eq!(git(directory.path(), &["worktree", "list"]).lines().count(), 1, "the base's work tree stays behind");
        let same = compare(directory.path(), &helm, &[("BASE", &git(directory.path(), &["rev-parse", "HEAD"]))]);
        assert_eq!(same.status.code(), Some(0), "{}", String::from_utf8_lossy(&same.stderr));
    }
}

/// A branch may be called anything; what is no commit is refused before Git sees it.
#[test]
fn what_is_no_commit_is_no_base() {
    let directory = tempfile::tempdir().expect("a directory");
    repository(directory.path());
    for base in ["main", "--detach", "$(touch owned)", "HEAD; touch owned"] {
        let output = compare(directory.path(), Path::new("/nonexistent/helm"), &[("BASE", base)]);
        assert_eq!(output.status.code(), Some(2), "{base}");
        assert!(!directory.path().join("owned").exists(), "{base}");
    }
}

/// With a `gh` that writes down what it is asked for and knows one comment, or none.
#[test]
fn the_comment_is_replaced_and_not_repeated() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |path: &str| directory.path().join(path);
    fs::write(at("comment.md"), "<!-- rollback-safe: prod/shop -->\n### SAFE\n").expect("a file");
    fs::write(at("other.md"), "### SAFE\n").expect("a file");
    write_script(
        &at("bin/gh"),
        "printf '%s\\n' \"$*\" >>\"$LOG\"\ncase \"$*\" in *--paginate*) [ \"$marker\" = '<!-- rollback-safe: prod/shop -->' ] && printf '%s' \"$KNOWN\" ;; esac",
    );
    let run = |file: &str, known: &str, number: &str| {
        let log = at("log");
        let _ = fs::remove_file(&log);
        let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(example("github/comment"));
        command.arg(at(file)).env("PATH", path).env("LOG", &log).env("KNOWN", known);
        let output = command.env("REPOSITORY", "owner/shop").env("NUMBER", number).output().expect("bash");
        (output.status.code(), fs::read_to_string(&log).unwrap_or_default())
    };
    let (status, log) = run("comment.md", "", "7");
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("--method POST repos/owner/shop/issues/7/comments --field body=@"), "{log}");
    let (status, log) = run("comment.md", "42\n43\n", "7");
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("--method PATCH repos/owner/shop/issues/comments/42 --field body=@"), "{log}");
    assert!(!log.contains("POST"), "{log}");
    assert_eq!(run("other.md", "", "7"), (Some(2), String::new()));
    assert_eq!(run("comment.md", "", "7/../8"), (Some(2), String::new()));
}

fn deploy(lab: &BTreeMap<String, String>, helm: &Path, directory: &Path, namespace: &str, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(example("deploy.sh"));
    command.args(["shop", "chart", "--timeout=60s"]).current_dir(directory).envs(lab).envs(variables.iter().copied());
    command.env("ROLLBACK_SAFE", BINARY).env("HELM_BIN", helm).env("HEALTH_TRIES", "1");
    command.env("KUBE", format!("--namespace {namespace}")).output().expect("bash")
}

/// Upgrades that work, that do not and may go back, and that do not and may not, on the lab's API server.
#[test]
fn a_deployment_goes_back_within_the_gate_only() {
    let Some(lab) = lab() else { return };
    for (number, helm) in helms().into_iter().enumerate() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |path: &str, text: &str| fs::write(directory.path().join("chart").join(path), text).expect("a file");
        fs::create_dir_all(directory.path().join("chart/templates")).expect("a directory");
        write("Chart.yaml", CHART);
        write("values.yaml", "size: 1\n");
        write("templates/map.yaml", MAP);
        let namespace = format!("deploy-{number}-{}", std::process::id());
        let helm_run = |args: &[&str]| {
            let output = Command::new(&helm).args(args).args(["--namespace", &namespace]).envs(&lab).output().expect("helm");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let size = || helm_run(&["get", "values", "shop", "--all", "--output=json"]);
        let run = |variables: &[(&str, &str)]| {
            let output = deploy(&lab, &helm, directory.path(), &namespace, variables);
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let made = Command::new(&helm)
            .args(["install", "seed"])
            .arg(directory.path().join("chart"))
            .args(["--create-namespace", "-n", &namespace])
            .envs(&lab)
            .status();
        assert!(made.expect("helm").success());

        let (status, said) = run(&[("HEALTH_CHECK", "true")]);
        assert_eq!(status, Some(0), "{said}");
        write("values.yaml", "size: 2\n");
        let (status, said) = run(&[("HEALTH_CHECK", "false")]);
        assert_eq!(status, Some(10), "{said}");
        assert_eq!(size(), "{\"size\":1}\n", "{said}");
        write("templates/claim.yaml", CLAIM);
        let (status, said) = run(&[("HEALTH_CHECK", "false")]);
        assert_eq!(status, Some(1), "{said}");
        assert_eq!(size(), "{\"size\":2}\n", "nothing went back: {said}");
        assert!(
            fs::read_to_string(directory.path().join("rollback-safe/report.html")).expect("a report").contains("pvc-removed")
        );
    }
}
