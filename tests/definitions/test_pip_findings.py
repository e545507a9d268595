"""What pip would refuse, ignore or never find, and what it takes without a word."""

import pytest

from service.domain.building.tools import Tools
from service.domain.findings import Severity
from tests.definitions.tree import Files, codes, read

HASH = "--hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254"
OTHER = "--hash=sha256:" + "0" * 64
SSH = "git+ssh://git@example.org/o/r.git"


def requirements(content: str, **others: str) -> Files:
    named = {f"{name}.txt": text for name, text in others.items()}
    return {"requirements.txt": content, **named}


@pytest.mark.parametrize(
    ("files", "code", "path", "line", "mend"),
    [
        pytest.param(
            requirements("six==1\ne @ file:///croot/e_17060/work\n"),
            "conda_path",
            "requirements.txt",
            2,
            "pip list --format=freeze",
            id="frozen in conda",
        ),
        pytest.param(
            requirements("a\nb @ file:///home/conda/feedstock_root/build_artifacts/b"),
            "conda_path",
            "requirements.txt",
            2,
            "pip list --format=freeze",
            id="frozen from conda-forge",
        ),
        pytest.param(
            requirements("-c c.txt\nrequests", c="requests[socks]==2.31.0"),
            "bad_constraint",
            "c.txt",
            1,
            "has extras",
            id="constraint with extras",
        ),
        pytest.param(
            requirements("-c c.txt", c="\na[x]; python_version < '3'"),
            "bad_constraint",
            "c.txt",
            2,
            "has extras",
            id="constraint with extras and a marker",
        ),
        pytest.param(
            requirements("-c c.txt\nrequests", c="https://example.org/x-1.0.tar.gz"),
            "bad_constraint",
            "c.txt",
            1,
            "has no name",
            id="constraint without a name",
        ),
        pytest.param(
            requirements("-c c.txt", c=f"-e '{SSH}#egg=r'"),
            "bad_constraint",
            "c.txt",
            1,
            "is editable",
            id="editable constraint",
        ),
        pytest.param(
            requirements("-r file:base.txt", base="six"),
            "outside_repository",
            "requirements.txt",
            1,
            "write -r base.txt",
            id="include by a file URL",
        ),
        pytest.param(
            requirements(f"six==1.16.0 {HASH}\nidna==3.7\n"),
            "hash_missing",
            "requirements.txt",
            2,
            "idna==3.7 has no --hash",
            id="hashes on some lines",
        ),
        pytest.param(
            requirements("--require-hashes\nsix==1.16.0"),
            "hash_missing",
            "requirements.txt",
            2,
            "six==1.16.0 has no --hash",
            id="hashes demanded",
        ),
        pytest.param(
            requirements(f"six==1.16.0 {HASH}\ngit+https://x/y"),
            "hash_missing",
            "requirements.txt",
            2,
            "is a repository",
            id="hashes and a repository",
        ),
        pytest.param(
            requirements("six==1.16.0 --hash=md5:abc"),
            "syntax_error",
            "requirements.txt",
            1,
            "sha256, sha384, sha512",
            id="weak hash",
        ),
        pytest.param(
            requirements("six==1.16.0 --hash=8abb2f"),
            "syntax_error",
            "requirements.txt",
            1,
            "--hash=sha256:",
            id="hash of nothing",
        ),
        pytest.param(
            requirements("six==1.16.0 --hash=sha256:abc"),
            "bad_hash",
            "requirements.txt",
            1,
            "64 digits",
            id="short hash",
        ),
        pytest.param(
            requirements("six==1.15.0\nsix==1.16.0"),
            "conflict",
            "requirements.txt",
            2,
            "six==1.15.0 in line 1",
            id="two pins",
        ),
        pytest.param(
            requirements("Six==1.15.0\n-r a.txt", a="six>1.16"),
            "conflict",
            "a.txt",
            1,
            "line 1 of requirements.txt",
            id="a pin and a bound in two files",
        ),
        pytest.param(
            requirements("six==1.15.0\n-c a.txt", a="six==1.16"),
            "conflict",
            "a.txt",
            1,
            "loosen one",
            id="a pin and a constraint",
        ),
        pytest.param(
            requirements("six>=2\nsix<1.9"),
            "conflict",
            "requirements.txt",
            2,
            "loosen one",
            id="two bounds",
        ),
        pytest.param(
            requirements("# x\n_libgcc_mutex=0.1=main\nnumpy=1.2=py_0\n"),
            "conda_export",
            "requirements.txt",
            2,
            "pip list --format=freeze",
            id="conda list --export",
        ),
        pytest.param(
            requirements("@EXPLICIT\nhttps://x/linux-64/a-1-0.conda"),
            "conda_export",
            "requirements.txt",
            1,
            "environment.yml",
            id="conda list --explicit",
        ),
        pytest.param(
            requirements("reqs/base.txt", **{"reqs/base": "six"}),
            "not_installable",
            "requirements.txt",
            1,
            "-r reqs/base.txt",
            id="forgotten -r",
        ),
        pytest.param(
            requirements("six @ ftp://example.org/six.zip"),
            "unfit_requirement",
            "requirements.txt",
            1,
            "by ftp",
            id="an address that pip cannot fetch",
        ),
        pytest.param(
            requirements("-e https://example.org/r.git"),
            "syntax_error",
            "requirements.txt",
            1,
            "git+https",
            id="editable archive",
        ),
        pytest.param(
            requirements("-e git+https://example.org/r.git"),
            "syntax_error",
            "requirements.txt",
            1,
            "NAME @ URL",
            id="editable without a name",
        ),
        pytest.param(
            requirements("git+https://example.org/r.git#egg=r[x]"),
            "syntax_error",
            "requirements.txt",
            1,
            "NAME[EXTRA] @ URL",
            id="extras of an egg",
        ),
        pytest.param(
            requirements("--require-hashes\n--no-require-hashes"),
            "unfit_requirement",
            "requirements.txt",
            2,
            "exclude each other",
            id="hashes demanded and not",
        ),
        pytest.param(
            requirements("pip install six"),
            "syntax_error",
            "requirements.txt",
            1,
            "this is a command",
            id="a command",
        ),
        pytest.param(
            requirements("git@github.com:o/r.git"),
            "syntax_error",
            "requirements.txt",
            1,
            "git+https",
            id="a clone URL",
        ),
        pytest.param(
            requirements("a @ ./lib"),
            "syntax_error",
            "requirements.txt",
            1,
            "no URL",
            id="a path after @",
        ),
        pytest.param(
            requirements("six\npkg_resources==0.0.0"),
            "unfit_requirement",
            "requirements.txt",
            2,
            "Take the line out",
            id="frozen on Debian",
        ),
        pytest.param(
            requirements("six\npywin32==306"),
            "unfit_requirement",
            "requirements.txt",
            2,
            "; sys_platform == 'win32'",
            id="frozen on Windows",
        ),
        pytest.param(
            requirements("python>=3.9\nsix"),
            "unfit_requirement",
            "requirements.txt",
            1,
            "environment.yml",
            id="Python itself",
        ),
        pytest.param(
            requirements("import os"),
            "syntax_error",
            "requirements.txt",
            1,
            "this is Python",
            id="a program",
        ),
        pytest.param(
            requirements("pytest chardet"),
            "syntax_error",
            "requirements.txt",
            1,
            "one package a line",
            id="two on a line",
        ),
        pytest.param(
            requirements("https://example.org/a-1-cp310-cp310-win_amd64.whl"),
            "unfit_requirement",
            "requirements.txt",
            1,
            "another system",
            id="wheel for Windows",
        ),
        *(
            pytest.param(
                {**requirements(f"six\n{where}{name}"), name: "x"},
                "unfit_requirement",
                "requirements.txt",
                2,
                mend,
                id=f"{name} of {where}",
            )
            for where in ("./", "https://example.org/", "a @ https://example.org/")
            for name, mend in (
                ("a-1-cp27-cp27mu-manylinux1_x86_64.whl", "another Python than 3.10"),
                ("a-1-py2-none-any.whl", "another Python than 3.10"),
                ("a-1-cp38-cp38-linux_x86_64.whl", "another Python than 3.10"),
                ("a-1-cp311-abi3-linux_x86_64.whl", "another Python than 3.10"),
                ("a-1-cp310-cp310-linux_i686.whl", "for aarch64 and x86_64"),
                ("a-1-py3-none-manylinux2014_ppc64le.whl", "for aarch64 and x86_64"),
                ("a-1-cp310-cp310-macosx_11_0_arm64.whl", "another system"),
            )
        ),
        pytest.param(
            requirements("a @ https://x/a-1.9.0%2Bcu111-cp38-cp38-linux_x86_64.whl"),
            "unfit_requirement",
            "requirements.txt",
            1,
            "a-1.9.0+cu111-cp38-cp38-linux_x86_64.whl is a wheel for another Python",
            id="quoted wheel of another Python",
        ),
        pytest.param(
            requirements("six\nPickyThing<1.6,>1.9,==2.4c1"),
            "conflict",
            "requirements.txt",
            2,
            "line 2: no version fits all of PickyThing<1.6,>1.9,==2.4c1, which"
            " contradicts itself",
            id="one line that contradicts itself",
        ),
        pytest.param(
            requirements("six>2,<1"),
            "conflict",
            "requirements.txt",
            1,
            "no version fits all of six>2,<1",
            id="bounds of one line",
        ),
        pytest.param(
            requirements("-e file:///Users/x/y#egg=z"),
            "outside_repository",
            "requirements.txt",
            1,
            "line 1: file:///Users/x/y lies outside",
            id="editable file URL",
        ),
        pytest.param(
            requirements("x @ file:///croot/x_1/work"),
            "conda_path",
            "requirements.txt",
            1,
            "line 1: file:///croot/x_1/work is a folder",
            id="file URL of conda's builds",
        ),
        pytest.param(
            requirements("six; 'a' in dependency_groups"),
            "syntax_error",
            "requirements.txt",
            1,
            "asks for 'dependency_groups', which pip does not know; write a name such"
            " as os_name.",
            id="marker of lock files",
        ),
        pytest.param(
            requirements("six; 'a' == 'b'"),
            "syntax_error",
            "requirements.txt",
            1,
            "asks for 'b', which pip does not know",
            id="marker without a name",
        ),
        pytest.param(
            requirements("six; os_name ~= 'x'"),
            "syntax_error",
            "requirements.txt",
            1,
            "compares what pip cannot compare; write ==",
            id="marker of no versions",
        ),
        pytest.param(
            requirements("six\n# coding: nope\n"),
            "syntax_error",
            "requirements.txt",
            2,
            "it declares the encoding nope",
            id="unknown encoding",
        ),
        pytest.param(
            requirements("--use-feature=2020-resolver\nsix"),
            "syntax_error",
            "requirements.txt",
            1,
            "take it out",
            id="feature that is gone",
        ),
    ],
)
def test_what_makes_pip_fail_is_an_error_with_its_mend(
    files: Files, code: str, path: str, line: int, mend: str
) -> None:
    errors = [
        finding
        for finding in read(files).findings
        if finding.severity is Severity.ERROR
    ]

    assert [(error.code, error.path, error.line) for error in errors] == [
        (code, path, line)
    ]
    assert mend in errors[0].message


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(requirements("numpy;"), id="empty marker"),
        pytest.param(requirements("numpy ; "), id="empty marker after a blank"),
        pytest.param(requirements("-r a.txt -c b.txt", a="six"), id="second include"),
        pytest.param(requirements("--use-feature=truststore\nsix"), id="feature"),
        pytest.param(requirements("six==1.15\nsix==1.15.0"), id="one version, twice"),
        pytest.param(requirements("six==1.15\nsix>=1,<2"), id="pin and range"),
        pytest.param(requirements("torch==2.1\ntorch==2.1+cpu"), id="local version"),
        pytest.param(
            requirements("a==1; python_version<'3.12'\na==2; python_version>='3.12'"),
            id="one pin for each Python",
        ),
        pytest.param(
            requirements("a @ file:///croot/a/work ; sys_platform == 'win32'"),
            id="path for another system",
        ),
        pytest.param(
            requirements("https://x/a-1-py3-none-win32.whl ; sys_platform == 'win32'"),
            id="wheel for another system",
        ),
        pytest.param(
            requirements(f"six==1.16.0 {HASH}\nsix==1.16.0\nidna==1 {OTHER}"),
            id="hash on one of two lines",
        ),
        pytest.param(
            requirements(
                f"-c c.txt\nsix==1.16.0 {HASH}\nidna==1", c=f"idna==1 {OTHER}"
            ),
            id="hash in a constraint",
        ),
        pytest.param(
            requirements(f"six==1 {HASH}\na==1; sys_platform == 'win32'"),
            id="no hash where nothing is installed",
        ),
        pytest.param(
            requirements(f"six==1 {HASH} --hash=sha256:abc"), id="one good hash"
        ),
        pytest.param(
            requirements(f"--no-require-hashes\nsix==1 {HASH}\nidna"),
            id="hashes not demanded",
        ),
        pytest.param(
            requirements(f"six==1 {HASH}\na @ https://x/a.zip#sha256={'0' * 64}"),
            id="hash in a URL",
        ),
        pytest.param(requirements("-c c.txt\na", c="a>1\na<3"), id="constraints"),
        pytest.param(requirements("-c c.txt\nb", c="a==1\na==2"), id="of nothing"),
        pytest.param(
            requirements("-c c.txt\na", c="a @ https://x/a.zip"), id="named constraint"
        ),
        pytest.param(
            requirements("https://x/a-1-py3-none-manylinux_2_28_x86_64.whl"), id="wheel"
        ),
        *(
            pytest.param(requirements(f"https://x/a-1-{tags}.whl"), id=tags)
            for tags in (
                "py2.py3-none-any",
                "cp36-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64",
                "cp310-cp310-manylinux1_x86_64",
                "cp310-cp310-manylinux2014_aarch64",
                "cp39.cp310-none-linux_x86_64",
                "cp310-cp310-musllinux_1_1_x86_64",
                "py310-none-win_amd64.linux_x86_64",
            )
        ),
        pytest.param(
            requirements(
                "https://x/a-1-cp38-cp38-linux_x86_64.whl ; python_version == '3.8'"
            ),
            id="wheel for another Python, asked for there alone",
        ),
        pytest.param(requirements("a==1+x\n-i https://x"), id="version of an index"),
        pytest.param(
            requirements("pywin32==306 ; sys_platform == 'win32'"), id="where it is"
        ),
        pytest.param(requirements(f"six>=1 {HASH}"), id="hash of many versions"),
        pytest.param(requirements("six\u00a0 --pre"), id="a blank of another kind"),
        pytest.param(requirements("-f nowhere\nsix"), id="no such page"),
        pytest.param(requirements(f"-e {SSH}#egg=r"), id="named by its egg"),
    ],
)
def test_what_pip_takes_is_no_error(files: Files) -> None:
    errors = [
        finding
        for finding in read(files).findings
        if finding.severity is Severity.ERROR
    ]

    assert errors == []


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("-r a.txt -c b.txt", "--constraint b.txt"),
        ("--extra-index-url https://x -r a.txt", "--extra-index-url https://x"),
        ("six -i https://x", "--index-url https://x"),
        ("-e . numpy", "numpy"),
        ("-e . -e ./b", "--editable ./b"),
        ("--hash=sha256:0\nsix", "--hash sha256:0"),
        ("-f x -f y\nsix", "-f y"),
    ],
)
def test_what_pip_ignores_is_a_warning(content: str, shown: str) -> None:
    files = {**requirements(content, a="six"), "setup.py": ""}
    found = [
        finding for finding in read(files).findings if finding.code == "ignored_option"
    ]

    assert [(finding.severity, finding.line) for finding in found] == [
        (Severity.WARNING, 1)
    ]
    assert shown in found[0].message


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            requirements("--extra-index-url https://x -r a.txt\nidna", a="six"),
            requirements("--extra-index-url https://x\n-r a.txt\nidna", a="six"),
            id="an option beside an include, and before it",
        ),
        pytest.param(
            requirements("-r a.txt -c b.txt", a="six", b="six<1.16"),
            requirements("-r a.txt\n-c b.txt", a="six", b="six<1.16"),
            id="two includes on a line, and on two",
        ),
        pytest.param(
            requirements("--extra-index-url x\n-i y"),
            requirements("-i y\n--extra-index-url x"),
            id="an index that replaces another, and one beside it",
        ),
    ],
)
def test_what_pip_takes_otherwise_is_a_change(before: Files, after: Files) -> None:
    assert read(before).meaning != read(after).meaning


