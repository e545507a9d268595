"""Lists of any length: what they count is kept, and every walk has an index.

Counting two hundred thousand rows takes longer than reading a page of them, so triggers
keep the numbers, whatever version of the service writes. They also keep which sources
have followers, and a turn of the sweep for each of these.
"""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0017"
down_revision = "0016"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_HELD = "policy <> 'manual' AND held_key IS NOT NULL"
_BUILT = "policy <> 'manual' AND wanted_builder IS NOT NULL"
_INDEXES: tuple[tuple[str, str, list[str | sa.TextClause], str | None], ...] = (
    ("ix_launchers_held", "launchers", ["id"], _HELD),
    (
        "ix_launchers_builder",
        "launchers",
        ["frontend", "wanted_builder", "built_at", "id"],
        _BUILT,
    ),
    (
        "ix_launchers_schedule",
        "launchers",
        ["rebuild_schedule", "built_at", "id"],
        "rebuild_schedule <> 'never'",
    ),
    ("ix_sources_followed", "sources", ["created_at", "id"], "followers > 0"),
    (
        "ix_rebuilds_failed",
        "rebuilds",
        ["completed_at", "id"],
        "state = 'failed'",
    ),
    (
        "ix_rebuilds_unplanned",
        "rebuilds",
        ["source_id", "created_at"],
        "state IN ('queued', 'running') AND key IS NULL",
    ),
    ("ix_hooks_created_at_id", "hooks", ["created_at", "id"], None),
    ("ix_hooks_host_path", "hooks", ["host", sa.text("lower(path)")], None),
    (
        "ix_appointments_claimed",
        "appointments",
        ["claimed_until"],
        "claimed_until IS NOT NULL",
    ),
    (
        "ix_sweeps_host_due_at_source_id",
        "sweeps",
        ["host", "due_at", "source_id"],
        None,
    ),
    ("ix_sweeps_new", "sweeps", ["source_id"], "interval_ms = 0"),
    ("ix_bus_queue_dead", "bus_queue", ["died_at", "place"], "died_at IS NOT NULL"),
)

_PUT = "ON CONFLICT (list, part) DO UPDATE SET count = totals.count + excluded.count"
_PART = "substr(id, length(id), 1)"
"""Sources are counted in several rows, as many change at the same time."""

