"""The numbered cases of what naive receivers get wrong, as far as they need no git.

What a push did on the way plays no part here: only what is there before and after.
"""

import pytest

from service.domain.definition import (
    ABSENT,
    DIRECTORY,
    GITLINK,
    SYMLINK,
    Definition,
    Kind,
    NoDefinition,
)
from tests.definitions.tree import (
    Commit,
    Files,
    LinkTo,
    Script,
    Submodule,
    codes,
    items,
    paths,
    read,
)

PIP: Files = {"requirements.txt": "numpy\n"}


def is_changed(before: Files, after: Files) -> bool:
    return read(before).meaning != read(after).meaning


def is_touched(before: Files, after: Files) -> bool:
    return read(before).fingerprint != read(after).fingerprint


def test_case_2_modified_then_reverted_is_unchanged() -> None:
    assert not is_touched(PIP, dict(PIP))


def test_case_3_a_removed_definition_gives_way_to_the_next() -> None:
    after = read({"environment.yml": "dependencies: [a]"})

    assert after.kind is Kind.CONDA


def test_case_4_a_rename_into_place_is_a_definition() -> None:
    content = "dependencies: [a]"

    assert isinstance(Commit({"env.yml": content}).read(), NoDefinition)
    assert read({"environment.yml": content}).path == "environment.yml"


def test_case_5_a_rename_away_is_seen() -> None:
    found = Commit({"old.txt": "numpy"}).read()

    assert isinstance(found, NoDefinition)
    assert items(found)["requirements.txt"].mode == ABSENT


def test_case_6_a_context_directory_that_vanished_is_said() -> None:
    found = Commit({".binder/requirements.txt": "a"}).read("binder")

    assert isinstance(found, NoDefinition)
    assert "no directory binder" in found.message


def test_case_7_swapped_files_are_a_change() -> None:
    one = {"requirements.txt": "-c c.txt\na", "c.txt": "b"}
    two = {"requirements.txt": "-r d.txt", "d.txt": "-c c.txt\na", "c.txt": "b"}
    swapped = {**two, "d.txt": "b", "c.txt": "-c d.txt\na"}

    assert not is_changed(one, two)
    assert is_changed(two, swapped)


def test_case_9_an_unrelated_file_is_unchanged() -> None:
    assert not is_touched(PIP, {**PIP, "README.md": "hello"})


@pytest.mark.parametrize("edit", ["numpy  # fast\n", "\n\nnumpy\n", "numpy\r\n"])
def test_case_12_a_comment_is_recorded_and_cosmetic(edit: str) -> None:
    assert is_touched(PIP, {"requirements.txt": edit})
    assert not is_changed(PIP, {"requirements.txt": edit})


def test_case_13_a_table_of_a_linter_is_cosmetic() -> None:
    base = "[project]\nname='x'\nversion='1'\nrequires-python='>=3.12'\n"
    lock = "version = 1"
    before = {"pyproject.toml": base, "uv.lock": lock}
    after = {"pyproject.toml": base + "[tool.ruff]\nline-length=88", "uv.lock": lock}

    assert is_touched(before, after)
    assert not is_changed(before, after)


@pytest.mark.parametrize(
    "name",
    [
        "docs/requirements.txt",
        "my-requirements.txt",
        "requirements.txt.bak",
        "environment.yml/README",
        "app2/requirements.txt",
    ],
)
def test_case_14_a_name_that_only_looks_alike_is_no_definition(name: str) -> None:
    assert isinstance(Commit({name: "numpy"}).read(), NoDefinition)
    assert isinstance(Commit({f"app/{name}": "numpy"}).read("app"), NoDefinition)


@pytest.mark.parametrize("name", ["Requirements.txt", "ENVIRONMENT.YML", "pipfile"])
def test_case_15_names_are_case_sensitive(name: str) -> None:
    assert isinstance(Commit({name: "numpy"}).read(), NoDefinition)


def test_case_16_yml_is_read_and_yaml_is_not() -> None:
    both = read(
        {
            "environment.yml": "dependencies: [a]",
            "environment.yaml": "dependencies: [b]",
        }
    )
    alone = Commit({"environment.yaml": "dependencies: [b]"}).read()

    assert both.path == "environment.yml"
    assert "environment_yaml_name" not in codes(both)
    assert isinstance(alone, NoDefinition)
    assert "environment_yaml_name" in codes(alone)


def test_case_17_a_candidate_of_higher_precedence_wins_when_it_appears() -> None:
    before = {"environment.yml": "dependencies: [numpy]"}
    after = {**before, "requirements.txt": "numpy"}

    assert items(read(before))["requirements.txt"].mode == ABSENT
    assert items(read(before))["Pipfile"].mode == ABSENT
    assert is_touched(before, after)
    assert read(after).kind is Kind.PIP


