"""Drills wait for the alerts they mean, also on a busy machine, and mend in the end."""

from collections.abc import Sequence

import pytest

from tests.support.drills import alarms
from tests.support.drills.alarms import pulled, until_calm, until_raised
from tests.support.drills.prometheus import Alert

STUCK = "RelaunchOutboxStuck"
DOWN = "RelaunchDown"


def pending(name: str, since: str, **labels: str) -> Alert:
    return Alert({"alertname": name, **labels}, "pending", since)


def firing(name: str, since: str, **labels: str) -> Alert:
    return Alert({"alertname": name, **labels}, "firing", since)


class Replayed:
    """Shows one list of alerts at each look; the last one for ever."""

    def __init__(self, *looks: Sequence[Alert]) -> None:
        self._looks = list(looks)

    def alerts(self) -> Sequence[Alert]:
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarms, "RAISED_WITHIN", 0.2)
    monkeypatch.setattr(alarms, "CALM_WITHIN", 0.2)


async def test_the_alert_is_that_of_the_look_that_was_satisfied() -> None:
    seen = Replayed([firing(DOWN, "1", role="api")], [])

    alert = await until_raised(seen, DOWN, role="api")  # type: ignore[arg-type]

    assert alert["role"] == "api"


async def test_what_is_pending_for_a_moment_again_and_again_is_no_alert() -> None:
    """A busy machine answers scrapes late at every look."""
    looks = [[firing(STUCK, "1"), pending(DOWN, str(at), role="api")] for at in (2, 3)]

    await until_raised(Replayed(*looks), STUCK)  # type: ignore[arg-type]
    await until_calm(Replayed(*([look[1]] for look in looks)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        pending(DOWN, "2", role="api"),
        firing(DOWN, "2", role="api"),
        firing(STUCK, "1", role="other"),
    ],
    ids=["pending", "firing", "other labels"],
)
async def test_an_alert_that_misleads_is_noticed(other: Alert) -> None:
    look = [firing(STUCK, "1", role="outbox"), other]

    with pytest.raises(AssertionError, match="to fire alone"):
        await until_raised(Replayed(look), STUCK, role="outbox")  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="all alerts to end"):
        await until_calm(Replayed([other]))  # type: ignore[arg-type]


async def test_a_pull_that_fails_is_mended() -> None:
    done: list[str] = []

    async def pull() -> None:
        done.append("half")
        raise OSError

    async def mend() -> None:
        done.append("mended")

    with pytest.raises(OSError):  # noqa: PT011
        async with pulled(pull, mend=mend):
            pass
    assert done == ["half", "mended"]
