"""Tests of a group run in one worker, one after the other.

pytest-xdist does that by the ids of tests, which pytest since 9.2 no longer lets it
change: every mark `xdist_group` was ignored without a word.
https://github.com/pytest-dev/pytest-xdist/issues/1386
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

__all__ = ["GroupScheduling", "pytest_xdist_make_scheduler"]

_MARK: Final = re.compile(r'pytest\.mark\.xdist_group\("([^"]+)"\)')


class GroupScheduling(LoadScopeScheduling):
    """Hands out groups, the largest first, and then single tests.

    https://pytest-xdist.readthedocs.io/en/stable/how-to.html
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return _group(Path(self.config.rootpath) / path) or nodeid


@cache
def _group(path: Path) -> str:
    """Return the group that a file puts its tests in, if any.

    The file is read, as the process that schedules tests collects none.
    """
    found = _MARK.search(path.read_text())
    return found[1] if found else ""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer
) -> GroupScheduling | None:
    """Schedule by groups where `--dist loadgroup` asks for it."""
    is_wanted = config.getoption("dist") == "loadgroup"
    return GroupScheduling(config, log) if is_wanted else None
