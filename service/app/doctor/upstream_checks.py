"""Whether the upstream Renku, the account there and its projects are right."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from service.adapters.clock import SystemClock
from service.adapters.renku.directory import RenkuDirectory
from service.adapters.store import SqlStore, open_database
from service.app.engines import secret_keys
from service.app.upstream.client import open_upstream
from service.domain.diagnosis import CheckResult
from service.errors import PermanentError, ServiceError
from service.ports.store import Store
from service.settings import Settings

__all__ = ["check_renku"]

_SUBJECT = "renku"
_SQLITE = "sqlite:///"


async def check_renku(settings: Settings, url: str) -> Sequence[CheckResult]:
    """Ask Renku; with a refresh token only where its database can be opened."""
    if settings.renku.refresh_token is None:
        return [await _ask(settings, url, None)]
    # It may work once, and what it was replaced by is in the database: asked for
    # without it, this check would take it away from the service.
    try:
        async with _open_store(settings) as store:
            return [await _ask(settings, url, store)]
    except ServiceError as exc:
        seen = f"not checked: the database has the refresh token in use: {exc}"
        return [CheckResult.warning(_SUBJECT, seen, "start it: it checks the same")]


async def _ask(settings: Settings, url: str, store: Store | None) -> CheckResult:
    projects = settings.renku.projects
    async with open_upstream(settings, store=store, clock=SystemClock()) as client:
        assert client is not None
        try:
            await RenkuDirectory(client=client, projects=projects).check()
        except ServiceError as exc:
            return CheckResult.failed(_SUBJECT, str(exc), "docs/renku.md")
    named = ", ".join(projects)
    return CheckResult.ok(_SUBJECT, f"{url} builds; its projects {named} are there")


@asynccontextmanager
async def _open_store(settings: Settings) -> AsyncIterator[Store]:
    """Open the database as it is.

    Raises:
        PermanentError: It is not there yet, belongs to a process, or is of another
            version.
        TransientError: It does not answer.
    """
    url = settings.database_url
    path = Path(url.removeprefix(_SQLITE))
    if url.startswith(_SQLITE) and not await asyncio.to_thread(path.exists):
        raise PermanentError("it was never started with this database")
    keys = secret_keys(settings)
    async with open_database(url, keys=keys, migrates=False) as database:
        yield SqlStore(database)
