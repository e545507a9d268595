"""Every step on the way of a push has its test beside its mirror."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_FILE: Final = re.compile(r"[\w/]+\.py")
_FOLDER: Final = re.compile(r"((?:handlers|consumers|service)(?:/\w+)*/)$")


def steps() -> Iterator[Path]:
    """Yield the files that ARCHITECTURE.md's drawing names, from the root."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    drawing = text.split("## The way of a push")[1].split("```")[1]
    folder = ""
    for line in drawing.splitlines():
        if heading := _FOLDER.search(line.rstrip()):
            folder = heading[1]
        for name in _FILE.findall(line):
            yield Path(name if "/" in name else folder + name)


def mirror(step: Path) -> Path:
    """Return where the test of a file stands."""
    inner = step.relative_to("service") if step.parts[0] == "service" else step
    return Path("tests", inner.parent, f"test_{inner.name}")


def test_the_drawing_names_files_that_are_there() -> None:
    named = list(steps())

    assert len(named) > 15
    assert [str(step) for step in named if not (ROOT / step).exists()] == []


def test_every_step_of_a_push_has_a_test_beside_its_mirror() -> None:
    missing = [
        str(mirror(step)) for step in steps() if not (ROOT / mirror(step)).exists()
    ]

    assert missing == []
