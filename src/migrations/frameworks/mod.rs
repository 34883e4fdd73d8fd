//! One reader for each way of keeping migrations.

mod atlas;
mod code;
mod deltas;
mod dialect;
mod flyway;
mod folders;
mod graph;
mod journal;
mod liquibase;
mod manifest;
mod pairs;
mod plain;
mod reading;
mod sections;
mod sqitch;
mod survey;
#[cfg(test)]
mod tests;

pub(super) use liquibase::formatted_sql;

use reading::Reading;
use survey::{Candidate, Strength, Survey, is_below};

use super::code::Kind as CodeKind;
use super::framework::Framework;
use super::history::{Anomaly, AnomalyKind, Gap, History, Language, Options};
use super::source::Tree;
use crate::sql::dialect::{DIALECTS, Dialect};

/// Recognises the history in a tree and reads it.
pub fn history(tree: &Tree, options: &Options) -> History {
    let survey = Survey::new(tree);
    let candidates = candidates(&survey);
    let Some(chosen) = choose(&candidates, options) else {
        return nothing(tree, options);
    };
    let mut reading = Reading::new(&survey, options, chosen.framework, &chosen.root);
    read(&mut reading);
    let mut history = reading.finish();
    history.dialect = options.dialect.or(history.dialect).or_else(|| dialect::detect(&survey, &history));
    if history.dialect.is_none() && !history.migrations.is_empty() {
        let why = "neither a configuration nor a directory nor the statements tell the dialect: name it";
        history.gaps.push(Gap { what: chosen.root.clone(), why: why.to_owned() });
    }
    others(&candidates, &chosen, &mut history);
    history
}

/// Who reads the programs of a framework.
pub fn code_kind(framework: Framework, language: Language) -> Option<CodeKind> {
    Some(match (framework, language) {
        (_, Language::Go) => CodeKind::Go,
        (_, Language::Rust) => CodeKind::Rust,
        (_, Language::Java) => CodeKind::Java,
        (_, Language::Fizz) => CodeKind::Fizz,
        (Framework::Rails, _) => CodeKind::Rails,
        (Framework::Django, _) => CodeKind::Django,
        (Framework::Alembic, _) => CodeKind::Alembic,
        (Framework::Laravel, _) => CodeKind::Laravel,
        (Framework::Phinx, _) => CodeKind::Phinx,
        (Framework::Doctrine, _) => CodeKind::Doctrine,
        (Framework::Knex, _) => CodeKind::Knex,
        (Framework::Sequelize, _) => CodeKind::Sequelize,
        (Framework::TypeOrm, _) => CodeKind::TypeOrm,
        (Framework::NodePgMigrate, _) => CodeKind::NodePgMigrate,
        (Framework::EfCore, _) => CodeKind::EfCore,
        (Framework::Ecto, _) => CodeKind::Ecto,
        (Framework::Pgroll, _) => CodeKind::Pgroll,
        (Framework::Reshape, _) => CodeKind::Reshape,
        _ => return None,
    })
}

fn candidates(survey: &Survey<'_>) -> Vec<Candidate> {
    let finders = [
        atlas::find,
        code::find,
        deltas::find,
        flyway::find,
        folders::find,
        graph::find,
        journal::find,
        liquibase::find,
        manifest::find,
        pairs::find,
        plain::find,
        sections::find,
        sqitch::find,
    ];
    let mut all: Vec<Candidate> = finders.iter().flat_map(|find| find(survey)).filter(|found| found.count > 0).collect();
    // Any framework's files look like plain ones.
    let named = all.iter().filter(|it| it.framework != Framework::Plain);
    let named: std::collections::BTreeSet<String> = named.map(|it| it.root.clone()).collect();
    let below = |root: &str| named.range(survey::join(root, "")..).next().is_some_and(|next| is_below(next, root));
    let overlaps = |it: &Candidate| survey::ancestors(&it.root).any(|root| named.contains(root)) || below(&it.root);
    all.retain(|it| it.framework != Framework::Plain || !overlaps(it));
    all.sort_by(|one, other| {
        let key = |it: &Candidate| (std::cmp::Reverse((it.strength, it.count)), it.root.clone(), it.framework);
        key(one).cmp(&key(other))
    });
    all
}

