"""The messages between a process that parses a definition and its parent.

A message is one byte for the kind, then JSON with escapes, because paths can contain
bytes that are not UTF-8. Nothing here parses a definition, so that the parent, which
only answers questions about paths and contents, imports no parser.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from service.definitions.queries import Answer, Content, Entries, Listing, Question
from service.domain.building.tools import DEFAULT_TOOLS, Tools
from service.domain.definition import Definition, Entry, NoDefinition

__all__ = ["begin", "read", "read_answer", "read_begin", "write", "write_answer"]

_NOTHING: Final = b"-"
_BYTES: Final = b"b"
_ENTRIES: Final = b"e"
_KINDS: Final[Mapping[bytes, type]] = {
    b"e": Entries,
    b"c": Content,
    b"l": Listing,
    b"d": Definition,
    b"n": NoDefinition,
}

_T = TypeVar("_T")


def begin(context_dir: str, tools: Tools = DEFAULT_TOOLS) -> bytes:
    """Encode the first message: the context directory, and the builds' tools."""
    return _encode((context_dir, tools))


def read_begin(message: bytes) -> tuple[str, Tools]:
    """Decode the first message."""
    return _decode(message, tuple[str, Tools])


def write_answer(answer: Answer) -> bytes:
    """Encode the answer to a question."""
    if answer is None:
        return _NOTHING
    if isinstance(answer, bytes):
        return _BYTES + answer
    return _ENTRIES + _encode(answer)


def read_answer(raw: bytes) -> Answer:
    """Decode the answer to a question."""
    letter, rest = raw[:1], raw[1:]
    if letter == _NOTHING:
        return None
    if letter == _BYTES:
        return rest
    return _decode(rest, dict[str, Entry])


def write(message: Question | Definition | NoDefinition) -> bytes:
    """Encode a question of the child, or its result."""
    # The exact type, no subclass: the letter is all that the parent decodes by.
    kind = next(letter for letter, of in _KINDS.items() if type(message) is of)
    return kind + _encode(message)


def read(message: bytes) -> Question | Definition | NoDefinition:
    """Decode a question of the child, or its result."""
    kind: type[Question | Definition | NoDefinition] = _KINDS[message[:1]]
    return _decode(message[1:], kind)


def _encode(value: object) -> bytes:
    # `json` and not msgspec's encoder, which refuses the lone surrogates of names that
    # are not UTF-8; as escapes they pass.
    return json.dumps(msgspec.to_builtins(value)).encode("ascii")


def _decode(raw: bytes, kind: type[_T]) -> _T:
    plain: Any = json.loads(raw)
    return msgspec.convert(plain, kind)
