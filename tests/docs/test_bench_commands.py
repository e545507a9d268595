"""What `docs/benchmarks.md` measures with is there, and takes the options it names."""

import re
import shlex
import subprocess
import sys
from typing import Final

import pytest

from scripts.docs import ROOT
from tests.docs.reading import Page

PAGE: Final = Page("docs/benchmarks.md")
MAKEFILE: Final = (ROOT / "Makefile").read_text()
_LINE: Final = re.compile(
    r"(?:^ {4}|`)((?:make bench|python -m bench)[^`#\n]*)", re.MULTILINE
)
COMMANDS: Final = sorted({line.strip() for line in _LINE.findall(PAGE.text)})


def program_of(words: list[str]) -> tuple[str, list[str]]:
    """Return the module that a command runs, and the options it is given."""
    if words[0] == "python":
        return words[2], words[3:]
    (module,) = re.findall(rf"^{words[1]}:.*\n\t.*-m (\S+)", MAKEFILE, re.MULTILINE)
    given = [word.removeprefix("ARGS=") for word in words[2:]]
    return module, [part for word in given for part in word.split()]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_bench_is_there_and_takes_these_options(command: str) -> None:
    module, given = program_of(shlex.split(command))
    said = subprocess.run(
        [sys.executable, "-m", module, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stderr
    options = [word for word in given if word.startswith("--")]
    assert [option for option in options if option not in said.stdout] == []
