"""Messages that no consumer could handle: list, give back, drop."""

from aiohttp import web

from handlers.api.requests import named, read_query
from handlers.api.responses import no_content, page_of, paginated
from handlers.api.schemas.dead_letters import DeadLetterResponse, DeadLettersQuery
from handlers.app_keys import BUS

__all__ = ["drop_dead_letter", "list_dead_letters", "requeue_dead_letter"]


async def list_dead_letters(request: web.Request) -> web.Response:
    """List messages that nobody could handle, oldest first."""
    query = read_query(request, DeadLettersQuery)
    wanted = page_of(request, query)
    letters = await request.app[BUS].dead_letters(query.role)
    shown = letters[wanted.offset : wanted.offset + wanted.limit]
    models = [DeadLetterResponse.of(letter) for letter in shown]
    return paginated(request, wanted, models, len(letters))


async def requeue_dead_letter(request: web.Request) -> web.Response:
    """Give a dead letter to its role again."""
    await request.app[BUS].requeue(named(request, "letter_id", what="Dead letter"))
    return no_content()


async def drop_dead_letter(request: web.Request) -> web.Response:
    """Forget a dead letter."""
    await request.app[BUS].drop(named(request, "letter_id", what="Dead letter"))
    return no_content()
