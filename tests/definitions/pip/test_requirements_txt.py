"""Requirements files: what counts as the same, and what never does."""

import itertools

import pytest
from hypothesis import given, settings, strategies as st

from service.definitions.pip.encodings import UndecodableError, decode
from service.definitions.pip.requirements_txt import (
    Include,
    LineParser,
    MalformedLineError,
    Options,
    RequirementLine,
    logical_lines,
)
from service.domain.definition import FILE
from tests.definitions.tree import Commit, codes, items, paths, read


def meaning(content: str | bytes, **others: str) -> str:
    return read({"requirements.txt": content, **others}).meaning


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("numpy\npandas\n", "pandas\nnumpy\n", id="order"),
        pytest.param("numpy\n", "# why\n\nnumpy  # because\n", id="comments"),
        pytest.param("numpy==1\npandas\n", "numpy==1\r\npandas\r\n", id="line ends"),
        pytest.param("numpy\n", b"\xef\xbb\xbfnumpy\n", id="byte order mark"),
        pytest.param("numpy\n", "numpy\n".encode("utf-16"), id="UTF-16"),
        pytest.param("a>=1,<2\n", "a >=1, \\\n  <2\n", id="continued"),
        pytest.param("a>=1,<2\n", "a <2,>=1\n", id="specifiers in any order"),
        pytest.param("Foo_Bar[B,a]\n", "foo-bar[a, b]\n", id="names"),
        pytest.param(
            "a; python_version<'3.9'", 'a ;python_version < "3.9"', id="markers"
        ),
        pytest.param(
            "a==1 --hash=sha256:1 --hash=sha256:2",
            "a==1 \\\n --hash=sha256:2 \\\n --hash=sha256:1",
            id="hashes",
        ),
        pytest.param("numpy\nnumpy\n", "numpy\n", id="twice"),
        pytest.param("-i https://x\na", "--index-url=https://x\na", id="spelling"),
        pytest.param("--no-index\n-i x", "-i x\n--no-index", id="no index for good"),
        pytest.param("-i x\n-i y", "-i y", id="an index that is replaced"),
        pytest.param("a==1.0", "a==1.0.0", id="zeros of a version"),
        pytest.param("a;", "a", id="empty marker"),
        pytest.param("a --pre", "a", id="an option after a requirement"),
        pytest.param("-f x -f y", "-f x", id="the second page of a line"),
        pytest.param("a --no-binary a", "a\n--no-binary=A", id="read on any line"),
        pytest.param("-e ./b --hash=sha256:1", "-e ./b", id="hash of an editable"),
        pytest.param("a", "a\nb==1; sys_platform == 'win32'", id="for another system"),
        pytest.param(
            "a\nb==1; os_name == 'nt'", "a\nb==2; os_name == 'nt'", id="its version"
        ),
    ],
)
def test_what_pip_does_not_see_is_cosmetic(
    one: str | bytes, other: str | bytes
) -> None:
    before, after = (read({"requirements.txt": value}) for value in (one, other))

    assert before.fingerprint != after.fingerprint
    assert before.meaning == after.meaning


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("a", "a\nb", id="added"),
        pytest.param("a==1", "a==2", id="version"),
        pytest.param("a", "a[x]", id="extra"),
        pytest.param("a", "a; python_version<'3'", id="marker"),
        pytest.param("a --hash=sha256:1", "a --hash=sha256:2", id="hash"),
        pytest.param("a", "a; os_name == 'nt'", id="for another system only"),
        pytest.param(
            "a\nb; os_name == 'nt'", "a\nb; os_name == 'posix'", id="another system"
        ),
        pytest.param(
            "a", "a\nb; os_name == 'nt' --hash=sha256:1", id="a hash, where it is not"
        ),
        pytest.param(
            "a", "a\nb; os_name == 'nt' --no-binary a", id="an option, where it is not"
        ),
        pytest.param("a", "a\n--pre", id="pre-releases"),
        pytest.param(
            "-i https://x\n--extra-index-url https://y",
            "-i https://y\n--extra-index-url https://x",
            id="indexes swapped",
        ),
        pytest.param("-i x\n-i y", "-i y\n-i x", id="order of indexes"),
        pytest.param("a @ https://x/a.whl", "a @ https://y/a.whl", id="URL"),
        pytest.param("-e git+https://x/a@v1", "git+https://x/a@v1", id="editable"),
        pytest.param("a#b", "a #b", id="a hash mark inside a word is no comment"),
        pytest.param("not a requirement", "still not one", id="not understood"),
        pytest.param("-r https://x/a", "-r https://x/b", id="included URL"),
    ],
)
def test_what_pip_sees_is_a_change(one: str, other: str) -> None:
    assert meaning(one) != meaning(other)


