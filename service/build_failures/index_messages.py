"""Messages about package indexes and channels that refuse, or answer with nonsense.

Each was reproduced with pip 26.3, uv 0.13.9, poetry 1.8.3 and 2.5.1 and the solver
library, before a server that answers so; those of conda and mamba are of bug reports.
"""

from typing import Final

from service.build_failures.messages import DAMAGED, TAKE_ANOTHER, rule
from service.domain.building.failure import FailureClass

__all__ = [
    "FORBIDS",
    "LET_IN",
    "NO_ENTRY",
    "OF_INDEX_ANSWERS",
    "OF_INDEX_REFUSALS",
]

_REFUSED: Final = FailureClass.INDEX_REFUSED
NO_ENTRY: Final = "an index does not let this build in: {what}"
FORBIDS: Final = "{what} answered 403, as some indexes do for what they lack"
LET_IN: Final = "builds have no account there; name an index that lets everybody in"
_LACKING: Final = (
    r"(?:(?<![\w.-])(?P<name>[\w.-]++) was not found in the package registry"
    r"[\s\S]{0,4000}?)?"
)

_OF_UV: Final = r"Failed to download(?: and build)? `(?P<what>[\w.-]+)==[^`]*`\n"
_LACKS_FILE: Final = (
    r"failed to open file `[^`\n]{0,1000}\.(?P<why>dist-info/[A-Z]+)`: No such file"
)

OF_INDEX_REFUSALS: Final = tuple(
    rule(pattern, _REFUSED, NO_ENTRY, LET_IN, is_installers=True)
    for pattern in (
        r"^[ \t]*User for (?P<what>\S+): ",  # pip asks, and nobody answers
        r"HTTP error 40[137] while getting (?P<what>\S+)",
        (
            rf"{_LACKING}An index (?:URL )?\((?P<what>[^)\s]+)\) (?:returned a 403"
            r" Forbidden error|could not be queried due to a lack of valid auth)"
        ),
        r"HTTP status client error \(40[137] [^)]{1,60}\) for url \((?P<what>[^)\s]+)",
        (
            r"Authorization error accessing (?P<what>\S+)"
            r"[\s\S]{0,4000}?doesn't match any versions"
        ),
        r"\b40[137] Client Error: [^\n]{1,200}? for url: (?P<what>\S+)$",
        r"CondaHTTPError: HTTP 40[137] [A-Z ]{1,60} for url <(?P<what>[^>\s]+)",
        r"Failed to download package from (?P<what>\S+) \(status 40[137]\)",
        r"Transfer finalized, status: 40[137] \[(?P<what>[^\]\s]+)",
    )
)
"""Before the rules about packages: of an index that does not let them in, installers
report that it lacks the package."""

OF_INDEX_ANSWERS: Final = (
    *(
        rule(
            pattern,
            FailureClass.NO_SUCH_PACKAGE,
            "there is nothing at {what}",
            TAKE_ANOTHER,
            is_installers=True,
        )
        for pattern in (
            r"client error \(4(?:04|10) [^)]{1,60}\) for url \((?P<what>[^)\s]+)",
            (
                r"\b4(?:04|10) Client Error: (?!FileNotFoundError)[^\n]{1,200}?"
                r" for url: (?P<what>\S+)$"
            ),
            r"HTTP error 4(?:04|10) while getting (?P<what>\S+)",
        )
    ),
    *(
        rule(
            pattern,
            FailureClass.BAD_DEFINITION,
            "the hash of `{what}` is not that of the file in the index",
            "lock again, unless someone tampered with the package",
            is_installers=True,
        )
        for pattern in (
            r"Hash mismatch for `(?P<what>[^`]+)`",
            r"Hash for (?P<what>\S+) \([^)\n]{1,200}\) from archive \S+ not found in",
        )
    ),
    *(
        rule(
            pattern,
            FailureClass.BAD_DEFINITION,
            DAMAGED,
            TAKE_ANOTHER,
            is_installers=True,
        )
        for pattern in (
            (
                r"Because (?P<what>[\w.-]++)(?:==\S++)? has (?:an )?"
                r"(?P<why>(?:invalid|inconsistent) (?:format|metadata))"
            ),
            (
                r"Failed to install: \S+ \((?P<what>[\w.-]+)==[^)]*\)\n[ \t]*cause: "
                r"(?P<why>Wheel [^\n]+|The wheel is invalid: [^\n]+)"
            ),
            (
                r"Failed to install: \S+ \((?P<what>[\w.-]+)==[^)]*\)\n[ \t]*cause: "
                rf"{_LACKS_FILE}"
            ),
            rf"{_OF_UV}[ \t]*cause: {_LACKS_FILE}",
            (
                rf"{_OF_UV}[ \t]*cause: [^\n]{{0,1000}}?(?P<why>`pyproject\.toml` does"
                r" not match the required schema"
                r"|does not appear to be a Python project)"
            ),
            (
                r"(?P<why>Package metadata name `[\w.-]+` does not match) given name"
                r" `(?P<what>[\w.-]+)`"
            ),
            r"ERROR: (?P<what>\S+) has an invalid wheel, (?P<why>[^\n]+)",
            (
                r"ERROR: For req: (?P<what>[\w.-]+?)\. (?P<why>Invalid script entry"
                r" point: [^\n]{1,200}?)\. See"
            ),
            (
                r"ERROR: For req: (?P<what>[\w.-]+?)\. The wheel [^\n]{1,1000}?(?P<why>"
                r"trying to install outside the target directory)"
            ),
            (
                r"Installing collected packages: (?P<what>[\w.-]+)\n[ \t]*ERROR: Could"
                r" not install packages due to an OSError: (?P<why>RECORD)[ \t]*$"
            ),
            (
                r"Can not process (?P<what>\S+) from [^\n]{1,1500}\n╰─> (?P<why>This"
                r" package has an invalid `build-system[^\n]{1,200})"
            ),
            r"(?P<why>Unable to retrieve `\w+`) from \S*?(?P<what>[^/\s]+\.whl)",
        )
    ),
    *(
        rule(  # a transfer that broke off looks the same
            pattern,
            FailureClass.BAD_DEFINITION,
            DAMAGED,
            TAKE_ANOTHER,
            is_installers=True,
            is_doubtful=True,
        )
        for pattern in (
            (
                r"Because (?P<what>[\w.-]++)(?:==\S++)? has an "
                r"(?P<why>invalid package format)"
            ),
            (
                rf"{_OF_UV}[ \t]*cause: Failed to extract archive: [^\n]*\n"
                r"[ \t]*cause: (?P<why>[^\n]{1,300})"
            ),
        )
    ),
    rule(
        r"^[ \t]*(?P<why>File is not a zip file)[ \t]*$",
        FailureClass.BAD_DEFINITION,
        DAMAGED.replace("`{what}`", "a package"),
        TAKE_ANOTHER,
        about="pyproject.toml",
        key="dependencies",
        is_installers=True,
        is_doubtful=True,
    ),
)
