"""Repositories and the ids inside them.

A repository is known by its host and the number its forge gave it; its path is a
label that may change hands (a new repository can take an old name). Remotes
without a forge have no number and are known by host and path.
"""

import re
from dataclasses import dataclass
from typing import Final, NewType, Self
from urllib.parse import SplitResult, urlsplit, urlunsplit

from service.errors import InvalidRequestError

__all__ = [
    "LOCAL_HOST",
    "BlobId",
    "CommitSha",
    "Ref",
    "Repository",
    "as_commit",
    "is_commit",
    "is_zero",
]

CommitSha = NewType("CommitSha", str)
"""40 (SHA-1) or 64 (SHA-256) lower-case hex digits."""
BlobId = NewType("BlobId", str)
"""The object id of a blob, tree or gitlink, in hex."""
Ref = NewType("Ref", str)
"""A full ref name, such as `refs/heads/feature/x`."""

LOCAL_HOST: Final = "localhost"
"""The host of `file://` remotes."""

_LONGEST_HOST: Final = 253
"""Characters: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4"""
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Readers of URLs drop some of them, each others."""
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:.]*:[0-9a-f:.]*")
"""A name in ASCII, or an address; an IPv6 one without brackets and without a zone."""
_AMBIGUOUS: Final = re.compile("[\u00df\u03c2\u200c\u200d]")
"""What the two standards for such names read differently:
https://www.unicode.org/reports/tr46/#Deviations"""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def _parts(url: str) -> SplitResult:
    """Take a URL apart that a repository may have.

    Raises:
        InvalidRequestError: It may not.
    """
    wrong = ""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as exc:
        raise InvalidRequestError(f"{url[:200]!r} is not a URL: {exc}") from exc
    if parts.username or parts.password:
        raise InvalidRequestError(
            "the repository URL carries credentials; leave them out"
        )
    if _CONTROL.search(url):
        wrong = "holds control characters"
    elif parts.scheme not in {"https", "http", "file"}:
        wrong = "expected https://, http:// or file://"
    elif parts.query or parts.fragment:
        wrong = "expected no query and no fragment"
    if wrong:
        raise InvalidRequestError(f"repository {url[:200]!r}: {wrong}")
    return parts


def _host(given: str, url: str) -> str:
    """Return a host in the one spelling that everybody connects to.

    Names in other letters are written in ASCII (punycode); what some readers would
    decode and others would not (`%`), or read differently, is refused.

    Raises:
        InvalidRequestError: It is no name of a host.
    """
    name = given.lower().removesuffix(".")
    if not name.isascii() and not _AMBIGUOUS.search(name):
        try:
            name = name.encode("idna").decode().removesuffix(".")
        except UnicodeError:
            name = ""
    is_long = len(name) > _LONGEST_HOST
    if not name or is_long or ".." in name or not _HOST.fullmatch(name):
        raise InvalidRequestError(
            f"repository {url[:200]!r}: {given[:80]!r} is no name of a host; expected "
            "letters, digits, dots and hyphens (other letters as xn--…), or an address"
        )
    return f"[{name}]" if ":" in name else name


def is_commit(text: str) -> bool:
    """Say whether a text is a full commit id (SHA-1 or SHA-256)."""
    return _COMMIT.fullmatch(text) is not None


def as_commit(text: str) -> CommitSha:
    """Take a text for a commit id.

    Raises:
        ValueError: It is not 40 or 64 lower-case hex digits.
    """
    if not is_commit(text):
        raise ValueError(f"{text[:80]!r} is no commit id; expected 40 or 64 hex digits")
    return CommitSha(text)


def is_zero(text: str) -> bool:
    """Say whether an id is all zeros: git's way to say "no such object"."""
    return bool(text) and set(text) == {"0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A git repository on some host."""

    host: str
    """Lower case, with the port when it is not the scheme's; `localhost` for files."""
    path: str
    """`owner/name`, without slashes at the ends and without `.git`."""
    url: str
    """What git is given to fetch from; holds no credentials."""
    number: int | None = None
    """The forge's own id; None while unknown and for remotes without a forge."""

    @classmethod
    def from_url(cls, url: str, *, number: int | None = None) -> Self:
        """Read a repository off its URL (https, http or file).

        Spellings of one repository (`.git`, slashes, case of the host) give equal
        hosts and paths.

        Raises:
            InvalidRequestError: The URL has another scheme, no path, or carries
                credentials.
        """
        parts = _parts(url.strip())
        name = host = _host(parts.hostname or "", url) if parts.scheme != "file" else ""
        if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme):
            host = f"{host}:{parts.port}"
        path = parts.path.strip("/").removesuffix(".git").rstrip("/")
        if parts.scheme == "file":
            host = LOCAL_HOST
        if not host or not path:
            raise InvalidRequestError(
                f"repository {url[:200]!r}: expected a host and a path"
            )
        plain = url.strip().rstrip("/")
        if name and name != (parts.hostname or ""):
            # git is to connect to the name that was checked here.
            netloc = name if parts.port is None else f"{name}:{parts.port}"
            plain = urlunsplit(parts._replace(netloc=netloc)).rstrip("/")
        return cls(host=host, path=path, url=plain, number=number)

    @property
    def label(self) -> str:
        """The path, folded as the host folds it: forges ignore case, files do not."""
        return self.path if self.host == LOCAL_HOST else self.path.casefold()

    def is_same(self, other: "Repository") -> bool:
        """Say whether both are one repository.

        By number when both have one: a new repository under an old name is
        another repository. By path otherwise.
        """
        if self.host != other.host:
            return False
        if self.number is not None and other.number is not None:
            return self.number == other.number
        return self.label == other.label
