//! Frameworks whose migrations are programs or lists of operations, one file each, ordered by their names.
//!
//! Names: Rails `ActiveRecord::MigrationFilenameRegexp`; Ecto `Ecto.Migrator.extract_migration_info`; EF Core
//! `MigrationsIdGenerator`; Laravel `Migrator::getMigrationName`; Phinx `Util::MIGRATION_FILE_NAME_PATTERN`; Doctrine
//! `GlobFinder`; sea-orm-migration's naming; Knex `fs-migrations.js`; umzug `storage`; TypeORM `MigrationExecutor` (the number at the
//! end of the class name); pgroll `pkg/migrations`; Reshape `src/migrations`.

use super::reading::{Loaded, Reading, as_integer};
use super::survey::{Candidate, Strength, Survey};
use crate::migrations::framework::Framework;
use crate::migrations::history::Language;
use crate::migrations::order::{Order, leading_digits};

pub(super) fn find(survey: &Survey<'_>) -> Vec<Candidate> {
    survey.directories().flat_map(|(directory, names)| candidates(survey, directory, names)).collect()
}

/// By their names alone.
const NAMED: [Framework; 7] = [
    Framework::Rails,
    Framework::Ecto,
    Framework::EfCore,
    Framework::Laravel,
    Framework::Phinx,
    Framework::Doctrine,
    Framework::SeaOrm,
];

/// By a word in their text.
const WORDED: [(Framework, &[&str]); 6] = [
    (Framework::TypeOrm, &["MigrationInterface", "QueryRunner", "queryRunner"]),
    (Framework::Sequelize, &["queryInterface", "QueryInterface"]),
    (Framework::NodePgMigrate, &["pgm", "MigrationBuilder"]),
    (Framework::Knex, &["knex", "Knex"]),
    (Framework::Pgroll, &["operations"]),
    (Framework::Reshape, &["[[actions]]", "\"actions\"", "[[migration.actions]]"]),
];

fn candidates(survey: &Survey<'_>, directory: &str, names: &[&str]) -> Vec<Candidate> {
    let matching = |framework: Framework| names.iter().copied().filter(move |name| fits(framework, name)).collect::<Vec<_>>();
    let named = NAMED.into_iter().filter_map(|framework| {
        let found = matching(framework).len();
        (found > 0).then(|| Candidate::new(framework, Strength::Names, directory, found))
    });
    let mut all: Vec<Candidate> = named.collect();
    let worded = WORDED.iter().find_map(|(framework, words)| {
        let files = matching(*framework);
        let found = survey.sample(directory, &files, |text| words.iter().any(|word| text.contains(word)));
        found.then(|| Candidate::new(*framework, Strength::Marker, directory, files.len()))
    });
    all.extend(worded);
    all
}

/// `2020_01_02_030405`.
fn is_laravel(name: &str) -> bool {
    let form = b"dddd_dd_dd_dddddd_";
    name.len() > form.len()
        && name.bytes().zip(form).all(|(byte, form)| if *form == b'd' { byte.is_ascii_digit() } else { byte == *form })
}

