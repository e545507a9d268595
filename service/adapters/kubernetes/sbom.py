"""What is in an image, read off the bill of materials that the lifecycle adds.

https://github.com/buildpacks/spec/blob/main/platform.md#bill-of-materials
"""

import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from service.domain.build import Package

__all__ = ["LABEL", "bill_of", "packages"]

LABEL: Final = "io.buildpacks.lifecycle.metadata"
MOST: Final = 64 * 1024 * 1024
"""Bytes of all bills, unpacked: a layer is data of strangers."""
_MANAGERS: Final[Mapping[str, str]] = {"pypi": "pip", "conda": "conda"}


class _Read(BaseModel):
    """Something that others wrote."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class _Component(_Read):
    name: str
    version: str = ""
    purl: str = ""


class _Bill(_Read):
    """https://cyclonedx.org/docs/1.4/json/."""

    components: tuple[_Component, ...] = ()


class _Run(_Read):
    labels: dict[str, str] | None = Field(default=None, alias="Labels")


class _Layers(_Read):
    diff_ids: tuple[str, ...]


class _Config(_Read):
    """https://github.com/opencontainers/image-spec/blob/main/config.md."""

    config: _Run = _Run()
    rootfs: _Layers


class _Bills(_Read):
    sha: str = ""


class _Lifecycle(_Read):
    """https://github.com/buildpacks/spec/blob/main/platform.md#iobuildpackslifecyclemetadata-json."""

    sbom: _Bills = _Bills()


def bill_of(config: bytes) -> int | None:
    """Return which layer of an image holds the bill; None when none does.

    Args:
        config: The image's configuration.

    Raises:
        ValueError: It is no image's configuration.
    """
    read = _Config.model_validate_json(config)
    label = (read.config.labels or {}).get(LABEL, "{}")
    wanted = _Lifecycle.model_validate_json(label).sbom.sha
    names = read.rootfs.diff_ids
    return names.index(wanted) if wanted in names else None


def packages(layer: bytes) -> tuple[Package, ...]:
    """Return the packages that the bills in a layer name, sorted by name.

    Bills that cannot be read name none.
    """
    found: set[Package] = set()
    with suppress(OSError, EOFError, tarfile.TarError, ValueError):
        for text in _bills(layer):
            found |= set(_packages(_Bill.model_validate_json(text)))
    return tuple(sorted(found, key=lambda it: (it.name, it.version)))


def _bills(layer: bytes) -> Iterator[bytes]:
    with gzip.open(io.BytesIO(layer)) as unpacked:
        raw = io.BytesIO(unpacked.read(MOST))
    with tarfile.open(fileobj=raw) as archive:
        for member in archive:
            is_bill = "/launch/" in member.name and member.name.endswith(".cdx.json")
            file = archive.extractfile(member) if is_bill else None
            if file is not None:
                yield file.read()


def _packages(bill: _Bill) -> Iterator[Package]:
    """https://github.com/package-url/purl-spec tells Python packages from others."""
    for it in bill.components:
        kind = it.purl.removeprefix("pkg:").partition("/")[0]
        if kind in _MANAGERS:
            yield Package(name=it.name, version=it.version, manager=_MANAGERS[kind])
