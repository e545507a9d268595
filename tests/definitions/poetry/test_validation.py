"""What poetry refuses is said before the build, and nothing else is."""

import hashlib
import json
import re
import tomllib

import pytest

from service.domain.building.tools import Tools
from service.domain.findings import Finding, Severity
from tests.definitions.poetry_cases import (
    DEPENDENCIES,
    FORMS,
    PROJECTS,
    TABLE,
    VERSIONS,
    VIRTUAL,
    with_form,
    with_version,
)
from tests.definitions.poetry_git_urls import GIT_URLS
from tests.definitions.poetry_metadata import METADATA
from tests.definitions.poetry_packages import PACKAGES, with_packages
from tests.definitions.poetry_suggestions import LOST, SUGGESTIONS
from tests.definitions.tree import Files, read

OF_MAJOR = {"1": Tools(poetry="1.8.3"), "2": Tools(poetry="2.5.1")}


def errors(files: Files, *, major: str = "1") -> list[Finding]:
    found = read(files, tools=OF_MAJOR[major])
    return [finding for finding in found.findings if finding.severity is Severity.ERROR]


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
    [pytest.param(*case, id=name) for name, *case in (*PROJECTS, *METADATA)],
)
def test_a_project_is_refused_as_poetry_refuses_it(
    content: str, others: dict[str, str], refused: str, major: str
) -> None:
    files = {"pyproject.toml": content, "demo/__init__.py": "", **others}

    found = errors(files, major=major)

    assert bool(found) == (major in refused), found


@pytest.mark.parametrize("major", OF_MAJOR)
@pytest.mark.parametrize(("url", "refused"), GIT_URLS)
def test_the_address_of_a_repository_is_refused_as_poetry_refuses_it(
    url: str, refused: str, major: str
) -> None:
    lines = f"{TABLE}{DEPENDENCIES}b = {{ git = {json.dumps(url)} }}\n"
    found = errors({"pyproject.toml": lines, "demo/__init__.py": ""}, major=major)

    assert [(finding.code, finding.line) for finding in found] == [
        ("git_url_invalid", 8)
    ] * (major in refused)


@pytest.mark.parametrize(
    ("url", "advice"),
    [
        ("https://user:${TOKEN}@example.org/a/b.git", "leave credentials to git"),
        ("../b", "write path ="),
        ("C:\\b", "write path ="),
        ("a/b", "write one such as https://"),
    ],
)
def test_an_address_that_poetry_cannot_read_is_told_of_with_its_mend(
    url: str, advice: str
) -> None:
    lines = f"{TABLE}{DEPENDENCIES}b = {{ git = {json.dumps(url)} }}\n"
    [found] = errors({"pyproject.toml": lines})

    assert advice in found.message
    assert "TOKEN" not in found.message


def test_a_readme_that_is_not_there_is_a_warning_that_the_package_is_left_out() -> None:
    lines = f'{TABLE}readme = "README.md"\n{DEPENDENCIES}'
    files = {"pyproject.toml": lines, "demo/__init__.py": "", "poetry.toml": ""}

    before, after = read(files), read({**files, "README.md": "x"})

    [warning] = [found for found in before.findings if found.code == "readme_missing"]
    assert (warning.severity, warning.line) == (Severity.WARNING, 6)
    assert "and not the package" in warning.message
    assert before.meaning != after.meaning


@pytest.mark.parametrize("major", OF_MAJOR)
@pytest.mark.parametrize(("name", "line", "paths", "refused"), PACKAGES)
def test_packages_are_refused_as_poetry_refuses_them(
    name: str, line: str, paths: tuple[str, ...], refused: str, major: str
) -> None:
    found = errors(with_packages(name, line, paths), major=major)

    assert bool(found) == (major in refused), found
    assert all(finding.line for finding in found)


@pytest.mark.parametrize("major", OF_MAJOR)
@pytest.mark.parametrize(
    ("python", "is_there"),
    [
        *((name, True) for name in ("^3.10", "^3.8", "^2.7 || ^3.6", "*", "3.12.*")),
        *((name, False) for name in ("^3.99", "~2.7", "<3.8", ">=3.10,<3.9", ">=3.20")),
        *((name, False) for name in (">=4", "~3.7 || ~3.8")),
    ],
)
def test_a_python_that_no_build_has_is_an_error(
    python: str, major: str, *, is_there: bool
) -> None:
    content = f'{VIRTUAL}[tool.poetry.dependencies]\npython = "{python}"\n'
    found = errors({"pyproject.toml": content}, major=major)

    assert [(finding.code, finding.line) for finding in found] == (
        [] if is_there else [("no_interpreter", 8)]
    )


