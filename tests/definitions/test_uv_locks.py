"""A damaged uv.lock is said with its line; one that is newer is not judged."""

import pytest

from tests.definitions.tree import read
from tests.definitions.uv_cases import LOCK, PROJECT

SIX = LOCK[LOCK.rindex("[[package]]") :]


@pytest.mark.parametrize(
    ("lock", "code", "line", "words"),
    [
        pytest.param(
            LOCK.replace(SIX, ""),
            "lock_incomplete",
            "name = ",
            "lacks six, which demo needs",
            id="a package that a merge lost",
        ),
        pytest.param(
            LOCK + SIX.replace("1.17.0", "1.16.0"),
            "lock_incomplete",
            '{ name = "six" }',
            "does not say which version of which source of six demo needs",
            id="a package that a merge left twice",
        ),
        pytest.param(
            LOCK.replace("sha256:4721", ""),
            "lock_schema",
            "    { url",
            "wheels.0.hash of six",
            id="a hash",
        ),
        pytest.param(
            LOCK.replace('requires-dist = [{ name = "six" }]', "requires-dist = 1"),
            "lock_schema",
            "requires-dist",
            "metadata.requires-dist of demo: expected an array, found 1",
            id="metadata",
        ),
    ],
)
def test_damage_is_said_with_its_line(
    lock: str, code: str, line: str, words: str
) -> None:
    (finding,) = read({"pyproject.toml": PROJECT, "uv.lock": lock}).findings

    assert finding.code == code
    assert finding.path == "uv.lock"
    assert words in finding.message
    assert finding.line is not None
    assert line in lock.splitlines()[finding.line - 1]


def test_a_revision_that_is_newer_is_not_judged() -> None:
    damaged = LOCK.replace("{ url = ", "{ link = ")
    newer = damaged.replace("revision = 5", "revision = 6")

    assert read({"pyproject.toml": PROJECT, "uv.lock": damaged}).findings
    assert not read({"pyproject.toml": PROJECT, "uv.lock": newer}).findings
