"""The same tree is the same image, whoever packs it, and one that tools read."""

import io
import json
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, strategies as st

from scripts.image.packing import Image, Link, Tree, layer, packed

EPOCH: Final = 1_700_000_000
NAMES: Final = st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,3}", fullmatch=True)


def an_image(tree: Tree) -> Image:
    return packed([layer(tree, epoch=EPOCH)], config={"User": "1:1"}, epoch=EPOCH)


def test_times_owners_and_order_of_files_change_nothing(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, time in ((first, 1), (second, 2_000_000_000)):
        folder.mkdir()
        for name in ("a", "b"):
            (folder / name).write_text(name)
            os.utime(folder / name, (time, time))
    (second / "a").chmod(0o600)

    one = an_image({"x/a": first / "a", "x/b": first / "b"})
    other = an_image({"x/b": second / "b", "x/a": second / "a"})
    assert one.digest == other.digest
    assert one.blobs == other.blobs


@given(texts=st.dictionaries(NAMES, st.binary(max_size=40), max_size=6))
def test_every_file_comes_back_as_it_was(texts: dict[str, bytes]) -> None:
    # A name that is a folder of another is no tree.
    tree = {
        name: data
        for name, data in texts.items()
        if not any(other.startswith(f"{name}/") for other in texts)
    }

    with tarfile.open(fileobj=io.BytesIO(layer(tree, epoch=EPOCH))) as archive:
        found = {
            item.name: archive.extractfile(item).read()  # type: ignore[union-attr]
            for item in archive
            if item.isfile()
        }
        owners = {(item.uid, item.gid, item.mtime) for item in archive}
    assert found == tree
    assert owners <= {(0, 0, EPOCH)}


def test_programs_can_be_run_and_nothing_can_be_changed() -> None:
    tree: Tree = {
        "bin/tool": b"#!/bin/sh\n",
        "lib/text": b"words",
        "bin/link": Link("tool"),
        "tmp/.keep": b"",
    }

    with tarfile.open(fileobj=io.BytesIO(layer(tree, epoch=EPOCH))) as archive:
        modes = {item.name: item.mode for item in archive if not item.issym()}
        assert archive.getmember("bin/link").linkname == "tool"
    assert modes["bin/tool"] == 0o755
    assert modes["lib/text"] == 0o644
    assert modes["tmp"] == 0o1777


@pytest.mark.skipif(not shutil.which("skopeo"), reason="no skopeo to read it with")
def test_another_program_reads_the_archive(tmp_path: Path) -> None:
    image = an_image({"bin/tool": b"#!/bin/sh\n"})
    path = tmp_path / "image.tar"
    image.write(path, name="0.1.0", epoch=EPOCH)

    answer = subprocess.run(
        ["skopeo", "inspect", f"oci-archive:{path}"],
        capture_output=True,
        text=True,
        check=True,
    )
    about = json.loads(answer.stdout)
    assert about["Digest"] == image.digest
    assert about["Created"] == "2023-11-14T22:13:20Z"
