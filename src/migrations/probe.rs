//! Questions to a database that decide what the files leave open: each is one statement that answers with one truth value.

use super::order::Order;
use crate::sql::catalog::{Column, ColumnId, Guard, GuardKind, Relation, Step};
use crate::sql::dialect::Dialect;
use crate::sql::effect::EffectKind;
use crate::sql::expression::DataType;
use crate::sql::name::Name;

/// Questions that are asked at most.
const MOST: usize = 200;

/// Whether rows are there that the old schema could not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Table as effects name it.
    pub table: String,
    /// Column as effects name it; none where it is about whole rows.
    pub object: Option<String>,
    pub kind: EffectKind,
    /// Reads only, and stops at the first row found.
    pub sql: String,
    /// What it means if such rows are there, and if not.
    pub yes: String,
    pub no: String,
}

/// What can be asked about the tables that both ends of a step have.
pub fn questions(step: &Step) -> Vec<Question> {
    let dialect = step.after.dialect;
    let mut found = Vec::new();
    for (id, old) in step.before.relations.iter() {
        let Some(new) = step.after.relation(*id).filter(|new| new.is_table() && old.is_table() && !old.temporary) else {
            continue;
        };
        if std::ptr::eq(&**old, &**new) {
            continue;
        }
        let tables = Tables { step, old, new, dialect };
        tables.columns(&mut found);
        tables.guards(&mut found);
        if found.len() >= MOST {
            break;
        }
    }
    found.sort_by_key(|question| (Order::text(&question.table), question.sql.clone()));
    found.truncate(MOST);
    found
}

struct Tables<'a> {
    step: &'a Step,
    old: &'a Relation,
    new: &'a Relation,
    dialect: Dialect,
}

impl Tables<'_> {
    fn columns(&self, found: &mut Vec<Question>) {
        for old in &self.old.columns {
            let Some(new) = self.new.column_by_id(old.id) else { continue };
            let object = format!("{}.{}", self.old.name, old.name);
            let column = quote(self.dialect, new.name.as_str());
            if old.not_null && !new.not_null {
                let yes = format!("rows without a value in {object} are there now");
                let no = format!("no row was without a value in {object} when it was asked");
                found.push(self.exists(Some(object.clone()), &format!("{column} IS NULL"), yes, no));
            }
            if let Some(condition) = beyond(self.dialect, old, new, &column) {
                let yes = format!("values that the old type of {object} does not hold are there now");
                let no = format!("every value of {object} fitted its old type when it was asked");
                found.push(self.exists(Some(object), &condition, yes, no));
            }
        }
    }

    fn guards(&self, found: &mut Vec<Question>) {
        for guard in &self.old.guards {
            match &guard.kind {
                kind if kind.is_unique() => found.extend(self.duplicates(guard)),
                GuardKind::Foreign { table, referenced, .. } => found.extend(self.orphans(guard, *table, referenced)),
                _ => {}
            }
        }
    }

    fn duplicates(&self, guard: &Guard) -> Option<Question> {
        let whole = match &guard.kind {
            GuardKind::Unique { expressions, condition, .. } => expressions.is_empty() && condition.is_none(),
            _ => true,
        };
        let within = |kept: &&Guard| kept.kind.is_unique() && kept.columns.iter().all(|id| guard.columns.contains(id));
        let kept = self.new.guards.iter().any(|kept| within(&kept));
        let columns = names(self.new, &guard.columns, self.dialect).filter(|columns| whole && !kept && !columns.is_empty())?;
        let present: Vec<String> = columns.iter().map(|column| format!("{column} IS NOT NULL")).collect();
        let list = columns.join(", ");
        let rest = format!("{} GROUP BY {list} HAVING count(*) > 1", present.join(" AND "));
        let yes = format!("rows of {} with the same values are there now, which its old key forbids", self.old.name);
        let no = format!("no two rows of {} had the same values when it was asked", self.old.name);
        Some(self.exists(None, &rest, yes, no))
    }

    fn orphans(&self, guard: &Guard, parent: crate::sql::catalog::RelationId, referenced: &[ColumnId]) -> Option<Question> {
        let target = self.step.after.relation(parent)?;
        let same = |kept: &&Guard| {
            matches!(&kept.kind, GuardKind::Foreign { table, .. } if *table == parent) && kept.columns == guard.columns
        };
        if self.new.guards.iter().any(|kept| same(&kept)) {
            return None;
        }
        let key = target.primary_key().map(|key| key.columns.as_slice()).unwrap_or_default();
        let referenced = names(target, if referenced.is_empty() { key } else { referenced }, self.dialect)?;
        let columns = names(self.new, &guard.columns, self.dialect)?;
        if columns.is_empty() || columns.len() != referenced.len() {
            return None;
        }
        let own = table(self.dialect, &self.new.name);
        let present: Vec<String> = columns.iter().map(|column| format!("child.{column} IS NOT NULL")).collect();
        let pairs: Vec<String> =
            columns.iter().zip(&referenced).map(|(child, parent)| format!("parent.{parent} = child.{child}")).collect();
        let (parent, present, pairs) = (table(self.dialect, &target.name), present.join(" AND "), pairs.join(" AND "));
        let sql = format!(
            "SELECT CASE WHEN EXISTS (SELECT 1 FROM {own} child WHERE {present} AND NOT EXISTS (SELECT 1 FROM {parent} parent WHERE {pairs})) THEN 1 ELSE 0 END"
        );
        let yes = format!("rows of {} that refer to rows of {} which are not there exist now", self.old.name, target.name);
        let no = format!("every row of {} referred to a row of {} when it was asked", self.old.name, target.name);
        Some(Question { table: self.old.name.to_string(), object: None, kind: EffectKind::Widens, sql, yes, no })
    }

    fn exists(&self, object: Option<String>, condition: &str, yes: String, no: String) -> Question {
        let table = table(self.dialect, &self.new.name);
        let sql = format!("SELECT CASE WHEN EXISTS (SELECT 1 FROM {table} WHERE {condition}) THEN 1 ELSE 0 END");
        Question { table: self.old.name.to_string(), object, kind: EffectKind::Widens, sql, yes, no }
    }
}

