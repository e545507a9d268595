"""Messages of poetry, with their failures.

Each message was reproduced with poetry 1.8.3 or 2.5.1, except *Package … not found*,
which is taken from its source and bug reports.
"""

from typing import Final

from service.build_failures.messages import CHECK_NAME, TAKE_A_WHEEL, rule
from service.build_failures.poetry.lock_messages import LOCK_AGAIN, OF_POETRY_LOCK
from service.domain.building.failure import FailureClass

__all__ = ["OF_POETRY"]

_PROJECT: Final = "pyproject.toml"
_AT_LAST: Final = r"^So, because no versions of "

OF_POETRY: Final = (
    *OF_POETRY_LOCK,
    rule(
        r"Current Python version \((?P<has>[^)]{1,200})\) is not allowed "
        r"by the project "
        r"\((?P<needs>[^)]{1,300})\)",
        FailureClass.UNSUPPORTED_PYTHON,
        "the project allows Python {needs}, and the environment has {has}",
    ),
    rule(
        r"Could not parse version constraint: (?P<what>.*)",
        FailureClass.BAD_DEFINITION,
        "`{what}` is no version",
        about=_PROJECT,
    ),
    rule(
        r"Poetry configuration is invalid:\n[ \t]*- (?P<why>[^\n]*?"
        r"(?:(?:data|tool\.poetry|project)\.(?P<key>[\w.-]+)|\('(?P<name>[^']+)' was)"
        r"[^\n]*)",
        FailureClass.BAD_DEFINITION,
        "pyproject.toml is no Poetry project: {why}",
        about=_PROJECT,
    ),
    rule(
        r"Poetry configuration is invalid:\n[ \t]*- (?P<why>.+)",
        FailureClass.BAD_DEFINITION,
        "pyproject.toml is no Poetry project: {why}",
        about=_PROJECT,
    ),
    rule(
        r"assert isinstance\(config, dict\)",
        FailureClass.BAD_DEFINITION,
        "tool.poetry is no table",
        about=_PROJECT,
        key="poetry",
    ),
    rule(
        r"^[ \t]*(?:tuple index out of range|'int' object has no attribute 'lower')"
        r"[ \t]*$",
        FailureClass.BAD_DEFINITION,
        "poetry cannot use the name of the project",
        "write a name of letters and digits",
        about=_PROJECT,
        key="name",
    ),
    rule(
        r"\[tool\.poetry\] section not found",
        FailureClass.BAD_DEFINITION,
        "pyproject.toml has no [tool.poetry] table, which this Poetry needs",
        about=_PROJECT,
    ),
    rule(
        r"current project could not be installed: (?P<why>.+)",
        FailureClass.BAD_DEFINITION,
        "the project is no package that can be installed: {why}",
        "set `package-mode = false` under [tool.poetry]",
        about=_PROJECT,
    ),
    rule(
        r"Group\(s\) not found: (?P<group>\w+)",
        FailureClass.BAD_DEFINITION,
        "the project names no dependencies of the group {group} in a place that this"
        " Poetry reads",
        "add [tool.poetry.dependencies] with the Python version",
        about=_PROJECT,
    ),
    rule(  # the reader of TOML; poetry names no file
        r"^[ \t]*(?P<why>(?:Cannot|Duplicate|Expected|Found|Illegal|Invalid|Key"
        r"|Unclosed|Unescaped|Unterminated)\b[^\n]{0,200}?) \(at line"
        r" (?P<line>\d{1,7}), column \d+\)[ \t]*$",
        FailureClass.BAD_DEFINITION,
        "the file is no TOML: {why}",
        about=_PROJECT,
    ),
    rule(
        r"'(?:int|str|list)' object has no attribute '(?:get|keys|items)'",
        FailureClass.BAD_DEFINITION,
        "a value under tool.poetry is no table",
        about=_PROJECT,
        key="group",
    ),
    rule(
        r"^[ \t]*at \S{0,300}/poetry/core/packages/\S{1,80}:\d{1,5} in \w",
        FailureClass.BAD_DEFINITION,
        "poetry cannot use a dependency or an extra of the project",
        about=_PROJECT,
        key="dependencies",
    ),
    rule(
        r"Command \['[^']{1,500}/python', '(?P<what>[^'\n]{1,700}\.py)'\]"
        r" errored with the following return code -?\d{1,3}",
        FailureClass.WHEEL_BUILD_FAILED,
        "the build script `{what}` of the project failed: {error}",
        shows_error=True,
        about=_PROJECT,
        key="build",
    ),
    rule(
        r"Invalid version '(?P<what>[^']*)' on package (?P<name>\S*)",
        FailureClass.BAD_DEFINITION,
        "`{what}` is no version of a project",
        about=_PROJECT,
    ),
    rule(
        r"Path (?P<path>\S+) for (?P<what>\S+) does not exist",
        FailureClass.BAD_DEFINITION,
        "`{what}` is to be installed from {path}, which is not there",
        "commit it, or drop the dependency",
        about=_PROJECT,
    ),
    rule(
        r"^[ \t]*(?:[^\s/]*/)*(?P<what>[^\s/]+) does not contain any element",
        FailureClass.BAD_DEFINITION,
        "the package `{what}` is not there",
        "commit it, or correct `packages` under [tool.poetry]",
        about=_PROJECT,
    ),
    rule(
        r"^[ \t]*(?P<what>\S+) is not a package\.",
        FailureClass.BAD_DEFINITION,
        "the folder `{what}` holds no Python file, so it is no package",
        about=_PROJECT,
    ),
    rule(
        r"^[ \t]*Both (?P<one>\S+) and (?P<other>\S+) exist",
        FailureClass.BAD_DEFINITION,
        "{one} and {other} are both there, and the package can be only one",
        about=_PROJECT,
    ),
    rule(
        r"Non-relative patterns are unsupported",
        FailureClass.BAD_DEFINITION,
        "a path of the project begins with /",
        about=_PROJECT,
        key="packages",
    ),
    rule(
        r"Bad script \((?P<what>[^)]{1,300})\)",
        FailureClass.BAD_DEFINITION,
        "the script `{what}` calls no function of a module",
        "write it as module:function",
        about=_PROJECT,
    ),
    rule(
        r"Invalid (?P<key>author|maintainer) string",
        FailureClass.BAD_DEFINITION,
        "an {key} is not written as Name <address>",
        about=_PROJECT,
    ),
    rule(
        r"Missing \[url\] in source '(?P<what>[^']+)'"
        r"|A repository with name (?P<name>\S+) was already added",
        FailureClass.BAD_DEFINITION,
        "the source `{what}{name}` has no URL, or is named twice",
        about=_PROJECT,
    ),
    rule(
        r"(?P<why>The PyPI repository cannot be configured with a custom url"
        r"|At least one source must not be configured as 'explicit'"
        r"|Only one repository can be the default)",
        FailureClass.BAD_DEFINITION,
        "the sources are not as poetry wants them: {why}",
        about=_PROJECT,
        key="source",
    ),
    rule(
        r"(?:No terminal matches|Unexpected token Token|Unexpected end-of-input)",
        FailureClass.BAD_DEFINITION,
        "an environment marker cannot be parsed",
        "write it as in python_version >= '3.11'",
        about=_PROJECT,
        key="markers",
    ),
    rule(
        r"^[ \t]*(?P<what>\S+) does not seem like a valid url"
        r'|Invalid git url "(?P<name>[^"]*)"',
        FailureClass.BAD_DEFINITION,
        "`{what}{name}` is no URL",
        about=_PROJECT,
    ),
    rule(
        r"The requirement is invalid: (?P<why>[^\n]+)\n[ \t]*(?P<what>[^\n]+)",
        FailureClass.BAD_DEFINITION,
        "`{what}` is no requirement: {why}",
        about=_PROJECT,
    ),
    rule(
        r"license file '\S*?(?P<what>[^'/]+)' not found",
        FailureClass.BAD_DEFINITION,
        "the licence `{what}` is named and not there",
        about=_PROJECT,
    ),
    rule(
        r"Invalid TOML file \S*?(?P<path>[^/\s]+): (?P<why>.+?) at line (?P<line>\d+)",
        FailureClass.BAD_DEFINITION,
        "the file is no TOML: {why}",
    ),
    rule(  # a file of the lock is not in the index, or none of it fits this Python
        r"Unable to find installation candidates for (?P<what>\S+) \("
        r"(?P<has>[^)]{1,300})\)",
        FailureClass.NO_SUCH_VERSION,
        "the index has no file of `{what}` {has} that fits and is in poetry.lock",
        LOCK_AGAIN,
    ),
    rule(
        r"Package (?P<what>\S+) \((?P<has>[^)]{1,300})\) not found",
        FailureClass.NO_SUCH_VERSION,
        "the index does not have `{what}` {has}, which poetry.lock names",
        LOCK_AGAIN,
    ),
    rule(
        r"Package \('?(?P<what>[^\s')]+)'?(?:[ ,][^)]*)?\) not found"
        r"|Package (?P<name>[\w.-]+) not found",
        FailureClass.NO_SUCH_PACKAGE,
        "there is no package `{what}{name}` in the index",
        CHECK_NAME,
    ),
    rule(
        r"project's (?:supported )?Python (?:range|requirement) \("
        r"(?P<has>[^)]{1,300})\) is "
        r"not compatible with some of the required packages[^\n]*\n+"
        r"[ \t]*- (?P<what>\S+) requires Python (?P<needs>[^\n]+?),? so it will",
        FailureClass.UNSUPPORTED_PYTHON,
        "`{what}` needs Python {needs}, and the project allows {has}",
        "narrow the project's Python, or take another version",
    ),
    rule(
        r"depends on (?P<what>\S+) \(\*\) which doesn't match any versions",
        FailureClass.NO_SUCH_PACKAGE,
        "there is no package `{what}` in the index",
        CHECK_NAME,
    ),
    rule(
        r"depends on (?P<what>\S+) \((?P<version>[^)]{1,300})\) which "
        r"doesn't match any",
        FailureClass.NO_SUCH_VERSION,
        "there is no version of `{what}` that fits {version}",
    ),
    rule(
        r"error originates from the build backend, and is likely not a problem with "
        r"poetry but (?:one of the following issues )?with (?P<what>\S+)",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        TAKE_A_WHEEL,
        shows_error=True,
    ),
    rule(
        r"Unable to determine package info for path: (?P<what>\S+)$",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        shows_error=True,
    ),
    rule(
        rf"{_AT_LAST}(?P<what>\S+) match \*\n and \S+ depends on (?P<by>[\w.-]+)",
        FailureClass.NO_SUCH_PACKAGE,
        "{by} needs `{what}`, which the index does not have",
        CHECK_NAME,
    ),
    rule(
        rf"{_AT_LAST}(?P<what>\S+) match (?P<version>[^\n]+)"
        r"\n and \S+ depends on (?P<by>[\w.-]+)",
        FailureClass.NO_SUCH_VERSION,
        "{by} needs {version} of `{what}`, which the index does not have",
    ),
    rule(
        r"^[ \t]*(?P<why>(?:Because|And because|So,|Thus,) (?:.+\n){0,60}?"
        r"(?:.*(?:ecause|and) \S+ depends on (?:both )?(?P<what>[\w.-]+))?.*)"
        r"version solving failed",
        FailureClass.CONFLICT,
        "requirements exclude each other: {why}",
        "loosen one of the pins",
    ),
)
