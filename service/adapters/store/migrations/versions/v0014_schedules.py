"""Launchers may have their images built anew by a schedule, and settings are known."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0014"
down_revision = "0013"

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SCHEDULED = sa.text("rebuild_schedule <> 'never'")


def upgrade() -> None:
    """Add the columns, the index and the table; images get the time of their build."""
    op.add_column(
        "launchers",
        sa.Column("rebuild_schedule", _WORDS, nullable=False, server_default="never"),
    )
    op.add_column(
        "launchers",
        sa.Column(
            "is_pinned", sa.Boolean, nullable=False, server_default=sa.text("false")
        ),
    )
    op.add_column("launchers", sa.Column("built_at", sa.BigInteger, nullable=True))
    op.execute(
        sa.text(
            "UPDATE launchers SET built_at = ("
            "SELECT max(builds.completed_at) FROM rebuilds"
            " JOIN builds ON builds.id = rebuilds.build_id"
            " WHERE rebuilds.environment_id = launchers.environment_id"
            " AND rebuilds.state = 'succeeded')"
        )
    )
    op.create_index(
        "ix_launchers_scheduled",
        "launchers",
        ["built_at", "id"],
        postgresql_where=_SCHEDULED,
        sqlite_where=_SCHEDULED,
    )
    op.create_table(
        "fingerprints",
        sa.Column("name", _WORDS, primary_key=True),
        sa.Column("fingerprint", _WORDS, nullable=False),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
    )