def test_a_python_of_this_machine_is_no_error() -> None:
    content = f'{VIRTUAL}[tool.poetry.dependencies]\npython = "~3.9"\n'
    files = {"pyproject.toml": content}

    assert [error.code for error in errors(files)] == ["no_interpreter"]
    found = read(files, tools=Tools(pythons=("3.9", "3.10")))
    assert not found.findings


def test_a_python_that_is_pinned_to_its_patch_is_warned_of() -> None:
    content = f'{VIRTUAL}[tool.poetry.dependencies]\npython = "3.12.1"\n'
    [found] = read({"pyproject.toml": content}).findings

    assert (found.code, found.severity) == ("python_patch_pinned", Severity.WARNING)


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


@pytest.mark.parametrize(
    ("name", "rest"),
    [pytest.param(name, rest, id=name) for name, rest, _ in SUGGESTIONS],
)
def test_what_a_suggestion_leaves_out_is_named(name: str, rest: str) -> None:
    found = errors({"pyproject.toml": f"[project]\nname = 'a'\n{rest}\n"})[0]

    _, without, lost = found.message.partition(" (without ")
    assert bool(without) == (name in LOST)
    assert lost.startswith(LOST.get(name, ""))


def test_one_python_is_suggested() -> None:
    content = "[project]\nname = 'a'\n[tool.poetry]\npackages = []\n"

    [found] = errors({"pyproject.toml": content})

    assert "~3.12" in found.message


def test_a_python_that_is_one_release_to_poetry_is_no_series() -> None:
    content = with_version("*").replace('python = "^3.10"', 'python = "3.11"')

    [found] = read({"pyproject.toml": content, "demo/__init__.py": ""}).findings

    assert found.code == "python_patch_pinned"
    assert "first release alone" in found.message


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

    lines = {error.line for error in errors({"pyproject.toml": content})}

    assert line in lines


LOCKED = """\
[[package]]
name = "lib"
version = "0.1.0"
optional = false
python-versions = "*"
files = []
develop = true
[package.dependencies]
deep = "*"
[package.source]
type = "directory"
url = "libs/lib"

[[package]]
name = "deep"
version = "0.1.0"
optional = false
python-versions = "*"
files = []
[package.source]
type = "directory"
url = "libs/deep"

[metadata]
lock-version = "2.0"
python-versions = "^3.10"
content-hash = "{digest}"
"""
LIB = 'lib = {path = "libs/lib", develop = true}\n'
DEV = "[tool.poetry.group.dev.dependencies]\n"


def locked(content: str, *, lock: str = LOCKED) -> Files:
    """Lock a project as poetry 1 does."""
    table = tomllib.loads(content)["tool"]["poetry"]
    keys = ("dependencies", "source", "extras", "dev-dependencies")
    relevant = {key: table.get(key) for key in keys}
    relevant |= {"group": table["group"]} if "group" in table else {}
    digest = hashlib.sha256(json.dumps(relevant, sort_keys=True).encode()).hexdigest()
    return {"pyproject.toml": content, "poetry.lock": lock.format(digest=digest)}


def test_a_path_that_only_a_group_names_may_be_gone() -> None:
    files = locked(VIRTUAL + DEPENDENCIES + DEV + LIB)

    assert not errors(files)
    assert {finding.severity for finding in read(files).findings} == {Severity.WARNING}
    [unlocked] = errors({"pyproject.toml": files["pyproject.toml"]})
    assert unlocked.code == "missing_include"


def test_a_path_that_the_main_group_leads_to_may_not() -> None:
    found = errors(locked(VIRTUAL + DEPENDENCIES + LIB))

    messages = [
        finding.message for finding in found if finding.code == "missing_include"
    ]
    assert {
        "libs/lib" in message or "libs/deep" in message for message in messages
    } == {True}
    assert any("libs/deep" in message for message in messages)


