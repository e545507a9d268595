"""Whether forges take the tokens that they are asked with."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, assert_never

from service.app.forges import Forges, open_forges
from service.domain.diagnosis import CheckResult
from service.errors import ServiceError, TransientError
from service.ports.time import Clock
from service.settings import ForgeKind, Settings
from service.usecases.diagnose import Check

__all__ = ["forge_checks"]


@asynccontextmanager
async def forge_checks(
    settings: Settings, *, clock: Clock
) -> AsyncIterator[Sequence[Check]]:
    """Make a check for each host with a token, for the block."""
    hosts = sorted(settings.forge.hosts)
    if not any(settings.forge.token(host) for host in hosts):
        yield []
        return
    async with open_forges(settings, clock=clock) as forges:
        yield [
            Check(
                subject=f"token of {host}",
                run=partial(_check, _asking(forges, host, kind), host),
            )
            for host in hosts
            if (kind := settings.forge.kind(host)) and settings.forge.token(host)
        ]


async def _check(ask: Callable[[], Awaitable[Any]], host: str) -> Sequence[CheckResult]:
    subject = f"token of {host}"
    try:
        answer = await ask()
    except TransientError as exc:
        # Whether the token is good is not known: another one would not help.
        advice = f"see that {host} answers from here; meanwhile plain git is asked"
        return [CheckResult.failed(subject, str(exc), advice)]
    except ServiceError as exc:
        advice = f"replace the token of {host} in RELAUNCH_FORGE_TOKENS"
        return [CheckResult.failed(subject, str(exc), advice)]
    return [CheckResult.ok(subject, f"the forge takes it{_detail(answer)}")]


def _detail(answer: object) -> str:
    """Describe whose token it is, or how much it may ask."""
    if not isinstance(answer, Mapping):
        return ""
    core = (answer.get("resources") or {}).get("core") or {}
    if "remaining" in core:
        return f"; {core['remaining']} of {core.get('limit')} requests are left"
    name = answer.get("username") or answer.get("login")
    return f", as {name}" if name else ""


def _asking(forges: Forges, host: str, kind: ForgeKind) -> Callable[[], Awaitable[Any]]:
    """Return a question that every token may ask, and no other."""
    operation = f"ask {host} whose token it is"
    match kind:
        case "github":
            # https://docs.github.com/en/rest/rate-limit/rate-limit: apps have it, too.
            return partial(
                forges.github(host).fetch, "/rate_limit", operation=operation
            )
        case "gitlab":
            client = forges.gitlab(host)
            return partial(client.run, operation, lambda gl: gl.http_get("/user"))
        case "gitea":
            return partial(forges.gitea(host).fetch, "/user", operation=operation)
        case _:
            assert_never(kind)
