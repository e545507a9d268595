"""Checks of versions and markers in every dependency group; poetry parses them all."""

import re
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from service.definitions.formats.toml_json import Table, table, text, texts
from service.definitions.formats.toml_lines import Keys
from service.definitions.poetry.git_urls import (
    check_git_urls,
    is_git_url,
    refuse_git_url,
)
from service.definitions.poetry.groups import list_dependencies
from service.definitions.poetry.project import PoetryProject
from service.definitions.poetry.versions import (
    is_constraint,
    is_marker,
    is_platform,
    is_version,
)
from service.definitions.text import show, show_reason

__all__ = ["check_dependencies"]


def check_dependencies(project: PoetryProject) -> None:
    """Report versions, markers and names of dependencies that poetry refuses."""
    _check_version(project)
    own = text(project.poetry.get("name"))
    for dependency in list_dependencies(project.poetry):
        keys, name = dependency.keys, dependency.name
        if own and canonicalize_name(own) == canonicalize_name(name):
            project.error(
                "self_dependency",
                f"the project {show(own)} depends on itself; remove the line, or give"
                " the project another name",
                *keys,
            )
        if dependency.is_python:
            for constraint in texts(dependency.wanted) if dependency.is_main else ():
                _check_constraint(project, keys, name, constraint)
            continue
        for form in dependency.forms:
            _check_dependency(project, keys, name, form)
    if project.is_modern:
        _check_git_urls(project)
        _check_requirements(project)


def _check_git_urls(project: PoetryProject) -> None:
    """Check the addresses of repositories in every group, as version 2 does.

    Version 1 reads those alone that it writes into the metadata of a package.
    """
    wanted = list_dependencies(project.poetry)
    named = (
        dependency
        for dependency in wanted
        if all(form.get("git") != "" for form in dependency.forms)
    )
    check_git_urls(project, named)


def _check_version(project: PoetryProject) -> None:
    for owner, keys in (
        (project.poetry, ("tool", "poetry", "version")),
        (project.project if project.is_modern else {}, ("project", "version")),
    ):
        version = text(owner.get("version"))
        if version is not None and not is_version(version):
            project.error(
                "version_invalid",
                f"{show(repr(version))} is no version; write one such as 0.1.0",
                *keys,
            )


def _check_dependency(
    project: PoetryProject, keys: Keys, name: str, wanted: Table
) -> None:
    version = text(wanted.get("version"))
    if version is not None:
        _check_constraint(project, keys, name, version)
    python = text(wanted.get("python"))
    if python:
        _check_constraint(project, keys, name, python)
    markers = text(wanted.get("markers")) or ""
    if not is_marker(markers):
        project.error(
            "marker_invalid",
            f"{show(repr(markers))} of {show(name)} is no environment marker; write one"
            " such as python_version >= '3.11'",
            *keys,
            word=markers,
        )
    platform = text(wanted.get("platform")) or ""
    if not is_platform(platform, major=project.major):
        project.error(
            "platform_invalid",
            f"{show(repr(platform))} of {show(name)} is no platform; write one such as"
            " linux, or several as linux || darwin",
            *keys,
            word=platform,
        )
    url = text(wanted.get("url"))
    if url is not None and not _is_url(url):
        project.error(
            "url_invalid",
            f"{show(repr(url))} of {show(name)} is no URL; write it with its scheme",
            *keys,
            word=url,
        )


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)


def _check_constraint(
    project: PoetryProject, keys: Keys, name: str, constraint: str
) -> None:
    if is_constraint(constraint, major=project.major):
        return
    project.error(
        "constraint_invalid",
        f"{show(repr(constraint))} is no version of {show(name)} that poetry can read;"
        ' write a constraint such as "^1.2", ">=1.2,<2" or "*"',
        *keys,
        word=constraint,
    )


def _check_requirements(project: PoetryProject) -> None:
    """Check the requirements in [project], which version 2 reads."""
    python = text(project.project.get("requires-python"))
    if python:
        _check_constraint(project, ("project", "requires-python"), "Python", python)
    wanted: list[Keys] = [("project", "dependencies")]
    for owner in (("project", "optional-dependencies"), ("dependency-groups",)):
        wanted += [(*owner, name) for name in table(project.document, *owner)]
    for keys in wanted:
        requirements = table(project.document, *keys[:-1]).get(keys[-1], [])
        if not isinstance(requirements, list):
            project.error(
                "requirement_invalid",
                f"{show('.'.join(keys))} is no array of requirements; write one",
                *keys,
            )
        for requirement in texts(requirements):
            _check_requirement(project, keys, requirement)


def _check_requirement(project: PoetryProject, keys: Keys, requirement: str) -> None:
    try:
        asked = Requirement(requirement)
    except InvalidRequirement as exc:
        why = re.split(r"[\n]", str(exc))[0]
        project.error(
            "requirement_invalid",
            f"{show(repr(requirement))} is no requirement: {show_reason(why)}; write"
            ' one such as "six>=1.16"',
            *keys,
            word=requirement,
        )
    except RecursionError:
        return
    else:
        url = asked.url or ""
        if url.startswith("git+") and not is_git_url(url, major=project.major):
            refuse_git_url(project, url, asked.name, *keys)
