"""The builder's name is part of every key, so all processes must say the same."""

from pathlib import Path

from service.adapters.clock import SystemClock
from service.adapters.local.builder import LocalBuilder
from service.adapters.local.options import LocalOptions
from tests.adapters.local.builds import PASSED, KeptLogs


def a_builder(root: Path) -> LocalBuilder:
    # No machine has this Python; the nearest is taken.
    options = LocalOptions(pip_python="3.99", passed_environment=PASSED)
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