def test_lines_that_a_tool_wrote_are_told_of_once() -> None:
    lines = "".join(f"a{number}=1.0=py_0\n" for number in range(300))
    found = [
        finding
        for finding in read({"requirements.txt": lines}).findings
        if finding.path and finding.line
    ]

    assert [(finding.code, finding.line) for finding in found] == [("conda_export", 1)]


def test_what_pip_list_prints_is_told_of_in_one_sentence() -> None:
    content = "Package Version\n------- -------\nnumpy   1.26.4\n"
    found = [
        finding for finding in read(requirements(content)).findings if finding.line
    ]

    assert [(finding.code, finding.line) for finding in found] == [
        ("pip_list", 1),
        ("syntax_error", 3),
    ]
    assert "pip list --format=freeze" in found[0].message


@pytest.mark.parametrize(
    ("content", "is_said"),
    [
        ("torch==1.9.0+cu111", True),
        ("torch==1.9.0+cu111\n--extra-index-url https://x", False),
        ("torch==1.9.0+cu111\n-f https://x", False),
        ("torch @ https://x/torch-1.9.0%2Bcu111-py3-none-any.whl", False),
        ("torch==1.9.0", False),
    ],
)
def test_a_version_that_pypi_never_has_is_a_warning(
    content: str, *, is_said: bool
) -> None:
    found = [
        (finding.severity, finding.line)
        for finding in read(requirements(content)).findings
        if finding.code == "local_version"
    ]

    assert found == [(Severity.WARNING, 1)] * is_said


