"""Which directories of an answer are proven by their ids."""

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given, strategies as st

from service.adapters.forge_api.errors import UnprovenAnswerError
from service.adapters.forge_api.listings import (
    ListedObject,
    verify_below,
    verify_listing,
)
from service.adapters.git.object_ids import blob_id, tree_id
from service.domain.definition import DIRECTORY, FILE, Entry
from service.domain.repository import BlobId

ROOT = BlobId("0" * 40)
NAMES = st.sampled_from(["a", "a.b", "a-b", "b", "ü", "z"])
Folder = Mapping[str, object]
FOLDERS = st.recursive(
    st.dictionaries(NAMES, st.binary(max_size=3), min_size=1, max_size=3),
    lambda below: st.dictionaries(
        NAMES, st.binary(max_size=3) | below, min_size=1, max_size=3
    ),
    max_leaves=9,
)


def listed(
    folder: Mapping[str, bytes | Folder], path: str = ""
) -> tuple[BlobId, dict[str, BlobId], list[ListedObject]]:
    """Return a directory's id, the ids of all directories by path, and all entries."""
    entries: dict[str, Entry] = {}
    folders: dict[str, BlobId] = {}
    rows: list[ListedObject] = []
    for name, content in folder.items():
        full = f"{path}/{name}" if path else name
        if isinstance(content, bytes):
            entry = Entry(mode=FILE, oid=blob_id(content, like=ROOT))
            rows.append(ListedObject(name=full, mode=FILE, oid=entry.oid))
        else:
            oid, below, more = listed(content, full)  # type: ignore[arg-type]
            entry = Entry(mode=DIRECTORY, oid=oid)
            folders |= below
            rows += [ListedObject(name=full, mode=DIRECTORY, oid=oid), *more]
        entries[name] = entry
    oid = tree_id(entries, like=ROOT)
    return oid, {**folders, path: oid}, rows


@given(folder=FOLDERS, chance=st.randoms(use_true_random=False))
def test_every_complete_directory_is_proven_whatever_the_order(
    folder: Mapping[str, bytes | Folder], chance: Random
) -> None:
    oid, folders, rows = listed(folder)
    chance.shuffle(rows)

    found = verify_below(rows, oid=oid)

    assert set(found) == set(folders.values())


@given(folder=FOLDERS, data=st.data())
def test_a_directory_that_lacks_an_entry_is_left_out_with_what_only_it_proves(
    folder: Mapping[str, bytes | Folder], data: st.DataObject
) -> None:
    oid, _, rows = listed(folder)
    lost = data.draw(st.sampled_from(rows))
    rows.remove(lost)

    found = verify_below(rows, oid=oid)

    for proven, listing in found.items():
        assert tree_id(listing.entries, like=ROOT) == proven
    if "/" not in lost.name:
        assert found == {}


@pytest.mark.parametrize("mode", ["", "c" * 40, "rwx", "888888"])
def test_a_mode_that_is_none_proves_nothing(mode: str) -> None:
    """Where the forge gives no id of the directory, nothing else shows it."""
    row = ListedObject(name="a", mode=mode, oid=blob_id(b"", like=ROOT))

    with pytest.raises(UnprovenAnswerError, match="mode"):
        verify_listing([row], oid=None)
    assert verify_below([row], oid=ROOT) == {}
