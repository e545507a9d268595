"""Unpack what a server sent, within bounds.

A pack may be made to harm: a few bytes that inflate to gigabytes, deltas that double
their base again and again, chains without an end. So every size that an object claims
is counted before anything is made of that size, and nothing here is recursive.
https://git-scm.com/docs/gitformat-pack
"""

import hashlib
import stat
import zlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from dulwich.errors import ApplyDeltaError, ObjectFormatException
from dulwich.objects import parse_tree
from dulwich.pack import (
    OFS_DELTA,
    REF_DELTA,
    apply_delta,
    read_pack_header_at,
    unpack_object_at,
)

from service.adapters.forge_api.listings import TreeListing
from service.adapters.git.tree import normalize_mode
from service.adapters.smart_http.errors import (
    PackTooLargeError,
    TooManyObjectsError,
    UnsuitableError,
)
from service.domain.definition import DIRECTORY, GITLINK, SYMLINK, Entry
from service.domain.repository import BlobId

__all__ = ["PackLimits", "PackedObject", "unpack", "unpack_listing"]

_HEADER: Final = 12
_TRAILER: Final = 20
_MAX_NUMBER: Final = 10
"""Bytes of a number of variable length: more than 64 bits are not needed by anybody,
and take a time that grows with their square."""
_KINDS: Final = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_DELTAS: Final = (OFS_DELTA, REF_DELTA)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackLimits:
    """How much a pack may hold."""

    objects: int
    inflated: int
    """Bytes of all objects and deltas together, after decompression."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedObject:
    """An object of git, whose id was computed from its content."""

    kind: str
    """`commit`, `tree`, `blob` or `tag`."""
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """An object as it lies in the pack: whole, or as a delta of another one."""

    offset: int
    number: int
    """Of its type."""
    content: bytes
    base: int | bytes | None
    """The offset or the id of what a delta applies to."""


class _Budget:
    """Counts what is unpacked, and ends it at the limit."""

    def __init__(self, inflated: int) -> None:
        self._left = inflated
        self._limit = inflated

    def spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise PackTooLargeError(f"the pack inflates to over {self._limit} bytes")


def unpack(pack: bytes, limits: PackLimits) -> Mapping[BlobId, PackedObject]:
    """Return the objects of a pack by their ids.

    Raises:
        PackTooLargeError: It inflates to more than the limits allow.
        TooManyObjectsError: It holds more objects than they allow.
        UnsuitableError: It is damaged, or no pack that is understood here.
    """
    if len(pack) < _HEADER + _TRAILER:
        raise UnsuitableError("the pack is cut")
    body, trailer = pack[:-_TRAILER], pack[-_TRAILER:]
    if hashlib.sha1(body, usedforsecurity=False).digest() != trailer:
        raise UnsuitableError("the pack is damaged")
    budget = _Budget(limits.inflated)
    try:
        _, count = read_pack_header_at(pack)
        if count > limits.objects:
            raise TooManyObjectsError(f"the pack holds {count} objects")
        return _resolve(_stored(pack, count, budget), budget)
    # dulwich asserts what it reads, and struct and zlib have errors of their own.
    except (AssertionError, ApplyDeltaError, ValueError, zlib.error) as exc:
        raise UnsuitableError(f"the pack is malformed: {exc}") from exc


def unpack_listing(content: bytes) -> TreeListing:
    """Read the entries of a tree.

    Raises:
        UnsuitableError: It is malformed.
    """
    entries: dict[str, Entry] = {}
    try:
        for raw, mode, oid in parse_tree(content, sha_len=_TRAILER):
            name = raw.decode("utf-8", "surrogateescape")
            if not name or "/" in name or name in entries:
                raise UnsuitableError("a tree names an entry as git does not")
            entry = Entry(mode=_canonical(mode), oid=BlobId(oid.decode("ascii")))
            entries[name] = entry
    except (ObjectFormatException, ValueError) as exc:
        raise UnsuitableError(f"a tree is malformed: {exc}") from exc
    return TreeListing(entries=entries, sizes={})


def _canonical(mode: int) -> str:
    """Return the mode that git takes an entry's for: `canon_mode` of its `cache.h`."""
    if stat.S_ISREG(mode):
        return normalize_mode(f"{mode:06o}")
    if stat.S_ISLNK(mode):
        return SYMLINK
    return DIRECTORY if stat.S_ISDIR(mode) else GITLINK


