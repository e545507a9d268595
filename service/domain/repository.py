"""Repositories, and the ids of their refs, commits and objects.

A repository is identified by its host and the number that its forge assigns; a path may
pass to another repository after a rename. Remotes without a forge have no number and
are identified by host and path.
"""

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, NewType, Self
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from service.errors import InvalidRequestError

__all__ = [
    "LOCAL_HOST",
    "BlobId",
    "CommitSha",
    "Ref",
    "Repository",
    "is_commit",
    "is_folder_url",
    "is_loopback",
    "is_ref",
    "is_zero",
    "parse_commit",
]

CommitSha = NewType("CommitSha", str)
"""40 (SHA-1) or 64 (SHA-256) lower-case hex digits."""
BlobId = NewType("BlobId", str)
"""The object id of a blob, tree or gitlink, in hex."""
Ref = NewType("Ref", str)
"""A full ref name, such as `refs/heads/feature/x`."""

LOCAL_HOST: Final = "localhost"
"""The host of `file://` remotes."""

_LONGEST_REF: Final = 1024
"""Bytes. Forges allow 250 or so; git's own files end near 4096."""
_BAD_IN_REF: Final = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|(?:\A|/)[./]|\.lock(?:/|\Z)|[./]\Z"
)

_LONGEST_HOST: Final = 253
"""Characters: https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4"""
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""URL parsers drop some of these characters, and not all drop the same."""
_HOST: Final = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f.]*:[0-9a-f:.]*")
"""A name in ASCII, or an address; an IPv6 one without brackets and without a zone."""
_AMBIGUOUS: Final = re.compile("[\u00df\u03c2\u200c\u200d]")
"""Characters that the two IDNA standards map differently:
https://www.unicode.org/reports/tr46/#Deviations"""
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_FIELD: Final = "repository"


def _split_url(url: str) -> SplitResult:
    """Split the URL of a repository and check its parts.

    Raises:
        InvalidRequestError: It is no URL of a repository.
    """
    wrong = ""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as exc:
        raise InvalidRequestError(
            f"{url[:200]!r} is not a URL: {exc}", field=_FIELD
        ) from exc
    # URLs are stored, logged and sent in events; a token in one of them would be
    # everywhere.
    if parts.username or parts.password:
        raise InvalidRequestError(
            "the repository URL carries credentials; leave them out", field=_FIELD
        )
    if _CONTROL.search(url):
        wrong = "holds control characters"
    elif parts.scheme not in {"https", "http", "file"}:
        wrong = "expected https://, http:// or file://"
    elif parts.query or parts.fragment:
        wrong = "expected no query and no fragment"
    elif _is_ambiguous(parts):
        wrong = "expected a path without . and .., and no port 0"
    if wrong:
        raise InvalidRequestError(f"repository {url[:200]!r}: {wrong}", field=_FIELD)
    return parts


def _is_ambiguous(parts: SplitResult) -> bool:
    """Return whether a URL leads elsewhere than it reads.

    Whoever asks for a path with dots resolves them, and asks for another repository.
    """
    # Decoded first: `%2e%2e` is resolved by some servers and not by others.
    steps = unquote(parts.path).split("/")
    return parts.port == 0 or "." in steps or ".." in steps


def _normalize_host(host: str, url: str) -> str:
    """Normalize a host name, so that checks and connections use the same one.

    International names become ASCII (punycode); names that parsers read differently,
    such as those with `%`, are refused.

    Raises:
        InvalidRequestError: It is no host name.
    """
    # `example.org.` is the same host to DNS and another one to certificates and to our
    # settings.
    name = host.lower().removesuffix(".")
    if not name.isascii() and not _AMBIGUOUS.search(name):
        try:
            name = name.encode("idna").decode().removesuffix(".")
        except UnicodeError:
            name = ""
    is_long = len(name) > _LONGEST_HOST
    if not name or is_long or ".." in name or not _HOST.fullmatch(name):
        raise InvalidRequestError(
            f"repository {url[:200]!r}: {host[:80]!r} is no name of a host; expected "
            "letters, digits, dots and hyphens (other letters as xn--…), or an address",
            field=_FIELD,
        )
    return f"[{name}]" if ":" in name else name


