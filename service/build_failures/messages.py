"""Rules that map messages of tools to failures; those of git and of the machine.

Most patterns were derived from real output, which the tests contain; a few are for
known messages that could not be reproduced. The first rule that matches wins.
"""

import re
from dataclasses import dataclass
from typing import Final

from service.domain.building.failure import FailureClass

__all__ = [
    "CERTIFICATE",
    "CHECK_NAME",
    "DAMAGED",
    "LFS",
    "NETWORK",
    "OF_CLONE",
    "OF_MACHINE",
    "OUT_OF_ORDER",
    "TAKE_ANOTHER",
    "TAKE_A_WHEEL",
    "TRIED_AGAIN",
    "UNREACHABLE",
    "Rule",
    "rule",
]

DAMAGED: Final = "what the index has of `{what}` is damaged: {why}"
TAKE_ANOTHER: Final = "take another version"
UNREACHABLE: Final = (
    "a server could not be reached, or did not answer as it should: {host}"
)
TRIED_AGAIN: Final = "the build is tried again"
CHECK_NAME: Final = "check the spelling; the name to install is not always the import"
TAKE_A_WHEEL: Final = "a release with a wheel for this Python needs no building"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """The pattern of a message and the failure that it means.

    The pattern's groups fill the message: `what` (a requirement, a name, a URL) is
    searched in the definition; `path` and `line` are used as they are.
    """

    pattern: re.Pattern[str]
    kind: FailureClass
    message: str
    hint: str = ""
    shows_error: bool = False
    """Whether `{error}` is the last error of a package's own build."""
    about: str = ""
    """The file to report when the message has no better location."""
    key: str = ""
    """The key in that file, unless the pattern has a group of this name."""
    line: re.Pattern[str] | None = None
    """Matches the line to report, where the message names none."""
    is_constraint: bool = False
    """Whether that line is in a constraints file."""
    is_installers: bool = False
    """Whether it means nothing in what the build of a package printed."""
    is_doubtful: bool = False
    """Whether what may pass looks the same."""


def rule(
    pattern: str,
    kind: FailureClass,
    message: str,
    hint: str = "",
    *,
    shows_error: bool = False,
    about: str = "",
    key: str = "",
    line: str = "",
    is_constraint: bool = False,
    is_installers: bool = False,
    is_doubtful: bool = False,
) -> Rule:
    """Make a rule; patterns are compiled with `re.MULTILINE`."""
    return Rule(
        pattern=re.compile(pattern, re.MULTILINE),
        kind=kind,
        message=message,
        hint=hint,
        shows_error=shows_error,
        about=about,
        key=key,
        line=re.compile(line) if line else None,
        is_constraint=is_constraint,
        is_installers=is_installers,
        is_doubtful=is_doubtful,
    )


OF_MACHINE: Final = (
    rule(
        r"No space left on device|Disk quota exceeded|\(os error 28\)"
        r"|Failed writing received data to disk",
        FailureClass.OUT_OF_DISK,
        "the builder's disk is full",
        "free some space; the build is tried again",
    ),
    rule(
        r"exit code: (?:-9|137)$|^[ \t]*(?:\| )?MemoryError\b|Cannot allocate "
        r"memory|signal: 9\b|^Killed$|exit status: 137\b"
        r"|return code (?:-9|137)\b|SIGKILL|Killed signal terminated program"
        r"|terminated with signal 9\b|virtual memory exhausted"
        r"|instance of 'std::bad_alloc'"
        r"|LLVM ERROR: out of memory|heap out of memory",
        FailureClass.OUT_OF_MEMORY,
        "the memory ran out",
        "ask for less at once, or for packages that need not be compiled",
    ),
    rule(  # by the kernel's limit, where the build does not run as root
        r"BlockingIOError: \[Errno 11\] Resource temporarily unavailable"
        r"|fork: (?:retry: )?Resource temporarily unavailable"
        r"|can't start new thread",
        FailureClass.PROCESS_LIMIT,
        "the build started more processes and threads than it may have",
        "RELAUNCH_LOCAL_PROCESSES says how many that are on the builder's machine",
    ),
)

