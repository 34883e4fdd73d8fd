//! The way back in order: which image must run the down scripts, and when.
//!
//! The scripts that undo a migration lie in the release that brought it: after `helm rollback` no pod has them any more.

use std::sync::LazyLock;

use super::framework::Framework;
use super::report::{DownVerdict, EffectReport, Report, RunStep, StartupVerdict, StepImage, When};
use crate::shell;
use crate::sql::effect::{Certainty, EffectKind};
use crate::table::{self, Record};

const TABLE: &str = include_str!("../../rules/tables/migrator-commands.csv");

/// How a framework goes back, prints what it would do, and is told to bear versions that it does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    pub framework: &'static str,
    /// With `{to}`, `{from}`, `{after}` (the oldest version that goes) and `{count}`; empty where there is none.
    pub down: &'static str,
    pub print_sql: &'static str,
    pub tolerate: &'static str,
    pub source: &'static str,
}

static COMMANDS: LazyLock<Vec<Commands>> = LazyLock::new(|| table::records(TABLE).map(|record| row(&record)).collect());

fn row(record: &Record) -> Commands {
    let [framework, down, print_sql, tolerate, source] = std::array::from_fn(|position| record.field(position));
    Commands { framework, down, print_sql, tolerate, source }
}

/// What the table says of a framework.
pub fn commands(framework: Framework) -> Option<&'static Commands> {
    COMMANDS.iter().find(|row| row.framework == framework.as_str())
}

/// The steps of the way back; empty where there is nothing to go back over.
pub fn steps(report: &Report, framework: Framework) -> Vec<RunStep> {
    let Some(range) = &report.range else { return Vec::new() };
    let fill = Fill::of(report);
    let book = Book { report, effects: &range.effects, commands: commands(framework), fill };
    let needs_down = book.breaks() || book.refuses();
    match (needs_down, range.down.verdict) {
        (false, _) => book.stay(),
        (true, DownVerdict::None | DownVerdict::Empty | DownVerdict::Unparseable) => book.without_down(),
        (true, _) => book.with_down(),
    }
}

struct Book<'a> {
    report: &'a Report,
    effects: &'a [EffectReport],
    commands: Option<&'static Commands>,
    fill: Fill,
}