def is_commit(text: str) -> bool:
    """Return whether a text is a full commit id (SHA-1 or SHA-256)."""
    return _COMMIT.fullmatch(text) is not None


def parse_commit(text: str) -> CommitSha:
    """Check that a text is a full commit id.

    Raises:
        ValueError: It is not 40 or 64 lower-case hex digits.
    """
    if not is_commit(text):
        raise ValueError(f"{text[:80]!r} is no commit id; expected 40 or 64 hex digits")
    return CommitSha(text)


def is_loopback(netloc: str) -> bool:
    """Return whether a host, with or without a port, is this machine by its name."""
    try:
        name = (urlsplit(f"//{netloc}").hostname or "").lower()
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_folder_url(url: str) -> bool:
    """Whether a repository's URL is that of a folder on the service's machine."""
    return url.startswith("file:")


def is_zero(text: str) -> bool:
    """Return whether an id is all zeros: git's id for "no such object"."""
    return bool(text) and set(text) == {"0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A git repository on some host."""

    host: str
    """Lower case, with the port when it is not the scheme's; `localhost` for files."""
    path: str
    """`owner/name`, without slashes at the ends and without `.git`."""
    url: str
    """The URL that git fetches from; without credentials."""
    number: int | None = None
    """The forge's own id; None while unknown and for remotes without a forge."""

    @classmethod
    def from_url(cls, url: str, *, number: int | None = None) -> Self:
        """Parse the URL of a repository (https, http or file).

        Spellings of one repository (`.git`, slashes, case of the host) give equal
        hosts and paths.

        Raises:
            InvalidRequestError: The URL has another scheme, no path, or carries
                credentials.
        """
        parts = _split_url(url.strip())
        name = host = (
            _normalize_host(parts.hostname or "", url) if parts.scheme != "file" else ""
        )
        if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme):
            host = f"{host}:{parts.port}"
        # One suffix only: a repository may be called `x.git.git`.
        path = parts.path.strip("/").removesuffix(".git").rstrip("/")
        if parts.scheme == "file":
            host = LOCAL_HOST
        if not host or not path:
            raise InvalidRequestError(
                f"repository {url[:200]!r}: expected a host and a path", field=_FIELD
            )
        plain = url.strip().rstrip("/")
        if name and name != (parts.hostname or ""):
            # git must connect to the name that was checked, not to another spelling.
            netloc = name if parts.port is None else f"{name}:{parts.port}"
            plain = urlunsplit(parts._replace(netloc=netloc)).rstrip("/")
        return cls(host=host, path=path, url=plain, number=number)

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder on the machine of the service, which has no forge."""
        return is_folder_url(self.url)

    @property
    def label(self) -> str:
        """The path for comparisons: forges ignore case, file systems do not."""
        return self.path if self.host == LOCAL_HOST else self.path.casefold()

    def is_same(self, other: "Repository") -> bool:
        """Return whether both are the same repository.

        By number when both have one: a new repository under an old name is
        another repository. By path otherwise.
        """
        if self.host != other.host:
            return False
        if self.number is not None and other.number is not None:
            return self.number == other.number
        return self.label == other.label


def is_ref(name: str) -> bool:
    """Return whether git takes a text for the full name of a ref.

    https://git-scm.com/docs/git-check-ref-format. Bytes that are not UTF-8 are
    surrogate escapes, as `os.fsdecode` makes them; longer names than forges and file
    systems take are refused.
    """
    try:
        raw = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a half of a character that stands for no byte
        return False
    return "/" in name and len(raw) <= _LONGEST_REF and not _BAD_IN_REF.search(name)
