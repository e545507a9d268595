"""Messages of conda, with their failures; https://docs.conda.io/projects/conda/.

The local builder uses another solver, whose messages are in `install_messages`.
"""

from typing import Final

from service.build_failures.messages import rule
from service.domain.building.failure import FailureClass

__all__ = ["OF_CONDA_ITSELF"]

_NO_DEFAULTS: Final = "replace `defaults` with `conda-forge`"

OF_CONDA_ITSELF: Final = (
    rule(
        r"!!! (?P<what>defaults) channel detected !!!",
        FailureClass.DEFAULTS_CHANNEL,
        "the file names the channel `defaults`, which is not built from",
        _NO_DEFAULTS,
    ),
    rule(
        r"UnavailableInvalidChannel:[^\n]*?(?: for)? channel (?P<what>\S+)",
        FailureClass.NO_SUCH_CHANNEL,
        "there is no conda channel {what}",
        "check the channel's name",
    ),
    rule(
        r"CondaHTTPError: HTTP (?:000|408|429|5\d\d) |ConnectionFailed",
        FailureClass.NETWORK,
        "a channel could not be reached, or did not answer as it should: {host}",
        "the build is tried again",
    ),
    rule(
        r"(?:ResolvePackageNotFound|PackagesNotFoundError):[^\n]{0,300}"
        r"(?:\n(?![ \t]*- ).*){0,20}\n[ \t]*- (?P<what>[\w.-]+)"
        r"(?P<version>[=<>!~][^\n]*)?",
        FailureClass.NO_SUCH_PACKAGE,
        "no channel has `{what}{version}`",
        "check the spelling, the version and the channels",
    ),
    rule(
        r"[├└]─ (?P<what>[\w.-]+) =*(?P<version>\d\S*)[^\n]*? does not exist \(perhaps",
        FailureClass.NO_SUCH_VERSION,
        "no channel has version {version} of `{what}`",
        "take a version that the channels have",
    ),
    rule(
        r"nothing provides requested (?P<what>[\w.-]+)"
        r"|[├└]─ (?P<name>[\w.-]+) [^\n]*? does not exist \(perhaps",
        FailureClass.NO_SUCH_PACKAGE,
        "no channel has a package `{what}{name}`",
        "check the spelling and the channels",
    ),
    rule(
        r"nothing provides (?P<needs>[^\n]+?) needed by (?P<by>\S+)",
        FailureClass.CONFLICT,
        "{by} needs {needs}, which the channels do not have",
        "add the channel that has it, or take another version",
    ),
    rule(
        r"LibMambaUnsatisfiableError: [^\n]*\n[ \t]*- (?:unsupported "
        r"request\n[ \t]*- )?"
        r"package (?P<by>\S+) requires (?P<needs>[^\n]+?), but none",
        FailureClass.CONFLICT,
        "{by} needs {needs}, which the other requirements rule out",
        "loosen one of the pins",
    ),
    rule(
        r"LibMambaUnsatisfiableError|UnsatisfiableError",
        FailureClass.CONFLICT,
        "requirements exclude each other",
        "loosen some of the pins",
    ),
    rule(
        r"InvalidMatchSpec: Invalid spec '(?P<what>[^']*)'",
        FailureClass.BAD_DEFINITION,
        "`{what}` is not a requirement",
    ),
)
