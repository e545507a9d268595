"""Pairs of states of a repository, and whether the same is installed of both."""

import hashlib
import json
import tomllib
from dataclasses import dataclass

__all__ = ["PIP", "POETRY", "POETRY_2", "UV", "Pair"]


@dataclass(frozen=True)
class Pair:
    """Two states; `edit` replaces a text in each of the files that has it."""

    edit: tuple[tuple[str, str], ...]
    is_same: bool


def edited(files: dict[str, str], pair: Pair) -> dict[str, str]:
    """Return the files after the edit, the lock of poetry with its digest."""
    after = dict(files)
    for old, new in pair.edit:
        assert any(old in content for content in after.values()), old
        after = {path: text.replace(old, new) for path, text in after.items()}
    return sealed(after)


def sealed(files: dict[str, str]) -> dict[str, str]:
    """Write poetry's digest of pyproject.toml into poetry.lock."""
    if "poetry.lock" not in files:
        return files
    poetry = tomllib.loads(files["pyproject.toml"])["tool"]["poetry"]
    keys = ("dependencies", "source", "extras", "dev-dependencies")
    read = {key: poetry.get(key) for key in keys}
    read |= {"group": poetry["group"]} if "group" in poetry else {}
    digest = hashlib.sha256(json.dumps(read, sort_keys=True).encode()).hexdigest()
    return {**files, "poetry.lock": files["poetry.lock"].replace("DIGEST", digest)}


def _bump(name: str, version: str) -> tuple[tuple[str, str], ...]:
    """Return the edit by which another version of a package is locked."""
    entry = f'name = "{name}"\nversion = "{{}}"'
    return (
        (entry.format("1.0"), entry.format(version)),
        (f"{name}-1.0-", f"{name}-{version}-"),
    )


def _locked(name: str, version: str = "1.0", more: str = "") -> str:
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\ndescription = "It is."\n'
        'optional = false\npython-versions = "*"\nfiles = [{ file ='
        f' "{name}-{version}-py3-none-any.whl", hash = "sha256:{"0" * 64}" }}]\n'
        f"{more}\n"
    )


POETRY_FILES = {
    "pyproject.toml": """\
[tool.poetry]
name = "demo"
version = "0.1.0"
description = ""
authors = ["A <a@b.c>"]
package-mode = false
[tool.poetry.dependencies]
python = "^3.10"
alpha = "^1.0"
spare = { version = "*", optional = true }
[tool.poetry.group.dev.dependencies]
check = "^1.0"
[tool.poetry.extras]
more = ["spare"]
""",
    "poetry.lock": _locked(
        "alpha",
        more='[package.dependencies]\nbeta = ">=1"\n'
        'gamma = { version = "*", markers = "sys_platform == \'win32\'" }\n'
        'delta = { version = "*", optional = true }\n'
        '[package.extras]\nfull = ["delta (>=1)"]\n',
    )
    + _locked("beta")
    + _locked("check", more='[package.dependencies]\ndeep = "*"\n')
    + _locked("deep")
    + _locked("delta")
    + _locked("gamma")
    + _locked("spare")
    + '[extras]\nmore = ["spare"]\n[metadata]\nlock-version = "2.0"\n'
    'python-versions = "^3.10"\ncontent-hash = "DIGEST"\n',
}
POETRY = {
    "version": Pair((('version = "0.1.0"', 'version = "0.2.0"'),), is_same=True),
    "authors": Pair((("A <a@b.c>", "B <b@b.c>"),), is_same=True),
    "a package that is not there": Pair(
        (("package-mode = false\n", ""),), is_same=True
    ),
    "its version": Pair(
        (("package-mode = false\n", ""), ('version = "0.1.0"', 'version = "9"')),
        is_same=True,
    ),
    "constraint": Pair((('alpha = "^1.0"', 'alpha = ">=1"'),), is_same=True),
    "locked for dev": Pair(_bump("check", "1.1"), is_same=True),
    "below dev": Pair(
        _bump("deep", "9"),
        is_same=True,
    ),
    "group": Pair((('check = "^1.0"', 'check = "*"\ndeep = "*"'),), is_same=True),
    "other system": Pair(
        _bump("gamma", "9"),
        is_same=True,
    ),
    "extra of a package": Pair(
        _bump("delta", "9"),
        is_same=True,
    ),
    "own extra": Pair(
        _bump("spare", "9"),
        is_same=True,
    ),
    "summary": Pair((("It is.", "It was."),), is_same=True),
    "direct": Pair(
        _bump("alpha", "1.1"),
        is_same=False,
    ),
    "indirect": Pair(
        _bump("beta", "1.1"),
        is_same=False,
    ),
    "extra asked for": Pair(
        (('alpha = "^1.0"', 'alpha = { version = "^1.0", extras = ["full"] }'),),
        is_same=False,
    ),
    "moved to main": Pair(
        (('alpha = "^1.0"\n', 'alpha = "^1.0"\ncheck = "^1.0"\n'),), is_same=False
    ),
    "now on Linux": Pair((("win32", "linux"),), is_same=False),
    "optional no more": Pair(
        (("optional = true }\n[tool", "optional = false }\n[tool"),), is_same=False
    ),
}

POETRY_2_FILES = {
    "pyproject.toml": """\
[project]
name = "real"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = []
[tool.poetry]
name = "old"
[tool.poetry.scripts]
run = "real:one"
""",
    "real/__init__.py": "NUMBER = 1\n",
}
"""Poetry 2 installs real/; version 1 would look for the other name."""
POETRY_2 = {
    "code of the package": Pair((("NUMBER = 1", "NUMBER = 2"),), is_same=False),
    "script": Pair((("real:one", "real:two"),), is_same=False),
}


