"""Files beside a definition: inputs of other buildpacks, and common mistakes."""

from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.local.code import follow_directory
from service.definitions.paths import join_path
from service.definitions.queries import Asking
from service.definitions.text import show
from service.domain.findings import Severity

__all__ = ["follow_inputs", "look_for_mistakes"]

_INPUTS: Final = (
    ".vscode/extensions.json",
    "jupyterlab_extensions.txt",
    "init.d",
    "Brewfile",
    "project.toml",
    "Procfile",
    ".pi",
    ".claude",
    ".codex",
)
"""Files that the other buildpacks read: editor and JupyterLab extensions, start
scripts,
Homebrew and Debian packages, processes, settings of coding agents. Directories count
with all their content and the executable bits."""

_UNREAD: Final = {
    "runtime.txt": "choose the Python in environment.yml or pyproject.toml",
    "apt.txt": "list Debian packages in project.toml",
    "postBuild": "use a script in init.d",
}
"""Files that other platforms read, and their equivalents here."""

_MISTAKES: Final = {
    "Requirements.txt": "rename it to requirements.txt (names are case-sensitive)",
    "requirement.txt": "rename it to requirements.txt",
    "requirements.in": "compile it to requirements.txt and commit that",
    "Environment.yml": "rename it to environment.yml (names are case-sensitive)",
    "env.yml": "rename it to environment.yml",
    "conda.yml": "rename it to environment.yml",
    "conda-lock.yml": "add the environment.yml it was made from",
    "pixi.toml": "write an environment.yml; pixi is not supported",
    "pylock.toml": "write a requirements.txt; pylock.toml is not supported",
    "setup.py": "write a requirements.txt with the line: -e .",
    "renv.lock": "use an image of your own; R is not built here",
    "install.R": "use an image of your own; R is not built here",
    "binder/environment.yml": "set the context directory to binder",
    "binder/requirements.txt": "set the context directory to binder",
    ".binder/environment.yml": "set the context directory to .binder",
    ".binder/requirements.txt": "set the context directory to .binder",
}
"""Files that are mistaken for definitions, and what to do instead."""


def follow_inputs(reading: Reading) -> Asking[None]:
    """Add the files that other buildpacks read, present or absent, by their bytes."""
    paths = [join_path(reading.context_dir, name) or name for name in _INPUTS]
    found = yield from reading.files.find(paths)
    for path in paths:
        if found[path].is_absent:
            reading.add(found[path], "input")
        else:
            yield from follow_directory(reading, found[path], "input")
    yield from _remark_unread(reading)


def _remark_unread(reading: Reading) -> Asking[None]:
    paths = {join_path(reading.context_dir, text) or text: text for text in _UNREAD}
    found = yield from reading.files.find(paths)
    for path, name in paths.items():
        if found[path].is_file and not reading.covers(path):
            reading.remark(
                Severity.NOTE,
                "not_read",
                f"{show(path)} is not read here: {_UNREAD[name]}.",
                path=path,
            )


def look_for_mistakes(reading: Reading) -> Asking[None]:
    """Report files that may have been meant as the missing definition."""
    paths = {
        join_path(reading.context_dir, mistake) or mistake: mistake
        for mistake in _MISTAKES
    }
    found = yield from reading.files.find(paths)
    for path, name in paths.items():
        if found[path].is_file:
            reading.remark(
                Severity.WARNING,
                "not_a_definition",
                f"{show(path)} is not read as an environment definition:"
                f" {_MISTAKES[name]}.",
                path=path,
            )