_POSTGRESQL = (
    # A statement that adds many rows changes each number once.
    f"""
    CREATE FUNCTION count_launchers_added() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO totals (list, part, count)
        SELECT 'launchers', project_id, count(*) FROM changed
        GROUP BY project_id ORDER BY project_id {_PUT};
      UPDATE sources SET followers = sources.followers + found.count
        FROM (SELECT source_id, count(*) AS count FROM changed GROUP BY source_id)
        AS found WHERE sources.id = found.source_id;
      RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION count_launchers_removed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO totals (list, part, count)
        SELECT 'launchers', project_id, -count(*) FROM changed
        GROUP BY project_id ORDER BY project_id {_PUT};
      UPDATE sources SET followers = sources.followers - found.count
        FROM (SELECT source_id, count(*) AS count FROM changed GROUP BY source_id)
        AS found WHERE sources.id = found.source_id;
      RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION count_launcher_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF OLD.project_id <> NEW.project_id THEN
        INSERT INTO totals (list, part, count)
          VALUES ('launchers', OLD.project_id, -1), ('launchers', NEW.project_id, 1)
          {_PUT};
      END IF;
      IF OLD.source_id <> NEW.source_id THEN
        UPDATE sources SET followers = followers
          + CASE WHEN id = NEW.source_id THEN 1 ELSE -1 END
          WHERE id IN (OLD.source_id, NEW.source_id);
      END IF;
      RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION count_followed_sources() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF NEW.followers > 0 THEN
        INSERT INTO totals (list, part, count)
          VALUES ('sources', right(NEW.id, 1), 1) {_PUT};
        INSERT INTO sweeps (source_id, host, interval_ms, due_at, generation)
          VALUES (NEW.id, NEW.host, 0, 0, NEW.generation) ON CONFLICT DO NOTHING;
      ELSE
        INSERT INTO totals (list, part, count)
          VALUES ('sources', right(NEW.id, 1), -1) {_PUT};
        DELETE FROM sweeps WHERE source_id = NEW.id;
      END IF;
      RETURN NULL;
    END $$
    """,
    f"""
    CREATE FUNCTION count_hooks() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO totals (list, part, count)
        SELECT 'hooks', '', CASE WHEN TG_OP = 'INSERT' THEN 1 ELSE -1 END * count(*)
        FROM changed {_PUT};
      RETURN NULL;
    END $$
    """,
    (
        "CREATE TRIGGER launchers_added AFTER INSERT ON launchers"
        " REFERENCING NEW TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION count_launchers_added()"
    ),
    (
        "CREATE TRIGGER launchers_removed AFTER DELETE ON launchers"
        " REFERENCING OLD TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION count_launchers_removed()"
    ),
    (
        "CREATE TRIGGER launcher_changed AFTER UPDATE ON launchers FOR EACH ROW"
        " WHEN (OLD.source_id <> NEW.source_id OR OLD.project_id <> NEW.project_id)"
        " EXECUTE FUNCTION count_launcher_changed()"
    ),
    (
        "CREATE TRIGGER source_followed AFTER UPDATE ON sources FOR EACH ROW"
        " WHEN ((OLD.followers > 0) <> (NEW.followers > 0))"
        " EXECUTE FUNCTION count_followed_sources()"
    ),
    (
        "CREATE TRIGGER hooks_added AFTER INSERT ON hooks"
        " REFERENCING NEW TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION count_hooks()"
    ),
    (
        "CREATE TRIGGER hooks_removed AFTER DELETE ON hooks"
        " REFERENCING OLD TABLE AS changed"
        " FOR EACH STATEMENT EXECUTE FUNCTION count_hooks()"
    ),
)


def _count(list_: str, part: str, by: int) -> str:
    return f"INSERT INTO totals VALUES ('{list_}', {part}, {by}) {_PUT};"


_SQLITE = (
    "CREATE TRIGGER launchers_added AFTER INSERT ON launchers BEGIN "
    + _count("launchers", "NEW.project_id", 1)
    + " UPDATE sources SET followers = followers + 1 WHERE id = NEW.source_id; END",
    "CREATE TRIGGER launchers_removed AFTER DELETE ON launchers BEGIN "
    + _count("launchers", "OLD.project_id", -1)
    + " UPDATE sources SET followers = followers - 1 WHERE id = OLD.source_id; END",
    "CREATE TRIGGER launcher_project AFTER UPDATE OF project_id ON launchers"
    " WHEN OLD.project_id <> NEW.project_id BEGIN "
    + _count("launchers", "OLD.project_id", -1)
    + _count("launchers", "NEW.project_id", 1)
    + " END",
    (
        "CREATE TRIGGER launcher_source AFTER UPDATE OF source_id ON launchers"
        " WHEN OLD.source_id <> NEW.source_id BEGIN"
        " UPDATE sources SET followers = followers - 1 WHERE id = OLD.source_id;"
        " UPDATE sources SET followers = followers + 1 WHERE id = NEW.source_id; END"
    ),
    "CREATE TRIGGER source_followed AFTER UPDATE OF followers ON sources"
    " WHEN OLD.followers <= 0 AND NEW.followers > 0 BEGIN "
    + _count("sources", "substr(NEW.id, length(NEW.id), 1)", 1)
    + " INSERT INTO sweeps (source_id, host, interval_ms, due_at, generation)"
    " VALUES (NEW.id, NEW.host, 0, 0, NEW.generation)"
    " ON CONFLICT (source_id) DO NOTHING; END",
    "CREATE TRIGGER source_unfollowed AFTER UPDATE OF followers ON sources"
    " WHEN OLD.followers > 0 AND NEW.followers <= 0 BEGIN "
    + _count("sources", "substr(NEW.id, length(NEW.id), 1)", -1)
    + " DELETE FROM sweeps WHERE source_id = NEW.id; END",
    "CREATE TRIGGER hooks_added AFTER INSERT ON hooks BEGIN "
    + _count("hooks", "''", 1)
    + " END",
    "CREATE TRIGGER hooks_removed AFTER DELETE ON hooks BEGIN "
    + _count("hooks", "''", -1)
    + " END",
)

