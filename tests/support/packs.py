"""Packs of git, written by hand: what no git writes.

https://git-scm.com/docs/gitformat-pack
"""

import hashlib
import struct
import zlib

COMMIT, TREE, BLOB, TAG, OFS_DELTA, REF_DELTA = 1, 2, 3, 4, 6, 7


def pack_of(*objects: bytes, count: int | None = None) -> bytes:
    """Join objects, with a header and the checksum."""
    head = b"PACK" + struct.pack(">LL", 2, len(objects) if count is None else count)
    body = head + b"".join(objects)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def packed(
    kind: int, content: bytes, *, size: int | None = None, base: bytes = b""
) -> bytes:
    """Write an object; its header claims another size where one is given."""
    claimed = len(content) if size is None else size
    return _header(kind, claimed) + base + zlib.compress(content, 9)


def oid_of(kind: str, content: bytes) -> str:
    head = b"%s %d\0" % (kind.encode(), len(content))
    return hashlib.sha1(head + content, usedforsecurity=False).hexdigest()


def number(value: int) -> bytes:
    """Write a size as deltas have it: seven bits a byte, the lowest first."""
    raw = bytearray()
    while value > 0x7F:
        raw.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*raw, value))


def offset_of(back: int) -> bytes:
    """Write how far before a delta its base begins."""
    raw = [back & 0x7F]
    back >>= 7
    while back:
        back -= 1
        raw.append(back & 0x7F | 0x80)
        back >>= 7
    return bytes(reversed(raw))


def copying(base: int, times: int) -> bytes:
    """Write a delta that repeats its whole base, of up to 64 kB."""
    copy = bytes((0xB0, base & 0xFF, base >> 8 & 0xFF))
    return number(base) + number(base * times) + copy * times


def _header(kind: int, size: int) -> bytes:
    first, size = kind << 4 | size & 0xF, size >> 4
    if not size:
        return bytes((first,))
    return bytes((first | 0x80,)) + number(size)
