"""What installers say when they fail, and what it means.

Most patterns come from running the tools, and the tests hold what they said; a few
are for messages that are known and could not be provoked. Rules
are tried in order: the first that matches tells.
"""

from typing import Final

from service.domain.failure import FailureClass
from service.installers.conda_messages import OF_CONDA_ITSELF
from service.installers.messages import NETWORK, rule
from service.installers.pip_messages import OF_PIP_FILES

__all__ = ["OF_INSTALL"]

_CHECK_NAME: Final = "check the spelling; the name to install is not always the import"
_TAKE_A_WHEEL: Final = "a release with a wheel for this Python needs no building"

_OF_PIP: Final = (
    rule(
        r"Invalid requirement: '(?P<what>[^']*)'.*(?:\n.*){0,4}?"
        r"\(from line (?P<line>\d+) of (?P<path>[^)]+)\)\nHint: It looks like a path",
        FailureClass.BAD_DEFINITION,
        "`{what}` names a file that is not there",
    ),
    rule(
        r"Invalid requirement: '(?P<what>[^']*)': (?P<why>.+)"
        r"(?:\n.*){0,4}?\(from line (?P<line>\d+) of (?P<path>[^)]+)\)",
        FailureClass.BAD_DEFINITION,
        "`{what}` is not a requirement: {why}",
    ),
    rule(
        r"Invalid requirement: '(?P<what>[^']*)'(?:: (?P<why>.+))?",
        FailureClass.BAD_DEFINITION,
        "`{what}` is not a requirement: {why}",
    ),
    rule(
        r"Could not open requirements file: .*: '(?:[^']*/)?(?P<what>[^'/]+)'",
        FailureClass.BAD_DEFINITION,
        "the included file `{what}` is not there",
    ),
    rule(
        r"error: no such option: (?P<what>\S+)",
        FailureClass.BAD_DEFINITION,
        "`{what}` is no option that a requirements file may hold",
    ),
    rule(
        r"DO NOT MATCH THE HASHES.*\n\s+(?P<what>\S+) from",
        FailureClass.BAD_DEFINITION,
        "the hash of `{what}` is not that of the file in the index",
        "update the hashes, unless someone tampered with the package",
    ),
    rule(
        r"In --require-hashes mode, all requirements must have .*\n\s+(?P<what>\S+)",
        FailureClass.BAD_DEFINITION,
        "some requirements have hashes and `{what}` is not pinned with one",
    ),
    rule(
        r"HTTP error 404 while getting (?P<what>\S+)",
        FailureClass.NO_SUCH_PACKAGE,
        "there is nothing at {what}",
    ),
    rule(
        r"that satisfies the requirement (?P<what>[\w.-]+).*\(from versions: none\)",
        FailureClass.NO_SUCH_PACKAGE,
        "there is no package `{what}` in the index",
        _CHECK_NAME,
    ),
    rule(
        r"that satisfies the requirement (?P<what>.+?) "
        r"(?:\(from [^v].*\) )?\(from versions: (?:.*, )?(?P<newest>[^,)]+)\)",
        FailureClass.NO_SUCH_VERSION,
        "there is no version that fits `{what}`",
        "the newest for this Python is {newest}",
    ),
    rule(
        r"Cannot install (?P<all>.+?) because these package versions have conflicting"
        r"[^\n]*\n+The conflict is caused by:\n\s*(?P<one>.+)\n\s*(?P<other>.+)",
        FailureClass.CONFLICT,
        "requirements exclude each other: {one}, but {other}",
        "loosen one of the pins",
    ),
    rule(
        r"ResolutionImpossible|resolution-too-deep",
        FailureClass.CONFLICT,
        "requirements exclude each other",
        "loosen some of the pins",
    ),
    rule(
        r"Package '(?P<what>[^']+)' requires a different Python: "
        r"(?P<has>\S+) not in '(?P<needs>[^']+)'",
        FailureClass.UNSUPPORTED_PYTHON,
        "`{what}` needs Python {needs}, and the environment has {has}",
    ),
    rule(
        r"git clone .*did not run successfully",
        FailureClass.CLONE_FAILED,
        "the repository of a requirement could not be cloned",
        "it is gone or private",
    ),
    rule(
        r"Failed to build '(?:file://[^']*/source/)?(?P<what>[^']+)' when (?P<when>.+)",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        _TAKE_A_WHEEL,
        shows_error=True,
    ),
    rule(
        r"Failed building (?:wheel|editable) for (?P<what>\S+)"
        r"|[Ff]ailed to build installable wheels[^(]*\((?P<name>[^)]+)\)",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}{name}` could not be built: {error}",
        _TAKE_A_WHEEL,
        shows_error=True,
    ),
    rule(  # as pip said it before 25.1, which told no name at the end
        r"(?:Collecting|Processing) (?P<what>\S+)[^\n]*"
        r"(?:\n(?!Collecting|Processing)[^\n]*)*?\n[^\n]*"
        r"(?:Getting requirements to build|Preparing (?:editable )?metadata"
        r"|setup\.py egg_info)[^\n]* did not run successfully",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        _TAKE_A_WHEEL,
        shows_error=True,
    ),
)

_OF_POETRY: Final = (
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
        "run `poetry lock` and commit the result",
    ),
    rule(
        r"Unable to read the lock file \((?P<why>.*)\)",
        FailureClass.STALE_LOCK,
        "poetry.lock cannot be read: {why}",
        "run `poetry lock` and commit the result",
    ),
    rule(
        r"Could not parse version constraint: (?P<what>.+)",
        FailureClass.BAD_DEFINITION,
        "`{what}` is no version",
    ),
    rule(
        r"Poetry configuration is invalid:\n\s*- (?P<why>.+)",
        FailureClass.BAD_DEFINITION,
        "pyproject.toml is no Poetry project: {why}",
    ),
    rule(
        r"\[tool\.poetry\] section not found",
        FailureClass.BAD_DEFINITION,
        "pyproject.toml has no [tool.poetry] table, which this Poetry needs",
    ),
    rule(
        r"current project could not be installed: (?P<why>.+)",
        FailureClass.BAD_DEFINITION,
        "the project is no package that can be installed: {why}",
        "set `package-mode = false` under [tool.poetry]",
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
        _CHECK_NAME,
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

_OF_UV: Final = (
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
    ),
    rule(
        r"(?:Failed to build|Failed to prepare)[^`\n]*`(?P<what>[^`@]+?)(?: @ [^`]*)?`",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        _TAKE_A_WHEEL,
        shows_error=True,
    ),
)

