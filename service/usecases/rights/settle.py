"""Have launchers read what their project's links allow, after these changed."""

from contextlib import suppress
from dataclasses import replace
from typing import Final

import structlog

from service.domain.launcher import Launcher
from service.domain.rights.caller import ProjectId
from service.domain.rights.grants import GrantRules
from service.domain.rights.project import Project
from service.errors import ConflictError, NotFoundError, RequestError
from service.ports.store import Cursor, Page, PageRequest, Store, Transaction
from service.usecases.launchers import LauncherEditor
from service.usecases.rights.repository_access import (
    named_repository,
    project_lock,
)

__all__ = ["AccessSettler"]

log = structlog.get_logger(__name__)

_PAGE: Final = 200
_AT_ONCE: Final = 50
"""Projects that are settled in one round."""


class AccessSettler:
    """Move launchers between what is read with credentials and what without.

    A project whose links changed is marked in the same transaction, so that whatever is
    interrupted is done by the next round.

    Args:
        store: Holds projects and launchers.
        launchers: Changes launchers.
    """

    def __init__(self, *, store: Store, launchers: LauncherEditor) -> None:
        self._store = store
        self._launchers = launchers

    async def settle_all(self) -> int:
        """Settle some projects that are marked; return how many were settled."""
        async with self._store.reading() as tx:
            projects = await tx.projects.unsettled(limit=_AT_ONCE)
        settled = 0
        for project in projects:
            try:
                await self.settle(project)
            except RequestError as exc:
                # What one launcher brings out must not keep the others' grants.
                log.warning("project not settled", project=project, error=str(exc))
            else:
                settled += 1
        return settled

    async def apply_rules(self, rules: GrantRules) -> int:
        """Give the links of all projects what the rules of the settings say.

        Return how many projects this changed; they are marked, and not settled yet.
        """
        changed, page = 0, PageRequest(limit=_PAGE)
        while True:
            async with self._store.reading() as tx:
                found = await tx.projects.list(page)
            for project in found:
                if _ruled(project, rules) != project:
                    changed += await self._apply(project.id, rules)
            if len(found) < _PAGE:
                return changed
            page = _after(found.items[-1])

    async def _apply(self, project_id: ProjectId, rules: GrantRules) -> bool:
        async with self._store.transaction(project_lock(project_id)) as tx:
            before = await _find(tx, project_id)
            after = before and _ruled(before, rules)
            if after is None or after == before:
                return False
            await tx.projects.save(after)
            await tx.projects.mark_unsettled(project_id)
            return True

    async def settle(self, project_id: ProjectId) -> None:
        """Have each launcher of a project follow the source that its links give it."""
        seen: Project | None = None
        while True:
            async with self._store.reading() as tx:
                project = await _find(tx, project_id)
            if project is None:
                return
            # Links that changed while launchers were settled may have changed for one
            # that was settled before: once more, until nothing changes.
            if seen is not None and project.repositories == seen.repositories:
                break
            await self._settle_launchers(project)
            seen = project
        async with self._store.transaction(project_lock(project_id)) as tx:
            current = await _find(tx, project_id)
            if current is not None and current.repositories == seen.repositories:
                await tx.projects.mark_settled(project_id)

    async def _settle_launchers(self, project: Project) -> None:
        page = PageRequest(limit=_PAGE)
        while True:
            async with self._store.reading() as tx:
                found = await tx.launchers.list(page, project=project.id)
                wrong = await _misread(tx, project, found)
            for launcher in wrong:
                # Somebody changes it at this moment, under the lock of the project: by
                # the links of now.
                with suppress(ConflictError):
                    await self._launchers.settle_access(launcher.id)
            if len(found.items) < _PAGE:
                return
            page = _after(found.items[-1])


def _after(last: Launcher | Project) -> PageRequest:
    return PageRequest(limit=_PAGE, after=Cursor(at=last.created_at, id=last.id))


def _ruled(project: Project, rules: GrantRules) -> Project:
    links = tuple(rules.apply(project.id, link) for link in project.repositories)
    return replace(project, repositories=links)


async def _find(tx: Transaction, project_id: ProjectId) -> Project | None:
    try:
        return await tx.projects.get(project_id)
    except NotFoundError:
        return None


async def _misread(
    tx: Transaction, project: Project, launchers: Page[Launcher]
) -> list[Launcher]:
    ids = {launcher.source_id for launcher in launchers if launcher.source_id}
    sources = {source.id: source for source in await tx.sources.get_many(ids)}
    wrong = []
    for launcher in launchers:
        source = sources.get(launcher.source_id) if launcher.source_id else None
        if source is None:
            continue
        named = named_repository(launcher, source)
        if project.access_to(named) is not source.access:
            wrong.append(launcher)
    return wrong
