"""What an image holds is part of its key; what is not, it does not hold."""

from dataclasses import replace

import pytest

from service.domain.definition import ABSENT, Kind
from service.domain.evaluation.comparison import Observed, Verdict, compare, update_seen
from service.domain.findings import Severity
from service.domain.repository import CommitSha
from service.domain.source import Head
from tests.definitions.tree import (
    Commit,
    Files,
    LinkTo,
    Script,
    codes,
    items,
    paths,
    read,
)
from tests.support.clock import NOW
from tests.support.values import a_source

PROJECT = (
    '[project]\nname="mypkg"\nversion="1.0"\n[build-system]\n'
    'requires=["setuptools"]\nbuild-backend="setuptools.build_meta"\n'
)
EDITABLE: Files = {
    "requirements.txt": "-e .\nsix\n",
    "pyproject.toml": PROJECT,
    "src/mypkg/__init__.py": "VALUE = 1\n",
}
LOCK = 'version = 1\n[[package]]\nname="mypkg"\nsource={{ {} = "." }}\n'
POETRY = (
    '[tool.poetry]\nname="mypkg"\nversion="1"\ndescription=""\nauthors=["a <a@b.c>"]\n'
    '{}[tool.poetry.dependencies]\npython="^3.10"\n'
)


def is_changed(before: Files, after: Files, context_dir: str = "") -> bool:
    one, two = (Commit(entry).read(context_dir) for entry in (before, after))
    return getattr(one, "meaning", None) != getattr(two, "meaning", None)


@pytest.mark.parametrize(
    "edit",
    [
        {"src/mypkg/__init__.py": "VALUE = 2\n"},
        {"src/mypkg/__init__.py": Script("VALUE = 1\n")},
        {"src/mypkg/new.py": ""},
        {"data/table.csv": "1"},
        {"README.md": "hello"},
        {"setup.cfg": "[options]"},
        {"hatch_build.py": "1"},
        {"MANIFEST.in": "include *.txt"},
        {"LICENSE": "MIT"},
        {".gitignore": "*.log"},
    ],
    ids=str,
)
def test_whatever_changes_in_an_installed_project_changes_the_image(
    edit: Files,
) -> None:
    assert is_changed(EDITABLE, {**EDITABLE, **edit})


@pytest.mark.parametrize(
    "edit",
    [
        {".github/workflows/ci.yml": "1"},
        {".gitlab-ci.yml": "1"},
        {".vscode/settings.json": "{}"},
        {"pyproject.toml": PROJECT + "[tool.ruff]\nline-length=88\n"},
        {"pyproject.toml": "# mine\n" + PROJECT},
    ],
    ids=str,
)
def test_what_a_build_is_not_given_or_nobody_reads_changes_no_image(
    edit: Files,
) -> None:
    assert not is_changed(EDITABLE, {**EDITABLE, **edit})


DEFINITIONS: dict[str, tuple[Files, bool]] = {
    "pip": ({"requirements.txt": "six"}, False),
    "pip editable": ({"requirements.txt": "-e ."}, True),
    "pip installed": ({"requirements.txt": "mypkg @ file:."}, True),
    "conda": ({"environment.yml": "dependencies: [six]"}, False),
    "conda editable": (
        {"environment.yml": "dependencies: [pip, {pip: ['-e .']}]"},
        True,
    ),
    "uv virtual": ({"uv.lock": LOCK.format("virtual")}, False),
    "uv editable": ({"uv.lock": LOCK.format("editable")}, True),
    "poetry": ({"pyproject.toml": POETRY.format("package-mode=false\n")}, False),
    "poetry package": ({"pyproject.toml": POETRY.format("")}, True),
}
NO_BUILD = '[project]\nname="mypkg"\nversion="1"\nrequires-python=">=3.11"\n'


