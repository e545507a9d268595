"""Files beside a definition: some change the image, some a person takes for one."""

from typing import Final

from service.definitions.code import follow_directory
from service.definitions.links import joined
from service.definitions.questions import Asking
from service.definitions.reading import Reading
from service.definitions.words import show
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
"""What the image's other buildpacks read: editor and JupyterLab extensions, start
scripts, Homebrew and Debian packages, processes, settings of coding agents. Those that
are directories count whole, with the bit that makes a script run."""

_UNREAD: Final = {
    "runtime.txt": "choose the Python in environment.yml or pyproject.toml",
    "apt.txt": "list Debian packages in project.toml",
    "postBuild": "use a script in init.d",
}
"""What other platforms read beside a definition, and what does its work here."""

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
"""Files that people take for definitions, and what to do instead."""


def follow_inputs(reading: Reading) -> Asking[None]:
    """Add what else changes the image, there or not, byte by byte."""
    paths = [joined(reading.context_dir, name) or name for name in _INPUTS]
    found = yield from reading.files.find(paths)
    for path in paths:
        if found[path].is_absent:
            reading.add(found[path], "input")
        else:
            yield from follow_directory(reading, found[path], "input")
    yield from _remark_unread(reading)


def _remark_unread(reading: Reading) -> Asking[None]:
    paths = {joined(reading.context_dir, it) or it: it for it in _UNREAD}
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
    """Where no definition is found: name the file that was perhaps meant for one."""
    paths = {joined(reading.context_dir, it) or it: it for it in _MISTAKES}
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
