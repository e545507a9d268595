"""One check that hangs, breaks or blabs takes nothing of the others."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta

from service.domain.diagnosis import CheckResult, CheckStatus, has_failed
from service.errors import TransientError
from service.usecases.diagnose import Check, diagnose

SOON = timedelta(milliseconds=200)


async def well() -> Sequence[CheckResult]:
    return [CheckResult.ok("a", "is well"), CheckResult.warning("b", "is odd")]


async def hangs() -> Sequence[CheckResult]:
    await asyncio.Event().wait()
    raise AssertionError


async def breaks() -> Sequence[CheckResult]:
    raise KeyError("a fault of ours")


async def is_away() -> Sequence[CheckResult]:
    raise TransientError("asking https://me:hunter2-word@host.example: no answer")


async def blabs() -> Sequence[CheckResult]:
    seen = "it said hunter3-word, and ghp_0123456789abcdefABCDEF0123456789abcd"
    return [CheckResult.ok("blab", seen)]


def a_check(name: str, run: object) -> Check:
    return Check(subject=name, run=run, advice=f"mend {name}")  # type: ignore[arg-type]


async def test_every_check_has_its_lines_in_the_order_of_the_checks() -> None:
    named = {"hang": hangs, "break": breaks, "away": is_away, "well": well}

    found = await diagnose(
        [a_check(name, run) for name, run in named.items()], deadline=SOON
    )

    assert [result.subject for result in found] == ["hang", "break", "away", "a", "b"]
    assert [result.status for result in found[:3]] == [CheckStatus.FAILED] * 3
    assert found[0].seen == "no answer within 0.2 s"
    assert "KeyError" in found[1].seen
    assert found[0].advice == "mend hang"
    assert has_failed(found)
    assert not has_failed(found[3:])


async def test_checks_wait_side_by_side() -> None:
    began = time.monotonic()

    await diagnose([a_check(str(number), hangs) for number in range(50)], deadline=SOON)

    assert time.monotonic() - began < 50 * SOON.total_seconds() / 2


async def test_no_line_shows_a_secret() -> None:
    checks = [a_check("away", is_away), a_check("blab", blabs)]

    found = await diagnose(checks, secrets=["hunter3-word", "", "is"])

    text = " ".join(result.seen for result in found)
    assert "hunter" not in text
    assert "ghp_" not in text
    assert "host.example" in text
    assert "it said" in text
