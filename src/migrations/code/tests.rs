use super::*;
use crate::sql::statement::{Op, TableAction};

pub(super) fn ops(statements: &[Statement]) -> Vec<String> {
    fn name(op: &Op) -> String {
        match op {
            Op::CreateTable(table) => {
                let columns: Vec<String> = table
                    .columns
                    .iter()
                    .map(|column| {
                        let kind = column.data_type.as_ref().map_or(String::new(), |kind| kind.name.to_string());
                        let null = if column.not_null { "!" } else { "" };
                        let default = if column.default.is_some() { "=" } else { "" };
                        format!("{} {kind}{null}{default}", column.name)
                    })
                    .collect();
                format!("create {} ({})", table.name, columns.join(", "))
            }
            Op::DropTable { tables, .. } => format!("drop {}", tables[0]),
            Op::RenameTable { from, to, .. } => format!("rename {from} {to}"),
            Op::CreateIndex(index) => format!("index {}", index.table),
            Op::DropIndex { indexes, .. } => format!("drop index {}", indexes[0]),
            Op::AlterTable { table, action, .. } => match action {
                TableAction::AddColumn { column, .. } => format!("add {table}.{}", column.name),
                TableAction::DropColumn { column, .. } => format!("remove {table}.{column}"),
                TableAction::RenameColumn { from, to } => format!("rename {table}.{from} {to}"),
                TableAction::AlterColumn { column, change, .. } => {
                    let change = format!("{change:?}");
                    format!("alter {table}.{column} {}", change.split([' ', '(', '{']).next().unwrap_or(""))
                }
                other => format!("alter {table} {}", format!("{other:?}").split([' ', '(', '{']).next().unwrap_or("")),
            },
            Op::Block { body, .. } => format!("maybe [{}]", ops(body).join("; ")),
            Op::Opaque { head, .. } => format!("opaque {head}"),
            Op::Update(update) => format!("update {}", update.table),
            Op::Delete(delete) => format!("delete {}", delete.tables[0]),
            other => format!("{other:?}").split([' ', '(', '{']).next().unwrap_or("").to_owned(),
        }
    }
    statements.iter().flat_map(|statement| statement.ops.iter().map(name)).collect()
}

fn ways(kind: Kind, text: &str) -> (String, String, DownKind) {
    let read = read(kind, "shop/migrations/0001_x.py", text, Dialect::PostgreSql);
    (ops(&read.up).join("; "), read.down.as_deref().map(ops).unwrap_or_default().join("; "), read.down_kind)
}

#[test]
fn rails_change_is_reverted_from_its_end() {
    let text = "class A < ActiveRecord::Migration[7.0]\n def change\n  create_table :users, id: :uuid do |t|\n   t.string :name, null: false\n   t.references :team, foreign_key: true, null: false\n   t.timestamps\n  end\n  add_column :posts, :n, :integer, default: 3 # note\n  rename_column :posts, :a, :b\n end\nend\n";
    let (up, down, kind) = ways(Kind::Rails, text);
    assert_eq!(
        up,
        "create users (id uuid!=, name varchar!, team_id bigint!, created_at timestamp!, updated_at timestamp!); index users; add posts.n; rename posts.a b"
    );
    assert_eq!(down, "rename posts.b a; remove posts.n; drop users");
    assert_eq!(kind, DownKind::Inverse);
}

#[test]
fn rails_refuses_what_it_cannot_turn_round() {
    let text = "class A < ActiveRecord::Migration[6.1]\n def change\n  execute <<~SQL\n   DROP TABLE olds\n  SQL\n  User.where(a: 1).delete_all\n  if x\n   remove_column :users, :b\n  end\n end\nend\n";
    let (up, _, kind) = ways(Kind::Rails, text);
    assert_eq!(up, "drop olds; opaque User.where.delete_all; maybe [remove users.b]");
    assert!(matches!(kind, DownKind::Irreversible(_)));
}