@pytest.mark.parametrize(
    ("manifest", "content", "lock", "locked"),
    [
        (
            "pyproject.toml",
            "[tool.poetry]\nname='x'\n[tool.poetry.dependencies]\npython='^3.11'",
            "poetry.lock",
            "[[package]]\nname='a'\nversion='{}'",
        ),
        (
            "pyproject.toml",
            "[project]\nname='x'",
            "uv.lock",
            "[[package]]\nname='a'\nversion='{}'",
        ),
        (
            "Pipfile",
            "[packages]\na='*'",
            "Pipfile.lock",
            '{{"default": {{"a": "{}"}}}}',
        ),
    ],
)
def test_case_18_a_lock_alone_is_a_change(
    manifest: str, content: str, lock: str, locked: str
) -> None:
    before = {manifest: content, lock: locked.format(1)}

    assert is_changed(before, {manifest: content, lock: locked.format(2)})
    assert items(read(before))[lock].role == "lock"


@pytest.mark.parametrize(
    "files",
    [
        {"requirements.txt": "-r more.txt", "more.txt": "a"},
        {"requirements.txt": "--requirement=more.txt", "more.txt": "a"},
        {"requirements.txt": "-c more.txt\nb", "more.txt": "a"},
        {
            "requirements.txt": "-r x/y.txt",
            "x/y.txt": "-r ../more.txt",
            "more.txt": "a",
        },
        {
            "environment.yml": "dependencies: [pip, {pip: [-r more.txt]}]",
            "more.txt": "a",
        },
    ],
)
def test_case_19_an_included_file_counts(files: Files) -> None:
    assert is_changed(files, {**files, "more.txt": "b"})
    assert not is_changed(files, {**files, "more.txt": "# note\na"})


def test_case_20_an_include_can_come_and_go() -> None:
    before = {"requirements.txt": "-r more.txt", "more.txt": "a"}
    after = {"requirements.txt": "b", "more.txt": "a"}

    assert "more.txt" in paths(read(before))
    assert "more.txt" not in paths(read(after))


def test_case_21_a_cycle_ends_and_is_said() -> None:
    found = read({"requirements.txt": "-r a.txt", "a.txt": "-r requirements.txt\nb"})

    assert "include_cycle" in codes(found)
    assert "a.txt" in paths(found)


def test_case_21_a_cycle_that_was_mended_is_a_change() -> None:
    top = {"requirements.txt": "-r a.txt\nnumpy\n"}

    assert is_changed(
        {**top, "a.txt": "numpy\n-c a.txt\n"}, {**top, "a.txt": "numpy\n"}
    )


def test_case_21_a_missing_include_counts_when_it_appears() -> None:
    before = {"requirements.txt": "numpy\n-r later.txt\n"}
    found = read(before)

    assert items(found)["later.txt"].mode == ABSENT
    finding = next(item for item in found.findings if item.code == "missing_include")
    assert (finding.line, finding.column) == (2, 1)
    assert is_changed(before, {**before, "later.txt": ""})


def test_case_22_link_and_target_of_a_definition_count() -> None:
    before: Files = {
        "requirements.txt": LinkTo("config/base.txt"),
        "config/base.txt": "a",
    }
    found = read(before)

    assert items(found)["requirements.txt"].mode == SYMLINK
    assert "config/base.txt" in paths(found)
    assert is_changed(before, {**before, "config/base.txt": "b"})
    assert is_touched(
        before,
        {**before, "requirements.txt": LinkTo("./config/base.txt")},
    )


def test_case_22_includes_are_relative_to_the_link_not_its_target() -> None:
    found = read(
        {
            "requirements.txt": LinkTo("config/base.txt"),
            "config/base.txt": "-r more.txt",
            "config/more.txt": "not this",
            "more.txt": "this",
        }
    )

    assert "more.txt" in paths(found)
    assert "config/more.txt" not in paths(found)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/etc/passwd", "symlink_escape"),
        ("../outside", "symlink_escape"),
        ("a/../../outside", "symlink_escape"),
        ("more.txt", "symlink_loop"),
    ],
)
def test_case_22_links_do_not_escape_or_loop(target: str, code: str) -> None:
    found = read({"requirements.txt": "-r more.txt", "more.txt": LinkTo(target)})

    assert code in codes(found)


@pytest.mark.parametrize(("hops", "is_found"), [(39, True), (40, True), (41, False)])
def test_case_22_forty_links_are_followed_and_no_more(
    hops: int, *, is_found: bool
) -> None:
    links = {f"l{n}": LinkTo(f"l{n + 1}") for n in range(1, hops)}
    files: Files = {"requirements.txt": LinkTo("l1"), **links, f"l{hops}": "numpy"}

    assert isinstance(Commit(files).read(), Definition) == is_found


def test_case_23_a_linked_directory_on_the_way_is_followed() -> None:
    files: Files = {
        "binder": LinkTo("config/env"),
        "config/env/requirements.txt": "-r ../base.txt",
        "config/base.txt": "a",
        "base.txt": "no: pip runs in config/env",
    }
    found = Commit(files).read("binder")

    assert isinstance(found, Definition)
    assert items(found)["binder"].mode == SYMLINK
    assert found.kept == ("binder", "config/base.txt", "config/env/requirements.txt")
    moved = Commit({**files, "binder": LinkTo("config")}).read("binder")
    assert items(moved)["binder"].oid != items(found)["binder"].oid


