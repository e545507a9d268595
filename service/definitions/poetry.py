"""What poetry, and the buildpack that runs it, refuse or quietly leave out."""

import posixpath
import re
from collections.abc import Iterable

from service.definitions.links import Found, joined
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.tables import Table, table, tables, text
from service.definitions.words import show
from service.domain.findings import Severity

__all__ = ["check_poetry"]


def check_poetry(reading: Reading, found: Found, document: Table) -> Asking[None]:
    """Say what a person should know of a project that poetry is to install."""
    _check_table(reading, found, document)
    _check_python(reading, found, document)
    poetry = table(document, "tool", "poetry")
    if poetry and poetry.get("package-mode") is not False:
        yield from _check_package(reading, found, document)


def _check_table(reading: Reading, found: Found, document: Table) -> None:
    if "poetry" in table(document, "tool"):
        return
    reading.remark(
        Severity.ERROR,
        "poetry_table_missing",
        f"{show(found.path)} is handed to poetry, which installs it only with a"
        " [tool.poetry] table; the build would fail. Add one, or commit a uv.lock to"
        " build with uv, or list the packages in a requirements.txt.",
        path=found.path,
    )


def _check_python(reading: Reading, found: Found, document: Table) -> None:
    """The buildpack takes a pyproject.toml for poetry's only if it names a Python."""
    wanted = table(document, "tool", "poetry", "dependencies").get("python")
    if wanted is not None or "requires-python" in table(document, "project"):
        return
    reading.remark(
        Severity.ERROR,
        "python_missing",
        f"{show(found.path)} names no Python version, so the build does not recognise"
        ' it; add python = "^3.12" under [tool.poetry.dependencies].',
        path=found.path,
    )


def _check_package(reading: Reading, found: Found, document: Table) -> Asking[None]:
    """Look for the package as poetry does.

    https://python-poetry.org/docs/pyproject/#packages
    """
    places = list(_package_places(document))
    paths = {
        path for it in places if (path := joined(reading.context_dir, it)) is not None
    }
    looked = yield from reading.files.find(paths)
    for path, it in looked.items():
        reading.add(it, "package", whole=False)
        kind = "directory" if it.is_directory else it.entry.mode
        reading.mean("package", reading.relative(path), kind)
    if not places or any(not it.is_absent for it in looked.values()):
        return
    reading.remark(
        # Tried: poetry 1.8.3 warns and ends with 0; from 2.0 on it ends with 1.
        Severity.WARNING,
        "package_mode_missing",
        f"{show(found.path)} describes a package, and {show(places[0])} is not there:"
        " poetry 1.8 installs the dependencies and warns, poetry 2 fails. Write"
        " package-mode = false under [tool.poetry] if this is no package.",
        path=found.path,
    )


def _package_places(document: Table) -> Iterable[str]:
    """Yield where a package may be; nothing when patterns leave it open."""
    poetry = table(document, "tool", "poetry")
    packages = tables(poetry.get("packages"))
    for package in packages:
        include = text(package.get("include")) or "*"
        if re.search(r"[*?\[]", include):
            return
        yield posixpath.join(text(package.get("from")) or "", include)
    name = text(poetry.get("name")) or text(table(document, "project").get("name"))
    if packages or not name:
        return
    module = re.sub(r"[-_.]+", "_", name.lower())
    for place in (module, f"src/{module}"):
        yield from (place, f"{place}.py")
