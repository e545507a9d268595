"""Repeat what fails for a while, and report meanwhile what the build waits for."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from service.adapters.kubernetes.status.result import PATIENCE
from service.adapters.retry import with_retries
from service.domain.building.failure import Failure
from service.errors import TransientError
from service.ports.time import Clock

__all__ = ["with_patience"]

_Result = TypeVar("_Result")


async def with_patience(
    work: Callable[[], Awaitable[_Result]],
    *,
    clock: Clock,
    describe: Callable[[TransientError], Failure],
    report: Callable[[Failure | None], None],
    failed: Callable[[str], None],
) -> _Result:
    """Retry for up to `PATIENCE`.

    Args:
        work: What may fail.
        clock: Measures how long it has been failing.
        describe: Explains an error as what the build waits for.
        report: Gets the explanation, and None at the end.
        failed: Called with each error.

    Raises:
        TransientError: The last error.
    """
    given_up_at = clock.now() + PATIENCE

    async def attempt() -> _Result:
        try:
            return await work()
        except TransientError as exc:
            report(describe(exc))
            raise

    try:
        return await with_retries(
            attempt,
            on=TransientError,
            failed=failed,
            until=lambda: clock.now() > given_up_at,
        )
    finally:
        report(None)
