"""[project] of a pyproject.toml, as far as uv reads it.

https://packaging.python.org/en/latest/specifications/pyproject-toml/. uv takes
dependencies as texts here: one that is no requirement is none of its errors, as long
as a lock names what to install.
"""

from pydantic import BaseModel

from service.definitions.formats.project_fields import is_valid_field
from service.definitions.formats.toml_json import Table, table, text, texts
from service.definitions.local.project_file import ProjectFile
from service.definitions.python.interpreters import check_interpreter
from service.definitions.text import show
from service.definitions.uv.fitting import (
    TOLERANT,
    find_twins,
    fit_table,
    refuse_misfits,
)
from service.definitions.uv.group_pythons import group_pythons, project_python
from service.definitions.uv.scalars import Name

__all__ = ["check_metadata"]


class _Table(BaseModel):
    model_config = TOLERANT


class _Lists(_Table):
    dependencies: list[str] = []
    optional_dependencies: dict[Name, list[str]] = {}
    dynamic: list[str] = []


def check_metadata(project: ProjectFile) -> None:
    """Report what uv refuses in [project], and a Python that no build has."""
    metadata = table(project.document, "project")
    refuse_misfits(
        project, "project_invalid", fit_table(_Lists, metadata, ("project",))
    )
    extras = table(metadata, "optional-dependencies")
    twins = find_twins(extras, "project", "optional-dependencies")
    refuse_misfits(project, "project_invalid", twins)
    for key in ("name", "version"):
        _check_field(project, metadata, key)
    _check_python(project, metadata)


def _check_field(project: ProjectFile, metadata: Table, key: str) -> None:
    value = metadata.get(key)
    if value is None and (key == "name" or key not in texts(metadata.get("dynamic"))):
        project.error(
            "project_field_missing",
            f"[project] has no {key}, which uv needs; add {key} = "
            + ('"my-project"' if key == "name" else '"0.1.0"'),
            "project",
        )
    elif value is not None and not is_valid_field(key, value):
        project.error(
            "project_invalid",
            f"{show(repr(value))} is no {key} of a project; correct it",
            *("project", key),
        )


def _check_python(project: ProjectFile, metadata: Table) -> None:
    keys = ("project", "requires-python")
    requires = metadata.get("requires-python")
    if requires is not None and not is_valid_field("requires-python", requires):
        project.error(
            "project_invalid",
            f"{show(repr(requires))} is no version specifier; write one such as"
            ' ">=3.11" (^ is poetry\'s)',
            *keys,
        )
        return
    line = project.lines.line_of(*keys)
    check_interpreter(project.reading, project.found.path, text(requires), line)
    together = project_python(project.document)
    for group, _ in group_pythons(project.document):
        line = project.lines.line_of("tool", "uv", "dependency-groups", group)
        check_interpreter(project.reading, project.found.path, together, line)