_BACKFILL = (
    (
        "UPDATE sources SET followers ="
        " (SELECT count(*) FROM launchers WHERE launchers.source_id = sources.id)"
    ),
    (
        "INSERT INTO totals (list, part, count)"
        " SELECT 'launchers', project_id, count(*) FROM launchers GROUP BY project_id"
    ),
    (
        f"INSERT INTO totals (list, part, count) SELECT 'sources', {_PART}, count(*)"
        f" FROM sources WHERE followers > 0 GROUP BY {_PART}"
    ),
    "INSERT INTO totals (list, part, count) SELECT 'hooks', '', count(*) FROM hooks",
    (
        "UPDATE sweeps SET host ="
        " (SELECT host FROM sources WHERE sources.id = sweeps.source_id)"
    ),
    (
        "DELETE FROM sweeps WHERE source_id IN"
        " (SELECT id FROM sources WHERE followers = 0)"
    ),
    (
        "INSERT INTO sweeps (source_id, host, interval_ms, due_at, generation)"
        " SELECT id, host, 0, 0, generation FROM sources WHERE followers > 0"
        " AND NOT EXISTS (SELECT 1 FROM sweeps WHERE sweeps.source_id = sources.id)"
    ),
)


def upgrade() -> None:
    """Add the numbers, fill them, and have triggers keep them."""
    op.create_table(
        "totals",
        sa.Column("list", _WORDS, primary_key=True),
        sa.Column("part", _WORDS, primary_key=True),
        sa.Column("count", sa.BigInteger, nullable=False),
    )
    op.add_column(
        "sources",
        sa.Column("followers", sa.BigInteger, nullable=False, server_default="0"),
    )
    op.add_column(
        "sweeps", sa.Column("host", _WORDS, nullable=False, server_default="")
    )
    for statement in (*_BACKFILL, *_triggers()):
        op.execute(sa.text(statement))
    for name, table, columns, where in _INDEXES:
        is_part = sa.text(where) if where else None
        op.create_index(
            name, table, columns, postgresql_where=is_part, sqlite_where=is_part
        )
    op.drop_index("ix_launchers_scheduled", "launchers")


def downgrade() -> None:
    """Remove the triggers, the numbers and the indexes; nothing else is lost."""
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for statement in reversed(_triggers()):
        kind, name = statement.split()[1:3]
        name = name.removesuffix("()")
        table = "" if kind == "FUNCTION" or not is_postgresql else _table_of(statement)
        op.execute(sa.text(f"DROP {kind} {name}{table}"))
    scheduled = sa.text("rebuild_schedule <> 'never'")
    op.create_index(
        "ix_launchers_scheduled",
        "launchers",
        ["built_at", "id"],
        postgresql_where=scheduled,
        sqlite_where=scheduled,
    )
    for name, table, _, _ in _INDEXES:
        op.drop_index(name, table)
    op.execute(sa.text("DELETE FROM sweeps WHERE interval_ms = 0"))
    op.drop_column("sweeps", "host")
    op.drop_column("sources", "followers")
    op.drop_table("totals")


def _triggers() -> tuple[str, ...]:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    return _POSTGRESQL if is_postgresql else _SQLITE


def _table_of(trigger: str) -> str:
    """Return ` ON table` of a statement that makes a trigger."""
    return f" ON {trigger.partition(' ON ')[2].split()[0]}"
