"""Conda channels in a folder, with packages that hold a text or a small program."""

import bz2
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CondaPackage:
    name: str
    version: str = "1.0"
    depends: Sequence[str] = ()
    files: Mapping[str, str] = field(default_factory=dict)


def a_channel(folder: Path, *packages: CondaPackage) -> str:
    """Write a channel; return its URL."""
    records = {}
    noarch = folder / "noarch"
    noarch.mkdir(parents=True, exist_ok=True)
    for package in packages:
        index = _index(package)
        name = f"{package.name}-{package.version}-0.tar.bz2"
        raw = _archive(package, index)
        (noarch / name).write_bytes(raw)
        digests = {
            "sha256": hashlib.sha256(raw).hexdigest(),
            "md5": hashlib.md5(raw).hexdigest(),  # noqa: S324 - the format has it
        }
        records[name] = {**index, **digests, "size": len(raw)}
    _write_repodata(noarch, records)
    (folder / "linux-64").mkdir(exist_ok=True)
    _write_repodata(folder / "linux-64", {})
    return f"file://{folder}"


def _write_repodata(folder: Path, records: Mapping[str, object]) -> None:
    data = {"info": {"subdir": folder.name}, "packages": records, "packages.conda": {}}
    (folder / "repodata.json").write_text(json.dumps(data))


def _index(package: CondaPackage) -> dict[str, object]:
    return {
        "name": package.name,
        "version": package.version,
        "build": "0",
        "build_number": 0,
        "depends": list(package.depends),
        "noarch": "generic",
        "subdir": "noarch",
    }


def _archive(package: CondaPackage, index: Mapping[str, object]) -> bytes:
    paths = [
        {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
            "size_in_bytes": len(text.encode()),
        }
        for path, text in package.files.items()
    ]
    content = {
        "info/index.json": json.dumps(index),
        "info/paths.json": json.dumps({"paths": paths, "paths_version": 1}),
        "info/files": "\n".join(package.files),
        **package.files,
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, text in content.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(text.encode()), 0o755
            archive.addfile(member, io.BytesIO(text.encode()))
    return bz2.compress(buffer.getvalue())
