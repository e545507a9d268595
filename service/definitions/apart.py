"""The reading of a definition in another process: its questions and answers as bytes.

The process reads what strangers wrote; who asks it only carries bytes to it.
Text is JSON with escapes, because paths can hold bytes that are no UTF-8.
"""

import json
from collections.abc import Generator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from service.definitions.closure import close
from service.definitions.questions import (
    Answer,
    Asking,
    Content,
    Entries,
    Listing,
    Question,
)
from service.definitions.specs import load_solver
from service.domain.definition import Definition, Entry, NoDefinition
from service.domain.tools import DEFAULT_TOOLS, Tools

__all__ = ["begin", "converse", "prepare", "read", "write_answer"]

_NOTHING: Final = b"-"
_BYTES: Final = b"b"
_ENTRIES: Final = b"e"
_SAID: Final[Mapping[bytes, type]] = {
    b"e": Entries,
    b"c": Content,
    b"l": Listing,
    b"d": Definition,
    b"n": NoDefinition,
}

_T = TypeVar("_T")


def begin(context_dir: str, tools: Tools = DEFAULT_TOOLS) -> bytes:
    """Write the first message: where to look for the definition, and what builds it."""
    return _text((context_dir, tools))


def write_answer(answer: Answer) -> bytes:
    """Write an answer to a question."""
    if answer is None:
        return _NOTHING
    if isinstance(answer, bytes):
        return _BYTES + answer
    return _ENTRIES + _text(answer)


def read(said: bytes) -> Question | Definition | NoDefinition:
    """Read a question, or what was found in the end."""
    kind: type[Question | Definition | NoDefinition] = _SAID[said[:1]]
    return _object(said[1:], kind)


def prepare() -> None:
    """Load what only those who read definitions need, for all children at once."""
    load_solver()


def converse(first: bytes) -> Generator[bytes, bytes, None]:
    """Read a definition, where it can hurt nobody."""
    context_dir, tools = _object(first, tuple[str, Tools])
    found = yield from _asked(close(context_dir, tools=tools))
    yield _letter(found) + _text(found)


def _asked(
    reading: Asking[Definition | NoDefinition],
) -> Generator[bytes, bytes, Definition | NoDefinition]:
    answer: Answer = None
    while True:
        try:
            question = reading.send(answer)
        except StopIteration as end:
            found: Definition | NoDefinition = end.value
            return found
        answer = _answer((yield _letter(question) + _text(question)))


def _letter(said: object) -> bytes:
    return next(letter for letter, kind in _SAID.items() if type(said) is kind)


def _answer(raw: bytes) -> Answer:
    letter, rest = raw[:1], raw[1:]
    if letter == _NOTHING:
        return None
    if letter == _BYTES:
        return rest
    return _object(rest, dict[str, Entry])


def _text(value: object) -> bytes:
    return json.dumps(msgspec.to_builtins(value)).encode("ascii")


def _object(raw: bytes, kind: type[_T]) -> _T:
    plain: Any = json.loads(raw)
    return msgspec.convert(plain, kind)
