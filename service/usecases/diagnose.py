"""Run the checks of an installation before its first build.

Checks are isolated: one that raises or hangs becomes a failed result and does not
affect the others. Results never contain a secret.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from service.domain.diagnosis import CheckResult
from service.errors import ServiceError
from service.redaction import redact_credentials

__all__ = ["DEADLINE", "Check", "diagnose"]

DEADLINE: Final = timedelta(seconds=20)
"""The time-out of one check; all checks run concurrently."""
_SHORT: Final = 6
"""A secret of fewer characters is an ordinary word, such as `guest`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of the installation."""

    subject: str
    """What is checked, for the result of a check that raises or hangs."""
    run: Callable[[], Awaitable[Sequence[CheckResult]]]
    advice: str = ""
    """How to fix a check that raises or hangs."""


async def diagnose(
    checks: Sequence[Check],
    *,
    secrets: Collection[str] = (),
    deadline: timedelta = DEADLINE,
) -> Sequence[CheckResult]:
    """Run checks concurrently; return their results in the given order.

    Args:
        checks: The checks to run.
        secrets: Secrets to redact in every result.
        deadline: The time-out of each check.
    """
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_run(check, deadline)) for check in checks]
    results = [result for task in tasks for result in task.result()]
    return [_redact_result(secrets, result) for result in results]


async def _run(check: Check, deadline: timedelta) -> Sequence[CheckResult]:
    try:
        async with asyncio.timeout(deadline.total_seconds()):
            return await check.run()
    except TimeoutError:
        seen = f"no answer within {deadline.total_seconds():g} s"
    except ServiceError as exc:
        seen = str(exc)
    except Exception as exc:  # noqa: BLE001 - a bug in one check must not affect others
        seen = f"the check itself failed: {type(exc).__name__}: {exc}"
    return [CheckResult.failed(check.subject, seen, check.advice)]


def _redact_result(secrets: Collection[str], result: CheckResult) -> CheckResult:
    def redact(text: str) -> str:
        # Longest first: a secret that contains another would be replaced in its middle
        # only and show the rest.
        for secret in sorted(secrets, key=len, reverse=True):
            if len(secret) >= _SHORT:
                text = text.replace(secret, "…")
        return redact_credentials(text)

    return replace(result, seen=redact(result.seen), advice=redact(result.advice))
