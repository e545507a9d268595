"""Programs of a project that its build runs: hooks, scripts, modules with a version.

Such a program may read any file of the project, put it into the package, or ask git.
"""

import ast
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.formats.build_hooks import Module, find_hooks, module_of
from service.definitions.formats.toml_json import peek_toml
from service.definitions.local.globs import may_take_along
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["UNKNOWN", "BuildPrograms", "read_programs", "remark_history"]

_HISTORY: Final = re.compile(
    rb"use_scm_version|setuptools[-_]scm|versioneer|\bpbr\b|['\"]git['\"]"
    rb"|\bgit (?:describe|rev-parse|rev-list|log|show|tag)\b"
    rb"|\b(?:import|from) (?:git|dulwich|pygit2|dunamai)\b|['\"/]\.git\b"
)
"""Matches a program that takes its version from git."""
MAX_MODULES: Final = 100
"""Modules of one project that are looked for."""
_RUNS: Final = re.compile(
    rb"\bexec\b|\beval\b|execfile|importlib|import_module|__import__|runpy|subprocess"
    rb"|\bsystem\(|popen|check_output|spawn"
)
"""Ways of a setup.py to run another program."""
_PYTHON_FILE: Final = re.compile(r"[\w./-]{1,300}\.py\b")
_HARMLESS: Final = frozenset(
    {"dict", "int", "len", "list", "map", "str", "tuple"}
    | {"format", "join", "replace", "split", "strip"}
)
"""Functions that a module may call and still read no file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildPrograms:
    """What is known of the programs that a build runs, besides setup.py."""

    choose: bool
    """Whether one of them may read any file and take it along."""
    reads_tables: bool
    """Whether one of them or setup.py may read the pyproject.toml, or the package holds
    it."""
    historian: str | None
    """The name of a file by which a build asks git for the version."""


UNKNOWN: Final = BuildPrograms(choose=True, reads_tables=True, historian=None)


def read_programs(
    reading: Reading, directory: str, files: Mapping[str, bytes | None]
) -> Asking[BuildPrograms]:
    """Find and read the programs that a project's build runs.

    Args:
        reading: The closure.
        directory: The resolved path of the project's directory.
        files: The contents of its pyproject.toml, hatch.toml, setup.cfg and setup.py,
            by name; None for one that is too large.
    """
    modules = [
        *find_hooks(
            peek_toml(files.get("pyproject.toml")) or {},
            peek_toml(files.get("hatch.toml")) or {},
            (files.get("setup.cfg") or b"").decode("utf-8", "replace"),
        ),
        *_run_by_setup(files.get("setup.py") or b""),
    ]
    contents: dict[str, bytes | None] = {}
    choose = len(modules) > MAX_MODULES or None in files.values()
    historian = next(
        (
            name
            for name in ("setup.py", "setup.cfg")
            if name in files and _asks_git(files[name])
        ),
        None,
    )
    modules = modules[:MAX_MODULES]
    places = yield from _find(reading, directory, modules)
    for module in modules:
        read = yield from _read(reading, module, places)
        contents |= read
        main = {path: raw for path, raw in read.items() if module.is_main(path)}
        found = [raw for raw in main.values() if raw is not None]
        is_lost = len(found) < len(main) or (not main and module.is_needed)
        choose |= is_lost or not all(_is_plain(raw, module) for raw in found)
        asks = any(_asks_git(raw) for raw in read.values())
        if historian is None and (asks or (is_lost and module.attribute)):
            historian = next(iter(read), "pyproject.toml")
    return BuildPrograms(
        choose=choose,
        reads_tables=_may_read_tables(files, contents.values()),
        historian=historian,
    )


def _may_read_tables(
    files: Mapping[str, bytes | None], programs: Collection[bytes | None]
) -> bool:
    """Return whether a program may read the pyproject.toml, or the package holds it."""
    raws = [files.get("setup.py"), *programs]
    is_toml = any(b"toml" in raw for raw in raws if raw is not None)
    is_taken = b"pyproject.toml" in (files.get("setup.cfg") or b"") or any(
        may_take_along("pyproject.toml", name, raw, is_directory=False)
        for name, raw in files.items()
    )
    return is_toml or is_taken or None in programs


def remark_history(reading: Reading, path: str) -> None:
    """Report that a project takes its version from git, and count every commit."""
    reading.count_commit()
    reading.remark(
        Severity.NOTE,
        "version_from_history",
        f"{show(path)} takes the version from git's history, so every commit counts as"
        " a change. A build has one commit and no tags; write the version down to have"
        " the one you mean.",
        path=path,
    )


def _read(
    reading: Reading, module: Module, found: Mapping[str, ResolvedPath]
) -> Asking[dict[str, bytes | None]]:
    """Read the files of a module that exist, by their paths from the directory."""
    contents: dict[str, bytes | None] = {}
    for path in (*module.files, *module.packages):
        item = found.get(path)
        if item is not None and item.is_file:
            raw = yield from reading.files.content(item.entry.oid, item.real)
            # An item of its own: the next evaluation will read it, too.
            reading.add_entry(item.real, item.entry, "metadata")
            contents[path] = raw
    return contents


def _find(
    reading: Reading, directory: str, modules: Iterable[Module]
) -> Asking[dict[str, ResolvedPath]]:
    """Find the files of all modules at once, by their paths from the directory."""
    paths = {path for module in modules for path in (*module.files, *module.packages)}
    inside = {path: full for path in paths if (full := join_path(directory, path))}
    found = yield from reading.files.find(sorted({*inside.values()}))
    return {path: found[full] for path, full in inside.items()}


def _asks_git(raw: bytes | None) -> bool:
    return raw is None or _HISTORY.search(raw) is not None


def _run_by_setup(raw: bytes) -> Iterator[Module]:
    """Return the modules that a setup.py imports or executes."""
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # Nothing is built by it.
        return
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    for name in sorted({*_imported(tree)}):
        yield module_of(name, ("", "src"))
    if _RUNS.search(raw):
        named = {path for text in texts for path in _PYTHON_FILE.findall(text)}
        for path in sorted(named - {"setup.py"}) or [""]:
            yield Module(files=(path,) if path else (), is_needed=True)


def _imported(tree: ast.AST) -> Iterator[str]:
    """Return the modules that a program may import, but those of Python itself."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [item.name for item in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module]
            names += [f"{node.module}.{item.name}" for item in node.names]
    skipped = {"setuptools", "distutils"} | sys.stdlib_module_names
    return (name for name in names if name.partition(".")[0] not in skipped)


def _is_plain(raw: bytes, module: Module) -> bool:
    """Return whether nothing is read by running a module, or it is not even run."""
    if module.is_hook:
        return False
    try:
        tree = ast.parse(raw)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    if module.attribute:
        return _is_literal(tree, module.attribute)
    return all(_is_plain_node(node) for node in ast.walk(tree))


def _is_plain_node(node: ast.AST) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module in {"__future__", "typing"}
    if isinstance(node, ast.Call):
        called = getattr(node.func, "id", getattr(node.func, "attr", ""))
        return called in _HARMLESS
    return not isinstance(node, ast.Import)


def _is_literal(tree: ast.Module, attribute: str) -> bool:
    """Return whether a module's attribute is read without running the module.

    Setuptools and flit evaluate literals, and import the module for all else.
    """
    if attribute == "__doc__":
        return bool(ast.get_docstring(tree))
    values: list[ast.expr] = []
    for node in tree.body:
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        if any(getattr(target, "id", None) == attribute for target in targets):
            values.append(value)
    try:
        return bool([ast.literal_eval(value) for value in values])
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
