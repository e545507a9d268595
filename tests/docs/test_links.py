"""What a page points to is there: the file, and the heading in it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    for path, anchor in LINK.findall(page.read_text()):
        yield (page.parent / path if path else page), anchor


def anchors(page: Path) -> set[str]:
    """Name the headings as GitHub and GitLab do."""
    names = (
        re.sub(r"[^\w\- ]", "", match.lower())
        for match in HEADING.findall(page.read_text())
    )
    return {name.strip().replace(" ", "-") for name in names}


@pytest.mark.parametrize(
    "page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES]
)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), target
        assert not anchor or anchor in anchors(target), f"{target}#{anchor}"


def test_there_are_links_to_follow() -> None:
    assert any(anchor for page in PAGES for _, anchor in links(page))