_OF_CONDA: Final = (
    rule(
        r"[Nn]o candidates were found for (?P<what>\S+) \*",
        FailureClass.NO_SUCH_PACKAGE,
        "no channel has a package `{what}`",
        "check the spelling and the channels",
    ),
    rule(
        r"[Nn]o candidates were found for (?P<what>\S+) (?P<version>.+?)\.?$",
        FailureClass.NO_SUCH_VERSION,
        "no channel has a version of `{what}` that fits {version}",
    ),
    rule(
        r"└─ (?P<by>\S+ \S+) would require\n\W*(?P<what>\S+) \*, for which no cand",
        FailureClass.NO_SUCH_PACKAGE,
        "{by} needs `{what}`, which no channel has",
        "add the channel that has it",
    ),
    rule(
        r"└─ (?P<by>\S+ \S+) would require\n\W*(?P<needs>.+), for which no candidates",
        FailureClass.CONFLICT,
        "{by} needs {needs}, which the other requirements or the channels rule out",
        "loosen one of the pins",
    ),
    rule(
        r"packages are incompatible\n├─ (?P<what>\S+) (?P<spec>.*?),? can.*\n"
        r"(?:[│ ├].*\n)*└─ (?P<other>\S+ .*?),? can",
        FailureClass.CONFLICT,
        "`{what} {spec}` and `{other}` exclude each other",
        "loosen one of the pins",
    ),
    rule(
        r"could not find subdir '[^']*' in channel '(?P<what>[^']*?)/?'",
        FailureClass.NO_SUCH_CHANNEL,
        "there is no conda channel {what}",
        "check the channel's name",
    ),
)

OF_INSTALL: Final = (
    NETWORK,
    *OF_PIP_FILES,
    *_OF_PIP,
    *_OF_POETRY,
    *_OF_UV,
    *_OF_CONDA,
    *OF_CONDA_ITSELF,
)
