"""A launcher's name is its own within its project."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0009"
down_revision = "0008"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Give names to who has them; where several do, the first one holds it for all."""
    op.create_table(
        "launcher_names",
        sa.Column("project_id", _WORDS, nullable=False),
        sa.Column("name", _WORDS, nullable=False),
        sa.Column("launcher_id", _WORDS, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_launcher_names"),
    )
    op.create_index("ix_launcher_names_launcher_id", "launcher_names", ["launcher_id"])
    op.execute(
        "INSERT INTO launcher_names (project_id, name, launcher_id) "
        "SELECT project_id, name, min(id) FROM launchers GROUP BY project_id, name"
    )
