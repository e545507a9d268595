"""What the demo pushes, and what has to follow from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from service.cli.demo.sandbox import DemoSandbox

__all__ = [
    "ADDED",
    "BROKEN",
    "COSMETIC",
    "FILE",
    "FIRST",
    "MISSING",
    "README",
    "REQUIREMENTS",
    "REVERT",
    "DemoStep",
]

FILE: Final = "requirements.txt"
MISSING: Final = "relaunch-demo-no-such-package-exists"

REQUIREMENTS: Final = """\
# What the course needs, one package a line.
iniconfig==2.0.0
packaging==24.1

# What was added during the term stands below.
# Please keep the list short.

"""
REORDERED: Final = """\
# What the course needs, one package a line; say why.
packaging==24.1
iniconfig==2.0.0
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoStep:
    """One push, and what has to follow."""

    name: str
    verdict: str
    build: str
    """How its build ends (`built`, `reused`), `none` for no build, or a failure."""
    moves: bool
    """Whether the launcher moves to another image."""
    change: Callable[[DemoSandbox], None] | None = None
    """Edits the clone; None when git itself makes the commit."""


def _add_six(stage: DemoSandbox) -> None:
    _append(stage, "six==1.16.0\n")


def _edit_readme(stage: DemoSandbox) -> None:
    (stage.clone / "README.md").write_text("# The course\n\nWelcome.\n")


def _reorder(stage: DemoSandbox) -> None:
    path = stage.clone / FILE
    rest = path.read_text().splitlines(keepends=True)[3:]
    path.write_text(REORDERED + "".join(rest))


def _add_missing(stage: DemoSandbox) -> None:
    _append(stage, f"{MISSING}==1.0\n")


def _append(stage: DemoSandbox, line: str) -> None:
    with (stage.clone / FILE).open("a") as file:
        file.write(line)


FIRST: Final = DemoStep(
    name="first definition", verdict="initial", build="built", moves=True
)
ADDED: Final = DemoStep(
    name="add a package", verdict="changed", build="built", moves=True, change=_add_six
)
README: Final = DemoStep(
    name="edit the README",
    verdict="unchanged",
    build="none",
    moves=False,
    change=_edit_readme,
)
COSMETIC: Final = DemoStep(
    name="edit comments, reorder",
    verdict="cosmetic",
    build="none",
    moves=False,
    change=_reorder,
)
REVERT: Final = DemoStep(
    name="revert the package", verdict="changed", build="reused", moves=True
)
BROKEN: Final = DemoStep(
    name="add a package that is not",
    verdict="changed",
    build="no_such_package",
    moves=False,
    change=_add_missing,
)