CERTIFICATE: Final = rule(
    r"CERTIFICATE_VERIFY_FAILED|certificate verif(?:y failed|ication failed)"
    r"|invalid peer certificate|SSL certificate problem|CondaSSLError"
    r"|self[- ]signed certificate|SSL peer certificate"
    r"|no alternative certificate subject name",
    FailureClass.CERTIFICATE,
    "the certificate of a server is not trusted: {host}",
    "give builds the certificate of the authority that signed it (RELAUNCH_CA_BUNDLE,"
    " in a cluster RELAUNCH_KUBERNETES_CA_BUNDLE), or take a server with a public one",
)

NETWORK: Final = rule(
    r"Could not resolve host|Temporary failure in name resolution"
    r"|Name or service not known|Connection refused|Connection reset by peer"
    r"|Connection timed out|[Rr]ead timed out|Max retries exceeded"
    r"|Network is unreachable|No route to host|Retry\(total=0|Failed to connect to"
    r"|error sending request|tcp connect error|dns error|remote end hung up"
    r"|RemoteDisconnected|Connection aborted|Connection broken|IncompleteRead"
    r"|end of file before message length reached|error decoding response body"
    r"|Exceeded 30 redirects|[Tt]oo many redirects|failed to decode zstd shard"
    r"|unexpected JSON from|ChecksumMismatchError|Missing `Content-Type` header for"
    r"|encoding: \w+, but failed to decode it"
    r"|/pip/_internal/index/\w+\.py\"[\s\S]{0,4000}?^\S{0,40}JSONDecodeError: "
    r"|Download error \(\d{1,3}\)|All attempts to connect to"
    r"|early EOF|returned error: 5\d\d|HTTP error 5\d\d|HTTP status server error"
    r"|[Oo]peration timed out|incomplete-download|ProxyError",
    FailureClass.NETWORK,
    UNREACHABLE,
    TRIED_AGAIN,
)

OUT_OF_ORDER: Final = rule(
    r"HTTP error 4(?:08|29)|4(?:08|29) Client Error|returned error: 4(?:08|29)"
    r"|due[ \n│]+to[ \n│]+network[ \n│]+timeout"
    r"|HTTP status client error \(4(?:08|29)"
    r"|\b5\d\d Server Error: [^\n]{1,200} for url"
    r"|Expecting value: line 1 column 1 \(char 0\)|\bSSL\w{0,20}Error\b"
    r"|^[ \t]*(?:Unterminated string starting at|Expecting [^\n]{1,60}|Extra data"
    r"|Invalid control character at): line \d{1,9} column \d{1,9} \(char \d+\)$",
    FailureClass.NETWORK,
    UNREACHABLE,
    TRIED_AGAIN,
    is_installers=True,
)
"""What libraries of installers print, and those of a package's build, too."""

LFS: Final = r"over its data quota|smudge filter lfs failed"

OF_CLONE: Final = (
    CERTIFICATE,
    NETWORK,
    OUT_OF_ORDER,
    rule(
        LFS,
        FailureClass.CLONE_FAILED,
        "files of the repository could not be fetched from Git LFS",
        "they may have been removed, or the quota of its owner is used up",
    ),
    rule(
        r"transport '(?P<scheme>\w+)' not allowed",
        FailureClass.CLONE_FAILED,
        "repositories by {scheme}:// are not built here",
    ),
    rule(
        r"detected dubious ownership",
        FailureClass.CLONE_FAILED,
        "the repository's folder belongs to another user, so git does not read it",
        "let the user who runs the service own the folder",
    ),
    rule(
        r"could not read Username|Authentication failed|terminal prompts disabled"
        r"|returned error: 40[13]",
        FailureClass.CLONE_FAILED,
        "the repository is private, or not there",
        "only public repositories are built",
    ),
    rule(
        r"not our ref|couldn't find remote ref|unadvertised object"
        r"|unable to read tree|not a tree:|did not match any file",
        FailureClass.CLONE_FAILED,
        "the commit is not in the repository any more",
        "push again; a force push may have removed it",
    ),
    rule(
        r"repository '[^']*' (?:does not exist|not found)"
        r"|does not appear to be a git repository|returned error: 404",
        FailureClass.CLONE_FAILED,
        "the repository is not there",
        "it was deleted, moved or made private",
    ),
)
