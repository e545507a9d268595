"""A dependency is left out only where its marker holds in no image."""

from typing import Any

import pytest
from packaging.markers import Marker

from service.definitions.declared import always_holds, may_hold
from service.definitions.python.markers import (
    MAX_PATCHES,
    asks_for_machine,
    environments,
)
from tests.definitions.installing import UV_FILES
from tests.definitions.tree import codes, read

PATCHES = "python_full_version >= '3.11.4' and python_full_version < '3.12'"


@pytest.mark.parametrize(
    "marker",
    [
        PATCHES,
        "python_full_version == '3.11.7'",
        "python_full_version > '3.11' and python_full_version < '3.12'",
        "python_full_version > '3.11.2' and python_full_version < '3.11.6'",
        "'generic' in platform_release",
        "platform_version >= '5'",
        "implementation_version >= '3.11.4' and implementation_version < '3.12'",
        "platform_machine == 'aarch64'",
    ],
)
def test_a_locked_package_counts_where_its_marker_may_hold(marker: str) -> None:
    condition = f"sys_platform == 'linux' and {marker}"
    lock = UV_FILES["uv.lock"].replace("sys_platform == 'win32'", condition)
    before = read({**UV_FILES, "uv.lock": lock})
    after = read(
        {
            **UV_FILES,
            "uv.lock": lock.replace('gamma"\nversion = "1', 'gamma"\nversion = "2'),
        }
    )

    assert may_hold(condition)
    assert not always_holds(condition)
    assert before.meaning != after.meaning


@pytest.mark.parametrize(
    "marker",
    [
        "sys_platform == 'win32'",
        "sys_platform == 'linux' and python_full_version < '3.10'",
        f"sys_platform == 'darwin' and {PATCHES}",
        "platform_machine == 'AMD64'",
    ],
)
def test_a_marker_of_no_image_never_holds(marker: str) -> None:
    assert not may_hold(marker)


def test_a_lock_for_some_patch_releases_is_not_one_of_another_platform() -> None:
    supported = f'supported-markers = ["{PATCHES}"]\n\n[[package]]'
    lock = UV_FILES["uv.lock"].replace("[[package]]", supported, 1)

    assert "lock_platform" not in codes(read({**UV_FILES, "uv.lock": lock}))


def test_what_a_marker_does_not_mention_is_tried_once() -> None:
    marker = Marker("sys_platform == 'win32'")

    assert len(list(environments(marker, ("3.12",), ("CPython", "PyPy")))) == 1


def test_a_marker_that_names_too_many_releases_is_not_tried() -> None:
    names = [
        f"python_full_version == '3.11.{patch}'" for patch in range(MAX_PATCHES + 1)
    ]

    assert asks_for_machine(Marker(" or ".join(names)))
    assert not asks_for_machine(Marker(" or ".join(names[1:])))


def test_a_marker_that_an_export_repeats_is_evaluated_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    marker = (
        "python_full_version >= '3.11.9' and platform_machine == 'arm64'"
        " and sys_platform == 'darwin'"
    )
    evaluate, count = Marker.evaluate, 0

    def counted(self: Marker, *arguments: Any, **more: Any) -> bool:
        nonlocal count
        count += 1
        return evaluate(self, *arguments, **more)

    monkeypatch.setattr(Marker, "evaluate", counted)
    lines = [f"package-{number}==1 ; {marker}" for number in range(500)]
    read({"requirements.txt": "\n".join(lines)})

    assert 0 < count < 2 * len(lines)
