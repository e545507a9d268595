"""What a token may still ask, and how fast."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from service.adapters.forge_api.errors import BudgetSpentError, is_limit, retry_after
from service.adapters.forge_api.rate_limit import (
    Allowance,
    RateLimitBudget,
    compute_spacing,
    parse_allowance,
)
from tests.support.clock import NOW, TurnedClock

HOUR = timedelta(hours=1)


def left(remaining: int, *, until: datetime = NOW + HOUR) -> dict[str, str]:
    return {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int(until.timestamp())),
    }


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def budget(clock: TurnedClock) -> RateLimitBudget:
    return RateLimitBudget(clock=clock, host="git.example", spare=0.1)


async def turns(budget: RateLimitBudget, clock: TurnedClock, length: timedelta) -> int:
    """Count the requests that somebody who never tires makes in some time."""
    made = 0
    end = clock.now() + length
    while clock.now() < end:
        try:
            async with asyncio.timeout(0.005):
                await budget.acquire()
        except (TimeoutError, BudgetSpentError):
            clock.advance(timedelta(seconds=1))
            continue
        made += 1
    return made


async def test_nobody_waits_before_anything_is_known(budget: RateLimitBudget) -> None:
    for _ in range(1000):
        await budget.acquire()


async def test_nobody_waits_while_more_than_half_is_left(
    budget: RateLimitBudget,
) -> None:
    budget.update(left(2600))

    for _ in range(1000):
        await budget.acquire()


@pytest.mark.parametrize(
    ("remaining", "expected"),
    [
        (2501, timedelta(0)),
        (2500, HOUR / 2000),
        (1500, HOUR / 1000),
        (501, HOUR),
        (500, None),
        (0, None),
    ],
)
def test_what_is_left_is_spread_over_the_time_that_is_left(
    remaining: int, expected: timedelta | None
) -> None:
    it = Allowance(limit=5000, remaining=remaining, resets_at=NOW + HOUR)

    assert compute_spacing(it, now=NOW, spare=0.1) == expected


def test_a_count_that_began_anew_says_nothing_about_now() -> None:
    it = Allowance(limit=5000, remaining=0, resets_at=NOW)

    assert compute_spacing(it, now=NOW, spare=0.1) == timedelta(0)


async def test_requests_are_made_one_after_the_other_when_little_is_left(
    budget: RateLimitBudget, clock: TurnedClock
) -> None:
    budget.update(left(860))  # 360 that may be used: one in ten seconds

    assert await turns(budget, clock, timedelta(seconds=100)) <= 11


async def test_who_would_wait_long_is_sent_elsewhere(budget: RateLimitBudget) -> None:
    budget.update(left(860))
    await budget.acquire()

    with pytest.raises(BudgetSpentError) as error:
        await budget.acquire()

    assert error.value.retry_after == timedelta(seconds=10)


async def test_a_share_is_left_to_others(
    budget: RateLimitBudget, clock: TurnedClock
) -> None:
    budget.update(left(500))

    with pytest.raises(BudgetSpentError) as error:
        await budget.acquire()

    assert error.value.retry_after == HOUR
    clock.advance(HOUR)
    await budget.acquire()


async def test_answers_that_overtake_each_other_give_nothing_back(
    budget: RateLimitBudget,
) -> None:
    budget.update(left(500))
    budget.update(left(4000))

    with pytest.raises(BudgetSpentError):
        await budget.acquire()


async def test_a_new_hour_is_a_new_count(budget: RateLimitBudget) -> None:
    budget.update(left(500))
    budget.update(left(4999, until=NOW + 2 * HOUR))

    await budget.acquire()


@pytest.mark.parametrize("remaining", [0, 2000])
async def test_a_reset_in_the_distant_future_is_not_waited_for(
    budget: RateLimitBudget, clock: TurnedClock, remaining: int
) -> None:
    end_of_time = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    budget.update(left(remaining, until=end_of_time))
    if remaining:
        await budget.acquire()
    with pytest.raises(BudgetSpentError) as caught:
        await budget.acquire()
    assert caught.value.retry_after == 2 * HOUR
    assert budget.suspend(None) <= 2 * HOUR

    clock.advance(2 * HOUR)

    await budget.acquire()


async def test_numbers_without_end_are_many_requests(budget: RateLimitBudget) -> None:
    endless = {"x-ratelimit-limit": "9" * 400, "x-ratelimit-remaining": "9" * 400}
    budget.update(left(100) | endless)

    await budget.acquire()


async def test_a_forge_that_asks_for_rest_gets_it(
    budget: RateLimitBudget, clock: TurnedClock
) -> None:
    waits = budget.suspend(timedelta(minutes=2))

    with pytest.raises(BudgetSpentError) as error:
        await budget.acquire()

    assert waits == error.value.retry_after == timedelta(minutes=2)
    clock.advance(timedelta(minutes=2))
    await budget.acquire()


async def test_a_limit_that_names_no_time_is_a_minute_or_the_end_of_the_hour(
    budget: RateLimitBudget,
) -> None:
    assert budget.suspend(None) == timedelta(minutes=1)
    budget.update(left(0))
    assert budget.suspend(None) == HOUR


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-limit": "5000"},
        left(1) | {"x-ratelimit-remaining": "many"},
        left(1) | {"x-ratelimit-reset": "9" * 30},
    ],
)
def test_headers_that_cannot_be_read_say_nothing(headers: dict[str, str]) -> None:
    assert parse_allowance(headers) is None


def test_gitlab_writes_its_headers_without_an_x() -> None:
    headers = {name.removeprefix("x-"): text for name, text in left(7).items()}

    assert parse_allowance(headers) == Allowance(
        limit=5000, remaining=7, resets_at=NOW + HOUR
    )


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("120", timedelta(minutes=2)),
        ("0", timedelta(0)),
        ("Sun, 01 Mar 2026 12:02:00 GMT", timedelta(minutes=2)),
        ("Sun, 01 Mar 2026 11:00:00 GMT", timedelta(0)),
        ("99999999999999", timedelta(hours=2)),
        ("soon", None),
        ("Sun, 99 Mar 2026 12:02:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, wait: timedelta | None) -> None:
    assert retry_after({"retry-after": text}, NOW) == wait


@pytest.mark.parametrize(
    ("status", "headers", "said", "expected"),
    [
        (429, {}, "", True),
        (403, {"retry-after": "60"}, "", True),
        (403, {"x-ratelimit-remaining": "0"}, "", True),
        (403, {}, "You have exceeded a secondary rate limit.", True),
        (403, {"x-ratelimit-remaining": "17"}, "Resource not accessible", False),
        (404, {"x-ratelimit-remaining": "0"}, "Not Found", False),
    ],
)
def test_a_limit_has_many_faces(
    status: int, headers: dict[str, str], said: str, *, expected: bool
) -> None:
    assert is_limit(status, headers, said) is expected
