# ruff: noqa: S608 - the parts are constants of this file
"""Launchers may start from ready images and from environments that many share."""

import sqlalchemy as sa
from alembic import op

from service.errors import PermanentError

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0019"
down_revision = "0018"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_OF_GLOBAL = sa.text("global_environment_id IS NOT NULL")


_PUT = "ON CONFLICT (list, part) DO UPDATE SET count = totals.count + excluded.count"

_POSTGRESQL = (
    f"""
    CREATE OR REPLACE FUNCTION count_launcher_changed()
    RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF OLD.project_id <> NEW.project_id THEN
        INSERT INTO totals (list, part, count)
          VALUES ('launchers', OLD.project_id, -1), ('launchers', NEW.project_id, 1)
          {_PUT};
      END IF;
      IF OLD.source_id IS DISTINCT FROM NEW.source_id THEN
        UPDATE sources SET followers = followers
          + CASE WHEN id = NEW.source_id THEN 1 ELSE -1 END
          WHERE id IN (OLD.source_id, NEW.source_id);
      END IF;
      RETURN NULL;
    END $$
    """,
    "DROP TRIGGER launcher_changed ON launchers",
    (
        "CREATE TRIGGER launcher_changed AFTER UPDATE ON launchers FOR EACH ROW"
        " WHEN (OLD.source_id IS DISTINCT FROM NEW.source_id"
        " OR OLD.project_id <> NEW.project_id)"
        " EXECUTE FUNCTION count_launcher_changed()"
    ),
)


def _count(part: str, by: int) -> str:
    return f"INSERT INTO totals VALUES ('launchers', {part}, {by}) {_PUT};"


_SQLITE = (
    "CREATE TRIGGER launchers_added AFTER INSERT ON launchers BEGIN "
    + _count("NEW.project_id", 1)
    + " UPDATE sources SET followers = followers + 1 WHERE id = NEW.source_id; END",
    "CREATE TRIGGER launchers_removed AFTER DELETE ON launchers BEGIN "
    + _count("OLD.project_id", -1)
    + " UPDATE sources SET followers = followers - 1 WHERE id = OLD.source_id; END",
    "CREATE TRIGGER launcher_project AFTER UPDATE OF project_id ON launchers"
    " WHEN OLD.project_id <> NEW.project_id BEGIN "
    + _count("OLD.project_id", -1)
    + _count("NEW.project_id", 1)
    + " END",
    (
        "CREATE TRIGGER launcher_source AFTER UPDATE OF source_id ON launchers"
        " WHEN OLD.source_id IS NOT NEW.source_id BEGIN"
        " UPDATE sources SET followers = followers - 1 WHERE id = OLD.source_id;"
        " UPDATE sources SET followers = followers + 1 WHERE id = NEW.source_id; END"
    ),
)
"""SQLite makes the table anew to change a column, and loses its triggers with it."""


def _set_triggers() -> None:
    """Have followers of sources counted for launchers with and without a source."""
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _SQLITE if is_sqlite else _POSTGRESQL:
        op.execute(statement)


def upgrade() -> None:
    """Add the table and columns; a launcher needs no source any more."""
    op.create_table(
        "environments",
        sa.Column("id", _WORDS, nullable=False),
        sa.Column("name", _WORDS, nullable=False),
        sa.Column("description", _WORDS),
        sa.Column("image", _WORDS, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("args", sa.Text, nullable=False),
        sa.Column("is_archived", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_environments"),
    )
    op.create_index(
        "ix_environments_created_at_id", "environments", ["created_at", "id"]
    )
    with op.batch_alter_table("launchers") as launchers:
        launchers.alter_column("source_id", existing_type=_WORDS, nullable=True)
        launchers.add_column(
            sa.Column("environment_kind", _WORDS, nullable=False, server_default="code")
        )
        launchers.add_column(sa.Column("global_environment_id", _WORDS))
        launchers.add_column(sa.Column("repository", _WORDS))
        launchers.add_column(sa.Column("environment", sa.Text))
        launchers.create_foreign_key(
            "fk_launchers_global_environment_id",
            "environments",
            ["global_environment_id"],
            ["id"],
        )
    op.create_index(
        "ix_launchers_global",
        "launchers",
        ["global_environment_id"],
        postgresql_where=_OF_GLOBAL,
        sqlite_where=_OF_GLOBAL,
    )
    _set_triggers()


def downgrade() -> None:
    """Remove the table and columns.

    Raises:
        PermanentError: Launchers start from ready images, which the version before
            cannot have.
    """
    without = op.get_bind().scalar(
        sa.text("SELECT count(*) FROM launchers WHERE source_id IS NULL")
    )
    if without:
        raise PermanentError(
            f"{without} launchers start from ready images, which the version before "
            "does not know; remove them first"
        )
    op.drop_index("ix_launchers_global", "launchers")
    with op.batch_alter_table("launchers") as launchers:
        launchers.drop_constraint(
            "fk_launchers_global_environment_id", type_="foreignkey"
        )
        launchers.drop_column("environment")
        launchers.drop_column("repository")
        launchers.drop_column("global_environment_id")
        launchers.drop_column("environment_kind")
        launchers.alter_column("source_id", existing_type=_WORDS, nullable=False)
    op.drop_table("environments")
    # They count a launcher that keeps its source as those of the version before do.
    _set_triggers()
