"""The builder's name is part of every key, so all processes must say the same."""

import sys
from pathlib import Path

import pytest

from service.adapters.clock import SystemClock
from service.adapters.local.builder import LocalBuilder
from service.adapters.local.options import LocalOptions
from service.domain.definition import Kind
from tests.adapters.local.builds import PASSED, KeptLogs

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def a_builder(root: Path, python: str = "3.99") -> LocalBuilder:
    # No machine has Python 3.99; the nearest is taken.
    options = LocalOptions(pip_python=python, passed_environment=PASSED)
    return LocalBuilder(
        root=root, clock=SystemClock(), logs=KeptLogs(), options=options
    )


async def test_who_only_names_the_builder_names_it_as_who_drives_it(
    tmp_path: Path,
) -> None:
    named = a_builder(tmp_path).identity(frontend="none")

    async with a_builder(tmp_path) as builder:
        driven = builder.identity(frontend="none")

    assert named == driven
    assert "3.99" not in named


@pytest.mark.parametrize(
    ("wanted", "codes"), [("3.99", ["python_replaced"]), (HERE, [])]
)
def test_a_python_that_takes_another_s_place_is_remarked(
    tmp_path: Path, wanted: str, codes: list[str]
) -> None:
    builder = a_builder(tmp_path, wanted)

    remarks = builder.remarks(Kind.PIP)

    assert [remark.code for remark in remarks] == codes
    assert builder.remarks(Kind.CONDA) == ()