@pytest.mark.parametrize("option", ["-i", "--extra-index-url", "-f"])
@pytest.mark.parametrize("url", ["https://[bad/simple", "https://a\u2100b/simple"])
def test_an_index_whose_url_nobody_can_read_is_found_on_its_line(
    option: str, url: str
) -> None:
    """Pip parses the file, and ends at the first package that it looks for."""
    found = read({"requirements.txt": f"six\n{option} {url}\n"})

    (error,) = [f for f in found.findings if f.code == "syntax_error"]
    assert (error.path, error.line) == ("requirements.txt", 2)
    assert "the URL cannot be read" in error.message


def test_the_python_of_a_requirements_file_is_the_configured_one() -> None:
    files = requirements("https://x/a-1-cp312-cp312-linux_x86_64.whl")

    assert "unfit_requirement" in codes(read(files))
    assert "unfit_requirement" not in codes(read(files, tools=Tools(pip_python="3.12")))
    assert "unfit_requirement" not in codes(read(files, tools=Tools(pip_python="any")))


def test_an_encoding_that_is_not_read_makes_every_commit_a_change() -> None:
    found = read(requirements("# coding: idna\nsix"))

    [warning] = [one for one in found.findings if one.code == "unread_encoding"]
    assert (warning.severity, warning.line) == (Severity.WARNING, 1)
    assert found.kept is None


