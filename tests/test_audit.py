"""`make audit` never takes what it could not look at for something that is well."""

import pytest

from scripts.audit import NONE, SOME, UNKNOWN, verdict

ABSENT = (
    "ERROR:pip_audit._cli:aio-pika: Dependency not found on PyPI and could not be "
    "audited: aio-pika (10.2.1)"
)
"""What 2.10.1 says on a machine that reaches packages, and not their list."""


@pytest.mark.parametrize(
    ("code", "output", "expected"),
    [
        pytest.param(0, "No known vulnerabilities found", NONE, id="none"),
        pytest.param(1, "Found 2 known vulnerabilities in 1 package", SOME, id="some"),
        pytest.param(1, "Found 1 known vulnerability in 1 package", SOME, id="one"),
        pytest.param(1, ABSENT, UNKNOWN, id="no list"),
        pytest.param(2, "error: Failed to fetch", UNKNOWN, id="no pip-audit"),
    ],
)
def test_what_was_not_looked_at_is_neither_good_nor_bad(
    code: int, output: str, expected: int
) -> None:
    found, sentence = verdict(code, output)

    assert found == expected
    assert ("NOT DONE" in sentence) is (expected == UNKNOWN)