NAMES = st.sampled_from(["numpy", "pandas", "Flask", "zope.interface"])
SPECIFIERS = st.sampled_from(["", "==1.0", ">=1.0,<2", "~=1.4", "!=1.5"])
EXTRAS = st.sampled_from(["", "[dev]", "[a,b]"])
MARKERS = st.sampled_from(["", "; python_version >= '3.8'", "; os_name == 'nt'"])
LINES = st.builds("".join, st.tuples(NAMES, EXTRAS, SPECIFIERS, MARKERS))
NOISE = st.sampled_from(["", "# a comment", "   ", "\t# -r not-read.txt"])
ENDS = st.sampled_from(["\n", "\r\n", "  # why\n", " \n\n"])


@given(st.sets(LINES, min_size=1), st.data())
@settings(max_examples=60, deadline=None)
def test_shuffling_and_commenting_never_change_the_meaning(
    wanted: set[str], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(sorted(wanted)))
    noisy = "".join(
        data.draw(NOISE) + "\n" + line + data.draw(ENDS) for line in shuffled
    )

    assert meaning(noisy) == meaning("\n".join(sorted(wanted)))


@given(st.sets(LINES), st.sets(LINES))
@settings(max_examples=100, deadline=None)
def test_other_requirements_never_have_the_same_meaning(
    one: set[str], other: set[str]
) -> None:
    same = meaning("\n".join(one)) == meaning("\n".join(other))
    installed, wanted = (
        {line for line in a if "'nt'" not in line} for a in (one, other)
    )

    assert same == (installed == wanted)


TEXT = st.text(st.sampled_from("a1=<>;[]@ -#\\\n\r'\"./${}rce:\x0c"), max_size=60)


@given(TEXT)
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_without_a_crash_and_in_the_same_way(content: str) -> None:
    assert meaning(content) == meaning(content)


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_read_without_a_crash(content: bytes) -> None:
    assert read({"requirements.txt": content}).path == "requirements.txt"


@given(TEXT, TEXT)
@settings(max_examples=150, deadline=None)
def test_files_of_one_meaning_have_the_same_lines(one: str, other: str) -> None:
    """An oracle of its own: the set of logical lines, uninterpreted."""
    lines = [{line.text for line in logical_lines(text)} for text in (one, other)]
    if lines[0] == lines[1] and not any("-" in line for line in lines[0]):
        assert meaning(one) == meaning(other)


def parse(text: str) -> RequirementLine | Include | Options:
    return LineParser().parse(text)


def test_options_are_read_as_pip_reads_them() -> None:
    parsed = parse("--pre -i https://x -f wheels --no-binary a")

    assert isinstance(parsed, Options)
    assert parsed.given == (
        ("pre", ""),
        ("index-url", "https://x"),
        ("find-links", "wheels"),
    )
    assert parsed.controls == (("no-binary", "a"),)


@pytest.mark.parametrize(
    ("text", "path", "ignored"),
    [
        ("-r a.txt -c b.txt", "a.txt", ("--constraint b.txt",)),
        ("-c b.txt -r a.txt", "a.txt", ("--constraint b.txt",)),
        ("-ra.txt -r b.txt --pre", "a.txt", ("--requirement b.txt", "--pre")),
        ("--requirem a.txt b.txt", "a.txt", ("b.txt",)),
    ],
)
def test_of_one_line_pip_reads_one_file(
    text: str, path: str, ignored: tuple[str, ...]
) -> None:
    parsed = parse(text)

    assert isinstance(parsed, Include)
    assert (parsed.path, parsed.is_constraint) == (path, False)
    assert parsed.ignored == ignored


@pytest.mark.parametrize(
    "text",
    [
        "--nope",
        "-r",
        "-r 'open",
        "--hash",
        "a --hash=sha256",
        "a --hash=md5:0",
        "-e . -C x",
        "--use-feature=2020-resolver",
        "--no-binary=-x",
        "--p x",
    ],
)
def test_what_pip_refuses_is_refused(text: str) -> None:
    with pytest.raises(MalformedLineError):
        parse(text)


def test_a_comment_ends_a_continuation() -> None:
    lines = list(logical_lines("a \\\n# gone \\\nb"))

    assert [(line.number, line.text) for line in lines] == [(1, "a"), (3, "b")]


