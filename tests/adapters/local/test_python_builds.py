"""pip, Poetry and uv environments, and JupyterLab beside them."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from service.adapters.local.frontend import JUPYTER
from service.definitions.registry import kind_spec
from service.domain.building.failure import FailureClass
from service.domain.definition import Kind
from service.errors import NotFoundError
from tests.adapters.local.builds import (
    KeptLogs,
    a_build,
    a_builder,
    a_project_that_runs,
    a_repository,
    failure_of,
    image_of,
    said_by,
)
from tests.adapters.local.package_index import Wheel, an_index

NOWHERE = "nosuchpkg-xyz-relaunch"
WHEELS = (
    Wheel(name="alpha"),
    Wheel(name="alpha", version="2.0"),
    Wheel(name="beta", requires=["alpha<2"]),
)
POETRY = """
[tool.poetry]
name = "x"
version = "0.1.0"
description = ""
authors = []
package-mode = false
[[tool.poetry.source]]
name = "here"
url = "{url}"
priority = "primary"
[tool.poetry.dependencies]
python = "{python}"
"""


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One root for all, so that tools and caches are made once."""
    return tmp_path_factory.mktemp("builder")


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    with an_index(tmp_path / "index", *WHEELS) as url:
        yield url


@pytest.mark.index
async def test_a_requirements_file_becomes_an_environment(
    tmp_path: Path, root: Path
) -> None:
    files = {"requirements.txt": "six==1.16.0\n-r more/extra.txt\n"}
    files["more/extra.txt"] = "idna\n"
    build = a_build(a_repository(tmp_path, files), Kind.PIP, id="pip-good")
    async with a_builder(root) as builder:
        image = await image_of(builder, build)
        said = said_by(
            builder, image, "python", "-c", "import idna, six; print(six.__version__)"
        )

        assert said == "1.16.0\n"
        assert {"six", "idna", "pip"} <= {package.name for package in image.packages}
        assert any(
            "Python 3" in text for text in builder.images.notes_of(image.reference)
        )
        with pytest.raises(NotFoundError, match="no program 'nosuch'"):
            builder.command_in(image.reference, ["nosuch"])
        with pytest.raises(NotFoundError, match="serves only 'jupyterlab'"):
            builder.command_in(image.reference, [], frontend=True)


@pytest.mark.index
async def test_requirements_are_read_from_the_context_directory(
    tmp_path: Path, root: Path
) -> None:
    files = {"course/requirements.txt": "-e ./lib\n"}
    files["course/lib/pyproject.toml"] = (
        '[project]\nname = "lib"\nversion = "3"\n[build-system]\n'
        'requires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[tool.setuptools]\npy-modules = ["lib"]\n'
    )
    files["course/lib/lib.py"] = "NAME = 'local'\n"
    repository = a_repository(tmp_path, files)
    build = a_build(repository, Kind.PIP, id="pip-context", context_dir="course")
    async with a_builder(root) as builder:
        image = await image_of(builder, build)
        await builder.release(build.id)

        said = said_by(builder, image, "python", "-c", "import lib; print(lib.NAME)")
        assert said == "local\n"


@pytest.mark.index
async def test_requirements_that_ask_for_what_does_not_exist(
    tmp_path: Path, root: Path
) -> None:
    files = {"requirements.txt": "six\n-r more.txt\n", "more.txt": f"\n{NOWHERE}>=1\n"}
    repository = a_repository(tmp_path, files)
    async with a_builder(root) as builder:
        failure = await failure_of(builder, a_build(repository, Kind.PIP, id="gap-pip"))

    assert failure.kind is FailureClass.NO_SUCH_PACKAGE
    assert failure.message == (
        f"more.txt line 2: there is no package `{NOWHERE}` in the index"
    )


