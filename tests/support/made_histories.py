"""Made histories of definitions that grow: pushes name what none named before."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from service.domain.repository import CommitSha
from tests.support.repos import Content, Repo

__all__ = ["HISTORIES", "commit_all"]

Files = Mapping[str, Content]
_HATCH: Final = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "%s"\n'
_HOOK: Final = "[tool.hatch.build.hooks.custom]\npath = 'scripts/hook.py'\n"
_ROOT: Final = (
    '[project]\nname = "root"\nversion = "1"\nrequires-python = ">=3.12"\n'
    'dependencies = [%s]\n[tool.uv.workspace]\nmembers = ["packages/*"]\n'
    "[tool.uv.sources]\n%s"
)
_MEMBERS: Final = ("core", "web", "cli", "jobs", "docs", "data")


def workspace() -> Iterator[Files]:
    """Yield a uv workspace that members join, with build scripts and helpers."""
    yield {**_workspace_root(_MEMBERS[:1]), **_member("core"), "README.md": "0\n"}
    for count in range(2, len(_MEMBERS) + 1):
        joined = _MEMBERS[:count]
        yield {**_workspace_root(joined), **_member(joined[-1])}
        yield {f"packages/{joined[-2]}/src/{joined[-2]}/api.py": f"N = {count}\n"}
    yield {
        "packages/core/pyproject.toml": _project("core") + _HOOK,
        "packages/core/scripts/hook.py": "import hatchling\n",
    }
    yield {
        "packages/web/setup.py": "import helper\n",
        "packages/web/helper.py": "V = 1\n",
    }
    yield {"README.md": "1\n"}


def _workspace_root(members: tuple[str, ...]) -> Files:
    names = ", ".join(f'"{name}"' for name in members)
    sources = "".join(f"{name} = {{ workspace = true }}\n" for name in members)
    packages = [
        f'[[package]]\nname = "{name}"\nversion = "1"\n'
        f'source = {{ editable = "packages/{name}" }}\n'
        for name in members
    ]
    needs = ", ".join(f'{{ name = "{name}" }}' for name in members)
    wants = ", ".join(
        f'{{ name = "{name}", editable = "packages/{name}" }}' for name in members
    )
    root = (
        '[[package]]\nname = "root"\nversion = "1"\nsource = { virtual = "." }\n'
        f"dependencies = [{needs}]\n"
        f"[package.metadata]\nrequires-dist = [{wants}]\n"
    )
    listed = ", ".join(f'"{name}"' for name in sorted((*members, "root")))
    lock = (
        'version = 1\nrevision = 3\nrequires-python = ">=3.12"\n'
        f"[manifest]\nmembers = [{listed}]\n"
    )
    return {
        "pyproject.toml": _ROOT % (names, sources),
        "uv.lock": "\n".join((lock, *packages, root)),
    }


def _member(name: str) -> Files:
    folder = f"packages/{name}"
    return {
        f"{folder}/pyproject.toml": _project(name),
        f"{folder}/README.md": f"{name}\n",
        f"{folder}/src/{name}/__init__.py": "",
        f"{folder}/src/{name}/inner/__init__.py": "",
        f"{folder}/tests/test_{name}.py": "",
    }


def _project(name: str) -> str:
    project = f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.12"\n'
    return project + _HATCH % "hatchling.build"


def requirements() -> Iterator[Files]:
    """Yield a requirements.txt whose chain of includes grows at its end."""
    yield {"requirements.txt": "six\n", "README.md": "0\n"}
    last = "requirements.txt"
    for number in range(5):
        new = f"requirements/r{number}.txt"
        named = new if number == 0 else new.rpartition("/")[2]
        yield {last: f"six\n-r {named}\n", new: f"attrs=={number}\n"}
        yield {new: f"attrs=={number}.1\n"}
        last = new
    yield {"README.md": "1\n"}


def conda() -> Iterator[Files]:
    """Yield an environment.yml that comes to take pip's files, and local projects."""
    start = "dependencies: [python=3.12, pip%s]\n"
    yield {"environment.yml": start % "", "README.md": "0\n"}
    named = ""
    for number in range(3):
        named += f", '-r env/r{number}.txt'"
        taken = f", {{pip: [{named.removeprefix(', ')}]}}"
        yield {
            "environment.yml": start % taken,
            f"env/r{number}.txt": f"attrs=={number}\n",
        }
        yield {f"env/r{number}.txt": f"attrs=={number}.1\n"}
    named += ", '-e ./lib'"
    yield {
        "environment.yml": start % f", {{pip: [{named.removeprefix(', ')}]}}",
        "lib/pyproject.toml": _project("lib"),
        "lib/src/lib/__init__.py": "",
    }
    yield {"README.md": "1\n"}


