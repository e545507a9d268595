from datetime import timedelta

from service.domain.building.estimate import estimate_duration, estimate_end
from tests.support.clock import NOW

MINUTE = timedelta(minutes=1)


def test_what_is_usual_is_what_half_of_the_builds_took() -> None:
    assert estimate_duration([MINUTE, 60 * MINUTE, 2 * MINUTE]) == 2 * MINUTE
    assert estimate_duration([]) is None


def test_a_running_build_ends_when_its_time_is_over() -> None:
    end = estimate_end(position=0, requested_at=NOW, running_since=[NOW], takes=MINUTE)

    assert end == NOW + MINUTE


def test_an_empty_queue_is_no_wait() -> None:
    end = estimate_end(position=1, requested_at=NOW, running_since=[], takes=MINUTE)

    assert end == NOW + MINUTE


def test_who_waits_takes_the_slots_as_they_come_free() -> None:
    running = [NOW, NOW + 3 * MINUTE]

    ends = [
        estimate_end(
            position=value, requested_at=NOW, running_since=running, takes=10 * MINUTE
        )
        for value in (1, 2, 3)
    ]

    assert [(end - NOW) / MINUTE for end in ends] == [20, 23, 30]
