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
"""The mode of a path that was looked for and is not there: part of the closure."""


TOO_COMPLEX: Final = "definition_too_complex"
"""Reading it takes more than any real definition does."""


class Kind(Enum):
    """What installs the packages."""

    PIPENV = "pipenv"
    PIP = "pip"
    CONDA = "conda"
    POETRY = "poetry"
    UV = "uv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What git has at a path of one commit."""

    mode: str
    """A git mode, or `absent`."""
    oid: BlobId
    """Empty when absent."""
    size: int | None = None
    """Bytes, where the remote says so without being asked for the content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One path that the environment depends on."""

    path: str
    """From the root of the repository; bytes that are not UTF-8 as surrogates."""
    mode: str
    oid: BlobId
    role: str
    """Why it counts: `definition`, `candidate`, `include`, `lock`, `code`, `link`…"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """The chosen definition file and everything it pulls in."""

    kind: Kind
    path: str
    """The definition file, from the root of the repository."""
    items: tuple[Item, ...]
    """The closure, sorted by path; candidates of higher precedence are absent items."""
    fingerprint: Fingerprint
    """Digest of the closure's bytes."""
    meaning: Fingerprint
    """Digest of what the files mean to their installers; whatever is not understood
    counts with its bytes. Equal meanings give the same environment."""
    python: str | None = None
    """The Python version it asks for, as a PEP 440 specifier; None when it does not."""
    declared: tuple[str, ...] = ()
    """The distributions it names itself, sorted: an image of it has them, unless a
    condition of the definition leaves one out."""
    findings: tuple[Finding, ...] = ()

    @property
    def kept(self) -> tuple[str, ...] | None:
        """The paths that a build may see, sorted; None when every one of them counts.

        What does not count in the closure is not given to a build, so that no image
        depends on it or holds it.
        """
        counted = {it.path for it in self.items if it.oid}
        return None if "." in counted else tuple(sorted(counted))

    @property
    def holds_code(self) -> bool:
        """Say whether what is installed may point into the repository's own files."""
        return any(it.role in _INSTALLED and it.oid for it in self.items)


_INSTALLED: Final = frozenset({"code", "commit"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDefinition:
    """There is nothing to build from at this commit."""

    items: tuple[Item, ...]
    """Every candidate that was looked for."""
    message: str
    """What was looked for where, in a sentence."""
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    """A machine word, where it is not merely that nothing was found."""
