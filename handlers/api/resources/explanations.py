"""Why did this happen, or not? One text in, the whole chain out."""

from aiohttp import web

from handlers.api.requests import read_query
from handlers.api.responses import json_response
from handlers.api.schemas.explanations import ExplanationQuery
from handlers.app_keys import EXPLAINER
from handlers.auth import caller_of

__all__ = ["explain"]


async def explain(request: web.Request) -> web.Response:
    """Explain a delivery, commit, launcher, build or evaluation."""
    text = read_query(request, ExplanationQuery).of.strip()
    return json_response(await request.app[EXPLAINER].explain(text, caller_of(request)))
