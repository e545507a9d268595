"""What people write by mistake is said in their words, with its line."""

import pytest

from service.domain.findings import Severity
from tests.definitions.tree import Commit, Files, read

CONFLICT = "<<<<<<< HEAD\n{0}\n=======\n{1}\n>>>>>>> theirs\n"
PROJECT = '[project]\nname = "a"\n'


@pytest.mark.parametrize(
    ("line", "mend"),
    [
        pytest.param("<<<<<<< HEAD", "a merge that was not resolved", id="merge"),
        pytest.param("=======", "a merge that was not resolved", id="between sides"),
        pytest.param("'numpy==1.26.4'", "take them out", id="quotation marks"),
        pytest.param('"pandas",', "take them out", id="an element of a list"),
        pytest.param("numpy^1.26", "~=1.2", id="a version of poetry"),
        pytest.param("numpy~1.26", "~=1.2", id="a tilde alone"),
        pytest.param("numpy==*", "write the name alone", id="any version"),
        pytest.param("numpy==latest", "write the name alone", id="the latest one"),
        pytest.param("numpy, pandas, scipy", "without commas", id="commas"),
        pytest.param("numpy: 1.26", "after ==, not after a colon", id="colon"),
        pytest.param("numpy (1.26.4)", "not in parentheses", id="parentheses"),
        pytest.param("numpy=>1.26", "the = at the end", id="a turned sign"),
        pytest.param("numpy=1.26", "a single =", id="conda's version"),
        pytest.param("$ pip install numpy", "this is a command", id="a prompt"),
        pytest.param("numpy 1.26", "one package a line", id="a space"),
        pytest.param("numpy\uff1d\uff1d1.26", "typographic", id="wide signs"),
        pytest.param("numpy>=1.26 \u2013no-deps", "typographic", id="a long dash"),
        pytest.param("* numpy", "take out what stands before", id="a bullet"),
        pytest.param("-e c:\\users\\me\\lib", "a Windows machine", id="editable drive"),
        pytest.param("c:\\users\\me\\lib", "a Windows machine", id="a drive"),
        pytest.param("C:/users/me/lib", "a Windows machine", id="a drive with /"),
        pytest.param("-e .\\lib", "write it with /", id="backslashes"),
        pytest.param("numpy==1.26 // text", "write # before", id="a comment of C"),
        pytest.param("numpy // text", "write # before", id="a comment after a name"),
        pytest.param("numpy==1.26 /text", "nothing but a ; or a #", id="a slash"),
        pytest.param("https://h.org/x.git", "git+https://h.org/x.git", id="no git+"),
        pytest.param(
            "x @ https://github.com/a/b", "git+https://github.com/a/b", id="a page"
        ),
        pytest.param(
            "https://h.org/o/x.git@v1#egg=x", "git+https://h.org/o/x.git@v1", id="tag"
        ),
    ],
)
def test_a_line_that_pip_cannot_read_is_explained(line: str, mend: str) -> None:
    found = read({"requirements.txt": f"six==1.16.0\n{line}\n"}).findings
    errors = [finding for finding in found if finding.severity is Severity.ERROR]

    assert [finding.line for finding in errors] == [2]
    assert mend in errors[0].message


@pytest.mark.parametrize(
    ("files", "line", "mend"),
    [
        pytest.param(
            {"environment.yml": CONFLICT.format("name: a", "name: b")},
            1,
            "a merge that was not resolved",
            id="environment.yml",
        ),
        pytest.param(
            {
                "environment.yml": "dependencies:\n"
                + CONFLICT.format("  - six=1", "  - six=2")
            },
            2,
            "a merge that was not resolved",
            id="within a list",
        ),
        pytest.param(
            {
                "uv.lock": "version = 1\n",
                "pyproject.toml": PROJECT
                + CONFLICT.format('version = "1"', 'version = "2"'),
            },
            3,
            "a merge that was not resolved",
            id="pyproject.toml",
        ),
        pytest.param(
            {"environment.yml": 'dependencies:\n  - "six=1\n  - attrs\n'},
            2,
            "what opens here is not closed",
            id="a quotation mark",
        ),
        pytest.param(
            {"environment.yml": "name: a\ndependencies: [six, attrs\n"},
            2,
            "what opens here is not closed",
            id="a bracket",
        ),
        pytest.param(
            {"environment.yml": "dependencies:\n  -six\n  -attrs\n"},
            2,
            "after a dash and a space",
            id="a dash without a space",
        ),
    ],
)
def test_a_file_that_no_installer_reads_is_explained(
    files: Files, line: int, mend: str
) -> None:
    finding = next(
        each for each in read(files).findings if each.severity.value == "error"
    )

    assert finding.line == line
    assert mend in finding.message


@pytest.mark.parametrize(
    "content",
    ["", "[projct]\nname = 'a'\n", "[tool.black]\nline-length = 88\n"],
    ids=["empty", "misspelt", "tools only"],
)
def test_a_pyproject_that_defines_nothing_is_said_to_be_there(content: str) -> None:
    found = Commit({"pyproject.toml": content}).read().findings

    assert [(finding.code, finding.path) for finding in found] == [
        ("not_a_definition", "pyproject.toml")
    ]
    assert "neither a table [project] nor a table [tool.poetry]" in found[0].message


def test_a_dash_before_a_requirement_is_to_be_taken_out() -> None:
    found = read({"requirements.txt": "six==1.16.0\n- numpy\n"}).findings
    [ignored] = [finding for finding in found if finding.code == "ignored_option"]

    assert (ignored.line, ignored.severity) == (2, Severity.WARNING)
    assert "- numpy" in ignored.message
    assert "take it out" in ignored.message


@pytest.mark.parametrize(
    "line",
    [
        "https://github.com/a/b/archive/refs/heads/main.zip",
        "https://github.com/a/b/releases/download/v1/b-1.tar.gz",
        "https://gitlab.com/a/b/-/archive/main/b-main.tar.gz",
        "https://h.org/x.git/archive/main.zip",
        "git+https://github.com/a/b.git",
        "-e ./a\\ b",
    ],
)
def test_a_line_that_pip_installs_is_not_refused(line: str) -> None:
    files = {"requirements.txt": f"{line}\n", "a b/setup.py": ""}

    assert not [
        finding for finding in read(files).findings if finding.severity.value == "error"
    ]
