//! `preview` as a user runs it, over saved records and with both lines of Helm: a chart in, a report out, no cluster.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use super::{helms, write_script};

const BINARY: &str = env!("CARGO_BIN_EXE_helm-rollback-safe");

const CLAIM: &str = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: data\nspec:\n  accessModes: [ReadWriteOnce]\n  resources:\n    requests:\n      storage: 1Gi\n";

/// A ConfigMap whose content comes from the values.
const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: {{ .Values.colour | quote }}\n  upgrade: {{ .Release.IsUpgrade | quote }}\n";

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

/// `releases.yaml` has revision 1 with a claim; `chart` renders a ConfigMap only.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().expect("a directory");
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("chart/templates")).expect("a directory");
        fs::write(at("chart/Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 2.0.0\n").expect("a file");
        fs::write(at("chart/values.yaml"), "colour: red\n").expect("a file");
        fs::write(at("chart/templates/map.yaml"), MAP).expect("a file");
        let releases = format!(
            "- name: shop\n  version: 1\n  namespace: prod\n  info: {{status: deployed, description: Install complete}}\n  \
             chart: {{metadata: {{name: shop, version: 1.0.0}}}}\n  config: {{colour: blue, auth: {{password: planted-secret}}}}\n  manifest: |\n{}    ---\n{}",
            indented(
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: blue\n  upgrade: \"false\"\n"
            ),
            indented(CLAIM)
        );
        fs::write(at("releases.yaml"), releases).expect("a file");
        Place(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, helm: &Path, args: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.arg("preview").args(args).current_dir(self.path()).env("NO_COLOR", "1").env("HELM_BIN", helm);
        command.output().expect("the binary starts")
    }

    fn report(&self, helm: &Path, args: &[&str]) -> Value {
        let all = [&["shop", "chart", "--releases", "releases.yaml", "-n", "prod", "-o", "json"], args].concat();
        let output = self.run(helm, &all);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{args:?}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// A Helm that prints the given text and keeps what it was given.
    fn fake(&self, prints: &str) -> PathBuf {
        let helm = self.path().join("helm");
        fs::write(self.path().join("printed"), prints).expect("a file");
        let here = self.path().display();
        write_script(&helm, &format!("echo \"$*\" > {here}/arguments; cat > {here}/input; cat {here}/printed"));
        helm
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("a file")
    }
}

fn rules(report: &Value) -> Vec<&str> {
    report["findings"].as_array().expect("a list").iter().filter_map(|finding| finding["rule"].as_str()).collect()
}

#[test]
fn what_the_upgrade_deletes_is_named_and_blocks() {
    let place = Place::new();
    for helm in helms() {
        let report = place.report(&helm, &[]);
        let preview = &report["preview"];
        assert_eq!(preview["upgrade"]["deletes"][0], "PersistentVolumeClaim/prod/data", "{preview}");
        assert_eq!(preview["goes_back_to"], 1);
        assert_eq!(report["release"]["from"]["revision"], 2);
        assert_eq!(report["release"]["from"]["chart"], "shop-2.0.0");
        assert_eq!(report["release"]["to"]["revision"], 1);
        assert_eq!(report["verdict"], "unsafe");
        assert!(rules(&report).contains(&"pvc-removed"), "{:?}", rules(&report));
        let removed = report["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == "pvc-removed").unwrap();
        let message = removed["message"].as_str().unwrap();
        assert!(message.contains("by this upgrade") && !message.contains("rollback"), "{message}");
        let schema = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schema/report-v1.schema.json")).unwrap();
        let schema: Value = serde_json::from_str(&schema).unwrap();
        let schema = jsonschema::validator_for(&schema).expect("the schema is a schema");
        let faults: Vec<String> =
            schema.iter_errors(&report).map(|fault| format!("{} at {}", fault, fault.instance_path())).collect();
        assert!(faults.is_empty(), "{faults:?}");
    }
}

/// `helm upgrade` without values takes those of the release; with any, or with --reset-values, it takes none.
#[test]
fn values_of_the_release_are_taken_as_helm_takes_them() {
    let place = Place::new();
    fs::write(place.path().join("mine.yaml"), "colour: green\n").unwrap();
    fs::write(place.path().join("empty.yaml"), "# nothing\n").unwrap();
    let rendered = "---\n# Source: shop/templates/map.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";
    let helm = place.fake(rendered);
    for (flags, taken) in [
        (&[][..], true),
        (&["-f", "empty.yaml"], true),
        (&["-f", "mine.yaml"], false),
        (&["--set", "colour=green"], false),
        (&["--reset-values"], false),
        (&["--reset-then-reuse-values", "--set", "a=b"], true),
    ] {
        place.report(&helm, &[flags, &["--helm-version", "4.3.1"]].concat());
        assert_eq!(place.read("input").contains("planted-secret"), taken, "{flags:?}");
        let arguments = place.read("arguments");
        assert!(!arguments.contains("planted-secret"), "others can read an argument vector: {arguments}");
        assert!(
            arguments.starts_with("template --is-upgrade ") && arguments.trim_end().ends_with("-- shop chart"),
            "{arguments}"
        );
    }
}

#[test]
fn no_secret_of_the_release_is_printed() {
    let place = Place::new();
    fs::write(place.path().join("chart/templates/tells.yaml"), "{{ if .Values.loud }}{{ fail .Values.auth.password }}{{ end }}")
        .unwrap();
    let base = ["shop", "chart", "--releases", "releases.yaml", "-n", "prod", "--reset-then-reuse-values"];
    for helm in helms() {
        for more in [&["-o", "text"][..], &["-o", "json"], &["-o", "markdown"], &["--set", "loud=true"]] {
            let output = place.run(&helm, &[&base[..], more].concat());
            let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(!said.contains("planted-secret"), "{more:?}: {said}");
            assert_eq!(output.status.code(), Some(if more[0] == "--set" { 2 } else { 1 }), "{said}");
        }
    }
}

#[test]
fn the_same_chart_comes_back() {
    let place = Place::new();
    let manifest = "---\n# Source: shop/templates/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  colour: green\n  upgrade: \"true\"\n";
    let helm = place.fake(&format!("{manifest}---\n# Source: shop/templates/b.yaml\n{CLAIM}"));
    let live = "apiVersion: v1\nkind: List\nitems: []\n";
    fs::write(place.path().join("live.yaml"), live).unwrap();
    let args = ["shop", "chart", "--releases", "releases.yaml", "-n", "prod", "--helm-version", "3.22.0"];
    let text = String::from_utf8(place.run(&helm, &args).stdout).unwrap();
    let first = text.lines().take(3).collect::<Vec<_>>().join(" ");
    assert!(first.contains("--atomic") && first.contains("if upgrading shop to shop-2.0.0 fails"), "{text}");
    assert!(!text.contains("--accept"), "there is nothing to accept: {text}");
    let report = place.report(&helm, &["--helm-version", "4.3.1"]);
    assert_eq!(report["preview"]["flag"], "--rollback-on-failure");
    assert_eq!(report["preview"]["upgrade"]["deletes"].as_array().map(Vec::len), Some(0));
    assert_ne!(report["preview"]["comes_back"], "no");
}

#[test]
fn a_baseline_leaves_out_what_it_knows() {
    let place = Place::new();
    let helm =
        place.fake("---\n# Source: shop/templates/map.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n");
    let first = place.report(&helm, &["--helm-version", "4.3.1"]);
    assert!(rules(&first).contains(&"pvc-removed"));
    fs::write(place.path().join("main.json"), serde_json::to_string(&first).unwrap()).unwrap();
    let second = place.report(&helm, &["--helm-version", "4.3.1", "--baseline", "main.json"]);
    assert_eq!(rules(&second), Vec::<&str>::new());
    assert_eq!(second["preview"]["in_baseline"].as_u64(), Some(first["findings"].as_array().unwrap().len() as u64));
    assert_eq!(second["summary"]["critical"], 0);
    for (name, text) in [("other.json", "{\"schema\": \"x\", \"findings\": []}"), ("none.json", "[]")] {
        fs::write(place.path().join(name), text).unwrap();
        let args = ["shop", "chart", "--releases", "releases.yaml", "--helm-version", "4.3.1", "--baseline", name];
        assert_eq!(place.run(&helm, &args).status.code(), Some(2), "{name}");
    }
}

#[test]
fn a_first_installation_is_uninstalled() {
    let place = Place::new();
    for helm in helms() {
        let args = ["blog", "chart", "--releases", "releases.yaml", "-n", "prod", "-o", "json"];
        let refused = place.run(&helm, &args);
        assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
        assert!(String::from_utf8_lossy(&refused.stderr).contains("--install"));
        let output = place.run(&helm, &[&args[..], &["--install"]].concat());
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["preview"]["comes_back"], "uninstalls");
        assert_eq!(report["predicted"]["deletes"][0], "ConfigMap/prod/settings");
        assert_eq!(output.status.code(), Some(0));
    }
}

#[test]
fn what_does_not_render_is_a_fault_of_usage() {
    let place = Place::new();
    fs::create_dir_all(place.path().join("broken/templates")).unwrap();
    fs::write(place.path().join("broken/Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 2.0.0\n").unwrap();
    fs::write(place.path().join("broken/templates/a.yaml"), "{{ fail \"no colour\" }}").unwrap();
    let base = ["--releases", "releases.yaml", "-n", "prod"];
    for helm in helms() {
        for (args, word) in [
            (&["shop", "broken"][..], "no colour"),
            (&["shop", "absent"], "absent"),
            (&["shop", "chart", "-f", "absent.yaml"], "absent.yaml"),
            (&["shop", "chart", "--reuse-values"], "--reuse-values"),
            (&["shop", "chart", "--server-render"], "--server-render"),
        ] {
            let output = place.run(&helm, &[args, &base].concat());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
            assert!(output.stdout.is_empty() && said.contains(word) && said.contains("help:"), "{args:?}: {said}");
        }
    }
}
