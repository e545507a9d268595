"""Checks of the package sources of a poetry project."""

from service.definitions.formats.toml_json import list_tables, text
from service.definitions.poetry.project import PoetryProject
from service.definitions.text import show

__all__ = ["check_sources"]


def check_sources(project: PoetryProject) -> None:
    """Report each [[tool.poetry.source]] that poetry refuses.

    https://python-poetry.org/docs/1.8/repositories/#package-sources
    """
    seen: set[str] = set()
    defaults = 0
    for place, source in enumerate(list_tables(project.poetry.get("source"))):
        name = text(source.get("name")) or ""
        is_pypi = name.lower() == "pypi"
        is_default = source.get("default") is True
        defaults += is_default or source.get("priority") == "default"
        if is_pypi and "url" in source:
            _refuse(project, place, f"{show(name)} cannot have a URL; remove the url")
        elif not is_pypi and not source.get("url"):
            _refuse(project, place, f"{show(name)} has no URL; add one")
        if name.lower() in seen:
            _refuse(project, place, f"{show(name)} is named twice; rename one")
        seen.add(name.lower())
        if "priority" in source and {"default", "secondary"} & source.keys():
            why = f"{show(name)} has a priority and default or secondary; keep one"
            _refuse(project, place, why)
        if defaults > 1 and (is_default or source.get("priority") == "default"):
            _refuse(project, place, f"{show(name)} is a second default; keep one")
    explicit = [
        source.get("priority") == "explicit"
        for source in list_tables(project.poetry.get("source"))
    ]
    if "pypi" in seen and all(explicit):
        _refuse(project, 0, "all of them are explicit; give one another priority")


def _refuse(project: PoetryProject, place: int, why: str) -> None:
    project.error(
        "source_invalid",
        f"of the sources of packages, {why}",
        "tool",
        "poetry",
        "source",
        str(place),
    )
