"""What real build backends install, held against what was said of it.

The oracle knows nothing of closures: it builds the wheel of every state, out of the
whole commit and out of what a build is given of it.
"""

import random
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from service.adapters.git.remote import GitRemote
from service.adapters.local.worker.kept_files import prune
from service.domain.definition import Definition
from service.usecases.observe import read_tree
from tests.support.repos import Content, Link, Repo, git
from tests.support.sandbox import SANDBOX

HATCH = """\
[project]
name = "mypkg"
version = "1"
dynamic = ["dependencies"]
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[tool.hatch.metadata.hooks.custom]
"""
HOOK = """\
from hatchling.metadata.plugin.interface import MetadataHookInterface
class Hook(MetadataHookInterface):
    def update(self, metadata):
        metadata["dependencies"] = ["{}"]
"""
SETUP = """\
from setuptools import setup
from deps import DEPENDENCIES
setup(name="mypkg", version="1", packages=["mypkg"], package_data={"mypkg": ["*"]},
      install_requires=DEPENDENCIES, long_description=open("README.md").read())
"""
LAYOUTS: Mapping[str, tuple[str, str, Mapping[str, Content]]] = {
    "hatchling in a directory": (
        "lib",
        "hatchling",
        {"pyproject.toml": HATCH, "hatch_build.py": HOOK.format("six")},
    ),
    "setuptools at the root": (
        "",
        "setuptools",
        {"setup.py": SETUP, "deps.py": "DEPENDENCIES = ['six']\n"},
    ),
}


def edits(chance: random.Random) -> Iterator[tuple[str, Content]]:
    """Yield paths, of the project (`@`) or of the repository, and what is put there."""
    number = chance.randrange(1000)
    yield from chance.sample(
        [
            ("@/mypkg/__init__.py", f"VALUE = {number}\n"),
            ("@/mypkg/data.txt", f"{number}\n"),
            ("@/hatch_build.py", HOOK.format(f"six>={number}")),
            ("@/deps.py", f"DEPENDENCIES = ['six>={number}']\n"),
            ("@/README.md", f"{number}\n"),
            ("@/.gitignore", f"data.txt\n# {number}\n"),
            (".gitignore", f"other.txt\n# {number}\n"),
            ("far/table.txt", f"{number}\n"),
            ("app/main.py", f"{number}\n"),
            ("@/.github/ci.yml", f"{number}\n"),
            ("requirements.txt", f"-e ./@\n# {number}\n"),
        ],
        k=3,
    )


def checked_out(repo: Repo, commit: str, folder: Path) -> Path:
    folder.mkdir()
    tar = git("-C", repo.path, "archive", commit)
    subprocess.run(["tar", "-x"], input=tar, cwd=folder, check=True)
    return folder


def installed(project: Path, backend: str, out: Path) -> dict[str, bytes]:
    """Build a project and return what would be installed."""
    out.mkdir()
    if backend == "hatchling":
        program = "import sys, hatchling.build as b; b.build_wheel(sys.argv[1])"
        command = ["-c", program, str(out)]
    else:
        steps = ["build", "--build-lib", str(out), "egg_info", "--egg-base", str(out)]
        command = ["setup.py", "--quiet", *steps]
    subprocess.run(
        [sys.executable, *command], cwd=project, check=True, capture_output=True
    )
    for path in out.glob("*.whl"):
        zipfile.ZipFile(path).extractall(out)
        path.unlink()
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in out.rglob("*")
        if path.is_file() and path.name not in {"RECORD", "SOURCES.txt"}
    }


@pytest.mark.parametrize("layout", LAYOUTS)
async def test_what_installs_something_else_has_another_meaning(
    layout: str, tmp_path: Path
) -> None:
    where, backend, own = LAYOUTS[layout]
    repo = Repo(tmp_path / "repo.git")
    remote = GitRemote(environment={}, allow_files=True)
    base: dict[str, Content] = {
        "requirements.txt": "-e ./@\n",
        "@/README.md": "",
        "@/mypkg/__init__.py": "VALUE = 0\n",
        "@/mypkg/far.txt": Link("../../far/table.txt" if where else "../far/table.txt"),
        "far/table.txt": "0\n",
        **{f"@/{name}": content for name, content in own.items()},
    }
    seen: list[tuple[str, dict[str, bytes]]] = []
    for number, edit in enumerate([base, *map(dict, _single(len(layout)))]):
        commit = repo.commit(
            {_at(path, where): _in(item, where) for path, item in edit.items()}
        )
        async with remote.tree(repo.repository, commit) as tree:
            found = await read_tree(tree, "", sandbox=SANDBOX)
        assert isinstance(found, Definition)
        whole = checked_out(repo, commit, tmp_path / f"whole{number}")
        given = tmp_path / f"given{number}"
        shutil.copytree(whole, given, symlinks=True)
        prune(given, frozenset(found.kept or ()))
        out_of_whole = installed(whole / where, backend, tmp_path / f"w{number}")
        out_of_given = installed(given / where, backend, tmp_path / f"g{number}")

        assert out_of_given == out_of_whole
        seen.append((found.meaning, out_of_given))

    for meaning, content in seen:
        for other_meaning, other_content in seen:
            assert meaning != other_meaning or content == other_content
    assert len({meaning for meaning, _ in seen}) > 1


def _single(seed: int) -> Iterator[Mapping[str, Content]]:
    for path, content in edits(random.Random(seed)):
        yield {path: content}


def _at(path: str, where: str) -> str:
    return path.replace("@/", f"{where}/" if where else "")


def _in(content: Content, where: str) -> Content:
    return content.replace("./@", f"./{where}") if isinstance(content, str) else content
