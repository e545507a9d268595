"""Who shares a cache of downloads, and who does not."""

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from service.adapters.local.folders import Folders, sharers_of
from service.adapters.local.isolation.probe import IsolationChoice
from service.domain.definition import Kind
from tests.adapters.local.builds import (
    a_build,
    a_builder,
    a_project_that_runs,
    a_repository,
    image_of,
)
from tests.adapters.local.test_python_builds import WORKS
from tests.support.values import a_build as a_planned_build, a_build_spec

PUBLIC = a_planned_build(project_id="P")
PRIVATE = replace(PUBLIC, spec=a_build_spec(private_to="github.com/o/r"))


def test_public_repositories_share_what_no_code_of_them_can_change() -> None:
    other = replace(PUBLIC, project_id="Q")

    assert sharers_of(PUBLIC, is_protected=True) == ""
    assert sharers_of(other, is_protected=True) == ""


def test_a_private_repository_shares_with_itself_alone() -> None:
    another = replace(PRIVATE, spec=a_build_spec(private_to="github.com/o/s"))
    elsewhere = replace(PRIVATE, project_id="Q")
    shared = [
        sharers_of(build, is_protected=True) for build in (PRIVATE, another, elsewhere)
    ]

    assert shared[0] == shared[2] != shared[1]
    assert "" not in shared


def test_where_code_can_write_to_caches_projects_share_none() -> None:
    builds = [PUBLIC, PRIVATE, replace(PUBLIC, project_id="Q")]
    shared = {sharers_of(build, is_protected=False) for build in builds}

    assert len(shared) == 3
    assert "" not in shared


def of(project: str, *, private_to: str = "") -> tuple[str, str]:
    return project, private_to


@pytest.mark.parametrize(
    ("isolation", "builds", "caches"),
    [
        pytest.param("auto", [of("P"), of("Q")], 0, id="public"),
        pytest.param("auto", [of("P"), of("P", private_to="r")], 1, id="private"),
        pytest.param("landlock", [of("P"), of("Q", private_to="r")], 1, id="landlock"),
        pytest.param("none", [of("P"), of("Q"), of("P")], 2, id="not isolated"),
    ],
)
async def test_a_build_uses_the_cache_of_its_sharers(
    tmp_path: Path,
    isolation: IsolationChoice,
    builds: list[tuple[str, str]],
    caches: int,
) -> None:
    root = tmp_path / "root"
    repository = a_repository(tmp_path / "repository", a_project_that_runs(WORKS))
    async with a_builder(root, isolation=isolation) as builder:
        for number, (project, private_to) in enumerate(builds):
            build = a_build(repository, Kind.UV, id=f"build-{number}")
            spec = replace(build.spec, private_to=private_to)
            await image_of(builder, replace(build, project_id=project, spec=spec))

    assert len([*(root / "caches").iterdir()]) == caches


async def test_a_cache_that_nobody_used_for_a_month_is_removed(tmp_path: Path) -> None:
    folders = Folders(root=tmp_path / "root")
    folders.make()
    for name, days in (("used", 29), ("forgotten", 31)):
        (folders.caches / name / "pip").mkdir(parents=True)
        then = time.time() - days * 24 * 3600
        os.utime(folders.caches / name, (then, then))

    async with a_builder(folders.root):
        assert [path.name for path in folders.caches.iterdir()] == ["used"]