#[test]
fn sql_in_calls_is_read_and_other_calls_are_named() {
    let text = "export class X1 implements MigrationInterface {\n public async up(q: QueryRunner): Promise<void> {\n  await q.query(`ALTER TABLE \"t\" DROP COLUMN \"c\"`);\n  await q.somethingElse();\n }\n public async down(q: QueryRunner): Promise<void> {}\n}\n";
    let (up, _, kind) = ways(Kind::TypeOrm, text);
    assert_eq!(up, "remove t.c; opaque q.somethingElse");
    assert_eq!(kind, DownKind::Empty);
}

#[test]
fn django_defaults_stay_in_the_program() {
    let text = "class Migration(migrations.Migration):\n    dependencies = [('auth', '0001_initial')]\n    operations = [\n        migrations.CreateModel(name='Item', fields=[('id', models.AutoField(primary_key=True)), ('owner', models.ForeignKey(to='auth.User', on_delete=models.CASCADE)), ('tags', models.ManyToManyField(to='shop.Item'))]),\n        migrations.AddField(model_name='item', name='n', field=models.IntegerField(default=3)),\n        migrations.AlterField('item', 'n', models.BigIntegerField(null=True)),\n        migrations.RenameField('item', 'owner', 'holder'),\n        migrations.RunPython(fill, migrations.RunPython.noop),\n    ]\n";
    let (up, down, kind) = ways(Kind::Django, text);
    assert_eq!(
        up,
        "create shop_item (id int!, owner_id bigint!); index shop_item; create shop_item_tags (id bigint!, from_item_id int!, to_item_id int!); index shop_item_tags; index shop_item_tags; add shop_item.n; alter shop_item.n DropDefault; alter shop_item.n Type; alter shop_item.n DropNotNull; rename shop_item.owner_id holder_id; opaque RunPython fill"
            .replace(" int!", " integer!")
    );
    assert!(
        down.starts_with(
            "rename shop_item.holder_id owner_id; alter shop_item.n Type; update shop_item; alter shop_item.n SetNotNull"
        ),
        "{down}"
    );
    assert_eq!(kind, DownKind::Inverse);
}

#[test]
fn alembic_calls_and_batches() {
    let text = "revision = 'b'\ndown_revision = ('a', 'c')\ndef upgrade():\n    op.create_table('t', sa.Column('id', sa.Integer(), nullable=False), sa.Column('s', sa.String(length=10), server_default='x'), sa.PrimaryKeyConstraint('id'))\n    with op.batch_alter_table('u', schema=None) as batch_op:\n        batch_op.add_column(sa.Column('n', sa.Integer(), nullable=False))\n        batch_op.alter_column('m', existing_type=sa.Text(), nullable=False)\n    op.drop_column('u', 'gone')\n    op.execute('DROP TABLE old')\n\ndef downgrade():\n    raise NotImplementedError()\n";
    let (up, _, kind) = ways(Kind::Alembic, text);
    assert_eq!(up, "create t (id integer!, s varchar=); add u.n; alter u.m SetNotNull; remove u.gone; drop old");
    assert!(matches!(kind, DownKind::Irreversible(_)));
    let header = header(Kind::Alembic, "x.py", text);
    assert_eq!((header.id.as_deref(), header.parents.join(" ").as_str()), (Some("b"), "a c"));
}

#[test]
fn laravel_blueprints() {
    let text = r#"<?php
return new class extends Migration {
    public function up(): void {
        Schema::create('posts', function (Blueprint $table) {
            $table->id();
            $table->string('title', 100)->nullable();
            $table->foreignId('user_id')->constrained()->cascadeOnDelete();
            $table->timestamps();
        });
        Schema::table('users', function (Blueprint $table) {
            $table->integer('age')->default(3);
            $table->text('bio')->nullable()->change();
            $table->dropColumn(['a', 'b']);
        });
        DB::statement('DROP TABLE old');
        DB::table('users')->where('x', 1)->delete();
        User::query()->update(['a' => 1]);
    }
    public function down(): void { Schema::dropIfExists('posts'); }
};
"#;
    let (up, down, kind) = ways(Kind::Laravel, text);
    assert_eq!(
        up,
        "create posts (id bigint!, title varchar, user_id bigint!, created_at timestamp, updated_at timestamp); alter posts AddConstraint; add users.age; alter users.bio Type; alter users.bio DropNotNull; remove users.a; remove users.b; drop old; delete users; opaque User.query.update"
    );
    assert_eq!((down.as_str(), kind), ("drop posts", DownKind::Written));
}

