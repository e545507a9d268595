"""A build can print anything, and nobody who reads its log is kept waiting by that."""

import pytest

from service.build_failures.classify import classify
from tests.support.processor_time import processor_time

LITTLE = 2.0
"""Seconds for a log of the greatest length; it takes a tenth of that."""


@pytest.mark.parametrize(
    "line",
    ["Processing a", "xProcessing a", "Processing " * 150],
    ids=["each", "inside", "many"],
)
def test_requirements_that_pip_never_had_cost_little(line: str) -> None:
    lines = [line] * (128 * 1024 // len(line))

    with processor_time() as taken:
        classify(phase="install", lines=lines, code=1, files={"requirements.txt": ""})

    assert taken() < LITTLE
