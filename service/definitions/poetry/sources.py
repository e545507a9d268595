"""Checks of the package sources of a poetry project."""

from urllib.parse import urlsplit

from service.definitions.formats.toml_json import Table, list_tables, text
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
        if why := _check_url(source, is_pypi=is_pypi):
            _refuse(project, place, f"{show(name)} {why}")
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


def _check_url(source: Table, *, is_pypi: bool) -> str:
    """Return what is wrong with the URL of a source; empty when nothing is."""
    url = text(source.get("url")) or ""
    if is_pypi and "url" in source:
        return "cannot have a URL; remove the url"
    if not is_pypi and not url:
        return "has no URL; add one"
    try:
        urlsplit(url)
    except ValueError as exc:
        return f"has a URL that cannot be read: {show(str(exc))}; correct it"
    return ""


def _refuse(project: PoetryProject, place: int, why: str) -> None:
    project.error(
        "source_invalid",
        f"of the sources of packages, {why}",
        "tool",
        "poetry",
        "source",
        str(place),
    )
