"""Classes of build failures: who can fix them, and whether a retry can help."""

from dataclasses import dataclass
from enum import Enum

__all__ = ["Failure", "FailureClass", "FixedBy"]


class FixedBy(Enum):
    """Who can make the same build succeed that failed."""

    AUTHOR = "author"
    """Whoever writes the definition: the same one fails again."""
    OTHERS = "others"
    """An operator, or time: the same definition may succeed later."""


_AUTHOR, _OTHERS = FixedBy.AUTHOR, FixedBy.OTHERS


class FailureClass(Enum):
    """The class of a build failure.

    The second part of each value is whether the failure is transient, so that the same
    build is retried; the third, who can fix it. A failure that the author has to fix is
    final for that definition; any other is retried with a growing back-off for as long
    as a launcher wants the image.
    """

    BAD_DEFINITION = ("bad_definition", False, _AUTHOR)
    """The definition cannot be read, or asks for something impossible."""
    FOREIGN_PATH = ("foreign_path", False, _AUTHOR)
    """A requirement names a folder of the machine on which the file was made."""
    NO_DEFINITION = ("no_definition", False, _AUTHOR)
    """The repository has no definition that a builder supports."""
    NO_SUCH_PACKAGE = ("no_such_package", False, _AUTHOR)
    """No index or channel has the package."""
    NO_SUCH_VERSION = ("no_such_version", False, _AUTHOR)
    """The package exists, the version does not."""
    CONFLICT = ("conflict", False, _AUTHOR)
    """The version constraints contradict each other."""
    UNSUPPORTED_PYTHON = ("unsupported_python", False, _AUTHOR)
    """No release supports the Python version."""
    WHEEL_BUILD_FAILED = ("wheel_build_failed", False, _AUTHOR)
    """A package had to be built from source, which failed."""
    STALE_LOCK = ("stale_lock", False, _AUTHOR)
    """The lock file does not match its project file."""
    DEFAULTS_CHANNEL = ("defaults_channel", False, _AUTHOR)
    """The definition uses the channel `defaults`, which needs a licence."""
    NO_SUCH_CHANNEL = ("no_such_channel", False, _AUTHOR)
    """A channel does not exist."""
    CLONE_FAILED = ("clone_failed", False, _OTHERS)
    """The repository or the commit cannot be read: a forge, or a missing permission."""
    NETWORK = ("network", True, _OTHERS)
    """A server did not answer."""
    CERTIFICATE = ("certificate", False, _OTHERS)
    """The certificate of a server is not trusted; an immediate retry does not help."""
    INDEX_REFUSED = ("index_refused", False, _OTHERS)
    """A package index or channel wants credentials, or does not let this one in."""
    PRIVATE_REFUSED = ("private_refused", False, _OTHERS)
    """The repository is private, and private builds are not configured."""
    REGISTRY_REFUSED = ("registry_refused", False, _OTHERS)
    """The image registry denies access, or is full."""
    IMAGE_PULL = ("image_pull", True, _OTHERS)
    """An image that the build uses cannot be pulled."""
    UNSCHEDULABLE = ("unschedulable", True, _OTHERS)
    """No node can run the build."""
    NOT_ADMITTED = ("not_admitted", True, _OTHERS)
    """The cluster refuses the pod: a quota, a limit range or an admission rule."""
    MISSING_RESOURCE = ("missing_resource", True, _OTHERS)
    """A Secret, ConfigMap or volume is missing or unusable."""
    NOT_STARTED = ("not_started", True, _OTHERS)
    """The node could not start the build."""
    EVICTED = ("evicted", True, _OTHERS)
    """The node evicted the build."""
    OUT_OF_DISK = ("out_of_disk", True, _OTHERS)
    """The node's disk is full."""
    DISK_LIMIT = ("disk_limit", False, _AUTHOR)
    """The build exceeded its disk limit."""
    OUT_OF_MEMORY = ("out_of_memory", False, _AUTHOR)
    """The build exceeded its memory limit."""
    PROCESS_LIMIT = ("process_limit", False, _AUTHOR)
    """The build exceeded its process limit."""
    DEADLINE = ("deadline", False, _OTHERS)
    """The build exceeded its deadline, perhaps because of a slow index or node."""
    LOST = ("lost", True, _OTHERS)
    """The process that ran the build is gone; how far it got is not known."""
    UNSUPPORTED = ("unsupported", False, _AUTHOR)
    """The builder does not support this kind of definition."""
    UNFIT_BUILDER = ("unfit_builder", False, _OTHERS)
    """The builder is incompatible: its API, its image, or the image's extensions."""
    SMOKE_FAILED = ("smoke_failed", False, _AUTHOR)
    """The image was built and failed its smoke test."""
    UPSTREAM_REFUSED = ("upstream_refused", False, _AUTHOR)
    """Renku refuses to build: it cannot, or the account of this service may not. Not
    tried again by itself, as nothing here would change that."""
    UPSTREAM_CANCELLED = ("upstream_cancelled", False, _AUTHOR)
    """A person cancelled the build in Renku, and is not overruled."""
    UPSTREAM_BUSY = ("upstream_busy", True, _OTHERS)
    """Renku builds the environment for somebody else at present."""
    UPSTREAM_OUTDATED = ("upstream_outdated", True, _OTHERS)
    """Renku built another commit than the one that was pushed, several times."""
    SHADOW = ("shadow", True, _OTHERS)
    """Shadow mode is on: everything is decided, and nothing is built."""
    INTERNAL = ("internal", True, _OTHERS)
    """The service itself failed."""
    UNKNOWN = ("unknown", False, _AUTHOR)
    """The log shows no known cause; the message has its last lines."""

    def __init__(self, word: str, is_transient: bool, fixed_by: FixedBy) -> None:  # noqa: FBT001 - the table above reads better
        self.word = word
        self.is_transient = is_transient
        self.fixed_by = fixed_by

    @property
    def is_final(self) -> bool:
        """Return whether the same definition, built the same way, fails again."""
        return self.fixed_by is FixedBy.AUTHOR

    @property
    def depends_on_settings(self) -> bool:
        """Return whether another operator setting may make the same build succeed.

        Limits count, although it is the definition that exceeds them; so does the
        account that an upstream Renku knows this service by.
        """
        return self.fixed_by is FixedBy.OTHERS or self in {
            FailureClass.DISK_LIMIT,
            FailureClass.OUT_OF_MEMORY,
            FailureClass.PROCESS_LIMIT,
            FailureClass.UPSTREAM_REFUSED,
        }

    @classmethod
    def from_word(cls, word: str) -> "FailureClass":
        """Return the class of a word; a word of a newer version is `unknown`."""
        return next(
            (failure_class for failure_class in cls if failure_class.word == word),
            cls.UNKNOWN,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A build failure, with what a person needs to fix it."""

    kind: FailureClass
    message: str
    """One sentence that names the file and line where they are known."""
    hint: str = ""
    """How to fix it; empty when that is not known."""
    path: str = ""
    line: int | None = None
    is_doubtful: bool = False
    """Whether the log does not show if the cause may pass; a second attempt, of which
    the builder logs more, shows it. Not stored."""

    def is_tried_again(self, attempt: int, attempts: int) -> bool:
        """Return whether the build is tried again after an attempt that failed so."""
        if self.is_doubtful:
            return attempt == 1 < attempts
        return self.kind.is_transient and attempt < attempts