#[test]
fn knex_builders() {
    let text = "exports.up = async function (knex) {\n  await knex.schema.createTable('t', (table) => {\n    table.increments();\n    table.string('s', 10).notNullable().defaultTo('x');\n  });\n  await knex.schema.alterTable('u', (table) => {\n    table.dropColumn('a');\n    table.setNullable('b');\n  });\n  await knex.raw('DROP TABLE old');\n  await knex('u').update({ a: 1 });\n};\nexports.down = function () {};\n";
    let (up, _, kind) = ways(Kind::Knex, text);
    assert_eq!(up, "create t (id integer, s varchar!=); remove u.a; alter u.b DropNotNull; drop old; opaque knex.update");
    assert_eq!(kind, DownKind::Empty);
}

#[test]
fn pgroll_leaves_what_completion_leaves() {
    let create = "operations:\n  - create_table:\n      name: t\n      columns:\n        - {name: id, type: serial, pk: true}\n        - name: n\n          type: text\n          nullable: true\n          check: {name: c, constraint: length(n) > 1}\n";
    let cases = [
        (create, "create t (id integer!, n text)"),
        (
            "operations:\n  - drop_column: {table: t, column: c, down: x}\n  - rename_table: {from: t, to: u}\n",
            "remove t.c; rename t u",
        ),
        ("{\"operations\": [{\"sql\": {\"up\": \"DROP TABLE a\", \"down\": \"x\"}}]}", "drop a"),
        (
            "operations:\n  - alter_column: {table: t, column: c, type: text, nullable: false, up: x, down: y}\n",
            "alter t.c Type; alter t.c SetNotNull",
        ),
        ("operations:\n  - create_index: {name: i, table: t, columns: [a, b]}\n", "index t"),
        ("operations:\n  - add_column: {table: t, column: {name: c, type: int}, up: x}\n", "add t.c"),
        ("operations:\n  - new_thing: {table: t}\n", "opaque new_thing"),
        ("name: x\n", "opaque operations"),
        ("a: [", "opaque operations"),
    ];
    for (text, expected) in cases {
        let (up, _, kind) = ways(Kind::Pgroll, text);
        assert_eq!(up, expected, "{text}");
        assert!(matches!(kind, DownKind::Irreversible(_)));
    }
}

#[test]
fn reshape_is_named_and_never_empty() {
    let cases = [
        (
            "[[actions]]\ntype = \"create_table\"\nname = \"t\"\n\n[[actions.columns]]\nname = \"a\"\ntype = \"TEXT\"\n",
            "opaque create_table",
        ),
        ("{\"actions\": [\n{\n\"type\": \"custom\",\n\"start\": \"x\"}]}", "opaque custom"),
        ("", "opaque actions"),
    ];
    for (text, expected) in cases {
        assert_eq!(ways(Kind::Reshape, text).0, expected, "{text}");
    }
}

#[test]
fn programs_keep_calls_whose_text_is_not_there() {
    let cases = [
        (
            Kind::Go,
            "func up(tx *sql.Tx) error {\n _, err := tx.Exec(\"DROP TABLE a\")\n tx.Exec(statement)\n tx.Query(build(x))\n db.Migrator().DropColumn(&User{}, 1)\n log.Println(x)\n}",
            "drop a; opaque Exec; opaque Query; opaque DropColumn",
        ),
        (
            Kind::Rust,
            "async fn up(&self, m: &SchemaManager) { m.drop_table(Table::drop().table(A::T).to_owned()).await?; db.execute_unprepared(\"DROP TABLE b\").await }",
            "opaque m.drop_table; drop b",
        ),
        (
            Kind::Java,
            "public void migrate(Context c) { s.execute(\"DROP TABLE a\"); c.prepareStatement(text).execute(); }",
            "drop a; opaque prepareStatement; opaque execute",
        ),
        (Kind::Go, "func up() { fmt.Println(1) }", "opaque code"),
    ];
    for (kind, text, expected) in cases {
        assert_eq!(ways(kind, text).0, expected, "{text}");
    }
}

