"""The closure of a definition: every path that its environment depends on.

The closure is the chosen file and the files that it includes, the absence of every
candidate of higher precedence, and the files beside it that change the image. The
fingerprint is a digest of their bytes; the meaning, of what installers read in them.
Parts that are not understood count in the meaning with their bytes, and when a part
cannot be followed, the whole commit counts: unknown is never unchanged.
"""

from service.definitions.closure_builder import Reading
from service.definitions.extras import follow_inputs, look_for_mistakes
from service.definitions.formats.complexity import TooComplexError, too_complex
from service.definitions.kinds.names import CANDIDATES
from service.definitions.paths import join_path
from service.definitions.precedence import (
    choose,
    remark_others,
    settle_directory,
)
from service.definitions.queries import Answer, Asking, Content, Entries, Question
from service.definitions.registry import kind_spec
from service.definitions.text import show
from service.domain.building.tools import DEFAULT_TOOLS, Tools
from service.domain.definition import Definition, NoDefinition

__all__ = ["Answer", "Content", "Entries", "Question", "close"]


def close(
    context_dir: str, *, tools: Tools = DEFAULT_TOOLS
) -> Asking[Definition | NoDefinition]:
    """Parse the definition in a context directory (empty for the root).

    A generator that yields questions and is sent the answers. The findings depend on
    the versions of the tools that will build.

    Sent a mapping from path to entry for `Entries`, and bytes for `Content`: None when
    the blob is larger than `max_bytes` of its path or cannot be read.
    """
    directory = join_path("", context_dir.strip("/"))
    if directory is None:
        return NoDefinition(
            items=(),
            message=f"The context directory {show(context_dir)} lies outside the"
            " repository.",
        )
    reading = Reading(directory, tools=tools)
    yield from settle_directory(reading)
    choice = yield from choose(reading)
    if choice is None:
        return (yield from _nothing(reading))
    try:
        yield from kind_spec(choice.kind).follow(reading, choice)
    except TooComplexError as exc:
        return too_complex(choice.found.path, str(exc))
    remark_others(reading, choice)
    yield from follow_inputs(reading)
    yield from reading.finish()
    return Definition(
        kind=choice.kind,
        path=choice.found.path,
        items=reading.items,
        fingerprint=reading.fingerprint,
        meaning=reading.meaning,
        python=reading.python,
        is_pinned=reading.is_pinned,
        declared=reading.declared,
        findings=reading.findings,
    )


def _nothing(reading: Reading) -> Asking[NoDefinition]:
    yield from look_for_mistakes(reading)
    directory = reading.context_dir
    found = (yield from reading.files.find([directory]))[directory]
    where = show(directory) if directory else "the root of the repository"
    names = ", ".join(CANDIDATES)
    message = f"No environment definition in {where}; looked for {names}."
    if directory and not found.is_directory:
        message = f"The repository has no directory {where} at this commit."
    return NoDefinition(items=reading.items, message=message, findings=reading.findings)
