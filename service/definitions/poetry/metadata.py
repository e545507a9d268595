"""Checks of the metadata that poetry writes for the package that it installs.

https://github.com/python-poetry/poetry-core/blob/1.9.0/src/poetry/core/masonry/metadata.py
"""

import re
from collections.abc import Iterator

from service.definitions.formats.toml_json import table, texts
from service.definitions.formats.toml_lines import Keys
from service.definitions.paths import join_path
from service.definitions.poetry.git_urls import check_git_urls
from service.definitions.poetry.groups import Dependency, list_dependencies
from service.definitions.poetry.project import PoetryProject
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["check_metadata"]

_AUTHOR = re.compile(r"[\w\s.,'’\"():&-]+(?: <.+>)?")  # noqa: RUF001 - a sign of names


def check_metadata(project: PoetryProject) -> Asking[bool]:
    """Check the metadata; return whether poetry goes on to the package's files.

    The READMEs come first. Where one is not there, version 1 warns and gives the
    package up, and reads nothing more of it.
    """
    if not (yield from _check_readmes(project)):
        return False
    _check_people(project)
    _check_classifiers(project)
    check_git_urls(project, _written(project))
    return True


def _written(project: PoetryProject) -> Iterator[Dependency]:
    """Yield the dependencies that the metadata names; optional ones in version 1."""
    for dependency in list_dependencies(project.poetry):
        is_optional = any(form.get("optional") is True for form in dependency.forms)
        if dependency.is_main and not (project.is_modern and is_optional):
            yield dependency


def _check_people(project: PoetryProject) -> None:
    for key in ("authors", "maintainers"):
        people = texts(project.poetry.get(key))
        if people and not _AUTHOR.fullmatch(people[0]):
            project.error(
                "author_invalid",
                f"{show(repr(people[0]))} is no name that poetry reads; write it as"
                ' "Name Surname <name@example.org>"',
                "tool",
                "poetry",
                key,
            )


def _check_classifiers(project: PoetryProject) -> None:
    """Report a classifier that is no text: poetry sorts them among its own."""
    classifiers = project.poetry.get("classifiers")
    for item in classifiers if isinstance(classifiers, list) else ():
        if not isinstance(item, str):
            project.error(
                "classifier_invalid",
                f"of the classifiers, {show(repr(item))} is no text; write it in"
                " quotes, or take it out",
                "tool",
                "poetry",
                "classifiers",
            )


def _check_readmes(project: PoetryProject) -> Asking[bool]:
    """Check the named READMEs in order; return whether poetry goes on."""
    keys, names = _readmes(project)
    paths = [join_path(project.reading.context_dir, name) for name in names]
    inside = (path for path in paths if path is not None)
    found = yield from project.reading.files.find(inside)
    for name, path in zip(names, paths, strict=True):
        readme = None if path is None else found[path]
        if readme is not None and readme.is_file:
            continue
        if readme is not None:
            project.reading.add(readme, "metadata", whole=False)
        is_directory = readme is not None and readme.is_directory
        if not (is_directory or project.is_modern):
            _remark_missing(project, keys, name)
            return False
        what = "is a directory; name a file" if is_directory else "is not there; add it"
        project.error(
            "readme_missing",
            f"the README {show(name) or repr(name)} {what}, or remove the key",
            *keys,
            word=name,
        )
    return True


def _readmes(project: PoetryProject) -> tuple[Keys, list[str]]:
    """Return the key that names the READMEs, and their names.

    In version 2 that of [project] wins, and an empty name is none.
    """
    readme = project.project.get("readme") if project.is_modern else None
    if readme:
        names = texts(readme) or texts(table(readme).get("file"))
        return ("project", "readme"), [*names]
    names = texts(project.poetry.get("readme"))
    used = [name for name in names if name or not project.is_modern]
    return ("tool", "poetry", "readme"), used


def _remark_missing(project: PoetryProject, keys: Keys, name: str) -> None:
    # Once it is there, the package is installed as well.
    project.reading.mean("readme", name, "absent")
    project.remark(
        Severity.WARNING,
        "readme_missing",
        f"the README {show(name)} is not there, and without it poetry"
        f" {project.version} installs the dependencies and not the package; add it, or"
        " remove the key",
        *keys,
        word=name,
    )
