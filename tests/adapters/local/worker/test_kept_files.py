"""What a build is given of a commit, and what its image keeps of it."""

import shutil
from pathlib import Path

import pytest

from service.adapters.local.builder import LocalBuilder
from service.domain.building.build import Image
from service.domain.definition import Kind
from tests.adapters.local.builds import (
    a_build,
    a_builder,
    a_project_that_runs,
    a_repository,
    image_of,
    said_by,
)
from tests.adapters.local.channels import CondaPackage, a_channel
from tests.adapters.local.package_index import Wheel, an_index
from tests.adapters.local.test_python_builds import WORKS


def kept(builder: LocalBuilder, image: Image) -> set[str]:
    """Name the files of the commit that an image holds."""
    source = builder.path_of(image.reference).parent / "source"
    return {
        str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()
    }


@pytest.mark.index
async def test_pip_installs_from_vendor_alone_and_the_image_holds_no_code(
    tmp_path: Path,
) -> None:
    with an_index(tmp_path / "index", Wheel(name="alpha", version="9.9")):
        pass  # Nobody serves it: the wheel can only come from vendor/.
    images = []
    async with a_builder(tmp_path / "root") as builder:
        for name in ("one", "two"):
            folder = tmp_path / name
            wheels = tmp_path / "index" / "simple" / "alpha"
            shutil.copytree(wheels, folder / "vendor")
            files = {"requirements.txt": "alpha\n", "app.py": f"SECRET = {name!r}\n"}
            build = a_build(a_repository(folder, files), Kind.PIP, id=name)
            images.append(await image_of(builder, build))

        program = "import alpha; print(alpha.VERSION)"
        assert said_by(builder, images[0], "python", "-c", program) == "9.9\n"
        assert kept(builder, images[0]) == set()


async def test_an_image_holds_the_code_of_a_project_that_is_installed(
    tmp_path: Path,
) -> None:
    files = a_project_that_runs(WORKS) | {
        "x/__init__.py": "",
        "notes.txt": "",
        ".github/workflows/ci.yml": "",
    }
    repository = a_repository(tmp_path / "repository", files)
    async with a_builder(tmp_path / "root") as builder:
        image = await image_of(builder, a_build(repository, Kind.UV))

        held = {text for text in kept(builder, image) if not text.endswith(".pyc")}
        assert held == files.keys() - {".github/workflows/ci.yml"}


async def test_conda_installs_a_package_list_from_vendor(tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    a_channel(
        folder / "vendor",
        CondaPackage(name="words", files={"share/words": "one\n"}),
        CondaPackage(name="words", version="1.1", files={"share/words": "two\n"}),
    )
    files = {
        "package-list.txt": "# platform: linux-64\nwords=1.0=0\n",
        "environment.yml": "dependencies: [nothing]\n",
        "app.py": "",
    }
    build = a_build(a_repository(folder, files), Kind.CONDA, path="package-list.txt")
    async with a_builder(tmp_path / "root") as builder:
        image = await image_of(builder, build)

        assert [(package.name, package.version) for package in image.packages] == [
            ("words", "1.0")
        ]
        assert kept(builder, image) == set()
