"""`relaunch usage`: what holds storage, whose it is, and what would go."""

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import Command
from service.cli.output.printing import echo, example, moment, output_option, show_json

__all__ = ["usage"]


@click.command(cls=Command, epilog=example("relaunch usage", "relaunch usage --images"))
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
    found = await client.get(models.UsageResponse, "usage")
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    unused = found.unused_images
    if images:
        show_table(
            ("IMAGE", "SIZE", "BUILT", "PROJECT", "REPOSITORY"),
            [_image(item) for item in unused],
        )
        return
    show_table(
        ("STORED", "COUNT", "SIZE", "OLDEST", "KEPT", "OLD"),
        [_part(item) for item in found.parts],
    )
    echo()
    show_table(
        ("PROJECT", "IMAGES", "SIZE", "BUILDS", "LOGS"),
        [_project(item) for item in found.projects],
    )
    echo()
    size = sum(item.size for item in unused)
    echo(f"{len(unused)} images would go, {_size(size)}: relaunch usage --images")


def _part(item: "models.StoredPartResponse") -> tuple[str, ...]:
    return (
        item.name,
        str(item.count),
        _size(item.size) if item.size else "",
        moment(item.oldest),
        "for ever" if item.kept_days is None else f"{item.kept_days:g} days",
        str(item.old),
    )


def _project(item: "models.ProjectUsageResponse") -> tuple[str, ...]:
    return (
        item.project_id,
        str(item.images),
        _size(item.image_size),
        str(item.builds),
        _size(item.log_size),
    )


def _image(item: "models.UnusedImageResponse") -> tuple[str, ...]:
    return (
        item.image,
        _size(item.size),
        moment(item.built_at),
        item.project_id,
        item.repository,
    )


def _size(size: float) -> str:
    """Write a number of bytes with a unit that fits."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - of a unit
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
