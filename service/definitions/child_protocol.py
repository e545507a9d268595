"""What a process that parses a definition does: it asks its parent, and then answers.

The child parses untrusted files under limits of time and memory; the parent only
answers its questions about paths and contents (`service.definitions.messages`).
"""

from collections.abc import Generator, Mapping
from typing import Final

from service.definitions import messages
from service.definitions.closure import close
from service.definitions.conda.match_specs import load_solver
from service.definitions.queries import Answer, Asking, Content, Entries, Question
from service.domain.definition import FILE, Definition, Entry, NoDefinition
from service.domain.repository import BlobId

__all__ = ["converse", "prepare"]

_EXAMPLES: Final[tuple[Mapping[str, bytes], ...]] = (
    {"requirements.txt": b"six>=1.16\n"},
    {"environment.yml": b"dependencies: [six=1.16]"},
)


def prepare() -> None:
    """Read examples, so that what comes with the first reading is not a stranger's.

    In the server: what is imported, compiled and filled on first use is there for all
    its children. In a child: the pages that reading writes to are its own then.
    """
    load_solver()
    for files in _EXAMPLES:
        _read_example(files)


def _read_example(files: Mapping[str, bytes]) -> None:
    conversation = converse(messages.begin(""))
    output = messages.read(next(conversation))
    while isinstance(output, Question):
        answer = messages.write_answer(_answer(files, output))
        output = messages.read(conversation.send(answer))


def _answer(files: Mapping[str, bytes], question: Question) -> Answer:
    if isinstance(question, Content):
        return files[question.path]
    asked = question.paths if isinstance(question, Entries) else files
    return {path: Entry(mode=FILE, oid=BlobId(path)) for path in asked if path in files}


def converse(first: bytes) -> Generator[bytes, bytes, None]:
    """Parse a definition in the child: yield questions, then the result."""
    context_dir, tools = messages.read_begin(first)
    result = yield from _encode_questions(close(context_dir, tools=tools))
    yield messages.write(result)


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
        answer = messages.read_answer((yield messages.write(question)))