fn read(reading: &mut Reading<'_>) {
    match reading.history.framework {
        Framework::Atlas => atlas::read(reading),
        Framework::Synapse => deltas::read(reading),
        Framework::Flyway | Framework::Refinery => flyway::read(reading),
        Framework::Diesel | Framework::Prisma => folders::read(reading),
        Framework::Alembic | Framework::Django => graph::read(reading),
        Framework::Drizzle => journal::read(reading),
        Framework::Liquibase => liquibase::read(reading),
        Framework::Temporal => manifest::read(reading),
        Framework::GolangMigrate | Framework::Morph | Framework::Pop | Framework::Sqlx => pairs::read(reading),
        Framework::Plain => plain::read(reading),
        Framework::Goose | Framework::SqlMigrate | Framework::Dbmate => sections::read(reading),
        Framework::NodePgMigrate => sections::read(reading),
        Framework::Sqitch => sqitch::read(reading),
        _ => code::read(reading),
    }
}

/// The strongest candidate that fits what was asked for.
fn choose(candidates: &[Candidate], options: &Options) -> Option<Candidate> {
    let serves = |found: Option<Dialect>, wanted: Dialect| {
        found.is_none_or(|found| found == wanted || (found.is_mysql() && wanted.is_mysql()))
    };
    let of_dialect = |it: &&Candidate| options.dialect.is_none_or(|wanted| serves(it.dialect, wanted));
    let of_framework = |it: &&Candidate| options.framework.is_none_or(|wanted| it.framework == wanted);
    let fitting = candidates.iter().filter(of_dialect).find(of_framework).or_else(|| candidates.iter().find(of_framework));
    let best = fitting.or_else(|| candidates.iter().find(of_dialect)).or_else(|| candidates.first())?;
    // Of directories that hold the same for several databases, the first in the order of help texts.
    let rank = |it: &Candidate| it.dialect.and_then(|dialect| DIALECTS.iter().position(|other| *other == dialect));
    let alike = candidates.iter().filter(of_dialect).filter(|it| it.framework == best.framework && is_twin(it, best));
    let mut chosen = alike.min_by_key(|it| rank(it)).unwrap_or(best).clone();
    if let Some(wanted) = options.framework {
        chosen.framework = wanted;
    }
    Some(chosen)
}

/// The same history for another database: the paths differ in the parts that name databases only.
fn is_twin(one: &Candidate, other: &Candidate) -> bool {
    one.dialect.is_some() && other.dialect.is_some() && without_databases(&one.root) == without_databases(&other.root)
}

fn without_databases(root: &str) -> Vec<&str> {
    let parts: Vec<&str> = root.split('/').collect();
    let named = parts.iter().rposition(|part| survey::dialect_of(part).is_some());
    // `postgresql/v12` and `mysql/v8`: the database's own version goes with its name.
    let version = named.map(|named| named + 1).filter(|at| parts.get(*at).is_some_and(|part| is_version(part)));
    let is_left = |position: usize| Some(position) != named && Some(position) != version;
    parts.into_iter().enumerate().filter(|(position, _)| is_left(*position)).map(|(_, part)| part).collect()
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Names what else is in the tree, so that nobody takes this for all.
fn others(candidates: &[Candidate], chosen: &Candidate, history: &mut History) {
    for other in candidates.iter().filter(|other| other.strength > Strength::Guess) {
        let inside = is_below(&other.root, &chosen.root) || is_below(&chosen.root, &other.root);
        if other.framework == chosen.framework {
            if other.root != chosen.root && !(inside && other.framework == Framework::Plain) {
                let why = match other.dialect.filter(|_| is_twin(other, chosen)) {
                    Some(dialect) => format!("the migrations for {dialect} are not read here: name the dialect to read them"),
                    None => {
                        format!("another history of {}, with {} files, is not read here", other.framework.title(), other.count)
                    }
                };
                history.gaps.push(Gap { what: other.root.clone(), why });
            }
        } else if is_apart(other, chosen, inside) {
            let why =
                format!("{} files look like {}; read as {}", other.count, other.framework.title(), chosen.framework.title());
            let path = other.root.clone();
            history.anomalies.push(Anomaly { kind: AnomalyKind::OtherFramework, version: String::new(), path, why });
        }
    }
}

/// Whether another framework's candidate is about other files. Atlas also runs files that others' marks are in.
fn is_apart(other: &Candidate, chosen: &Candidate, inside: bool) -> bool {
    let beside = other.root == chosen.root && other.strength >= Strength::Names;
    chosen.framework != Framework::Atlas && (beside || !inside || other.strength >= chosen.strength)
}

fn nothing(tree: &Tree, options: &Options) -> History {
    let why = if tree.is_empty() { "there are no files" } else { "no file looks like a migration" };
    History {
        framework: options.framework.unwrap_or_default(),
        dialect: options.dialect,
        gaps: vec![Gap { what: String::new(), why: why.to_owned() }],
        ..History::default()
    }
}
