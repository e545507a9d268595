"""What poetry refuses is said before the build, and nothing else is."""

import pytest

from service.domain.findings import Finding, Severity
from service.domain.tools import Tools
from tests.definitions.poetry_cases import (
    FORMS,
    PROJECTS,
    VERSIONS,
    with_form,
    with_version,
)
from tests.definitions.tree import Files, read

OF_MAJOR = {"1": Tools(poetry="1.8.3"), "2": Tools(poetry="2.5.1")}


def errors(files: Files, *, major: str = "1") -> list[Finding]:
    found = read(files, tools=OF_MAJOR[major])
    return [it for it in found.findings if it.severity is Severity.ERROR]


@pytest.mark.parametrize("major", OF_MAJOR)
@pytest.mark.parametrize(("constraint", "refused"), VERSIONS)
def test_a_constraint_is_refused_as_poetry_refuses_it(
    constraint: str, refused: str, major: str
) -> None:
    found = errors({"pyproject.toml": with_version(constraint)}, major=major)

    assert bool(found) == (major in refused), found


@pytest.mark.parametrize("major", OF_MAJOR)
@pytest.mark.parametrize(("form", "refused"), FORMS)
def test_a_dependency_is_refused_as_poetry_refuses_it(
    form: str, refused: str, major: str
) -> None:
    found = errors({"pyproject.toml": with_form(form)}, major=major)

    assert bool(found) == (major in refused), found


@pytest.mark.parametrize("major", OF_MAJOR)
@pytest.mark.parametrize(
    ("content", "others", "refused"),
    [pytest.param(*case, id=name) for name, *case in PROJECTS],
)
def test_a_project_is_refused_as_poetry_refuses_it(
    content: str, others: dict[str, str], refused: str, major: str
) -> None:
    files = {"pyproject.toml": content, "demo/__init__.py": "", **others}

    found = errors(files, major=major)

    assert bool(found) == (major in refused), found


MODERN = """\
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = [
  "six (>=1.16.0,<2.0.0)",
  "Idna[all]; sys_platform == 'linux'",
]

[tool.poetry]
packages = [{include = "demo", from = "src"}]

[build-system]
requires = ["poetry-core>=2.0.0,<3.0.0"]
build-backend = "poetry.core.masonry.api"
"""


def test_a_poetry_2_project_is_told_the_two_lines_that_mend_it() -> None:
    [finding] = errors({"pyproject.toml": MODERN})

    assert (finding.code, finding.line) == ("poetry_2_project", 1)
    first, second = finding.message.split("add under [tool.poetry]: ")[1].split(" and ")
    assert first == "package-mode = false"
    mended = MODERN.replace(
        "[tool.poetry]\n",
        f"[tool.poetry]\n{first}\n{second.removesuffix('. The build would fail.')}\n",
    )
    assert not errors({"pyproject.toml": mended})


def test_a_poetry_2_project_is_right_for_poetry_2() -> None:
    files = {"pyproject.toml": MODERN, "src/demo/__init__.py": ""}

    assert not errors(files, major="2")


def test_dependencies_that_poetry_1_leaves_out_are_named() -> None:
    content = MODERN.replace(
        "[tool.poetry]\n", "[tool.poetry]\npackage-mode = false\n"
    ).replace(
        "[build-system]",
        '[tool.poetry.dependencies]\npython = "^3.10"\nIDNA = "*"\n\n[build-system]',
    )

    [old] = read({"pyproject.toml": content}).findings
    modern = read({"pyproject.toml": content}, tools=OF_MAJOR["2"])

    assert (old.code, old.severity) == (
        "project_dependencies_dropped",
        Severity.WARNING,
    )
    assert "so six will not be installed" in old.message
    assert old.line == 5
    assert not modern.findings


@pytest.mark.parametrize(
    ("rest", "line"),
    [
        pytest.param("foo = 1\n", 6, id="unknown key"),
        pytest.param('packages = [\n  { include = "gone" },\n]\n', 7, id="package"),
        pytest.param(
            '[tool.poetry.dependencies]\npython = "^3.10"\nsix = "latest"\n',
            8,
            id="constraint",
        ),
        pytest.param(
            '[[tool.poetry.source]]\nname = "a"\nurl = "https://a.org"\n'
            '[[tool.poetry.source]]\nname = "a"\nurl = "https://a.org"\n',
            9,
            id="second of an array",
        ),
        pytest.param(
            "[tool.poetry.dependencies.six]\nversion = '*'\nfoo = 1\n", 8, id="table"
        ),
        pytest.param('keywords = """\n[tool.poetry]\nfoo = 1\n"""\n', 6, id="text"),
    ],
)
def test_a_finding_names_its_line(rest: str, line: int) -> None:
    table = '[tool.poetry]\nname = "demo"\nversion = "1"\ndescription = ""\n'
    content = f"{table}authors = []\n{rest}"
    if "python" not in rest:
        content += '[tool.poetry.group.dev.dependencies]\npython = "^3.10"\n'

    lines = {it.line for it in errors({"pyproject.toml": content})}

    assert line in lines
