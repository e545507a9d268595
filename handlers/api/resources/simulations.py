"""What would a delivery lead to? Everything but the doing."""

from collections.abc import Sequence

from aiohttp import web
from multidict import CIMultiDict

from handlers.api.requests import read_body
from handlers.api.responses import json_response
from handlers.api.schemas.simulations import (
    Simulation,
    SimulationRequest,
    SourcePreview,
)
from handlers.app_keys import AUTHORIZER, CLOCK, PREVIEWER, STORE
from handlers.auth import caller_of
from handlers.usecases.explain.sentences import file_line, finding_line
from service.domain.delivery import Delivery, Forge
from service.domain.hook import Hook, HookId, Secret
from service.domain.push import Ignored, Push
from service.domain.repository import Repository
from service.domain.rights.decision import Permission, Subject
from service.errors import (
    BadSignatureError,
    DeliveryError,
    InvalidRequestError,
    MalformedDeliveryError,
)
from service.forges.payload import FORM, JSON, content, decoded
from service.forges.registry import FORGES
from service.forges.spec import CONTENT_TYPE

__all__ = ["simulate"]


async def simulate(request: web.Request) -> web.Response:
    """Describe what a delivery would lead to now; nothing is done.

    With `hook_id` the delivery is verified as if it came through that hook, which the
    caller has to edit. Without, it is taken at its word. Shown are launchers that the
    caller edits.
    """
    asked = await read_body(request, SimulationRequest)
    delivery = _delivery(request, asked)
    try:
        hook, verified = await _hook(request, asked, delivery)
        parsed = FORGES[hook.forge].codec.parse(hook, delivery)
    except DeliveryError as exc:
        return json_response(_refused(exc))
    if isinstance(parsed, Ignored):
        return json_response(_ignored(parsed, verified=verified))
    previewer, caller = request.app[PREVIEWER], caller_of(request)
    previews = [(push, await previewer.preview(push, caller)) for push in parsed]
    return json_response(_followed(previews, verified=verified))


def _delivery(request: web.Request, asked: SimulationRequest) -> Delivery:
    own = FORGES[asked.forge].headers
    headers = CIMultiDict({CONTENT_TYPE: JSON, own.event[-1]: own.push_event})
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
    request: web.Request, asked: SimulationRequest, delivery: Delivery
) -> tuple[Hook, bool]:
    """Return the hook to read with, and whether the delivery proved itself to it."""
    forge = asked.forge
    if asked.hook_id is None:
        return _stranger(forge, delivery), False
    # Whoever may try proofs on a hook could guess at its secret.
    await request.app[AUTHORIZER].check(
        caller_of(request), Permission.EDITOR, Subject.HOOK, asked.hook_id
    )
    async with request.app[STORE].reading() as tx:
        hook = await tx.hooks.get(HookId(asked.hook_id))
    if hook.forge is not forge:
        raise InvalidRequestError(
            f"forge is {forge.value!r}; the hook is one of {hook.forge.value}"
        )
    FORGES[forge].codec.verify(hook, delivery, request.app[CLOCK].now())
    return hook, True


def _stranger(forge: Forge, delivery: Delivery) -> Hook:
    """Make a hook of whatever repository the payload is about; it proves nothing."""
    return Hook(
        id=HookId("imagined"),
        forge=forge,
        proof=FORGES[forge].proofs[-1],
        repository=_repository(forge, delivery),
        secrets=(Secret("imagined"),),
        created_at=delivery.received_at,
    )


def _repository(forge: Forge, delivery: Delivery) -> Repository:
    payload = decoded(content(delivery, accept=(JSON, FORM)))
    fields = FORGES[forge].repository_fields
    urls = [_field(payload, field) for field in fields]
    url = next((text for text in urls if isinstance(text, str) and text), None)
    if url is None:
        raise MalformedDeliveryError(
            f"the payload does not say its repository; expected {fields[0]}, or the id "
            "of a hook"
        )
    try:
        return Repository.from_url(url)
    except InvalidRequestError as exc:
        raise MalformedDeliveryError(str(exc)) from exc


def _field(payload: object, path: str) -> object:
    """Return what stands at a path with dots; None when it is not there."""
    for key in path.split("."):
        payload = payload.get(key) if isinstance(payload, dict) else None
    return payload


def _refused(exc: DeliveryError) -> Simulation:
    is_proof = isinstance(exc, BadSignatureError)
    return Simulation(
        verified=False,
        status="refused",
        reason="bad_signature" if is_proof else "malformed",
        message=str(exc),
        lines=(f"The delivery would be refused: {exc}",),
    )


def _ignored(ignored: Ignored, *, verified: bool) -> Simulation:
    return Simulation(
        verified=verified,
        status="ignored",
        reason=ignored.reason,
        message=ignored.message,
        lines=(f"The delivery would be ignored: {ignored.message}",),
    )


def _followed(
    previews: Sequence[tuple[Push, tuple[SourcePreview, ...]]], *, verified: bool
) -> Simulation:
    """Describe what each ref that moved leads to; the first is the delivery's."""
    first, sources = (
        previews[0][0],
        [source for _, found in previews for source in found],
    )
    lines = [
        line
        for push, previewed in previews
        for line in (_headline(push, previewed), *_all_lines(previewed))
    ]
    return Simulation(
        verified=verified,
        status="accepted" if sources else "ignored",
        reason="tracked" if sources else "not_tracked",
        message=" ".join(_headline(push, previewed) for push, previewed in previews),
        repository=first.repository.url,
        ref=first.ref,
        before=first.before or None,
        after=first.after or None,
        sources=tuple(sources),
        lines=tuple(lines),
    )


def _headline(push: Push, sources: Sequence[SourcePreview]) -> str:
    where = f"{push.ref} of {push.repository.path}"
    return f"{where} is evaluated." if sources else f"No launcher follows {where}."


def _all_lines(sources: Sequence[SourcePreview]) -> list[str]:
    return [line for source in sources for line in _lines(source)]


def _lines(source: SourcePreview) -> list[str]:
    folder = f", folder {source.context_dir}" if source.context_dir else ""
    differing = [file for file in source.files if file.change not in {"same", "absent"}]
    what = f"{source.revision or 'The default branch'} of {source.repository}{folder}"
    return [
        f"{what}: {source.verdict} ({source.reason}). {source.message}",
        *(f"  {file_line(file)}" for file in differing),
        *(f"  {finding_line(finding)}" for finding in source.findings),
        *(
            f"  Launcher {launcher.name}: {launcher.message}"
            for launcher in source.launchers
        ),
    ]
