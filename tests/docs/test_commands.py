"""Every command that a page, a help text or an answer names is one, with these options.

README's are run (`test_readme.py`), and so are the programs of `docs/subscribe.md`;
what stands elsewhere needs forges, clusters and failures, and is parsed.
"""

import re
import shlex
from pathlib import Path
from typing import Final

import click
import pytest

from scripts.docs import ROOT
from service.cli.commands import relaunch

SOURCES: Final = ("service", "handlers", "consumers", "scripts", "Makefile")
PAGES: Final = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")})
_BLOCK: Final = re.compile(r"^ {4,}(relaunch [^\n#]*)", re.MULTILINE)
_QUOTED: Final = re.compile(r"`(relaunch [^`\n]*)`")
ANY: Final = {"COMMAND", "--help"}
_ULID: Final = "01J5M3Z0000000000000000000"


def commands_of(text: str) -> list[str]:
    found = [*_BLOCK.findall(text), *_QUOTED.findall(text)]
    # What stands behind a pipe is another program.
    lines = (item.partition(" | ")[0] for item in found)
    return sorted({line.strip() for line in lines if "{" not in line})


def sources() -> list[Path]:
    found = [ROOT / source for source in SOURCES]
    return sorted(
        path
        for top in found
        for path in ([top] if top.is_file() else top.rglob("*.py"))
    )


def parsed(line: str) -> None:
    """Parse a command line; raise what click raises of a wrong one."""
    # What may be left out is written in brackets, and what varies as `…`.
    words = shlex.split(re.sub(r"[\[\]]", "", line).replace("…", _ULID))[1:]
    command: click.Command = relaunch
    context = click.Context(relaunch, info_name="relaunch")
    while isinstance(command, click.Group) and words and words[0] not in ANY:
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command = found
        context = click.Context(found, info_name=name, parent=context)
    if isinstance(command, click.Group):
        return
    options = {
        opt for one in command.params for opt in (*one.opts, *one.secondary_opts)
    }
    if "--" in words:
        words = words[: words.index("--")]
    unknown = [word for word in words if word.startswith("-") and word not in options]
    assert not unknown, f"{line}: {unknown} is no option of it"


@pytest.mark.parametrize("page", PAGES, ids=lambda item: str(item.relative_to(ROOT)))
def test_every_command_of_a_page_is_one(page: Path) -> None:
    for line in commands_of(page.read_text()):
        parsed(line)


def test_every_command_that_the_service_names_is_one() -> None:
    named = {text for path in sources() for text in commands_of(path.read_text())}

    assert len(named) > 20
    for line in sorted(named):
        parsed(line)


@pytest.mark.parametrize("line", ["relaunch lanch", "relaunch launcher list --nmae x"])
def test_a_wrong_command_would_be_found(line: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        parsed(line)
