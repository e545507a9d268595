"""A commit in memory: a dict of files that answers what the reading asks."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from service.definitions.closure import Answer, Content, Entries, Question, close
from service.definitions.questions import MAX_CONTENT, MAX_DIRECTORIES, Listing
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
from service.domain.tools import DEFAULT_TOOLS, Tools


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
        for directory in sorted(below, key=lambda it: -len(_parts(it))):
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
                mode, raw = SYMLINK, target.encode("utf-8", "surrogateescape")
            case Script(content):
                mode, raw = EXECUTABLE, content.encode()
            case str():
                mode, raw = FILE, thing.encode()
            case bytes():
                mode, raw = FILE, thing
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
                return self._listing(path)
            case Content(oid=oid):
                raw = self.contents[oid]
                return raw if len(raw) <= MAX_CONTENT else None

    def _listing(self, path: str) -> Answer:
        if path not in self.entries or self.entries[path].mode != DIRECTORY:
            return None
        below = {
            it: entry
            for it, entry in self.entries.items()
            if it and (not path or it.startswith(f"{path}/"))
        }
        directories = [it for it in below.values() if it.mode == DIRECTORY]
        if len(directories) >= MAX_DIRECTORIES:
            return None
        return {
            it: entry
            for it, entry in below.items()
            if entry.mode == SYMLINK or _parents(it)[-1] == path
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
    return {it.code for it in found.findings}


def items(found: Definition | NoDefinition) -> dict[str, Item]:
    return {it.path: it for it in found.items}


def paths(found: Definition | NoDefinition) -> set[str]:
    """The paths of the closure at which something is."""
    return {it.path for it in found.items if it.mode != ABSENT}


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]


def _parents(path: str) -> list[str]:
    parts = _parts(path)
    return ["/".join(parts[:end]) for end in range(len(parts))] or [""]


def _id(kind: bytes, raw: bytes) -> BlobId:
    return BlobId(hashlib.sha1(kind + raw, usedforsecurity=False).hexdigest())
