"""Messages of uv, with their failures.

Each message was reproduced with uv itself.
"""

from typing import Final

from service.build_failures.messages import TAKE_A_WHEEL, rule
from service.domain.building.failure import FailureClass

__all__ = ["OF_UV"]

_PROJECT: Final = "pyproject.toml"

_PYTHON: Final = FailureClass.UNSUPPORTED_PYTHON

OF_UV: Final = (
    rule(
        r"Failed to parse:? `?(?P<path>uv\.lock)`?"
        r"[\s\S]{0,4000}? at line (?P<line>\d+)",
        FailureClass.STALE_LOCK,
        "uv.lock cannot be read",
        "run `uv lock` and commit the result",
    ),
    rule(
        r"The `(?P<key>[\w-]+)` field is not allowed in a `uv\.toml` file",
        FailureClass.BAD_DEFINITION,
        "uv reads `{key}` in pyproject.toml only",
        "move it there, under [tool.uv]",
        about="uv.toml",
    ),
    rule(
        r"cannot make an empty path absolute",
        FailureClass.BAD_DEFINITION,
        "a path is empty",
        about="uv.toml",
        key="cache-dir",
    ),
    rule(
        r"not compatible with the lockfile's supported environments: `(?P<needs>.+)`",
        FailureClass.STALE_LOCK,
        "uv.lock is for other systems alone ({needs})",
        "add sys_platform == 'linux' to environments under [tool.uv], and lock again",
        about="uv.lock",
        key="supported-markers",
    ),
    rule(
        r"Two workspace members are both named `(?P<name>[^`]+)`: `[^`]*` and "
        r"`(?P<what>[^`]+)`",
        FailureClass.BAD_DEFINITION,
        "two projects of the workspace are both named `{name}`, one in {what}",
        "rename one of them",
        about=_PROJECT,
        key="members",
    ),
    *(
        rule(
            rf"failed to read from file `[^`]*?{name}`: stream did not contain valid",
            FailureClass.BAD_DEFINITION,
            "the file is no UTF-8",
            "save it as UTF-8",
            about=name,
        )
        for name in (_PROJECT, "uv.lock", "uv.toml")
    ),
    rule(
        r"failed to query metadata of file `(?P<what>[^`]+)`: No such file",
        FailureClass.BAD_DEFINITION,
        "{what} is to be installed, and is not there",
        "commit it, or drop the dependency",
        about="uv.lock",
    ),
    rule(
        r"Found conflicting Python requirements:\n- (?P<needs>[^\n]+)",
        _PYTHON,
        "no Python fits all that is asked of it ({needs})",
        about=_PROJECT,
        key="requires-python",
    ),
    rule(
        r"Invalid version request: (?P<why>.+) but (?P<what>\S+) was requested",
        _PYTHON,
        "uv does not take the Python that is asked for: {why}",
        about=_PROJECT,
        key="requires-python",
    ),
    rule(
        r"Failed to parse: (?P<path>(?:pyproject|uv)\.toml)[\s\S]{0,4000}?"
        r" at line (?P<line>\d+)[\s\S]{0,4000}?\^+\n[ \t]*(?P<why>[^\n]+)",
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
        r"malformed dependency groups\n[ \t]*cause: (?P<why>[^\n`]*(?:`"
        r"(?P<what>[^`]+)`)?"
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
        r"Distribution `(?P<what>[\w.-]++)(?P<has>==[^`\s]+)[^`]*` can't be installed"
        r" because it doesn't have a source distribution or wheel for the current",
        FailureClass.NO_SUCH_VERSION,
        "the lock has no file of `{what}{has}` for this system and Python",
        "take another version, or lock for Linux as well",
        is_installers=True,
    ),
    rule(
        r"current Python version \((?P<has>[^)]{1,300})\) is not "
        r"compatible with the locked"
        r" Python requirement: `(?P<needs>[^`]{1,300})`",
        FailureClass.UNSUPPORTED_PYTHON,
        "uv.lock is for Python {needs}, and the environment has {has}",
        "run `uv lock` for that Python and commit the result",
        about="uv.lock",
    ),
    rule(
        r"No interpreter found (?:for (?:Python (?=[\d<>=~!]))?|at path )"
        r"`?(?P<what>.+?)(?:`|$| in )",
        _PYTHON,
        "the project wants Python {what}, which this machine does not have",
        "install that Python on the machine, or widen what the project allows",
        about=_PROJECT,
        key="requires-python",
    ),
    rule(
        r"resolved to Python (?P<has>\S+), which is incompatible with the project's "
        r"Python requirement: `(?P<needs>[^`]{1,300})`",
        FailureClass.UNSUPPORTED_PYTHON,
        "the project wants Python {needs}, and asks for {has} elsewhere",
        about=_PROJECT,
        key="requires-python",
    ),
    rule(
        r"lockfile (?:at `uv\.lock` )?needs to be updated|Unable to find lockfile",
        FailureClass.STALE_LOCK,
        "uv.lock does not belong to this pyproject.toml",
        "run `uv lock` and commit the result",
        about="uv.lock",
    ),
    rule(
        r"(?:Failed to build|Failed to prepare)[^`\n]*`(?P<what>[^`@]+?)"
        r"(?: @ (?P<url>[^`]*))?`",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        TAKE_A_WHEEL,
        shows_error=True,
    ),
)