def poetry() -> Iterator[Files]:
    """Yield a poetry project that comes to depend on projects beside it."""
    yield {"pyproject.toml": _poetry_root(()), "README.md": "0\n"}
    for count in range(1, 5):
        names = _MEMBERS[:count]
        new = names[-1]
        yield {
            "pyproject.toml": _poetry_root(names),
            f"libs/{new}/pyproject.toml": _poetry_member(new),
            f"libs/{new}/{new}/__init__.py": "",
        }
        yield {f"libs/{new}/{new}/more.py": ""}
    yield {"README.md": "1\n"}


def _poetry_root(names: tuple[str, ...]) -> str:
    needs = "".join(f'{name} = {{ path = "libs/{name}" }}\n' for name in names)
    return (
        '[tool.poetry]\nname = "root"\nversion = "1"\npackage-mode = false\n'
        f'[tool.poetry.dependencies]\npython = "^3.12"\n{needs}'
    )


def _poetry_member(name: str) -> str:
    return (
        f'[tool.poetry]\nname = "{name}"\nversion = "1"\n'
        'description = ""\nauthors = []\n'
        '[tool.poetry.dependencies]\npython = "^3.12"\n'
        '[build-system]\nrequires = ["poetry-core"]\n'
        'build-backend = "poetry.core.masonry.api"\n'
    )


def installed_code() -> Iterator[Files]:
    """Yield a project whose code is copied into the image: pushes change it deep down.

    It has more files than GitLab lists at once, and directories that programs, data
    and nothing at all are left in.
    """
    folder = "libs/app/src/app"
    parts = [f"{folder}/p{one}/q{two}" for one in range(4) for two in range(6)]
    yield {
        "requirements.txt": "./libs/app\n",
        "README.md": "0\n",
        "libs/app/pyproject.toml": _project("app"),
        **{f"{part}/m{n}.py": "" for part in parts for n in range(3)},
        **{f"{part}/data.json": "{}" for part in parts},
    }
    yield {f"{part}/m0.py": "N = 1\n" for part in parts[:3]}
    yield {f"{parts[7]}/data.json": "[]", f"{parts[20]}/data.json": "[]"}
    yield {f"{parts[11]}/m1.py": None, f"{folder}/p2/new/deep/er.py": ""}
    yield {f"{part}/m2.py": "N = 2\n" for part in parts[::6]}
    yield {"README.md": "1\n"}


def large_root() -> Iterator[Files]:
    """Yield a root of which too many directories are copied to be listed."""
    folders = [
        f"d{one}/e{two}/f{three}"
        for one in range(7)
        for two in range(4)
        for three in range(4)
    ]
    yield {
        "requirements.txt": ".\n",
        "setup.py": "from setuptools import setup\nsetup(name='x')\n",
        **{f"{folder}/x.py": "" for folder in folders},
    }
    yield {f"{folder}/x.py": "N = 1\n" for folder in folders[:2]}
    yield {f"{folders[40]}/data.bin": "0", f"{folders[90]}/new/x.py": ""}
    yield {}


HISTORIES: Final[Mapping[str, Callable[[], Iterator[Files]]]] = {
    "workspace": workspace,
    "requirements": requirements,
    "conda": conda,
    "poetry": poetry,
    "installed code": installed_code,
    "large root": large_root,
}


def commit_all(repo: Repo, name: str) -> list[CommitSha]:
    """Commit a history; return its commits."""
    return [repo.commit(files) for files in HISTORIES[name]()]
