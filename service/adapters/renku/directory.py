"""Projects and launchers of an upstream Renku."""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus

from service.adapters.renku.answers import (
    BuildAnswer,
    LauncherAnswer,
    ProjectAnswer,
    parse,
)
from service.adapters.renku.client import RenkuClient
from service.adapters.renku.errors import UpstreamRefusedError
from service.domain.building.build import EnvironmentId
from service.domain.rights.caller import ProjectId
from service.errors import PermanentError
from service.ports.upstream import UpstreamLauncher, UpstreamProject

__all__ = ["RenkuDirectory"]


class RenkuDirectory:
    """Implement the port `UpstreamDirectory`.

    Args:
        client: Asks Renku.
        projects: Of the settings: ids, or `namespace/slug`.
    """

    def __init__(self, *, client: RenkuClient, projects: Sequence[str]) -> None:
        self._client = client
        self._projects = projects

    async def check(self) -> None:
        """Check that URL, credential and projects are what they should be.

        Raises:
            PermanentError: One is not; the message names its setting.
            TransientError: Renku does not answer.
        """
        try:
            # Anybody may ask it, so a wrong URL differs from a wrong credential.
            await self._client.get("version")
        except UpstreamRefusedError as exc:
            if exc.status == HTTPStatus.UNAUTHORIZED:
                raise
            raise PermanentError(
                f"RELAUNCH_LAUNCHERS: {self._client.url} is no Renku: {exc}"
            ) from exc
        try:
            await self._client.get("user")
        except UpstreamRefusedError as exc:
            raise PermanentError(
                "RELAUNCH_RENKU_TOKEN, or what RELAUNCH_RENKU_CLIENT_ID gets tokens "
                f"with, is not accepted: {exc}"
            ) from exc
        await self.projects()

    async def projects(
        self, *, failed: Callable[[PermanentError], None] | None = None
    ) -> Sequence[UpstreamProject]:
        found = []
        for name in self._projects:
            try:
                found.append(await self._project(name))
            except PermanentError as exc:
                if failed is None:
                    raise
                failed(exc)
        return found

    async def _project(self, name: str) -> UpstreamProject:
        path: tuple[str, ...] = ("projects", name)
        if "/" in name:
            namespace, _, slug = name.rpartition("/")
            path = ("namespaces", namespace, "projects", slug)
        try:
            found = await self._client.get(*path)
        except UpstreamRefusedError as exc:
            raise PermanentError(
                f"RELAUNCH_RENKU_PROJECTS: the project {name!r} does not exist in "
                f"Renku, or the account of this service is no member of it: {exc}"
            ) from exc
        return parse(ProjectAnswer, found, what=f"the project {name!r}").to_project()

    async def launchers(self, project: ProjectId) -> Sequence[UpstreamLauncher]:
        found = await self._client.get_all("projects", project, "session_launchers")
        what = f"the list of launchers of project {project}"
        answers = parse(list[LauncherAnswer], found, what=what)
        launchers = [answer.to_launcher() for answer in answers]
        return [launcher for launcher in launchers if launcher is not None]

    async def newest_build(self, environment: EnvironmentId) -> datetime | None:
        try:
            found = await self._client.get("environments", environment, "builds")
        except UpstreamRefusedError:
            return None  # gone with its launcher, which the next round shows
        what = f"the list of builds of environment {environment}"
        builds = parse(list[BuildAnswer], found, what=what)
        return max((build.created_at for build in builds), default=None)
