"""Projects are found where they were before; kept answers have their headers.

Versions before this one let the default project be removed, and every launcher that
names no project was refused from then on: it is made anew, as 0016 makes it.
"""

import time

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0029"
down_revision = "0028"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_DEFAULT = "0" * 26
_OWNER = "installation"
_PROJECT = """
INSERT INTO projects (id, name, namespace, slug, created_by, created_at, updated_at,
  visibility, keywords, is_template, secrets_mount_directory)
SELECT :project, 'Default project', :owner,
  CASE WHEN EXISTS (
    SELECT 1 FROM projects WHERE namespace = :owner AND slug = 'default'
  ) THEN :project ELSE 'default' END,
  :owner, :now, :now, 'private', '[]', false, '/secrets'
WHERE NOT EXISTS (SELECT 1 FROM projects WHERE id = :project)
"""
_MEMBER = """
INSERT INTO project_members (project_id, user_id, role)
SELECT :project, :owner, 'owner'
WHERE NOT EXISTS (SELECT 1 FROM project_members WHERE project_id = :project)
"""


def upgrade() -> None:
    """Add a table, a column that may be empty, and the default project."""
    op.create_table(
        "project_addresses",
        sa.Column("namespace", _WORDS, nullable=False),
        sa.Column("slug", _WORDS, nullable=False),
        sa.Column(
            "project_id",
            _WORDS,
            sa.ForeignKey("projects.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("namespace", "slug"),
    )
    op.create_index(
        "ix_project_addresses_project_id", "project_addresses", ["project_id"]
    )
    op.add_column("idempotency_keys", sa.Column("headers", sa.Text))
    names = {"project": _DEFAULT, "owner": _OWNER}
    now = int(time.time() * 1_000_000)
    op.get_bind().execute(sa.text(_PROJECT), {**names, "now": now})
    op.get_bind().execute(sa.text(_MEMBER), names)


def downgrade() -> None:
    """Remove table and column."""
    op.drop_column("idempotency_keys", "headers")
    op.drop_table("project_addresses")
