"""Hooks know how far they reach, what their forge calls them and how they fare."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

# The lead numbered this 0003, after v0002_declared: leave both as they are.
revision = "0003"
down_revision = "0002"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add columns; whatever is there was bound to one repository."""
    reach = sa.Column("reach", _WORDS, nullable=False, server_default="repository")
    op.add_column("hooks", reach)
    op.add_column("hooks", sa.Column("forge_id", _WORDS))
    op.add_column("hooks", sa.Column("checkup", sa.Text))
    never = sa.text("false")
    old = sa.Column(
        "is_by_old_secret", sa.Boolean, nullable=False, server_default=never
    )
    op.add_column("deliveries", old)
