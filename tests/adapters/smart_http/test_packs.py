"""Packs of git are read whole; those that are made to hurt are refused."""

import subprocess
import tracemalloc
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest

from service.adapters.smart_http.errors import (
    PackTooLargeError,
    TooManyObjectsError,
    UnsuitableError,
)
from service.adapters.smart_http.packs import PackLimits, unpack, unpack_listing
from service.domain.definition import DIRECTORY, EXECUTABLE, FILE, GITLINK, SYMLINK
from service.domain.repository import BlobId
from tests.support.packs import (
    BLOB,
    OFS_DELTA,
    REF_DELTA,
    copying,
    number,
    offset_of,
    oid_of,
    pack_of,
    packed,
)
from tests.support.repos import ENVIRONMENT, Repo

MEGABYTE = 1024 * 1024
LIMITS = PackLimits(objects=5_000, inflated=4 * MEGABYTE)
NOUGHTS = b"\0" * MEGABYTE


def without_end() -> bytes:
    return b"\xff" * MEGABYTE


def repeating() -> bytes:
    """Write deltas of which each repeats the one before 250 times."""
    base = packed(BLOB, b"x" * 200)
    first = packed(OFS_DELTA, copying(200, 250), base=offset_of(len(base)))
    second = packed(OFS_DELTA, copying(50_000, 250), base=offset_of(len(first)))
    return pack_of(base, first, second)


def a_long_chain(length: int) -> bytes:
    """Write a chain whose every link comes before its base."""
    contents = [b"%05d" % place for place in range(length)]
    links = [
        packed(
            REF_DELTA,
            number(5) + number(5) + b"\x05" + content,
            base=bytes.fromhex(oid_of("blob", base)),
        )
        for base, content in pairwise(contents)
    ]
    return pack_of(*reversed(links), packed(BLOB, contents[0]))


def circular() -> bytes:
    one, other = (bytes.fromhex(oid_of("blob", text)) for text in (b"1", b"2"))
    delta = number(1) + number(1) + b"\x01"
    return pack_of(
        packed(REF_DELTA, delta + b"1", base=other),
        packed(REF_DELTA, delta + b"2", base=one),
    )


BLOB_OF_ONE = packed(BLOB, b"1")
TOO_LARGE: Mapping[str, bytes] = {
    "a blob that inflates to more": pack_of(packed(BLOB, NOUGHTS * 5)),
    "blobs that do together": pack_of(*[packed(BLOB, NOUGHTS)] * 5),
    "a size that is only claimed": pack_of(packed(BLOB, b"", size=1 << 62)),
    "deltas that repeat deltas": repeating(),
    "a delta of a claimed size": pack_of(
        BLOB_OF_ONE,
        packed(
            OFS_DELTA, number(1) + number(1 << 60), base=offset_of(len(BLOB_OF_ONE))
        ),
    ),
}
DAMAGED: Mapping[str, bytes] = {
    "nothing": b"",
    "no pack": b"<html>" * 10,
    "another magic": pack_of(BLOB_OF_ONE).replace(b"PACK", b"KCAP"),
    "a checksum that is not its own": pack_of(BLOB_OF_ONE)[:-1] + b"\0",
    "fewer objects than it says": pack_of(BLOB_OF_ONE, count=2),
    "more objects than it says": pack_of(BLOB_OF_ONE, BLOB_OF_ONE, count=1),
    "more in an object than it says": pack_of(packed(BLOB, NOUGHTS, size=10)),
    "less in an object than it says": pack_of(packed(BLOB, b"1", size=10)),
    "no compression": pack_of(b"\x31" + b"1" * 100),
    "a type that git has not": pack_of(packed(5, b"1")),
    "no type": pack_of(packed(0, b"1")),
    "a size without an end": pack_of(b"\xb1" + without_end()),
    "an offset without an end": pack_of(b"\x61" + without_end()),
    "a delta size without an end": pack_of(
        BLOB_OF_ONE,
        packed(OFS_DELTA, without_end(), base=offset_of(len(BLOB_OF_ONE))),
    ),
    "a delta of itself": pack_of(packed(OFS_DELTA, b"\1\1\x011", base=b"\0")),
    "a delta of what lies before all": pack_of(
        packed(OFS_DELTA, b"\1\1\x011", base=offset_of(1 << 40))
    ),
    "a delta without its base": pack_of(
        packed(REF_DELTA, b"\1\1\x011", base=b"\7" * 20)
    ),
    "deltas in a circle": circular(),
    "a delta that copies what is not there": pack_of(
        BLOB_OF_ONE,
        packed(OFS_DELTA, b"\1\x09\x91\x07\x09", base=offset_of(len(BLOB_OF_ONE))),
    ),
    "a delta that makes more than it says": pack_of(
        BLOB_OF_ONE,
        packed(OFS_DELTA, b"\1\1" + b"\x90\1" * 9, base=offset_of(len(BLOB_OF_ONE))),
    ),
    "an empty delta": pack_of(
        BLOB_OF_ONE, packed(OFS_DELTA, b"", base=offset_of(len(BLOB_OF_ONE)))
    ),
}


