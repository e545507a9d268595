"""Find launchers that may be behind, by partial indexes.

Most launchers have the image they want: they are in none of these indexes.
"""

from collections.abc import Iterator
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

from service.adapters.store.keyset import Order
from service.adapters.store.tables.builds import UNFINISHED, rebuilds
from service.adapters.store.tables.configuration import (
    HELD,
    SCHEDULED,
    UNSERVED,
    launchers,
    pauses,
)
from service.domain.building.pause import EVERYWHERE
from service.domain.launcher import Launcher, RebuildSchedule, UpdatePolicy
from service.ports.store.paging import Cursor

__all__ = [
    "find_behind",
    "find_on_hold",
    "find_scheduled",
    "find_without_build",
    "is_automatic",
]


def find_behind(
    *, now: datetime, limit: int, after: str
) -> CompoundSelect[*tuple[object, ...]]:
    """Find launchers without a build for what they want, in pages by id."""
    wanted = (
        _is_free(now),
        ~_leads_there(),
        *is_automatic(),
        launchers.c.id > after,
    )
    found = select(launchers.c.id, launchers.c.source_id)
    # Two queries and not one OR: planners do not combine partial indexes of two tables,
    # and would scan all launchers.
    page = union(
        _by_index(found, "ix_launchers_behind").where(text(UNSERVED), *wanted),
        # Joined from the few unfinished rebuilds to their launchers: the other way
        # round would scan all launchers.
        found.select_from(rebuilds)
        .join(launchers, launchers.c.environment_id == rebuilds.c.environment_id)
        .where(
            # A launcher that has its image but with a rebuild under way for another key
            # may be behind as well: the rebuild will move it away from what it wants.
            text(f"rebuilds.{UNFINISHED}"),
            launchers.c.policy != UpdatePolicy.MANUAL.value,
            launchers.c.wanted_key.is_not(None),
            *wanted,
        ),
    )
    return page.order_by("id").limit(limit)


def find_without_build() -> Select[*tuple[object, ...]]:
    """Count launchers without a build for what they want, also waiting ones."""
    count = select(func.count().label("count")).select_from(launchers)
    return _by_index(count, "ix_launchers_behind").where(
        text(UNSERVED), ~_leads_there(), *is_automatic()
    )


def find_scheduled(
    schedule: RebuildSchedule,
    built_before: datetime,
    *,
    limit: int,
    after: Launcher | None,
) -> Iterator[Select[*tuple[object, ...]]]:
    """Find launchers whose image is older than their schedule allows, oldest first.

    In two queries: those never built come first, whatever an engine sorts NULL as.
    """
    of = launchers.c
    found = (
        select(launchers)
        .where(
            text(SCHEDULED),
            of.rebuild_schedule == schedule.value,
            of.policy != UpdatePolicy.MANUAL.value,
            of.wanted_key.is_not(None),
            of.is_pinned.is_(False),
            *is_automatic(),
        )
        .limit(limit)
    )
    never = found.where(of.built_at.is_(None)).order_by(of.id)
    order = Order(at=of.built_at, id=of.id)
    old = found.where(of.built_at <= built_before).order_by(*order.keys)
    if after is None:
        yield never
        yield old
    elif after.built_at is None:
        yield never.where(of.id > after.id)
        yield old
    else:
        yield old.where(*order.behind(Cursor(at=after.built_at, id=after.id)))


def find_on_hold(*, limit: int, after: str) -> Select[*tuple[object, ...]]:
    """Find launchers whose rebuild waits after a failure or a cancellation."""
    of = launchers.c
    return (
        _by_index(select(of.id, of.source_id), "ix_launchers_held")
        .where(text(HELD), of.held_key == of.wanted_key, of.id > after)
        .order_by(of.id)
        .limit(limit)
    )


def _by_index(
    query: Select[*tuple[object, ...]], name: str
) -> Select[*tuple[object, ...]]:
    """Have SQLite walk a partial index: it takes the primary key's for as good.

    https://sqlite.org/lang_indexedby.html
    """
    return query.with_hint(launchers, f"INDEXED BY {name}", "sqlite")


def is_automatic() -> tuple[ColumnElement[bool], ...]:
    """Ask for launchers that are not pinned, and whose project is not paused."""
    # Two conditions and not one OR: the first is decided once for a query, the second
    # by the primary key.
    return (
        launchers.c.pinned_at.is_(None),
        ~exists(select(pauses.c.scope).where(pauses.c.scope == EVERYWHERE)),
        ~exists().where(pauses.c.scope == launchers.c.project_id),
    )


def _is_free(now: datetime) -> ColumnElement[bool]:
    return or_(
        launchers.c.held_key.is_(None),
        launchers.c.held_key != launchers.c.wanted_key,
        launchers.c.held_until <= now,
    )


def _leads_there() -> Exists:
    # A rebuild without a key counts as leading there: its evaluation has not happened
    # yet and will plan for the present head.
    others = rebuilds.alias("others").c
    return exists().where(
        others.environment_id == launchers.c.environment_id,
        text(f"others.{UNFINISHED}"),
        or_(others.key.is_(None), others.key == launchers.c.wanted_key),
    )
