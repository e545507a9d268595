"""How poetry ends when a package of the index is broken, or it is itself.

All were reproduced with poetry 1.8.3 and 2.3.4, and packages made so.
"""

from typing import Final

from service.build_failures.messages import DAMAGED, TAKE_ANOTHER, rule
from service.domain.building.failure import FailureClass

__all__ = ["OF_POETRY_ENDINGS", "OF_POETRY_PACKAGES"]

_PROJECT: Final = "pyproject.toml"
_RESOLVING: Final = (
    r"^[ \t]*Resolving dependencies\.\.\.[^\n]*\n"
    r"(?:(?!Package operations|Writing lock)[^\n]{0,2000}\n){0,20}?[ \t]*"
)
"""The project's own file has been read when this is printed."""
_DOWNLOADED: Final = (
    r"\S{0,500}/tmp\w{1,20}/(?P<what>[A-Za-z0-9][\w.-]*)-v?\d[^\s/-]{0,100}"
)
"""What was downloaded lies in a temporary directory of poetry."""
_NO_INFO: Final = rf"(?P<why>Unable to determine package info) for path: {_DOWNLOADED}"
_A_PACKAGE: Final = DAMAGED.replace("`{what}`", "a package")

OF_POETRY_PACKAGES: Final = (
    rule(
        rf"{_RESOLVING}(?P<why>(?:Cannot|Duplicate|Expected|Found|Illegal|Invalid|Key"
        r"|Unclosed|Unescaped|Unterminated)\b[^\n]{0,200}?) \(at line"
        r" \d{1,7}, column \d+\)[ \t]*$",
        FailureClass.BAD_DEFINITION,
        "the pyproject.toml of a dependency is no TOML: {why}",
        "take another version of it; correct the file where it is of this repository",
        about=_PROJECT,
        key="dependencies",
        is_installers=True,
    ),
    *(
        rule(
            rf"{_RESOLVING}(?P<why>{why})",
            FailureClass.BAD_DEFINITION,
            _A_PACKAGE,
            TAKE_ANOTHER,
            about=_PROJECT,
            key="dependencies",
            is_installers=True,
        )
        for why in (
            r"Bad CRC-32 for file '[^'\n]{1,300}'",
            r"file could not be opened successfully",
            r"Failed to validate `build-system` in pyproject\.toml: [^\n]{1,300}",
        )
    ),
    rule(
        rf"{_NO_INFO}(?:-[\w.]{{1,100}}){{1,4}}\.whl$",
        FailureClass.BAD_DEFINITION,
        DAMAGED,
        TAKE_ANOTHER,
        is_installers=True,
    ),
    rule(
        rf"{_NO_INFO}$",
        FailureClass.WHEEL_BUILD_FAILED,
        "`{what}` could not be built: {error}",
        TAKE_ANOTHER,
        shows_error=True,
    ),
    *(
        rule(
            pattern,
            FailureClass.BAD_DEFINITION,
            DAMAGED,
            TAKE_ANOTHER,
            is_installers=True,
        )
        for pattern in (  # of poetry 2
            rf"^[ \t]*{_DOWNLOADED}/(?P<why>pyproject\.toml is not a valid TOML file)",
            (
                rf"^[ \t]*Source {_DOWNLOADED} (?P<why>does not appear to be a Python"
                r" project[^\n]{0,200})"
            ),
            rf"{_RESOLVING}(?P<why>Invalid version '[^'\n]*') on package (?P<what>\S+)",
        )
    ),
)
"""Before the rules about the project's own file, which the same messages are about."""

_OF_DAMAGE: Final = (
    r"(?:BadZipFile|LargeZipFile|LZMAError|UnicodeDecodeError|error|Error|ReadError"
    r"|HeaderError|CompressionError|\w{0,40}Wheel\w{0,40}|PackageInvalid\w{0,20}"
    r"|Invalid(?:Version|Specifier|Requirement|Marker|TOML)\w{0,20}|TOMLDecodeError"
    r"|ParsingError|MissingSectionHeaderError|Duplicate(?:Option|Section)Error"
    r"|Interpolation\w{1,40}Error)"
)
"""Exceptions that a damaged file raises, whoever reads it."""
_OF_SYSTEM: Final = (
    r"(?!\w*(?:OS|IO|Memory|Permission|Timeout|Connection|Exists|NotFound|Directory)"
    r"Error\n)"
)
_READERS: Final = (
    r"(?:\S{0,300}/(?:installer/(?:sources|utils|records)"
    r"|poetry/installation/wheel_installer|zipfile|tarfile|configparser"
    r"|email/\w{1,40})\.py|\S{0,300}/zipfile/__init__\.py|<frozen \w*path>)"
)
"""Modules that read the files of packages."""
_CAUSE: Final = r"\n\n(?P<why>(?:(?!  at )[^\n]{0,1000}\n){0,12}?)  at "
_PACKAGE: Final = (
    r":\d{1,6} in [^\n]{1,200}\n(?:(?!^  \w+\n\n)[\s\S]){0,4000}?"
    r"^Cannot install (?P<what>[\w.-]+?)\.$"
)

OF_POETRY_ENDINGS: Final = (
    *(
        rule(
            rf"^  {ending}{_PACKAGE}",
            FailureClass.BAD_DEFINITION,
            DAMAGED,
            TAKE_ANOTHER,
        )
        for ending in (
            rf"(?P<type>{_OF_DAMAGE}){_CAUSE}[^\n]{{1,400}}?",
            rf"(?P<type>{_OF_SYSTEM}\w+){_CAUSE}{_READERS}",
        )
    ),
    rule(
        rf"^  (?P<type>\w+){_CAUSE}[^\n]{{1,400}}?{_PACKAGE}",
        FailureClass.UNKNOWN,
        "poetry could not install `{what}`, and ended by {type}: {why}",
    ),
)
"""After all others: poetry ends by an exception of its own for what it did not expect.
Only what a damaged file raises is the file's fault."""
