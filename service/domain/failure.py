"""Why a build failed, in classes that say what to do."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Failure", "FailureClass", "Mend"]


class Mend(Enum):
    """Who can make the same build succeed that failed."""

    AUTHOR = "author"
    """Whoever writes the definition: the same one fails again."""
    OTHERS = "others"
    """An operator, or time: the same definition may succeed later."""


_AUTHOR, _OTHERS = Mend.AUTHOR, Mend.OTHERS


class FailureClass(Enum):
    """What went wrong, and whether trying again can help.

    Of each value the second part says whether it passes by itself, so that the build
    tries again at once; the third, who can mend it. What the author of the definition
    has to mend is final for that definition; anything else is tried again, with
    growing waits, for as long as a launcher wants it.
    """

    BAD_DEFINITION = ("bad_definition", False, _AUTHOR)
    """The definition cannot be read, or asks for what cannot be."""
    FOREIGN_PATH = ("foreign_path", False, _AUTHOR)
    """A requirement names a folder of the machine on which the file was made."""
    NO_DEFINITION = ("no_definition", False, _AUTHOR)
    """Nothing that a builder understands is there."""
    NO_SUCH_PACKAGE = ("no_such_package", False, _AUTHOR)
    """No index or channel has the package."""
    NO_SUCH_VERSION = ("no_such_version", False, _AUTHOR)
    """The package is there, the version is not."""
    CONFLICT = ("conflict", False, _AUTHOR)
    """Pins that exclude each other."""
    UNSUPPORTED_PYTHON = ("unsupported_python", False, _AUTHOR)
    """No release fits the Python version."""
    WHEEL_BUILD_FAILED = ("wheel_build_failed", False, _AUTHOR)
    """A package had to be compiled, which failed."""
    STALE_LOCK = ("stale_lock", False, _AUTHOR)
    """The lock file is not the one of its project."""
    DEFAULTS_CHANNEL = ("defaults_channel", False, _AUTHOR)
    """The channel `defaults` is asked for, which needs a licence."""
    NO_SUCH_CHANNEL = ("no_such_channel", False, _AUTHOR)
    """A channel is not there."""
    CLONE_FAILED = ("clone_failed", False, _OTHERS)
    """The repository or the commit is not there for us: a forge, or a right to read."""
    NETWORK = ("network", True, _OTHERS)
    """Somebody did not answer."""
    CERTIFICATE = ("certificate", False, _OTHERS)
    """The certificate of a server is not trusted; trying again at once is no use."""
    REGISTRY_REFUSED = ("registry_refused", False, _OTHERS)
    """The registry of images lets nobody in, or has no room."""
    IMAGE_PULL = ("image_pull", True, _OTHERS)
    """An image that the build runs in cannot be pulled."""
    UNSCHEDULABLE = ("unschedulable", True, _OTHERS)
    """No machine takes the build."""
    NOT_ADMITTED = ("not_admitted", True, _OTHERS)
    """The cluster refuses its pod: a quota, a limit or a rule is in the way."""
    MISSING_RESOURCE = ("missing_resource", True, _OTHERS)
    """A Secret, ConfigMap or volume that it needs is not there, or not usable."""
    NOT_STARTED = ("not_started", True, _OTHERS)
    """Its machine could not start it."""
    EVICTED = ("evicted", True, _OTHERS)
    """Its machine had to let go of it."""
    OUT_OF_DISK = ("out_of_disk", True, _OTHERS)
    """The machine's disk is full."""
    DISK_LIMIT = ("disk_limit", False, _AUTHOR)
    """The build wrote more than it may."""
    OUT_OF_MEMORY = ("out_of_memory", False, _AUTHOR)
    """The build took more memory than it may."""
    PROCESS_LIMIT = ("process_limit", False, _AUTHOR)
    """The build started more processes than it may."""
    DEADLINE = ("deadline", False, _OTHERS)
    """The build took longer than it may; a slow index or machine does that, too."""
    LOST = ("lost", True, _OTHERS)
    """What ran it died with it; nobody knows how far it came."""
    UNSUPPORTED = ("unsupported", False, _AUTHOR)
    """This builder cannot build such a definition."""
    UNFIT_BUILDER = ("unfit_builder", False, _OTHERS)
    """The builder's parts do not fit: an API, an image, or image extensions."""
    SMOKE_FAILED = ("smoke_failed", False, _AUTHOR)
    """The image was built and does not work."""
    INTERNAL = ("internal", True, _OTHERS)
    """The service itself failed."""
    UNKNOWN = ("unknown", False, _AUTHOR)
    """The log did not tell; its end is in the message."""

    def __init__(self, word: str, is_transient: bool, mend: Mend) -> None:  # noqa: FBT001 - the table above reads better
        self.word = word
        self.is_transient = is_transient
        self.mend = mend

    @property
    def is_final(self) -> bool:
        """Say whether the same definition, built the same way, fails again."""
        return self.mend is Mend.AUTHOR

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
