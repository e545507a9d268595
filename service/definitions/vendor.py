"""A directory `vendor` beside the definition: the buildpacks install offline from it.

pip gets `--no-index --find-links=vendor`; conda gets `--channel vendor
--override-channels --offline` and always reads its packages from package-list.txt. Both
happen as soon as a file or directory of that name exists.
https://github.com/paketo-buildpacks/pip-install/blob/main/install_process.go
https://github.com/paketo-buildpacks/conda-env-update/blob/main/conda_runner.go
"""

import posixpath
from collections.abc import Mapping
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.local.code import follow_directory
from service.definitions.paths import ResolvedPath, join_path
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.definition import Entry
from service.domain.findings import Severity

__all__ = ["VENDOR", "follow_conda_vendor", "follow_pip_vendor"]

VENDOR: Final = "vendor"
_ARCHIVES: Final = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")


def follow_pip_vendor(reading: Reading) -> Asking[None]:
    """Add vendor/ to the closure of a requirements.txt that was parsed already."""
    found, listed = yield from _take(reading)
    if found.is_absent:
        return
    if found.is_directory and listed is not None and reading.declared:
        names = (text for text in listed if posixpath.dirname(text) == found.real)
        if not any(name.lower().endswith(_ARCHIVES) for name in names):
            reading.remark(
                Severity.ERROR,
                "vendor_empty",
                f"{show(found.path)} is here, so pip installs from it alone, and it"
                " holds no wheel or source archive; the build would fail. Rename it"
                " if it is not meant for pip, or put the packages into it.",
                path=found.path,
            )
            return
    _remark_offline(reading, found, "pip")


def follow_conda_vendor(reading: Reading, definition: ResolvedPath) -> Asking[None]:
    """Add vendor/ to the closure of a conda environment."""
    found, _ = yield from _take(reading)
    if found.is_absent:
        return
    if posixpath.basename(definition.path) == "package-list.txt":
        _remark_offline(reading, found, "conda")
        return
    reading.remark(
        Severity.ERROR,
        "vendor_without_list",
        f"{show(found.path)} is here, so the build installs from it what a"
        f" package-list.txt names, and there is none; {show(definition.path)} is not"
        " read and the build would fail. Rename the directory if it is not meant for"
        " conda, or add the output of `conda list --export` as package-list.txt.",
        path=found.path,
    )


def _take(reading: Reading) -> Asking[tuple[ResolvedPath, Mapping[str, Entry] | None]]:
    path = join_path(reading.context_dir, VENDOR) or VENDOR
    found = (yield from reading.files.find([path]))[path]
    listed = yield from follow_directory(reading, found, "vendor")
    return found, listed


def _remark_offline(reading: Reading, found: ResolvedPath, installer: str) -> None:
    reading.remark(
        Severity.WARNING,
        "vendor_offline",
        f"{show(found.path)} is here, so {installer} installs from it alone and asks"
        " no index: every package, and what it needs, has to be in it. Rename it if"
        " it is not meant for that.",
        path=found.path,
    )
