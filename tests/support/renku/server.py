"""A stand-in of Renku's data service, no more lenient than it.

What concerns builds is as in renku-data-services (RDS) `session/db.py` and
`session/blueprints.py`; a request that Renku has no route for fails the test.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.renku.accounts import TOKEN_PATH, Accounts
from tests.support.renku.state import (
    Build,
    BuildRun,
    Environment,
    Launcher,
    Project,
    new_id,
    now,
)
from tests.support.repos import Repo

API = "/api/data"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RenkuError(Exception):
    """`errors/errors.py`: a status, and a code that is 1000 more unless it is told."""

    def __init__(self, status: int, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code or 1000 + status


@dataclass(slots=True)
class Renku:
    """A running stand-in, and what is ordered of it."""

    accounts: Accounts = field(default_factory=Accounts)
    projects: dict[str, Project] = field(default_factory=dict)
    url: str = ""
    is_away: bool = False
    """Whether its ingress answers in its place."""
    may_write: bool = True
    """Whether the account is an editor of its projects."""
    may_read: bool = True
    has_credential: bool = True
    """Whether the account is connected to the repository's host."""
    loses_answers: int = 0
    """How many builds are started whose answer is lost on the way."""
    seen: list[str] = field(default_factory=list)
    """Method and path of every request to the API."""
    strange: list[str] = field(default_factory=list)
    """Requests that Renku would not know."""

    # orders

    def add_project(self, slug: str = "course") -> Project:
        project = Project(id=new_id(), slug=slug)
        self.projects[project.id] = project
        return project

    def add_launcher(
        self, project: Project, repo: Repo, *, url: str = "", **parameters: Any
    ) -> Launcher:
        name = f"launcher {len(project.launchers) + 1}"
        environment = Environment(
            id=new_id(),
            name=name,
            parameters={
                "repository": url or repo.url,
                "builder_variant": "python",
                "frontend_variant": "vscodium",
                "platforms": ["linux/amd64"],
                **parameters,
            },
            repo=repo,
        )
        launcher = Launcher(
            id=new_id(), project_id=project.id, name=name, environment=environment
        )
        project.launchers.append(launcher)
        return launcher

    def start(self, environment: Environment) -> Build:
        """Start a build as a person does on the page."""
        run = BuildRun(commit=environment.repo.tip())
        build = Build(id=new_id(), environment=environment, created_at=now(), run=run)
        environment.builds.insert(0, build)
        return build

    def end(
        self,
        environment: Environment,
        *,
        commit: str | None = None,
        failure: str | None = None,
        log: str = "installing\ndone",
    ) -> Build:
        """Have the cluster end the build that runs; nobody is told."""
        build = next(one for one in environment.builds if one.status == "in_progress")
        assert build.run is not None
        build.run.is_complete, build.run.failure = True, failure
        build.run.log = log
        if commit is not None:
            build.run.commit = commit
        return build

    def built(self, environment: Environment) -> Build:
        """Have a person build an environment, and wait for it."""
        self.start(environment)
        build = self.end(environment)
        build.refresh()
        return build

    def posts(self) -> int:
        """Count the builds that were asked for."""
        return sum(line.startswith("POST ") for line in self.seen)

    # answers

    @web.middleware
    async def middleware(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        if request.path == TOKEN_PATH:
            return await handler(request)
        self.seen.append(f"{request.method} {request.path.removeprefix(API)}")
        if self.is_away:
            return web.Response(status=502, text="<html>Bad Gateway</html>")
        try:
            return await handler(request)
        except RenkuError as exc:
            body = {"code": exc.code, "message": str(exc)}
            return web.json_response({"error": body}, status=exc.status)
        except web.HTTPNotFound:
            self.strange.append(f"{request.method} {request.path_qs}")
            raise

    def _project(self, project: Project | None, name: str) -> Project:
        # Lack of permission is answered 404: `errors/errors.py`.
        if project is None or not self.may_read:
            raise RenkuError(
                404,
                f"Project with id '{name}' does not exist or you do not have access to "
                "it.",
            )
        return project

    def _visible(self, request: web.Request, project: Project | None) -> Project | None:
        is_hidden = project and project.is_private and not self.accounts.knows(request)
        return None if is_hidden else project

    async def user(self, request: web.Request) -> web.Response:
        if not self.accounts.knows(request):
            raise RenkuError(401, "You have to be authenticated to perform this.")
        return web.json_response({"id": "ada-1", "username": "ada", "is_admin": False})

    async def project(self, request: web.Request) -> web.Response:
        name = request.match_info["project"]
        found = self._visible(request, self.projects.get(name))
        return web.json_response(self._project(found, name).body())

    async def project_by_slug(self, request: web.Request) -> web.Response:
        slug = request.match_info["slug"]
        named = (one for one in self.projects.values() if one.slug == slug)
        found = self._visible(request, next(named, None))
        return web.json_response(self._project(found, slug).body())

    async def launchers(self, request: web.Request) -> web.Response:
        name = request.match_info["project"]
        project = self._project(self._visible(request, self.projects.get(name)), name)
        shown = [launcher.body() for launcher in reversed(project.launchers)]
        return web.json_response(shown)

    def _environment(self, request: web.Request, *, writes: bool) -> Environment:
        id_ = request.match_info["environment"]
        for project in self.projects.values():
            for launcher in project.launchers:
                if launcher.environment.id == id_:
                    self._check(
                        request, project, f"Environment with id '{id_}'", writes=writes
                    )
                    return launcher.environment
        raise _absent(f"Environment with id '{id_}'")

    def _build(self, request: web.Request, *, writes: bool) -> Build:
        id_ = request.match_info["build"]
        for project in self.projects.values():
            for launcher in project.launchers:
                for build in launcher.environment.builds:
                    if build.id == id_:
                        self._check(
                            request, project, f"Build with id '{id_}'", writes=writes
                        )
                        return build
        raise _absent(f"Build with id '{id_}'")

    def _check(
        self, request: web.Request, project: Project, what: str, *, writes: bool
    ) -> None:
        is_hidden = self._visible(request, project) is None or not self.may_read
        if is_hidden or (writes and not self.may_write):
            raise _absent(what)

    async def start_build(self, request: web.Request) -> web.Response:
        """`start_build` of `session/db.py`, in its order."""
        if not self.accounts.knows(request):
            raise RenkuError(401, "You have to be authenticated to perform this.")
        environment = self._environment(request, writes=True)
        if await request.read():
            self.strange.append("a build is started without a body")
        for build in environment.builds:
            build.refresh()
        if any(build.status == "in_progress" for build in environment.builds):
            raise RenkuError(
                409,
                f"Session environment with id '{environment.id}' already has a build "
                "in progress.",
            )
        if environment.cannot_start:
            # CannotStartBuildError
            raise RenkuError(500, environment.cannot_start, code=1512)
        if not self.has_credential:
            url = environment.parameters["repository"]
            raise RenkuError(
                401,
                "You do not have the required credentials to clone the code "
                f"repository {url}.",
            )
        build = self.start(environment)
        if self.loses_answers:
            self.loses_answers -= 1
            assert request.transport is not None
            request.transport.abort()
        return web.json_response(build.body(), status=201)

    async def builds(self, request: web.Request) -> web.Response:
        environment = self._environment(request, writes=False)
        for build in environment.builds:
            build.refresh()
        return web.json_response([build.body() for build in environment.builds])

    async def build(self, request: web.Request) -> web.Response:
        build = self._build(request, writes=False)
        build.refresh()
        return web.json_response(build.body())

    async def update_build(self, request: web.Request) -> web.Response:
        """`update_build` of `session/db.py`; `BuildPatch` forbids further fields."""
        build = self._build(request, writes=True)
        body = await request.json()
        if body != {"status": "cancelled"}:
            raise RenkuError(422, "There are errors in the following fields, status")
        build.refresh()
        if build.status in {"succeeded", "failed"}:
            raise RenkuError(
                422,
                f"Cannot update build with id '{build.id}': the build has status "
                f"{build.status}.",
            )
        build.status = "cancelled"
        return web.json_response(build.body())

    async def logs(self, request: web.Request) -> web.Response:
        build = self._build(request, writes=True)
        if set(request.query) - {"max_lines"}:
            raise RenkuError(422, "There are errors in the following fields")
        if build.run is None:
            raise _absent(f"Build with id '{build.id}'")
        lines = build.run.log.splitlines()
        most = int(request.query.get("max_lines", "250"))
        return web.json_response({"step-build": "\n".join(lines[-most:])})


def _absent(what: str) -> RenkuError:
    return RenkuError(404, f"{what} does not exist or you do not have access to it.")


async def _version(_request: web.Request) -> web.Response:
    return web.json_response({"version": "0.80.1"})


@asynccontextmanager
async def a_renku() -> AsyncIterator[Renku]:
    """Run a stand-in; whatever Renku does not know fails the test."""
    renku = Renku()
    app = web.Application(middlewares=[renku.middleware])
    app.add_routes(
        [
            web.post(TOKEN_PATH, renku.accounts.give),
            web.get(f"{API}/version", _version),
            web.get(f"{API}/user", renku.user),
            web.get(f"{API}/projects/{{project}}", renku.project),
            web.get(f"{API}/namespaces/ada/projects/{{slug}}", renku.project_by_slug),
            web.get(f"{API}/projects/{{project}}/session_launchers", renku.launchers),
            web.get(f"{API}/environments/{{environment}}/builds", renku.builds),
            web.post(f"{API}/environments/{{environment}}/builds", renku.start_build),
            web.get(f"{API}/builds/{{build}}", renku.build),
            web.patch(f"{API}/builds/{{build}}", renku.update_build),
            web.get(f"{API}/builds/{{build}}/logs", renku.logs),
        ]
    )
    async with TestServer(app, shutdown_timeout=0.1) as server:
        renku.url = str(server.make_url("/")).rstrip("/")
        yield renku
    assert renku.strange == []
