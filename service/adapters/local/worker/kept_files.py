"""Limit which files of a commit a build sees and an image keeps.

A build sees only the files in the closure of its definition, so no image can depend on
a file that is not part of its key. Where no project of the repository is installed,
the image keeps no file of the commit: sessions have their own checkout.
"""

import asyncio
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from service.adapters.git.worktree import Folder
from service.adapters.local.folders import remove_tree, walk_tree
from service.adapters.local.worker.clone import drop_history
from service.adapters.local.worker.context import BuildContext
from service.definitions.closure import close
from service.definitions.queries import (
    MAX_DIRECTORIES,
    Answer,
    Content,
    Entries,
    max_bytes,
)
from service.domain.definition import DIRECTORY, Definition, Entry, NoDefinition
from service.domain.repository import BlobId

__all__ = ["drop_checkout", "prune", "remove_unused_files"]

_SOME: Final = BlobId("directory")


def remove_unused_files(context: BuildContext) -> None:
    """Remove the files that the definition does not depend on from the working tree."""
    found = asyncio.run(
        _find_definition(Folder(context.source), context.job.context_dir)
    )
    # The definition is read again here, by the same rules; where the result differs, as
    # after an upgrade, all files are kept.
    if not isinstance(found, Definition) or found.path != context.job.path:
        return
    context.holds_code = found.holds_code
    context.kept = found.kept
    if context.kept is None:
        return
    drop_history(context)  # The fetched pack contains the removed files, too.
    removed = prune(context.source, frozenset(context.kept))
    if removed:
        context.log(f"{removed} files of the commit do not count and are left out")


def drop_checkout(context: BuildContext) -> None:
    """Remove the commit's files from an image where no project of it is installed.

    Files that the build created stay: an installed package may point to them.
    """
    if context.holds_code or context.kept is None:
        return
    for name in context.kept:
        path = context.source / name
        if not path.parent.resolve().is_relative_to(context.source.resolve()):
            continue  # A build may have replaced a folder by a symlink to the outside.
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
    if not any(files for _, _, files in walk_tree(context.source)):
        remove_tree(context.source)


async def _find_definition(
    folder: Folder, context_dir: str
) -> Definition | NoDefinition:
    asking = close(context_dir)
    answer: Answer = None
    while True:
        try:
            question = asking.send(answer)
        except StopIteration as end:
            found: Definition | NoDefinition = end.value
            return found
        if isinstance(question, Content):
            answer = await folder.read(question.oid, limit=max_bytes(question.path))
        elif isinstance(question, Entries):
            answer = _with_directory_ids(await folder.entries(question.paths))
        else:
            listed = await folder.listing(question.path, limit=MAX_DIRECTORIES)
            answer = None if listed is None else _with_directory_ids(listed)


def _with_directory_ids(entries: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """Give directories an id: the closure requires one, a working tree has none."""
    return {
        path: replace(entry, oid=_SOME) if entry.mode == DIRECTORY else entry
        for path, entry in entries.items()
    }


def prune(source: Path, kept: Collection[str]) -> int:
    """Remove all files and links that are neither kept nor below a kept folder."""
    removed = 0
    for here, folders, files in walk_tree(source):
        where = os.path.relpath(here, source)
        names = {
            name: name if where == "." else f"{where}/{name}"
            for name in (*folders, *files)
        }
        whole = {name for name in folders if names[name] in kept}
        # Links to folders are listed among folders: they are removed as files, and
        # never walked into.
        links = {name for name in folders if Path(here, name).is_symlink()}
        folders[:] = [name for name in folders if name not in whole | links]
        for name in (*files, *(links - whole)):
            if names[name] not in kept:
                Path(here, name).unlink()
                removed += 1
    return removed
