"""The packages that relaunch needs where it runs, out of this environment.

The environment is the locked one: `make` installed it by hashes.
"""

import importlib.util
import marshal
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from scripts.docs import ROOT
from scripts.image.packing import Tree

__all__ = ["LIBRARY", "application", "libraries", "library_files", "needed"]

LIBRARY: Final = "opt/relaunch/lib"
_OWN: Final = ("service", "handlers", "consumers")


def needed() -> Mapping[str, Distribution]:
    """Return the distributions that ours needs, by name, in order."""
    found: dict[str, Distribution] = {}
    waiting = [Requirement("relaunch[traces]")]
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *sorted(wanted.extras)):
            key = f"{wanted.name.lower()}[{extra}]"
            if key in found:
                continue
            found[key] = distribution(wanted.name)
            waiting += _requirements(found[key], extra)
    names = {item.metadata["Name"].lower(): item for item in found.values()}
    names.pop("relaunch")
    return dict(sorted(names.items()))


def _requirements(item: Distribution, extra: str) -> Iterator[Requirement]:
    for text in item.requires or ():
        requirement = Requirement(text)
        if not requirement.marker or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def libraries() -> Tree:
    """Return the files of the packages that others wrote, and what is compiled."""
    return _compiled(library_files())


def library_files() -> Mapping[str, Path]:
    """Return the files of these packages.

    Programs of packages are left out: uv's, of 60 MB, runs builds of one machine alone,
    which pods do not do.
    """
    tree: dict[str, Path] = {}
    for item in needed().values():
        for file in item.files or ():
            # Programs lie outside; compiled files hold paths and times of a machine.
            if file.parts[0] == ".." or file.suffix == ".pyc" or _is_unused(file.parts):
                continue
            tree[f"{LIBRARY}/{file}"] = Path(str(item.locate_file(file)))
    return tree


def application() -> Tree:
    """Return our own files."""
    tree: dict[str, Path | bytes] = {
        f"{LIBRARY}/{path.relative_to(ROOT)}": path
        for package in _OWN
        for path in sorted((ROOT / package).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    return _compiled(tree)


def _is_unused(parts: tuple[str, ...]) -> bool:
    # What installers write differs from one environment to the next.
    return parts[-1] in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"} or (
        "tests" in parts
    )


def _compiled(tree: Mapping[str, Path | bytes]) -> Tree:
    """Add compiled files, for a root file system that nobody can write them to.

    They are PEP 552's unchecked ones: they name no time, and the source is not read.
    """
    more: dict[str, Path | bytes] = {}
    for name, path in tree.items():
        if not name.endswith(".py") or not isinstance(path, Path):
            continue
        source = path.read_bytes()
        try:
            code = compile(source, f"/{name}", "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError):
            continue  # a template, or meant for another Python
        flags = (0b01).to_bytes(4, "little")
        head = importlib.util.MAGIC_NUMBER + flags + importlib.util.source_hash(source)
        folder, _, file = importlib.util.cache_from_source(name).rpartition("/")
        more[f"{folder}/{file}"] = head + marshal.dumps(code)
    return {**tree, **more}
