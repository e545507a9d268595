"""The definition of an environment at one commit."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from service.domain.findings import Finding
from service.domain.fingerprint import Fingerprint
from service.domain.repository import BlobId

__all__ = [
    "ABSENT",
    "DIRECTORY",
    "EXECUTABLE",
    "FILE",
    "GITLINK",
    "SYMLINK",
    "TOO_COMPLEX",
    "UNREAD",
    "Definition",
    "Entry",
    "Item",
    "Kind",
    "NoDefinition",
]

FILE: Final = "100644"
EXECUTABLE: Final = "100755"
SYMLINK: Final = "120000"
GITLINK: Final = "160000"
DIRECTORY: Final = "040000"
ABSENT: Final = "absent"
"""The mode of a path that is absent at the commit; absence is part of the closure."""


TOO_COMPLEX: Final = "definition_too_complex"
"""The reason of a definition that exceeds the limits of complexity."""
UNREAD: Final = "definition_unread"
"""The reason of a definition that brings out a fault of a parser."""


class Kind(Enum):
    """The kind of a definition: the tool that installs its packages."""

    PIPENV = "pipenv"
    PIP = "pip"
    CONDA = "conda"
    POETRY = "poetry"
    UV = "uv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The git tree entry at a path of one commit."""

    mode: str
    """A git mode, or `absent`."""
    oid: BlobId
    """Empty when absent."""
    size: int | None = None
    """Bytes; None where only the content would show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One path that the environment depends on."""

    path: str
    """From the root of the repository; bytes that are not UTF-8 as surrogates."""
    mode: str
    oid: BlobId
    role: str
    """Why it is in the closure: `definition`, `candidate`, `include`, `lock`…"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The chosen definition file and its closure."""

    kind: Kind
    path: str
    """The definition file, from the root of the repository."""
    items: tuple[Item, ...]
    """The closure, sorted by path; candidates of higher precedence are absent items."""
    fingerprint: Fingerprint
    """Digest of the closure's bytes."""
    meaning: Fingerprint
    """Digest of what the files mean to their installers; parts that are not understood
    count with their bytes. Equal meanings give the same environment."""
    python: str | None = None
    """The requested Python version, as a PEP 440 specifier; None without a request."""
    is_pinned: bool = False
    """Whether no version is open: a lock file, or exact versions of everything with
    hashes or builds. A rebuild would install the same."""
    declared: tuple[str, ...] = ()
    """The distributions that it names itself, sorted: an image has them, unless a
    marker of the definition excludes one."""
    findings: tuple[Finding, ...] = ()

    @property
    def kept(self) -> tuple[str, ...] | None:
        """The paths that a build may read, sorted; None when the whole commit counts.

        A build gets no file outside the closure, so no image can depend on one or
        contain one.
        """
        counted = {item.path for item in self.items if item.oid}
        return None if "." in counted else tuple(sorted(counted))

    @property
    def holds_code(self) -> bool:
        """Return whether the environment installs code of the repository itself."""
        return any(item.role in _INSTALLED and item.oid for item in self.items)


_INSTALLED: Final = frozenset({"code", "commit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDefinition:
    """The commit has no definition."""

    items: tuple[Item, ...]
    """Every candidate path; all are absent or unusable."""
    message: str
    """A sentence with the candidates and their directory."""
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    """A machine-readable reason; empty when no candidate exists."""
