"""Files that were made to hurt whoever reads them, within two seconds of work each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.adapters.git.worktree import Folder
from service.adapters.sandbox.client import ForkingSandbox
from service.definitions.closure_findings import MAX_FINDINGS
from service.domain.definition import TOO_COMPLEX, Definition, NoDefinition
from service.ports.sandbox import Task, WorkBudget
from service.usecases.observe import read_tree

BUDGET = WorkBudget(cpu=2, memory=300 << 20)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[ForkingSandbox]:
    with ForkingSandbox(budgets=dict.fromkeys(Task, BUDGET)) as opened:
        yield opened


def nested(line: str, count: int) -> str:
    """Lines of which each is made of the one before, twice or more often."""
    first = "x0: &x0 {a: b}\n"
    rows = [line.format(number, number - 1) for number in range(1, count)]
    return first + "".join(rows) + "dependencies: [python]\n"


UNFOLDING = {
    "merges": nested("x{0}: &x{0} {{<<: [*x{1}, *x{1}]}}\n", 40),
    "single merges": nested("x{0}: &x{0} {{<<: *x{1}, b{0}: *x{1}}}\n", 40),
    "laughs": nested("x{0}: &x{0} [*x{1}, *x{1}, *x{1}]\n", 30),
    "keys": nested("x{0}: &x{0} {{a: *x{1}, b: *x{1}}}\n", 40),
}


@pytest.mark.parametrize("text", UNFOLDING.values(), ids=UNFOLDING)
async def test_what_unfolds_without_measure_is_too_complex(
    sandbox: ForkingSandbox, tmp_path: Path, text: str
) -> None:
    found = await _read(sandbox, tmp_path, {"environment.yml": text})

    assert isinstance(found, NoDefinition)
    assert found.reason == TOO_COMPLEX
    assert "expand to more than" in found.message


FILES = {
    "deep lists": {"environment.yml": "a: " + "[" * 300},
    "deep maps": {"environment.yml": "".join(" " * n + "a:\n" for n in range(300))},
    "many keys": {"environment.yml": "".join(f"k{n}: 1\n" for n in range(5000))},
    "colliding keys": {
        "environment.yml": "".join(f"{n * (2**61 - 1)}: 1\n" for n in range(2500))
    },
    "long scalar": {"environment.yml": "name: " + "9" * 60_000},
    "deep array": {"Pipfile": "a = " + "[" * 100_000},
    "deep table": {"Pipfile": "a = " + "{b = " * 50_000},
    "long key": {"Pipfile": "a." * 300_000 + "b = 1"},
    "long number": {"Pipfile": "a = " + "9" * 900_000},
    "many tables": {"Pipfile": "".join(f"[a{n}]\n" for n in range(50_000))},
    "deep object": {"Pipfile": "", "Pipfile.lock": '{"a":' * 150_000},
    "long number in a lock": {"Pipfile": "", "Pipfile.lock": "9" * 1_000_000},
    "hex number": {"Pipfile": "a = 0x" + "f" * 900_000},
    "hex number in a project": {
        "pyproject.toml": f"[project]\nname = 'a'\nversion = 0b{'1' * 900_000}"
    },
    "hex number in an environment": {
        "environment.yml": f"channels: [0x{'f' * 60_000}]"
    },
    "hex number as a key": {
        "environment.yml": f"dependencies: [{{0x{'f' * 9000}: 1}}]"
    },
    "number of base 60": {"environment.yml": "name: " + ":".join(["59"] * 9000)},
    "a time after all years": {
        "environment.yml": "dependencies: [9999-12-31T23:59:59-14:00]"
    },
    "number of a build": {
        "environment.yml": f"dependencies: ['a[build_number=\">{'9' * 20}\"]']"
    },
    "number in a list": {"package-list.txt": f"a[build_number='{'9' * 20}']"},
    "brackets": {"requirements.txt": ("./" + "[" * 4000 + "\n") * 200},
    "nested marker": {"requirements.txt": "six; " + "(" * 3000 + "os_name=='a'"},
    "long specifier": {"requirements.txt": "six" + ",".join([">=1.0"] * 700)},
    "one line": {"requirements.txt": "a" * 1_000_000},
    "blanks": {"requirements.txt": " " * 1_000_000},
    "comments": {"requirements.txt": "#\n" * 500_000},
    "continued": {"requirements.txt": "\\\n" * 500_000},
    "options": {"requirements.txt": "--hash " * 9_000},
    "a long name": {"requirements.txt": "-" * 1000 + "a" * 4000},
    "includes": {
        "requirements.txt": "".join(f"-r {n}.txt\n" for n in range(90)),
        **{
            f"{n}.txt": "".join(f"-r {number}.txt\n" for number in range(90))
            for n in range(90)
        },
    },
}


@pytest.mark.parametrize("files", FILES.values(), ids=FILES)
async def test_other_bombs_take_no_more_than_their_share(
    sandbox: ForkingSandbox, tmp_path: Path, files: dict[str, str]
) -> None:
    found = await _read(sandbox, tmp_path, files)

    assert isinstance(found, Definition), found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("package-list.txt", "".join(f"<{n}>\n" for n in range(20_000))),
        ("environment.yml", "".join(f"k{n}: 1\n" for n in range(5000))),
        ("requirements.txt", "".join(f"a @ git+https://x/{n}\n" for n in range(4000))),
    ],
)
async def test_more_findings_than_anybody_reads_are_counted(
    sandbox: ForkingSandbox, tmp_path: Path, name: str, text: str
) -> None:
    found = await _read(sandbox, tmp_path, {name: text})

    *shown, last = found.findings
    assert len(shown) == MAX_FINDINGS
    assert last.code == "more_findings"
    assert "more findings" in last.message


@pytest.mark.parametrize("path", ["a/" * 200_000, "a/" * 1900, "a\\u0000b"])
async def test_a_path_that_no_checkout_can_have_is_no_part_of_a_closure(
    sandbox: ForkingSandbox, tmp_path: Path, path: str
) -> None:
    project = f'{PROJECT}[tool.uv.sources]\nb = {{path = "{path}"}}\n'

    found = await _read(sandbox, tmp_path, {"pyproject.toml": project, "uv.lock": LOCK})

    assert isinstance(found, Definition), found
    assert all(len(item.path) < 100 for item in found.items)
    assert all("\0" not in item.path for item in found.items)


LONG = "9" * 5000
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\n'
PROJECT = f"{SETUPTOOLS}[project]\nname = 'a'\nversion = '1'\n"
LOCK = "version = 1\nrequires-python = '>=3.10'\n"
POETRY = "[tool.poetry]\nname = 'a'\ndescription = ''\nauthors = []\n"


@pytest.mark.parametrize(
    "version", [LONG, f"1.0a{LONG}", f"1.0.dev{LONG}", f"1+{LONG}"]
)
@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": PROJECT + "requires-python = '>={}'\n", "uv.lock": LOCK},
        {"pyproject.toml": PROJECT + "dependencies = ['a=={}']\n", "uv.lock": LOCK},
        {
            "pyproject.toml": PROJECT
            + "dependencies = [\"a ; python_version > '{}'\"]\n",
            "uv.lock": LOCK,
        },
        {
            "pyproject.toml": PROJECT + "[tool.uv]\nrequired-version = '=={}'\n",
            "uv.lock": LOCK,
        },
        {
            "pyproject.toml": PROJECT,
            "uv.lock": LOCK + "[[package]]\nname = 'b'\nversion = '{}'\n"
            "source = {{ registry = 'https://example.org/' }}\n",
        },
        {"pyproject.toml": POETRY + "version = '{}'\n"},
        {
            "pyproject.toml": POETRY
            + "version = '1'\n[tool.poetry.dependencies]\npython = '>={}'\n"
        },
        {
            "pyproject.toml": POETRY
            + "version = '1'\n[tool.poetry.dependencies]\n"
            + "b = {{version = '{}', markers = \"python_version > '{}'\"}}\n"
        },
        {"requirements.txt": "-r more.txt\n.\n", "setup.cfg": "[metadata]\nversion={}"},
        {
            "Pipfile": "[packages]\n"
            "b = {{version = '=={}', markers = \"os_name > '{}'\"}}"
        },
    ],
)
async def test_versions_of_thousands_of_digits_are_read(
    sandbox: ForkingSandbox, tmp_path: Path, files: dict[str, str], version: str
) -> None:
    filled = {name: text.format(version, version) for name, text in files.items()}

    found = await _read(sandbox, tmp_path, filled)

    assert isinstance(found, Definition), found


async def _read(
    sandbox: ForkingSandbox, folder: Path, files: dict[str, str]
) -> Definition | NoDefinition:
    for name, text in files.items():
        (folder / name).write_text(text)
    return await read_tree(Folder(folder), "", sandbox=sandbox)
