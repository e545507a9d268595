"""Projects with members and repositories, users, and API tokens.

Whatever ids launchers named as their projects become projects of the installation, with
the repositories that these launchers follow; so does the project of launchers that name
none.
"""

import time

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0016"
down_revision = "0015"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_NO = sa.text("false")
_DEFAULT = "0" * 26
_OWNER = "installation"


def upgrade() -> None:
    """Add the tables, and the projects that launchers name."""
    _add_projects()
    _add_members()
    _add_tokens()
    connection = op.get_bind()
    now = int(time.time() * 1_000_000)
    values = {"now": now, "owner": _OWNER, "unnamed": _DEFAULT}
    connection.execute(sa.text(_PROJECTS), values)
    connection.execute(sa.text(_MEMBERS), {"owner": _OWNER})
    connection.execute(sa.text(_USER), {"owner": _OWNER})
    connection.execute(sa.text(_REPOSITORIES))


def downgrade() -> None:
    """Remove the tables; launchers keep the ids that they name."""
    for name in (
        "api_tokens",
        "users",
        "project_members",
        "project_repositories",
        "projects",
    ):
        op.drop_table(name)


_PROJECTS = """
INSERT INTO projects (id, name, namespace, slug, created_by, created_at, updated_at,
  visibility, keywords, is_template, secrets_mount_directory)
SELECT named.id,
  CASE WHEN named.id = :unnamed THEN 'Default project'
    ELSE 'Project ' || named.id END,
  :owner,
  CASE WHEN named.id = :unnamed THEN 'default' ELSE lower(named.id) END,
  :owner, :now, :now, 'private', '[]', false, '/secrets'
FROM (SELECT project_id AS id FROM launchers UNION SELECT :unnamed AS id) AS named
"""
_MEMBERS = """
INSERT INTO project_members (project_id, user_id, role)
SELECT id, :owner, 'owner' FROM projects
"""
_USER = "INSERT INTO users (id, username) VALUES (:owner, :owner)"
_REPOSITORIES = """
INSERT INTO project_repositories (project_id, place, url, host, label, is_granted)
SELECT project_id,
  row_number() OVER (PARTITION BY project_id ORDER BY host, label) - 1,
  url, host, label, true
FROM (
  SELECT launchers.project_id, sources.host, sources.label, min(sources.url) AS url
  FROM launchers JOIN sources ON sources.id = launchers.source_id
  GROUP BY launchers.project_id, sources.host, sources.label
) AS followed
"""


def _add_projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", _WORDS, primary_key=True),
        sa.Column("name", _WORDS, nullable=False),
        sa.Column("namespace", _WORDS, nullable=False),
        sa.Column("slug", _WORDS, nullable=False),
        sa.Column("created_by", _WORDS, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Column("visibility", _WORDS, nullable=False),
        sa.Column("description", _WORDS),
        sa.Column("documentation", _WORDS),
        sa.Column("keywords", sa.Text, nullable=False),
        sa.Column("is_template", sa.Boolean, nullable=False, server_default=_NO),
        sa.Column("secrets_mount_directory", _WORDS, nullable=False),
        sa.UniqueConstraint("namespace", "slug", name="uq_projects_namespace_slug"),
    )
    op.create_index("ix_projects_created_at_id", "projects", ["created_at", "id"])
    op.create_table(
        "project_repositories",
        sa.Column("project_id", _WORDS, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("place", sa.BigInteger, nullable=False),
        sa.Column("url", _WORDS, nullable=False),
        sa.Column("host", _WORDS),
        sa.Column("label", _WORDS),
        sa.Column("is_granted", sa.Boolean, nullable=False, server_default=_NO),
        sa.PrimaryKeyConstraint("project_id", "place"),
    )
    op.create_index(
        "ix_project_repositories_host_label",
        "project_repositories",
        ["host", "label"],
    )


def _add_members() -> None:
    op.create_table(
        "project_members",
        sa.Column("project_id", _WORDS, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("user_id", _WORDS, nullable=False),
        sa.Column("role", _WORDS, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "user_id"),
    )
    op.create_index(
        "ix_project_members_user_id_project_id",
        "project_members",
        ["user_id", "project_id"],
    )
    op.create_table(
        "users",
        sa.Column("id", _WORDS, primary_key=True),
        sa.Column("username", _WORDS, nullable=False),
        sa.Column("email", _WORDS),
        sa.Column("first_name", _WORDS),
        sa.Column("last_name", _WORDS),
    )


def _add_tokens() -> None:
    op.create_table(
        "api_tokens",
        sa.Column("id", _WORDS, primary_key=True),
        sa.Column("name", _WORDS, nullable=False),
        sa.Column("prefix", _WORDS, nullable=False),
        sa.Column("digest", _WORDS, nullable=False),
        sa.Column("user_id", _WORDS, nullable=False),
        sa.Column("is_admin", sa.Boolean, nullable=False),
        sa.Column("role", _WORDS, nullable=False),
        sa.Column("projects", sa.Text),
        sa.Column("administers", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.UniqueConstraint("digest", name="uq_api_tokens_digest"),
    )
    op.create_index(
        "ix_api_tokens_user_id_created_at_id",
        "api_tokens",
        ["user_id", "created_at", "id"],
    )
    op.create_index("ix_api_tokens_created_at_id", "api_tokens", ["created_at", "id"])
