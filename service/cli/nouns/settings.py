"""`relaunch settings`: every setting and where it stands."""

import json

import click

from service.cli.groups import Command
from service.cli.output.printing import echo, example, output_option, show_json

__all__ = ["settings"]


@click.command(
    cls=Command, epilog=example("RELAUNCH_LISTEN=127.0.0.1:9000 relaunch settings")
)
@output_option
def settings(*, output: str) -> None:
    """Print the settings, secrets masked."""
    from service.settings import load  # noqa: PLC0415 - pydantic is slow

    found = load().model_dump(mode="json")
    if output == "json":
        show_json(found)
        return
    for name, value in sorted(_flat("RELAUNCH", found)):
        echo(f"{name}={value}")


def _flat(prefix: str, value: object) -> list[tuple[str, str]]:
    if isinstance(value, dict):
        inner = (_flat(f"{prefix}_{key}".upper(), item) for key, item in value.items())
        return [pair for pairs in inner for pair in pairs]
    if isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            return [(prefix, json.dumps(value))]
        return [(prefix, ",".join(str(item) for item in value))]
    if isinstance(value, bool):
        return [(prefix, str(value).lower())]
    return [(prefix, "" if value is None else str(value))]
