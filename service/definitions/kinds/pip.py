"""pip: requirements.txt and what it includes, or a project described by setup.cfg."""

from collections.abc import Collection
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.formats.pyproject import is_of_poetry
from service.definitions.formats.values import Table, table, text
from service.definitions.kinds.spec import Choice, KindSpec
from service.definitions.local.projects import follow_project
from service.definitions.pip.closure import Requirements
from service.definitions.pip.requirements_txt import RequirementLocation
from service.definitions.queries import Asking
from service.definitions.vendor import follow_pip_vendor
from service.domain.definition import Kind
from service.domain.findings import Severity

__all__ = ["SPEC"]

_REQUIREMENTS: Final = "requirements.txt"


def _claims(document: Table | None, locks: Collection[str]) -> bool:
    """Claim a pyproject.toml without [project] whose build backend is setuptools.

    Its metadata is in setup.py or setup.cfg. It names no Python, so that the
    buildpacks' poetry group passes it over, and the last one runs `pip install .`.
    That one goes by `build-backend` alone: where it is missing, it runs poetry, though
    by PEP 517 it means setuptools.
    """
    if document is None or locks or "project" in document or is_of_poetry(document):
        return False
    backend = text(table(document, "build-system").get("build-backend")) or ""
    return backend.partition(".")[0] == "setuptools"


def _follow(reading: Reading, choice: Choice) -> Asking[None]:
    """Read a requirements.txt and what it includes, or the project itself."""
    python = reading.tools.pip_python
    reading.python = f"=={python}.*"
    is_listed = choice.name == _REQUIREMENTS
    what = "requirements.txt" if is_listed else "pyproject.toml without [project]"
    reading.remark(
        Severity.NOTE,
        "python_version_default",
        f"A {what} is built with Python {python}, unless the platform"
        " is set up otherwise, and cannot ask for another; use environment.yml or"
        f" {'' if is_listed else 'the [project] table of '}pyproject.toml to choose the"
        " version.",
        path=choice.found.path,
    )
    if not is_listed:
        reading.mean("installs", "project")
        reading.loosen()
        yield from follow_project(reading, reading.context_dir, is_by_pip=True)
        return
    requirements = Requirements(reading, pythons=(python,))
    yield from requirements.file(
        RequirementLocation(path=choice.found.path), choice.found
    )
    requirements.finish()
    yield from follow_pip_vendor(reading)


SPEC: Final = KindSpec(
    kind=Kind.PIP,
    names=(_REQUIREMENTS,),
    claims=_claims,
    follow=_follow,
    installs_declared=True,
)
