# ruff: noqa: S608 - the parts are constants of this file
"""Sources say what they are read with; links say whether a rule granted them.

Whatever launchers follow already may go on being read with the installation's
credentials: so it was until now, and their projects are granted the repositories.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from service.errors import PermanentError

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0021"
down_revision = "0020"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_UNIQUE = "uq_sources_identity"
_IDENTITY = ["host", "label", "revision_kind", "revision_name", "context_dir"]
_UNSETTLED = sa.text("NOT is_settled")

_GRANT_LINKED = """
UPDATE project_repositories SET is_granted = true
WHERE host IS NOT NULL AND EXISTS (
  SELECT 1 FROM launchers JOIN sources ON sources.id = launchers.source_id
  WHERE launchers.project_id = project_repositories.project_id
    AND sources.host = project_repositories.host
    AND lower(sources.label) = lower(project_repositories.label)
)
"""
_LINK_FOLLOWED = """
INSERT INTO project_repositories (project_id, place, url, host, label, is_granted)
SELECT followed.project_id,
  (SELECT coalesce(max(place), -1) FROM project_repositories
    WHERE project_id = followed.project_id)
    + row_number() OVER (PARTITION BY followed.project_id ORDER BY host, label),
  url, host, label, true
FROM (
  SELECT launchers.project_id, sources.host, sources.label, min(sources.url) AS url
  FROM launchers JOIN sources ON sources.id = launchers.source_id
    JOIN projects ON projects.id = launchers.project_id
  WHERE NOT EXISTS (
    SELECT 1 FROM project_repositories AS linked
    WHERE linked.project_id = launchers.project_id AND linked.host = sources.host
      AND lower(linked.label) = lower(sources.label)
  )
  GROUP BY launchers.project_id, sources.host, sources.label
) AS followed
"""


def upgrade() -> None:
    """Add the columns; grant projects what their launchers follow."""
    access = sa.Column("access", _WORDS, nullable=False, server_default="credential")
    if op.get_bind().dialect.name == "sqlite":
        _make_sources_anew(access)
    else:
        op.add_column("sources", access)
        op.drop_constraint(_UNIQUE, "sources", type_="unique")
        op.create_unique_constraint(_UNIQUE, "sources", [*_IDENTITY, "access"])
    op.add_column(
        "project_repositories",
        sa.Column(
            "is_by_rule", sa.Boolean, nullable=False, server_default=sa.text("false")
        ),
    )
    op.add_column(
        "projects",
        sa.Column(
            "is_settled", sa.Boolean, nullable=False, server_default=sa.text("true")
        ),
    )
    op.create_index(
        "ix_projects_unsettled",
        "projects",
        ["id"],
        postgresql_where=_UNSETTLED,
        sqlite_where=_UNSETTLED,
    )
    op.execute(sa.text(_GRANT_LINKED))
    op.execute(sa.text(_LINK_FOLLOWED))


def downgrade() -> None:
    """Remove the columns; grants by a rule are no grants any more.

    Raises:
        PermanentError: Launchers follow what is read without credentials, which the
            version before would read with them.
    """
    followed = op.get_bind().scalar(
        sa.text(
            "SELECT count(*) FROM sources WHERE access <> 'credential'"
            " AND followers > 0"
        )
    )
    if followed:
        raise PermanentError(
            f"{followed} sources that launchers follow are read without credentials, "
            "which the version before would read with them; grant their repositories "
            "to the launchers' projects, or remove the launchers, first"
        )
    _remove_anonymous()
    op.execute(
        sa.text("UPDATE project_repositories SET is_granted = false WHERE is_by_rule")
    )
    op.drop_index("ix_projects_unsettled", "projects")
    op.drop_column("projects", "is_settled")
    op.drop_column("project_repositories", "is_by_rule")
    if op.get_bind().dialect.name == "sqlite":
        _make_sources_anew()
    else:
        op.drop_constraint(_UNIQUE, "sources", type_="unique")
        op.create_unique_constraint(_UNIQUE, "sources", _IDENTITY)
        op.drop_column("sources", "access")


def _remove_anonymous() -> None:
    """Give the history of sources of the past to those of the same identity."""
    for table in ("evaluations", "rebuilds"):
        op.execute(sa.text(_TO_TWINS.format(table=table)))
    op.execute(sa.text(_REMOVE_TWINS))


_TWIN = " AND ".join(f"twin.{column} = mine.{column}" for column in _IDENTITY)
_TO_TWINS = f"""
UPDATE {{table}} SET source_id = (
  SELECT twin.id FROM sources AS mine JOIN sources AS twin ON {_TWIN}
  WHERE mine.id = {{table}}.source_id AND twin.access = 'credential'
)
WHERE source_id IN (
  SELECT mine.id FROM sources AS mine JOIN sources AS twin ON {_TWIN}
  WHERE mine.access <> 'credential' AND twin.access = 'credential'
)
"""
_REMOVE_TWINS = f"""
DELETE FROM sources WHERE id IN (
  SELECT mine.id FROM sources AS mine JOIN sources AS twin ON {_TWIN}
  WHERE mine.access <> 'credential' AND twin.access = 'credential'
)
"""


def _make_sources_anew(*more: sa.Column[str]) -> None:
    """Give SQLite's table of sources another key, which it cannot change in place.

    Its rows are written into the new table and not renamed with it: what refers to
    them is checked when the transaction ends, by what was inserted.
    """
    connection = op.get_bind()
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    triggers = connection.exec_driver_sql(query).all()
    # Those of other tables, too: they name this one, and may not count what is copied.
    for name, _ in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {name}")
    op.execute(sa.text("CREATE TABLE sources_before AS SELECT * FROM sources"))
    op.drop_table("sources")
    columns: list[sa.Column[Any]] = [
        *(sa.Column(name, _WORDS, nullable=False) for name in ("id", "path", "url")),
        *(sa.Column(name, _WORDS, nullable=False) for name in _IDENTITY),
        sa.Column("number", sa.BigInteger),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("followers", sa.BigInteger, nullable=False, server_default="0"),
    ]
    identity = [*_IDENTITY, *(column.name for column in more)]
    op.create_table(
        "sources",
        *columns,
        *more,
        sa.PrimaryKeyConstraint("id", name="pk_sources"),
        sa.UniqueConstraint(*identity, name=_UNIQUE),
    )
    names = ", ".join(column.name for column in columns)
    op.execute(
        sa.text(f"INSERT INTO sources ({names}) SELECT {names} FROM sources_before")
    )
    op.drop_table("sources_before")
    op.create_index("ix_sources_host_number", "sources", ["host", "number"])
    op.create_index(
        "ix_sources_followed",
        "sources",
        ["created_at", "id"],
        sqlite_where=sa.text("followers > 0"),
    )
    for _, statement in triggers:
        connection.exec_driver_sql(statement)
