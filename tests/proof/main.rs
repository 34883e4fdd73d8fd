//! Verdicts against what real databases do. Needs servers (`scripts/databases up`, then its environment) and, for histories,
//! `CORPORA`; what is not there is named and skipped. Words on the command line choose by name, `cases` all cases.

mod cases;
mod connections;
mod corpora;
mod kept;
mod results;
mod servers;

use std::path::PathBuf;

use cases::Outcome;
use kept::Kept;
use rollback_safe::prove::compare::Figures;
use rollback_safe::sql::dialect::Dialect;
use tokio::runtime::Runtime;

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut tally = Tally::default();
    let required = std::env::var_os("PROOF_REQUIRED").is_some();
    if !required && servers::server(Dialect::PostgreSql).is_err() && servers::server(Dialect::MariaDb).is_err() {
        println!("PROOF_POSTGRESQL and PROOF_MARIADB are not set: nothing proved");
        println!("0 passed, 0 failed, 1 skipped");
        return;
    }
    try_connections(required, &wanted, &mut tally);
    prove_cases(&runtime, &wanted, &mut tally);
    prove_corpora(&runtime, &wanted, &mut tally);
    servers::clean();
    println!("{} passed, {} failed, {} skipped", tally.passed, tally.failed, tally.skipped);
    std::process::exit(i32::from(tally.failed > 0));
}

fn is_wanted(wanted: &[String], name: &str) -> bool {
    wanted.is_empty() || wanted.iter().any(|word| name.contains(word.as_str()))
}

fn try_connections(required: bool, wanted: &[String], tally: &mut Tally) {
    for test in connections::all() {
        for dialect in test.dialects {
            let name = format!("connections/{} ({dialect})", test.name);
            if !is_wanted(wanted, &name) {
                continue;
            }
            match servers::server(*dialect) {
                Ok(_) if test.passes(*dialect) => tally.passed += 1,
                Err(why) if !required => {
                    tally.skipped += 1;
                    println!("{name}: skipped: {why}");
                }
                result => {
                    tally.failed += 1;
                    println!("{name}: failed{}", result.err().map(|why| format!(": {why}")).unwrap_or_default());
                }
            }
        }
    }
}

fn prove_cases(runtime: &Runtime, wanted: &[String], tally: &mut Tally) {
    let (mut figures, mut faults) = (Figures::default(), Vec::new());
    for (file, cases) in cases::files() {
        let all = wanted.iter().any(|word| word == "cases");
        for case in cases.iter().filter(|case| all || is_wanted(wanted, &format!("{file}/{}", case.id))) {
            for (dialect, outcome) in runtime.block_on(cases::prove(case, &mut figures)) {
                let name = format!("{file}/{} ({dialect})", case.id);
                tally.count(&name, outcome, &mut faults);
            }
        }
    }
    if figures.migrations > 0 {
        print!("{}", results::summary("cases", &figures));
        results::keep("cases", &figures, &faults);
    }
}

impl Tally {
    fn count(&mut self, name: &str, outcome: Outcome, faults: &mut Vec<String>) {
        match outcome {
            Outcome::Proved(found) if found.is_empty() => self.passed += 1,
            Outcome::Proved(found) => {
                self.failed += 1;
                for fault in found {
                    println!("{name}: {fault}");
                    faults.push(format!("expectation: {name}: {fault}"));
                }
            }
            Outcome::Skipped(why) => {
                self.skipped += 1;
                println!("{name}: skipped: {why}");
            }
        }
    }
}

fn prove_corpora(runtime: &Runtime, wanted: &[String], tally: &mut Tally) {
    let Some(root) = std::env::var_os("CORPORA").map(PathBuf::from) else {
        println!("CORPORA is not set: no public history proved");
        tally.skipped += 1;
        return;
    };
    let mut measured = Vec::new();
    for corpus in corpora::all().into_iter().filter(|corpus| is_wanted(wanted, &corpus.name)) {
        if !corpora::is_there(&root, &corpus) {
            println!("{}: skipped: not in CORPORA", corpus.name);
            tally.skipped += 1;
            continue;
        }
        match runtime.block_on(corpora::prove(&root, &corpus)) {
            Ok(one) => {
                print!("{}", results::summary(&corpus.name, &one.figures));
                results::keep(&corpus.name, &one.figures, &[]);
                tally.passed += 1;
                measured.push(Kept::new(&corpus.name, &one.framework, &one.figures));
                publish(runtime, &measured);
            }
            Err(why) => {
                println!("{}: {why}", corpus.name);
                tally.failed += 1;
            }
        }
    }
}

/// After each history, so that an interrupted run leaves what it measured.
fn publish(runtime: &Runtime, measured: &[Kept]) {
    measured.last().into_iter().for_each(kept::store);
    let Some(path) = std::env::var_os("PROOF_RESULTS") else { return };
    let versions = runtime.block_on(servers::versions());
    let shown = kept::all(&corpora::all(), measured);
    std::fs::write(path, results::markdown(&shown, &versions)).expect("PROOF_RESULTS can be written");
}