@pytest.mark.index
async def test_jupyterlab_stands_beside_the_environment_with_a_kernel_for_it(
    tmp_path: Path, root: Path
) -> None:
    repository = a_repository(tmp_path, {"requirements.txt": "six\n"})
    build = a_build(repository, Kind.PIP, id="lab", frontend="jupyterlab")
    async with a_builder(root) as builder:
        image = await image_of(builder, build)
        version = said_by(builder, image, "--version", frontend=True)
        specs = builder.path_of(image.reference).parent / JUPYTER / "kernels"

        assert version == "4.5.0\n"
        assert (specs / "python3" / "kernel.json").exists()
        assert "jupyterlab" not in {package.name for package in image.packages}
        assert said_by(builder, image, "python", "-c", "import ipykernel, six") == ""


@pytest.mark.index
async def test_a_poetry_project_gets_a_python_that_it_allows(
    tmp_path: Path, root: Path, index: str
) -> None:
    text = POETRY.format(url=index, python="~3.11") + 'beta = "*"\n'
    repository = a_repository(tmp_path / "repository", {"pyproject.toml": text})
    async with a_builder(root) as builder:
        image = await image_of(builder, a_build(repository, Kind.POETRY, id="poetry"))
        said = said_by(
            builder,
            image,
            "python",
            "-c",
            "import alpha, beta, sys; print(alpha.VERSION, sys.version_info[:2])",
        )

    assert said == "1.0 (3, 11)\n"


@pytest.mark.index
async def test_a_build_script_takes_the_place_of_no_module_of_poetry(
    tmp_path: Path, root: Path
) -> None:
    text = POETRY.format(url="http://127.0.0.1:9", python="^3.10")
    text = text.replace("package-mode = false", 'packages = [{include = "x.py"}]')
    files = {"pyproject.toml": text, "x.py": "", "build.py": "raise OSError('mine')"}
    repository = a_repository(tmp_path / "repository", files)
    async with a_builder(root) as builder:
        image = await image_of(builder, a_build(repository, Kind.POETRY, id="beside"))

    assert "x" in {package.name for package in image.packages}


@pytest.mark.index
async def test_a_poetry_project_that_asks_for_what_does_not_exist(
    tmp_path: Path, root: Path, index: str
) -> None:
    text = POETRY.format(url=index, python="^3.10") + 'nosuch = "*"\n'
    repository = a_repository(tmp_path / "repository", {"pyproject.toml": text})
    async with a_builder(root) as builder:
        failure = await failure_of(builder, a_build(repository, Kind.POETRY, id="gap"))

    assert failure.kind is FailureClass.NO_SUCH_PACKAGE
    assert failure.message == (
        "pyproject.toml line 14: there is no package `nosuch` in the index"
    )


async def test_a_poetry_project_for_a_python_that_is_not_here(tmp_path: Path) -> None:
    text = POETRY.format(url="http://127.0.0.1:9", python="^3.99")
    repository = a_repository(tmp_path / "repository", {"pyproject.toml": text})
    async with a_builder(tmp_path / "root") as builder:
        failure = await failure_of(builder, a_build(repository, Kind.POETRY))

    assert failure.kind is FailureClass.UNSUPPORTED_PYTHON
    assert "wants Python ^3.99; this machine has 3." in failure.message


@pytest.mark.index
async def test_a_uv_project_is_installed_as_locked(tmp_path: Path, root: Path) -> None:
    project = tmp_path / "repository"
    project.mkdir()
    text = (
        '[project]\nname = "x"\nversion = "1"\nrequires-python = ">=3.9"\n'
        'dependencies = ["{}"]\n[dependency-groups]\ndev = ["idna"]\n'
    )
    (project / "pyproject.toml").write_text(text.format("six==1.16.0"))
    subprocess.run([uv.find_uv_bin(), "lock", "--quiet"], cwd=project, check=True)  # noqa: ASYNC221
    repository = a_repository(project, {"pyproject.toml": text.format("six")})
    async with a_builder(root) as builder:
        image = await image_of(builder, a_build(repository, Kind.UV, id="uv"))

    assert [(package.name, package.version) for package in image.packages] == [
        ("six", "1.16.0")
    ]


