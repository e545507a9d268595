"""Ask before what cannot be undone at once: a page of its own, with what will happen.

No dialog of a script: it is there without one, is read out like any page, and no part
that is exchanged closes it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from aiohttp import web

from handlers.app_keys import BUS, PINS, STORE
from handlers.page.context import show
from handlers.page.views.hook_parts import hook_id_of
from handlers.page.views.launcher import launcher_id_of
from handlers.page.words import moment, short_url
from service.domain.building.build import RebuildId
from service.domain.hook import Hook
from service.errors import NotFoundError

__all__ = [
    "confirm_drop",
    "confirm_hook_removal",
    "confirm_launcher_removal",
    "confirm_retiring",
    "confirm_roll_back",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a person is asked; the answer goes to where it was asked."""

    title: str
    about: str
    """What it is about, by its name."""
    consequence: str
    verb: str
    back: str
    is_dangerous: bool = True
    fields: Mapping[str, str] = field(default_factory=dict)


async def confirm_launcher_removal(request: web.Request) -> web.Response:
    """Ask whether to remove a launcher."""
    async with request.app[STORE].reading() as tx:
        launcher = await tx.launchers.get(launcher_id_of(request))
    question = Question(
        title="Remove this launcher?",
        about=launcher.name,
        consequence="Its builds are cancelled, and nobody starts sessions from it any "
        "more. History and images stay.",
        verb="Remove",
        back=f"/launchers/{launcher.id}",
    )
    return _ask(request, question)


async def confirm_roll_back(request: web.Request) -> web.Response:
    """Ask whether to move a launcher back to the image of a build."""
    build_id = RebuildId(request.query.get("build", "")[:26].upper())
    launcher_id = launcher_id_of(request)
    build = await request.app[PINS].find_earlier(launcher_id, build_id)
    async with request.app[STORE].reading() as tx:
        launcher = await tx.launchers.get(launcher_id)
    commit = f" of commit {build.plan.commit[:8]}" if build.plan else ""
    question = Question(
        title="Roll back?",
        about=launcher.name,
        consequence=f"New sessions start from the image{commit} again, built "
        f"{moment(build.completed_at)}. The launcher is pinned at it: no push changes "
        "it until somebody presses Unpin.",
        verb="Roll back",
        back=f"/launchers/{launcher.id}",
        is_dangerous=False,
        fields={"build": build.id},
    )
    return _ask(request, question)


async def confirm_hook_removal(request: web.Request) -> web.Response:
    """Ask whether to remove a webhook."""
    hook = await _hook(request)
    question = Question(
        title="Remove this webhook?",
        about=short_url(hook.repository.url),
        consequence="Its deliveries are refused from then on; pushes are found by the "
        "sweep, some minutes later.",
        verb="Remove",
        back=f"/hooks/{hook.id}",
    )
    return _ask(request, question)


async def confirm_retiring(request: web.Request) -> web.Response:
    """Ask whether to drop the older secret of a webhook."""
    hook = await _hook(request)
    question = Question(
        title="Retire the older secret?",
        about=short_url(hook.repository.url),
        consequence="Deliveries that the forge still signs with it are refused from "
        "then on. The newer one goes on being accepted.",
        verb="Retire it",
        back=f"/hooks/{hook.id}",
    )
    return _ask(request, question)


async def confirm_drop(request: web.Request) -> web.Response:
    """Ask whether to forget a message that nobody could handle."""
    wanted = request.match_info["letter_id"]
    letters = {letter.id: letter for letter in await request.app[BUS].dead_letters()}
    if wanted not in letters:
        raise NotFoundError("There is no such message any more.")
    question = Question(
        title="Forget this message?",
        about=f"{letters[wanted].role}: {letters[wanted].error}",
        consequence="What it was about is not done.",
        verb="Drop",
        back="/operation",
    )
    return _ask(request, question)


async def _hook(request: web.Request) -> Hook:
    async with request.app[STORE].reading() as tx:
        return await tx.hooks.get(hook_id_of(request))


def _ask(request: web.Request, question: Question) -> web.Response:
    return show(request, "confirm.html", question=question)
