"""The protocol between a process that parses a definition and its parent.

The child parses untrusted files under limits of time and memory; the parent only
answers its questions about paths and contents. Messages are one byte for the kind, then
JSON with escapes, because paths can contain bytes that are not UTF-8.
"""

import json
from collections.abc import Generator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from service.definitions.closure import close
from service.definitions.conda.match_specs import load_solver
from service.definitions.queries import (
    Answer,
    Asking,
    Content,
    Entries,
    Listing,
    Question,
)
from service.domain.building.tools import DEFAULT_TOOLS, Tools
from service.domain.definition import Definition, Entry, NoDefinition

__all__ = ["begin", "converse", "prepare", "read", "write_answer"]

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


def write_answer(answer: Answer) -> bytes:
    """Encode the answer to a question."""
    if answer is None:
        return _NOTHING
    if isinstance(answer, bytes):
        return _BYTES + answer
    return _ENTRIES + _encode(answer)


def read(message: bytes) -> Question | Definition | NoDefinition:
    """Decode a question of the child, or its result."""
    kind: type[Question | Definition | NoDefinition] = _KINDS[message[:1]]
    return _decode(message[1:], kind)


def prepare() -> None:
    """Import what only the parser needs, once for all forked children."""
    # In the parent, before it forks: else every child would import it again.
    load_solver()


def converse(first: bytes) -> Generator[bytes, bytes, None]:
    """Parse a definition in the child: yield questions, then the result."""
    context_dir, tools = _decode(first, tuple[str, Tools])
    result = yield from _encode_questions(close(context_dir, tools=tools))
    yield _kind_of(result) + _encode(result)


def _encode_questions(
    reading: Asking[Definition | NoDefinition],
) -> Generator[bytes, bytes, Definition | NoDefinition]:
    answer: Answer = None
    while True:
        try:
            question = reading.send(answer)
        except StopIteration as end:
            result: Definition | NoDefinition = end.value
            return result
        answer = _decode_answer((yield _kind_of(question) + _encode(question)))


def _kind_of(message: object) -> bytes:
    # The exact type, no subclass: the letter is all that the parent decodes by.
    return next(letter for letter, kind in _KINDS.items() if type(message) is kind)


def _decode_answer(raw: bytes) -> Answer:
    letter, rest = raw[:1], raw[1:]
    if letter == _NOTHING:
        return None
    if letter == _BYTES:
        return rest
    return _decode(rest, dict[str, Entry])


def _encode(value: object) -> bytes:
    # `json` and not msgspec's encoder, which refuses the lone surrogates of names that
    # are not UTF-8; as escapes they pass.
    return json.dumps(msgspec.to_builtins(value)).encode("ascii")


def _decode(raw: bytes, kind: type[_T]) -> _T:
    plain: Any = json.loads(raw)
    return msgspec.convert(plain, kind)
