"""The closure of a definition: all that its environment depends on at a commit.

The closure is the chosen file and what it pulls in, the absence of every candidate
that would win over it, and the files beside it that change the image. Its
fingerprint is made of bytes; its meaning of what the files say to their installers.
Whatever is not understood counts in the meaning with its bytes, and when something
could not even be followed, the whole commit counts: unknown is never unchanged.
"""

from service.definitions.complexity import TooComplexError, too_complex
from service.definitions.conda import follow_conda
from service.definitions.links import joined
from service.definitions.managers import follow_pipenv, follow_poetry, follow_uv
from service.definitions.package_list import follow_package_list
from service.definitions.pip import Place, Requirements
from service.definitions.precedence import (
    CANDIDATES,
    Choice,
    choose,
    remark_others,
    settle_directory,
)
from service.definitions.questions import Answer, Asking, Content, Entries, Question
from service.definitions.reading import Reading
from service.definitions.surroundings import follow_inputs, look_for_mistakes
from service.definitions.vendor import follow_conda_vendor, follow_pip_vendor
from service.definitions.words import show
from service.domain.definition import Definition, Kind, NoDefinition
from service.domain.findings import Severity
from service.domain.tools import DEFAULT_TOOLS, Tools

__all__ = ["Answer", "Content", "Entries", "Question", "close"]

PIP_PYTHON = "3.10"
"""What the platform documents for a bare requirements.txt: it has no place to say.
Its operator may choose another for all (`RELAUNCH_BUILD_PIP_PYTHON`)."""


def close(
    context_dir: str, *, tools: Tools = DEFAULT_TOOLS
) -> Asking[Definition | NoDefinition]:
    """Read the definition in a context directory (empty for the root), by asking.

    What its installer refuses depends on the tools that will build.

    Sent a mapping from path to entry for `Entries`, and bytes for `Content`: None when
    the blob is larger than 1 MiB or cannot be read.
    """
    directory = joined("", context_dir.strip("/"))
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
        yield from _follow(reading, choice)
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
        declared=reading.declared,
        findings=reading.findings,
    )


def _nothing(reading: Reading) -> Asking[NoDefinition]:
    yield from look_for_mistakes(reading)
    directory = reading.context_dir
    found = (yield from reading.files.find([directory]))[directory]
    where = show(directory) if directory else "the root of the repository"
    names = ", ".join(CANDIDATES[:-1])
    message = f"No environment definition in {where}; looked for {names}."
    if directory and not found.is_directory:
        message = f"The repository has no directory {where} at this commit."
    return NoDefinition(items=reading.items, message=message, findings=reading.findings)


def _follow(reading: Reading, choice: Choice) -> Asking[None]:
    match choice.kind:
        case Kind.PIPENV:
            yield from follow_pipenv(reading, choice.found)
        case Kind.PIP:
            yield from _follow_pip(reading, choice)
        case Kind.CONDA:
            follow = follow_package_list if choice.is_list else follow_conda
            yield from follow(reading, choice.found)
            yield from follow_conda_vendor(reading, choice.found)
        case Kind.POETRY:
            yield from follow_poetry(reading, choice.found, choice.document)
        case Kind.UV:
            yield from follow_uv(reading, choice.found, choice.document)


def _follow_pip(reading: Reading, choice: Choice) -> Asking[None]:
    reading.python = f"=={PIP_PYTHON}.*"
    reading.remark(
        Severity.NOTE,
        "python_version_default",
        f"A requirements.txt is built with Python {PIP_PYTHON}, unless the platform"
        " is set up otherwise, and cannot ask for another; use environment.yml or"
        " pyproject.toml to choose the version.",
        path=choice.found.path,
    )
    requirements = Requirements(reading)
    yield from requirements.file(Place(path=choice.found.path), choice.found)
    requirements.finish()
    yield from follow_pip_vendor(reading)
