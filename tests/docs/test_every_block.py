"""No page has a block that nobody runs: each is asked for by a test, or has a reason.

A block counts as run when a test takes it from its `Page`: by its beginning, by its
section, by its language, or all of them. Lines that set variables are loaded below.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from scripts.docs import ROOT
from service.settings import load
from tests.docs.reading import PAGES, Page
from tests.docs.shell import settings_in
from tests.support.cosign import KeyPair
from tests.support.databases import a_key

MEASURES: Final = "measures for minutes; tests/docs/test_bench_commands.py reads it"
DRAWING: Final = "a drawing"
NOT_RUN: Final = {
    "CONTRIBUTING.md": {
        "make help": "runs the tests that would run it; tests/docs/test_paths.py knows "
        "its targets, and .ci/run runs them",
    },
    "docs/benchmarks.md": {
        "make bench  ": MEASURES,
        "python -m bench.hot": MEASURES,
        "export KUBECONFIG": MEASURES,
        "relaunch replay REPO": "clones a repository of a forge; "
        "tests/cli/pushes/test_replay.py replays one of this machine",
        "make bench-judged": MEASURES,
        "make bench-lists": MEASURES,
        "make bench-road": MEASURES,
    },
    "docs/failover.md": {
        "make outages": "takes half an hour; the tests it runs are what it says",
    },
    "docs/kubernetes.md": {
        "Job relaunch-<build>": DRAWING,
        "Job relaunch-smoke": DRAWING,
        "cosign verify": "there is no cosign here; what it verifies is held by "
        "tests/adapters/kubernetes/signing/",
    },
}
"""By page, the beginning of what no test runs, and why."""
_SETTING: Final = re.compile(r"(RELAUNCH|OTEL)_[A-Z_]+=(?!.* relaunch )")


def is_settings(block: str) -> bool:
    return all(_SETTING.match(line) for line in block.splitlines())


class Calls(ast.NodeVisitor):
    """What a test file takes from its pages: page, method and argument."""

    def __init__(self, path: Path) -> None:
        self.found: set[tuple[str, str, str]] = set()
        self._pages: dict[str, str] = {}
        self.visit(ast.parse(path.read_text()))

    def _name(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name) and isinstance(value, ast.Call):
            call = ast.unparse(value.func)
            if call == "Page":
                self._pages[target.id] = ast.literal_eval(value.args[0])

    def visit_Assign(self, node: ast.Assign) -> None:
        self._name(node.targets[0], node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._name(node.target, node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and (page := self._pages.get(node.func.value.id))
        ):
            given = [str(ast.literal_eval(argument)) for argument in node.args]
            self.found.add((page, node.func.attr, "".join(given)))
        self.generic_visit(node)


@pytest.fixture(scope="module")
def calls() -> set[tuple[str, str, str]]:
    files = [
        path
        for path in (ROOT / "tests").rglob("*.py")
        if "tests.docs.reading import" in path.read_text() and path != Path(__file__)
    ]
    return {call for path in files for call in Calls(path).found}


def run_blocks(page: Page, calls: set[tuple[str, str, str]]) -> Iterator[str]:
    """List the blocks of a page that tests take."""
    for name, method, argument in calls:
        if name != page.name:
            continue
        match method:
            case "blocks":
                yield from (text for _, text in page.blocks())
            case "section":
                yield from (text for _, text in page.section(argument))
            case "block":
                yield page.block(argument)
            case "code":
                yield page.code(argument)
            case _:
                pass  # the name, or the text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_run_or_has_a_reason(
    page: Page, calls: set[tuple[str, str, str]]
) -> None:
    taken = set(run_blocks(page, calls))
    excused = {page.block(start) for start in NOT_RUN.get(page.name, {})}
    shown = {text for _, text in page.blocks()} | {text for _, text in page.fenced()}

    idle = {text for text in shown if not is_settings(text)} - taken - excused
    assert sorted(idle) == []
    assert sorted(taken & excused) == [], "it is run: it needs no reason"


def test_every_reason_is_of_a_page() -> None:
    assert set(NOT_RUN) <= {page.name for page in PAGES}


SETTINGS: Final = [
    pytest.param(text, id=f"{page.name}, block {number}")
    for page in PAGES
    for number, (_, text) in enumerate(page.blocks(), start=1)
    if is_settings(text)
]
CONTENTS: Final = {
    "RELAUNCH_SIGNING_KEY": KeyPair.new().plain(),
    "RELAUNCH_SECRET_KEY": a_key().reveal(),
    "RELAUNCH_FORGE_TOKENS": "github.com=ghp_x, git.example.org=glpat-x",
}
"""What the files hold that settings name; any word where nothing is said."""


@pytest.mark.parametrize("block", SETTINGS)
def test_the_settings_of_a_block_can_be_loaded_together(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, block: str
) -> None:
    for name, text in settings_in(block).items():
        value = text.replace("…", "o/n")
        if name.endswith("_FILE"):
            path = tmp_path / Path(value).name
            path.write_text(CONTENTS.get(name.removesuffix("_FILE"), "word"))
            value = str(path)
        monkeypatch.setenv(name, value)

    load()
