"""What poetry says when it fails, and what it means.

Each message was made to appear with poetry 1.8.3 or 2.5.1, but for *Package … not
found*, which is as its source and bug reports have it.
"""

from typing import Final

from service.domain.failure import FailureClass
from service.installers.messages import CHECK_NAME, rule

__all__ = ["OF_POETRY"]

_PROJECT: Final = "pyproject.toml"
_LOCK: Final = "run `poetry lock` and commit the result"

OF_POETRY: Final = (
    rule(
        r"Current Python version \((?P<has>[^)]+)\) is not allowed by the project "
        r"\((?P<needs>[^)]+)\)",
        FailureClass.UNSUPPORTED_PYTHON,
        "the project allows Python {needs}, and the environment has {has}",
    ),
    rule(
        r"(?:poetry\.lock is not up to date with|changed significantly since "
        r"poetry\.lock was last generated)",
        FailureClass.STALE_LOCK,
        "poetry.lock does not belong to this pyproject.toml",
        _LOCK,
        about="poetry.lock",
    ),
    rule(
        r"Unable to read the lock file \((?P<why>.*)\)",
        FailureClass.STALE_LOCK,
        "poetry.lock cannot be read: {why}",
        _LOCK,
        about="poetry.lock",
    ),
    rule(
        r"The lock file (?P<why>does not have a metadata entry|is not compatible)",
        FailureClass.STALE_LOCK,
        "poetry cannot use its lock file, which {why}",
        _LOCK,
        about="poetry.lock",
    ),
    rule(
        r"Could not parse version constraint: (?P<what>.*)",
        FailureClass.BAD_DEFINITION,
        "`{what}` is no version",
        about=_PROJECT,
    ),
    rule(
        r"Poetry configuration is invalid:\n\s*- (?P<why>[^\n]*?"
        r"(?:(?:data|tool\.poetry|project)\.(?P<key>[\w.-]+)|\('(?P<name>[^']+)' was)"
        r"[^\n]*)",
        FailureClass.BAD_DEFINITION,
        "pyproject.toml is no Poetry project: {why}",
        about=_PROJECT,
    ),
    rule(
        r"Poetry configuration is invalid:\n\s*- (?P<why>.+)",
        FailureClass.BAD_DEFINITION,
        "pyproject.toml is no Poetry project: {why}",
        about=_PROJECT,
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
        r"^\s*(?:\S*/)?(?P<what>\S+) does not contain any element",
        FailureClass.BAD_DEFINITION,
        "the package `{what}` is not there",
        "commit it, or correct `packages` under [tool.poetry]",
        about=_PROJECT,
    ),
    rule(
        r"^\s*(?P<what>\S+) is not a package\.",
        FailureClass.BAD_DEFINITION,
        "the folder `{what}` holds no Python file, so it is no package",
        about=_PROJECT,
    ),
    rule(
        r"^\s*Both (?P<one>\S+) and (?P<other>\S+) exist",
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
        r"Bad script \((?P<what>[^)]+)\)",
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
        r"^\s*(?P<what>\S+) does not seem like a valid url"
        r'|Invalid git url "(?P<name>[^"]*)"',
        FailureClass.BAD_DEFINITION,
        "`{what}{name}` is no URL",
        about=_PROJECT,
    ),
    rule(
        r"The requirement is invalid: (?P<why>[^\n]+)\n\s*(?P<what>[^\n]+)",
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
        r"Unable to find installation candidates for (?P<what>\S+) \((?P<has>[^)]+)\)",
        FailureClass.NO_SUCH_VERSION,
        "the index has no file of `{what}` {has} that fits and is in poetry.lock",
        _LOCK,
    ),
    rule(
        r"Package (?P<what>\S+) \((?P<has>[^)]+)\) not found",
        FailureClass.NO_SUCH_VERSION,
        "the index does not have `{what}` {has}, which poetry.lock names",
        _LOCK,
    ),
    rule(
        r"Package \('?(?P<what>[^\s')]+)'?(?:[ ,][^)]*)?\) not found"
        r"|Package (?P<name>[\w.-]+) not found",
        FailureClass.NO_SUCH_PACKAGE,
        "there is no package `{what}{name}` in the index",
        CHECK_NAME,
    ),
    rule(
        r"project's (?:supported )?Python (?:range|requirement) \((?P<has>[^)]+)\) is "
        r"not compatible with some of the required packages[^\n]*\n+"
        r"\s*- (?P<what>\S+) requires Python (?P<needs>[^\n]+?),? so it will",
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
        r"depends on (?P<what>\S+) \((?P<version>[^)]+)\) which doesn't match any",
        FailureClass.NO_SUCH_VERSION,
        "there is no version of `{what}` that fits {version}",
    ),
    rule(
        r"Unable to determine package info for path: \S*?(?P<what>[^/\s]+)$",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        shows_error=True,
    ),
    rule(
        r"(?P<why>(?:Because|And because|So,|Thus,) (?:.+\n)*?.*)"
        r"version solving failed",
        FailureClass.CONFLICT,
        "requirements exclude each other: {why}",
        "loosen one of the pins",
    ),
)
