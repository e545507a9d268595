"""States as words, colours and shapes."""

import re

from handlers.page.rendering import STATIC
from handlers.page.words import BADGES
from service.domain.building.build import BuildState
from service.domain.evaluation.comparison import Verdict
from service.domain.findings import Severity

TEMPLATES = STATIC.parent / "templates"


def test_every_state_has_a_badge() -> None:
    states = [*BuildState, *Verdict, *Severity]

    assert {state.value for state in states} <= set(BADGES)


def test_states_of_two_colours_have_two_shapes() -> None:
    """Whoever sees no colours tells good from bad by the shape."""
    tones: dict[str, set[str]] = {}
    for badge in BADGES.values():
        tones.setdefault(badge.icon, set()).add(badge.tone)

    assert {icon for icon, found in tones.items() if len(found) > 1} == set()


def test_every_shape_is_drawn() -> None:
    macros = (TEMPLATES / "macros.html").read_text()
    drawn = set(re.findall(r'name == "(\w+)" %}<', macros))

    assert {badge.icon for badge in BADGES.values()} <= drawn


def test_bars_differ_by_more_than_their_colour() -> None:
    css = (STATIC / "page.css").read_text()
    plot = (STATIC.parent / "templates" / "operation_now.html").read_text()

    assert ".plot .bar-failed { fill: none; stroke:" in css
    widths = dict(re.findall(r'class="bar-(\w+)"[^/]* width="(\d+)"', plot))
    assert int(widths["reused"]) <= int(widths["succeeded"]) / 2