@pytest.mark.parametrize("name", TOO_LARGE)
def test_what_would_take_too_much_memory_is_left_out(name: str) -> None:
    pack = TOO_LARGE[name]
    tracemalloc.start()
    try:
        with pytest.raises(PackTooLargeError, match="inflates"):
            unpack(pack, LIMITS)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 3 * LIMITS.inflated


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_pack_is_no_pack(name: str) -> None:
    with pytest.raises(UnsuitableError):
        unpack(DAMAGED[name], LIMITS)


def test_more_objects_than_were_to_be_expected_are_not_even_counted() -> None:
    with pytest.raises(TooManyObjectsError, match="4294967295 objects"):
        unpack(pack_of(count=0xFFFFFFFF), LIMITS)


def test_a_long_chain_of_deltas_takes_as_long_as_it_is() -> None:
    found = unpack(a_long_chain(4_000), LIMITS)

    assert len(found) == 4_000
    assert found[BlobId(oid_of("blob", b"03999"))].content == b"03999"


@pytest.mark.parametrize("way", ["--delta-base-offset", "--no-reuse-delta"])
def test_a_pack_of_git_is_read_whole(tmp_path: Path, way: str) -> None:
    """With deltas by offset, and by id."""
    repo = Repo(tmp_path / "repo")
    lines = [f"line {place} of many that are alike\n" for place in range(300)]
    for place in range(10):
        lines[place * 7] = f"another {place}\n"
        folder = {f"folder/{name}": f"{name}{place}" for name in range(40)}
        repo.commit({"long.txt": "".join(lines), **folder})
    repo.tag("v1", repo.tip(), message="one")
    listed = (
        repo.git("cat-file", "--batch-all-objects", "--batch-check")
        .decode()
        .split("\n")
    )
    kinds = {line.split()[0]: line.split()[1] for line in listed if line}

    pack = repo.git(
        "pack-objects", "--stdout", "-q", way, stdin="\n".join(kinds).encode()
    )
    found = unpack(pack, LIMITS)

    assert {oid: item.kind for oid, item in found.items()} == kinds
    for oid, item in found.items():
        assert item.content == repo.git("cat-file", item.kind, oid)
    assert len(pack) < sum(len(item.content) for item in found.values()) / 4


def test_a_tree_has_the_modes_that_git_sees() -> None:
    modes = {
        "100644": FILE,
        "100664": FILE,
        "100755": EXECUTABLE,
        "100700": EXECUTABLE,
        "120000": SYMLINK,
        "120777": SYMLINK,
        "40000": DIRECTORY,
        "040755": DIRECTORY,
        "160000": GITLINK,
        "20000": GITLINK,
    }
    rows = [b"%s %s\0" % (mode.encode(), mode.encode()) + b"\1" * 20 for mode in modes]

    listing = unpack_listing(b"".join(rows))

    assert {name: entry.mode for name, entry in listing.entries.items()} == modes


@pytest.mark.parametrize(
    "content",
    [
        b"100644 a",
        b"100644 a\0" + b"1" * 19,
        b"10x644 a\0" + b"1" * 20,
        b"100644 \0" + b"1" * 20,
        b"100644 a/b\0" + b"1" * 20,
        (b"100644 a\0" + b"1" * 20) * 2,
        b"\xff" * 100,
        b"9" * 100_000 + b" a\0" + b"1" * 20,
    ],
)
def test_a_tree_that_git_does_not_write_is_left_to_git(content: bytes) -> None:
    with pytest.raises(UnsuitableError):
        unpack_listing(content)


def test_the_packs_of_these_tests_are_packs(tmp_path: Path) -> None:
    """Git itself reads what is not made to hurt; else the others would prove little."""
    repo = Repo(tmp_path / "repo")
    base = packed(BLOB, b"x" * 200)
    delta = packed(OFS_DELTA, copying(200, 250), base=offset_of(len(base)))
    for pack in (a_long_chain(40), pack_of(base, delta), pack_of(BLOB_OF_ONE)):
        done = subprocess.run(
            ["git", "-C", repo.path, "index-pack", "--stdin"],
            input=pack,
            env=ENVIRONMENT,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
