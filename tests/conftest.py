"""What holds for every test."""

import os
import signal
from collections.abc import Generator

import pytest

from tests.support.groups import pytest_xdist_make_scheduler
from tests.support.kube import kube

__all__ = [
    "kube",
    "pytest_configure",
    "pytest_runtest_makereport",
    "pytest_xdist_make_scheduler",
]

REQUIRED = frozenset(os.environ.get("RELAUNCH_TEST_REQUIRE", "").split())  # noqa: TID251
"""Marks whose tests may not be skipped: what they need can be had on this machine."""
OPTIONAL = frozenset({"real_builder"})
"""Marks whose tests may be skipped, whatever else they need, unless required too."""


def pytest_configure() -> None:
    """Let programs that tests start hear Ctrl-C.

    What a shell starts in the background ignores it, and so would they.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    marks = {mark.name for mark in item.iter_markers()}
    needed = REQUIRED & marks
    if report.skipped and needed and not OPTIONAL & marks - REQUIRED:
        report.outcome = "failed"
        report.longrepr = f"skipped, but required: {sorted(needed)}: {call.excinfo}"
    return report