def _of_uv(name: str, version: str = "1.0", more: str = "") -> str:
    url = f"https://files.index.test/{name}-{version}-py3-none-any.whl"
    return (
        f'[[package]]\nname = "{name}"\nversion = "{version}"\n'
        'source = { registry = "https://index.test/simple" }\n'
        f'wheels = [{{ url = "{url}", hash = "sha256:{"0" * 64}", size = 1,'
        f' upload-time = "2024-12-04T17:35:26Z" }}]\n{more}\n'
    )


UV_FILES = {
    "pyproject.toml": """\
[project]
name = "demo"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["alpha>=1"]
[project.optional-dependencies]
more = ["spare"]
[dependency-groups]
dev = ["check"]
docs = ["deep"]
""",
    "uv.lock": """\
version = 1
revision = 3
requires-python = ">=3.10"

[[package]]
name = "demo"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "alpha" }]
[package.optional-dependencies]
more = [{ name = "spare" }]
[package.dev-dependencies]
dev = [{ name = "check" }]
docs = [{ name = "deep" }]
[package.metadata]
requires-dist = [
    { name = "alpha", specifier = ">=1" },
    { name = "spare", marker = "extra == 'more'" },
]
provides-extras = ["more"]
[package.metadata.requires-dev]
dev = [{ name = "check" }]
docs = [{ name = "deep" }]

"""
    + _of_uv(
        "alpha",
        more="dependencies = [{ name = 'beta' },"
        " { name = 'gamma', marker = \"sys_platform == 'win32'\" }]\n"
        "[package.optional-dependencies]\nfull = [{ name = 'delta' }]\n",
    )
    + "".join(map(_of_uv, ("beta", "check", "deep", "delta", "gamma", "spare"))),
}
UV = {
    "version": Pair((('version = "0.1.0"', 'version = "0.2.0"'),), is_same=True),
    "authors": Pair(
        (("[project.opt", 'authors = [{name = "B"}]\n[project.opt'),), is_same=True
    ),
    "constraint": Pair((("alpha>=1", "alpha>=0"), ('">=1"', '">=0"')), is_same=True),
    "tool": Pair(
        (("[project.opt", "[tool.pixi.project]\nname = 'x'\n[project.opt"),),
        is_same=True,
    ),
    "upload time": Pair(
        (("2024-12-04", "2025-12-04"), ("revision = 3", "revision = 2")), is_same=True
    ),
    "locked for dev": Pair(_bump("check", "1.1"), is_same=True),
    "locked for docs": Pair(
        _bump("deep", "9"),
        is_same=True,
    ),
    "own extra": Pair(
        _bump("spare", "9"),
        is_same=True,
    ),
    "direct": Pair(
        _bump("alpha", "1.1"),
        is_same=False,
    ),
    "indirect": Pair(
        _bump("beta", "1.1"),
        is_same=False,
    ),
    "extra asked for": Pair(
        (
            (
                'dependencies = [{ name = "alpha" }]',
                'dependencies = [{ name = "alpha", extra = ["full"] }]',
            ),
        ),
        is_same=False,
    ),
    "default group": Pair(
        (("[project.opt", "[tool.uv]\ndefault-groups = ['docs']\n[project.opt"),),
        is_same=False,
    ),
    "now on Linux": Pair((("win32", "linux"),), is_same=False),
    "named as well": Pair(
        (
            ('dependencies = ["alpha>=1"]', 'dependencies = ["alpha>=1", "beta"]'),
            ('[{ name = "alpha" }]', '[{ name = "alpha" }, { name = "beta" }]'),
            (
                '{ name = "alpha", specifier = ">=1" },',
                '{ name = "alpha", specifier = ">=1" }, { name = "beta" },',
            ),
        ),
        is_same=True,
    ),
    "named as well for Windows": Pair(
        (
            ('dependencies = ["alpha>=1"]', 'dependencies = ["alpha>=1", "gamma"]'),
            ('[{ name = "alpha" }]', '[{ name = "alpha" }, { name = "gamma" }]'),
            (
                '{ name = "alpha", specifier = ">=1" },',
                '{ name = "alpha", specifier = ">=1" }, { name = "gamma" },',
            ),
        ),
        is_same=False,
    ),
}

PIP_FILES = {
    "requirements.txt": "-e .\n",
    "pyproject.toml": """\
[project]
name = "demo"
version = "0.1.0"
description = "one"
dependencies = []
[project.optional-dependencies]
full = ["omega"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[tool.hatch.build.targets.wheel]
packages = ["src/demo"]
""",
    "src/demo/__init__.py": "",
    "src/demo/version.py": "VERSION = 1  # one\n",
    "CHANGELOG.md": "one\n",
    "LICENSE": "one\n",
}
PIP = {
    "extras": Pair((('full = ["omega"]', 'full = ["sigma"]'),), is_same=True),
    "groups": Pair(
        (("[build-system]", "[dependency-groups]\ndev = ['sigma']\n[build-system]"),),
        is_same=True,
    ),
    "scriv": Pair(
        (("[build-system]", "[tool.scriv]\nformat = 'md'\n[build-system]"),),
        is_same=True,
    ),
    "texts": Pair((("one\n", "two\n"),), is_same=True),
    "comment of a version": Pair((("# one", "# two"),), is_same=True),
    "dependency": Pair(
        (("dependencies = []", "dependencies = ['omega']"),), is_same=False
    ),
    "extra asked for": Pair((("-e .", "-e .[full]"),), is_same=False),
    "version": Pair((("0.1.0", "0.2.0"),), is_same=False),
}
