"""Why? What led to a launcher's image, from the deliveries on, as a picture."""

from http import HTTPStatus
from typing import Final

from aiohttp import web

from handlers.app_keys import EXPLAINER
from handlers.auth import caller_of
from handlers.page.context import field, show
from handlers.page.views.launcher import launcher_id_of
from handlers.usecases.explain.sentences import WHY
from service.errors import NotFoundError

__all__ = ["explain_anything", "explain_launcher", "explain_named"]

_LONGEST: Final = 500


async def explain_launcher(request: web.Request) -> web.Response:
    """Show the causal record of a launcher, newest first."""
    launcher_id = launcher_id_of(request)
    explanation = await request.app[EXPLAINER].explain(launcher_id, caller_of(request))
    return _show(request, explanation)


async def explain_named(request: web.Request) -> web.Response:
    """Show the causal record of what a link names: a delivery, a build."""
    return await _explain(request, request.query.get("of", "").strip()[:_LONGEST])


async def explain_anything(request: web.Request) -> web.Response:
    """Show the causal record of what a person has typed: a commit, a launcher's name.

    It is sent, and stands in no URL.
    """
    return await _explain(request, await field(request, "of", longest=_LONGEST))


async def _explain(request: web.Request, text: str) -> web.Response:
    if not text:
        return show(request, "why_ask.html", text="", mistakes={})
    try:
        found = await request.app[EXPLAINER].explain(text, caller_of(request))
    except NotFoundError as exc:
        return show(
            request,
            "why_ask.html",
            status=HTTPStatus.NOT_FOUND,
            text=text,
            mistakes={"of": str(exc)},
        )
    return _show(request, found)


def _show(request: web.Request, explanation: object) -> web.Response:
    return show(request, "why.html", explanation=explanation, triggers=WHY)
