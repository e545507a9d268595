"""Whether deliveries arrive: what the last check of every webhook found."""

from collections.abc import AsyncIterator, Sequence
from typing import Final

from service.adapters.store import SqlStore, open_database
from service.app.engines import secret_keys
from service.domain.diagnosis import CheckResult
from service.domain.hook import Hook
from service.errors import ServiceError
from service.ports.store import PageRequest, Store
from service.settings import Settings

__all__ = ["check_hooks"]

_SUBJECT: Final = "hooks"
_MOST: Final = 20
"""Hooks that have a line of their own; more of them have one cause."""


async def check_hooks(settings: Settings) -> Sequence[CheckResult]:
    """Report hooks that are not well; nothing where the database is one process's."""
    # A SQLite file is its process's, and without the key no hook can be read.
    if settings.database_url.startswith("sqlite") or settings.secret_key is None:
        return []
    try:
        async with open_database(
            settings.database_url, keys=secret_keys(settings), migrates=False
        ) as database:
            return [result async for result in _results(SqlStore(database))]
    except ServiceError as exc:
        # The check of the database names what is wrong with it.
        return [CheckResult.warning(_SUBJECT, f"not checked: {exc}")]


async def _results(store: Store) -> AsyncIterator[CheckResult]:
    hooks = [hook async for hook in _hooks(store)]
    sick = [hook for hook in hooks if hook.health and hook.health.problems]
    unchecked = sum(hook.health is None for hook in hooks)
    for hook in sick[:_MOST]:
        assert hook.health is not None
        yield CheckResult.warning(
            f"hook {hook.id}",
            f"{hook.repository.path}: {hook.health.message}",
            hook.health.remedy,
        )
    if len(sick) > _MOST:
        more = f"{len(sick) - _MOST} more are not well"
        yield CheckResult.warning(_SUBJECT, more, "relaunch hook list")
    well = len(hooks) - len(sick) - unchecked
    seen = f"{well} of {len(hooks)} were well when they were last checked"
    if unchecked:
        seen += f"; {unchecked} were not checked yet"
    yield CheckResult.ok(_SUBJECT, seen)


async def _hooks(store: Store) -> AsyncIterator[Hook]:
    read = 0
    while True:
        async with store.reading() as tx:
            page = await tx.hooks.list(PageRequest(offset=read))
        for hook in page:
            yield hook
        read += len(page)
        if read >= page.total or not len(page):
            return
