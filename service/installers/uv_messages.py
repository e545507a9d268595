"""What uv says when it fails, and what it means.

Each message was made to appear with uv itself.
"""

from typing import Final

from service.domain.failure import FailureClass
from service.installers.messages import TAKE_A_WHEEL, rule

__all__ = ["OF_UV"]

_PROJECT: Final = "pyproject.toml"

OF_UV: Final = (
    rule(
        r"Failed to parse: (?P<path>(?:pyproject|uv)\.toml)[\s\S]*?"
        r" at line (?P<line>\d+)[\s\S]*?\^+\n\s*(?P<why>[^\n]+)",
        FailureClass.BAD_DEFINITION,
        "uv refuses the file: {why}",
    ),
    rule(
        r"Required uv version `(?P<what>[^`]+)` does not match the running version"
        r" `(?P<has>[^`]+)`",
        FailureClass.BAD_DEFINITION,
        "the project asks for uv {what}, and uv {has} builds",
        "widen `required-version`",
        about=_PROJECT,
        key="required-version",
    ),
    rule(
        r"uses an unsupported schema version \(v(?P<has>\d+)",
        FailureClass.STALE_LOCK,
        "uv.lock has schema version {has}, which this uv does not read",
        "run `uv lock` and commit the result",
        about="uv.lock",
    ),
    rule(
        r"project is marked as unmanaged",
        FailureClass.BAD_DEFINITION,
        "`managed = false` forbids uv to install the project",
        "remove that line",
        about=_PROJECT,
        key="managed",
    ),
    rule(
        r"malformed dependency groups\n\s*cause: (?P<why>[^\n`]*(?:`(?P<what>[^`]+)`)?"
        r"[^\n]*)",
        FailureClass.BAD_DEFINITION,
        "a dependency group is wrong: {why}",
        about=_PROJECT,
    ),
    rule(
        r"Default group `(?P<what>[^`]+)`[^\n]* is not defined",
        FailureClass.BAD_DEFINITION,
        "the default group `{what}` is not in [dependency-groups]",
        about=_PROJECT,
    ),
    rule(
        r"No `project` table found",
        FailureClass.BAD_DEFINITION,
        "pyproject.toml has no [project] table",
        about=_PROJECT,
    ),
    rule(
        r"Distribution not found at: (?P<what>\S*?[^/\s]+)$",
        FailureClass.BAD_DEFINITION,
        "{what} is to be installed, and is not there",
        "commit it, or drop the dependency",
        about="uv.lock",
    ),
    rule(
        r"current Python version \((?P<has>[^)]+)\) is not compatible with the locked"
        r" Python requirement: `(?P<needs>[^`]+)`",
        FailureClass.UNSUPPORTED_PYTHON,
        "uv.lock is for Python {needs}, and the environment has {has}",
        "run `uv lock` for that Python and commit the result",
        about="uv.lock",
    ),
    rule(
        r"No interpreter found for (?P<needs>Python .+?) in ",
        FailureClass.UNSUPPORTED_PYTHON,
        "the project wants {needs}, which this machine does not have",
        "install that Python on the machine, or widen what the project allows",
    ),
    rule(
        r"resolved to Python (?P<has>\S+), which is incompatible with the project's "
        r"Python requirement: `(?P<needs>[^`]+)`",
        FailureClass.UNSUPPORTED_PYTHON,
        "the project wants Python {needs}, and asks for {has} elsewhere",
    ),
    rule(
        r"Failed to parse:? `?uv\.lock`?[\s\S]*? at line (?P<at>\d+)",
        FailureClass.STALE_LOCK,
        "uv.lock cannot be read; something is wrong at its line {at}",
        "run `uv lock` and commit the result",
    ),
    rule(
        r"lockfile (?:at `uv\.lock` )?needs to be updated|Unable to find lockfile",
        FailureClass.STALE_LOCK,
        "uv.lock does not belong to this pyproject.toml",
        "run `uv lock` and commit the result",
        about="uv.lock",
    ),
    rule(
        r"(?:Failed to build|Failed to prepare)[^`\n]*`(?P<what>[^`@]+?)(?: @ [^`]*)?`",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        TAKE_A_WHEEL,
        shows_error=True,
    ),
)
