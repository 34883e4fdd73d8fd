//! The migration frameworks that are told apart.

use std::fmt;
use std::str::FromStr;

/// Who applies the migrations, and so decides on their order, their sections and what is remembered of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Framework {
    Alembic,
    Atlas,
    Dbmate,
    Diesel,
    Django,
    Doctrine,
    Drizzle,
    Ecto,
    EfCore,
    Flyway,
    GolangMigrate,
    Goose,
    Knex,
    Laravel,
    Liquibase,
    Morph,
    NodePgMigrate,
    Pgroll,
    Phinx,
    Pop,
    Prisma,
    Rails,
    Refinery,
    Reshape,
    SeaOrm,
    Sequelize,
    Sqitch,
    SqlMigrate,
    Sqlx,
    Synapse,
    Temporal,
    TypeOrm,
    /// SQL files in the order of their numbers, and nothing that tells who runs them.
    #[default]
    Plain,
}

/// Name in options and reports, and the name that `rules/tables/migration-tools.csv` and people use.
const NAMES: [(Framework, &str, &str); 33] = [
    (Framework::Alembic, "alembic", "Alembic"),
    (Framework::Atlas, "atlas", "Atlas"),
    (Framework::Dbmate, "dbmate", "dbmate"),
    (Framework::Diesel, "diesel", "diesel"),
    (Framework::Django, "django", "Django"),
    (Framework::Doctrine, "doctrine", "Doctrine"),
    (Framework::Drizzle, "drizzle", "Drizzle"),
    (Framework::Ecto, "ecto", "Ecto"),
    (Framework::EfCore, "ef-core", "EF Core"),
    (Framework::Flyway, "flyway", "Flyway"),
    (Framework::GolangMigrate, "golang-migrate", "golang-migrate"),
    (Framework::Goose, "goose", "goose"),
    (Framework::Knex, "knex", "Knex"),
    (Framework::Laravel, "laravel", "Laravel"),
    (Framework::Liquibase, "liquibase", "Liquibase"),
    (Framework::Morph, "morph", "morph"),
    (Framework::NodePgMigrate, "node-pg-migrate", "node-pg-migrate"),
    (Framework::Pgroll, "pgroll", "pgroll"),
    (Framework::Phinx, "phinx", "Phinx"),
    (Framework::Pop, "pop", "pop"),
    (Framework::Prisma, "prisma", "Prisma"),
    (Framework::Rails, "rails", "Rails"),
    (Framework::Refinery, "refinery", "refinery"),
    (Framework::Reshape, "reshape", "Reshape"),
    (Framework::SeaOrm, "sea-orm", "sea-orm"),
    (Framework::Sequelize, "sequelize", "Sequelize"),
    (Framework::Sqitch, "sqitch", "Sqitch"),
    (Framework::SqlMigrate, "sql-migrate", "sql-migrate"),
    (Framework::Sqlx, "sqlx", "sqlx"),
    (Framework::Synapse, "synapse", "Synapse"),
    (Framework::Temporal, "temporal", "Temporal"),
    (Framework::TypeOrm, "typeorm", "TypeORM"),
    (Framework::Plain, "plain", "plain SQL files"),
];

impl Framework {
    pub fn all() -> impl Iterator<Item = Framework> {
        NAMES.iter().map(|(framework, _, _)| *framework)
    }

    fn names(self) -> (&'static str, &'static str) {
        let row = NAMES.iter().find(|(framework, _, _)| *framework == self);
        row.map_or(("plain", "plain SQL files"), |(_, id, title)| (*id, *title))
    }

    /// As in options and reports.
    pub fn as_str(self) -> &'static str {
        self.names().0
    }

    /// As its makers write it.
    pub fn title(self) -> &'static str {
        self.names().1
    }

    /// Of a tool that a Job or a container was seen to run (the first column of `rules/tables/migration-tools.csv`); tools that
    /// wrap a framework are that framework.
    pub fn of_tool(tool: &str) -> Option<Self> {
        match tool {
            "Flask-Migrate" | "Airflow" | "Superset" => Some(Framework::Alembic),
            "Keto/Kratos/Hydra" => Some(Framework::Pop),
            "Harbor" => Some(Framework::GolangMigrate),
            _ => tool.parse().ok(),
        }
    }
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Framework {
    type Err = String;

    /// Either name, without regard to case, spaces and dashes.
    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |text: &str| text.to_ascii_lowercase().replace([' ', '-', '_', '.'], "");
        let wanted = plain(text);
        let found = NAMES.iter().find(|(_, id, title)| plain(id) == wanted || plain(title) == wanted);
        let known = || NAMES.iter().map(|(_, id, _)| *id).collect::<Vec<_>>().join(", ");
        found.map(|(framework, _, _)| *framework).ok_or_else(|| format!("unknown framework {text:?}: one of {}", known()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_framework_has_its_names() {
        for framework in Framework::all() {
            assert_eq!(framework.as_str().parse(), Ok(framework));
            assert_eq!(framework.title().parse(), Ok(framework));
        }
        assert_eq!(Framework::all().collect::<std::collections::BTreeSet<_>>().len(), NAMES.len());
    }

    #[test]
    fn tools_that_are_recognised_in_jobs_are_known_here() {
        let unknown = |tool: &&str| Framework::of_tool(tool).is_none();
        let tools = crate::table::records(include_str!("../../rules/tables/migration-tools.csv")).map(|row| row.field(0));
        let others: std::collections::BTreeSet<&str> = tools.filter(unknown).collect();
        assert_eq!(others.into_iter().collect::<Vec<_>>(), ["Vitess", "any"]);
    }
}
