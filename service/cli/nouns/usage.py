"""`relaunch usage`: what holds storage, whose it is, and what would go."""

import click

from service.cli.client.api import Client, connected
from service.cli.client.fields import ResponseFields
from service.cli.output.printing import echo, example, moment, output_option, show_json

__all__ = ["usage"]


@click.command(epilog=example("relaunch usage", "relaunch usage --images"))
@click.option(
    "--images", is_flag=True, help="List the images that the next rounds remove."
)
@output_option
@connected
async def usage(client: Client, *, images: bool, output: str) -> None:
    """Show what is stored, for whom, and what retention would remove.

    Nothing is removed by it: the service does that by itself, after the times of
    RELAUNCH_RETENTION_… settings.
    """
    found = await client.get("usage")
    if output == "json":
        show_json(found.raw)
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    unused = found.each("unused_images")
    if images:
        show_table(
            ("IMAGE", "SIZE", "BUILT", "PROJECT", "REPOSITORY"),
            [_image(item) for item in unused],
        )
        return
    show_table(
        ("STORED", "COUNT", "SIZE", "OLDEST", "KEPT", "OLD"),
        [_part(item) for item in found.each("parts")],
    )
    echo()
    show_table(
        ("PROJECT", "IMAGES", "SIZE", "BUILDS", "LOGS"),
        [_project(item) for item in found.each("projects")],
    )
    echo()
    size = sum(item.number("size") for item in unused)
    echo(f"{len(unused)} images would go, {_size(size)}: relaunch usage --images")


def _part(item: ResponseFields) -> tuple[str, ...]:
    days = item.raw.get("kept_days")
    return (
        item.text("name"),
        str(item.number("count")),
        _size(item.number("size")) if item.number("size") else "",
        moment(item.text("oldest")),
        f"{days:g} days" if isinstance(days, int | float) else "for ever",
        str(item.number("old")),
    )


def _project(item: ResponseFields) -> tuple[str, ...]:
    return (
        item.text("project_id"),
        str(item.number("images")),
        _size(item.number("image_size")),
        str(item.number("builds")),
        _size(item.number("log_size")),
    )


def _image(item: ResponseFields) -> tuple[str, ...]:
    return (
        item.text("image"),
        _size(item.number("size")),
        moment(item.text("built_at")),
        item.text("project_id"),
        item.text("repository"),
    )


def _size(size: float) -> str:
    """Write a number of bytes with a unit that fits."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - of a unit
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
