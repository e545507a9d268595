"""Projects are found at an address, in whatever case, without a look at all of them."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "downgrade", "revision", "upgrade"]

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    """Add an index; it is not unique, as versions before 0029 told cases apart."""
    op.create_index(
        "ix_projects_address",
        "projects",
        [sa.text("lower(namespace)"), sa.text("lower(slug)")],
    )


def downgrade() -> None:
    """Remove the index."""
    op.drop_index("ix_projects_address", table_name="projects")
