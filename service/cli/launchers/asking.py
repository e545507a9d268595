"""Ask in a terminal for what a launcher needs, in the order of the form of the page."""

import sys
from collections.abc import Mapping

import click

__all__ = ["ask_for_launcher"]

Given = Mapping[str, str | int | tuple[str, ...] | None]
Asked = dict[str, str | int | tuple[str, ...] | None]

FRONTENDS = ["jupyterlab", "vscodium", "ttyd", "none"]
POLICIES = ["automatic", "notify", "manual"]


def ask_for_launcher(given: Given) -> Asked:
    """Return what was given, and what a person answers for the rest.

    Raises:
        UsageError: Something that is needed lacks, and nobody is there to be asked.
    """
    if given["name"] and given["repository"]:
        return dict(given)
    # A script that forgot something fails at once, instead of waiting for an answer.
    if not sys.stdin.isatty():
        raise click.UsageError(
            "expected NAME and REPOSITORY; in a terminal they are asked for"
        )
    asked = dict(given)
    repository = asked["repository"] or click.prompt("Code repository (URL or folder)")
    asked["repository"] = repository
    asked["revision"] = asked["revision"] or _optional("Branch, tag or commit")
    asked["context_dir"] = asked["context_dir"] or _optional("Folder of the definition")
    asked["frontend"] = asked["frontend"] or click.prompt(
        "User interface", type=click.Choice(FRONTENDS), default=FRONTENDS[0]
    )
    asked["name"] = asked["name"] or click.prompt("Name", default=_suggest(repository))
    asked["policy"] = asked["policy"] or click.prompt(
        "Updates", type=click.Choice(POLICIES), default=POLICIES[0]
    )
    return asked


def _optional(label: str) -> str | None:
    answer = click.prompt(f"{label} (empty for the usual one)", default="")
    return str(answer).strip() or None


def _suggest(repository: object) -> str:
    """Return the last part of a URL or folder."""
    return str(repository).rstrip("/").rpartition("/")[2].removesuffix(".git")
