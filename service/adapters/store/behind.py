"""Finds launchers that may be behind, by indexes of the few that can be.

Most launchers have what they want: they are in none of the two indexes used here.
"""

from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Exists,
    Select,
    exists,
    func,
    or_,
    select,
    text,
    union,
)

from service.adapters.store.tables import (
    UNFINISHED,
    UNSERVED,
    launchers,
    rebuilds,
)
from service.domain.launcher import UpdatePolicy

__all__ = ["find_behind", "find_without_build"]


def find_behind(
    *, now: datetime, limit: int, after: str
) -> CompoundSelect[*tuple[object, ...]]:
    """Find launchers that nothing leads to what they want, in pages by id."""
    wanted = (_is_free(now), ~_leads_there(), launchers.c.id > after)
    found = select(launchers.c.id, launchers.c.source_id)
    page = union(
        found.where(text(UNSERVED), *wanted),
        # From the few rebuilds to their launchers, and never the other way round.
        found.select_from(rebuilds)
        .join(launchers, launchers.c.environment_id == rebuilds.c.environment_id)
        .where(
            text(f"rebuilds.{UNFINISHED}"),
            launchers.c.policy != UpdatePolicy.MANUAL.value,
            launchers.c.wanted_key.is_not(None),
            *wanted,
        ),
    )
    return page.order_by("id").limit(limit)


def find_without_build() -> Select[*tuple[object, ...]]:
    """Count those that nothing leads to what they want, also when they wait."""
    count = select(func.count().label("count")).select_from(launchers)
    return count.where(text(UNSERVED), ~_leads_there())


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(
        launchers.c.held_key.is_(None),
        launchers.c.held_key != launchers.c.wanted_key,
        launchers.c.held_until <= now,
    )


def _leads_there() -> Exists:
    others = rebuilds.alias("others").c
    return exists().where(
        others.environment_id == launchers.c.environment_id,
        text(f"others.{UNFINISHED}"),
        or_(others.key.is_(None), others.key == launchers.c.wanted_key),
    )
