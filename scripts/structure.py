"""Measure the structure of the source: `make structure` prints the table of limits.

Each line has a limit; the exit code is 1 when one is passed, so `make check` keeps what
was once reached. The limits only go down.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["MEASURES", "Measure", "Module", "main", "read_modules"]

ROOT: Final = Path(__file__).parent.parent
PACKAGES: Final = ("service", "handlers", "consumers")
FILES_PER_FOLDER: Final = 15
LINES_PER_FILE: Final = 300
APPLICATION_FILES: Final = re.compile(
    r"handlers/(app|app_keys|middleware|server|auth|page/app)\.py|service/app/listening\.py"
)
SPEECH: Final = re.compile(
    r"\b(told|tells?|telling|said|says?|saying)\b", re.IGNORECASE
)
PRONOUNS: Final = frozenset({"it", "its", "told", "said", "thing", "wish"})
OWN_WORDS: Final = re.compile(
    r"\b(wish(es)?|a look(?!-)|looks? at|looked at|look(s|ed)? after|asked_at=|rung"
    r"|nurse|doorkeeper|agenda|checkups?|ailments?|toolbox|parcel)\b",
    re.IGNORECASE,
)
"""What ARCHITECTURE's table of old names replaces."""
OLD_NAMES: Final = ("service/adapters/store/", "service/events/", "service/settings/")
"""Where names of older rows, events and settings are still read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One source file: its path from the root, its text and its syntax tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        """Return the lines of the file."""
        return self.text.splitlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A number that may not pass its limit, and where it comes from.

    `least` turns the limit round: the number may not fall below it.
    """

    title: str
    limit: float
    count: Callable[[list[Module]], tuple[float, list[str]]]
    least: bool = False

    def holds(self, value: float) -> bool:
        """Say whether the value keeps the limit."""
        return value >= self.limit if self.least else value <= self.limit


def read_modules(root: Path = ROOT) -> list[Module]:
    """Read every source file of the service; migrations are history and left out."""
    return [
        Module(path=str(path.relative_to(root)), text=text, tree=ast.parse(text))
        for package in PACKAGES
        for path in sorted((root / package).rglob("*.py"))
        if "migrations" not in path.parts
        for text in [path.read_text(encoding="utf-8")]
    ]


def _listed(names: Iterable[str]) -> tuple[float, list[str]]:
    found = list(names)
    return len(found), found


def _full_folders(modules: list[Module]) -> tuple[float, list[str]]:
    folders = Counter(str(Path(module.path).parent) for module in modules)
    return _listed(
        f"{folder} ({count})"
        for folder, count in folders.items()
        if count > FILES_PER_FOLDER
    )


def _long_files(modules: list[Module]) -> tuple[float, list[str]]:
    return _listed(
        f"{module.path} ({len(module.lines)})"
        for module in modules
        if len(module.lines) > LINES_PER_FILE
    )


def _takes_application(node: ast.AST) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return any(
        argument.annotation and "Application" in ast.unparse(argument.annotation)
        for argument in arguments
    )


def _application_functions(modules: list[Module]) -> tuple[float, list[str]]:
    return _listed(
        f"{module.path}: {getattr(node, 'name', '')}"
        for module in modules
        if not APPLICATION_FILES.fullmatch(module.path)
        for node in ast.walk(module.tree)
        if _takes_application(node)
    )


def _shared_class_names(modules: list[Module]) -> tuple[float, list[str]]:
    places: dict[str, set[str]] = {}
    for module in modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, set()).add(module.path)
    return _listed(
        f"{name}: {', '.join(sorted(paths))}"
        for name, paths in sorted(places.items())
        if len(paths) > 1
    )


def _given_name(node: ast.AST) -> str:
    """Return the name that a variable or parameter gets; empty for any other node."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return node.id
    return node.arg if isinstance(node, ast.arg) else ""


def _pronouns(modules: list[Module]) -> tuple[float, list[str]]:
    return _listed(
        f"{module.path}:{getattr(node, 'lineno', 0)}"
        for module in modules
        for node in ast.walk(module.tree)
        if _given_name(node) in PRONOUNS
    )


def _own_words(modules: list[Module]) -> tuple[float, list[str]]:
    return _listed(
        f"{module.path}:{number}: {found[0]}"
        for module in modules
        if not module.path.startswith(OLD_NAMES)
        for number, line in enumerate(module.lines, 1)
        if (found := OWN_WORDS.search(line))
    )


def _speech(modules: list[Module]) -> tuple[float, list[str]]:
    counts = {module.path: len(SPEECH.findall(module.text)) for module in modules}
    lines = sum(len(module.lines) for module in modules)
    worst = sorted(counts, key=lambda path: -counts[path])
    return (
        round(1000 * sum(counts.values()) / lines, 1),
        [f"{path} ({counts[path]})" for path in worst[:10]],
    )


def _comments(modules: list[Module]) -> tuple[float, list[str]]:
    lines = [line for module in modules for line in module.lines]
    own = sum(line.lstrip().startswith("#") for line in lines)
    return round(100 * own / len(lines), 2), []


MEASURES: Final = (
    Measure(title="folders with more than 15 files", limit=0, count=_full_folders),
    Measure(title="files with more than 300 lines", limit=2, count=_long_files),
    Measure(
        title="functions that take web.Application outside the application's files",
        limit=0,
        count=_application_functions,
    ),
    Measure(
        title="class names that stand in several files",
        limit=9,
        count=_shared_class_names,
    ),
    Measure(
        title="variables and parameters called it, told, said or thing",
        limit=0,
        count=_pronouns,
    ),
    Measure(
        title="words that the field has another one for", limit=5, count=_own_words
    ),
    Measure(title="tell, told, say and said in 1,000 lines", limit=1, count=_speech),
    Measure(
        title="per cent of lines that are comments",
        limit=2.5,
        count=_comments,
        least=True,
    ),
)
"""What `make structure` prints, in this order."""


def _write(*lines: str) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def main(arguments: Mapping[str, bool] | None = None) -> int:
    """Print the table; with `verbose`, also where each number comes from."""
    verbose = (arguments or {}).get("verbose", "-v" in sys.argv[1:])
    modules = read_modules()
    failed = False
    for measure in MEASURES:
        value, places = measure.count(modules)
        holds = measure.holds(value)
        failed = failed or not holds
        sign = "≥" if measure.least else "≤"
        mark = "ok" if holds else "TOO MANY" if not measure.least else "TOO FEW"
        _write(f"{value:>7g}  {sign} {measure.limit:<5g} {mark:9} {measure.title}")
        if verbose or not holds:
            _write(*(f"           {place}" for place in places))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