@pytest.mark.parametrize(
    ("lock", "code"),
    [
        pytest.param(LOCKED.replace("{digest}", "0" * 64), "stale_lock", id="other"),
        pytest.param(
            LOCKED.replace('content-hash = "{digest}"', ""), "stale_lock", id="none"
        ),
        pytest.param("package = []\n", "lock_schema", id="no metadata"),
        pytest.param(
            LOCKED.replace('version = "2.0"', 'version = "3.0"'), "lock_schema", id="3"
        ),
        pytest.param(
            LOCKED.replace('version = "2.0"', "version = 2"), "lock_schema", id="int"
        ),
        pytest.param(LOCKED[LOCKED.index("[metadata]") :], "lock_schema", id="no list"),
        *(
            pytest.param(
                re.sub(f"{key} = .*\n", "", LOCKED, count=1), "lock_schema", id=key
            )
            for key in ("name", "version", "optional", "python-versions", "files")
        ),
        *(
            pytest.param(LOCKED.replace(right, wrong), "lock_schema", id=wrong)
            for right, wrong in (
                ('version = "0.1.0"', 'version = "abc"'),
                ('python-versions = "*"', 'python-versions = "banana"'),
                ('deep = "*"', 'deep = "bad bad"'),
                ('deep = "*"', "deep = 1"),
                ('url = "libs/lib"', 'reference = "a"'),
            )
        ),
    ],
)
def test_a_lock_that_poetry_refuses_is_an_error(lock: str, code: str) -> None:
    [finding] = errors(locked(VIRTUAL + DEPENDENCIES + DEV + LIB, lock=lock))

    assert (finding.code, finding.path, finding.line) == (code, "poetry.lock", 1)


@pytest.mark.parametrize("major", OF_MAJOR)
@pytest.mark.parametrize(
    ("line", "is_complete"),
    [
        ('six = "*"', False),
        ('six = { version = "^1", extras = ["a"] }', False),
        ('lib = "*"', True),
        ("""six = { version = "*", markers = "sys_platform == 'win32'" }""", True),
        ('six = { version = "*", optional = true }', False),
        ('setuptools = "*"', False),
    ],
)
def test_a_lock_lacks_nothing_that_poetry_solves_with(
    line: str, major: str, *, is_complete: bool
) -> None:
    """A merge by hand may drop a package, and poetry 1.2 left out setuptools."""
    files = {**locked(f"{VIRTUAL}{DEPENDENCIES}{line}\n"), "libs/lib/setup.py": ""}
    found = errors({**files, "libs/deep/setup.py": ""}, major=major)

    codes = [] if is_complete else ["lock_incomplete"]
    assert [finding.code for finding in found] == codes


@pytest.mark.parametrize("path", ["/home/me/lib", "../lib"])
def test_a_path_outside_the_repository_must_not_be_installed(path: str) -> None:
    lock = LOCKED.replace("libs/lib", path)
    lib = LIB.replace("libs/lib", path)

    found = errors(locked(VIRTUAL + DEPENDENCIES + lib, lock=lock))
    of_a_group = errors(locked(VIRTUAL + DEPENDENCIES + DEV + lib, lock=lock))

    outside = [item.path for item in found if item.code == "outside_repository"]
    assert sorted(outside) == ["poetry.lock", "pyproject.toml"]
    assert not of_a_group


@pytest.mark.parametrize("name", ["other", "setuptools"])
def test_what_a_locked_package_needs_is_locked_too(name: str) -> None:
    lock = LOCKED.replace('deep = "*"', f'{name} = ">=3"')
    beside = {"libs/lib/setup.py": "", "libs/deep/setup.py": ""}
    project = f"{VIRTUAL}{DEPENDENCIES}{LIB}"

    [finding] = errors({**locked(project, lock=lock), **beside})

    assert finding.code == "lock_incomplete"
    assert f"lacks {name}" in finding.message
    of_groups = lock.replace("files = []", 'files = []\ngroups = ["main"]')
    settled = locked(project, lock=of_groups.replace('"2.0"', '"2.1"'))
    assert not errors({**settled, **beside}, major="2")


@pytest.mark.parametrize("major", OF_MAJOR)
@pytest.mark.parametrize("build", ['{ script = "build.py" }', '"../build.py"'])
def test_a_build_script_that_is_not_there_is_an_error(build: str, major: str) -> None:
    content = PROJECTS[0][1].replace("authors", f"build = {build}\nauthors")
    files = {"pyproject.toml": content, "demo/__init__.py": ""}

    [finding] = errors(files, major=major)

    assert (finding.code, finding.line) == ("build_script_missing", 5)