#[test]
fn headers_of_python_modules() {
    let of = |kind, text| header(kind, "shop/migrations/0001_x.py", text);
    let alembic = of(
        Kind::Alembic,
        "\"\"\"x\nRevises: a\n\"\"\"\nrevision: str = 'b'\ndown_revision: Union[str, None] = \"a\"  # 'no'\ndepends_on = None\n",
    );
    assert_eq!((alembic.id.as_deref(), alembic.parents.join(" ").as_str()), (Some("b"), "a"));
    assert_eq!(of(Kind::Alembic, "revision = 'm'\ndown_revision = (\n  'a',\n  'b',\n)\n").parents, ["a", "b"]);
    assert_eq!(of(Kind::Alembic, "revision = 'r'\ndown_revision = None\nx = 'y'").parents, [""; 0]);
    let text = "class Migration(migrations.Migration):\n    replaces = [('app', '0001_a'), ('app', '0002_b')]\n\n    dependencies = [\n        # ('no', 'no'),\n        migrations.swappable_dependency(settings.AUTH_USER_MODEL),\n        (\"auth\", \"0001_initial\"),\n    ]\n";
    let django = of(Kind::Django, text);
    assert_eq!(django.replaces, ["app.0001_a", "app.0002_b"]);
    assert_eq!(django.dependencies, ["auth.0001_initial"]);
    assert_eq!(of(Kind::Django, "dependencies = [('a'").dependencies, [""; 0]);
}

#[test]
fn ef_core_builders() {
    let text = r#"public partial class AddThings : Migration
{
    protected override void Up(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.CreateTable(
            name: "Things",
            columns: table => new
            {
                Id = table.Column<int>(type: "integer", nullable: false)
                    .Annotation("Npgsql:ValueGenerationStrategy", NpgsqlValueGenerationStrategy.IdentityByDefaultColumn),
                Name = table.Column<string>(type: "text", nullable: true),
                OwnerId = table.Column<int>(nullable: false)
            },
            constraints: table =>
            {
                table.PrimaryKey("PK_Things", x => x.Id);
                table.ForeignKey(name: "FK_Owner", column: x => x.OwnerId, principalTable: "Owners", principalColumn: "Id", onDelete: ReferentialAction.Cascade);
            });
        migrationBuilder.AddColumn<string>(name: "Note", table: "Owners", type: "text", nullable: false, defaultValue: "");
        migrationBuilder.AlterColumn<long>(name: "N", table: "Owners", type: "bigint", nullable: false, defaultValue: 0L, oldClrType: typeof(int), oldType: "integer", oldNullable: true);
        migrationBuilder.RenameColumn(name: "A", table: "Owners", newName: "B");
        migrationBuilder.CreateIndex(name: "IX_A", table: "Things", columns: new[] { "OwnerId", "Name" }, unique: true);
        migrationBuilder.Sql("DROP TABLE old");
        migrationBuilder.UpdateData(table: "Owners", keyColumn: "Id", keyValue: 1, column: "B", value: 2);
        migrationBuilder.Unheard("x");
    }

    protected override void Down(MigrationBuilder migrationBuilder)
    {
        migrationBuilder.DropTable(name: "Things");
        migrationBuilder.DropColumn(name: "Note", table: "Owners");
    }
}
"#;
    let (up, down, kind) = ways(Kind::EfCore, text);
    assert_eq!(
        up,
        "create Things (Id integer!, Name text, OwnerId integer!); add Owners.Note; update Owners; alter Owners.N Type; alter Owners.N SetNotNull; alter Owners.N SetDefault; rename Owners.A B; index Things; drop old; update Owners; opaque migrationBuilder.Unheard"
    );
    assert_eq!((down.as_str(), kind), ("drop Things; remove Owners.Note", DownKind::Written));
}

