"""What a loop makes is not asked whether it is asyncio's: uvloop's classes are not."""

import ast
from collections.abc import Iterator

import pytest

from scripts.docs import ROOT

MADE_BY_LOOPS = {
    "BaseTransport",
    "DatagramTransport",
    "Handle",
    "ReadTransport",
    "SubprocessTransport",
    "TimerHandle",
    "Transport",
    "WriteTransport",
}


def asked_for(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and class of each such question, by `isinstance` or in a `case`."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, classes]):
                pass
            case ast.MatchClass(cls=classes):
                pass
            case _:
                continue
        for part in ast.walk(classes):
            if isinstance(part, ast.Attribute) and part.attr in MADE_BY_LOOPS:
                yield part.lineno, part.attr


@pytest.mark.parametrize("folder", ["service", "handlers", "consumers"])
def test_nobody_asks_for_the_class_of_what_a_loop_made(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for line, name in asked_for(ast.parse(path.read_text()))
    ]

    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "isinstance(limit, asyncio.TimerHandle)",
        "isinstance(it, int | asyncio.Transport)",
        "match it:\n    case asyncio.Handle(): ...",
    ],
)
def test_such_a_question_is_seen(line: str) -> None:
    assert list(asked_for(ast.parse(line)))
