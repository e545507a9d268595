"""`relaunch check`: what a repository's environment is, without a service."""

import asyncio
from pathlib import Path

import click

from service.cli.output import example, output_option, say, show_json
from service.domain.definition import ABSENT, Definition, Item, NoDefinition
from service.domain.evaluation import Looked, RefGone
from service.domain.findings import Finding, Severity
from service.errors import InvalidRequestError, NotFoundError

__all__ = ["check"]

SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
"""Worst first."""


@click.command(
    epilog=example(
        "relaunch check",
        "relaunch check https://github.com/me/course --revision v2 -o json",
    )
)
@click.argument("where", metavar="[PATH|URL]", default=".")
@click.option(
    "--context-dir",
    default="",
    metavar="DIR",
    help="The folder of the definition, if not the root.",
)
@click.option("--revision", help="Branch, tag or commit of a URL.")
@output_option
def check(*, where: str, context_dir: str, revision: str | None, output: str) -> int:
    """Say what a repository's environment is, and what is wrong with it.

    No service is needed. A folder is read as it is now, committed or not. The exit
    code is 1 when a build would fail or there is no definition.
    """
    context = context_dir.strip("/").removeprefix("./")
    found = asyncio.run(_read(where, context, revision))
    if output == "json":
        show_json(_to_json(found))
    else:
        _show(found)
    errors = [it for it in found.findings if it.severity is Severity.ERROR]
    return 1 if errors or isinstance(found, NoDefinition) else 0


async def _read(
    where: str, context_dir: str, revision: str | None
) -> Definition | NoDefinition:
    if "://" in where:
        return await _read_remote(where, context_dir, revision)
    if revision is not None:
        return await _read_remote(_folder(where).as_uri(), context_dir, revision)
    # None of this is needed to say how `check` is used.
    from service.adapters.folder import Folder  # noqa: PLC0415
    from service.adapters.sandbox.client import ForkingSandbox  # noqa: PLC0415
    from service.app.tools import tools_of  # noqa: PLC0415
    from service.look import read_tree  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415

    with ForkingSandbox(tools=tools_of(load())) as sandbox:
        return await read_tree(Folder(_folder(where)), context_dir, sandbox=sandbox)


def _folder(text: str) -> Path:
    folder = Path(text).expanduser().resolve()
    if not folder.is_dir():
        raise InvalidRequestError(f"{text!r} is neither a folder nor a URL")
    return folder


async def _read_remote(
    url: str, context_dir: str, revision: str | None
) -> Definition | NoDefinition:
    from service.adapters.git import GitRemote  # noqa: PLC0415 - as above
    from service.adapters.sandbox.client import ForkingSandbox  # noqa: PLC0415
    from service.app.tools import tools_of  # noqa: PLC0415
    from service.domain.repository import Repository  # noqa: PLC0415
    from service.domain.source import Revision  # noqa: PLC0415
    from service.look import look  # noqa: PLC0415
    from service.settings import load, passed_to_builds  # noqa: PLC0415

    repository = Repository.from_url(url)
    settings = load()
    remote = GitRemote(environment=passed_to_builds(settings), allow_files=True)
    with ForkingSandbox(tools=tools_of(settings)) as sandbox:
        looked = await look(
            remote,
            repository,
            Revision.from_text(revision),
            context_dir,
            sandbox=sandbox,
        )
    if isinstance(looked, RefGone):
        raise NotFoundError(looked.message)
    # Without a known state there is always something to look at.
    assert isinstance(looked, Looked)
    return looked.found


def _show(found: Definition | NoDefinition) -> None:
    from service.cli.tables import say_styled, show_table, style_of  # noqa: PLC0415

    if isinstance(found, Definition):
        say(f"{found.path} defines the environment ({found.kind.value}).")
        if found.python:
            say(f"It asks for Python {found.python}.")
        say("It depends on:")
        show_table(("  PATH", "ROLE"), [_row(it) for it in _present(found)])
    else:
        say_styled((f"No environment: {found.message}", "red"))
    if found.findings:
        say()
    for finding in _worst_first(found.findings):
        word = finding.severity.value
        say_styled((word, style_of(word)), f" {_place(finding)}{finding.message}")


def _present(found: Definition) -> list[Item]:
    return [it for it in found.items if it.mode != ABSENT]


def _row(it: Item) -> tuple[str, str]:
    return f"  {it.path}", it.role


def _worst_first(findings: tuple[Finding, ...]) -> list[Finding]:
    return sorted(findings, key=lambda it: SEVERITIES.index(it.severity))


def _place(finding: Finding) -> str:
    parts = [finding.path, finding.line, finding.column if finding.line else None]
    told = ":".join(str(it) for it in parts if it)
    return f"{told}: " if told else ""


def _to_json(found: Definition | NoDefinition) -> dict[str, object]:
    shown: dict[str, object] = {
        "findings": [_finding_to_json(it) for it in _worst_first(found.findings)],
        "closure": [
            {"path": it.path, "mode": it.mode, "id": it.oid, "role": it.role}
            for it in found.items
        ],
    }
    if isinstance(found, NoDefinition):
        return {"definition": None, "message": found.message} | shown
    definition = {
        "kind": found.kind.value,
        "path": found.path,
        "python": found.python,
        "fingerprint": found.fingerprint,
        "meaning": found.meaning,
    }
    return {"definition": definition} | shown


def _finding_to_json(it: Finding) -> dict[str, object]:
    return {
        "severity": it.severity.value,
        "code": it.code,
        "message": it.message,
        "path": it.path or None,
        "line": it.line,
        "column": it.column,
    }