#[test]
fn ecto_change_is_reverted_from_its_end() {
    let text = r#"defmodule Shop.Repo.Migrations.AddUsers do
  use Ecto.Migration

  def change do
    create table(:users, primary_key: [type: :uuid]) do
      add :name, :string, null: false, size: 40
      add :team_id, references(:teams, on_delete: :delete_all), null: false
      timestamps()
    end

    create unique_index(:users, [:name])

    alter table("teams") do
      add :note, :text
      modify :size, :bigint, from: :integer
      remove :gone, :string, default: ""
    end

    rename table(:teams), :a, to: :b
    execute "UPDATE teams SET b = 1", "UPDATE teams SET b = 2"
  end
end
"#;
    let (up, down, kind) = ways(Kind::Ecto, text);
    assert_eq!(
        up,
        "create users (id uuid!, name varchar!, team_id bigint!, inserted_at timestamp!, updated_at timestamp!); index users; add teams.note; alter teams.size Type; remove teams.gone; rename teams.a b; update teams"
    );
    assert_eq!(
        down,
        "update teams; rename teams.b a; add teams.gone; alter teams.size Type; remove teams.note; drop index users_name_index; drop users"
    );
    assert_eq!(kind, DownKind::Inverse);
    let refused = "defmodule A do\n  def change do\n    drop table(:a)\n    Repo.update_all(x, y)\n  end\nend\n";
    let (up, _, kind) = ways(Kind::Ecto, refused);
    assert_eq!(up, "drop a; opaque Repo.update_all");
    assert!(matches!(kind, DownKind::Irreversible(_)));
}

#[test]
fn sea_orm_builders() {
    let text = r#"use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table(UserGroup::Table)
                    .if_not_exists()
                    .col(ColumnDef::new(UserGroup::Id).big_integer().not_null().auto_increment().primary_key())
                    .col(ColumnDef::new(UserGroup::OwnerId).integer())
                    .foreign_key(ForeignKey::create().name("fk").from(UserGroup::Table, UserGroup::OwnerId).to(Owner::Table, Owner::Id).on_delete(ForeignKeyAction::Cascade))
                    .to_owned(),
            )
            .await?;
        manager.alter_table(Table::alter().table(Owner::Table).add_column(ColumnDef::new(Owner::Kind).string_len(10).not_null().default("x")).drop_column(Alias::new("gone")).to_owned()).await?;
        manager.create_index(Index::create().name("i").table(Owner::Table).col(Owner::Kind).unique().to_owned()).await?;
        manager.get_connection().execute_unprepared("DROP TABLE old").await?;
        manager.drop_table(Table::drop().table(Elsewhere::Table).to_owned()).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table(UserGroup::Table).to_owned()).await
    }
}

#[derive(DeriveIden)]
enum UserGroup { Table, Id, OwnerId }

#[derive(DeriveIden)]
enum Owner { Table, Id, #[sea_orm(iden = "type")] Kind }
"#;
    let (up, down, kind) = ways(Kind::Rust, text);
    assert_eq!(
        up,
        "create user_group (id bigint!, owner_id integer); add owner.type; remove owner.gone; index owner; drop old; opaque manager.drop_table"
    );
    assert_eq!((down.as_str(), kind), ("drop user_group", DownKind::Written));
}

#[test]
fn phinx_tables() {
    let text = r#"<?php
class AddUsers extends AbstractMigration {
    public function change(): void {
        $this->table('users')->addColumn('name', 'string', ['limit' => 40, 'null' => false])->addIndex(['name'], ['unique' => true])->create();
        $table = $this->table('teams');
        $table->addColumn('note', 'text', ['null' => true])->renameColumn('a', 'b')->update();
        $this->getAdapter();
    }
}
"#;
    let (up, down, kind) = ways(Kind::Phinx, text);
    assert_eq!(up, "create users (id integer!, name varchar!); index users; add teams.note; rename teams.a b");
    assert_eq!((down.as_str(), kind), ("rename teams.b a; remove teams.note; drop users", DownKind::Inverse));
}

