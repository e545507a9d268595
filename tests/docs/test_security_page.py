"""Every answer to a threat names its code and the tests that hold it."""

import re

import pytest

from scripts.docs import ROOT

_TABLE = (ROOT / "SECURITY.md").read_text().partition("## Threats and answers")[2]
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in _TABLE.partition("\n## ")[0].splitlines()
    if line.startswith("| ")
][1:]


def paths(cell: str) -> list[str]:
    return re.findall(r"`([\w/.]+)`", cell)


def test_the_table_is_read() -> None:
    assert len(ROWS) > 20
    assert {len(row) for row in ROWS} == {4}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_a_threat_has_code_and_tests(row: list[str]) -> None:
    _, _, code, tests = row

    assert paths(code) or "](" in code
    assert paths(tests)
    without_tests = [
        path
        for path in paths(tests)
        if "\ndef test_" not in (ROOT / "tests" / path).read_text()
        and "\nasync def test_" not in (ROOT / "tests" / path).read_text()
    ]
    assert without_tests == []
