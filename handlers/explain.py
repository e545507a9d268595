"""Why did this happen, or not? One text in, the whole chain out."""

from aiohttp import web

from handlers.answering import tell
from handlers.keys import STORE
from handlers.reading import read_query
from handlers.shapes.explanations import ExplanationQuery
from handlers.stories import tell_story
from handlers.threads import find_thread

__all__ = ["explain"]


async def explain(request: web.Request) -> web.Response:
    """Explain a delivery, commit, launcher, build or evaluation."""
    text = read_query(request, ExplanationQuery).of.strip()
    async with request.app[STORE].reading() as tx:
        thread = await find_thread(tx, text)
        return tell(await tell_story(tx, text, thread))
