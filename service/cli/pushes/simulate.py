"""`relaunch simulate`: what a payload would lead to."""

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import Command
from service.cli.output.printing import example, output_option, show_json
from service.domain.delivery import Forge
from service.errors import InvalidRequestError
from service.forges.registry import FORGES
from service.forges.spec import CONTENT_TYPE

__all__ = ["simulate"]


@click.command(
    cls=Command,
    epilog=example(
        "relaunch simulate payload.json",
        'relaunch simulate payload.json --forge gitlab --event "Tag Push Hook"',
    ),
)
@click.argument(
    "file",
    type=click.Path(exists=True, allow_dash=True, dir_okay=False, path_type=Path),
)
@click.option(
    "--forge",
    type=click.Choice([forge.value for forge in Forge]),
    help="Whose payload it is; the payload says it when not given.",
)
@click.option("--event", help="The forge's name of the event; push when not given.")
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    help="A header that came with it; repeatable.",
)
@click.option(
    "--hook",
    metavar="ID",
    help="Verify it as through this hook; give its signature with -H.",
)
@output_option
@connected
async def simulate(
    client: Client,
    *,
    file: Path,
    forge: str | None,
    event: str | None,
    headers: tuple[str, ...],
    hook: str | None,
    output: str,
) -> None:
    """Describe what the payload in FILE would lead to; nothing is done.

    FILE is the JSON body that a forge sent or showed you; `-` is standard input.
    Signatures are not asked for, unless --hook says through which hook it came.
    """
    body = _read(file)
    speaker = Forge(forge) if forge else _forge_of(body)
    request = {
        "forge": speaker.value,
        "headers": _headers(speaker, event, headers),
        "body": body,
        "hook_id": hook,
    }
    found = await client.post(
        models.Simulation,
        "simulations",
        body={key: entry for key, entry in request.items() if entry is not None},
    )
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.sentences import print_sentences  # noqa: PLC0415 - rich is slow

    print_sentences(found.lines)


def _read(file: Path) -> str:
    try:
        if str(file) == "-":
            return sys.stdin.read()
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidRequestError(f"cannot read {file}: {exc}") from exc


def _forge_of(body: str) -> Forge:
    try:
        content: object = json.loads(body)
    except ValueError as exc:
        raise InvalidRequestError(f"the payload is no JSON: {exc}") from exc
    if not isinstance(content, dict):
        raise InvalidRequestError("the payload is no JSON object")
    keys = content.keys()
    named = (forge for forge, spec in FORGES.items() if spec.payload_keys & keys)
    return next(named, next(iter(Forge)))


def _headers(
    forge: Forge, event: str | None, given: Iterable[str]
) -> Mapping[str, str]:
    own = FORGES[forge].headers
    found = {CONTENT_TYPE: "application/json", own.event[-1]: event or own.push_event}
    for header in given:
        name, colon, value = header.partition(":")
        if not colon:
            raise click.BadParameter(f"{header!r} has no colon.", param_hint="--header")
        found[name.strip()] = value.strip()
    return found
