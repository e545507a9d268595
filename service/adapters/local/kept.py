"""What a build sees of a commit, and what an image keeps of it.

A build sees what counts in the closure of its definition and nothing else, so no image
can depend on a file, or hold one, that its key does not know. Where no project of the
repository is installed, the image keeps nothing of the commit at all: sessions bring
a checkout of their own.
"""

import asyncio
import os
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from service.adapters.folder import Folder
from service.adapters.local.bench import Bench
from service.adapters.local.clone import drop_history
from service.adapters.local.folders import remove_tree
from service.definitions.closure import close
from service.definitions.questions import (
    MAX_CONTENT,
    MAX_DIRECTORIES,
    Answer,
    Content,
    Entries,
)
from service.domain.definition import DIRECTORY, Definition, Entry, NoDefinition
from service.domain.repository import BlobId

__all__ = ["drop_checkout", "keep_what_counts", "prune"]

_SOME: Final = BlobId("directory")


def keep_what_counts(bench: Bench) -> None:
    """Remove from the working tree what the definition does not depend on."""
    found = asyncio.run(_definition(Folder(bench.source), bench.job.context_dir))
    if not isinstance(found, Definition) or found.path != bench.job.path:
        return
    bench.holds_code = found.holds_code
    bench.kept = found.kept
    if bench.kept is None:
        return
    drop_history(bench)  # What was fetched holds the files that are left out.
    removed = prune(bench.source, frozenset(bench.kept))
    if removed:
        bench.say(f"{removed} files of the commit do not count and are left out")


def drop_checkout(bench: Bench) -> None:
    """Remove the working tree from an image that nothing of it was installed into.

    What the build itself put there stays: installers may point to it.
    """
    if bench.holds_code or bench.kept is None:
        return
    for name in bench.kept:
        path = bench.source / name
        if not path.parent.resolve().is_relative_to(bench.source.resolve()):
            continue  # A build may have put a link in the place of a folder.
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
    if not any(files for _, _, files in os.walk(bench.source)):
        remove_tree(bench.source)


async def _definition(folder: Folder, context_dir: str) -> Definition | NoDefinition:
    asking = close(context_dir)
    answer: Answer = None
    while True:
        try:
            question = asking.send(answer)
        except StopIteration as end:
            found: Definition | NoDefinition = end.value
            return found
        if isinstance(question, Content):
            answer = await folder.read(question.oid, limit=MAX_CONTENT)
        elif isinstance(question, Entries):
            answer = _whole(await folder.entries(question.paths))
        else:
            listed = await folder.listing(question.path, limit=MAX_DIRECTORIES)
            answer = None if listed is None else _whole(listed)


def _whole(entries: Mapping[str, Entry]) -> Mapping[str, Entry]:
    """Give directories an id, which a folder's have none: what counts has one."""
    return {
        path: replace(entry, oid=_SOME) if entry.mode == DIRECTORY else entry
        for path, entry in entries.items()
    }


def prune(source: Path, kept: Collection[str]) -> int:
    """Remove every file and link that is not kept, nor below something that is."""
    removed = 0
    for here, folders, files in os.walk(source):
        where = os.path.relpath(here, source)
        names = {
            name: name if where == "." else f"{where}/{name}"
            for name in (*folders, *files)
        }
        whole = {name for name in folders if names[name] in kept}
        links = {name for name in folders if Path(here, name).is_symlink()}
        folders[:] = [name for name in folders if name not in whole | links]
        for name in (*files, *(links - whole)):
            if names[name] not in kept:
                Path(here, name).unlink()
                removed += 1
    return removed
