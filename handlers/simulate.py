"""What would a delivery lead to? Everything but the doing."""

from collections.abc import Mapping
from typing import Final

from aiohttp import web
from multidict import CIMultiDict

from handlers.answering import tell
from handlers.keys import CLOCK, STORE
from handlers.reading import read_body
from handlers.shapes.simulations import Simulation, SimulationPost, SourceOutlook
from handlers.story_lines import file_line, finding_line
from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook, HookId, Proof, Secret
from service.domain.push import Ignored, Push
from service.domain.repository import Repository
from service.errors import (
    BadSignatureError,
    DeliveryError,
    InvalidRequestError,
    MalformedDeliveryError,
)
from service.forges.codec import CODECS
from service.forges.payload import FORM, JSON, content, decoded

__all__ = ["simulate"]

USUAL: Final[Mapping[Forge, Mapping[str, str]]] = {
    Forge.GITHUB: {"content-type": JSON, "x-github-event": "push"},
    Forge.GITLAB: {"content-type": JSON, "x-gitlab-event": "Push Hook"},
}
"""Headers of a push, where a payload is all that somebody has."""

PLACES: Final[Mapping[Forge, tuple[str, tuple[str, ...]]]] = {
    Forge.GITHUB: ("repository", ("clone_url", "html_url", "url")),
    Forge.GITLAB: ("project", ("git_http_url", "http_url", "web_url")),
}
"""Where payloads name their repository."""


async def simulate(request: web.Request) -> web.Response:
    """Say what a delivery would lead to now; nothing is done.

    With `hook_id` the delivery is verified as if it came through that hook. Without,
    it is taken at its word.
    """
    asked = await read_body(request, SimulationPost)
    delivery = _delivery(request, asked)
    try:
        hook, verified = await _hook(request, asked, delivery)
        told = CODECS[hook.forge].parse(hook, delivery)
    except DeliveryError as exc:
        return tell(_refused(exc))
    if isinstance(told, Ignored):
        return tell(_ignored(told, verified=verified))
    # Reading definitions is for who simulates; a receiver starts without it.
    from handlers.outlook import outlook  # noqa: PLC0415

    return tell(_followed(told, await outlook(request.app, told), verified=verified))


def _delivery(request: web.Request, asked: SimulationPost) -> Delivery:
    headers = CIMultiDict(USUAL[Forge(asked.forge)])
    for name, given in asked.headers.items():
        headers.popall(name, None)
        for value in (given,) if isinstance(given, str) else given:
            headers.add(name, value)
    return Delivery(
        headers=headers,
        body=asked.body.encode(),
        received_at=request.app[CLOCK].now(),
    )


async def _hook(
    request: web.Request, asked: SimulationPost, delivery: Delivery
) -> tuple[Hook, bool]:
    """Return the hook to read with, and whether the delivery proved itself to it."""
    forge = Forge(asked.forge)
    if asked.hook_id is None:
        return _stranger(forge, delivery), False
    async with request.app[STORE].reading() as tx:
        hook = await tx.hooks.get(HookId(asked.hook_id))
    if hook.forge is not forge:
        raise InvalidRequestError(
            f"forge is {asked.forge!r}; the hook is one of {hook.forge.value}"
        )
    CODECS[forge].verify(hook, delivery, request.app[CLOCK].now())
    return hook, True


def _stranger(forge: Forge, delivery: Delivery) -> Hook:
    """Make a hook of whatever repository the payload is about; it proves nothing."""
    return Hook(
        id=HookId("imagined"),
        forge=forge,
        proof=Proof.HMAC if forge is Forge.GITHUB else Proof.SECRET_TOKEN,
        repository=_repository(forge, delivery),
        secrets=(Secret("imagined"),),
        created_at=delivery.received_at,
    )


def _repository(forge: Forge, delivery: Delivery) -> Repository:
    payload = decoded(content(delivery, accept=(JSON, FORM)))
    name, fields = PLACES[forge]
    about = payload.get(name) if isinstance(payload, dict) else None
    urls = [about.get(it) for it in fields] if isinstance(about, dict) else []
    url = next((it for it in urls if isinstance(it, str) and it), None)
    if url is None:
        raise MalformedDeliveryError(
            f"the payload does not say its repository; expected {name}.{fields[0]}, "
            "or the id of a hook"
        )
    try:
        return Repository.from_url(url)
    except InvalidRequestError as exc:
        raise MalformedDeliveryError(str(exc)) from exc


def _refused(exc: DeliveryError) -> Simulation:
    is_proof = isinstance(exc, BadSignatureError)
    return Simulation(
        verified=False,
        status="refused",
        reason="bad_signature" if is_proof else "malformed",
        message=str(exc),
        lines=(f"The delivery would be refused: {exc}",),
    )


def _ignored(told: Ignored, *, verified: bool) -> Simulation:
    return Simulation(
        verified=verified,
        status="ignored",
        reason=told.reason,
        message=told.message,
        lines=(f"The delivery would be ignored: {told.message}",),
    )


def _followed(
    push: Push, sources: tuple[SourceOutlook, ...], *, verified: bool
) -> Simulation:
    where = f"{push.ref} of {push.repository.path}"
    message = f"{where} is looked at." if sources else f"No launcher follows {where}."
    lines = [line for it in sources for line in _lines(it)]
    return Simulation(
        verified=verified,
        status="accepted" if sources else "ignored",
        reason="tracked" if sources else "not_tracked",
        message=message,
        repository=push.repository.url,
        ref=push.ref,
        before=push.before or None,
        after=push.after or None,
        sources=sources,
        lines=(message, *lines),
    )


def _lines(source: SourceOutlook) -> list[str]:
    folder = f", folder {source.context_dir}" if source.context_dir else ""
    differing = [it for it in source.files if it.change not in {"same", "absent"}]
    what = f"{source.revision or 'The default branch'} of {source.repository}{folder}"
    return [
        f"{what}: {source.verdict} ({source.reason}). {source.message}",
        *(f"  {file_line(it)}" for it in differing),
        *(f"  {finding_line(it)}" for it in source.findings),
        *(f"  Launcher {it.name}: {it.message}" for it in source.launchers),
    ]