def _stored(pack: bytes, count: int, budget: _Budget) -> Iterator[_Stored]:
    offset = _HEADER
    for _ in range(count):
        # Before the library makes anything of it: it inflates up to the size that the
        # header claims, whatever that is.
        budget.spend(_claimed_size(pack, offset))
        unpacked, end = unpack_object_at(pack, offset, hashlib.sha1)
        base = unpacked.delta_base
        yield _Stored(
            offset=offset,
            number=unpacked.pack_type_num,
            content=b"".join(unpacked.decomp_chunks),
            base=offset - base if isinstance(base, int) else base,
        )
        offset = end
    if offset != len(pack) - _TRAILER:
        raise UnsuitableError("the pack has more in it than its objects")


def _claimed_size(pack: bytes, offset: int) -> int:
    """Return the inflated size that an object's header claims."""
    header = _number_at(pack, offset)
    number = (header[0] >> 4) & 0b111
    if number == OFS_DELTA:
        _number_at(pack, offset + len(header))  # is not too long
    size = header[0] & 0b1111
    for place, byte in enumerate(header[1:]):
        size |= (byte & 0x7F) << (4 + 7 * place)
    return size


def _number_at(data: bytes, offset: int) -> bytes:
    """Return the bytes of a number of variable length."""
    for length in range(1, _MAX_NUMBER + 1):
        raw = data[offset : offset + length]
        if len(raw) == length and not raw[-1] & 0x80:
            return raw
    raise UnsuitableError("a number in the pack has no end")


def _resolve(
    stored: Iterator[_Stored], budget: _Budget
) -> Mapping[BlobId, PackedObject]:
    """Apply deltas to their bases, which may come in any order."""
    objects: dict[BlobId, PackedObject] = {}
    at: dict[int | bytes, PackedObject] = {}
    waiting: defaultdict[int | bytes, list[_Stored]] = defaultdict(list)
    for item in stored:
        ready = [item]
        # Each waits for one base and is taken once, so the work is as long as the pack
        # and not as long as its chains.
        while ready:
            current = ready.pop()
            found = _make(current, at, budget)
            if found is None:
                assert current.base is not None
                waiting[current.base].append(current)
                continue
            digest = _digest(found)
            objects[BlobId(digest.hex())] = found
            for name in (current.offset, digest):
                at[name] = found
                ready += waiting.pop(name, [])
    if waiting:
        raise UnsuitableError("the pack holds deltas without their base")
    return objects


def _make(
    item: _Stored, at: Mapping[int | bytes, PackedObject], budget: _Budget
) -> PackedObject | None:
    """Return the whole object; None while the base of a delta is not known."""
    if item.number not in _DELTAS:
        if item.number not in _KINDS:
            raise UnsuitableError(f"the pack holds an object of type {item.number}")
        return PackedObject(kind=_KINDS[item.number], content=item.content)
    assert item.base is not None
    base = at.get(item.base)
    if base is None:
        return None
    budget.spend(_target_size(item.content))
    # It copies no more than the size that was just counted.
    chunks = apply_delta(base.content, item.content)
    return PackedObject(kind=base.kind, content=b"".join(chunks))


def _target_size(delta: bytes) -> int:
    """Return the size of what a delta makes: the second number in it."""
    raw = _number_at(delta, len(_number_at(delta, 0)))
    return sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(raw))


def _digest(found: PackedObject) -> bytes:
    head = b"%s %d\0" % (found.kind.encode("ascii"), len(found.content))
    return hashlib.sha1(head + found.content, usedforsecurity=False).digest()