@pytest.mark.parametrize("name", DEFINITIONS)
def test_code_counts_and_is_kept_where_it_is_installed_and_nowhere_else(
    name: str,
) -> None:
    defined, is_installed = DEFINITIONS[name]
    others: Files = {
        "pyproject.toml": NO_BUILD if "uv" in name else PROJECT,
        "mypkg/__init__.py": "1",
        "app.py": "secret",
    }
    files = {**others, **defined}
    found = read(files)

    assert is_changed(files, {**files, "mypkg/__init__.py": "2"}) is is_installed
    assert found.holds_code is is_installed
    assert found.kept is not None
    assert ("app.py" in found.kept) is is_installed
    assert found.path in found.kept


def test_forks_with_equal_content_share_and_strangers_with_equal_metadata_do_not() -> (
    None
):
    fork = dict(EDITABLE)
    stranger = {**EDITABLE, "src/mypkg/__init__.py": "VALUE = 'other'\n"}

    assert read(EDITABLE).meaning == read(fork).meaning
    assert read(EDITABLE).meaning != read(stranger).meaning


def test_the_verdict_says_that_it_was_the_code() -> None:
    def looked(files: Files, commit: str) -> Observed:
        head = Head(commit=CommitSha(commit * 40), ref=None)
        return Observed(head=head, found=read(files))

    first = looked(EDITABLE, "a")
    source = a_source()
    source = replace(source, seen=update_seen(source, first, NOW))
    verdict = compare(source, looked({**EDITABLE, "src/mypkg/__init__.py": "2"}, "b"))

    assert (verdict.verdict, verdict.reason) == (Verdict.CHANGED, "code_changed")
    assert verdict.message == "The code of an installed local project changed: src."


SUB: Files = {
    "requirements.txt": "-e ./lib",
    "lib/pyproject.toml": PROJECT,
    "lib/mypkg.py": "1",
    "app.py": "1",
}


def test_only_the_directory_of_a_project_counts() -> None:
    assert not is_changed(SUB, {**SUB, "app.py": "2"})
    assert is_changed(SUB, {**SUB, "lib/mypkg.py": "2"})
    assert read(SUB).kept == ("lib/mypkg.py", "lib/pyproject.toml", "requirements.txt")


def test_what_a_link_of_a_project_leads_to_counts() -> None:
    files: Files = {
        **SUB,
        "lib/data/shared": LinkTo("../../shared"),
        "shared/table.csv": "1",
        "shared/more": LinkTo("../far.txt"),
        "far.txt": "1",
        "lib/nowhere": LinkTo("../gone.txt"),
        "lib/outside": LinkTo("/etc/hostname"),
    }

    assert is_changed(files, {**files, "shared/table.csv": "2"})
    assert is_changed(files, {**files, "far.txt": "2"})
    assert is_changed(files, {**files, "gone.txt": "2"})
    assert not is_changed(files, {**files, "app.py": "2"})
    assert codes(read(files)) == codes(read(SUB))


@pytest.mark.parametrize("name", [".gitattributes", ".gitignore"])
def test_what_git_and_backends_read_above_a_project_counts(name: str) -> None:
    assert is_changed(SUB, {**SUB, name: "*.py ident"})


@pytest.mark.parametrize(
    "edit",
    [
        {"lib/setup.py": "open('../VERSION').read()"},
        {"lib/setup.py": "Path(__file__).parent.parent"},
        {"lib/MANIFEST.in": "graft ../data"},
        {"lib/Cargo.toml": "[package]"},
        {
            "lib/pyproject.toml": PROJECT
            + "[tool.setuptools.packages.find]\nwhere=['../src']\n"
        },
    ],
    ids=str,
)
def test_a_build_that_reads_outside_of_its_project_makes_every_commit_count(
    edit: Files,
) -> None:
    files = {**SUB, **edit}

    assert is_changed(files, {**files, "app.py": "2"})
    assert "project_reads_outside" in codes(read(files))
    assert read(files).kept is None


PACKAGE = "from setuptools import setup\nsetup(name='a', version='1')\n"


