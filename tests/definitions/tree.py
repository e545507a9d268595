"""A commit in memory: a dict of files that answers what the reading asks."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from service.definitions.closure import Answer, Content, Entries, Question, close
from service.definitions.queries import MAX_DIRECTORIES, Listing, max_bytes
from service.domain.building.tools import DEFAULT_TOOLS, Tools
from service.domain.definition import (
    ABSENT,
    DIRECTORY,
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    Definition,
    Entry,
    Item,
    NoDefinition,
)
from service.domain.repository import BlobId


@dataclass(frozen=True)
class LinkTo:
    target: str


@dataclass(frozen=True)
class Submodule:
    commit: str


@dataclass(frozen=True)
class Script:
    """A file with the bit that makes it run."""

    content: str


Thing = str | bytes | LinkTo | Submodule | Script
Files = Mapping[str, Thing]

MAX_QUESTIONS = 3000


class Commit:
    """Answers as a tree of git does: nothing below links, and ids by content."""

    def __init__(self, files: Files) -> None:
        self.contents: dict[BlobId, bytes] = {}
        self.entries: dict[str, Entry] = {}
        self.asked: list[Question] = []
        below: dict[str, list[tuple[str, Entry]]] = {"": []}
        for path in files:
            for parent in _parents(path):
                below.setdefault(parent, [])
        for path, thing in files.items():
            self.entries[path] = self._entry(thing)
        for directory in sorted(below, key=lambda text: -len(_parts(text))):
            listing = sorted(
                (path, entry)
                for path, entry in self.entries.items()
                if path != directory and _parents(path)[-1] == directory
            )
            rows = repr([(p, e.mode, e.oid) for p, e in listing]).encode()
            self.entries[directory] = Entry(mode=DIRECTORY, oid=_id(b"tree", rows))

    def _entry(self, thing: Thing) -> Entry:
        match thing:
            case Submodule(commit):
                return Entry(mode=GITLINK, oid=BlobId(commit))
            case LinkTo(target):
                return self._blob(SYMLINK, target.encode("utf-8", "surrogateescape"))
            case Script(content):
                return self._blob(EXECUTABLE, content.encode())
            case str():
                return self._blob(FILE, thing.encode())
            case bytes():
                return self._blob(FILE, thing)

    def _blob(self, mode: str, raw: bytes) -> Entry:
        oid = _id(b"blob", raw)
        self.contents[oid] = raw
        return Entry(mode=mode, oid=oid, size=len(raw))

    def answer(self, question: Question) -> Answer:
        self.asked.append(question)
        assert len(self.asked) < MAX_QUESTIONS, "the reading does not come to an end"
        match question:
            case Entries(paths=paths):
                for path in paths:
                    path.encode("utf-8", "surrogateescape")
                nothing = Entry(mode=ABSENT, oid=BlobId(""))
                return {path: self.entries.get(path, nothing) for path in paths}
            case Listing(path=path):
                return self.list_directory(path, limit=MAX_DIRECTORIES)
            case Content(oid=oid, path=path):
                raw = self.contents[oid]
                return raw if len(raw) <= max_bytes(path) else None

    def list_directory(self, path: str, *, limit: int) -> Mapping[str, Entry] | None:
        """List a directory, as `Tree.listing` promises."""
        if path not in self.entries or self.entries[path].mode != DIRECTORY:
            return None
        below = {
            text: entry
            for text, entry in self.entries.items()
            if text and (not path or text.startswith(f"{path}/"))
        }
        directories = [item for item in below.values() if item.mode == DIRECTORY]
        if len(directories) >= limit:  # the directory counts, too
            return None
        return {
            text: entry
            for text, entry in below.items()
            if entry.mode == SYMLINK or _parents(text)[-1] == path
        }

    def read(
        self, context_dir: str = "", *, tools: Tools = DEFAULT_TOOLS
    ) -> Definition | NoDefinition:
        reading = close(context_dir, tools=tools)
        answer: Answer = None
        try:
            question = next(reading)
            while True:
                answer = self.answer(question)
                question = reading.send(answer)
        except StopIteration as end:
            found: Definition | NoDefinition = end.value
            return found


def read(
    files: Files, context_dir: str = "", *, tools: Tools = DEFAULT_TOOLS
) -> Definition:
    """Read a commit that has a definition."""
    found = Commit(files).read(context_dir, tools=tools)
    assert isinstance(found, Definition), found
    return found


def codes(found: Definition | NoDefinition) -> set[str]:
    return {finding.code for finding in found.findings}


def items(found: Definition | NoDefinition) -> dict[str, Item]:
    return {item.path: item for item in found.items}


def paths(found: Definition | NoDefinition) -> set[str]:
    """The paths of the closure at which something is."""
    return {item.path for item in found.items if item.mode != ABSENT}


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _parents(path: str) -> list[str]:
    parts = _parts(path)
    return ["/".join(parts[:end]) for end in range(len(parts))] or [""]


def _id(kind: bytes, raw: bytes) -> BlobId:
    return BlobId(hashlib.sha1(kind + raw, usedforsecurity=False).hexdigest())
