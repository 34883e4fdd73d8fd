//! What the files of migrations leave open: the history table, the rows, and the code of the old version.

use std::collections::BTreeSet;

use super::database::{self, Database};
use super::error::LoadError;
use super::{applied, old_code};
use crate::analyze::schema;
use crate::input::{Gap, Input};
use crate::migrations::applied::Applied;
use crate::migrations::evidence::{self, Evidence};
use crate::migrations::report::Report;
use crate::settings::SchemaEvidence;
use crate::sql::dialect::Dialect;

/// A source of history tables, still open for questions.
pub struct Opened {
    pub applied: Vec<Applied>,
    database: Option<Database>,
}

/// Reads the history tables that were named.
pub async fn open(options: &SchemaEvidence) -> Result<Opened, LoadError> {
    let mut applied = options.applied.iter().map(|path| applied::read(path)).collect::<Result<Vec<_>, _>>()?;
    let mut database = match &options.database {
        Some(source) => Some(database::open(source).await?),
        None => None,
    };
    if let Some(database) = &mut database {
        let found = database.histories().await.map_err(LoadError::Connection)?;
        if found.is_empty() {
            return Err(LoadError::Connection(
                "the database has no history table of a known framework that this user can see".to_owned(),
            ));
        }
        applied.extend(found);
    }
    Ok(Opened { applied, database })
}

impl Opened {
    /// What the database speaks, where one was named.
    pub fn dialect(&self) -> Option<Dialect> {
        self.database.as_ref().map(Database::dialect)
    }

    /// Asks the database what decides the findings of the reports, and searches old code for their names.
    pub async fn evidence(&mut self, options: &SchemaEvidence, reports: &[&Report]) -> Result<Evidence, LoadError> {
        let mut found = Evidence::default();
        if let (Some(database), true) = (&mut self.database, options.probe_data) {
            let questions: Vec<_> = reports.iter().flat_map(|report| report.questions.iter().cloned()).collect();
            found.answers = database.ask(&questions).await;
        }
        if let Some(dir) = &options.code {
            let names: BTreeSet<String> = reports.iter().flat_map(|report| evidence::names(report)).collect();
            found.code = Some(old_code::search(dir, &names)?);
        }
        Ok(found)
    }
}

/// Completes the input of a comparison.
pub async fn complete(input: &mut Input, options: &SchemaEvidence) -> Result<(), LoadError> {
    if *options == SchemaEvidence::default() {
        return Ok(());
    }
    let mut opened = open(options).await?;
    input.schema.applied = std::mem::take(&mut opened.applied);
    let (found, _) = schema::run(input);
    if found.is_empty() {
        let what = "the history of the database and the code of the old version";
        input.gaps.push(Gap::new(what, "neither revision carries migrations to compare them with; name them with --migrations"));
    }
    let reports: Vec<&Report> = found.iter().map(|found| &found.report).collect();
    input.schema.evidence = opened.evidence(options, &reports).await?;
    Ok(())
}
