use super::super::tests::ops;
use super::super::{Alone, DownKind};
use super::*;

struct Map(Vec<(&'static str, String)>);

impl Files for Map {
    fn text(&self, path: &str) -> Option<String> {
        self.0.iter().find(|(name, _)| *name == path).map(|(_, text)| text.clone())
    }

    fn list(&self, _: &str) -> Vec<String> {
        self.0.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

fn log(inner: &str) -> String {
    format!("<databaseChangeLog xmlns=\"http://www.liquibase.org/xml/ns/dbchangelog\">\n{inner}\n</databaseChangeLog>")
}

fn sets(inner: &str, dialect: Dialect) -> Vec<ChangeSet> {
    read("log.xml", &Map(vec![("log.xml", log(inner))]), dialect)
}

/// Way up and way down of a changeset's changes.
fn ways(changes: &str, dialect: Dialect) -> (String, String, DownKind) {
    let found = sets(&format!("<changeSet id='1' author='a'>{changes}</changeSet>"), dialect);
    let migration = &found[0].migration;
    let down = migration.down.as_deref().map(ops).unwrap_or_default();
    (ops(&migration.up).join("; "), down.join("; "), migration.down_kind.clone())
}

/// Element, way up, way down where it has an inverse; in PostgreSQL.
const CHANGES: &[(&str, &str, Option<&str>)] = &[
    (
        "<createTable tableName='T'><column name='ID' type='bigint' autoIncrement='true'><constraints primaryKey='true' nullable='false'/></column><column name='n' type='varchar(255)' defaultValue='x'/></createTable>",
        "create t (id bigint!, n varchar=)",
        Some("drop t"),
    ),
    (
        "<addColumn tableName='t'><column name='c' type='int' valueNumeric='1'/></addColumn>",
        "add t.c; update t",
        Some("remove t.c"),
    ),
    ("<addDefaultValue tableName='t' columnName='c' defaultValue='x'/>", "alter t.c SetDefault", Some("alter t.c DropDefault")),
    (
        "<addForeignKeyConstraint baseTableName='t' baseColumnNames='c' constraintName='f' referencedTableName='u' referencedColumnNames='id'/>",
        "alter t AddConstraint",
        Some("alter t DropConstraint"),
    ),
    (
        "<addLookupTable existingTableName='t' existingColumnName='c' newTableName='l' newColumnName='v'/>",
        "create l (); alter l.v SetNotNull; alter l AddConstraint; alter t AddConstraint",
        Some("alter t DropConstraint; drop l"),
    ),
    (
        "<addNotNullConstraint tableName='t' columnName='c' defaultNullValue='x'/>",
        "update t; alter t.c SetNotNull",
        Some("alter t.c DropNotNull"),
    ),
    ("<addPrimaryKey tableName='t' columnNames='a, b'/>", "alter t AddConstraint", Some("alter t DropPrimaryKey")),
    (
        "<addUniqueConstraint tableName='t' columnNames='a' constraintName='u'/>",
        "alter t AddConstraint",
        Some("alter t DropConstraint"),
    ),
    ("<createIndex tableName='t' indexName='i'><column name='a'/></createIndex>", "index t", Some("drop index i")),
    ("<createSequence sequenceName='s'/>", "CreateSequence", Some("DropSequence")),
    ("<createView viewName='v'>SELECT 1 AS a</createView>", "CreateView", Some("DropView")),
    ("<dropNotNullConstraint tableName='t' columnName='c'/>", "alter t.c DropNotNull", Some("alter t.c SetNotNull")),
    ("<renameColumn tableName='t' oldColumnName='a' newColumnName='b'/>", "rename t.a b", Some("rename t.b a")),
    ("<renameSequence oldSequenceName='a' newSequenceName='b'/>", "rename a b", Some("rename b a")),
    ("<renameTable oldTableName='a' newTableName='b'/>", "rename a b", Some("rename b a")),
    ("<renameView oldViewName='a' newViewName='b'/>", "rename a b", Some("rename b a")),
    ("<tagDatabase tag='x'/>", "Harmless", Some("Harmless")),
    ("<empty/>", "Harmless", Some("Harmless")),
    ("<output>x</output>", "Harmless", Some("Harmless")),
    ("<sql>DROP TABLE a; DELETE FROM b</sql>", "drop a; delete b", None),
    ("<sqlFile path='gone.sql'/>", "opaque sqlFile", Some("opaque sqlFile")),
    ("<insert tableName='t'><column name='a' value='1'/></insert>", "Insert", None),
    ("<update tableName='t'><column name='a' value='1'/><where>b = 2</where></update>", "update t", None),
    ("<delete tableName='t'><where>a = 1</where></delete>", "delete t", None),
    ("<loadData tableName='t' file='x.csv'/>", "Insert", None),
    ("<loadUpdateData tableName='t' file='x.csv' primaryKey='id'/>", "opaque loadUpdateData t", None),
    ("<dropTable tableName='t'/>", "drop t", None),
    ("<dropColumn tableName='t'><column name='a'/><column name='b'/></dropColumn>", "remove t.a; remove t.b", None),
    ("<dropView viewName='v'/>", "DropView", None),
    ("<dropIndex tableName='t' indexName='i'/>", "drop index i", None),
    ("<dropSequence sequenceName='s'/>", "DropSequence", None),
    ("<dropProcedure procedureName='p'/>", "DropRoutine", None),
    ("<dropPrimaryKey tableName='t'/>", "alter t DropPrimaryKey", None),
    ("<dropForeignKeyConstraint baseTableName='t' constraintName='f'/>", "alter t DropConstraint", None),
    ("<dropAllForeignKeyConstraints baseTableName='t'/>", "opaque DROP all foreign keys", None),
    ("<dropUniqueConstraint tableName='t' constraintName='u'/>", "alter t DropConstraint", None),
    ("<dropDefaultValue tableName='t' columnName='c'/>", "alter t.c DropDefault", None),
    ("<modifyDataType tableName='t' columnName='c' newDataType='clob'/>", "alter t.c Type", None),
    (
        "<mergeColumns tableName='t' column1Name='a' column2Name='b' finalColumnName='c' finalColumnType='text'/>",
        "add t.c; update t; remove t.a; remove t.b",
        None,
    ),
    ("<alterSequence sequenceName='s' incrementBy='5'/>", "AlterSequence", None),
    ("<setTableRemarks tableName='t' remarks='x'/>", "Harmless", None),
    ("<setColumnRemarks tableName='t' columnName='c' remarks='x'/>", "Harmless", None),
    ("<executeCommand executable='x'/>", "opaque executeCommand", None),
    ("<customChange class='x.Y'/>", "opaque customChange", None),
    ("<stop/>", "Harmless", None),
    ("<never:heard tableName='t' xmlns:never='n'/>", "opaque heard", Some("opaque heard")),
];

#[test]
fn each_change_and_its_inverse() {
    for (changes, up, down) in CHANGES {
        let (found, found_down, kind) = ways(changes, Dialect::PostgreSql);
        assert_eq!(found, *up, "{changes}");
        match down {
            Some(down) => assert_eq!((found_down.as_str(), kind), (*down, DownKind::Inverse), "{changes}"),
            None => assert!(matches!(kind, DownKind::Irreversible(_)), "{changes}"),
        }
    }
}

#[test]
fn types_follow_the_database() {
    let cases = [
        ("blob", ["oid", "blob", "blob"]),
        ("BIGINT(20)", ["bigint", "bigint", "bigint"]),
        ("java.sql.Types.CLOB", ["text", "longtext", "text"]),
        ("datetime(6)", ["timestamp(6)", "datetime(6)", "text"]),
        ("NUMERIC(19, 2)", ["numeric(19, 2)", "numeric(19, 2)", "number(19, 2)"]),
        ("int unsigned", ["integer", "int unsigned", "integer"]),
        ("timestamp with time zone", ["timestamp with time zone", "timestamp with time zone", "text"]),
        ("citext", ["citext", "citext", "citext"]),
    ];
    for (written, expected) in cases {
        let found = [Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite].map(|dialect| types::sql_type(written, dialect).0);
        assert_eq!(found, expected, "{written}");
    }
}

#[test]
fn rollbacks_say_what_reverts() {
    let (_, down, kind) = ways("<dropTable tableName='t'/><rollback/>", Dialect::PostgreSql);
    assert_eq!((down.as_str(), kind), ("", DownKind::Empty));
    let text = "<dropTable tableName='t'/><rollback>CREATE TABLE t (a int);</rollback><rollback><createIndex tableName='t' indexName='i'><column name='a'/></createIndex></rollback>";
    let (_, down, kind) = ways(text, Dialect::PostgreSql);
    assert_eq!((down.as_str(), kind), ("create t (a integer); index t", DownKind::Written));
    let text = "<changeSet id='1' author='a'><createTable tableName='t'><column name='a' type='int'/></createTable></changeSet><changeSet id='2' author='a'><dropTable tableName='t'/><rollback changeSetId='1' changeSetAuthor='a'/></changeSet>";
    let found = sets(text, Dialect::PostgreSql);
    assert_eq!(found[1].migration.down.as_deref().map(ops).unwrap_or_default(), ["create t (a integer)"]);
}

#[test]
fn preconditions_ask_what_earlier_changesets_built() {
    let first = "<changeSet id='0' author='a'><createTable tableName='t'><column name='a' type='int'/></createTable></changeSet>";
    let drop = "<dropColumn tableName='t' columnName='a'/>";
    let cases = [
        ("<preConditions onFail='MARK_RAN'><columnExists tableName='t' columnName='a'/></preConditions>", "remove t.a"),
        ("<preConditions onFail='MARK_RAN'><not><tableExists tableName='t'/></not></preConditions>", ""),
        ("<preConditions onFail='MARK_RAN'><not><tableExists tableName='u'/></not></preConditions>", "remove t.a"),
        ("<preConditions onFail='MARK_RAN'><tableExists tableName='u'/></preConditions>", "maybe [remove t.a]"),
        ("<preConditions onFail='MARK_RAN'><dbms type='oracle'/></preConditions>", ""),
        (
            "<preConditions onFail='CONTINUE'><sqlCheck expectedResult='0'>SELECT 1</sqlCheck></preConditions>",
            "maybe [remove t.a]",
        ),
        ("<preConditions><sqlCheck expectedResult='0'>SELECT 1</sqlCheck></preConditions>", "remove t.a"),
    ];
    for (condition, expected) in cases {
        let found = sets(&format!("{first}<changeSet id='1' author='a'>{condition}{drop}</changeSet>"), Dialect::PostgreSql);
        assert_eq!(ops(&found[1].migration.up).join("; "), expected, "{condition}");
    }
}

#[test]
fn databases_and_contexts_choose() {
    let cases = [
        ("dbms='mysql'", false),
        ("dbms='!mysql'", true),
        ("dbms='oracle, postgresql'", true),
        ("dbms='h2'", false),
        ("context='mysql'", false),
        ("context='tenant_db and postgresql'", true),
        ("contextFilter='!postgresql'", false),
        ("context='prod or mysql'", true),
    ];
    for (attribute, runs) in cases {
        let found = sets(&format!("<changeSet id='1' author='a' {attribute}><empty/></changeSet>"), Dialect::PostgreSql);
        assert_eq!(!found[0].other_database, runs, "{attribute}");
    }
}

#[test]
fn yaml_and_json_are_the_same_changelog() {
    let yaml = "databaseChangeLog:\n  - property: {name: kind, value: text, dbms: postgresql}\n  - changeSet:\n      id: 1\n      author: a\n      preConditions:\n        - onFail: MARK_RAN\n        - not:\n            - tableExists:\n                tableName: t\n      changes:\n        - createTable:\n            tableName: t\n            columns:\n              - column: {name: a, type: \"${kind}\", constraints: {nullable: false}}\n        - sql: {sql: DROP TABLE b}\n      rollback:\n        - dropTable: {tableName: t}\n";
    let json = "{\"databaseChangeLog\": [{\"changeSet\": {\"id\": \"1\", \"author\": \"a\", \"changes\": [{\"createTable\": {\"tableName\": \"t\", \"columns\": [{\"column\": {\"name\": \"a\", \"type\": \"text\", \"constraints\": {\"nullable\": false}}}]}}, {\"sql\": {\"sql\": \"DROP TABLE b\"}}], \"rollback\": \"DROP TABLE t\"}}]}";
    for (name, text) in [("log.yaml", yaml), ("log.json", json)] {
        let found = read(name, &Map(vec![(name, text.to_owned())]), Dialect::PostgreSql);
        assert_eq!(ops(&found[0].migration.up).join("; "), "create t (a text!); drop b", "{name}");
        assert_eq!(found[0].migration.down.as_deref().map(ops).unwrap_or_default(), ["drop t"], "{name}");
    }
}

#[test]
fn inclusion_gives_the_order() {
    let one = |id: &str| log(&format!("<changeSet id='{id}' author='a'><empty/></changeSet>"));
    let files = Map(vec![
        (
            "db/log.xml",
            log(
                "<include file='classpath:app/db/parts/b.xml'/><includeAll path='parts' relativeToChangelogFile='true'/><include file='gone.xml'/><include file='x.xml' errorIfMissing='false'/>",
            ),
        ),
        ("db/parts/a.xml", one("a")),
        ("db/parts/b.xml", one("b")),
        ("db/parts/c.sql", "--liquibase formatted sql\n--changeset ann:c\nDROP TABLE t;\n--rollback empty\n".to_owned()),
        ("db/parts/d.xml", "<a><b></a>".to_owned()),
    ]);
    let found = read("db/log.xml", &files, Dialect::PostgreSql);
    let seen: Vec<_> = found.iter().map(|set| set.id.as_str()).collect();
    assert_eq!(seen, ["b", "a", "c", "databaseChangeLog", "include gone.xml"]);
    assert_eq!(ops(&found[2].migration.up), ["drop t"]);
    assert_eq!(found[2].migration.up[0].line, 3);
    assert!(!found[3].migration.up[0].is_understood());
}

#[test]
fn hostile_texts_end() {
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    let circle = "<property name='a' value='${a}${a}'/><changeSet id='${a}' author='x'><sql>${a} ${</sql></changeSet>";
    for text in [deep.as_str(), "<", "", &log(circle), "<!DOCTYPE a [<!ENTITY b '&b;'>]><a>&b;</a>"] {
        read("log.xml", &Map(vec![("log.xml", text.to_owned())]), Dialect::PostgreSql);
    }
    for text in ["a: [", &"[".repeat(100_000), "a: &x [*x]"] {
        read("log.yaml", &Map(vec![("log.yaml", text.to_owned())]), Dialect::PostgreSql);
    }
    assert!(read("log.xml", &Alone, Dialect::PostgreSql).is_empty());
}
