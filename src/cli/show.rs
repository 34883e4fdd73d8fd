//! `show`: one part of one record, redacted.

use anyhow::Result;
use clap::Args;

use crate::exit::{Advice, ExitStatus};
use crate::inspect::Of;
use crate::inspect::show::{self, Part};
use crate::load::inspect::Session;
use crate::release::Revision;

use super::around::Around;
use super::inspect::{InspectFormat, InspectOutput, LiveArgs, RecordsArgs, output, revision};

pub const EXAMPLES: &str = "\
Examples:
  helm rollback-safe show shop
      what the newest revision is: chart, versions, when, how
  helm rollback-safe show shop 5 values
      values given to revision 5, secrets left out; all-values: with the chart's own below them
  helm rollback-safe show shop 5 hooks -o json";

#[derive(Args, Debug)]
pub struct ShowArgs {
    /// Name of the release
    #[arg(value_name = "RELEASE")]
    pub release: String,
    /// Revision [default: the newest], and metadata (default), values, all-values, manifest, hooks or notes
    #[arg(value_name = "REVISION|PART", num_args = 0..=2)]
    pub what: Vec<String>,
    /// Form: text (as helm get prints it), json or yaml; may be repeated, =FILE writes it there
    #[arg(short, long, value_name = "FORMAT[=FILE]", value_parser = output, action = clap::ArgAction::Append)]
    pub output: Vec<InspectOutput>,
    #[command(flatten)]
    pub records: RecordsArgs,
}

pub fn run(args: &ShowArgs, around: &Around<'_>) -> Result<ExitStatus> {
    let (wanted, part) = asked(&args.what)?;
    let options = around.options(&args.release, &args.records, LiveArgs::default())?;
    let (of, records) = around.block_on(async {
        let session = Session::open(&options, around.redactor, false).await?;
        let records = session.records(&options, around.redactor, &[wanted]).await?;
        let of =
            Of { name: options.release.clone(), namespace: session.namespace().to_owned(), driver: session.driver().to_owned() };
        Ok((of, records))
    })?;
    for record in &records {
        let shown = show::show(&of, record, part);
        around.write(&args.output, |format| match format {
            InspectFormat::Text => shown.text(),
            InspectFormat::Json => shown.json(),
            InspectFormat::Yaml => shown.yaml(),
        })?;
    }
    Ok(ExitStatus::Ok)
}

/// Revision and part in either order: a number is a revision.
fn asked(words: &[String]) -> Result<(Option<Revision>, Part)> {
    let (mut wanted, mut part) = (None, None);
    for word in words {
        match Part::ALL.into_iter().find(|part| part.as_str() == word) {
            Some(found) if part.is_none() => part = Some(found),
            None if wanted.is_none() && word.bytes().all(|b| b.is_ascii_digit() || b == b'-') => wanted = Some(revision(word)?),
            _ => {
                let parts = Part::ALL.map(Part::as_str).join(", ");
                return Err(Advice::usage(format!("{word:?} is no part of a record"))
                    .help(format!("one revision, and one of {parts}"))
                    .into());
            }
        }
    }
    Ok((wanted, part.unwrap_or(Part::Metadata)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn revision_and_part_in_either_order() {
        let asked = |line: &str| asked(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(asked("").unwrap(), (None, Part::Metadata));
        assert_eq!(asked("5").unwrap(), (Some(5), Part::Metadata));
        assert_eq!(asked("hooks").unwrap(), (None, Part::Hooks));
        assert_eq!(asked("5 all-values").unwrap(), asked("all-values 5").unwrap());
        for wrong in ["-1", "0", "5 6", "values hooks", "secrets", "99999999999"] {
            let error = asked(wrong).unwrap_err();
            assert_eq!(error.downcast_ref::<Advice>().unwrap().status, ExitStatus::Usage, "{wrong}");
        }
    }
}
