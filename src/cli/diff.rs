//! `diff`: how two records of a release differ.

use anyhow::Result;
use clap::Args;

use crate::exit::ExitStatus;
use crate::inspect::Of;
use crate::inspect::differences::{self, Differences, Part, TextOptions};
use crate::load::inspect::Session;

use super::around::Around;
use super::inspect::{InspectFormat, InspectOutput, LiveArgs, RecordsArgs, output, revision};

pub const EXAMPLES: &str = "\
Examples:
  helm rollback-safe diff shop 5
      from revision 5 to the newest: values, definitions, manifest, hooks and notes, secrets left out
  helm rollback-safe diff shop 7 5 --manifest --stat
      which objects of the manifest differ, and by how many lines
  helm rollback-safe diff shop 5 7 --values --exit-code
      exit status 1 if they differ, 0 if not, 4 if a part could not be read; other statuses are errors, as always";

#[derive(Args, Debug)]
pub struct DiffArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE")]
    pub release: String,
    /// Revision whose lines are marked with -
    #[arg(value_name = "A", allow_negative_numbers = true)]
    pub from: String,
    /// Revision whose lines are marked with + [default: the newest]
    #[arg(value_name = "B", allow_negative_numbers = true)]
    pub to: Option<String>,
    /// Compare the values that were given
    #[arg(long, help_heading = "Parts [default: all]")]
    pub values: bool,
    /// Compare the objects of the manifest
    #[arg(long, help_heading = "Parts [default: all]")]
    pub manifest: bool,
    /// Compare the hooks
    #[arg(long, help_heading = "Parts [default: all]")]
    pub hooks: bool,
    /// Compare definitions of custom resources: of the chart's crds/, which Helm never rolls back, and of the manifest
    #[arg(long, help_heading = "Parts [default: all]")]
    pub crds: bool,
    /// Compare the notes
    #[arg(long, help_heading = "Parts [default: all]")]
    pub notes: bool,
    /// Names and numbers of lines only
    #[arg(long)]
    pub stat: bool,
    /// End with 1 if they differ, 0 if not, 4 if nothing differs and a part could not be read
    #[arg(long)]
    pub exit_code: bool,
    /// Form: text, json or yaml; may be repeated, =FILE writes it there
    #[arg(short, long, value_name = "FORMAT[=FILE]", value_parser = output, action = clap::ArgAction::Append)]
    pub output: Vec<InspectOutput>,
    #[command(flatten)]
    pub records: RecordsArgs,
}

impl DiffArgs {
    fn parts(&self) -> Vec<Part> {
        let asked = |part: &Part| match part {
            Part::Values => self.values,
            Part::Manifest => self.manifest,
            Part::Hooks => self.hooks,
            Part::Crds => self.crds,
            Part::Notes => self.notes,
        };
        let parts: Vec<Part> = Part::ALL.into_iter().filter(asked).collect();
        if parts.is_empty() { Part::ALL.to_vec() } else { parts }
    }
}

pub fn run(args: &DiffArgs, around: &Around<'_>) -> Result<ExitStatus> {
    let differences = read(args, around)?;
    let color = args.output.iter().all(|output| output.file.is_some()) && around.console.color_stdout();
    around.write(&args.output, |format| match format {
        InspectFormat::Text => differences.text(TextOptions { color, stat: args.stat }),
        InspectFormat::Json => differences.json(),
        InspectFormat::Yaml => differences.yaml(),
    })?;
    Ok(if args.exit_code { status(&differences) } else { ExitStatus::Ok })
}

fn read(args: &DiffArgs, around: &Around<'_>) -> Result<Differences> {
    let from = revision(&args.from)?;
    let to = args.to.as_deref().map(revision).transpose()?;
    let options = around.options(&args.release, &args.records, LiveArgs::default())?;
    around.block_on(async {
        // One record, where it is compared with itself, is read twice: storages hand a record out once.
        let session = Session::open(&options, around.redactor, true).await?;
        let records = session.records(&options, around.redactor, &[Some(from), to]).await?;
        let of =
            Of { name: options.release.clone(), namespace: session.namespace().to_owned(), driver: session.driver().to_owned() };
        let [from, to] = records.as_slice() else { anyhow::bail!("two records were asked for, and {} read", records.len()) };
        Ok(differences::compare(of, from, to, &args.parts()))
    })
}

/// As of `diff(1)`: a difference that was found is one, whatever else could not be read.
fn status(differences: &Differences) -> ExitStatus {
    match (differences.same, differences.gaps.is_empty()) {
        (false, _) => ExitStatus::Blocked,
        (true, true) => ExitStatus::Ok,
        (true, false) => ExitStatus::Inconclusive,
    }
}
