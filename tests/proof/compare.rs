//! Predicted against measured, a migration and a kind of effect at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use rollback_safe::prove::measure::Measured;
use rollback_safe::sql::effect::{Effect, EffectKind};
use rollback_safe::sql::statement::Statement;

/// The kinds that a database decides.
const KINDS: [EffectKind; 3] = [EffectKind::ReadsBreak, EffectKind::WritesBreak, EffectKind::DataLoss];

/// Right, false and missed verdicts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Count {
    right: usize,
    false_alarm: usize,
    missed: usize,
}

#[derive(Default)]
pub struct Figures {
    name: String,
    held: bool,
    framework: String,
    migrations: usize,
    refused: usize,
    code: usize,
    statements: usize,
    understood: usize,
    counts: BTreeMap<&'static str, Count>,
    downs: usize,
    downs_right: usize,
    millis: u128,
    disagreements: Vec<String>,
}

fn word(kind: EffectKind) -> &'static str {
    match kind {
        EffectKind::ReadsBreak => "reads-break",
        EffectKind::WritesBreak => "writes-break",
        _ => "data-loss",
    }
}

impl Figures {
    pub fn new(name: &str, held: bool, framework: &str) -> Self {
        Figures { name: name.to_owned(), held, framework: framework.to_owned(), ..Figures::default() }
    }

    pub fn code(&mut self, _version: &str) {
        self.code += 1;
    }

    pub fn statements(&mut self, statements: &[Statement]) {
        self.statements += statements.len();
        self.understood += statements.iter().filter(|statement| statement.is_understood()).count();
    }

    pub fn refused(&mut self, path: &str, why: &str) {
        self.refused += 1;
        self.disagreements.push(format!("{path}: the database refuses the up: {why}"));
    }

    pub fn compare(&mut self, path: &str, predicted: &[Effect], down: &str, measured: &Measured) {
        self.migrations += 1;
        self.millis += measured.millis;
        for kind in KINDS {
            let said: BTreeSet<String> = predicted
                .iter()
                .filter(|effect| effect.kind == kind)
                .map(|effect| {
                    format!(
                        "{effect_object} ({by:?}, {certainty:?})",
                        effect_object = effect.object,
                        by = effect.by,
                        certainty = effect.certainty
                    )
                })
                .collect();
            let seen = seen(kind, measured);
            let said: BTreeSet<String> = if kind == EffectKind::DataLoss { provable(said, &seen, measured) } else { said };
            let count = self.counts.entry(word(kind)).or_default();
            match (said.is_empty(), seen.is_empty()) {
                (false, false) => count.right += 1,
                (false, true) => count.false_alarm += 1,
                (true, false) => count.missed += 1,
                (true, true) => continue,
            }
            if said.is_empty() != seen.is_empty() {
                self.disagreements.push(format!("{path}: {}: predicted {said:?}, measured {seen:?}", word(kind)));
            }
        }
        self.downs(path, down, measured);
    }

    fn downs(&mut self, path: &str, said: &str, measured: &Measured) {
        let said = said.to_lowercase().replace('-', "");
        let seen = measured.down.as_str();
        let agrees = match seen {
            "fails" => said == "mayfail" || said == "unparseable",
            // New data that would make it fail is not there.
            "exact" => said == "exact" || said == "mayfail",
            "lossy" => said == "lossy" || said == "mayfail",
            other => said == other,
        };
        self.downs += 1;
        self.downs_right += usize::from(agrees);
        if !agrees {
            let seen: String = format!("{:?}", measured.down).chars().take(400).collect();
            self.disagreements.push(format!("{path}: down: predicted {said}, measured {seen}"));
        }
    }

    /// Writes the disagreements to a file of the directory that `PROOF_OUTPUT` names.
    pub fn write(&self) {
        let Some(directory) = std::env::var_os("PROOF_OUTPUT") else { return };
        let text = format!("{self}{}\n", self.disagreements.join("\n"));
        let _ = std::fs::create_dir_all(&directory);
        let _ = std::fs::write(Path::new(&directory).join(format!("{}.txt", self.name)), text);
    }
}

fn seen(kind: EffectKind, measured: &Measured) -> BTreeSet<String> {
    let broken = |list: &[rollback_safe::prove::old_code::Broken]| {
        list.iter().map(|broken| format!("{} {} [{}]", broken.what, broken.object, broken.refusal)).collect()
    };
    match kind {
        EffectKind::ReadsBreak => broken(&measured.old_code.reads),
        EffectKind::WritesBreak => broken(&measured.old_code.writes),
        _ => measured.gone.iter().filter(|gone| gone.to.is_none()).map(|gone| gone.object.clone()).collect(),
    }
}

/// Without losses in tables that took no row: nothing can be seen there.
fn provable(said: BTreeSet<String>, seen: &BTreeSet<String>, measured: &Measured) -> BTreeSet<String> {
    if !seen.is_empty() {
        return said;
    }
    let blind = |object: &String| {
        measured.empty.iter().any(|table| object.starts_with(&format!("{table} ")) || object.starts_with(&format!("{table}.")))
    };
    said.into_iter().filter(|object| !blind(object)).collect()
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = if self.held { " (held)" } else { "" };
        write!(
            f,
            "{}{held} {}: {} migrations, {} refused, {} code, ",
            self.name, self.framework, self.migrations, self.refused, self.code
        )?;
        writeln!(
            f,
            "{} of {} statements understood, {} ms each",
            self.understood,
            self.statements,
            self.millis / self.migrations.max(1) as u128
        )?;
        for (kind, count) in &self.counts {
            writeln!(f, "  {kind}: {} right, {} false, {} missed", count.right, count.false_alarm, count.missed)?;
        }
        writeln!(f, "  downs: {} of {} agree", self.downs_right, self.downs)
    }
}
