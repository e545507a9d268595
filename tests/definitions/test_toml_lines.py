"""The lines of keys of a TOML document."""

from service.definitions.formats.toml_lines import TomlLines


def test_tables_below_an_array_of_tables_have_lines_of_their_own() -> None:
    lines = TomlLines(
        b"[[a]]\n[a.b]\nc = 1\n[[a.d]]\n[[a]]\n[a.b]\nc = 2\n[[a.d]]\ne = 3\n"
    )

    assert lines.line_of("a", "0", "b", "c") == 3
    assert lines.line_of("a", "1", "b", "c") == 7
    assert lines.line_of("a", "1", "d", "0", "e") == 9
    assert lines.line_of("a", "0", "d", "0") == 4
