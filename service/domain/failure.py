"""Why a build failed, in classes that say what to do."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Failure", "FailureClass"]


class FailureClass(Enum):
    """What went wrong, and whether trying again can help.

    The second half of each value says whether it passes by itself.
    """

    BAD_DEFINITION = ("bad_definition", False)
    """The definition cannot be read, or asks for what cannot be."""
    FOREIGN_PATH = ("foreign_path", False)
    """A requirement names a folder of the machine on which the file was made."""
    NO_DEFINITION = ("no_definition", False)
    """Nothing that a builder understands is there."""
    NO_SUCH_PACKAGE = ("no_such_package", False)
    """No index or channel has the package."""
    NO_SUCH_VERSION = ("no_such_version", False)
    """The package is there, the version is not."""
    CONFLICT = ("conflict", False)
    """Pins that exclude each other."""
    UNSUPPORTED_PYTHON = ("unsupported_python", False)
    """No release fits the Python version."""
    WHEEL_BUILD_FAILED = ("wheel_build_failed", False)
    """A package had to be compiled, which failed."""
    STALE_LOCK = ("stale_lock", False)
    """The lock file is not the one of its project."""
    DEFAULTS_CHANNEL = ("defaults_channel", False)
    """The channel `defaults` is asked for, which needs a licence."""
    NO_SUCH_CHANNEL = ("no_such_channel", False)
    """A channel is not there."""
    CLONE_FAILED = ("clone_failed", False)
    """The repository or the commit is not there for us."""
    NETWORK = ("network", True)
    """Somebody did not answer."""
    CERTIFICATE = ("certificate", False)
    """The certificate of a server is not trusted; trying again changes nothing."""
    REGISTRY_REFUSED = ("registry_refused", False)
    """The registry of images lets nobody in, or has no room."""
    IMAGE_PULL = ("image_pull", True)
    """An image that the build runs in cannot be pulled."""
    UNSCHEDULABLE = ("unschedulable", True)
    """No machine takes the build."""
    EVICTED = ("evicted", True)
    """Its machine had to let go of it."""
    OUT_OF_DISK = ("out_of_disk", True)
    """The machine's disk is full."""
    DISK_LIMIT = ("disk_limit", False)
    """The build wrote more than it may."""
    OUT_OF_MEMORY = ("out_of_memory", False)
    """The build took more memory than it may."""
    DEADLINE = ("deadline", False)
    """The build took longer than it may."""
    LOST = ("lost", True)
    """What ran it died with it; nobody knows how far it came."""
    UNSUPPORTED = ("unsupported", False)
    """This builder cannot build such a definition."""
    SMOKE_FAILED = ("smoke_failed", False)
    """The image was built and does not work."""
    INTERNAL = ("internal", True)
    """The service itself failed."""
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
