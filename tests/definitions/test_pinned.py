"""Whether a definition leaves a version open, so that another day installs others."""

import pytest

from service.domain.definition import Definition
from tests.definitions.tree import Files, read
from tests.definitions.uv_cases import LOCK, PROJECT

HASH = f"--hash=sha256:{'1' * 64}"
POETRY = '[tool.poetry]\nname = "a"\npackage-mode = false\n[build-system]\n'
CONDA = "dependencies:\n"


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"requirements.txt": ""}, id="nothing at all"),
        pytest.param({"requirements.txt": f"six==1.16.0 {HASH}\n"}, id="a hash each"),
        pytest.param(
            {"requirements.txt": f"a @ https://e.org/a-1-py3-none-any.whl {HASH}\n"},
            id="a file at a URL, with its hash",
        ),
        pytest.param({"pyproject.toml": PROJECT, "uv.lock": LOCK}, id="uv.lock"),
        pytest.param(
            {"Pipfile": '[packages]\nsix = "*"\n', "Pipfile.lock": "{}"},
            id="Pipfile.lock",
        ),
        pytest.param(
            {"environment.yml": f"{CONDA}- python=3.12.1=h1_0\n- numpy=1.26.4=py312_0"},
            id="an export of conda",
        ),
        pytest.param(
            {"package-list.txt": "python=3.12.1=h1_0\nnumpy=1.26.4=py312_0\n"},
            id="a list of conda",
        ),
    ],
)
def test_what_names_every_file_is_pinned(files: Files) -> None:
    found = read(files)

    assert isinstance(found, Definition)
    assert found.is_pinned


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"requirements.txt": "six\n"}, id="no version"),
        pytest.param({"requirements.txt": "six==1.16.0\n"}, id="what it needs is open"),
        pytest.param(
            {"requirements.txt": f"six==1.16.0 {HASH}\nattrs==1\n"}, id="one without"
        ),
        pytest.param(
            {"requirements.txt": "-r a.txt\n", "a.txt": "six\n"}, id="in an include"
        ),
        pytest.param(
            {"requirements.txt": f"six==1 {HASH}\n-r https://e.org/more.txt\n"},
            id="an include from elsewhere",
        ),
        pytest.param({"requirements.txt": "six ==== 1\n"}, id="cannot be read"),
        pytest.param({"pyproject.toml": PROJECT}, id="uv without a lock"),
        pytest.param(
            {"pyproject.toml": PROJECT, "uv.lock": "= no TOML"}, id="a broken lock"
        ),
        pytest.param({"Pipfile": '[packages]\nsix = "*"\n'}, id="pipenv, no lock"),
        pytest.param(
            {"environment.yml": f"{CONDA}- python=3.12\n- numpy"}, id="conda, open"
        ),
        pytest.param(
            {"environment.yml": f"{CONDA}- numpy=1.26.4=py312_0"},
            id="conda, one package of many",
        ),
        pytest.param(
            {
                "environment.yml": f"{CONDA}- python=3.12.1=h1_0\n- pip=24=h1_0\n"
                "- pip:\n  - six==1.16.0"
            },
            id="conda, and pip without hashes",
        ),
        pytest.param(
            {"package-list.txt": "numpy=1.26.4\n"}, id="a list without builds"
        ),
    ],
)
def test_what_leaves_anything_open_is_not(files: Files) -> None:
    found = read(files)

    assert isinstance(found, Definition)
    assert not found.is_pinned
