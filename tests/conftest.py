"""What holds for every test."""

import asyncio
import os
import signal
from asyncio import AbstractEventLoop
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, Final

import pytest
import structlog
import uvloop

from tests.support.groups import pytest_xdist_make_scheduler
from tests.support.kube import kube

__all__ = [
    "kube",
    "pytest_asyncio_loop_factories",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_makereport",
    "pytest_xdist_make_scheduler",
]

REQUIRED = frozenset(os.environ.get("RELAUNCH_TEST_REQUIRE", "").split())  # noqa: TID251
"""Marks whose tests may not be skipped: what they need can be had on this machine."""
OPTIONAL = frozenset({"containers", "real_builder"})
"""Marks whose tests may be skipped, whatever else they need, unless required too."""

SHARED: Final = frozenset({"kubernetes", "outage", "containers"})
"""Marks of tests that stand on what is not ours and is shared by all that run.

A node with two cores starts pods, or does not for a minute; brokers are killed below.
"""


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], AbstractEventLoop]]:
    """Give coroutines the loop that the service runs on."""
    return {"uvloop": make_loop}


def make_loop() -> AbstractEventLoop:
    """Make a loop on which a test's time limit ends the test.

    The limit raises in the handler of a signal, and uvloop only reports what does: a
    test that hung for ten minutes passed.
    """
    loop = uvloop.new_event_loop()
    loop.set_exception_handler(_end_what_is_late)
    return loop


def _end_what_is_late(loop: AbstractEventLoop, context: Mapping[str, Any]) -> None:
    exc = context.get("exception")
    if isinstance(exc, pytest.fail.Exception):
        for task in asyncio.all_tasks(loop):
            task.cancel(str(exc))
    loop.default_exception_handler(dict(context))


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Run what such a test needs once more where it failed, and print both results.

    The summary names it RERUN with the traceback of the first time; nothing else is
    tried again, and `--fail-on-flaky` makes it a failure.
    """
    for item in items:
        if SHARED & {mark.name for mark in item.iter_markers()}:
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=5))


@pytest.fixture(autouse=True)
def _leave_logging_as_found() -> Generator[None, None, None]:
    """Take back what a role that a test started in this process configured.

    Loggers keep the first configuration that they are used under: those that were used
    between two such tests were heard by no `capture_logs` of a later one.
    """
    before = structlog.get_config()
    yield
    if structlog.get_config() != before:
        structlog.configure(**before)


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
