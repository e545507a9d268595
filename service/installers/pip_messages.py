"""What pip says of requirements that nothing can be installed from.

All of it was said by pip 26.3.
"""

from typing import Final

from service.domain.failure import FailureClass
from service.installers.messages import rule

__all__ = ["OF_PIP_FILES"]

_BAD: Final = FailureClass.BAD_DEFINITION

OF_PIP_FILES: Final = (
    rule(
        r"due to an OSError: \[Errno 2\] No such file or directory: "
        r"'(?P<what>/(?:[^'/]+/)*(?:croot|conda-bld|feedstock_root|build_artifacts|ci"
        r"|bld|tmp/build|tmp/abs_[^'/]*)/[^']*)'",
        FailureClass.FOREIGN_PATH,
        "`{what}` is a folder of the machine on which conda built the package;"
        " `pip freeze` writes it for what conda installed",
        "write the file with `pip list --format=freeze`",
    ),
    rule(
        r"Invalid requirement: (?P<what>.+)\npip: error: (?P<why>.+)",
        _BAD,
        "`{what}` is refused by pip: {why}",
    ),
    rule(
        r"Hashes are required in --require-hashes mode, but they are missing.*"
        r"\n\s+(?P<what>\S+)",
        _BAD,
        "some requirements have hashes and `{what}` has none",
        "give hashes to all of them, or to none",
    ),
    rule(
        r"ERROR: (?P<why>(?:Unnamed|Editable) requirements are not allowed as "
        r"constraints|Constraints cannot have extras)",
        _BAD,
        "pip refuses a constraint: {why}",
        "a constraint is a name followed by versions, nothing else",
    ),
    rule(
        r"404 Client Error: FileNotFoundError for url: file:///(?P<what>\S+)",
        _BAD,
        "the included file `{what}` is named by a file: URL, and is not there",
        "write `-r {what}`",
    ),
    rule(
        r"ERROR: (?P<what>\S+\.whl) is not a supported wheel on this platform",
        _BAD,
        "`{what}` is a wheel for another system or another Python",
        "take the wheel for Linux and this Python, or name the package",
    ),
    rule(
        r"ERROR: Invalid wheel filename[^:\n]*: '?(?P<what>[^'\n]+)",
        _BAD,
        "`{what}` is no name that a wheel can have",
    ),
    rule(
        r"ERROR: (?P<what>\S+) is not a valid editable requirement",
        _BAD,
        "`-e {what}` names no local project and no repository",
        "leave out -e, or name a directory or a URL such as git+https://…",
    ),
    rule(
        r"Could not detect requirement name for '(?P<what>[^']+)'",
        _BAD,
        "pip cannot tell the name of `{what}`",
        "write NAME @ URL",
    ),
    rule(
        r"The '(?P<why>[^']*)' egg fragment is invalid\n\S* *from '(?P<what>[^']+)'",
        _BAD,
        "`{why}` in `{what}` is no name of a package",
        "write NAME[EXTRA] @ URL",
    ),
    rule(
        r"ERROR: \S*?(?P<what>[^/\s]+) recursively references itself",
        _BAD,
        "`{what}` includes itself",
        "take out one of the lines that include each other",
    ),
)
