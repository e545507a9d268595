"""Write requests of git's protocol version 2, and read the answers.

https://git-scm.com/docs/gitprotocol-v2. Whole answers only, whose size the HTTP client
has bounded.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

from dulwich.errors import GitProtocolError
from dulwich.protocol import Protocol, pkt_line

from service.adapters.git.heads import HEAD
from service.adapters.smart_http.errors import UnsuitableError, translate_text
from service.domain.repository import CommitSha, Ref

__all__ = [
    "Advertisement",
    "RefListing",
    "read_advertisement",
    "read_packfile",
    "read_refs",
    "write_fetch",
    "write_ls_refs",
]


MAX_LINES: Final = 200_000
"""Lines of one answer. Each takes microseconds, so an answer of nothing but tiny lines
would take long although it is not large."""

_DELIMITER: Final = b"0001"
_FLUSH: Final = b"0000"
_REF: Final = re.compile(rb"([0-9a-f]{40}) ([^ \n]+)((?: [^ \n]+)*)")
_PEELED: Final = re.compile(rb" peeled:([0-9a-f]{40})(?= |$)")
_SYMREF: Final = re.compile(rb" symref-target:([^ \n]+)")
_DATA, _PROGRESS, _ERROR = 1, 2, 3
"""Channels of https://git-scm.com/docs/gitprotocol-pack, "Packfile Data"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advertisement:
    """What a server can do."""

    is_listing: bool = False
    """Whether it lists refs by their prefix, with ids that are understood here."""
    is_fetching: bool = False
    """Whether it also serves one commit without its history and files."""
    names_format: bool = False
    """Whether requests name the hash algorithm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefListing:
    """The refs that a server listed."""

    ids: Mapping[Ref, CommitSha] = field(default_factory=dict)
    """`<ref>^{}` is what an annotated tag leads to, as `ls-remote` prints it."""
    default: Ref = HEAD
    """What HEAD refers to; `HEAD` itself where it is detached or unborn."""


def read_advertisement(body: bytes) -> Advertisement:
    """Read the answer to `info/refs`; servers of version 0 and 1 can do nothing here.

    Raises:
        UnsuitableError: It is no advertisement.
    """
    lines = [line for line in _lines(body) if line is not None]
    # An announcement comes first, which some servers leave out in version 2.
    if lines and lines[0].startswith(b"# service="):
        del lines[0]
    if not lines or lines[0] != b"version 2":
        return Advertisement()
    offered = dict(_capability(line) for line in lines[1:])
    features = offered.get(b"fetch", b"").split()
    # Ids of 40 digits everywhere: repositories with SHA-256 are git's.
    is_listing = b"ls-refs" in offered and (
        offered.get(b"object-format", b"sha1") == b"sha1"
    )
    return Advertisement(
        is_listing=is_listing,
        is_fetching=is_listing and b"filter" in features and b"shallow" in features,
        names_format=b"object-format" in offered,
    )


def write_ls_refs(refs: Iterable[Ref], *, advertisement: Advertisement) -> bytes:
    """Write a request for refs, with what they lead to."""
    prefixes = [b"ref-prefix " + _raw(ref) for ref in refs]
    return _request(b"ls-refs", [b"peel", b"symrefs", *prefixes], advertisement)


def write_fetch(
    ids: Iterable[str], *, options: Iterable[bytes], advertisement: Advertisement
) -> bytes:
    """Write a request for objects by their ids.

    Args:
        ids: The objects.
        options: Such as `deepen 1` and `filter blob:none`.
        advertisement: What the server can do.
    """
    wants = [b"want " + oid.encode("ascii") for oid in ids]
    arguments = [b"no-progress", b"ofs-delta", *options, *wants, b"done"]
    return _request(b"fetch", arguments, advertisement)


def read_refs(body: bytes) -> RefListing:
    """Read the answer to `ls-refs`.

    Raises:
        UnsuitableError: It is not one.
    """
    ids: dict[Ref, CommitSha] = {}
    default = HEAD
    lines = _lines(body)
    for line in _until_flush(lines):
        match = _REF.fullmatch(line)
        if match is None:
            raise UnsuitableError("a line of the listed refs is not understood")
        ref = Ref(_text(match[2]))
        ids[ref] = CommitSha(match[1].decode("ascii"))
        if peeled := _PEELED.search(match[3]):
            ids[Ref(f"{ref}^{{}}")] = CommitSha(peeled[1].decode("ascii"))
        symref = _SYMREF.search(match[3])
        if ref == HEAD and symref:
            default = Ref(_text(symref[1]))
    if any(True for _ in lines):
        raise UnsuitableError("the listed refs are followed by something else")
    return RefListing(ids=ids, default=default)


def read_packfile(body: bytes) -> bytes:
    """Read the pack out of the answer to `fetch`.

    Raises:
        RemoteRefusedError: There is no such object.
        UnsuitableError: The answer holds no pack.
    """
    lines = _lines(body)
    # Sections come before it: acknowledgments, and the commit as shallow.
    for line in lines:
        if line is not None and line.startswith(b"ERR "):
            raise translate_text(line)
        if line == b"packfile":
            return b"".join(_sideband(_until_flush(lines, is_binary=True)))
    raise UnsuitableError("the answer holds no pack")


def _request(
    command: bytes, arguments: Iterable[bytes], advertisement: Advertisement
) -> bytes:
    head = [b"command=" + command]
    head += [b"object-format=sha1"] if advertisement.names_format else []
    return b"".join(
        [
            *(pkt_line(line + b"\n") for line in head),
            _DELIMITER,
            *(pkt_line(line + b"\n") for line in arguments),
            _FLUSH,
        ]
    )


def _sideband(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        channel = line[0] if line else 0
        if channel == _DATA:
            yield line[1:]
        elif channel == _ERROR:
            raise translate_text(line[1:])
        elif channel != _PROGRESS:
            raise UnsuitableError(f"the answer has an unknown channel {channel}")


def _until_flush(
    lines: Iterator[bytes | None], *, is_binary: bool = False
) -> Iterator[bytes]:
    """Yield lines up to the end of a section; an answer that has no end was cut."""
    for line in lines:
        if line is None:
            return
        if not is_binary and line.startswith(b"ERR "):
            raise translate_text(line)
        yield line
    raise UnsuitableError("the answer breaks off")


def _lines(body: bytes) -> Iterator[bytes | None]:
    """Yield the lines of an answer; None for the ends of sections."""
    stream = BytesIO(body)
    protocol = Protocol(stream.read, lambda _: None)
    is_binary = False
    for _ in range(MAX_LINES):
        if stream.tell() >= len(body):
            return
        try:
            line = protocol.read_pkt_line()
        except (GitProtocolError, ValueError) as exc:
            raise UnsuitableError(f"the answer is no protocol of git: {exc}") from exc
        # The pack is binary: only lines before it may end with a line break that is
        # none of theirs.
        yield line if line is None or is_binary else line.removesuffix(b"\n")
        is_binary = is_binary or line == b"packfile\n"
    if stream.tell() < len(body):
        raise UnsuitableError(f"the answer has more than {MAX_LINES} lines")


def _capability(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b"=")
    return name, value


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