async def test_a_uv_project_whose_package_does_not_build(tmp_path: Path) -> None:
    files = a_project_that_runs('raise RuntimeError("no gfortran here")')
    async with a_builder(tmp_path / "root") as builder:
        failure = await failure_of(
            builder, a_build(a_repository(tmp_path / "repository", files), Kind.UV)
        )

    assert failure.kind is FailureClass.WHEEL_BUILD_FAILED
    assert failure.message == (
        "backend.py line 2: `x` could not be built: RuntimeError: no gfortran here"
    )


async def test_a_uv_project_for_a_python_that_is_not_here(tmp_path: Path) -> None:
    files = a_project_that_runs("")
    files = {path: text.replace(">=3.9", ">=3.99") for path, text in files.items()}
    async with a_builder(tmp_path / "root") as builder:
        failure = await failure_of(
            builder, a_build(a_repository(tmp_path / "repository", files), Kind.UV)
        )

    assert failure.kind is FailureClass.UNSUPPORTED_PYTHON
    assert failure.message == (
        "pyproject.toml line 4: the project wants Python >=3.99,"
        " which this machine does not have"
    )


async def test_a_pipfile_is_refused_in_a_sentence(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository", {"Pipfile": "[packages]\n"})
    async with a_builder(tmp_path / "root") as builder:
        failure = await failure_of(builder, a_build(repository, Kind.PIPENV))

    assert failure.kind is FailureClass.UNSUPPORTED
    assert failure.message == (
        "Pipfile is for Pipenv, which the local builder cannot build"
    )
    assert failure.hint == kind_spec(Kind.PIPENV).instead


@pytest.mark.parametrize("name", ["a" * 4000, "b\0c"])
async def test_an_include_of_a_name_that_no_file_can_have_is_the_authors_to_mend(
    tmp_path: Path, root: Path, name: str
) -> None:
    files = {"requirements.txt": f"-r {name}\n"}
    id_ = f"pip-odd-{len(name)}"
    build = a_build(a_repository(tmp_path, files), Kind.PIP, id=id_)
    async with a_builder(root) as builder:
        failure = await failure_of(builder, build)

    assert failure.kind is FailureClass.UNKNOWN, failure


async def test_a_project_that_is_no_toml_names_the_line(tmp_path: Path) -> None:
    repository = a_repository(
        tmp_path / "repository", {"pyproject.toml": '[project]\nname = "x\n'}
    )
    async with a_builder(tmp_path / "root") as builder:
        failure = await failure_of(builder, a_build(repository, Kind.UV))

    assert failure.kind is FailureClass.BAD_DEFINITION
    assert (failure.path, failure.line) == ("pyproject.toml", 2)


async def test_a_definition_that_is_not_in_the_commit(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository", {"README.md": ""})
    async with a_builder(tmp_path / "root") as builder:
        failure = await failure_of(builder, a_build(repository, Kind.PIP))

    assert failure.kind is FailureClass.NO_DEFINITION


async def test_what_the_local_builder_does_not_provide_is_said(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository", a_project_that_runs(WORKS))
    build, logs = a_build(repository, Kind.UV, frontend="vscodium"), KeptLogs()
    async with a_builder(tmp_path / "root", logs=logs) as builder:
        image = await image_of(builder, build)

        said = builder.images.notes_of(image.reference)
        assert any("does not provide vscodium" in text for text in said)
        assert "does not provide vscodium" in logs.text()


WORKS = """
import pathlib, zipfile
name = "x-0.1.0-py3-none-any.whl"
with zipfile.ZipFile(pathlib.Path(_[0]) / name, "w") as wheel:
    info = "x-0.1.0.dist-info/"
    text = "Metadata-Version: 2.1\\nName: x\\nVersion: 0.1.0\\n"
    wheel.writestr(info + "METADATA", text)
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "")
return name
"""
