"""What a build takes along, reads or runs counts, however the project spells it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.definitions.tree import Commit, Files, LinkTo, codes, read

BACKENDS = {
    "hatch": ("hatchling", "hatchling.build"),
    "pdm": ("pdm-backend", "pdm.backend"),
    "poetry": ("poetry-core", "poetry.core.masonry.api"),
    "setuptools": ("setuptools", "setuptools.build_meta"),
    "flit": ("flit-core", "flit_core.buildapi"),
}


def a_project(builder: str, table: str = "", version: str = 'version = "1"') -> Files:
    requirement, backend = BACKENDS[builder]
    return {
        "requirements.txt": ".\n",
        "pyproject.toml": f'[project]\nname = "mypkg"\n{version}\n'
        f'[build-system]\nrequires = ["{requirement}"]\nbuild-backend = "{backend}"\n'
        + (table if "[" in table[:1] else f"[tool.{builder}]\n{table}"),
        "mypkg/__init__.py": '"""Doc."""\n__version__ = "1"\n',
        "mypkg/v.py": 'V = "1"\n',
        "CHANGELOG.md": "one",
        "LICENSE": "MIT",
    }


def is_counted(files: Files, path: str = "CHANGELOG.md", content: str = "two") -> bool:
    before, after = (
        Commit(entry).read() for entry in (files, {**files, path: content})
    )
    return getattr(before, "meaning", None) != getattr(after, "meaning", None)


WHEEL = "[tool.hatch.build.targets.wheel]\n"
DYNAMIC = 'dynamic = ["version"]'
TAKEN = {
    "hatch": [
        WHEEL + 'include = ["/*.md"]',
        WHEEL + 'include = ["**/*.md"]',
        WHEEL + 'include = ["/C*"]',
        WHEEL + 'include = ["/*"]',
        WHEEL + 'include = ["mypkg/*", "/CHANGELOG.*"]',
        WHEEL + 'include = ["[^B]HANGELOG.md"]',
        WHEEL + "include = ['\\CHANGELOG.md']",
        '[tool.hatch.build]\ninclude = ["/*.md", "mypkg"]',
        WHEEL + 'only-include = ["./."]',
        WHEEL + 'packages = ["mypkg/.."]',
        WHEEL + 'force-include = {"./." = "data"}',
        WHEEL + 'shared-data = {"./." = "share"}',
    ],
    "pdm": ['build.includes = ["mypkg", "**/*.md"]', 'build.includes = ["./*.md"]'],
    "poetry": [
        'include = [{path = "**/*.md", format = ["wheel"]}]',
        'include = [{path = "./*.md", format = ["wheel"]}]',
    ],
    "setuptools": [
        'packages = ["mypkg"]\ndata-files.share = ["./*.md"]',
        'packages = ["mypkg"]\ndata-files.share = ["**/*.md"]',
        'packages = ["mypkg"]\npackage-data.mypkg = ["../*.md"]',
    ],
}


@pytest.mark.parametrize(
    ("builder", "table"),
    [(builder, table) for builder, tables in TAKEN.items() for table in tables],
)
def test_a_text_counts_that_a_pattern_takes_along(builder: str, table: str) -> None:
    assert is_counted(a_project(builder, table))


@pytest.mark.parametrize(
    ("builder", "table"),
    [
        ("hatch", ""),
        ("hatch", WHEEL + 'include = ["mypkg/**", "/docs/*.md", "/A*"]'),
        ("pdm", 'build.includes = ["mypkg", "docs/*.md"]'),
        ("poetry", 'packages = [{include = "mypkg"}]\ninclude = ["docs/**/*"]'),
        ("setuptools", 'packages = ["mypkg"]\npackage-data.mypkg = ["data/*"]'),
        ("flit", ""),
    ],
)
def test_a_text_that_no_pattern_takes_along_does_not_count(
    builder: str, table: str
) -> None:
    assert not is_counted(a_project(builder, table))


@pytest.mark.parametrize(
    ("name", "content", "is_taken"),
    [
        ("setup.cfg", "[options.data_files]\nshare = ./*.md\n", True),
        ("setup.cfg", "[options.data_files]\nshare =\n  [C]HANGELOG.md\n", True),
        ("setup.cfg", "[options.data_files]\nshare = [C,D]HANGE*\n", True),
        ("setup.py", "setup(package_data={'mypkg': ['../CHANGE*']})", True),
        ("setup.py", "setup(data_files=[('x', ['[C]HANGELOG.md'])])", True),
        ("setup.py", "setup(", True),
        ("setup.py", "setup(package_data={'mypkg': ['data/*.md']})", False),
        ("setup.cfg", "[options.package_data]\nmypkg = data/*\n", False),
    ],
)
def test_a_pattern_of_setuptools_own_files_takes_a_text_along(
    name: str, content: str, *, is_taken: bool
) -> None:
    files = a_project("setuptools", 'packages = ["mypkg"]')

    assert is_counted({**files, name: content}) is is_taken


READS = "V = open('CHANGELOG.md').read()\n"
HOOKS: dict[str, Files] = {
    "hatch": {
        **a_project("hatch", '[tool.hatch.build.hooks.custom]\npath = "tools/h.py"'),
        "tools/h.py": READS,
    },
    "hatch.toml": {
        **a_project("hatch"),
        "hatch.toml": '[build.hooks.custom]\npath = "tools/h.py"\n',
        "tools/h.py": READS,
    },
    "hatch version": {
        **a_project("hatch", 'version = {source = "code", path = "v.py"}', DYNAMIC),
        "v.py": READS,
    },
    "pdm": {
        **a_project("pdm", 'build.custom-hook = "tools/h.py"'),
        "tools/h.py": READS,
    },
    "pdm version": {
        **a_project("pdm", 'version = {source="call",getter="tools.v:get"}', DYNAMIC),
        "tools/v.py": READS,
    },
    "poetry": {
        **a_project("poetry", 'build.script = "tools/h.py"'),
        "tools/h.py": READS,
    },
    "attr": {
        **a_project("setuptools", 'dynamic.version.attr = "mypkg.v.V"', DYNAMIC),
        "mypkg/v.py": READS,
    },
    "attr in setup.cfg": {
        **a_project("setuptools", "", DYNAMIC),
        "setup.cfg": "[metadata]\nversion = attr: mypkg.v.V\n",
        "mypkg/v.py": READS,
    },
    "attr of nothing": a_project(
        "setuptools", 'dynamic.version.attr = "gone.v.V"', DYNAMIC
    ),
    "cmdclass": {
        **a_project("setuptools", 'cmdclass = {build_py = "mypkg.v.Build"}'),
        "mypkg/v.py": READS,
    },
    "exec": {
        **a_project("setuptools"),
        "setup.py": "exec(open('mypkg/v.py').read())",
        "mypkg/v.py": READS,
    },
    "import": {
        **a_project("setuptools"),
        "setup.py": "from mypkg.v import V",
        "mypkg/v.py": READS,
    },
    "flit": {
        **a_project("flit", "", DYNAMIC),
        "mypkg/__init__.py": "from mypkg.v import V\n__version__ = V\n",
    },
}
"""Projects whose build runs a program that reads a text."""


@pytest.mark.parametrize("name", HOOKS)
def test_a_text_counts_where_a_program_chooses(name: str) -> None:
    files = {**HOOKS[name], "mypkg/version.py": "V = 1  # one\n"}

    assert is_counted(files)
    assert is_counted(files, "mypkg/version.py", "V = 1  # two\n")


@pytest.mark.parametrize(
    "files",
    [
        a_project("setuptools", 'dynamic.version.attr = "mypkg.v.V"', DYNAMIC),
        a_project("setuptools", 'dynamic.version.attr = "mypkg.__version__"', DYNAMIC),
        a_project("flit", "", 'dynamic = ["version", "description"]'),
        {
            **a_project("setuptools"),
            "setup.py": "exec(open('mypkg/v.py').read())\nfrom setuptools import setup",
            "mypkg/v.py": "INFO = (1, 2)\nV = '.'.join(map(str, INFO))\n",
        },
    ],
    ids=["attr", "attr of the package", "flit", "exec"],
)
def test_a_module_of_literals_chooses_nothing(files: Files) -> None:
    assert not is_counted(files)
    assert "version_from_history" not in codes(read(files))


def with_table(files: Files, table: str) -> str:
    written = files["pyproject.toml"]
    assert isinstance(written, str)
    return f"{written}\n{table}"


OWN = (
    '[project]\nname = "mypkg"\nversion = "1"\n[build-system]\n'
    'requires = ["setuptools"]\nbuild-backend = "backend"\nbackend-path = ["_b"]\n'
)


@pytest.mark.parametrize(
    "table", ["[tool.ruff]\nx = 1\n", "[dependency-groups]\nx = ['six']\n"]
)
def test_every_table_counts_where_a_program_of_the_project_may_read_it(
    table: str,
) -> None:
    own = {**a_project("setuptools"), "pyproject.toml": OWN, "_b/backend.py": ""}
    setup = {**a_project("setuptools"), "setup.py": "open('pyproject.toml')"}
    hook = {**HOOKS["hatch"], "tools/h.py": "import tomllib"}

    held = a_project("hatch", WHEEL + 'force-include = {"pyproject.toml" = "mypkg/p"}')

    for files in (own, setup, hook, held):
        assert is_counted(files, "pyproject.toml", with_table(files, table))
    unread = with_table(HOOKS["hatch"], table)
    assert not is_counted(HOOKS["hatch"], "pyproject.toml", unread)


def test_a_backend_that_no_requirement_brings_is_not_known() -> None:
    other = OWN.replace('backend-path = ["_b"]\n', "")
    files = {**a_project("setuptools"), "pyproject.toml": other}

    assert is_counted(files)
    groups = f"{other}[dependency-groups]\nx = ['six']\n"
    assert is_counted(files, "pyproject.toml", groups)


GIT = "import subprocess\nV = subprocess.check_output(['git', 'describe'])\n"


@pytest.mark.parametrize(
    "files",
    [
        a_project("pdm", 'version.source = "scm"', DYNAMIC),
        {**HOOKS["hatch version"], "v.py": GIT},
        {**HOOKS["hatch"], "tools/h.py": GIT},
        {**HOOKS["pdm version"], "tools/v.py": GIT},
        {**HOOKS["attr"], "mypkg/v.py": GIT},
        {**HOOKS["attr"], "mypkg/__init__.py": GIT},
        {**HOOKS["attr in setup.cfg"], "mypkg/v.py": GIT},
        {**HOOKS["exec"], "mypkg/v.py": GIT},
        {**HOOKS["import"], "mypkg/v.py": GIT},
        {**a_project("setuptools"), "setup.cfg": "setup_requires = setuptools-scm\n"},
        {**a_project("setuptools"), "pyproject.toml": OWN, "_b/backend.py": GIT},
    ],
)
def test_a_version_that_a_program_takes_from_git_makes_every_commit_count(
    files: Files,
) -> None:
    found = read(files)

    assert "version_from_history" in codes(found)
    assert found.kept is None


@pytest.mark.parametrize("name", HOOKS)
def test_a_program_that_does_not_ask_git_makes_no_commit_count(name: str) -> None:
    is_lost = name == "attr of nothing"

    assert ("version_from_history" in codes(read(HOOKS[name]))) is is_lost


@pytest.mark.parametrize(
    ("table", "is_taken"),
    [
        (WHEEL + 'include = ["mypkg", "/.github/**"]', True),
        (WHEEL + 'include = ["mypkg", ".github/"]', True),
        (WHEEL + 'include = ["mypkg", "**/*.yml"]', True),
        (WHEEL + 'include = ["mypkg", "*.yml"]', True),
        (WHEEL + 'include = ["/.g*"]', True),
        (WHEEL + 'only-include = ["."]', True),
        (WHEEL + 'include = ["mypkg/*"]\nexclude = ["**/*.pyc"]', False),
        ("[tool.hatch.envs.x]\ndependencies = ['six==1.*']", False),
        ('[tool.hatch.build.targets.sdist]\ninclude = ["*"]', False),
    ],
)
def test_what_lies_aside_is_kept_where_a_pattern_takes_it_along(
    table: str, *, is_taken: bool
) -> None:
    files = {**a_project("hatch", table), ".github/ci.yml": "1"}

    assert (".github" in (read(files).kept or ())) is is_taken
    assert is_counted(files, ".github/ci.yml") is is_taken


def test_a_text_counts_that_a_link_brings_into_a_package() -> None:
    files: Files = {
        **a_project("hatch"),
        "mypkg/CHANGELOG.md": LinkTo("../CHANGELOG.md"),
    }
    other: Files = {
        "requirements.txt": "./lib\n",
        **{f"lib/{path}": content for path, content in a_project("hatch").items()},
        "lib/mypkg/shared": LinkTo("../../shared"),
        "shared/CHANGELOG.md": "one",
    }

    assert is_counted(files)
    assert is_counted(other, "shared/CHANGELOG.md")
    assert not is_counted(other, "lib/CHANGELOG.md")


@pytest.mark.parametrize(
    ("table", "is_taken"),
    [
        *((table, True) for table in TAKEN["hatch"]),
        (WHEEL + 'include = ["mypkg/**", "/docs/*.md"]', False),
    ],
)
def test_hatch_takes_along_what_is_held_to_be_taken(
    table: str, tmp_path: Path, *, is_taken: bool
) -> None:
    files = a_project("hatch", table)
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(str(content))
    program = "import sys, hatchling.build as b; b.build_wheel(sys.argv[1])"
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    argv = [sys.executable, "-c", program, str(wheels)]
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)

    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        taken = [path for path in wheel.namelist() if path.endswith("CHANGELOG.md")]
    assert bool(taken) is is_taken
    assert is_counted(files) is is_taken