impl Book<'_> {
    fn breaks(&self) -> bool {
        let breaking = |effect: &&EffectReport| matches!(effect.kind, EffectKind::ReadsBreak | EffectKind::WritesBreak);
        self.effects.iter().filter(breaking).any(|effect| effect.certainty >= Certainty::Likely)
    }

    fn loses(&self) -> Vec<&str> {
        let lost =
            self.effects.iter().filter(|effect| effect.kind == EffectKind::DataLoss && effect.certainty >= Certainty::Likely);
        let mut objects: Vec<&str> = lost.map(|effect| effect.object.as_str()).collect();
        objects.dedup();
        objects
    }

    fn refuses(&self) -> bool {
        self.report.startup.as_ref().is_some_and(|startup| startup.verdict == StartupVerdict::Refuses)
    }

    /// Old code works on the new schema: that is the better way, it loses nothing that new code wrote.
    fn stay(&self) -> Vec<RunStep> {
        let mut steps = Vec::new();
        if self.effects.iter().any(|effect| effect.kind == EffectKind::Opaque) {
            steps.push(before(
                StepImage::None,
                "Read the statements that were not understood: whether old code can live with them is open.",
            ));
        }
        steps.push(before(StepImage::None, "Leave the schema as it is and run no down scripts: old code reads and writes it, and they would lose what new code wrote."));
        steps.extend(self.bring_back());
        steps
    }

    fn with_down(&self) -> Vec<RunStep> {
        let mut steps = vec![before(StepImage::None, "Back the database up: the down scripts throw away what new code wrote.")];
        steps.push(before(
            StepImage::From,
            "Scale the application down: new code fails as soon as the schema it was written for is gone.",
        ));
        let command = self.commands.map(|row| self.fill.apply(row.down)).filter(|command| !command.is_empty());
        let how = command.map_or(String::new(), |command| format!(": {command}"));
        steps.push(before(
            StepImage::From,
            &format!(
                "Run the down scripts of {} from the image that is deployed now; the restored one does not have them{how}",
                self.fill.span()
            ),
        ));
        if let Some(range) = self.report.range.as_ref().filter(|range| range.down.verdict != DownVerdict::Exact) {
            steps.push(before(StepImage::None, &format!("Check what they leave: {}.", range.down.why.trim_end_matches('.'))));
        }
        steps.extend(self.bring_back());
        steps.push(after(StepImage::To, "Scale up and watch the first reads and writes."));
        steps
    }

    /// Why the down scripts do not lead back, as a part of a sentence.
    fn missing(&self) -> String {
        let why = self.report.range.as_ref().map(|range| range.down.why.trim_end_matches('.')).unwrap_or_default();
        let mut letters = why.chars();
        letters.next().map(|first| first.to_lowercase().collect::<String>() + letters.as_str()).unwrap_or_default()
    }

    fn without_down(&self) -> Vec<RunStep> {
        let mut steps = Vec::new();
        if self.breaks() {
            steps.push(before(StepImage::None, &format!("Do not roll back as it is: old code fails on this schema, and {}. Mend the present release and roll forward, or write the way back first and try it on a copy.", self.missing())));
        }
        if let Some(command) = self.commands.map(|row| self.fill.apply(row.print_sql)).filter(|command| !command.is_empty()) {
            steps.push(before(StepImage::From, &format!("To see the SQL that the framework itself would run: {command}")));
        }
        if self.refuses() {
            steps.push(self.refusal());
        }
        steps.extend(self.bring_back());
        steps
    }

    fn refusal(&self) -> RunStep {
        let tolerate = self.commands.map(|row| row.tolerate).filter(|option| !option.is_empty());
        match tolerate {
            Some(option) => before(
                StepImage::To,
                &format!(
                    "Let the old migrator bear versions that it does not know ({option}), or start the old code without it."
                ),
            ),
            None => before(StepImage::To, "Start the old code without its migrator: it refuses a history that it does not know."),
        }
    }

    fn bring_back(&self) -> Option<RunStep> {
        let lost = self.loses();
        let named: Vec<&str> = lost.iter().copied().take(5).collect();
        let more = if lost.len() > 5 { format!(" and {} more", lost.len() - 5) } else { String::new() };
        let step =
            format!("Bring the values of {}{more} back from a backup that is older than the migrations.", named.join(", "));
        (!lost.is_empty()).then(|| after(StepImage::None, &step))
    }
}

fn before(image: StepImage, step: &str) -> RunStep {
    RunStep { step: step.to_owned(), image, when: When::Before }
}

fn after(image: StepImage, step: &str) -> RunStep {
    RunStep { step: step.to_owned(), image, when: When::After }
}

/// What the placeholders of the table stand for.
struct Fill {
    from: String,
    to: String,
    after: String,
    count: usize,
}

impl Fill {
    fn of(report: &Report) -> Fill {
        let range = report.range.as_ref();
        let from = range.map(|range| range.from.clone()).unwrap_or_default();
        let to = range.map(|range| range.to.clone()).filter(|to| !to.is_empty()).unwrap_or_else(|| "0".to_owned());
        let after = report.migrations.iter().skip_while(|migration| migration.version != to).nth(1);
        let after = after.or(report.migrations.first()).map(|migration| migration.version.clone()).unwrap_or_default();
        Fill { from, to, after, count: range.map_or(0, |range| range.migrations) }
    }

    /// Versions come from file names: each is one word of the command, whatever is in it.
    fn apply(&self, command: &str) -> String {
        let filled = command.replace("{from}", &shell::word(&self.from)).replace("{to}", &shell::word(&self.to));
        filled.replace("{after}", &shell::word(&self.after)).replace("{count}", &self.count.to_string())
    }

    fn span(&self) -> String {
        if self.count == 1 { self.from.clone() } else { format!("{} migrations, {} first", self.count, self.from) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_names_a_framework_and_its_source() {
        table::check(TABLE);
        table::strict(TABLE, &["framework", "down", "print_sql", "tolerate", "source"]).expect("every row has its source");
        for row in COMMANDS.iter() {
            assert!(Framework::all().any(|framework| framework.as_str() == row.framework), "{}", row.framework);
            let words = format!("{}{}", row.down, row.print_sql);
            for placeholder in words.split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
                assert!(["from", "to", "after", "count"].contains(&placeholder), "{placeholder}");
            }
        }
    }
}
