"""Ask in a terminal for what a launcher needs, in the order of the form of the page."""

import sys
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import click

from service.cli.client import models
from service.cli.client.api import Client
from service.cli.launchers.fields import Given, repository_url
from service.cli.output.printing import echo
from service.cli.output.wording import options_in
from service.errors import ConflictError, InvalidRequestError, NotFoundError

__all__ = ["add_by_asking"]

Asked = dict[str, str | int | tuple[str, ...] | None]

Classes = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What the service offers for a launcher."""

    frontends: Sequence[str]
    classes: Classes
    """The resource classes that it names: what each is, by its number."""


Made = TypeVar("Made")

_QUESTIONS: Final[Mapping[str, str]] = {
    "the repository": "repository",
    "--revision": "revision",
    "--context-dir": "context_dir",
    "--frontend": "frontend",
    "the name": "name",
    "--policy": "policy",
    "--resource-class": "resource_class",
}
"""What is asked for, in this order, by the words that refusals have for it."""
_TEXTS: Final[Mapping[str, str]] = {
    "revision": "Branch, tag or commit",
    "context_dir": "Folder of the definition",
}
"""Those that may be left out. The service names them when it refuses them."""
FRONTENDS: Final = ("jupyterlab", "vscodium", "ttyd", "none")
"""Those of the form, in its order."""
POLICIES = ["automatic", "notify", "manual"]
_PROBLEMS: Final[Mapping[str, str]] = {
    "metadata_unauthorized": "It does not exist, or it is private and not read by this "
    "service for you.",
    "metadata_unknown": "Its host does not answer just now.",
}
"""What a person can do something about; the other problems are of the address."""


async def add_by_asking(
    client: Client, given: Given, add: Callable[[Asked], Awaitable[Made]]
) -> Made:
    """Add what was given, with what a person answers for the rest.

    Whoever was asked is asked once more when the service refuses it, with the answers
    of before to be taken again: for what the refusal names, or else for all that it may
    be about.

    Raises:
        UsageError: Something that is needed lacks, and nobody is there to be asked.
        ConflictError: The service refuses what is not asked for, or the same again.
        InvalidRequestError: As before.
    """
    asked, refusal = dict(given), ""
    if asked["name"] and asked["repository"]:
        return await add(asked)
    # A script that forgot something fails at once, instead of waiting for an answer.
    if not sys.stdin.isatty():
        raise click.UsageError(
            "expected NAME and REPOSITORY; in a terminal they are asked for"
        )
    choices = Choices(
        frontends=await _read_frontends(client), classes=await _read_classes(client)
    )
    questions = {name for name in _QUESTIONS.values() if not asked[name]}
    while True:
        for question in filter(questions.__contains__, _QUESTIONS.values()):
            asked[question] = await _ask(client, question, asked, choices)
        try:
            return await add(asked)
        except (ConflictError, InvalidRequestError) as exc:
            questions = _questions_about(str(exc), choices.classes)
            if not questions or str(exc) == refusal:
                raise
            refusal = str(exc)
        echo(f"{refusal}\nOnce more; Enter takes the answer of before.")


def _questions_about(refusal: str, classes: Classes) -> set[str]:
    """Return what to ask for once more; nothing where that would mend nothing."""
    named = set(options_in(refusal))
    if not named:
        return set(_QUESTIONS.values()) - set(_TEXTS)
    is_asked = named <= set(_QUESTIONS) - (set() if classes else {"--resource-class"})
    return {_QUESTIONS[option] for option in named} if is_asked else set()


async def _ask(
    client: Client, question: str, asked: Given, choices: Choices
) -> str | int | None:
    earlier = asked[question]
    if question in _TEXTS:
        return _optional(_TEXTS[question], earlier)
    match question:
        case "repository":
            return await _ask_repository(client, earlier)
        case "name":
            suggestion = earlier or _suggest(asked["repository"])
            return str(click.prompt("Name", default=suggestion))
        case "frontend":
            return _choose("User interface", choices.frontends, earlier)
        case "policy":
            return _choose("Updates", POLICIES, earlier)
        case _:
            return _ask_class(choices.classes, earlier)


async def _ask_repository(client: Client, earlier: object) -> str:
    """Ask until the service reads the repository, or a person insists on it."""
    before = ""
    while True:
        answer = click.prompt("Code repository (URL or folder)", default=earlier)
        answer = str(answer).strip()
        try:
            url = repository_url(answer)
        except InvalidRequestError as exc:
            echo(str(exc))
            continue
        found = await client.get(models.RepositoryInfo, "repository", url=url)
        if found.metadata:
            echo(f"It is {found.metadata.visibility}, and can be read.")
        problem = found.error_code
        if problem is None or answer == before:
            return answer
        before = answer
        echo(
            f"{_PROBLEMS.get(problem, 'It is no address of a repository.')} "
            "Enter it once more to take it all the same."
        )


async def _read_frontends(client: Client) -> Sequence[str]:
    """Return the user interfaces that the service makes."""
    try:
        made = await client.get(models.BuildOptionsResponse, "build_options")
    except NotFoundError:
        # An older service does not say; it refuses what it does not make.
        return FRONTENDS
    return [name for name in FRONTENDS if name in made.frontend_variants]


async def _read_classes(client: Client) -> Classes:
    pools = await client.list(models.PoolResponse, "resource_pools")
    return {
        str(known.id): f"{known.name}: {known.cpu:g} CPU, {known.memory} GB"
        for pool in pools
        for known in pool.classes
    }


def _ask_class(classes: Classes, earlier: object) -> int | None:
    """Offer what the service names; it takes no other, and any where it names none."""
    if not classes:
        return earlier if isinstance(earlier, int) else None
    for number, known in classes.items():
        echo(f"  {number}  {known}")
    answer = _optional("Compute resources", earlier, known=classes)
    return int(answer) if answer else None


def _choose(label: str, choices: Sequence[str], earlier: object) -> str:
    default = str(earlier or choices[0])
    # What was given as an option may be none of those that are offered.
    offered = click.Choice(list(dict.fromkeys((*choices, default))))
    return str(click.prompt(label, type=offered, default=default))


def _optional(
    label: str, earlier: object, *, known: Collection[str] = ()
) -> str | None:
    """Ask for what may be left out; a dash takes an earlier answer back."""
    nothing, default = "-" if earlier else "", str(earlier or "")
    answer = click.prompt(
        f"{label} ({nothing or 'empty'} for the default)",
        type=click.Choice([nothing, *known, default]) if known else None,
        default=default,
        show_choices=False,
    )
    answer = str(answer).strip()
    return None if answer == nothing else answer


def _suggest(repository: object) -> str:
    """Return the last part of a URL or folder."""
    return str(repository).rstrip("/").rpartition("/")[2].removesuffix(".git")