def test_bytes_that_are_no_text_are_found_on_their_line() -> None:
    found = read({"requirements.txt": b"six\n# caf\xe9\n"})

    [error] = [one for one in found.findings if one.severity is Severity.ERROR]
    assert (error.line, "it is no text in UTF-8" in error.message) == (2, True)


@pytest.mark.parametrize(
    ("python", "tags", "why"),
    [
        ("python=3.8", "cp38-cp38-linux_x86_64", ""),
        ("python=3.8", "cp310-cp310-linux_x86_64", "another Python than 3.8,"),
        ("python>=3.8,<3.10", "cp310-cp310-linux_x86_64", "3.8 or 3.9, which"),
        ("python=2.7", "cp27-cp27mu-manylinux1_x86_64", ""),
        ("python=3.6", "cp36-cp36m-manylinux1_x86_64", ""),
        ("python=3.13", "cp313-cp313t-manylinux_2_28_x86_64", ""),
        ("python", "cp27-cp27mu-manylinux1_x86_64", ""),
        ("pypy3.9", "pp39-pypy39_pp73-linux_x86_64", ""),
        ("python=3.9=*_pypy", "pp39-pypy39_pp73-linux_x86_64", ""),
        ("numpy", "py2-none-any", ""),
        ("numpy", "cp310-cp310-linux_i686", "for other machines"),
    ],
)
def test_the_python_of_a_pip_section_is_condas(
    python: str, tags: str, why: str
) -> None:
    lines = f"dependencies:\n- pip:\n  - https://x/a-1-{tags}.whl\n- {python}\n"
    found = [
        finding
        for finding in read({"environment.yml": lines}).findings
        if finding.code == "unfit_requirement"
    ]

    assert [finding.line for finding in found] == [3] * bool(why)
    assert all(why in finding.message for finding in found)
