"""How adapters try again: the one home of tenacity."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception_type,
    wait_random_exponential,
)

from service.errors import ServiceError

__all__ = ["with_retries"]

T = TypeVar("T")

FIRST_WAIT: Final = timedelta(milliseconds=250)
LONGEST_WAIT: Final = timedelta(seconds=5)
"""An operator who mended a broker should not have to wait for us to notice."""


async def with_retries(
    work: Callable[[], Awaitable[T]],
    *,
    on: type[ServiceError] = ServiceError,
    failed: Callable[[str], None],
    until: Callable[[], bool] = lambda: False,
) -> T:
    """Call a function until it succeeds, with exponential, random waits.

    Args:
        work: The function.
        on: The errors to retry on; others are raised.
        failed: Called after each failed attempt, with the error.
        until: Stops retrying once it returns True; the latest error is raised then.
    """

    def before_sleep(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        failed(str(error))

    retrying = AsyncRetrying(
        retry=retry_if_exception_type(on),
        # Random over the whole wait ("full jitter"): processes that lost one broker
        # together would otherwise come back together, each time.
        wait=wait_random_exponential(
            multiplier=FIRST_WAIT.total_seconds(), max=LONGEST_WAIT.total_seconds()
        ),
        stop=lambda _: until(),
        before_sleep=before_sleep,
        reraise=True,
    )
    done: T = await retrying(work)
    return done
