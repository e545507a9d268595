"""The pages say what holds, and lead somewhere."""

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from scripts.docs import NOTHING, ROOT, cases, named_for_cases, pages, settings
from service.metrics import Metrics
from service.settings import OTHERS, Settings
from service.settings.renamed import RENAMED_SETTINGS

PAGES = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")})
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
CASES = (ROOT / "docs" / "cases.md").read_text()

ISSUE_2 = {*range(1, 45), *range(51, 56), *range(57, 62), *range(74, 89), 91, 92}
"""The cases that were promised a test before anything else."""


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_a_page_is_as_the_code_is_now(page: Path) -> None:
    assert page.read_text() == pages()[page], "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text())

    missing = [target for target in targets if not (page.parent / target).exists()]
    assert missing == []


def variables_of_tests() -> set[str]:
    read = "".join(path.read_text() for path in (ROOT / "tests").rglob("*.py"))
    return set(re.findall(r"\"(RELAUNCH_TEST_[A-Z_]+)\"", read))


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_variable_that_is_named_is_a_setting(page: Path) -> None:
    known = {*Settings.variables(), *OTHERS, *variables_of_tests()}
    if page.name == "renamed.md":
        known |= {"_".join(("RELAUNCH", *old)).upper() for old in RENAMED_SETTINGS}
    named = re.findall(r"RELAUNCH_[A-Z_]+(?<!_)", page.read_text())

    unknown = {item for item in named if not {item, item.removesuffix("_FILE")} & known}
    assert unknown == set()


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_metric_that_is_named_is_counted(page: Path) -> None:
    written = generate_latest(Metrics(registry=CollectorRegistry()).registry).decode()
    known = set(re.findall(r"^# (?:HELP|TYPE) (relaunch_\w+)", written, re.MULTILINE))
    known |= {f"{item}_count" for item in known}

    named = set(re.findall(r"`(relaunch_[a-z_]+)", page.read_text()))
    assert named <= known


def test_every_setting_says_what_it_is_for() -> None:
    rows = settings().splitlines()[2:]

    assert len(rows) == len(Settings.variables())
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()

    others = [
        path.name for path in (ROOT / "docs").glob("*.md") if path.name != "README.md"
    ]
    assert [text for text in others if f"({text})" not in index] == []


def test_the_cases_are_counted_through() -> None:
    numbers = [int(match) for match in re.findall(r"^\| (\d+) \|", CASES, re.MULTILINE)]

    assert numbers == list(range(1, 93))


def test_every_case_that_was_promised_a_test_has_one() -> None:
    assert set(named_for_cases()) >= ISSUE_2


def test_a_case_without_a_test_is_called_open() -> None:
    page = cases("| 7 | swapped | x |\n| 999 | never met | x |\n")

    assert f"| 999 | never met | {NOTHING} |" in page
    assert "| 7 | swapped | [" in page
