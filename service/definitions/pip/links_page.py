"""Follow `--find-links`: a directory of archives, or a page on the web."""

import posixpath
import re
from typing import Final

from service.definitions.closure_builder import Reading
from service.definitions.local.code import follow_directory
from service.definitions.paths import join_path
from service.definitions.pip.findings import PipRemarks
from service.definitions.pip.requirement_urls import is_archive
from service.definitions.pip.requirements_txt import (
    Include,
    has_variable,
)
from service.definitions.queries import Asking
from service.definitions.text import show

__all__ = ["FILE_URL", "WEB_URL", "follow_links_page", "path_instead"]

WEB_URL: Final = re.compile(r"https?:", re.IGNORECASE)
FILE_URL: Final = re.compile(r"file:/*", re.IGNORECASE)


def follow_links_page(
    reading: Reading, remarks: PipRemarks, file: str, value: str
) -> Asking[str]:
    """Add a directory of archives to the closure; return its path, or the URL.

    Pip tries the directory of the requirements file first.
    """
    if WEB_URL.match(value) or FILE_URL.match(value) or has_variable(value):
        return value
    # Pip uses a path beside the requirements file if it exists there, else the text
    # as it is, relative to its working directory: the order decides.
    for base in (posixpath.dirname(file), reading.context_dir):
        path = join_path(base, value)
        if path is None:
            break
        found = (yield from reading.files.find([path]))[path]
        yield from follow_directory(reading, found, "archives")
        if found.is_file and not is_archive(path):
            remarks.links_page(file, path)
        if not found.is_absent:
            return reading.relative(path)
    return value


def path_instead(include: Include) -> str:
    """Return what to write instead of a `file:` URL; empty for anything else."""
    match = FILE_URL.match(include.path)
    if match is None:
        return ""
    option = "-c" if include.is_constraint else "-r"
    return f"write {option} {show(include.path[match.end() :])}"
