//! What a framework's call does to the schema, in one form for all frameworks, with what reverts it.

/// One change at its line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    pub line: u32,
    pub change: Change,
    pub undo: Undo,
}

/// What the framework does to revert a change.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Undo {
    /// The opposite follows from the change alone.
    Auto,
    Changes(Vec<Change>),
    /// It raises an error.
    Never(String),
    /// It does nothing.
    Nothing,
}

/// Types, defaults and conditions are SQL of the dialect.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    CreateTable {
        table: String,
        columns: Vec<Column>,
        constraints: Vec<Constraint>,
        if_not_exists: bool,
    },
    DropTable {
        table: String,
        if_exists: bool,
        cascade: bool,
    },
    RenameTable {
        from: String,
        to: String,
    },
    AddColumn {
        table: String,
        column: Column,
        if_not_exists: bool,
    },
    DropColumn {
        table: String,
        column: String,
        if_exists: bool,
    },
    RenameColumn {
        table: String,
        from: String,
        to: String,
    },
    SetType {
        table: String,
        column: String,
        sql_type: String,
        using: Option<String>,
    },
    SetDefault {
        table: String,
        column: String,
        default: Option<String>,
    },
    SetNotNull {
        table: String,
        column: String,
        not_null: bool,
    },
    AddConstraint {
        table: String,
        constraint: Constraint,
    },
    DropConstraint {
        table: String,
        name: String,
        if_exists: bool,
    },
    DropPrimaryKey {
        table: String,
    },
    DropForeignKey {
        table: String,
        name: String,
    },
    CreateIndex {
        table: String,
        name: Option<String>,
        columns: Vec<String>,
        unique: bool,
        condition: Option<String>,
        if_not_exists: bool,
    },
    DropIndex {
        table: String,
        name: String,
        if_exists: bool,
    },
    RenameIndex {
        table: String,
        from: String,
        to: String,
    },
    Sql(String),
    /// Text with values that are put in at run time.
    Templated(String),
    Conditional(Vec<Item>),
    /// Several that belong together.
    Group(Vec<Item>),
    Opaque {
        head: String,
        why: String,
    },
    Harmless,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Column {
    pub name: String,
    pub sql_type: String,
    pub not_null: bool,
    pub default: Option<String>,
    pub identity: bool,
    pub primary_key: bool,
    pub unique: bool,
    /// Name of the constraint that `unique` makes, where the framework gives one.
    pub unique_name: Option<String>,
    pub references: Option<Reference>,
    pub reference_name: Option<String>,
    pub check: Option<String>,
    /// Expression, stored.
    pub generated: Option<(String, bool)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reference {
    pub table: String,
    pub columns: Vec<String>,
    pub on_delete: String,
    pub on_update: String,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Constraint {
    pub name: Option<String>,
    pub kind: ConstraintKind,
    pub not_valid: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum ConstraintKind {
    PrimaryKey(Vec<String>),
    Unique(Vec<String>),
    Check(String),
    ForeignKey(Vec<String>, Reference),
}

impl Reference {
    /// What a variant of an enumeration says: `ReferentialAction.Cascade` of EF Core, `ForeignKeyAction::SetNull` of sea-query. Empty
    /// for the database's own default.
    pub fn action(path: &str) -> String {
        match path.rsplit('.').next().unwrap_or("") {
            "Cascade" => "cascade",
            "SetNull" => "set null",
            "SetDefault" => "set default",
            "Restrict" => "restrict",
            _ => "",
        }
        .to_owned()
    }
}

impl Item {
    pub fn new(line: u32, change: Change) -> Item {
        Item { line, change, undo: Undo::Auto }
    }

    pub fn never(line: u32, change: Change, why: &str) -> Item {
        Item { line, change, undo: Undo::Never(why.to_owned()) }
    }

    pub fn with(line: u32, change: Change, undo: Vec<Change>) -> Item {
        Item { line, change, undo: Undo::Changes(undo) }
    }
}

/// What reverts the items, last one first; an error where the framework refuses.
pub(super) fn inverse(items: &[Item]) -> Result<Vec<Item>, String> {
    let mut out = Vec::new();
    for item in items.iter().rev() {
        let changes = match &item.undo {
            Undo::Auto => opposite(&item.change)?,
            Undo::Changes(changes) => changes.clone(),
            Undo::Never(why) => return Err(why.clone()),
            Undo::Nothing => Vec::new(),
        };
        out.extend(changes.into_iter().map(|change| Item::new(item.line, change)));
    }
    Ok(out)
}

fn opposite(change: &Change) -> Result<Vec<Change>, String> {
    Ok(vec![match change {
        Change::CreateTable { table, .. } => Change::DropTable { table: table.clone(), if_exists: false, cascade: false },
        Change::RenameTable { from, to } => Change::RenameTable { from: to.clone(), to: from.clone() },
        Change::AddColumn { table, column, .. } => {
            Change::DropColumn { table: table.clone(), column: column.name.clone(), if_exists: false }
        }
        Change::RenameColumn { table, from, to } => {
            Change::RenameColumn { table: table.clone(), from: to.clone(), to: from.clone() }
        }
        Change::SetNotNull { table, column, not_null } => {
            Change::SetNotNull { table: table.clone(), column: column.clone(), not_null: !not_null }
        }
        Change::AddConstraint { table, constraint } => match (&constraint.kind, &constraint.name) {
            (ConstraintKind::PrimaryKey(_), _) => Change::DropPrimaryKey { table: table.clone() },
            (_, Some(name)) => Change::DropConstraint { table: table.clone(), name: name.clone(), if_exists: false },
            (_, None) => Change::Opaque { head: "drop constraint".into(), why: "its name is made up by the database".into() },
        },
        Change::CreateIndex { table, name: Some(name), .. } => {
            Change::DropIndex { table: table.clone(), name: name.clone(), if_exists: false }
        }
        Change::RenameIndex { table, from, to } => {
            Change::RenameIndex { table: table.clone(), from: to.clone(), to: from.clone() }
        }
        Change::Conditional(items) => Change::Conditional(inverse(items)?),
        Change::Group(items) => Change::Group(inverse(items)?),
        Change::Harmless => Change::Harmless,
        Change::Opaque { head, .. } => Change::Opaque {
            head: head.clone(),
            why: "what is not understood is reverted in a way that is not known either".into(),
        },
        Change::DropTable { table, .. } => return Err(format!("the drop of table {table} does not say what it held")),
        Change::DropColumn { table, column, .. } => return Err(format!("the removal of {table}.{column} does not say its type")),
        Change::SetType { table, column, .. } => {
            return Err(format!("the change of {table}.{column} does not say what it was before"));
        }
        Change::SetDefault { table, column, .. } => {
            return Err(format!("the change of the default of {table}.{column} does not say what it was before"));
        }
        Change::Sql(_) | Change::Templated(_) => return Err("SQL text cannot be turned round".into()),
        _ => return Err("a removal does not say what it removes".into()),
    }])
}
