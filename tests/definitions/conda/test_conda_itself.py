"""Specifications and environment files, held against conda itself."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from service.definitions.conda.match_specs import (
    MalformedSpecError,
    normalize_spec,
    read_spec,
)
from service.definitions.conda.package_list import listed_packages
from service.domain.findings import Severity
from tests.definitions import conda_cases
from tests.definitions.tree import read

pytestmark = pytest.mark.index

OF_THIS_VERSION_ONLY = (
    "AssertionError",
    "===",
    "Invalid version '=': invalid operator",
)
"""Conda 24.7 ends on a build without a version, and on three signs; 26.8 does not."""
ASK = Path(__file__).parents[1] / "conda_itself.py"
CASES = Path(__file__).parents[4] / "shared" / "cases" / "definitions"


@dataclass(frozen=True)
class Asked:
    """What conda was asked, with its answers."""

    plain: dict[str, dict[str, str]]
    odd: dict[str, dict[str, str]]
    lines: dict[str, dict[str, str]]
    files: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def asked(conda_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    plain = conda_cases.plain_specs(1, 4_000)
    odd = conda_cases.odd_specs(2, 4_000)
    lines = conda_cases.lines(3, 1_500)
    files = conda_cases.files(4, 1_000)
    files += [path.read_text() for path in sorted(CASES.glob("*/environment.yml"))]
    home = tmp_path_factory.mktemp("home")
    said = subprocess.run(
        [conda_python, "-P", "-W", "ignore", ASK],
        input=json.dumps({"specs": [*plain, *odd], "lines": lines, "files": files}),
        capture_output=True,
        check=True,
        text=True,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin"},
    )
    answers = json.loads(said.stdout)
    specs = dict(zip([*plain, *odd], answers["specs"], strict=True))
    return Asked(
        plain={text: specs[text] for text in plain},
        odd={text: specs[text] for text in odd},
        lines=dict(zip(lines, answers["lines"], strict=True)),
        files=dict(zip(files, answers["files"], strict=True)),
    )


def is_read(text: str) -> bool:
    try:
        read_spec(text)
    except MalformedSpecError:
        return False
    return True


def is_refused(answer: dict[str, str]) -> bool:
    why = answer.get("refused", "")
    return bool(why) and not any(part in why for part in OF_THIS_VERSION_ONLY)


def test_what_people_write_is_read_exactly_where_conda_reads_it(asked: Asked) -> None:
    differing = [
        (text, answer)
        for text, answer in asked.plain.items()
        if is_read(text) == is_refused(answer)
    ]

    assert differing == []


def test_what_conda_refuses_is_never_read(asked: Asked) -> None:
    silent = [
        (text, answer)
        for text, answer in asked.odd.items()
        if is_refused(answer) and is_read(text)
    ]

    assert silent == []


def test_specifications_of_one_meaning_are_one_to_conda(asked: Asked) -> None:
    meanings: dict[str, set[str]] = {}
    for text, answer in (asked.plain | asked.odd).items():
        if "form" in answer and is_read(text):
            spec = read_spec(text)
            meaning = " ".join((normalize_spec(spec.text), *spec.odd))
            meanings.setdefault(meaning, set()).add(answer["form"])

    assert [(text, forms) for text, forms in meanings.items() if len(forms) > 1] == []


def test_a_line_of_a_package_list_is_read_where_conda_reads_it(asked: Asked) -> None:
    silent = [
        (text, answer)
        for text, answer in asked.lines.items()
        if is_refused(answer) and next(listed_packages(text)).spec is not None
    ]

    assert silent == []


def says_no(content: str) -> bool:
    found = read({"environment.yml": content, "r.txt": "attrs\n"})
    return any(finding.severity is Severity.ERROR for finding in found.findings)


def test_a_file_that_conda_refuses_has_an_error_here(asked: Asked) -> None:
    silent = [
        (content, answer)
        for content, answer in asked.files.items()
        # The build adds a channel, and with it a list that is not there.
        if "refused" in answer and "NoneType" not in answer["refused"]
        if not says_no(content)
    ]

    assert silent == []


def test_files_of_one_meaning_are_one_to_conda(asked: Asked) -> None:
    meanings: dict[str, dict[str, str]] = {}
    for content, answer in asked.files.items():
        if "refused" in answer or says_no(content):
            continue
        found = read({"environment.yml": content, "r.txt": "attrs\n"})
        # The build adds this channel where it is missing.
        channels = [name for name in answer["channels"] if name != "nodefaults"]
        installed = json.dumps({**answer, "channels": channels}, sort_keys=True)
        meanings.setdefault(str(found.meaning), {})[installed] = content

    assert [same for same in meanings.values() if len(same) > 1] == []
