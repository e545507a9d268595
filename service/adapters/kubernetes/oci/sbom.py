"""Read the packages of an image from the lifecycle's bill of materials (SBOM).

https://github.com/buildpacks/spec/blob/main/platform.md#bill-of-materials
"""

import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from service.adapters.kubernetes.oci.responses import checked_json
from service.domain.building.build import Package

__all__ = ["LABEL", "find_sbom_layer", "read_packages"]

LABEL: Final = "io.buildpacks.lifecycle.metadata"
MOST: Final = 64 * 1024 * 1024
"""Bytes of an unpacked layer, which is untrusted."""
MOST_OF_ONE: Final = 8 * 1024 * 1024
"""Bytes of one SBOM: a sparse file may claim any size, and packs to nothing."""
MOST_FILES: Final = 1000
MOST_BILLS: Final = 50
MOST_PACKAGES: Final = 20_000
_LONGEST: Final = 200
"""Characters of a name or a version."""
_MANAGERS: Final[Mapping[str, str]] = {"pypi": "pip", "conda": "conda"}


class _Read(BaseModel):
    """Untrusted input."""

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


def find_sbom_layer(config: Mapping[str, object]) -> int | None:
    """Return the index of the layer that holds the SBOM; None without an SBOM.

    Args:
        config: The image's configuration.

    Raises:
        ValueError: The configuration is invalid.
    """
    read = _Config.model_validate(config)
    label = (read.config.labels or {}).get(LABEL, "{}")
    wanted = _Lifecycle.model_validate_json(label).sbom.sha
    names = read.rootfs.diff_ids
    return names.index(wanted) if wanted in names else None


def read_packages(layer: bytes) -> tuple[Package, ...]:
    """Read the packages of the SBOMs in a layer, sorted by name.

    Invalid SBOMs have no packages.
    """
    found: set[Package] = set()
    with suppress(OSError, EOFError, tarfile.TarError, ValueError):
        for text in islice(_extract_sboms(layer), MOST_BILLS):
            bill = _Bill.model_validate_json(checked_json(text))
            found |= set(_select_packages(bill))
    known = sorted(found, key=lambda package: (package.name, package.version))
    return tuple(known[:MOST_PACKAGES])


def _extract_sboms(layer: bytes) -> Iterator[bytes]:
    # Unpacked up to MOST and no further: gzip packs zeros a thousand to one.
    with gzip.open(io.BytesIO(layer)) as unpacked:
        raw = io.BytesIO(unpacked.read(MOST))
    with tarfile.open(fileobj=raw) as archive:
        for member in islice(archive, MOST_FILES):
            is_bill = "/launch/" in member.name and member.name.endswith(".cdx.json")
            is_plain = member.isreg() and member.size <= MOST_OF_ONE
            # Never unpacked to disk: names in an untrusted archive may lead anywhere.
            file = archive.extractfile(member) if is_bill and is_plain else None
            if file is not None:
                yield file.read(MOST_OF_ONE)


def _select_packages(bill: _Bill) -> Iterator[Package]:
    """Return the Python and conda packages, by https://github.com/package-url/purl-spec."""
    for component in bill.components:
        kind = component.purl.removeprefix("pkg:").partition("/")[0]
        if (
            kind in _MANAGERS
            and max(len(component.name), len(component.version)) <= _LONGEST
        ):
            yield Package(
                name=component.name, version=component.version, manager=_MANAGERS[kind]
            )
