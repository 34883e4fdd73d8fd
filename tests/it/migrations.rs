//! `migrations` as a user runs it: real directories in, every form out.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_helm-rollback-safe");

fn run(args: &[&str]) -> Output {
    Command::new(BINARY).arg("migrations").args(args).env("NO_COLOR", "1").output().expect("the binary starts")
}

fn json(args: &[&str]) -> Value {
    let output = run(&[args, &["-o", "json"]].concat());
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn text(args: &[&str]) -> String {
    String::from_utf8(run(args).stdout).expect("UTF-8")
}

/// A directory of these files.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (path, text) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }
    dir
}

fn at(dir: &tempfile::TempDir) -> &str {
    dir.path().to_str().expect("UTF-8")
}

const INIT: (&str, &str) = ("000001_init.up.sql", "CREATE TABLE users (id serial PRIMARY KEY, email text, name text);\n");

fn shop() -> tempfile::TempDir {
    tree(&[
        INIT,
        ("000001_init.down.sql", "DROP TABLE users;\n"),
        ("000002_drop.up.sql", "-- why\nALTER TABLE users DROP COLUMN name;\n"),
        ("000002_drop.down.sql", "ALTER TABLE users ADD COLUMN name text;\n"),
        ("000003_index.up.sql", "CREATE INDEX users_email ON users (email);\n"),
        ("000003_index.down.sql", "DROP INDEX users_email;\n"),
    ])
}

fn kinds(effects: &Value) -> Vec<String> {
    let effects = effects.as_array().expect("a list");
    effects.iter().map(|effect| format!("{} {}", effect["kind"].as_str().unwrap(), effect["object"].as_str().unwrap())).collect()
}

#[test]
fn a_dropped_column_is_said_in_every_part() {
    let dir = shop();
    let report = json(&[at(&dir)]);
    assert_eq!(report["framework"], "golang-migrate");
    assert_eq!(report["dialect"], "postgresql");
    let dropped = &report["migrations"][1];
    assert_eq!(kinds(&dropped["effects"]), ["data-loss users.name", "reads-break users.name", "writes-break users.name"]);
    assert_eq!((&dropped["effects"][0]["line"], &dropped["effects"][0]["certainty"]), (&Value::from(2), &Value::from("certain")));
    assert_eq!(dropped["down"]["verdict"], "lossy");
    assert_eq!(report["migrations"][2]["down"]["verdict"], "exact");
    assert_eq!(kinds(&report["range"]["effects"]).len(), 3);
    assert_eq!(report["startup"]["verdict"], "refuses");
    assert_eq!(report["oldest_supported_version"], "2");
    assert!(report["runbook"].as_array().is_some_and(|steps| !steps.is_empty()));
}