#[test]
fn a_file_without_its_function_is_named() {
    let cases =
        [(Kind::TypeOrm, "const x = 1;"), (Kind::Rails, "class A\nend"), (Kind::Ecto, "x = 1"), (Kind::Laravel, "<?php $x;")];
    for (kind, text) in cases {
        assert_eq!(ways(kind, text).0, "opaque code", "{kind:?}");
    }
}

#[test]
fn values_that_are_written_out_are_gone_through() {
    let text = "class A < ActiveRecord::Migration[7.0]\n def up\n  %w[a b].each do |table|\n   add_column table, :n, :integer\n  end\n  execute \"DROP \" \\\n   \"TABLE c\"\n rescue ActiveRecord::StatementInvalid => e\n  raise\n end\n def down\n  remove_column :a, :n\n rescue StandardError\n  raise\n end\nend\n";
    let (up, down, kind) = ways(Kind::Rails, text);
    assert_eq!(up, "add a.n; add b.n; drop c");
    assert_eq!((down.as_str(), kind), ("remove a.n", DownKind::Written));
    let text = "defmodule A do\n  def change do\n    alter table(:a) do\n      modify :b, :bigint, null: true, from: {:integer, null: false}\n    end\n  end\nend\n";
    let (up, down, _) = ways(Kind::Ecto, text);
    assert_eq!((up.as_str(), down.as_str()), ("alter a.b Type; alter a.b DropNotNull", "alter a.b Type; alter a.b SetNotNull"));
}

#[test]
fn a_condition_in_change_table_is_followed() {
    let text = "class A < ActiveRecord::Migration[7.0]\n def change\n  change_table :users do |t|\n   t.string :a\n   if t.respond_to?(:jsonb)\n    t.jsonb :b unless t.column_exists?(:b)\n   end\n  end\n end\nend\n";
    let (up, _, _) = ways(Kind::Rails, text);
    assert_eq!(up, "add users.a; maybe [maybe [add users.b]]");
}

const FIZZ: &str = r#"create_table("users") {
	t.Column("name", "string", {"size": 50, "null": true})
	t.Column("id", "uuid", {primary: true})
	t.Column("age", "int", {default: 3})
	t.ForeignKey("team_id", {"teams": ["id"]}, {"on_delete": "cascade"})
	t.Index("name", {"unique": true})
	t.Wonder("x")
}
create_table("pairs", {timestamps: false}) {
	t.Column("a", "int", {})
	t.Column("b", "int", {})
	t.PrimaryKey("a", "b")
}
add_column("users", "mail", "string", {})
change_column("users", "age", "bigint", {null: true})
rename_column("users", "mail", "email")
drop_column("users", "age")
add_index("users", ["a", "b"], {})
drop_index("users", "users_name_idx")
add_foreign_key("users", "boss", {"users": ["id"]}, {"on_delete": "SET NULL"})
drop_foreign_key("users", "users_users_id_fk", {"if_exists": true})
rename_table("users", "people")
drop_table("pairs")
sql("DROP TABLE olds;")
exec("echo hello")
"#;

#[test]
fn fizz_says_what_its_translators_say() {
    let read = read(Kind::Fizz, "20200101_a.up.fizz", FIZZ, Dialect::PostgreSql);
    assert_eq!(
        ops(&read.up),
        [
            "create users (id uuid!, name varchar, age integer!=, created_at timestamp!, updated_at timestamp!)",
            "index users",
            "opaque t.Wonder",
            "create pairs (a integer!, b integer!)",
            "add users.mail",
            "alter users.age Type",
            "alter users.age DropNotNull",
            "rename users.mail email",
            "remove users.age",
            "index users",
            "drop index users_name_idx",
            "alter users AddConstraint",
            "alter users DropConstraint",
            "rename users people",
            "drop pairs",
            "drop olds",
            "opaque exec",
        ]
    );
    assert_eq!((read.down, read.down_kind), (None, DownKind::Missing));
}
