"""What a process that parses a definition does: it asks its parent, and then answers.

The child parses untrusted files under limits of time and memory; the parent only
answers its questions about paths and contents (`service.definitions.messages`).
"""

from collections.abc import Generator

from service.definitions import messages
from service.definitions.closure import close
from service.definitions.conda.match_specs import load_solver
from service.definitions.queries import Answer, Asking
from service.domain.definition import Definition, NoDefinition

__all__ = ["converse", "prepare"]


def prepare() -> None:
    """Import what only the parser needs, once for all forked children."""
    # In the parent, before it forks: else every child would import it again.
    load_solver()


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
