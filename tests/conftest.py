"""What holds for every test."""

import os
import signal
from collections.abc import Iterator

import pytest

from tests.support.kube import kube

__all__ = ["kube", "pytest_configure", "pytest_runtest_makereport"]

REQUIRED = frozenset(os.environ.get("RELAUNCH_TEST_REQUIRE", "").split())  # noqa: TID251
"""Marks whose tests may not be skipped: what they need can be had on this machine."""


def pytest_configure() -> None:
    """Let programs that tests start hear Ctrl-C.

    What a shell starts in the background ignores it, and so would they.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Iterator[None]:
    report = yield
    needed = REQUIRED & {mark.name for mark in item.iter_markers()}
    if report.skipped and needed:
        report.outcome = "failed"
        report.longrepr = f"skipped, but required: {sorted(needed)}: {call.excinfo}"
    return report
