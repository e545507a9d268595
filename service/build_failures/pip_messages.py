"""Messages of pip about requirements that cannot be installed.

All patterns were derived from the output of pip 26.3.
"""

from typing import Final

from service.build_failures.messages import (
    DAMAGED,
    TAKE_A_WHEEL,
    TAKE_ANOTHER,
    rule,
)
from service.domain.building.failure import FailureClass

__all__ = ["OF_PIP_FILES"]

_BAD: Final = FailureClass.BAD_DEFINITION

_PROCESSING: Final = (
    # Of an archive by its path alone pip prints no line.
    r"^[ \t]*Processing (?P<what>\S+)"
    r"(?: \(from -r (?P<path>\S+) \(line (?P<line>\d+)\)\))?"
    # The requirement that pip was at: no other one begins before the error.
    r"(?:(?!^[ \t]*(?:Processing|Obtaining|Collecting) )[\s\S]){0,16000}?"
)
_COLLECTING: Final = (
    r"^[ \t]*Collecting (?P<what>\S+)[^\n]*\n"
    r"(?:(?!^[ \t]*(?:Processing|Obtaining|Collecting) )[\s\S]){0,16000}?"
)
_OF_DAMAGE: Final = (
    r"(?:[A-Za-z_][\w.]{0,200}\.)?(?:BadZipFile|LargeZipFile|LZMAError|UnicodeDecodeError"
    r"|(?:zlib|binascii|zipfile|struct)\.[eE]rror|tarfile\.\w{1,40}Error"
    r"|(?:Bad|Invalid|Missing|Inconsistent|None)Metadata\w{0,40}|MetadataInconsistent"
    r"|(?:Invalid|Unsupported)(?:Wheel|Version|Specifier|Requirement|Marker)\w{0,20}"
    r"|email\.errors\.\w{1,60}|KeyError(?=: [\"']There is no item named))"
)
"""Exceptions that a damaged file raises; any other may pass, or be a defect of pip."""

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
        _PROCESSING + r"due to an OSError: \[Errno 2\](?![^\n]*/output\.json')",
        FailureClass.FOREIGN_PATH,
        "`{what}` is a path of another machine, and is not there",
        "copy what you need into the repository, and name it by its path in there",
    ),
    rule(
        r"No connection adapters were found for '(?P<what>\w+:[^'\n]*)'",
        _BAD,
        "pip fetches nothing from `{what}`",
        "name an https:// address",
    ),
    rule(
        r"\bin _decode_req_file\n(?:[^\n]*\n){0,8}?UnicodeDecodeError: (?P<why>[^\n]+)",
        _BAD,
        "a requirements file is no UTF-8: {why}",
        "save it as UTF-8",
        line="\ufffd",
    ),
    rule(
        r"InvalidRequirement: (?P<why>.+)\n[ \t]*placeholder(?P<what>\[[^\n]*)",
        _BAD,
        "the extras `{what}` cannot be read: {why}",
    ),
    rule(
        r"Invalid requirement: \"(?P<what>[^\"\n]*)\": (?P<why>.{1,500})"
        r"(?:\n.{0,500}){0,4}?\(from line (?P<line>\d+) of (?P<path>[^)]+)\)",
        _BAD,
        "`{what}` is not a requirement: {why}",
    ),
    rule(
        r"due to an OSError: Invalid URL '(?P<what>[^']*)'(?:: (?P<why>[^\n.]+))?",
        _BAD,
        "`{what}` is no URL: {why}",
        "write ./PATH for a directory of the repository, with no name and @ before",
    ),
    rule(
        r"Could not open constraint file: .{0,500}: '(?:[^']*/)?(?P<what>[^'/]+)'",
        _BAD,
        "the included file `{what}` is not there",
    ),
    rule(
        r"ERROR: (?P<what>\S{1,500})[^\n]{0,500} does not appear to be a Python "
        r"project",
        _BAD,
        "`{what}` is no Python project: it has neither pyproject.toml nor setup.py",
        "name the directory of a project, or take the line out",
    ),
    rule(
        _PROCESSING + r"(?:tarfile\.ReadError|zipfile\.BadZipFile|lzma\.LZMAError)",
        _BAD,
        "`{what}` is no archive, whatever its name says",
        "make it anew; where it is kept in Git LFS, commit the file itself",
    ),
    rule(
        r"Encountered error while generating package metadata\.\n\S* (?:from )?"
        r"(?!See above)(?P<what>\S+)",  # before pip 25.1, without the name
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        shows_error=True,
    ),
    rule(  # pip reads what the build should have written
        r"^[ \t]*(?:Obtaining|Processing) (?P<what>\S+)[^\n]*\n"
        r"(?:(?!^[ \t]*(?:Processing|Obtaining|Collecting) )[\s\S]){0,4000}?"
        r"No such file or directory: '[^'\n]{1,500}/output\.json'",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        shows_error=True,
    ),
    rule(
        r"Cannot find command '(?P<tool>hg|svn|bzr)'",
        _BAD,
        "a requirement is in a repository of {tool}, which builds do not have",
        "take a release from an index, or a repository of git",
        line=r"\b(?:hg|svn|bzr)\+",
    ),
    rule(
        r"Invalid requirement: (?P<what>.{1,500})\n(?:(?:pip|__main__\.py): error: )?"
        r"(?P<why>(?<=error: ).+|Could not split options: .+)",
        _BAD,
        "`{what}` is refused by pip: {why}",
    ),
    rule(
        r"Hashes are required in --require-hashes mode, but they are missing.{0,500}"
        r"\n\s+(?P<what>\S+)",
        _BAD,
        "some requirements have hashes and `{what}` has none",
        "give hashes to all of them, or to none",
    ),
    *(
        rule(
            rf"ERROR: (?P<why>{why})",
            _BAD,
            "pip refuses a constraint: {why}",
            "a constraint is a name followed by versions, nothing else",
            line=line,
            is_constraint=True,
        )
        for why, line in (
            (
                "Unnamed requirements are not allowed as constraints",
                r"^(?!\s*-)[^@]*(?:/|\.whl)",
            ),
            ("Editable requirements are not allowed as constraints", r"^\s*(?:-e|--e)"),
            ("Constraints cannot have extras", r"^[ \t]*[\w.-]+\s*\["),
        )
    ),
    rule(
        r"ERROR: Directory '(?P<what>[^']+)' is not installable",
        _BAD,
        "`{what}` is a folder without pyproject.toml and setup.py",
        "add one of them, or take the line out",
    ),
    rule(
        r"ERROR: (?P<why>--require-hashes and --no-require-hashes are mutually "
        r"exclusive)",
        _BAD,
        "{why}",
        "take one of them out",
        line=r"--(?:no-)?require-hashes",
    ),
    rule(
        r"ERROR: Wheel '[^']*' located at \S*?(?P<what>[^/\s]+) is invalid",
        _BAD,
        "`{what}` is no wheel",
        "build it anew; where it is kept in Git LFS, commit the file itself",
    ),
    rule(
        r"UndefinedComparison: (?P<why>Undefined <Op\('(?P<operator>[^']+)'\)>[^\n]*)",
        _BAD,
        "a marker compares with {operator} what cannot be compared",
        "write == or >= with a version such as 3.11",
        line=r";.*~=",
    ),
    rule(
        _COLLECTING + r"TOMLDecodeError: (?P<why>[^\n]+)",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built, as its pyproject.toml cannot be read: {why}",
        TAKE_A_WHEEL,
    ),
    rule(
        r"Cannot import build backend '(?P<name>[^']+)'[\s\S]{0,4000}?"
        r"Failed to build '(?P<what>[A-Za-z0-9][\w.-]*)'",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built, as its build backend `{name}` cannot be imported",
        TAKE_A_WHEEL,
    ),
    rule(
        r"TOMLDecodeError: (?P<why>.+?) \(at line (?P<at>\d+)",
        _BAD,
        "the pyproject.toml of a project cannot be read, at its line {at}: {why}",
        about="pyproject.toml",
    ),
    rule(
        r"Cannot import '?(?:build backend '(?P<what>[^']+)'|(?P<name>[\w.:]+)'?$)"
        r"|BackendUnavailable: (?:Cannot import )?'?(?P<word>[\w.:]+)",
        _BAD,
        "the build backend `{what}{name}{word}` of a project cannot be imported",
        "correct `build-backend`, or name its package in `requires`, both under"
        " [build-system]",
        about="pyproject.toml",
        key="build-backend",
    ),
    rule(
        r"ValueError: (?P<why>Invalid IPv6 URL|netloc '[^\n]+"
        r"|'[^\n]+' does not appear to be an IPv4 or IPv6 address)",
        _BAD,
        "a URL cannot be read: {why}",
        line=r"//\[|//[^/]*[^\x00-\x7f]",
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
        "pip cannot find the name of `{what}`",
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
    rule(  # pip ends by an exception of its own for what it did not expect
        _COLLECTING + r"^ERROR: Exception:\nTraceback (?:.*\n){0,150}?"
        rf"(?P<why>{_OF_DAMAGE}: [^\n]+)\s*\Z",
        _BAD,
        DAMAGED,
        TAKE_ANOTHER,
    ),
)
