"""Messages of pip and of the local conda solver, with their failures.

Most patterns were derived from real output, which the tests contain; a few are for
known messages that could not be reproduced. The first rule that matches wins.
"""

from typing import Final

from service.build_failures.conda_messages import OF_CONDA_ITSELF
from service.build_failures.git_messages import OF_GIT
from service.build_failures.index_messages import (
    OF_INDEX_ANSWERS,
    OF_INDEX_REFUSALS,
)
from service.build_failures.messages import (
    CERTIFICATE,
    CHECK_NAME,
    NETWORK,
    OUT_OF_ORDER,
    TAKE_A_WHEEL,
    rule,
)
from service.build_failures.pip_messages import OF_PIP_FILES
from service.build_failures.poetry.endings import (
    OF_POETRY_ENDINGS,
    OF_POETRY_PACKAGES,
)
from service.build_failures.poetry.project_messages import OF_POETRY
from service.build_failures.uv_messages import OF_UV
from service.build_failures.uv_resolver_messages import OF_UV_RESOLVER
from service.domain.building.failure import FailureClass

__all__ = ["OF_INSTALL"]


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
        r"Could not open requirements file: .{0,500}: '(?:[^']*/)?(?P<what>[^'/]+)'",
        FailureClass.BAD_DEFINITION,
        "the included file `{what}` is not there",
    ),
    rule(
        r"error: no such option: (?P<what>\S+)",
        FailureClass.BAD_DEFINITION,
        "`{what}` is no option that a requirements file may hold",
    ),
    rule(
        r"DO NOT MATCH THE HASHES.{0,200}\n[ \t]+(?P<what>\S+) from",
        FailureClass.BAD_DEFINITION,
        "the hash of `{what}` is not that of the file in the index",
        "update the hashes, unless someone tampered with the package",
    ),
    rule(
        r"In --require-hashes mode, all requirements must have .{0,500}\n[ \t]+"
        r"(?P<what>\S+)",
        FailureClass.BAD_DEFINITION,
        "some requirements have hashes and `{what}` is not pinned with one",
    ),
    rule(
        r"that satisfies the requirement (?P<what>[\w.-]++)[^\n(]*+"
        r"(?:\(from (?!-r |versions)(?P<by>[\w.-]++))?+.*\(from versions: none\)",
        FailureClass.NO_SUCH_PACKAGE,
        "there is no package `{what}` in the index",
        CHECK_NAME,
    ),
    rule(
        r"that satisfies the requirement (?P<what>.+?) "
        r"(?:\(from (?:(?!-r )(?P<by>[\w.-]+)|[^v])[^\n]*?\) )?"
        r"\(from versions: (?:.*, )?(?P<newest>[^,)]+)\)",
        FailureClass.NO_SUCH_VERSION,
        "there is no version that fits `{what}`",
        "the newest for this Python is {newest}",
    ),
    rule(
        r"Cannot install (?:-r (?P<path>\S+) \(line (?P<line>\d+)\)"
        r"|(?P<what>[\w.-]+))[^\n]*? because these package versions have conflicting"
        r"[^\n]*\n+The conflict is caused by:\n[ \t]*(?P<one>.+)\n[ \t]*(?P<other>.+)",
        FailureClass.CONFLICT,
        "requirements exclude each other: {one}, but {other}",
        "loosen one of the pins",
    ),
    rule(
        r"Cannot install (?:-r (?P<path>\S+) \(line (?P<line>\d+)\)"
        r"|(?P<what>[\w.-]+))[^\n]*? because these package versions have conflicting",
        FailureClass.CONFLICT,
        "requirements exclude each other",
        "loosen some of the pins",
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
        r"Failed to build '(?P<what>[^']+)'"
        r" when (?P<when>.+)",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        TAKE_A_WHEEL,
        shows_error=True,
    ),
    rule(
        r"Failed building (?:wheel|editable) for (?P<what>\S+)"
        r"|[Ff]ailed to build installable wheels[^(]{0,500}\((?P<name>[^)]{1,1000})\)",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}{name}` could not be built: {error}",
        TAKE_A_WHEEL,
        shows_error=True,
    ),
    rule(  # before pip 25.1, which printed no name at the end
        r"^[ \t]*(?:Collecting|Processing) (?P<what>\S+)[^\n]*"
        r"(?:\n(?![ \t]*(?:Collecting|Processing) )[^\n]*){0,300}?\n[^\n]*"
        r"(?:Getting requirements to build|Preparing (?:editable )?metadata"
        r"|setup\.py egg_info)[^\n]* did not run successfully",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        TAKE_A_WHEEL,
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
    CERTIFICATE,
    *OF_INDEX_REFUSALS,
    NETWORK,
    OUT_OF_ORDER,
    *OF_GIT,
    *OF_INDEX_ANSWERS,
    *OF_POETRY_PACKAGES,
    *OF_PIP_FILES,
    *_OF_PIP,
    *OF_POETRY,
    *OF_UV_RESOLVER,
    *OF_UV,
    *_OF_CONDA,
    *OF_CONDA_ITSELF,
    *OF_POETRY_ENDINGS,
)