@pytest.mark.parametrize(
    "raw", [b"# coding: zip\na", b"# coding: nope\na", b"\xff\xffa"]
)
def test_other_encodings_are_not_guessed(raw: bytes) -> None:
    with pytest.raises(UndecodableError):
        decode(raw)


def test_a_declared_encoding_is_used() -> None:
    assert decode("# coding: latin-1\n# é".encode("latin-1")).endswith("é")


def test_a_syntax_error_is_shown_with_line_and_column() -> None:
    found = read({"requirements.txt": "numpy\n  pandas=2.0\n"})

    error = next(
        finding for finding in found.findings if finding.code == "syntax_error"
    )
    assert (error.path, error.line, error.column) == ("requirements.txt", 2, 9)
    assert "pip writes ==" in error.message


def test_includes_are_relative_to_the_file_that_includes_them() -> None:
    found = read(
        {
            "requirements.txt": "-r reqs/dev.txt",
            "reqs/dev.txt": "-r base.txt\n--constraint ../limits.txt",
            "reqs/base.txt": "a",
            "limits.txt": "a<2",
            "base.txt": "not read",
        }
    )

    assert {"reqs/dev.txt", "reqs/base.txt", "limits.txt"} <= paths(found)
    assert "base.txt" not in paths(found)
    assert codes(found) == {"python_version_default"}


def test_a_constraint_is_no_requirement() -> None:
    one = meaning("-r more.txt", **{"more.txt": "a"})
    other = meaning("-c more.txt", **{"more.txt": "a"})

    assert one != other


def test_where_an_included_file_has_its_options_matters() -> None:
    files = {"x.txt": "-i https://x", "y.txt": "-i https://y"}

    assert meaning("-r x.txt\n-r y.txt", **files) != meaning(
        "-r y.txt\n-r x.txt", **files
    )


def test_including_a_file_again_can_undo_an_option() -> None:
    files = {"x.txt": "-i https://x", "y.txt": "-i https://y"}

    assert meaning("-r x.txt\n-r y.txt", **files) != meaning(
        "-r x.txt\n-r y.txt\n-r x.txt", **files
    )


def test_a_links_directory_counts_as_a_whole() -> None:
    one = read({"requirements.txt": "-f wheels\na", "wheels/a-1.whl": "1"})
    other = read({"requirements.txt": "-f wheels\na", "wheels/a-1.whl": "2"})

    assert one.meaning != other.meaning


def test_a_wheel_by_path_counts_with_its_bytes() -> None:
    one = read({"requirements.txt": "./w/a-1.whl", "w/a-1.whl": b"\0\1"})
    other = read({"requirements.txt": "./w/a-1.whl", "w/a-1.whl": b"\0\2"})

    assert one.meaning != other.meaning
    assert "w/a-1.whl" in paths(one)


@pytest.mark.parametrize("line", ["-e .", "-e ./", "--editable=file:.", "-e .[dev]"])
def test_an_editable_project_counts_with_its_code(line: str) -> None:
    files = {"requirements.txt": line, "pyproject.toml": "[project]\nname='x'"}
    before = read({**files, "x.py": "1"})
    coded = read({**files, "x.py": "2"})
    described = read({**files, "x.py": "1", "pyproject.toml": "[project]\nname='y'"})

    assert before.meaning != coded.meaning
    assert before.meaning != described.meaning


@pytest.mark.parametrize("line", [".", "./lib", "x @ file:lib", ".[dev]"])
def test_an_installed_project_counts_as_a_whole(line: str) -> None:
    files = {"requirements.txt": line, "setup.py": "", "lib/setup.py": ""}
    before = read({**files, "lib/x.py": "1"})
    after = read({**files, "lib/x.py": "2"})

    assert before.meaning != after.meaning
    assert "whole_directory" in codes(before)


def test_projects_are_relative_to_where_pip_runs() -> None:
    found = read(
        {
            "app/requirements.txt": "-r reqs/a.txt",
            "app/reqs/a.txt": "-e ./lib",
            "app/lib/setup.py": "",
        },
        "app",
    )

    assert "app/lib/setup.py" in paths(found)


