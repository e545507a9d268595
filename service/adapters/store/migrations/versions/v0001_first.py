"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

__all__ = ["down_revision", "revision", "upgrade"]

revision = "0001"
down_revision = None

_WORDS = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_PLACE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LIVE = sa.text("died_at IS NULL")


def upgrade() -> None:
    """Make every table; nothing was there before."""
    _hooks()
    _sources()
    _launchers()
    _evaluations()
    _agenda()
    _rebuilds()
    _builds()
    _deliveries()
    _logs()
    _outbox()
    _leases()
    _bus_events()
    _bus_queue()


def _words(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, _WORDS, nullable=null) for name in names]


def _texts(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=null) for name in names]


def _numbers(*names: str, null: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=null) for name in names]


def _flags(*names: str) -> list[sa.Column[bool]]:
    return [sa.Column(name, sa.Boolean, nullable=False) for name in names]


def _place() -> sa.Column[int]:
    return sa.Column("place", _PLACE, nullable=False)


def _key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*columns, name=f"pk_{table}")


def _index(table: str, *columns: str) -> None:
    op.create_index(f"ix_{table}_{'_'.join(columns)}", table, list(columns))


def _hooks() -> None:
    op.create_table(
        "hooks",
        *_words("id", "forge", "proof", "host", "path", "url"),
        *_numbers("number", null=True),
        *_texts("secrets"),
        *_numbers("created_at"),
        *_numbers("rotated_at", null=True),
        _key("hooks", "id"),
    )


def _sources() -> None:
    identity = ("host", "label", "revision_kind", "revision_name", "context_dir")
    op.create_table(
        "sources",
        *_words("id", "path", "url", *identity),
        *_numbers("number", null=True),
        *_numbers("generation", "created_at"),
        *_texts("seen", null=True),
        _key("sources", "id"),
        sa.UniqueConstraint(*identity, name="uq_sources_identity"),
    )
    _index("sources", "host", "number")


def _launchers() -> None:
    op.create_table(
        "launchers",
        *_words("id", "project_id", "name", "environment_id", "source_id"),
        *_words("builder", "frontend", "platform", "policy", "launcher_type"),
        *_numbers("created_at", "wanted_generation", "generation"),
        *_numbers("available_generation"),
        *_numbers("resource_class_id", "disk_storage", null=True),
        *_words("description", "wanted_key", "image", "image_key", null=True),
        *_words("available_image", "available_key", null=True),
        *_texts("command", "args"),
        *_texts("env_variables", null=True),
        _key("launchers", "id"),
        sa.UniqueConstraint("environment_id", name="uq_launchers_environment_id"),
        sa.ForeignKeyConstraint(
            ["source_id"], ["sources.id"], name="fk_launchers_source_id"
        ),
    )
    _index("launchers", "source_id", "created_at", "id")
    _index("launchers", "project_id", "created_at", "id")
    _index("launchers", "created_at", "id")


def _evaluations() -> None:
    op.create_table(
        "evaluations",
        *_words("id", "source_id", "evidence", "verdict", "reason", "message"),
        *_words("commit_id", "ref", null=True),
        *_words("previous", "fingerprint", "kind", null=True),
        *_texts("delivery_ids", "changed", "items", "findings"),
        *_numbers("generation", "started_at", "completed_at"),
        _key("evaluations", "id"),
        sa.ForeignKeyConstraint(
            ["source_id"], ["sources.id"], name="fk_evaluations_source_id"
        ),
    )
    _index("evaluations", "source_id", "completed_at", "id")
    _index("evaluations", "commit_id")
    op.create_table(
        "evaluation_deliveries",
        *_words("delivery_id", "evaluation_id"),
        _key("evaluation_deliveries", "delivery_id", "evaluation_id"),
        sa.ForeignKeyConstraint(
            ["evaluation_id"],
            ["evaluations.id"],
            name="fk_evaluation_deliveries_evaluation_id",
        ),
    )