#[test]
fn every_report_matches_the_schema() {
    let schema = serde_json::from_str(include_str!("../../schema/migrations-v1.schema.json")).expect("the schema is JSON");
    let schema = jsonschema::validator_for(&schema).expect("the schema is a schema");
    let odd = tree(&[("V1__a.sql", "CREATE TABLE t (a int);"), ("V2__b.sql", "FROBNICATE t;"), ("V1__c.sql", "")]);
    for dir in [&shop(), &odd] {
        let report = json(&[at(dir)]);
        let errors: Vec<String> =
            schema.iter_errors(&report).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn the_same_directory_gives_the_same_bytes() {
    let dir = shop();
    for form in ["text", "json", "markdown", "sarif"] {
        assert_eq!(text(&[at(&dir), "-o", form]), text(&[at(&dir), "-o", form]), "{form}");
    }
}

#[test]
fn ends_may_be_named_and_the_gate_follows_them() {
    let dir = shop();
    let status = |args: &[&str]| run(&[&[at(&dir)], args].concat()).status.code();
    assert_eq!(json(&[at(&dir), "--to", "2"])["range"]["effects"], serde_json::json!([]));
    assert_eq!(json(&[at(&dir), "--to", "0"])["range"]["to"], "");
    assert_eq!(status(&["--fail-on", "loss"]), Some(1));
    assert_eq!(status(&["--fail-on", "loss", "--to", "2"]), Some(0));
    assert_eq!(status(&["--fail-on", "breaks"]), Some(1));
    assert_eq!(status(&[]), Some(0));
    assert_eq!(status(&["--to", "77"]), Some(2));
}

#[test]
fn what_was_not_understood_is_named_and_leaves_the_gate_open_to_nobody() {
    let dir = tree(&[INIT, ("000002_odd.up.sql", "SELECT 1;\n\nFROBNICATE users;\n")]);
    let report = json(&[at(&dir)]);
    assert_eq!((&report["statements"], &report["understood"]), (&Value::from(3), &Value::from(2)));
    let opaque = &report["migrations"][1]["effects"][0];
    assert_eq!((&opaque["kind"], &opaque["line"], &opaque["statement"]), (&"opaque".into(), &3.into(), &2.into()));
    assert_eq!(run(&[at(&dir), "--fail-on", "breaks"]).status.code(), Some(4));
}

#[test]
fn two_sides_may_be_two_directories_or_two_revisions() {
    let (new, old) = (shop(), tree(&[INIT]));
    let two = json(&[at(&new), "--old", at(&old)]);
    assert_eq!(kinds(&two["range"]["effects"]).len(), 3);
    let repository = tree(&[("db/000001_init.up.sql", INIT.1)]);
    let git = |args: &[&str]| {
        let who = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"];
        let status = Command::new("git").arg("-C").arg(at(&repository)).args(who).args(args).status().expect("git");
        assert!(status.success(), "{args:?}");
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "one"]);
    fs::write(repository.path().join("db/000002_drop.up.sql"), "DROP TABLE users;\n").expect("a file");
    git(&["add", "."]);
    git(&["commit", "--quiet", "-m", "two"]);
    let db = repository.path().join("db");
    let report = json(&[db.to_str().expect("UTF-8"), "--git", "HEAD~1..HEAD"]);
    assert!(kinds(&report["range"]["effects"]).contains(&"data-loss users".to_owned()), "{report:#}");
}

#[test]
fn nothing_to_read_is_an_error_that_helps() {
    for dir in [tree(&[("README.md", "x")]), tree(&[])] {
        let output = run(&[at(&dir)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.starts_with("error: ") && said.contains("help: "), "{said}");
    }
    assert_eq!(run(&["/nonexistent/migrations"]).status.code(), Some(3));
}

#[test]
fn names_in_files_cannot_write_our_reports() {
    let hostile = "CREATE TABLE \"x\u{1b}[2J|<b>`|\" (a int);";
    let dir = tree(&[("V1__a.sql", hostile), ("V2__b.sql", &hostile.replace("CREATE", "DROP").replace(" (a int)", ""))]);
    for form in ["text", "markdown", "sarif", "json"] {
        let said = text(&[at(&dir), "-o", form]);
        assert!(!said.contains('\u{1b}'), "{form}: {said}");
        // In a code span nothing is markup, so only what stands outside counts.
        let outside: String = said.split('`').step_by(2).collect();
        assert!(form != "markdown" || !outside.contains("<b>"), "{said}");
    }
    let sarif: Value = serde_json::from_str(&text(&[at(&dir), "-o", "sarif"])).expect("JSON");
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 1);
}

#[test]
fn junk_is_a_gap_and_the_rest_is_read() {
    let dir = shop();
    fs::write(dir.path().join("000004_junk.up.sql"), [0u8, 1, 2, 3, 0xff, 0xfe, 0]).expect("a file");
    fs::write(dir.path().join("000005_semicolons.up.sql"), ";".repeat(1 << 20)).expect("a file");
    let report = json(&[at(&dir)]);
    assert_eq!(report["migrations"].as_array().map(Vec::len), Some(5));
    assert!(report["understood"].as_u64() < report["statements"].as_u64(), "{report:#}");
    assert!(
        report["gaps"]
            .as_array()
            .is_some_and(|gaps| gaps.iter().any(|gap| gap["what"].as_str().is_some_and(|what| what.contains("000004"))))
    );
}

/// Persons' data stands in literals: no form may repeat it.
#[test]
fn literals_stay_in_their_files() {
    let dir = tree(&[
        INIT,
        (
            "000002_data.up.sql",
            "UPDATE users SET name = 'Ada Lovelace' WHERE email = 'ada@example.com';\nDELETE FROM users WHERE email LIKE 'bob%';\nBOGUS 'hunter2';\n",
        ),
    ]);
    for form in ["text", "markdown", "sarif", "json"] {
        let said = text(&[at(&dir), "-o", form]);
        for secret in ["Lovelace", "ada@example.com", "bob%", "hunter2"] {
            assert!(!said.contains(secret), "{form}: {secret}");
        }
    }
    assert!(Path::new(at(&dir)).exists());
}

#[test]
fn a_list_of_checksums_tells_edited_files() {
    let dir = tree(&[("V1__a.sql", "CREATE TABLE a (id int);\n"), ("V2__b.sql", "CREATE TABLE b (id int);\n")]);
    let list = tree(&[("list.csv", "version,script,checksum,success\n1,V1__a.sql,-623083431,t\n2,V2__b.sql,17,t\n")]);
    let list = format!("{}/list.csv", at(&list));
    let args = [at(&dir), "--applied", &list, "--to", "2"];
    let report = json(&args);
    assert_eq!((&report["applied"]["compared"], &report["applied"]["edited"]), (&2.into(), &serde_json::json!(["2"])));
    let page = text(&args);
    assert!(page.contains("2 compared; not what ran: 2") && page.contains("2 applied, 1 edited since"), "{page}");
    let marked = text(&[&args[..], &["-o", "markdown"]].concat());
    assert!(marked.contains("Checksums: 2 compared; not what ran: 2."), "{marked}");
}

#[test]
fn two_reports_do_not_go_to_one_place() {
    let dir = shop();
    for (outputs, place) in [(["text", "json"], "standard output"), (["json=x", "sarif=x"], "x")] {
        let output = run(&[at(&dir), "-o", outputs[0], "-o", outputs[1]]);
        let why = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{why}");
        assert!(why.contains(&format!("two reports would go to {place}")), "{why}");
    }
}

/// Files of fizz for both ways: the one that goes back is read like the other.
#[test]
fn fizz_is_read_both_ways() {
    let dir = tree(&[
        (
            "20240101000000_init.up.fizz",
            "create_table(\"users\") {\n\tt.Column(\"id\", \"uuid\", {primary: true})\n\tt.Column(\"name\", \"string\", {})\n}\n",
        ),
        ("20240101000000_init.down.fizz", "drop_table(\"users\")\n"),
        ("20240201000000_drop.up.fizz", "drop_column(\"users\", \"name\")\n"),
        ("20240201000000_drop.down.fizz", "add_column(\"users\", \"name\", \"string\", {\"default\": \"\"})\n"),
    ]);
    let report = json(&[at(&dir), "--dialect", "postgresql"]);
    assert_eq!(report["framework"], "pop");
    let last = &report["migrations"][1];
    assert_eq!(kinds(&last["effects"]), ["data-loss users.name", "reads-break users.name", "writes-break users.name"]);
    assert_eq!(last["down"]["verdict"], "differs", "a default that was not there: {}", last["down"]);
    assert_eq!(report["migrations"][0]["down"]["verdict"], "exact");
}

/// By the schema of the standard, which must be able to fail.
#[test]
fn sarif_is_valid() {
    let text = include_str!("../fixtures/formats/sarif-2.1.0.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(text).expect("JSON")).expect("a schema");
    let mut log: Value = serde_json::from_slice(&run(&[at(&shop()), "-o", "sarif"]).stdout).expect("JSON");
    let errors: Vec<String> = schema.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert!(!log["runs"][0]["results"].as_array().expect("a list").is_empty());
    log["runs"][0]["tool"] = serde_json::json!({});
    assert!(!schema.is_valid(&log));
}
