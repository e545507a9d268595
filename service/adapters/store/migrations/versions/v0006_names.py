"""Launchers are found by their name."""

from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the index; a list is looked through no more."""
    op.create_index(
        "ix_launchers_name_created_at_id", "launchers", ["name", "created_at", "id"]
    )
