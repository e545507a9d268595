"""Create a launcher from code: probe a repository, choose, begin the first build."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from handlers.app_keys import AUTHORIZER, LAUNCHERS, POOLS, STORE
from handlers.auth import caller_of
from handlers.page.context import field, show
from handlers.page.keys import PROBER
from service.domain.launcher import RebuildSchedule, UpdatePolicy
from service.domain.rights.caller import MemberRole, ProjectId
from service.domain.rights.project import DEFAULT_PROJECT, Project
from service.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    TransientError,
)
from service.usecases.environments.changer import DEFAULT_PLATFORM
from service.usecases.environments.probe import RepositoryReport
from service.usecases.launcher_commands import NewLauncher

__all__ = ["create_launcher", "show_form"]

FRONTENDS: Final[Mapping[str, str]] = {
    "jupyterlab": "JupyterLab",
    "vscodium": "VSCodium",
    "ttyd": "Terminal (ttyd)",
    "none": "None",
}
EXAMPLES: Final[Mapping[str, str]] = {
    "Streamlit": "streamlit run app.py --server.port=8888 --server.address=0.0.0.0 "
    "--server.baseUrlPath=$RENKU_BASE_URL_PATH",
    "Dash": "gunicorn app:server --bind=0.0.0.0:8888",
    "Panel": "panel serve app.py --port=8888 --address=0.0.0.0 "
    "--allow-websocket-origin=* --prefix=$RENKU_BASE_URL_PATH",
    "Voilà": "voila notebook.ipynb --port=8888 --no-browser --Voila.ip=0.0.0.0 "
    "--base_url=$RENKU_BASE_URL_PATH",
    "Gradio": "GRADIO_SERVER_PORT=8888 GRADIO_SERVER_NAME=0.0.0.0 python app.py",
}
"""What the usual dashboards are started with, to be adapted: the argument of a shell,
whose command is `["bash", "-c"]`."""
FIELDS: Final = (
    "url",
    "revision",
    "context_dir",
    "project",
    "name",
    "frontend",
    "policy",
    "schedule",
    "disk_storage",
    "resource_class_id",
    "command",
    "args",
)
_LONGEST_NAME: Final = 99
_LONGEST_NUMBER: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The form as a person has filled it."""

    fields: Mapping[str, str]
    report: RepositoryReport | None = None
    problem: str = ""


async def show_form(request: web.Request) -> web.Response:
    """Ask for a repository; show what it holds once one was given."""
    given = {name: request.query.get(name, "").strip()[:500] for name in FIELDS}
    return await _show(request, await _probe(request, given))


async def create_launcher(request: web.Request) -> web.Response:
    """Create the launcher; its first build begins at once."""
    given = {name: await field(request, name, longest=2000) for name in FIELDS}
    project = ProjectId(given["project"] or DEFAULT_PROJECT)
    await request.app[AUTHORIZER].check_project(
        caller_of(request), MemberRole.EDITOR, project
    )
    try:
        new = _command(given, project)
        grants = caller_of(request).may_administer
        launcher, _ = await request.app[LAUNCHERS].add(replace(new, may_grant=grants))
    except (InvalidRequestError, ConflictError) as exc:
        filled = await _probe(request, given)
        shown = Filled(fields=given, report=filled.report, problem=str(exc))
        return await _show(request, shown, status=422)
    return web.Response(
        status=303, headers={"Location": f"/launchers/{launcher.id}/connect"}
    )


async def _probe(request: web.Request, given: Mapping[str, str]) -> Filled:
    if not given["url"]:
        return Filled(fields=given)
    try:
        report = await request.app[PROBER].probe(
            caller_of(request),
            given["url"],
            revision=given["revision"],
            context_dir=given["context_dir"].strip("/"),
        )
    except (InvalidRequestError, NotFoundError, TransientError) as exc:
        return Filled(fields=given, problem=str(exc))
    return Filled(fields=given, report=report)


async def _show(
    request: web.Request, filled: Filled, *, status: int = 200
) -> web.Response:
    prober = request.app[PROBER]
    frontends = {
        name: label for name, label in FRONTENDS.items() if prober.provides(name)
    }
    return show(
        request,
        "create.html",
        status=status,
        filled=filled,
        frontends=frontends,
        examples=EXAMPLES,
        pools=request.app[POOLS],
        projects=await _projects(request),
        chosen=filled.fields["frontend"] or next(iter(frontends), "none"),
    )


async def _projects(request: web.Request) -> Sequence[Project]:
    """Return the projects that the person may add launchers to."""
    editable = caller_of(request).filter(MemberRole.EDITOR)
    async with request.app[STORE].reading() as tx:
        return list(await tx.projects.list(visible=editable))


def _command(given: Mapping[str, str], project: ProjectId) -> NewLauncher:
    name = given["name"]
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidRequestError(
            f"Name: expected 1 to {_LONGEST_NAME} characters without control characters"
        )
    return NewLauncher(
        name=name,
        project_id=project,
        repository=given["url"],
        revision=given["revision"],
        context_dir=_folder(given["context_dir"]),
        builder="python",
        frontend=given["frontend"],
        platform=DEFAULT_PLATFORM,
        policy=_policy(given["policy"]),
        schedule=_schedule(given["schedule"]),
        disk_storage=_number(given["disk_storage"], "Disk"),
        resource_class_id=_number(given["resource_class_id"], "Resource class"),
        command=_words(given["command"], "Command"),
        args=_words(given["args"], "Args"),
    )


def _policy(text: str) -> UpdatePolicy:
    try:
        return UpdatePolicy(text or UpdatePolicy.AUTOMATIC.value)
    except ValueError:
        raise InvalidRequestError(f"Updates: {text[:40]!r} is no choice") from None


def _schedule(text: str) -> RebuildSchedule:
    try:
        return RebuildSchedule(text or RebuildSchedule.NEVER.value)
    except ValueError:
        raise InvalidRequestError(f"Rebuilt: {text[:40]!r} is no choice") from None


def _folder(text: str) -> str:
    folder = text.strip("/").removeprefix("./")
    if ".." in folder.split("/"):
        raise InvalidRequestError(
            "Folder: expected a folder of the repository, such as `env`"
        )
    return folder


def _number(text: str, label: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER):
        raise InvalidRequestError(f"{label}: expected a whole number")
    return int(text)


def _words(text: str, label: str) -> tuple[str, ...]:
    """Read a command as Renku takes it: a list of texts in JSON."""
    if not text:
        return ()
    try:
        words = json.loads(text)
    except ValueError:
        words = None
    if not isinstance(words, list) or not all(isinstance(item, str) for item in words):
        raise InvalidRequestError(
            f'{label}: expected a list of texts in JSON, such as ["bash", "-c"]'
        )
    return tuple(words)
