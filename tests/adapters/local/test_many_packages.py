"""However many packages an environment has, its build has a result."""

from pathlib import Path

from service.adapters.local.inventory import MOST_PACKAGES, packages_of
from service.adapters.local.job import (
    ImageManifest,
    Installed,
    Result,
    WorkerExit,
)
from service.adapters.local.worker_process import MAX_MESSAGE
from service.domain.definition import Kind
from tests.adapters.local.builds import (
    a_build,
    a_builder,
    a_project_that_runs,
    a_repository,
    image_of,
)
from tests.adapters.local.test_python_builds import WORKS
from tests.support.clock import NOW

MANY = 3000
INSTALLS_MANY = f"""
import pathlib
site = next(pathlib.Path.cwd().parent.glob("env/lib/python3*/site-packages"))
for number in range({MANY}):
    info = site / f"package_{{number}}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: package-{{number}}\\nVersion: 1.0\\n")
"""


async def test_an_environment_of_thousands_of_packages_is_an_image(
    tmp_path: Path,
) -> None:
    files = a_project_that_runs(INSTALLS_MANY + WORKS)
    repository = a_repository(tmp_path / "repository", files)
    async with a_builder(tmp_path / "root") as builder:
        image = await image_of(builder, a_build(repository, Kind.UV))

    assert len(image.packages) == MANY + 1


def test_what_is_no_name_or_version_is_not_listed(tmp_path: Path) -> None:
    site = tmp_path / "lib/python3.11/site-packages"
    given = [("six", "1"), ("x" * 201, "1"), ("y", "1" * 201), ("caf\u00e9", "1")]
    for number, (name, version) in enumerate(given):
        info = site / f"{number}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")

    assert [package.name for package in packages_of(tmp_path)] == ["six"]


def test_a_result_with_the_most_packages_fits_into_a_message() -> None:
    worst = Installed(name='"' * 200, version="\\" * 200, manager="conda")
    manifest = ImageManifest(
        reference="local/uv@sha256:" + "a" * 64,
        build_id="b",
        environment="b",
        kind=Kind.UV,
        frontend="none",
        jupyterlab_version="",
        size=1,
        packages=(worst,) * MOST_PACKAGES,
        notes=(),
        built_at=NOW,
    )
    message = WorkerExit(result=Result(attempt=1, at=NOW, manifest=manifest))

    assert len(message.model_dump_json()) < MAX_MESSAGE
