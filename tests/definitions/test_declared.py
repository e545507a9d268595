"""Which distributions a definition names, to try its image with."""

import pytest

from service.domain.building.tools import Tools
from service.domain.definition import Definition
from tests.definitions.tree import read

POETRY = """\
[project]
name = "analysis"
version = "1"
requires-python = ">=3.10"
dependencies = ["Polars>=1", "not a requirement!"]

[project.optional-dependencies]
plots = ["matplotlib"]

[tool.poetry]
package-mode = false

[tool.poetry.dependencies]
python = "^3.11"
scikit_learn = "*"
torch = { version = "*", optional = true }
winpty = { version = "*", platform = "win32" }

[tool.poetry.group.dev.dependencies]
pytest = "*"
"""

UV = """\
[project]
name = "analysis"
version = "1"
requires-python = ">=3.11"
dependencies = ["numpy", "pandas[excel]>=2; python_version < '4'"]

[dependency-groups]
dev = ["ruff"]
"""

PIPFILE = """\
[packages]
requests = "*"
"Flask.Caching" = "*"
pywin32 = { version = "*", markers = "os_name == 'nt'" }

[dev-packages]
pytest = "*"
"""

CONDA = """\
channels: [conda-forge, nodefaults]
dependencies:
  - python=3.11
  - pip
  - numpy >=1.26
  - conda-forge::GDAL
  - r-base
  - r-ggplot2
  - pip:
    - requests[socks]==2.32
"""

PIP = """\
# -e is a project and a URL has no name
-r more.txt
-c limits.txt
Scikit_Learn>=1 --hash=sha256:00
uvicorn[standard] ; sys_platform == "linux" and python_version >= "3.8"
pywin32 ; sys_platform == "win32"
tomli ; python_version < "3.11"
mine @ https://example.org/mine-1.0-py3-none-any.whl
https://example.org/unnamed-1.0-py3-none-any.whl
"""


@pytest.mark.parametrize(
    ("files", "declared"),
    [
        pytest.param(
            {"requirements.txt": PIP, "more.txt": "six\n", "limits.txt": "urllib3<3\n"},
            ("mine", "scikit-learn", "six", "uvicorn"),
            id="pip",
        ),
        pytest.param(
            {"environment.yml": CONDA}, ("gdal", "numpy", "requests"), id="conda"
        ),
        pytest.param({"pyproject.toml": POETRY}, ("scikit-learn",), id="poetry"),
        pytest.param(
            {"pyproject.toml": UV, "uv.lock": "version = 1\n"},
            ("numpy", "pandas"),
            id="uv",
        ),
        pytest.param({"Pipfile": PIPFILE}, ("flask-caching", "requests"), id="pipenv"),
    ],
)
def test_what_a_definition_names_itself_is_declared(
    files: dict[str, str], declared: tuple[str, ...]
) -> None:
    found = read(files)

    assert isinstance(found, Definition)
    assert found.declared == declared


def test_what_is_no_name_of_a_distribution_is_not_declared() -> None:
    found = read({"Pipfile": '[packages]\n"a b" = "*"\n"" = "*"\nsix = "*"\n'})

    assert found.declared == ("six",)


def test_poetry_2_installs_what_project_names_too() -> None:
    found = read({"pyproject.toml": POETRY}, tools=Tools(poetry="2.5.1"))

    assert found.declared == ("polars", "scikit-learn")