@pytest.mark.parametrize(
    ("program", "helper"),
    [
        ("HERE = Path(__file__).parent\nROOT = HERE.parent\n", ""),
        ("HERE = Path(__file__).resolve().parent\nopen(HERE.parents[0] / 'x')\n", ""),
        ("here = dirname(__file__)\nroot = os.path.dirname(here)\n", ""),
        ("import helper\n", "VERSION = open('../VERSION').read()\n"),
    ],
)
def test_a_program_that_goes_up_in_steps_is_given_all(
    program: str, helper: str
) -> None:
    files = {
        "requirements.txt": "-e ./a",
        "a/setup.py": PACKAGE + program,
        "a/helper.py": helper,
    }

    assert read({**files, "VERSION": "1"}).kept is None


@pytest.mark.parametrize(
    "program",
    [
        "here = os.path.abspath(os.path.dirname(__file__))\n",
        "here = os.path.dirname(os.path.abspath(__file__))\n",
        "here = pathlib.Path(__file__).resolve().parent\n",
        "README = (Path(__file__).parent / 'README.md').read_text()\n",
    ],
)
def test_a_program_that_stays_in_its_directory_is_given_that(program: str) -> None:
    files = {
        "requirements.txt": "-e ./a",
        "a/setup.py": PACKAGE + program,
        "a/unnamed.py": "open('../VERSION')",
    }

    assert read({**files, "VERSION": "1"}).kept is not None


@pytest.mark.parametrize(
    ("edit", "is_kept"),
    [
        ({"pyproject.toml": PROJECT + '[x]\nreadme = ".github/README.md"\n'}, True),
        ({"setup.cfg": "[metadata]\nlong_description = file: .github/R.md\n"}, True),
        ({"pyproject.toml": PROJECT + '[x]\nurl = "https://me.github/io"\n'}, False),
        ({"MANIFEST.in": "prune .github\n"}, False),
        ({"README.md": "See .github/README.md"}, False),
    ],
)
def test_what_lies_aside_counts_where_a_project_names_a_file_of_it(
    edit: Files, *, is_kept: bool
) -> None:
    files = {**EDITABLE, ".github/README.md": "1", ".gitlab-ci.yml": "2", **edit}

    kept = read(files).kept or ()

    assert (".github" in kept) == is_kept
    assert ".gitlab-ci.yml" not in kept
    assert is_changed(files, {**files, ".github/README.md": "3"}) == is_kept


def test_a_page_of_links_makes_every_commit_count() -> None:
    files = {"requirements.txt": "-f links.html\nsix\n", "links.html": "wheels/a.whl"}

    found = read(files)

    assert found.kept is None
    assert "links_page" in codes(found)
    assert is_changed(files, {**files, "wheels/a.whl": "1"})


@pytest.mark.parametrize(
    "edit",
    [
        {
            "lib/pyproject.toml": PROJECT.replace(
                '"setuptools"', '"setuptools","setuptools-scm>=8"'
            )
        },
        {"lib/setup.py": "setup(use_scm_version=True)"},
        {"lib/setup.py": "subprocess.run(['git', 'describe'])"},
    ],
    ids=str,
)
def test_a_version_out_of_the_history_makes_every_commit_count(edit: Files) -> None:
    files = {**SUB, **edit}

    assert is_changed(files, {**files, "app.py": "2"})
    assert "version_from_history" in codes(read(files))


def test_a_project_of_very_many_directories_makes_every_commit_count() -> None:
    many = {f"lib/d{number}/a.py": "" for number in range(120)}
    files = {**SUB, **many}

    assert is_changed(files, {**files, "app.py": "2"})
    assert "large_directory" in codes(read(files))


# vendor/


def test_a_vendor_directory_counts_and_makes_the_build_offline() -> None:
    files: Files = {
        "requirements.txt": "six",
        "vendor/six-1.16.0-py3-none-any.whl": "1",
    }
    newer: Files = {
        "requirements.txt": "six",
        "vendor/six-1.17.0-py3-none-any.whl": "2",
    }

    assert is_changed(files, newer)
    assert is_changed(files, {"requirements.txt": "six"})
    assert "vendor_offline" in codes(read(files))
    assert items(read({"requirements.txt": "six"}))["vendor"].mode == ABSENT


