"""Why? What led to a launcher's image, from the deliveries on, as a picture."""

from aiohttp import web

from handlers.app_keys import EXPLAINER
from handlers.auth import caller_of
from handlers.page.context import show
from handlers.page.views.launcher import launcher_id_of
from handlers.usecases.explain.sentences import WHY

__all__ = ["explain_anything", "explain_launcher"]


async def explain_launcher(request: web.Request) -> web.Response:
    """Show the causal record of a launcher, newest first."""
    launcher_id = launcher_id_of(request)
    explanation = await request.app[EXPLAINER].explain(launcher_id, caller_of(request))
    return _show(request, explanation)


async def explain_anything(request: web.Request) -> web.Response:
    """Show the causal record of whatever a text names: a commit, say."""
    text = request.query.get("of", "").strip()[:500]
    if not text:
        return show(request, "why_ask.html", text=text)
    return _show(
        request, await request.app[EXPLAINER].explain(text, caller_of(request))
    )


def _show(request: web.Request, explanation: object) -> web.Response:
    return show(request, "why.html", explanation=explanation, triggers=WHY)