def test_files_that_a_setup_names_count() -> None:
    files = {
        "requirements.txt": "-e .",
        "setup.py": "setup(install_requires=open('deps.txt').read())",
        "setup.cfg": "[metadata]\nversion = file: VERSION, OTHER\n",
        "deps.txt": "a",
        "VERSION": "1",
        "README.md": "hello",
    }
    before = read(files)

    assert {"deps.txt", "VERSION"} <= paths(before)
    assert before.meaning != read({**files, "OTHER": "1"}).meaning
    assert before.meaning != read({**files, "deps.txt": "b"}).meaning
    assert before.meaning != read({**files, "VERSION": "2"}).meaning
    assert before.meaning != read({**files, "README.md": "bye"}).meaning


def test_dynamic_dependencies_of_setuptools_count() -> None:
    files = {
        "requirements.txt": "-e .",
        "pyproject.toml": "[project]\nname='x'\ndynamic=['dependencies']\n"
        "[tool.setuptools.dynamic]\ndependencies = {file = ['deps.txt']}",
        "deps.txt": "a",
    }

    assert read(files).meaning != read({**files, "deps.txt": "b"}).meaning


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("-r https://example.org/r.txt", "unpinned_include"),
        ("-r ${WHERE}/r.txt", "unpinned_include"),
        ("-r ../outside.txt", "outside_repository"),
        ("-c /etc/limits.txt", "outside_repository"),
        ("-e ../lib", "outside_repository"),
        ("./../lib", "outside_repository"),
        ("a @ file:///opt/a", "outside_repository"),
        ("a @ file:///croot/a_17/work", "conda_path"),
    ],
)
def test_what_lies_elsewhere_is_kept_as_text_and_said(line: str, code: str) -> None:
    commit = Commit({"requirements.txt": line})
    found = commit.read()

    finding = next(item for item in found.findings if item.code == code)
    assert finding.line == 1
    assert not [
        item for item in found.items if "outside" in item.path or "etc" in item.path
    ]


def test_credentials_in_a_url_are_not_shown() -> None:
    found = read({"requirements.txt": "-r https://me:hunter2@example.org/r.txt"})

    assert "hunter2" not in repr(found.findings)


def test_a_moving_reference_is_said_and_a_pinned_one_is_not() -> None:
    sha = "a" * 40

    assert "moving_requirement" in codes(
        read({"requirements.txt": "a @ git+https://x/a"})
    )
    assert "moving_requirement" not in codes(
        read({"requirements.txt": f"git+https://x/a@{sha}#egg=a"})
    )


def test_a_project_that_needs_another_python_is_said() -> None:
    found = read(
        {
            "requirements.txt": "-e .",
            "pyproject.toml": "[project]\nname='x'\nrequires-python='>=3.12'",
        }
    )

    assert "python_conflict" in codes(found)


def test_a_directory_without_metadata_is_not_installable() -> None:
    found = read({"requirements.txt": "-e lib", "lib/x.py": ""})

    assert "not_installable" in codes(found)


def test_a_bare_requirements_file_says_its_python() -> None:
    found = read({"requirements.txt": "a"})

    assert found.python == "==3.10.*"
    assert codes(found) == {"python_version_default"}


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param(
            {"requirements.txt": "a\n" * 20_001}, "too_many_lines", id="lines"
        ),
        pytest.param(
            {"requirements.txt": "-r f0"}
            | {f"f{n}": f"-r f{n + 1}" for n in range(60)},
            "too_deep",
            id="depth",
        ),
        pytest.param(
            {"requirements.txt": "".join(f"-r f{n}\n" for n in range(600))},
            "too_many_files",
            id="files",
        ),
        pytest.param(
            {"requirements.txt": b"#" * (1024 * 1024 + 1)}, "too_large", id="size"
        ),
    ],
)
def test_past_a_limit_every_commit_counts(files: dict[str, str], code: str) -> None:
    before = read({**files, "other.txt": "1"})
    after = read({**files, "other.txt": "2"})

    assert code in codes(before)
    assert before.fingerprint != after.fingerprint
    assert before.meaning != after.meaning


def test_shared_includes_are_asked_for_once() -> None:
    names = [f"f{n}" for n in range(20)]
    files = {
        name: "".join(f"-r {later}\n" for later in names[place + 1 :])
        for place, name in enumerate(names)
    }
    commit = Commit({"requirements.txt": "-r f0", **files})
    commit.read()

    asked = list(itertools.chain(repr(item) for item in commit.asked))
    assert len(asked) == len(set(asked))


def test_items_are_sorted_and_their_modes_normal() -> None:
    found = read({"requirements.txt": "-r a.txt", "a.txt": "b"})

    assert [item.path for item in found.items] == sorted(
        item.path for item in found.items
    )
    assert items(found)["a.txt"].mode == FILE