def test_a_vendor_directory_without_packages_is_an_error() -> None:
    found = read({"requirements.txt": "six", "vendor/jquery.js": ""})

    errors = {
        finding.code for finding in found.findings if finding.severity is Severity.ERROR
    }
    assert errors == {"vendor_empty"}


def test_what_links_in_vendor_lead_to_counts() -> None:
    files: Files = {
        "requirements.txt": "six",
        "vendor/six-1.whl": LinkTo("../wheels/six-1.whl"),
        "wheels/six-1.whl": "1",
    }

    assert is_changed(files, {**files, "wheels/six-1.whl": "2"})
    assert "wheels/six-1.whl" in paths(read(files))


def test_vendor_leaves_an_environment_file_unread() -> None:
    found = read({"environment.yml": "dependencies: [six]", "vendor/a": ""})

    assert "vendor_without_list" in codes(found)


# package-list.txt

LIST = "# platform: linux-64\npython=3.11.4=h1_0\nnumpy=1.26.0=py311_0\n"


def test_a_package_list_stands_before_poetry_and_within_its_group() -> None:
    project = POETRY.format("package-mode=false\n")
    environment = "dependencies: [python=3.10]"
    alone = read({"package-list.txt": LIST, "pyproject.toml": project})
    both = read({"package-list.txt": LIST, "environment.yml": environment})
    pip = read({"package-list.txt": LIST, "requirements.txt": "a"})

    assert (alone.kind, alone.path) == (Kind.CONDA, "package-list.txt")
    assert (both.kind, both.path) == (Kind.CONDA, "package-list.txt")
    assert both.python == "==3.11.4"
    assert "several_definitions" in codes(both)
    assert (pip.kind, pip.path) == (Kind.PIP, "requirements.txt")


def test_a_package_list_that_appears_is_a_change() -> None:
    environment: Files = {"environment.yml": "dependencies: [python=3.11]"}

    assert items(read(environment))["package-list.txt"].mode == ABSENT
    assert is_changed(environment, {**environment, "package-list.txt": LIST})


@pytest.mark.parametrize(
    ("edited", "is_other"),
    [
        (LIST.replace("1.26.0", "1.26.1"), True),
        (LIST.replace("py311_0", "py311_1"), True),
        (LIST + "six=1.16.0\n", True),
        (LIST + "six >=1.16\n", True),
        ("# by me\n" + LIST + "\n  # end\n", False),
        ("\n".join(sorted(LIST.splitlines())), False),
    ],
)
def test_a_package_list_means_its_packages(edited: str, *, is_other: bool) -> None:
    after = {"package-list.txt": edited}

    assert is_changed({"package-list.txt": LIST}, after) is is_other
    assert not [
        finding
        for finding in read(after).findings
        if finding.severity is Severity.ERROR
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (LIST + "six=1.16.0=pypi_0\n", "pip_in_package_list"),
        (LIST.replace("linux-64", "osx-arm64"), "other_platform"),
        ("numpy==>1\n", "syntax_error"),
        ("- numpy\n", "syntax_error"),
        ("@EXPLICIT\nhttps://example.org/a-1-0.conda\n", "explicit_list"),
    ],
)
def test_what_conda_would_not_take_from_a_list_is_said(content: str, code: str) -> None:
    files = {"package-list.txt": content}

    assert code in codes(read(files))
    assert is_changed(files, {"package-list.txt": content + "more\n"})


def test_files_of_other_platforms_are_called_unread() -> None:
    found = read({"requirements.txt": "six", "runtime.txt": "python-3.9"})

    assert [
        finding.code for finding in found.findings if finding.path == "runtime.txt"
    ] == ["not_read"]
    assert "runtime.txt" not in paths(found)
