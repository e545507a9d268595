"""`relaunch check`: what a repository's environment is, without a service."""

import asyncio
from pathlib import Path

import click

from service.cli.groups import Command
from service.cli.output.printing import echo, example, output_option, show_json
from service.domain.definition import ABSENT, Definition, Item, NoDefinition
from service.domain.evaluation.comparison import Observed, RefMissing
from service.domain.findings import Finding, Severity
from service.errors import InvalidRequestError, NotFoundError

__all__ = ["check"]

SEVERITIES = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
"""Worst first."""


@click.command(
    cls=Command,
    epilog=example(
        "relaunch check",
        "relaunch check https://github.com/me/course --revision v2 -o json",
    ),
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
    """Describe what a repository's environment is, and what is wrong with it.

    No service is needed. A folder is read as it is now, committed or not. The exit
    code is 1 when a build would fail or there is no definition.
    """
    context = context_dir.strip("/").removeprefix("./")
    found = asyncio.run(_read(where, context, revision))
    if output == "json":
        show_json(_to_json(found))
    else:
        _show(found)
    # Also errors in a definition that was read: an installer would fail for them, and
    # CI that runs this command wants to know before the build.
    errors = [
        finding for finding in found.findings if finding.severity is Severity.ERROR
    ]
    return 1 if errors or isinstance(found, NoDefinition) else 0


async def _read(
    where: str, context_dir: str, revision: str | None
) -> Definition | NoDefinition:
    if "://" in where:
        return await _read_remote(where, context_dir, revision)
    if revision is not None:
        return await _read_remote(_folder(where).as_uri(), context_dir, revision)
    # None of this is needed for the help text of `check`.
    from service.adapters.git.worktree import Folder  # noqa: PLC0415
    from service.adapters.sandbox.client import ForkingSandbox  # noqa: PLC0415
    from service.app.tools import tools_of  # noqa: PLC0415
    from service.settings import load  # noqa: PLC0415
    from service.usecases.observe import read_tree  # noqa: PLC0415

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
    from service.adapters.git.remote import GitRemote  # noqa: PLC0415 - as above
    from service.adapters.sandbox.client import ForkingSandbox  # noqa: PLC0415
    from service.app.tools import tools_of  # noqa: PLC0415
    from service.domain.repository import Repository  # noqa: PLC0415
    from service.domain.source import Revision  # noqa: PLC0415
    from service.settings import load, passed_to_builds  # noqa: PLC0415
    from service.usecases.observe import observe  # noqa: PLC0415

    repository = Repository.from_url(url)
    settings = load()
    remote = GitRemote(environment=passed_to_builds(settings), allow_files=True)
    with ForkingSandbox(tools=tools_of(settings)) as sandbox:
        observed = await observe(
            remote,
            repository,
            Revision.from_text(revision),
            context_dir,
            sandbox=sandbox,
        )
    if isinstance(observed, RefMissing):
        raise NotFoundError(observed.message)
    # Without a known state there is always something to read.
    assert isinstance(observed, Observed)
    return observed.found


def _show(found: Definition | NoDefinition) -> None:
    from service.cli.output.tables import echo_styled, show_table, style_of  # noqa: PLC0415

    if isinstance(found, Definition):
        echo(f"{found.path} defines the environment ({found.kind.value}).")
        if found.python:
            echo(f"It asks for Python {found.python}.")
        echo("It depends on:")
        show_table(("  PATH", "ROLE"), [_row(item) for item in _present(found)])
    else:
        echo_styled((f"No environment: {found.message}", "red"))
    if found.findings:
        echo()
    for finding in _worst_first(found.findings):
        word = finding.severity.value
        echo_styled((word, style_of(word)), f" {_place(finding)}{finding.message}")


def _present(found: Definition) -> list[Item]:
    return [item for item in found.items if item.mode != ABSENT]


def _row(item: Item) -> tuple[str, str]:
    return f"  {item.path}", item.role


def _worst_first(findings: tuple[Finding, ...]) -> list[Finding]:
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


def _place(finding: Finding) -> str:
    parts = [finding.path, finding.line, finding.column if finding.line else None]
    location = ":".join(str(part) for part in parts if part)
    return f"{location}: " if location else ""


def _to_json(found: Definition | NoDefinition) -> dict[str, object]:
    shown: dict[str, object] = {
        "findings": [
            _finding_to_json(finding) for finding in _worst_first(found.findings)
        ],
        "closure": [
            {"path": item.path, "mode": item.mode, "id": item.oid, "role": item.role}
            for item in found.items
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


def _finding_to_json(finding: Finding) -> dict[str, object]:
    return {
        "severity": finding.severity.value,
        "code": finding.code,
        "message": finding.message,
        "path": finding.path or None,
        "line": finding.line,
        "column": finding.column,
    }
