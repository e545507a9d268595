"""What every page shows around its own content: who is signed in, and the menu."""

from datetime import datetime
from typing import Any

from aiohttp import web

from handlers.app_keys import CLOCK
from handlers.auth import caller_of
from handlers.page.cookies import session_of
from handlers.page.guard import CSRF_FIELD, csrf_token
from handlers.page.rendering import RENDERER
from service.domain.rights.caller import Caller
from service.errors import InvalidRequestError

__all__ = ["field", "show", "surroundings"]


def surroundings(request: web.Request) -> dict[str, Any]:
    """Return what the templates of the frame need."""
    caller: Caller = caller_of(request)
    now: datetime = request.app[CLOCK].now()
    return {
        "caller": caller,
        "now": now,
        "path": request.path,
        "csrf": csrf_token(session_of(request)),
        "csrf_field": CSRF_FIELD,
    }


def show(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    **context: Any,  # noqa: ANN401 - whatever the template shows
) -> web.Response:
    """Answer with a page."""
    return request.app[RENDERER].page(
        template, status=status, **surroundings(request), **context
    )


async def field(request: web.Request, name: str, *, longest: int = 500) -> str:
    """Return a field of the form that was sent; empty when it was not.

    Raises:
        InvalidRequestError: It is longer than anything that is right.
    """
    value = (await request.post()).get(name, "")
    text = value.strip() if isinstance(value, str) else ""
    if len(text) > longest:
        raise InvalidRequestError(
            f"{name}: expected at most {longest} characters, and there are {len(text)}"
        )
    return text
