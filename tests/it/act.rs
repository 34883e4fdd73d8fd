//! The whole tool with a real Helm: refused, accepted, carried out, verified.
//!
//! Over Helm's memory storage wherever a Helm is built (`scripts/lab build`), and on the lab's API server, with Helm's
//! three drivers, where `ROLLBACK_SAFE_LAB` names a running lab. What is missing is skipped by name.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::pty::openpty;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::helms;
use crate::place::{Ended, Place, TOOL, on_lab};

#[test]
fn without_a_terminal_only_the_right_digest_runs_helm() {
    for helm in helms() {
        let place = Place::memory(helm);
        let refused = place.tool(&["shop", "2"]).expect(1, &["Not accepted", "--accept-critical", "Nothing was run"]);
        assert!(!refused.stderr.contains("helm: "), "Helm ran: {}", refused.stderr);
        let digest = refused.digest();
        place.tool(&["shop", "2", "--accept", &digest]).expect(1, &["needs --accept-critical"]);
        place.tool(&["shop", "2", "--accept", &digest[..30], "--accept-critical"]).expect(2, &["64 hex digits"]);
        let other = format!("sha256:{}", "0".repeat(64));
        place.tool(&["shop", "2", "--accept", &other, "--accept-critical"]).expect(6, &[&other, &digest, "nothing was run"]);
        place.tool(&["shop", "1", "--accept", &digest, "--accept-critical"]).expect(6, &["no longer matches"]);
    }
}

#[test]
fn an_accepted_rollback_in_memory_runs_and_is_not_verifiable() {
    for helm in helms() {
        let place = Place::memory(helm);
        let digest = place.tool(&["shop", "2"]).digest();
        let done = place.tool(&["shop", "2", "--accept", &digest, "--accept-critical"]);
        let done = done.expect(0, &["helm: Rollback was a success!", "not verifiable", "Nothing outlives it"]);
        assert!(!done.stdout.contains("Rollback was a success"), "stdout carries the report only");
        assert!(!done.stderr.to_lowercase().contains("verified"), "{}", done.stderr);
    }
}

