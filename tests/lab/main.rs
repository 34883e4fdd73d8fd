//! Compares forecasts with what really happens: real Helm binaries, a real control plane.
//!
//! For each case and each Helm: a namespace, the steps of the case, `helm-rollback-safe check -o json`, the real
//! `helm rollback` with the same flags, and both sides compared; or `preview` of an upgrade, and that upgrade with `--atomic`. `ROLLBACK_SAFE_LAB` names the directory of a lab that
//! `scripts/lab up --dir DIR` has started; without it nothing runs, and that is said.
//!
//! Arguments: parts of case ids, and `--verbose`. `LAB_JOBS` cases run at a time (8 unless set), `LAB_HELM` restricts the
//! Helm versions (`4.3.1`, `3`), `LAB_OBSERVE_ONLY` leaves the tool out.

mod api;
mod atomic;
mod case;
mod charts;
mod compare;
mod helm;
mod observe;
mod play;
mod restored;
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context, Result};

use case::Source;
use play::Lab;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let filters: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let verbose = arguments.iter().any(|argument| argument == "--verbose");
    match run(&filters, verbose) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(filters: &[&String], verbose: bool) -> Result<bool> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab");
    let mut sources = case::read_all(&directory.join("cases"))?;
    let pairs = charts::read(&directory.join("charts.yaml"), &sources)?;
    sources.extend(pairs);
    // Every case must at least read, lab or not.
    for source in &sources {
        source.case("lab-none")?;
    }
    sources.retain(|source| filters.is_empty() || filters.iter().any(|filter| source.id.contains(filter.as_str())));
    let runs = runs(&sources);
    let Some(lab_directory) = std::env::var_os("ROLLBACK_SAFE_LAB") else {
        println!("lab: ROLLBACK_SAFE_LAB is not set: {} cases read, none run (scripts/lab up)", sources.len());
        println!("0 passed, 0 failed, {} skipped", runs.len());
        return Ok(true);
    };
    let lab = open(Path::new(&lab_directory), verbose)?;
    Ok(run_all(&lab, &runs))
}

struct Run<'a> {
    source: &'a Source,
    helm: String,
}

fn runs(sources: &[Source]) -> Vec<Run<'_>> {
    let wanted = std::env::var("LAB_HELM").ok();
    let is_wanted = |helm: &str| wanted.as_ref().is_none_or(|wanted| case::fits(wanted, helm));
    let pair = |source| move |helm| Run { source, helm };
    sources
        .iter()
        .flat_map(|source: &Source| source.helms.iter().filter(|helm| is_wanted(helm)).cloned().map(pair(source)))
        .collect()
}

fn open(directory: &Path, verbose: bool) -> Result<Lab> {
    let text = std::fs::read_to_string(directory.join("env")).with_context(|| format!("no lab in {}", directory.display()))?;
    let variables = exported(&text);
    let variable =
        |name: &str| variables.get(name).cloned().with_context(|| format!("{name} is not in {}/env", directory.display()));
    let observe_only = std::env::var_os("LAB_OBSERVE_ONLY").is_some();
    let tool = std::env::var_os("ROLLBACK_SAFE_BIN")
        .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_helm-rollback-safe")), PathBuf::from);
    let scratch = std::env::temp_dir().join(format!("rollback-safe-cases-{}", std::process::id()));
    std::fs::create_dir_all(&scratch)?;
    Ok(Lab {
        api: api::Api::new(&variable("LAB_SERVER")?, &variable("LAB_TOKEN_admin")?, Path::new(&variable("LAB_CA")?))?,
        kubeconfig: variable("KUBECONFIG")?.into(),
        bin: variable("LAB_BIN")?.into(),
        tool: (!observe_only).then_some(tool),
        scratch,
        turns: play::Turns::default(),
        verbose,
    })
}

/// `export NAME='VALUE'` lines.
fn exported(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    text.lines().filter_map(pair).collect()
}

/// How one run ended, and what there is to say of it.
struct Ended {
    outcome: Outcome,
    lines: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
    Skipped,
}

fn run_all(lab: &Lab, runs: &[Run<'_>]) -> bool {
    let jobs = std::env::var("LAB_JOBS").ok().and_then(|text| text.parse().ok()).unwrap_or(8);
    let (next, printer) = (AtomicUsize::new(0), Mutex::new(()));
    let (counts, again) = (Mutex::new([0_usize; 3]), Mutex::new(Vec::new()));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let ended = run_one(lab, run, 1);
                    if ended.outcome == Outcome::Failed {
                        again.lock().expect("no thread panics while it holds this").push(run);
                    } else {
                        counts.lock().expect("no thread panics while it holds this")[ended.outcome as usize] += 1;
                    }
                    let _guard = printer.lock();
                    println!("{}", ended.lines.join("\n     "));
                }
            });
        }
    });
    let mut counts = counts.into_inner().expect("all threads have ended");
    for run in again.into_inner().expect("all threads have ended") {
        // A wrong forecast is wrong every time; a busy machine that missed a deadline is not. Alone, only the former fails.
        let ended = run_one(lab, run, 2);
        println!("again, alone: {}", ended.lines.join("\n     "));
        counts[ended.outcome as usize] += 1;
    }
    let _ = std::fs::remove_dir_all(&lab.scratch);
    let [passed, failed, skipped] = counts;
    println!("lab: {} runs in {:.0} s", runs.len(), start.elapsed().as_secs_f32());
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    failed == 0
}

fn run_one(lab: &Lab, run: &Run<'_>, attempt: u32) -> Ended {
    let title = format!("{:<40} {:<7}", run.source.id, run.helm);
    let skip = |why: String| Ended { outcome: Outcome::Skipped, lines: vec![format!("skip {title} {why}")] };
    if !lab.helm(&run.helm).exists() {
        return skip("no such Helm: scripts/lab build".to_owned());
    }
    if let Some(missing) = missing_chart(run.source) {
        return skip(format!("no chart {missing}: CHARTS must name a directory with copies"));
    }
    let turn = lab.turns.of(run.source.alone.as_deref());
    let _turn = turn.as_ref().map(|turn| turn.lock());
    let start = Instant::now();
    let namespace = namespace(&run.source.id, &run.helm, attempt);
    let result = run.source.case(&namespace).and_then(|case| play::play(lab, &case.for_helm(&run.helm), &run.helm, &namespace));
    let time = format!("{:5.1} s", start.elapsed().as_secs_f32());
    let (outcome, word, mut lines) = match result {
        Ok(faults) if faults.iter().all(|line| line.starts_with('#') || line.contains("| ")) => (Outcome::Passed, "ok  ", faults),
        Ok(faults) => (Outcome::Failed, "FAIL", faults),
        Err(error) => (Outcome::Failed, "FAIL", vec![format!("{error:#}")]),
    };
    lines.insert(0, format!("{word} {title} {time}"));
    Ended { outcome, lines }
}

fn missing_chart(source: &Source) -> Option<&String> {
    let directory = helm::charts_directory();
    source.charts.iter().find(|name| directory.as_ref().is_none_or(|directory| !directory.join(name).join("Chart.yaml").exists()))
}

/// Unique for each run against one lab: namespaces of earlier runs are still there.
fn namespace(id: &str, helm: &str, attempt: u32) -> String {
    let salt = (std::process::id() % 46_656) * 2 + attempt;
    let short: String = id.chars().take(40).collect();
    format!("{}-{}-{salt:x}", short.trim_end_matches('-'), helm.replace('.', ""))
}