def _agenda() -> None:
    op.create_table(
        "appointments",
        *_words("source_id"),
        *_numbers("first_asked_at", "due_at", null=True),
        *_numbers("claimed_until", "looked_at", null=True),
        *_numbers("attempts"),
        _key("appointments", "source_id"),
    )
    _index("appointments", "due_at")
    op.create_table(
        "asks",
        _place(),
        *_words("source_id", "evidence"),
        *_words("delivery_id", null=True),
        *_texts("rebuild_ids"),
        *_numbers("asked_at"),
        _key("asks", "place"),
        sqlite_autoincrement=True,
    )
    _index("asks", "source_id", "place")


def _rebuilds() -> None:
    op.create_table(
        "rebuilds",
        *_words("id", "environment_id", "launcher_id", "source_id", "evidence"),
        *_words("state", "reason"),
        *_words("evaluation_id", "build_id", "image", null=True),
        *_flags("is_fresh"),
        *_texts("plan", "failure", null=True),
        *_numbers("created_at"),
        *_numbers("started_at", "completed_at", null=True),
        _key("rebuilds", "id"),
    )
    _index("rebuilds", "environment_id", "created_at", "id")
    _index("rebuilds", "build_id")
    _index("rebuilds", "evaluation_id")
    _index("rebuilds", "state", "created_at", "id")
    _index("rebuilds", "created_at", "id")


def _builds() -> None:
    op.create_table(
        "builds",
        *_words("id", "key", "state", "kind", "repository_url", "commit_id"),
        *_words("context_dir", "path", "environment_id", "project_id"),
        *_flags("is_fresh"),
        sa.Column("attempt", sa.Integer, nullable=False),
        *_texts("recipe"),
        *_texts("failure", "image", null=True),
        *_numbers("created_at"),
        *_numbers("not_before", "started_at", "completed_at", null=True),
        _key("builds", "id"),
    )
    _index("builds", "state", "created_at", "id")
    _index("builds", "state", "completed_at")
    _index("builds", "key", "state", "completed_at")
    op.create_table("images", *_words("key"), *_texts("image"), _key("images", "key"))


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        *_words("id", "hook_id", "event", "status", "reason", "message"),
        *_words("repository", "ref", "before", "after"),
        *_words("forge_delivery_id", null=True),
        *_texts("headers"),
        *_numbers("received_at", "count"),
        _key("deliveries", "id"),
    )
    _index("deliveries", "forge_delivery_id")
    _index("deliveries", "hook_id", "received_at", "id")
    _index("deliveries", "received_at", "id")


def _leases() -> None:
    op.create_table(
        "leases",
        *_words("name", "owner"),
        *_numbers("held_until"),
        _key("leases", "name"),
    )


def _logs() -> None:
    op.create_table(
        "logs",
        *_words("build_id"),
        *_numbers("lines", "size"),
        *_flags("is_cut"),
        _key("logs", "build_id"),
    )
    op.create_table(
        "log_lines",
        *_words("build_id", "phase", "text"),
        *_numbers("seq"),
        _key("log_lines", "build_id", "seq"),
        sa.ForeignKeyConstraint(
            ["build_id"], ["logs.build_id"], name="fk_log_lines_build_id"
        ),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        _place(),
        *_texts("event"),
        _key("outbox", "place"),
        sqlite_autoincrement=True,
    )


def _bus_events() -> None:
    op.create_table(
        "bus_events",
        _place(),
        *_words("id", "name"),
        *_texts("body"),
        *_numbers("published_at"),
        _key("bus_events", "place"),
        sa.UniqueConstraint("id", name="uq_bus_events_id"),
        sqlite_autoincrement=True,
    )
    _index("bus_events", "published_at")


def _bus_queue() -> None:
    op.create_table(
        "bus_queue",
        _place(),
        *_words("role", "error"),
        sa.Column("event", _PLACE, nullable=False),
        *_numbers("attempts", "available_at"),
        *_words("claimed_by", null=True),
        *_numbers("claimed_until", "died_at", null=True),
        _key("bus_queue", "place"),
        sa.UniqueConstraint("role", "event", name="uq_bus_queue_role_event"),
        sa.ForeignKeyConstraint(
            ["event"], ["bus_events.place"], name="fk_bus_queue_event"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_bus_queue_live",
        "bus_queue",
        ["role", "place"],
        sqlite_where=_LIVE,
        postgresql_where=_LIVE,
    )
    _index("bus_queue", "event")