fn is_number(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `m20200102_030405_name`.
fn is_sea_orm(name: &str) -> bool {
    let mut parts = name.strip_prefix('m').unwrap_or("").splitn(3, '_');
    let mut next = || parts.next().unwrap_or("");
    is_number(next(), 8) && is_number(next(), 6) && !next().is_empty()
}

fn fits(framework: Framework, name: &str) -> bool {
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    let digits = leading_digits(name);
    let then = |divider: &[char]| digits.is_some_and(|(_, rest)| rest.starts_with(divider));
    let script = matches!(Language::of(name), Some(Language::JavaScript | Language::TypeScript)) && !stem.ends_with(".d");
    match framework {
        Framework::Rails => extension == "rb" && then(&['_']),
        Framework::Ecto => extension == "exs" && then(&['_']),
        Framework::EfCore => {
            let is_id = digits.is_some_and(|(digits, _)| digits.len() == 14);
            extension == "cs" && is_id && then(&['_']) && !stem.ends_with(".Designer")
        }
        Framework::Laravel => extension == "php" && is_laravel(name),
        Framework::Phinx => extension == "php" && then(&['_']) && digits.is_some_and(|(digits, _)| digits.len() == 14),
        Framework::Doctrine => {
            extension == "php" && stem.strip_prefix("Version").is_some_and(|rest| is_number(rest, rest.len().max(1)))
        }
        Framework::SeaOrm => extension == "rs" && is_sea_orm(stem),
        Framework::TypeOrm | Framework::Sequelize | Framework::NodePgMigrate => script && then(&['-', '_', '.']),
        Framework::Knex => script && then(&['-', '_', '.']),
        Framework::Pgroll => matches!(Language::of(name), Some(Language::Yaml | Language::Json)) && then(&['_', '.']),
        Framework::Reshape => matches!(extension, "toml" | "json") && digits.is_some(),
        _ => false,
    }
}

pub(super) fn read(reading: &mut Reading<'_>) {
    let framework = reading.history.framework;
    let root = reading.history.root.clone();
    let names: Vec<&str> = reading.survey.names(&root).iter().copied().filter(|name| fits(framework, name)).collect();
    for name in names {
        let loaded = reading.load_name(name);
        let (version, title, order) = identity(framework, name, &loaded);
        let migration = loaded.migration(&version, &title);
        reading.add(order, migration);
    }
}

/// The stored version, a name, and the place.
fn identity(framework: Framework, file: &str, loaded: &Loaded) -> (String, String, Order) {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    let (digits, rest) = leading_digits(stem).unwrap_or(("", stem));
    let title = rest.trim_start_matches(['_', '-', '.']);
    match framework {
        Framework::Rails | Framework::Ecto | Framework::Phinx => (as_integer(digits), title.to_owned(), Order::numbers(digits)),
        Framework::TypeOrm => {
            let number = class_number(loaded.text()).unwrap_or(digits);
            (as_integer(number), title.to_owned(), Order::numbers(number))
        }
        Framework::Knex | Framework::Sequelize => (file.to_owned(), title.to_owned(), Order::text(file)),
        Framework::Doctrine => (stem.to_owned(), stem.to_owned(), Order::text(stem)),
        Framework::Laravel => (stem.to_owned(), stem.get(18..).unwrap_or(stem).to_owned(), Order::text(stem)),
        Framework::SeaOrm => (stem.to_owned(), stem.splitn(3, '_').last().unwrap_or(stem).to_owned(), Order::text(stem)),
        // Names of node-pg-migrate begin with a time, in seconds or milliseconds or as a date.
        Framework::NodePgMigrate => (stem.to_owned(), title.to_owned(), Order::numbers(digits).then(Order::text(stem))),
        _ => (stem.to_owned(), title.to_owned(), Order::text(stem)),
    }
}

/// The number at the end of the name of the class, 13 digits of milliseconds.
fn class_number(text: &str) -> Option<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let name = words.skip_while(|word| *word != "class").nth(1)?;
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    (digits == 13).then(|| &name[name.len() - digits..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_names_apart() {
        for (framework, name) in [
            (Framework::Rails, "20200101000000_a.rb"),
            (Framework::Ecto, "20200101000000_a.exs"),
            (Framework::EfCore, "20200101000000_A.cs"),
            (Framework::Laravel, "2020_01_01_000000_a.php"),
            (Framework::Phinx, "20200101000000_a.php"),
            (Framework::Doctrine, "Version20200101000000.php"),
            (Framework::SeaOrm, "m20200101_000001_a.rs"),
        ] {
            let found: Vec<Framework> = NAMED.into_iter().filter(|framework| fits(*framework, name)).collect();
            assert_eq!(found, [framework], "{name}");
        }
        assert!(!fits(Framework::EfCore, "20200101000000_A.Designer.cs"));
        assert!(!fits(Framework::Knex, "20200101000000_a.d.ts"));
        assert_eq!(class_number("export class AddX1600000000000 implements MigrationInterface"), Some("1600000000000"));
    }
}
