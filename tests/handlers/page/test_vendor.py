"""What was taken from others is as they made it."""

import hashlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = ("handlers/page/static/vendor", "tests/browser/vendor")


@pytest.mark.parametrize("folder", FOLDERS)
def test_scripts_of_others_have_the_digests_on_record(folder: str) -> None:
    lines = (ROOT / folder / "SHA256SUMS").read_text().splitlines()
    known = {name: digest for digest, name in (line.split() for line in lines)}
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (ROOT / folder).glob("*.js")
    }

    assert found == known
    assert list((ROOT / folder).glob("LICENSE*"))
