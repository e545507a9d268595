"""Create a launcher from code: probe a repository, choose, begin the first build."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Final, Self

from aiohttp import web

from handlers.app_keys import AUTHORIZER, BUILDER, LAUNCHERS, POOLS, STORE
from handlers.auth import caller_of
from handlers.page.context import field as form_field, show
from handlers.page.keys import PROBER
from handlers.page.launcher_form import (
    FIELDS,
    LABELS,
    FormError,
    parse_folder,
    parse_form,
)
from handlers.page.words import FRONTENDS
from service.domain.rights.caller import MemberRole, ProjectId
from service.domain.rights.decision import Permission, Subject
from service.domain.rights.project import DEFAULT_PROJECT, Project
from service.errors import (
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    RequestError,
    ServiceError,
    TransientError,
)
from service.usecases.environments.build_options import BuildOptions
from service.usecases.environments.probe import RepositoryReport

__all__ = ["show_form", "submit_form"]

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
PROBE: Final = "probe"
"""The field of the form that only reads the repository. Sent and not asked for, so
that the address of a private one stands in no history and in no log of a proxy."""
_NAMED: Final[Mapping[str, str]] = {"repository": "url"}
"""Fields that the form calls otherwise than the command does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """The form as a person has filled it."""

    fields: Mapping[str, str]
    report: RepositoryReport | None = None
    problem: str = ""
    """What is wrong, and is no mistake in a field."""
    mistakes: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with fields, in their order on the page."""
    is_sent: bool = False
    """Whether the launcher was to be added, and not only its repository read."""

    def with_refusal(self, refusal: ServiceError) -> Self:
        """Return the form with a refusal, at the field that it is about."""
        named = refusal.field if isinstance(refusal, RequestError) else ""
        named = _NAMED.get(named, named)
        if isinstance(refusal, FormError):
            found: Mapping[str, str] = refusal.mistakes
        elif named in FIELDS:
            found = {named: str(refusal)}
        else:
            return replace(self, problem=str(refusal))
        found = {**self.mistakes, **found}
        return replace(
            self, mistakes={name: found[name] for name in FIELDS if name in found}
        )


async def show_form(request: web.Request) -> web.Response:
    """Ask for a repository; show what it holds once one was given."""
    given = {name: request.query.get(name, "").strip()[:500] for name in FIELDS}
    return await _show(request, await _probe(request, given))


async def submit_form(request: web.Request) -> web.Response:
    """Create the launcher, whose first build begins at once; or only read on."""
    given = {name: await form_field(request, name, longest=2000) for name in FIELDS}
    if await form_field(request, PROBE):
        return await _show(request, await _probe(request, given))
    return await _create(request, given)


async def _create(request: web.Request, given: Mapping[str, str]) -> web.Response:
    project = ProjectId(given["project"] or DEFAULT_PROJECT)
    await request.app[AUTHORIZER].check(
        caller_of(request), Permission.EDITOR, Subject.PROJECT, project
    )
    try:
        new = parse_form(given, project, _frontends(request))
        grants = caller_of(request).may_administer
        launcher, _ = await request.app[LAUNCHERS].add(replace(new, may_grant=grants))
    except (InvalidRequestError, ConflictError) as exc:
        filled = replace(await _probe(request, given), is_sent=True)
        return await _show(
            request, filled.with_refusal(exc), status=HTTPStatus.UNPROCESSABLE_ENTITY
        )
    return web.Response(
        status=303, headers={"Location": f"/launchers/{launcher.id}/connect"}
    )


async def _probe(request: web.Request, given: Mapping[str, str]) -> Filled:
    filled = Filled(fields=given)
    if not given["url"]:
        return filled
    try:
        folder = parse_folder(given["context_dir"])
    except ValueError as exc:
        return filled.with_refusal(FormError({"context_dir": str(exc)}))
    try:
        report = await request.app[PROBER].probe(
            caller_of(request),
            given["url"],
            revision=given["revision"],
            context_dir=folder,
        )
    except (InvalidRequestError, NotFoundError, TransientError) as exc:
        return filled.with_refusal(exc)
    return replace(filled, report=report)


async def _show(
    request: web.Request, filled: Filled, *, status: int = 200
) -> web.Response:
    frontends = _frontends(request)
    return show(
        request,
        "create.html",
        status=status,
        filled=filled,
        labels=LABELS,
        frontends=frontends,
        examples=EXAMPLES,
        pools=request.app[POOLS],
        projects=await _projects(request),
        chosen=filled.fields["frontend"] or next(iter(frontends), "none"),
    )


def _frontends(request: web.Request) -> Mapping[str, str]:
    made = BuildOptions.of(request.app[BUILDER]).frontends
    return {name: label for name, label in FRONTENDS.items() if name in made}


async def _projects(request: web.Request) -> Sequence[Project]:
    """Return the projects that the person may add launchers to."""
    editable = caller_of(request).filter(MemberRole.EDITOR)
    async with request.app[STORE].reading() as tx:
        return list(await tx.projects.list(visible=editable))
