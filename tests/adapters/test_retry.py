"""Adapters try again what will pass."""

import pytest

from service.adapters.retry import with_retries
from service.errors import PermanentError, TransientError


class Flaky:
    """Fails a few times, then works."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)

    async def work(self) -> str:
        if self._failures:
            raise self._failures.pop(0)
        return "done"


async def test_work_is_tried_again_until_it_is_done() -> None:
    told: list[str] = []
    flaky = Flaky(TransientError("first"), TransientError("second"))

    done = await with_retries(flaky.work, failed=told.append)

    assert done == "done"
    assert told == ["first", "second"]


async def test_what_will_not_pass_is_not_tried_again() -> None:
    told: list[str] = []
    flaky = Flaky(PermanentError("broken"))

    with pytest.raises(PermanentError, match="broken"):
        await with_retries(flaky.work, on=TransientError, failed=told.append)
    assert told == []


async def test_the_latest_error_is_raised_when_there_is_no_point_any_more() -> None:
    told: list[str] = []
    flaky = Flaky(TransientError("first"), TransientError("second"))

    with pytest.raises(TransientError, match="second"):
        await with_retries(flaky.work, failed=told.append, until=lambda: bool(told))
