from datetime import timedelta

from hypothesis import given, strategies as st

from service.domain.backoff import Backoff

SECOND = timedelta(seconds=1)
BACKOFF = Backoff(first=SECOND, longest=timedelta(minutes=5))


def test_waits_double_up_to_the_longest() -> None:
    waits = [BACKOFF.wait_after(failures) / SECOND for failures in range(1, 12)]

    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_before_any_failure_the_wait_is_the_first() -> None:
    assert BACKOFF.wait_after(0) == SECOND


@given(st.integers(0, 10**9))
def test_any_number_of_failures_has_a_wait(failures: int) -> None:
    assert SECOND <= BACKOFF.wait_after(failures) <= BACKOFF.longest