/// Names of columns in quotes; none where one is gone.
fn names(relation: &Relation, columns: &[ColumnId], dialect: Dialect) -> Option<Vec<String>> {
    let name = |id: &ColumnId| relation.column_by_id(*id).map(|column| quote(dialect, column.name.as_str()));
    columns.iter().map(name).collect()
}

/// Values that the older type has no room for.
fn beyond(dialect: Dialect, old: &Column, new: &Column, column: &str) -> Option<String> {
    let (old, new) = (old.data_type.as_ref()?, new.data_type.as_ref()?);
    if old == new || dialect == Dialect::Sqlite || old.dimensions > 0 {
        return None;
    }
    let (was, is) = (old.name.to_string(), new.name.to_string());
    if let (Some(most), true) =
        (length(old), ["varchar", "char", "bpchar", "text", "mediumtext", "longtext"].contains(&is.as_str()))
    {
        let grows = length(new).is_none_or(|now| now > most);
        return grows.then(|| format!("char_length({column}) > {most}"));
    }
    let (low, high) = range(&was, old.unsigned)?;
    let (now_low, now_high) = range(&is, new.unsigned)?;
    (now_low < low || now_high > high).then(|| format!("{column} < {low} OR {column} > {high}"))
}

fn length(data_type: &DataType) -> Option<u32> {
    let text = ["varchar", "char", "bpchar"].contains(&data_type.name.to_string().as_str());
    data_type.arguments.first().filter(|_| text)?.parse().ok()
}

/// PostgreSQL manual "Numeric Types", MySQL manual "Integer Types".
fn range(name: &str, unsigned: bool) -> Option<(i128, i128)> {
    let bits = match name {
        "tinyint" => 8,
        "smallint" => 16,
        "mediumint" => 24,
        "int" | "integer" => 32,
        "bigint" => 64,
        _ => return None,
    };
    let all = 1i128 << bits;
    Some(if unsigned { (0, all - 1) } else { (-all / 2, all / 2 - 1) })
}

fn table(dialect: Dialect, name: &Name) -> String {
    let schema = name.schema.as_ref().map(|schema| format!("{}.", quote(dialect, schema.as_str())));
    format!("{}{}", schema.unwrap_or_default(), quote(dialect, name.name.as_str()))
}

/// A name in the dialect's quotes: no name from a file can end them.
pub fn quote(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::MySql | Dialect::MariaDb => format!("`{}`", name.replace('`', "``")),
        Dialect::MsSql => format!("[{}]", name.replace(']', "]]")),
        // Not in double quotes: SQLite reads those as a string where no such column exists.
        Dialect::Sqlite => format!("[{}]", name.replace(']', "")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::catalog::Replay;
    use crate::sql::read::read;
    use crate::sql::split::split;

    fn asked(dialect: Dialect, before: &str, after: &str) -> Vec<(Option<String>, String)> {
        let mut replay = Replay::new(dialect);
        let statements = |text: &str| split(text, dialect).iter().map(|raw| read(raw, dialect)).collect::<Vec<_>>();
        replay.apply(&statements(before));
        questions(&replay.apply(&statements(after))).into_iter().map(|question| (question.object, question.sql)).collect()
    }

    #[test]
    fn asks_for_what_the_old_schema_could_not_hold() {
        let before = "CREATE TABLE t (id int PRIMARY KEY, a varchar(10) NOT NULL, b int, UNIQUE (b));";
        let after = "ALTER TABLE t ALTER COLUMN a DROP NOT NULL, ALTER COLUMN a TYPE text, ALTER COLUMN b TYPE bigint; ALTER TABLE t DROP CONSTRAINT t_b_key;";
        let found = asked(Dialect::PostgreSql, before, after);
        let conditions: Vec<&str> =
            found.iter().filter_map(|(_, sql)| sql.split("WHERE ").nth(1)?.split(") THEN").next()).collect();
        let wanted = [
            "\"a\" IS NULL",
            "\"b\" < -2147483648 OR \"b\" > 2147483647",
            "\"b\" IS NOT NULL GROUP BY \"b\" HAVING count(*) > 1",
            "char_length(\"a\") > 10",
        ];
        assert_eq!(conditions, wanted);
    }

    #[test]
    fn names_cannot_leave_their_quotes() {
        assert_eq!(quote(Dialect::PostgreSql, "a\"; DROP"), "\"a\"\"; DROP\"");
        assert_eq!(quote(Dialect::MySql, "a`b"), "`a``b`");
        assert_eq!(quote(Dialect::Sqlite, "a]b"), "[ab]");
    }
}
