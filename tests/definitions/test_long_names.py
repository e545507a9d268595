"""Names that a tree may list and no checkout can have are not stored."""

from tests.definitions.tree import read

PROJECT = {
    "requirements.txt": "./lib\n",
    "lib/pyproject.toml": '[project]\nname = "a"\nversion = "1"\n',
    "lib/a.py": "",
}
LONG = f"lib/{'x' * 100_000}"


def test_a_name_of_100_kb_is_not_stored_and_its_change_counts() -> None:
    plain, before, after = [
        read(files)
        for files in (PROJECT, {**PROJECT, LONG: "1"}, {**PROJECT, LONG: "2"})
    ]

    assert max(len(item.path) for item in before.items) < 4096
    assert "." in {item.path for item in before.items}
    assert "." not in {item.path for item in plain.items}
    assert before.fingerprint != after.fingerprint
    assert before.meaning != after.meaning
