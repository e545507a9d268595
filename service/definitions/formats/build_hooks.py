"""Modules of a project that its pyproject.toml or setup.cfg has the build run."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from service.definitions.formats.tool_tables import find_builders
from service.definitions.formats.values import Table, list_tables, table, text, texts

__all__ = ["Module", "find_hooks", "module_of"]

_ATTR_IN_CFG: Final = re.compile(r"\battr:[ \t]*([\w.]+)")
_CLASS_IN_CFG: Final = re.compile(
    r"^cmdclass[ \t]*[=:](.*(?:\n[ \t]+.*)*)", re.MULTILINE
)
_DIRECTORY_IN_CFG: Final = re.compile(
    r"^[ \t]*+(?:where[ \t]*+)?=[ \t]*+(\S+)$", re.MULTILINE
)
_DOTTED: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*+(?:\.[A-Za-z_]\w*+)++")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A program that a build may run, by the paths where it may be."""

    files: tuple[str, ...]
    """Where it may be, from the project's directory."""
    packages: tuple[str, ...] = ()
    """The packages that it may be in, which Python runs first."""
    attribute: str = ""
    """What the build reads of it; a literal is read without running the module."""
    is_hook: bool = False
    """Whether the build calls a function of it."""
    is_needed: bool = False
    """Whether the build runs it, found or not."""

    def is_main(self, path: str) -> bool:
        """Return whether a path is the module itself, not a package around it."""
        return path in self.files


def find_hooks(document: Table, hatch_toml: Table, cfg: str) -> Iterator[Module]:
    """Return the modules that a build runs by its configuration.

    Args:
        document: The parsed pyproject.toml.
        hatch_toml: The parsed hatch.toml, which stands before the table of hatch.
        cfg: The text of the setup.cfg.
    """
    tools = table(document, "tool")
    yield from _of_backend(document)
    for hatch in (table(tools, "hatch"), hatch_toml):
        yield from _of_hatch(hatch)
    yield from _of_pdm(table(tools, "pdm"))
    poetry = table(tools, "poetry").get("build")
    script = poetry if isinstance(poetry, str) else table(poetry).get("script")
    if isinstance(script, str):
        yield _hook(script)
    if "flit-core" in find_builders(document):
        yield from _of_flit(document)
    yield from _of_setuptools(table(tools, "setuptools"), cfg)


def _of_backend(document: Table) -> Iterator[Module]:
    system = table(document, "build-system")
    name = (text(system.get("build-backend")) or "").partition(":")[0]
    for place in texts(system.get("backend-path")):
        yield module_of(name, (place,), is_hook=True)


def _of_hatch(hatch: Table) -> Iterator[Module]:
    for hooks in _values_of("hooks", hatch):
        for hook in table(hooks).values():
            yield _hook(text(table(hook).get("path")) or "hatch_build.py")
    version = table(hatch, "version")
    if version.get("source") == "code":
        yield _hook(text(version.get("path")) or "")


def _of_pdm(pdm: Table) -> Iterator[Module]:
    for key in ("custom-hook", "setup-script"):
        if isinstance(script := table(pdm, "build").get(key), str):
            yield _hook(script)
    version = table(pdm, "version")
    if version.get("source") == "call":
        getter = text(version.get("getter")) or ""
        yield module_of(getter.partition(":")[0], ("", "src"), is_hook=True)


def _of_flit(document: Table) -> Iterator[Module]:
    """Return the module that flit takes the version and the description from."""
    project = table(document, "project")
    dynamic = texts(project.get("dynamic"))
    if project and not {"version", "description"} & {*dynamic}:
        return
    flit = table(document, "tool", "flit")
    named = table(flit, "module").get("name") or table(flit, "metadata").get("module")
    name = text(named) or (text(project.get("name")) or "").replace("-", "_")
    for attribute in ("__version__", "__doc__"):
        key = "version" if attribute == "__version__" else "description"
        if not project or key in dynamic:
            yield module_of(name, ("", "src"), attribute=attribute)


def _of_setuptools(setuptools: Table, cfg: str) -> Iterator[Module]:
    found = [
        *_strings(setuptools.get("package-dir")),
        *_strings_of("where", setuptools),
    ]
    places = tuple(
        dict.fromkeys(["", "src", *found, *_DIRECTORY_IN_CFG.findall(cfg)[:20]])
    )
    named = [text(value) or "" for value in _values_of("attr", setuptools)]
    for attr in [*named, *_ATTR_IN_CFG.findall(cfg)]:
        module, _, attribute = attr.strip().rpartition(".")
        yield module_of(module or "__init__", places, attribute=attribute or "?")
    classes = [*_strings(setuptools.get("cmdclass"))]
    for block in _CLASS_IN_CFG.findall(cfg):
        classes += _DOTTED.findall(block)
    for name in classes:
        yield module_of(name.rpartition(".")[0], places, is_hook=True)


def _hook(path: str) -> Module:
    return Module(files=(path,), is_hook=True, is_needed=True)


def module_of(
    name: str, places: tuple[str, ...], *, attribute: str = "", is_hook: bool = False
) -> Module:
    """Return a module by its dotted name, in the directories where it may be.

    One that is imported by setup.py may as well be of an installed package.
    """
    path = name.replace(".", "/")
    above: list[str] = []
    while path_above := posixpath.dirname(above[-1] if above else path):
        above.append(path_above)
    return Module(
        files=tuple(
            posixpath.join(place, f"{path}{end}")
            for place in places
            for end in (".py", "/__init__.py")
        ),
        packages=tuple(
            posixpath.join(place, package, "__init__.py")
            for place in places
            for package in above
        ),
        attribute=attribute,
        is_hook=is_hook,
        is_needed=is_hook or bool(attribute),
    )


def _values_of(key: str, value: object) -> Iterator[object]:
    """Return what stands under a key anywhere in a table."""
    if isinstance(value, list):
        for one in list_tables(value):
            yield from _values_of(key, one)
    for name, item in table(value).items():
        if name == key:
            yield item
        yield from _values_of(key, item)


def _strings_of(key: str, value: object) -> Iterator[str]:
    for item in _values_of(key, value):
        yield from texts(item)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from texts(item)