def test_case_23_a_linked_directory_of_a_line_is_named_and_not_followed() -> None:
    files: Files = {
        "env": LinkTo("config/env"),
        "requirements.txt": "-r env/more.txt",
        "config/env/more.txt": "-r ../base.txt",
        "config/base.txt": "no: pip takes .. by name",
        "base.txt": "a",
    }

    assert "config/base.txt" not in paths(read(files))
    assert "base.txt" in paths(read(files))


def test_case_24_the_executable_bit_of_data_is_nothing() -> None:
    assert not is_touched(PIP, {"requirements.txt": Script("numpy\n")})


def test_case_24_the_executable_bit_of_a_start_script_counts() -> None:
    before = {**PIP, "init.d/a.sh": "x"}

    assert is_changed(before, {**PIP, "init.d/a.sh": Script("x")})


def test_case_24_a_file_that_becomes_a_link_is_a_change() -> None:
    after: Files = {"requirements.txt": LinkTo("r.txt"), "r.txt": "numpy\n"}

    assert is_changed(PIP, after)


def test_case_24_a_definition_that_becomes_a_directory_is_none() -> None:
    found = Commit({"requirements.txt/x": "numpy"}).read()

    assert isinstance(found, NoDefinition)
    assert items(found)["requirements.txt"].mode == DIRECTORY
    assert "not_a_file" in codes(found)


def test_case_25_an_include_in_a_submodule_counts_with_its_commit() -> None:
    before: Files = {"requirements.txt": "-r sub/a.txt", "sub": Submodule("1" * 40)}
    found = read(before)

    assert items(found)["sub"].mode == GITLINK
    assert "submodule" in codes(found)
    assert is_changed(before, {**before, "sub": Submodule("2" * 40)})


def test_case_26_a_pointer_of_lfs_is_not_parsed() -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 9\n"
    before = {"requirements.txt": pointer.format("1")}
    found = read(before)

    assert "lfs_pointer" in codes(found)
    assert "syntax_error" not in codes(found)
    assert is_changed(before, {"requirements.txt": pointer.format("2")})


def test_case_27_a_context_directory_is_on_its_own() -> None:
    files = {
        "requirements.txt": "root",
        "app/requirements.txt": "-r ../common.txt\na",
        "app2/requirements.txt": "b",
        "common.txt": "c",
    }
    commit = Commit(files)
    found = commit.read("app")

    assert isinstance(found, Definition)
    assert found.path == "app/requirements.txt"
    assert {path for path in paths(found) if path.endswith("requirements.txt")} == {
        "app/requirements.txt"
    }
    assert "common.txt" in paths(found)


def test_case_27_equal_directories_have_equal_prints() -> None:
    files = {"a/requirements.txt": "-r x.txt", "a/x.txt": "n"}
    moved = {"b/c/requirements.txt": "-r x.txt", "b/c/x.txt": "n"}
    one, other = Commit(files).read("a"), Commit(moved).read("b/c")

    assert isinstance(one, Definition)
    assert isinstance(other, Definition)
    assert (one.fingerprint, one.meaning) == (other.fingerprint, other.meaning)


@pytest.mark.parametrize(
    "name",
    ["e\u0301.txt", "é.txt", "a'b.txt", "a b.txt", "-x.txt", "a\tb.txt", "ü/ö.txt"],
)
def test_case_28_odd_names_are_just_names(name: str) -> None:
    quoted = f'"{name}"'
    found = read({"requirements.txt": f"-r {quoted}", name: "a"})

    assert name in paths(found)
    assert codes(found) == {"python_version_default"}


def test_case_28_names_that_are_no_utf_8_keep_their_bytes() -> None:
    name = b"\xff.txt".decode("utf-8", "surrogateescape")
    found = read({"requirements.txt": LinkTo(name), name: "a"})

    assert name in paths(found)
    for finding in found.findings:
        assert (finding.message + finding.path).encode()


@pytest.mark.parametrize("raw", [b"\xff\xfe\x00", b"\x80abc", bytes(range(256))])
def test_case_29_what_cannot_be_read_counts_with_its_bytes(raw: bytes) -> None:
    before = read({"requirements.txt": raw})
    after = read({"requirements.txt": raw + b"!"})

    assert before.meaning != after.meaning
    assert "syntax_error" in codes(before)


def test_case_29_a_lock_that_is_too_large_counts_with_its_bytes() -> None:
    files: Files = {
        "Pipfile": "[packages]",
        "Pipfile.lock": b" " * (5 * 1024 * 1024 + 1),
    }

    assert "too_large" in codes(read(files))
    assert not is_touched(files, {**files, "other": "x"})
    assert is_changed(files, {**files, "Pipfile.lock": b" " * (5 * 1024 * 1024 + 2)})


def test_case_89_no_url_is_ever_asked_for() -> None:
    commit = Commit(
        {"requirements.txt": "-r http://169.254.169.254/x\n-r file:///etc/x"}
    )
    found = commit.read()

    assert "169.254" not in repr(
        [item.paths for item in commit.asked if hasattr(item, "paths")]
    )
    assert "unpinned_include" in codes(found)