#[test]
fn a_failing_helm_ends_with_5() {
    for helm in helms() {
        let mut place = Place::memory(helm);
        place.wrap(r#"case "$1" in rollback) echo "Error: no luck" >&2; exit 1 ;; *) exec "$HELM" "$@" ;; esac"#);
        let digest = place.tool(&["shop", "2"]).digest();
        place
            .tool(&["shop", "2", "--accept", &digest, "--accept-critical"])
            .expect(5, &["helm: Error: no luck", "exit status 1"]);
    }
}

/// Runs the tool on a pseudo terminal and types one line; what stood on the screen and how it ended.
pub fn on_a_terminal(place: &Place, args: &[&str], typed: &str) -> (String, Option<i32>) {
    let pty = openpty(None, None).unwrap();
    let (mut keyboard, screen) = (File::from(pty.master.try_clone().unwrap()), File::from(pty.master));
    let mut command = place.command(Path::new(TOOL), args);
    command.stdin(pty.slave.try_clone().unwrap()).stdout(Stdio::null()).stderr(pty.slave);
    let mut child = command.spawn().unwrap();
    drop(command);
    writeln!(keyboard, "{typed}").unwrap();
    let reader = std::thread::spawn(move || {
        let (mut screen, mut text, mut part) = (screen, String::new(), [0; 4096]);
        // The read fails once the last writer has closed its side.
        while let Ok(count @ 1..) = screen.read(&mut part) {
            text += &String::from_utf8_lossy(&part[..count]);
        }
        text
    });
    let code = child.wait().unwrap().code();
    (reader.join().unwrap(), code)
}

#[test]
pub fn on_a_terminal_the_release_name_must_be_typed() {
    for helm in helms() {
        let place = Place::memory(helm);
        let (screen, code) = on_a_terminal(&place, &["shop", "2"], "shop");
        assert!(screen.contains("Type the release name") && screen.contains("no later rollback repairs"), "{screen}");
        assert_eq!(code, Some(0), "{screen}");
        assert!(screen.contains("not verifiable"), "{screen}");
        let (screen, code) = on_a_terminal(&place, &["shop", "2"], "yes");
        assert_eq!(code, Some(1), "{screen}");
        assert!(screen.contains("not the release name") && !screen.contains("helm: "), "{screen}");
    }
}

fn roll_back_for_real(driver: &str) {
    for helm in helms() {
        let Some(place) = on_lab(helm, driver, driver) else { return };
        place.two_revisions();
        let refused = place.tool(&["shop", "1"]).expect(1, &["Not accepted"]);
        assert!(refused.stdout.contains("shop-uploads"), "{}", refused.stdout);
        assert_eq!(place.status_of(3), "none", "nothing ran");
        let digest = refused.digest();
        let done = place.tool(&["shop", "1", "--accept", &digest, "--accept-critical"]);
        done.expect(
            0,
            &["helm: Rollback was a success!", "Verified: shop is back at what revision 1 says. Revision 3 is deployed."],
        );
        assert_eq!((place.status_of(3), place.status_of(2)), ("deployed".to_owned(), "superseded".to_owned()));
        place.helm(&["uninstall", "shop"]);
    }
}

#[test]
fn a_rollback_with_secrets_is_verified() {
    roll_back_for_real("secrets");
}

#[test]
fn a_rollback_with_configmaps_is_verified() {
    roll_back_for_real("configmaps");
}

#[test]
fn a_rollback_with_postgresql_is_verified() {
    roll_back_for_real("sql");
}

#[test]
fn a_release_that_moved_after_acceptance_is_left_alone() {
    for helm in helms() {
        let Some(place) = on_lab(helm, "moved", "secrets") else { return };
        place.two_revisions();
        let digest = place.tool(&["shop", "1"]).digest();
        place.helm(&["upgrade", "shop", &Place::chart(), "--set", "image=registry.example/shop:2.1,uploads=true"]);
        let moved = place.tool(&["shop", "1", "--accept", &digest, "--accept-critical"]).expect(6, &["no longer matches"]);
        assert!(!moved.stderr.contains("helm: "), "{}", moved.stderr);
        assert_eq!(place.status_of(4), "none");
        place.helm(&["uninstall", "shop"]);
    }
}

#[test]
fn somebody_elses_record_in_between_is_named() {
    for helm in helms() {
        let Some(mut place) = on_lab(helm, "foreign", "secrets") else { return };
        place.two_revisions();
        // Another Helm gets in between our last look and our own start.
        let other = format!("\"$HELM\" upgrade shop {} --set image=registry.example/shop:9 >/dev/null 2>&1", Place::chart());
        place.wrap(&format!("case \"$1\" in rollback) {other} ;; esac\nexec \"$HELM\" \"$@\""));
        let digest = place.tool(&["shop", "1"]).digest();
        let ended = place.tool(&["shop", "1", "--accept", &digest, "--accept-critical"]);
        ended.expect(5, &["revision 3", "is not ours", "its number is 4, ours would be 3"]);
    }
}

#[test]
fn an_interrupted_rollback_ends_with_a_way_out_and_is_explained_next_time() {
    for helm in helms() {
        let Some(place) = on_lab(helm, "stuck", "secrets") else { return };
        let chart = hanging_chart(place.home.path());
        place.helm(&["install", "shop", &chart, "--create-namespace", "--no-hooks"]);
        place.helm(&["upgrade", "shop", &chart, "--set", "mode=new", "--no-hooks"]);
        let digest = place.tool(&["shop", "1"]).digest();
        let args = ["shop", "1", "--accept", &digest, "--accept-critical"];
        let stderr = place.home.path().join("stderr");
        let mut command = place.command(Path::new(TOOL), &args);
        let mut child = command.stdout(Stdio::null()).stderr(File::create(&stderr).unwrap()).spawn().unwrap();
        wait_until(|| place.status_of(3) == "pending-rollback");
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        wait_until(|| fs::read_to_string(&stderr).unwrap().contains("would leave revision 3 as pending-rollback"));
        kill(pid, Signal::SIGINT).unwrap();
        let code = child.wait().unwrap().code();
        let said = fs::read_to_string(&stderr).unwrap();
        let ended = Ended { code, stdout: String::new(), stderr: said };
        ended.expect(
            5,
            &["stuck in pending-rollback", "helm rollback-safe shop 1", "kubectl delete secret sh.helm.release.v1.shop.v3"],
        );
        let again = place.tool(&["check", "shop", "1"]);
        assert!(again.stderr.contains("a rollback to revision 1 that was interrupted"), "{}", again.stderr);
        assert!(again.stderr.contains("pre-rollback hook"), "{}", again.stderr);
    }
}

/// A ConfigMap, and a pre-rollback hook that never ends.
fn hanging_chart(dir: &Path) -> String {
    let chart = dir.join("hanging");
    fs::create_dir_all(chart.join("templates")).unwrap();
    fs::write(chart.join("Chart.yaml"), "apiVersion: v2\nname: shop\nversion: 1.0.0\n").unwrap();
    fs::write(chart.join("values.yaml"), "mode: old\n").unwrap();
    let settings = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {mode: '{{ .Values.mode }}'}\n";
    fs::write(chart.join("templates/settings.yaml"), settings).unwrap();
    let hook = r#"apiVersion: batch/v1
kind: Job
metadata: {name: stop, annotations: {helm.sh/hook: pre-rollback}}
spec:
  template:
    metadata: {annotations: {lab/hang: "true"}}
    spec: {restartPolicy: Never, containers: [{name: stop, image: registry.example/stop:1}]}
"#;
    fs::write(chart.join("templates/stop.yaml"), hook).unwrap();
    chart.to_str().unwrap().to_owned()
}

#[track_caller]
fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "it did not happen within a minute");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn the_kubectl_form_reaches_the_same_release() {
    for helm in helms() {
        let Some(mut place) = on_lab(helm, "kubectl", "secrets") else { return };
        place.two_revisions();
        let namespace = place.env.remove("HELM_NAMESPACE").unwrap();
        let link = place.home.path().join("kubectl-rollback_safe");
        std::os::unix::fs::symlink(TOOL, &link).unwrap();
        let run = |args: &[&str]| Ended::of(&place.command(&link, args).output().unwrap());
        let digest = run(&["shop", "1", "-n", &namespace]).expect(1, &["Not accepted"]).digest();
        run(&["-n", &namespace, "shop", "1", "--accept", &digest, "--accept-critical"]).expect(0, &["Verified: shop"]);
    }
}
