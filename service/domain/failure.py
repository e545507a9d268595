"""Why a build failed, in classes that say what to do."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Failure", "FailureClass"]


class FailureClass(Enum):
    """What went wrong, and whether trying again can help.

    The second half of each value says whether it passes by itself.
    """

    BAD_DEFINITION = ("bad_definition", False)
    NO_DEFINITION = ("no_definition", False)
    NO_SUCH_PACKAGE = ("no_such_package", False)
    NO_SUCH_VERSION = ("no_such_version", False)
    CONFLICT = ("conflict", False)
    """Pins that exclude each other."""
    UNSUPPORTED_PYTHON = ("unsupported_python", False)
    """No release fits the Python version."""
    WHEEL_BUILD_FAILED = ("wheel_build_failed", False)
    STALE_LOCK = ("stale_lock", False)
    DEFAULTS_CHANNEL = ("defaults_channel", False)
    NO_SUCH_CHANNEL = ("no_such_channel", False)
    CLONE_FAILED = ("clone_failed", False)
    """The repository or the commit is not there for us."""
    NETWORK = ("network", True)
    OUT_OF_DISK = ("out_of_disk", True)
    OUT_OF_MEMORY = ("out_of_memory", False)
    DEADLINE = ("deadline", False)
    LOST = ("lost", True)
    """What ran it died with it; nobody knows how far it came."""
    UNSUPPORTED = ("unsupported", False)
    """This builder cannot build such a definition."""
    INTERNAL = ("internal", True)
    UNKNOWN = ("unknown", False)
    """The log did not tell; its end is in the message."""

    def __init__(self, word: str, is_transient: bool) -> None:  # noqa: FBT001 - the table above reads better
        self.word = word
        self.is_transient = is_transient

    @classmethod
    def from_word(cls, word: str) -> "FailureClass":
        """Read a class off its word; a word of a newer version is `unknown`."""
        return next((it for it in cls if it.word == word), cls.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How a build failed, for a person who wants to mend it."""

    kind: FailureClass
    message: str
    """One readable sentence, naming the file and line where they are known."""
    hint: str = ""
    """What to do about it; empty when there is nothing to say."""
    path: str = ""
    line: int | None = None
