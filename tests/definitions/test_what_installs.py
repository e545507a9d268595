"""What installs the very same is no change, and the installers themselves say so."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from uv import find_uv_bin

from service.domain.building.tools import Tools
from service.domain.definition import Kind
from tests.definitions.installing import (
    PIP,
    PIP_FILES,
    POETRY,
    POETRY_2,
    POETRY_2_FILES,
    POETRY_FILES,
    UV,
    UV_FILES,
    Pair,
    edited,
    sealed,
)
from tests.definitions.tree import Commit, Files, codes, read

BY_KIND = (
    ("poetry", POETRY_FILES, POETRY),
    ("uv", UV_FILES, UV),
    ("pip", PIP_FILES, PIP),
)


@pytest.mark.parametrize(
    ("files", "pair"),
    [
        pytest.param(files, pair, id=f"{kind} {name}")
        for kind, files, pairs in BY_KIND
        for name, pair in pairs.items()
    ],
)
def test_only_what_installs_something_else_is_a_change(
    files: dict[str, str], pair: Pair
) -> None:
    before, after = read(sealed(files)), read(edited(files, pair))

    assert "stale_lock" not in codes(before) | codes(after)
    assert before.fingerprint != after.fingerprint
    assert (before.meaning == after.meaning) is pair.is_same


@pytest.mark.parametrize("name", POETRY_2)
def test_poetry_2_installs_the_package_that_project_names(name: str) -> None:
    tools, pair = Tools(poetry="2.1.3"), POETRY_2[name]
    before = read(POETRY_2_FILES, tools=tools)
    after = read(edited(POETRY_2_FILES, pair), tools=tools)

    assert codes(before) | codes(after) <= {"whole_directory"}
    assert (before.meaning == after.meaning) is pair.is_same


def _write(folder: Path, files: dict[str, str]) -> Path:
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    return folder


def _ask(*argv: str, cwd: Path, given: str = "") -> str:
    return subprocess.run(
        argv,
        input=given,
        cwd=cwd,
        check=True,
        capture_output=True,
        text=True,
        env={"HOME": str(cwd), "PATH": "/usr/bin:/bin"},
    ).stdout


def test_uv_exports_the_same_where_nothing_changed(tmp_path: Path) -> None:
    options = ("--frozen", "--no-dev", "--no-emit-project", "--no-header", "--offline")
    python = f"--python={sys.executable}"

    def export(name: str, files: dict[str, str]) -> list[str]:
        folder = _write(tmp_path / name, files)
        said = _ask(find_uv_bin(), "export", *options, python, cwd=folder)
        named = re.findall(r"^([a-z]+==\S+)(?: ; (.*?))?(?: \\)?$", said, re.MULTILINE)
        return sorted(what for what, marker in named if "win32" not in marker)

    before = export("before", UV_FILES)
    said = {name: export(name, edited(UV_FILES, pair)) for name, pair in UV.items()}

    assert before == ["alpha==1.0", "beta==1.0"]
    assert {name: found == before for name, found in said.items()} == {
        name: pair.is_same for name, pair in UV.items()
    }


def test_pip_resolves_the_same_where_nothing_changed(tmp_path: Path) -> None:
    flags = ("--dry-run", "--no-build-isolation", "--ignore-installed", "--quiet")
    wheels = _write_wheels(tmp_path / "wheels", "omega", "sigma")

    def resolve(name: str, files: dict[str, str]) -> list[tuple[str, str]]:
        folder = _write(tmp_path / name, files)
        given = ("-r", "requirements.txt", "--report", "-", f"--find-links={wheels}")
        pip = (sys.executable, "-m", "pip", "install", "--no-index", *flags, *given)
        report = json.loads(_ask(*pip, cwd=folder))
        found = [entry["metadata"] for entry in report["install"]]
        return sorted((metadata["name"], metadata["version"]) for metadata in found)

    before = resolve("before", PIP_FILES)
    said = {name: resolve(name, edited(PIP_FILES, pair)) for name, pair in PIP.items()}

    assert before == [("demo", "0.1.0")]
    assert {name: found == before for name, found in said.items()} == {
        name: pair.is_same for name, pair in PIP.items()
    }


def _write_wheels(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        project = _write(
            folder / f"of-{name}",
            {
                "pyproject.toml": f'[project]\nname = "{name}"\nversion = "1.0"\n'
                '[build-system]\nrequires = ["hatchling"]\n'
                'build-backend = "hatchling.build"\n',
                f"{name}/__init__.py": "",
            },
        )
        program = "import sys, hatchling.build as b; b.build_wheel(sys.argv[1])"
        _ask(sys.executable, "-c", program, str(folder), cwd=project)
    return folder


@pytest.mark.index
def test_poetry_installs_the_same_where_nothing_changed(
    poetry_python: Path, tmp_path: Path
) -> None:
    into = tmp_path / "into"
    _ask(find_uv_bin(), "venv", f"--python={sys.executable}", str(into), cwd=tmp_path)
    states = [sealed(POETRY_FILES)]
    states += [edited(POETRY_FILES, pair) for pair in POETRY.values()]
    folders = [_write(tmp_path / str(at), files) for at, files in enumerate(states)]
    script = Path(__file__).with_name("poetry_dry_run.py")

    said = _ask(
        *(str(poetry_python), "-P", str(script), str(into)),
        cwd=tmp_path,
        given="\n".join(map(str, folders)),
    ).splitlines()

    before, *after = map(json.loads, said)
    assert before == ["alpha 1.0", "beta 1.0"]
    assert dict(zip(POETRY, (found == before for found in after), strict=True)) == {
        name: pair.is_same for name, pair in POETRY.items()
    }


@pytest.mark.parametrize(
    ("tag", "is_same"),
    [
        ("cp312-cp312-macosx_11_0_arm64", True),
        ("py3-none-win_amd64", True),
        ("py3-none-win32.win_amd64", True),
        ("cp313-cp313-ios_13_0_arm64_iphoneos", True),
        ("py3-none-any", False),
        ("cp312-cp312-manylinux_2_28_x86_64", False),
        ("py2.py3-none-macosx_10_9_x86_64.linux_x86_64", False),
        ("py3-none-windows", False),
    ],
)
def test_wheels_that_no_linux_installs_may_come_and_go(
    tag: str, *, is_same: bool
) -> None:
    more = f'{{ file = "beta-1.0-{tag}.whl", hash = "sha256:{"1" * 64}" }}'
    more_of_uv = more.replace('file = "', 'url = "https://files.index.test/')
    for files in (POETRY_FILES, UV_FILES, OLD_LOCK):
        before = sealed(files)
        after = {
            path: re.sub(
                r"((?:files|wheels|beta) = \[)(?=[^\[]*beta-1)",
                rf"\g<1>{more_of_uv if 'uv.lock' in files else more}, ",
                content,
            )
            for path, content in before.items()
        }
        assert after != before

        assert (read(after).meaning == read(before).meaning) is is_same


OLD_LOCK = {
    **POETRY_FILES,
    "poetry.lock": re.sub(r"\nfiles = .*", "", POETRY_FILES["poetry.lock"]).replace(
        '"2.0"', '"1.1"'
    )
    + '[metadata.files]\nbeta = [{ file = "beta-1.0.tar.gz", hash = "sha256:0" }]\n',
}
"""A lock of the first format, with the files of all packages at its end."""


BROKEN: dict[str, tuple[Files, Files, Files]] = {
    "a conda pin for pip": (
        {"requirements.txt": "six\nidna=3.1\npluggy\n"},
        {"requirements.txt": "six\nidna=3.1\npluggy==1\n-r gone.txt\n"},
        {"requirements.txt": "six==1\nidna=3.1\npluggy\n"},
    ),
    "broken TOML": (
        {"pyproject.toml": "[tool.poetry]\nname = 'a'\nname = 'b'\nversion = '1'\n"},
        {"pyproject.toml": "[tool.poetry]\nname = 'a'\nname = 'b'\nversion = '2'\n"},
        {"pyproject.toml": "[tool.poetry]\nname = 'c'\nname = 'b'\nversion = '1'\n"},
    ),
    "broken YAML": (
        {"environment.yml": "dependencies:\n- six\n\t- idna\n- a\n"},
        {"environment.yml": "dependencies:\n- six\n\t- idna\n- b\n"},
        {"environment.yml": "dependencies:\n- idna\n\t- idna\n- a\n"},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_edit_behind_the_first_error_is_no_change(name: str) -> None:
    broken, behind, before = (read(files) for files in BROKEN[name])

    assert broken.meaning == behind.meaning
    assert broken.meaning != before.meaning


def test_a_lock_of_another_project_file_is_refused_whatever_it_holds() -> None:
    files = sealed(POETRY_FILES)
    stale = {**files, "pyproject.toml": files["pyproject.toml"].replace("^1.0", "^0.9")}
    edit = {
        path: content.replace('version = "1.0"', 'version = "1.1"')
        for path, content in stale.items()
    }

    assert "stale_lock" in codes(read(stale))
    assert read(stale).meaning == read(edit).meaning
    assert read(stale).meaning != read(files).meaning


@pytest.mark.parametrize(
    ("setup", "is_same"),
    [
        ("from setuptools import setup\nsetup(name='demo')  # {}\n", True),
        ("import setuptools  # {}\nx = open('README.md').read()\n", True),
        ("import setuptools  # {}\nx = open('setup.py').read()\n", False),
        ("import setuptools  # {}\nx = open(__file__).read()\n", False),
        ("import setuptools\nVERSION = '{}'\n", False),
        ("import setuptools  # {}\nsetup(\n", False),
    ],
)
def test_comments_of_a_setup_py_do_not_count_where_nobody_reads_them(
    setup: str, *, is_same: bool
) -> None:
    one, two = (
        read({"requirements.txt": "-e .", "setup.py": setup.replace("{}", text)})
        for text in ("one", "two")
    )

    assert (one.meaning == two.meaning) is is_same


@pytest.mark.parametrize(
    ("reader", "is_same"),
    [
        ("setup(version=find('1'))", True),
        ("d = {}\nexec(open('demo/version.py').read(), d)", True),
        ("re.search('V', open('demo/version.py').read())", False),
        ("open(glob('*/*.p' + 'y')[0]).read()", False),
    ],
)
def test_comments_of_a_version_file_do_not_count_where_nobody_reads_them(
    reader: str, *, is_same: bool
) -> None:
    files = {
        "requirements.txt": "-e .",
        "setup.py": f"from setuptools import *\n{reader}",
    }
    one, two, other = (
        read({**files, "demo/version.py": f"V = {number}  # {comment}\n"})
        for number, comment in ((1, "one"), (1, "two"), (2, "one"))
    )

    assert (one.meaning == two.meaning) is is_same
    assert one.meaning != other.meaning


@pytest.mark.parametrize(
    "files",
    [
        {"setup.py": "setup(long_description=open('CHANGELOG.md').read())"},
        {"setup.cfg": "[options.data_files]\ndoc = CHANGELOG.md\n"},
        {"setup.py": "setup(packages=find_packages('.'))"},
        {"pyproject.toml": "[build-system]\nrequires = ['own']\n"},
        {"pyproject.toml": "[tool.setuptools.data-files]\nx = ['*.md']\n"},
        {"setup.py": "", "__init__.py": ""},
    ],
    ids=str,
)
def test_a_text_counts_where_a_build_may_take_it_along(files: Files) -> None:
    one, two = (
        read({"requirements.txt": "-e .", **files, "CHANGELOG.md": text})
        for text in ("one", "two")
    )

    assert one.meaning != two.meaning


def test_without_a_lock_what_describes_no_package_means_nothing() -> None:
    files = {"pyproject.toml": POETRY_FILES["pyproject.toml"]}

    def is_same(name: str) -> bool:
        after = edited({**files, "poetry.lock": "DIGEST"}, POETRY[name])
        return read({"pyproject.toml": after["pyproject.toml"]}).meaning == (
            read(files).meaning
        )

    assert is_same("version")
    assert is_same("authors")
    assert not is_same("constraint")
    assert not is_same("group"), "poetry resolves every group"


def test_extras_count_where_another_project_may_ask_for_them() -> None:
    other = {
        "requirements.txt": "-e .\n-e ./other\n",
        "other/setup.py": "setup(install_requires=['demo[full]'])",
    }
    one, two = (
        read({**files, **other})
        for files in (PIP_FILES, edited(PIP_FILES, PIP["extras"]))
    )

    assert one.meaning != two.meaning


def test_a_channel_that_the_build_adds_means_nothing() -> None:
    added, named = (
        read({"environment.yml": f"{channels}dependencies: [six]\n"})
        for channels in ("", "channels: [nodefaults]\n")
    )

    assert added.meaning == named.meaning


SETUPTOOLS = (
    '[build-system]\nrequires = ["setuptools"]\n'
    'build-backend = "setuptools.build_meta"\n'
)


def test_a_project_that_setup_cfg_describes_is_installed_by_pip() -> None:
    files = {"pyproject.toml": SETUPTOOLS, "setup.cfg": "[metadata]\nname = demo\n"}
    found = read(files)

    assert (found.kind, found.path) == (Kind.PIP, "pyproject.toml")
    assert found.holds_code
    assert found.meaning != read({**files, "setup.cfg": "[metadata]\n"}).meaning
    assert found.meaning != read({**files, "requirements.txt": "-e ."}).meaning


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (SETUPTOOLS.replace("setuptools", "hatchling"), None),
        (SETUPTOOLS + "[project]\nname='demo'\nversion='1'\n", Kind.POETRY),
        (SETUPTOOLS + "[tool.poetry]\nname='demo'\n", Kind.POETRY),
        ("[tool.ruff]\n", None),
    ],
)
def test_what_names_another_installer_is_not_pips(
    content: str, kind: Kind | None
) -> None:
    found = Commit({"pyproject.toml": content}).read()

    assert getattr(found, "kind", None) is kind
