"""environment.yml."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from service.definitions.conda.match_specs import (
    MalformedSpecError,
    normalize_spec,
    read_spec,
)
from service.domain.definition import Definition, NoDefinition
from service.domain.findings import Finding, Severity
from tests.definitions.tree import Commit, codes, read

GOOD = """\
name: base
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - numpy
  - pip
  - pip:
    - requests
"""


def conda(content: str, **others: str) -> Definition:
    return read({"environment.yml": content, **others})


def finding(content: str, code: str) -> Finding:
    return next(item for item in conda(content).findings if item.code == code)


def test_a_good_file_has_nothing_to_say() -> None:
    found = conda(GOOD)

    assert found.findings == ()
    assert found.python == "==3.11.*"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("name: base\n", "name: other\n", id="name"),
        pytest.param("name: base\n", "", id="no name"),
        pytest.param("name: base\n", "name: base\nprefix: /opt\n", id="prefix"),
        pytest.param("  - numpy\n", "  - numpy # fast\n", id="comment"),
        pytest.param("  - numpy\n", "  -   'NumPy'\n", id="quotes and case"),
        pytest.param(
            "  - python=3.11\n  - numpy\n", "  - numpy\n  - python=3.11\n", id="order"
        ),
        pytest.param("    - requests\n", "    - Requests  # web\n", id="pip part"),
        pytest.param("  - pip\n", "", id="pip, which conda adds"),
        pytest.param("  - nodefaults\n", "", id="nodefaults, which the build adds"),
        pytest.param("name: base\n", "includes: [base.yml]\n", id="no section"),
        pytest.param("name: base\n", "pip: [six]\n", id="pip at the top"),
        pytest.param("python=3.11", "python 3.11.*", id="spelling"),
        pytest.param("  - pip:\n", "  - pip: [x]\n  - pip:\n", id="earlier pip part"),
    ],
)
def test_what_conda_does_not_see_is_cosmetic(old: str, new: str) -> None:
    assert old in GOOD
    before, after = conda(GOOD), conda(GOOD.replace(old, new))

    assert before.fingerprint != after.fingerprint
    assert before.meaning == after.meaning


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("  - numpy\n", "", id="removed"),
        pytest.param("  - numpy\n", "  - numpy=2\n", id="version"),
        pytest.param(
            "  - conda-forge\n", "  - conda-forge\n  - bioconda\n", id="channel"
        ),
        pytest.param("    - requests\n", "    - requests>2\n", id="pip part"),
        pytest.param(
            "  - pip:\n    - requests\n", "  - requests\n", id="conda, not pip"
        ),
        pytest.param("name: base\n", "variables: {A: b}\n", id="variables"),
        pytest.param("name: base\n", "variables: {A: !!set {b}}\n", id="odd values"),
    ],
)
def test_what_conda_sees_is_a_change(old: str, new: str) -> None:
    assert old in GOOD
    assert conda(GOOD).meaning != conda(GOOD.replace(old, new)).meaning


SPECS = st.sampled_from(["numpy", "numpy=1", "numpy=1.0", "pandas>=2", "x::scipy", "r"])


@given(st.sets(SPECS), st.sets(SPECS), st.data())
@settings(max_examples=40, deadline=None)
def test_the_meaning_is_the_set_of_dependencies(
    one: set[str], other: set[str], data: st.DataObject
) -> None:
    def written(specs: set[str]) -> str:
        lines = data.draw(st.permutations(sorted(specs)))
        notes = data.draw(st.sampled_from(["", "# note\n", "name: x\n"]))
        return notes + "dependencies:\n" + "".join(f"  - {line}\n" for line in lines)

    same = conda(written(one)).meaning == conda(written(other)).meaning

    assert same == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("numpy >=1.2", "numpy>=1.2"),
        ("numpy  >=1.2 , <2", "numpy>=1.2,<2"),
        ("NumPy", "numpy"),
        ("conda-forge::NumPy", "conda-forge::numpy"),
    ],
)
def test_spaces_and_case_of_a_specification_do_not_count(one: str, other: str) -> None:
    assert normalize_spec(one) == normalize_spec(other)


@pytest.mark.parametrize(
    ("one", "other"), [("numpy 1.2", "numpy1.2"), ("a=1 B", "a=1 b"), ("A::b", "a::b")]
)
def test_other_spaces_and_case_do_count(one: str, other: str) -> None:
    assert normalize_spec(one) != normalize_spec(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("numpy=1.2.*=py_0", "numpy==1.2.*=py_0"),  # any 1.2, and 1.2 itself
        ("numpy 1.2.* py_0", "numpy ==1.2.* py_0"),
        ("python=3.11.*=*_cpython", "python==3.11.*=*_cpython"),
        ("numpy>1.2", "numpy=>1.2"),  # without 1.2 itself, and with it
        ("numpy==1.2.*", "numpy===1.2.*"),
    ],
)
def test_what_installs_another_version_is_a_change(one: str, other: str) -> None:
    before, after = GOOD.replace("numpy", one), GOOD.replace("numpy", other)

    assert conda(before).meaning != conda(after).meaning


def test_the_defaults_channel_fails_the_build() -> None:
    found = finding(
        "channels:\n  - a\n  - defaults\ndependencies: [x]", "defaults_channel"
    )

    assert found.severity is Severity.ERROR
    assert (found.line, found.column) == (3, 5)


def test_a_single_package_from_defaults_is_a_warning() -> None:
    found = finding(GOOD.replace("numpy", "defaults::numpy"), "defaults_channel")

    assert found.severity is Severity.WARNING
    assert found.line == 7


def test_missing_nodefaults_is_noted() -> None:
    found = finding(GOOD.replace("  - nodefaults\n", ""), "nodefaults_added")

    assert found.severity is Severity.NOTE
    assert found.line == 3


def test_no_channel_at_all_is_a_warning() -> None:
    assert "no_channel" in codes(conda("dependencies: [a]"))


def test_a_prefix_is_ignored_and_said() -> None:
    assert finding(GOOD + "prefix: /opt\n", "prefix_ignored").line == 11


@pytest.mark.parametrize(
    ("spec", "system"),
    [
        ("vs2015_runtime=14.16.27012=hf0eaf9b_3", "Windows"),
        ("conda-forge::vc=14.1", "Windows"),
        ("m2w64-gcc-libs-core=5.3.0", "Windows"),
        ("python.app", "macOS"),
        ("vcrpy", ""),
        ("vc-tools", ""),
        ("pywin32-on-windows", ""),
    ],
)
def test_packages_without_a_file_for_linux_are_errors(spec: str, system: str) -> None:
    found = conda(f"channels: [conda-forge, nodefaults]\ndependencies:\n- {spec}\n")
    errors = [item for item in found.findings if item.severity is Severity.ERROR]

    assert [item.code for item in errors] == (["other_system"] if system else [])
    assert all(f"for {system}," in item.message and item.line == 3 for item in errors)


def test_r_is_noted() -> None:
    assert "r_environment" in codes(conda(GOOD.replace("numpy", "r-base=4.3")))
    assert "r_environment" not in codes(conda(GOOD.replace("numpy", "r-base-x")))


@pytest.mark.parametrize(
    ("content", "line", "column"),
    [
        pytest.param("channels:\n\t# tab\n  - a", 2, 1, id="tabs as in the old guide"),
        pytest.param("channels: [a\ndependencies: x", 2, 13, id="unclosed"),
        pytest.param("dependencies: [a]\ndependencies: [b]", 2, 1, id="twice"),
        pytest.param("dependencies:\n  - 3", 2, 5, id="number"),
        pytest.param("dependencies: numpy", 1, 15, id="no list"),
        pytest.param("dependencies:\n  - pip: a", 2, 10, id="pip is no list"),
        pytest.param("channels: x\ndependencies: [a]", 1, 11, id="channels"),
        pytest.param("variables: x\ndependencies: [a]", 1, 12, id="variables"),
        pytest.param("channels: [x, 3]\ndependencies: [a]", 1, 11, id="number, too"),
        pytest.param("dependencies:\n- pip:\n  - a\n  - b=1", 4, 6, id="pip line"),
        pytest.param("%YAML 1.3\n---\ndependencies: [a]", 1, 1, id="another YAML"),
        pytest.param("a: 1\nx: {? [y, {b: c}] : d}", 2, 7, id="mapping in a key"),
        pytest.param("a: 1\nname: !!bool x", 2, 7, id="bool"),
        pytest.param("a: &a !!int '2'\nb: !!int ''", 2, 4, id="int"),
        pytest.param("dependencies:\n - !!float ''", 2, 4, id="float"),
        pytest.param("dependencies:\n - 2001-99-99", 2, 4, id="date"),
    ],
)
def test_syntax_errors_have_a_place(content: str, line: int, column: int) -> None:
    found = finding(content, "syntax_error")

    assert found.severity is Severity.ERROR
    assert (found.line, found.column) == (line, column)


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("  - numpy <2 >1", "as in >=1,<2. "),
        ("  - numpy=>1", "the least version is written with >=."),
        ("  - PIP: [six]", "stands under pip:, in small letters."),
        ("  - sel(linux): six", "installs nothing for it."),
        ("name: a\nname: b", 'found duplicate key "name". '),
    ],
)
def test_advice_is_whole_and_about_what_is_wrong(line: str, advice: str) -> None:
    found = conda(f"dependencies:\n  - a\n{line}\n").findings

    assert any(advice in it.message for it in found), found


def test_a_mapping_that_is_no_pip_section_is_ignored_as_conda_ignores_it() -> None:
    found = conda("dependencies:\n  - a\n  - python: 3.9\n")
    remark = finding("dependencies:\n  - a\n  - python: 3.9\n", "section_ignored")

    assert (remark.severity, remark.line) == (Severity.WARNING, 3)
    assert found.meaning == conda("dependencies: [a]").meaning


@pytest.mark.parametrize("line", ["name: 2024", "name: ~", "prefix: [x]"])
def test_what_newer_versions_of_conda_refuse_is_a_warning(line: str) -> None:
    found = finding(f"{line}\ndependencies: [a]\n", "name_invalid")

    assert (found.severity, found.line) == (Severity.WARNING, 1)
    assert "no_dependencies" in codes(conda("channels: [conda-forge]"))


def test_a_directive_of_yaml_is_read() -> None:
    plain = "dependencies: [numpy]\n"

    assert conda(f"%YAML 1.1\n---\n{plain}").meaning == conda(plain).meaning


@pytest.mark.parametrize(
    "spec",
    ["x[extra]>1[build=x]", "nu mpy~1.2[build=x]", "numpy=>1.2|1.3", "x[1][md5=abc]"],
)
def test_what_conda_refuses_beside_keys_in_brackets_is_refused(spec: str) -> None:
    """Recorded from conda 26.8."""
    assert not is_read(spec)
    assert is_read("numpy>=1[build=py_0]")
    assert is_read("numpy[version='>=1,<2',build=py_0]")


@pytest.mark.parametrize(
    "content",
    ["", "a", "- a", "a: &a [*a]", "--- a\n--- b", "a: !x y", "\0"],
)
def test_what_is_no_environment_counts_with_its_bytes(content: str) -> None:
    assert "syntax_error" in codes(conda(content))
    assert conda(content).meaning != conda("#\n" + content).meaning


def test_keys_that_are_no_text_are_no_crash() -> None:
    one, other = (conda(f"? [1, 2]\n: {value}\n") for value in (3, 4))

    assert "section_ignored" in codes(one)
    assert one.meaning == other.meaning


def test_the_order_of_channels_counts() -> None:
    one, other = (
        conda(f"channels: {name}\ndependencies: [x]") for name in ("[a, b]", "[b, a]")
    )

    assert one.meaning != other.meaning


def test_aliases_that_unfold_without_end_are_refused() -> None:
    rows = "a: &a [x, x, x, x, x, x, x, x]\n"
    for name, before in zip("bcdefgh", "abcdefg", strict=True):
        rows += f"{name}: &{name} [{', '.join([f'*{before}'] * 8)}]\n"

    found = Commit({"environment.yml": rows}).read()

    assert isinstance(found, NoDefinition)
    assert codes(found) == {"definition_too_complex"}


def test_a_file_too_large_to_parse_makes_every_commit_count() -> None:
    content = "dependencies: [a]\n" + "#" * 70_000
    one, other = (conda(content, other=name) for name in ("1", "2"))

    assert "too_large" in codes(one)
    assert one.meaning != other.meaning


def test_two_pythons_conflict() -> None:
    found = conda(GOOD.replace("numpy", "python=3.9"))

    assert "python_conflict" in codes(found)
    assert found.python is None


def test_a_pip_section_may_span_lines() -> None:
    one = conda("dependencies:\n- pip:\n  - a\n  - b\n")
    other = conda("dependencies:\n- pip:\n  - |\n    a\n    b\n")

    assert one.meaning == other.meaning


def test_an_escape_that_is_no_text_is_no_crash() -> None:
    content = 'channels: ["\\ud800"]\ndependencies: ["\\ud800", {pip: ["-r \\ud800"]}]'

    for item in conda(content).findings:
        assert (item.message + item.path).encode()


EMPTY = GOOD.replace("  - pip:\n    - requests\n", "  - pip:\n")
TWO = GOOD + "  - pip:\n    - idna\n"


def test_an_empty_pip_part_is_no_error() -> None:
    assert conda(EMPTY).findings == ()


def test_of_several_pip_parts_the_last_one_counts() -> None:
    found = conda(TWO)
    only = conda(GOOD.replace("requests", "idna"))

    assert found.meaning == only.meaning
    assert found.declared == only.declared
    remark = finding(TWO, "pip_section_ignored")
    assert (remark.severity, remark.line) == (Severity.WARNING, 10)
    assert conda(GOOD + "  - pip:\n").meaning == conda(EMPTY).meaning


@pytest.mark.parametrize(
    ("section", "mend"),
    [
        ("includes: [base.yml]", "copy what is in those files"),
        ("pip: [six]", "as an entry `- pip:`"),
        ("dependancies: [six]", "correct its name"),
    ],
)
def test_a_section_that_conda_ignores_is_a_warning(section: str, mend: str) -> None:
    found = finding(GOOD + section, "section_ignored")

    assert (found.severity, found.line) == (Severity.WARNING, 11)
    assert mend in found.message


@pytest.mark.parametrize(
    ("channel", "is_said"),
    [
        ("pkgs/main", True),
        ("anaconda", True),
        ("https://repo.anaconda.com/pkgs/main", True),
        ("https://repo.anaconda.com/pkgs/r/linux-64/", True),
        ("https://conda.anaconda.org/anaconda", True),
        ("conda-forge/label/main", False),
        ("main", False),
        ("https://conda.anaconda.org/conda-forge/", False),
    ],
)
def test_other_names_of_the_defaults_are_a_warning(
    channel: str, *, is_said: bool
) -> None:
    found = conda(f"channels: [{channel}, nodefaults]\ndependencies: [x]")
    said = [item for item in found.findings if item.code == "defaults_channel"]

    assert [item.severity for item in said] == [Severity.WARNING] * is_said


@pytest.mark.parametrize(
    ("spec", "mend"),
    [
        ("git+https://github.com/o/r.git", "under `- pip:`"),
        ("-r requirements.txt", "under `- pip:`"),
        ("-e .", "under `- pip:`"),
        ("six @ https://example.org/six.whl", "under `- pip:`"),
        ("numpy~1.20", ">=1.2,<2"),
        ("numpy^1.20", ">=1.2,<2"),
        ("numpy@1.20", "with =, not with @"),
        ("numpy>=1 <2", "with a comma"),
        ("numpy; python_version < '3'", "no conditions"),
    ],
)
def test_a_specification_that_conda_refuses_is_an_error(spec: str, mend: str) -> None:
    found = finding(GOOD.replace("numpy", f'"{spec}"'), "syntax_error")

    assert (found.severity, found.line) == (Severity.ERROR, 7)
    assert mend in found.message


@pytest.mark.parametrize("spec", ["requests[socks]", "numpy (>=1.2)", "numpy=>1.2"])
def test_what_conda_drops_from_a_specification_is_a_warning(spec: str) -> None:
    found = finding(GOOD.replace("numpy", f'"{spec}"'), "spec_ignored")

    assert (found.severity, found.line) == (Severity.WARNING, 7)


SPECS_OF_CONDA = json.loads(Path(__file__).with_name("conda_specs.json").read_text())
"""What conda 26.8 made of each: its own form of it, or null when it refused."""
NOT_OF_THE_SOLVER = {
    "*",
    "./ch::numpy",
    "./x.conda",
    "a b c d",
    "a::b::c",
    "numpy<",
    "numpy=1.*.2",
    "numpy=1.2**",
    "numpy=1.2*py",
    "x 1.2 py_0 extra",
    "x.whl",
}


def test_a_specification_is_read_where_conda_reads_it() -> None:
    read_here = {spec for spec in SPECS_OF_CONDA if is_read(spec)}
    of_conda = {spec for spec, form in SPECS_OF_CONDA.items() if form is not None}

    assert of_conda - read_here == NOT_OF_THE_SOLVER
    assert not read_here - of_conda


def test_specifications_that_conda_tells_apart_never_look_alike() -> None:
    forms: dict[str, set[str]] = {}
    for spec, form in SPECS_OF_CONDA.items():
        if form is not None and is_read(spec):
            forms.setdefault(normalize_spec(read_spec(spec).text), set()).add(form)

    assert {here: those for here, those in forms.items() if len(those) > 1} == {}


def test_specifications_that_conda_takes_for_one_look_alike() -> None:
    forms: dict[str, set[str]] = {}
    for spec, form in SPECS_OF_CONDA.items():
        if form is not None and is_read(spec):
            forms.setdefault(form, set()).add(normalize_spec(read_spec(spec).text))

    apart = {form for form, those in forms.items() if len(those) > 1}
    assert apart == {
        "defaults::numpy",  # and pkgs/main
        "numpy",  # and conda-forge:numpy, whose namespace nobody uses
        "numpy[version='<1.2*']",
        "x==1.2=py_0",  # and its keys in brackets
    }


def is_read(spec: str) -> bool:
    try:
        read_spec(spec)
    except MalformedSpecError:
        return False
    return True


def test_a_pip_that_is_asked_for_is_not_added_again() -> None:
    pinned = GOOD.replace("- pip\n", "- pip=23\n")

    assert (
        conda(pinned + "  - pip:\n").meaning
        == conda(pinned.replace("  - pip:\n    - requests\n", "")).meaning
    )


def test_packages_after_an_empty_pip_are_those_of_conda() -> None:
    found = conda(
        "channels: [conda-forge, nodefaults]\ndependencies:\n  - python=3.12\n"
        "  - pip:\n  - six\n  - attrs\n"
    )

    [finding] = found.findings

    assert (finding.code, finding.line) == ("pip_section_empty", 4)
    assert "conda itself installs six, attrs" in finding.message


def test_an_empty_pip_at_the_end_is_no_mistake() -> None:
    assert not conda(GOOD.replace("    - requests\n", "")).findings


@pytest.mark.parametrize(
    ("wanted", "severity", "mend"),
    [
        ("python=latest", Severity.ERROR, "write python alone"),
        ("python newest", Severity.ERROR, "write python alone"),
        ("conda-forge::python==3.x", Severity.ERROR, "write python=3 "),
        ("python=3.12.x", Severity.ERROR, "write python=3.12 "),
        ("numpy=latest", Severity.WARNING, "write numpy alone"),
        ("python=2.7", Severity.WARNING, "move to a Python 3"),
    ],
)
def test_a_version_that_no_image_can_have_is_reported(
    wanted: str, severity: Severity, mend: str
) -> None:
    found = conda(
        f"channels: [conda-forge, nodefaults]\ndependencies:\n  - {wanted}\n"
    ).findings

    assert [(finding.severity, finding.line) for finding in found] == [(severity, 3)]
    assert mend in found[0].message


@pytest.mark.parametrize(
    "wanted", ["python", "python=*", "python=3", "numpy=dev", "six=1=any"]
)
def test_a_version_that_may_be_there_is_not_reported(wanted: str) -> None:
    found = conda(
        f"channels: [conda-forge, nodefaults]\ndependencies:\n  - {wanted}\n"
    ).findings

    assert not found
