"""Which paths count, over real repositories.

The numbers are those of the checklist of what naive receivers get wrong.
"""

from collections.abc import Mapping

import pytest

from service.domain.definition import Definition, Kind
from service.domain.evaluation.comparison import Observed, Verdict
from tests.support.following import Follower
from tests.support.repos import Content, Executable, Link, Repo, Submodule

CONDA = """\
channels: [conda-forge, nodefaults]
dependencies:
  - python=3.12
  - numpy
"""
UV = '[project]\nname = "x"\nversion = "1"\ndependencies = ["numpy"]\n'
UV_LOCK = 'version = 1\nrequires-python = ">=3.12"\n'
LFS = """\
version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
"""


async def _verdicts(
    follower: Follower, repo: Repo, *commits: Mapping[str, Content]
) -> list[Verdict]:
    """Push one commit after the other and look after each."""
    verdicts = []
    for files in commits:
        repo.commit(files)
        verdicts.append((await follower.look()).verdict)
    return verdicts


def _definition(follower: Follower) -> Definition:
    assert isinstance(follower.observed, Observed)
    assert isinstance(follower.observed.found, Definition)
    return follower.observed.found


async def test_case_14_names_that_only_resemble_do_not_count(repo: Repo) -> None:
    verdicts = await _verdicts(
        Follower.of(repo),
        repo,
        {"requirements.txt": "numpy\n"},
        {
            "docs/requirements.txt": "sphinx\n",
            "my-requirements.txt": "x\n",
            "requirements.txt.bak": "y\n",
            "requirements.txt~": "y\n",
            " requirements.txt": "y\n",
        },
    )

    assert verdicts == [Verdict.INITIAL, Verdict.UNCHANGED]


async def test_case_14_a_directory_with_the_name_is_no_definition(repo: Repo) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(follower, repo, {"environment.yml/README": "x"})

    assert verdicts == [Verdict.NO_DEFINITION]


async def test_case_15_case_counts(repo: Repo) -> None:
    verdicts = await _verdicts(
        Follower.of(repo),
        repo,
        {"Requirements.txt": "x\n", "ENVIRONMENT.YML": CONDA, "pipfile": ""},
        {"requirements.txt": "numpy\n"},
        {"requirements.txt": None, "REQUIREMENTS.TXT": "numpy\n"},
    )

    assert verdicts == [Verdict.NO_DEFINITION, Verdict.INITIAL, Verdict.NO_DEFINITION]


async def test_case_16_yaml_is_not_yml_and_says_so(repo: Repo) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(follower, repo, {"environment.yaml": CONDA})

    assert verdicts == [Verdict.NO_DEFINITION]
    assert isinstance(follower.observed, Observed)
    assert any(
        finding.path == "environment.yaml"
        for finding in follower.observed.found.findings
    )


async def test_case_16_of_both_spellings_the_one_that_is_built_counts(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {"environment.yml": CONDA, "environment.yaml": "dependencies: []"},
        {"environment.yaml": "dependencies: [other]"},
        {"environment.yml": CONDA.replace("numpy", "pandas")},
    )

    assert verdicts[0] is Verdict.INITIAL
    assert verdicts[1] in {Verdict.UNCHANGED, Verdict.COSMETIC}
    assert verdicts[2] is Verdict.CHANGED
    assert _definition(follower).path == "environment.yml"


async def test_case_17_a_definition_of_higher_precedence_takes_over(repo: Repo) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {"environment.yml": CONDA},
        {"requirements.txt": "numpy\n"},
        {"requirements.txt": None},
        {"Pipfile": '[packages]\nnumpy = "*"\n'},
    )

    assert verdicts == [
        Verdict.INITIAL,
        Verdict.CHANGED,
        Verdict.CHANGED,
        Verdict.CHANGED,
    ]
    assert _definition(follower).kind is Kind.PIPENV


async def test_case_17_a_definition_of_lower_precedence_does_not(repo: Repo) -> None:
    verdicts = await _verdicts(
        Follower.of(repo),
        repo,
        {"requirements.txt": "numpy\n"},
        {"environment.yml": CONDA, "uv.lock": UV_LOCK},
    )

    assert verdicts[1] in {Verdict.UNCHANGED, Verdict.COSMETIC}


async def test_case_18_a_lock_alone_is_a_change(repo: Repo) -> None:
    follower = Follower.of(repo)
    package = '\n[[package]]\nname = "numpy"\nversion = "2"\n'

    verdicts = await _verdicts(
        follower,
        repo,
        {"pyproject.toml": UV, "uv.lock": UV_LOCK},
        {"uv.lock": UV_LOCK + package},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.CHANGED]
    assert _definition(follower).kind is Kind.UV


async def test_case_18_a_manifest_without_its_lock_is_a_change(repo: Repo) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {"pyproject.toml": UV, "uv.lock": UV_LOCK},
        {"pyproject.toml": UV.replace("numpy", "pandas")},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.CHANGED]


async def test_case_19_includes_are_relative_to_the_file_that_includes(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {
            "requirements.txt": "-r deep/base.txt\n--constraint=limits.txt\n",
            "deep/base.txt": "-r more.txt\nnumpy\n",
            "deep/more.txt": "pandas\n",
            "limits.txt": "numpy<3\n",
            "more.txt": "decoy\n",
        },
        {"more.txt": "another decoy\n", "deep/limits.txt": "decoy\n"},
        {"deep/more.txt": "polars\n"},
        {"limits.txt": "numpy<2\n"},
    )

    assert verdicts == [
        Verdict.INITIAL,
        Verdict.UNCHANGED,
        Verdict.CHANGED,
        Verdict.CHANGED,
    ]


async def test_case_19_a_conda_file_includes_requirements(repo: Repo) -> None:
    conda = CONDA + "  - pip\n  - pip:\n    - -r more.txt\n"

    verdicts = await _verdicts(
        Follower.of(repo),
        repo,
        {"environment.yml": conda, "more.txt": "pandas\n"},
        {"more.txt": "polars\n"},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.CHANGED]


async def test_case_19_the_project_itself_is_installed(repo: Repo) -> None:
    setup = "[metadata]\nname = x\n[options]\ninstall_requires = numpy\n"

    verdicts = await _verdicts(
        Follower.of(repo),
        repo,
        {"requirements.txt": "-e .\n", "setup.cfg": setup},
        {"setup.cfg": setup.replace("numpy", "pandas")},
        {"setup.py": "from setuptools import setup\nsetup()\n"},
        {"pyproject.toml": "[build-system]\nrequires = ['setuptools>80']\n"},
    )

    assert verdicts == [
        Verdict.INITIAL,
        Verdict.CHANGED,
        Verdict.CHANGED,
        Verdict.CHANGED,
    ]


async def test_case_20_includes_come_and_go(repo: Repo) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {"requirements.txt": "numpy\n", "more.txt": "pandas\n"},
        {"more.txt": "pandas>1\n"},
        {"requirements.txt": "numpy\n-r more.txt\n"},
        {"more.txt": "pandas>2\n"},
        {"requirements.txt": "numpy\n"},
        {"more.txt": "pandas>3\n"},
    )

    assert verdicts == [
        Verdict.INITIAL,
        Verdict.UNCHANGED,
        Verdict.CHANGED,
        Verdict.CHANGED,
        Verdict.CHANGED,
        Verdict.UNCHANGED,
    ]
    assert "more.txt" not in follower.paths


async def test_case_21_a_circle_of_includes_ends(repo: Repo) -> None:
    verdicts = await _verdicts(
        Follower.of(repo),
        repo,
        {
            "requirements.txt": "-r a.txt\nnumpy\n",
            "a.txt": "-r requirements.txt\n-r a.txt\n",
        },
        {"a.txt": "-r requirements.txt\npandas\n"},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.CHANGED]


async def test_case_21_an_include_that_is_missing_counts_once_it_appears(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {"requirements.txt": "-r missing.txt\nnumpy\n"},
        {"README.md": "x"},
        {"missing.txt": "pandas\n"},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.UNCHANGED, Verdict.CHANGED]


@pytest.mark.parametrize(
    "include",
    ["/etc/passwd", "../../outside.txt", "http://169.254.169.254/r.txt", "${HOME}/x"],
)
async def test_case_21_what_lies_outside_is_never_read(
    repo: Repo, include: str
) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower, repo, {"requirements.txt": f"-r {include}\nnumpy\n"}
    )

    assert verdicts == [Verdict.INITIAL]
    assert _definition(follower).findings
    assert not [
        path for path in follower.paths if "passwd" in path or "outside" in path
    ]


async def test_case_21_a_long_chain_of_includes_is_followed_or_counts_whole(
    repo: Repo,
) -> None:
    depth = 60
    chain: dict[str, Content] = {
        f"r{number}.txt": f"-r r{number + 1}.txt\n" for number in range(depth)
    }
    chain |= {"requirements.txt": "-r r0.txt\n", f"r{depth}.txt": "numpy\n"}

    verdicts = await _verdicts(
        Follower.of(repo), repo, chain, {f"r{depth}.txt": "pandas\n"}
    )

    assert verdicts == [Verdict.INITIAL, Verdict.CHANGED]


async def test_case_22_a_symlink_and_its_target_both_count(repo: Repo) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {
            "requirements.txt": Link("env/list.txt"),
            "env/list.txt": "numpy\n",
            "env/other.txt": "pandas\n",
        },
        {"env/list.txt": "numpy>2\n"},
        {"requirements.txt": Link("env/other.txt")},
        {"env/list.txt": "no longer\n"},
    )

    assert verdicts == [
        Verdict.INITIAL,
        Verdict.CHANGED,
        Verdict.CHANGED,
        Verdict.UNCHANGED,
    ]


@pytest.mark.parametrize("target", ["requirements.txt", "../../etc/passwd", "/etc/x"])
async def test_case_22_a_symlink_that_leads_nowhere_defines_nothing(
    repo: Repo, target: str
) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(follower, repo, {"requirements.txt": Link(target)})

    assert verdicts == [Verdict.NO_DEFINITION] or _definition(follower).findings


async def test_case_23_a_symlinked_directory_on_the_way_counts(repo: Repo) -> None:
    follower = Follower.of(repo, context_dir="app")

    verdicts = await _verdicts(
        follower,
        repo,
        {
            "app": Link("versions/one"),
            "versions/one/requirements.txt": "numpy\n",
            "versions/two/requirements.txt": "pandas\n",
        },
        {"versions/two/requirements.txt": "polars\n"},
        {"app": Link("versions/two")},
        {"versions/two/requirements.txt": "duckdb\n"},
    )

    assert verdicts == [
        Verdict.INITIAL,
        Verdict.UNCHANGED,
        Verdict.CHANGED,
        Verdict.CHANGED,
    ]


async def test_case_24_the_exec_bit_of_a_list_changes_nothing(repo: Repo) -> None:
    verdicts = await _verdicts(
        Follower.of(repo),
        repo,
        {"requirements.txt": "numpy\n"},
        {"requirements.txt": Executable("numpy\n")},
    )

    assert verdicts[1] in {Verdict.UNCHANGED, Verdict.COSMETIC}


async def test_case_24_another_kind_of_entry_is_a_change(repo: Repo) -> None:
    width = "5" * 40

    verdicts = await _verdicts(
        Follower.of(repo),
        repo,
        {"requirements.txt": "-r more.txt\nnumpy\n", "more.txt": "pandas\n"},
        {"more.txt": None, "more.txt/x": "pandas\n"},
        {"more.txt/x": None, "more.txt": Submodule(width)},
        {"more.txt": Link("pandas\n")},
    )

    assert verdicts == [Verdict.INITIAL, *[Verdict.CHANGED] * 3]


async def test_case_25_a_submodule_counts_where_something_is_included_from_it(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {
            "requirements.txt": "-r shared/base.txt\nnumpy\n",
            "shared": Submodule("5" * 40),
            "other": Submodule("5" * 40),
            ".gitmodules": '[submodule "shared"]\n\turl = http://169.254.169.254/\n',
        },
        {"other": Submodule("6" * 40)},
        {"shared": Submodule("6" * 40)},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.UNCHANGED, Verdict.CHANGED]


async def test_case_26_a_pointer_to_a_large_file_is_no_list_of_packages(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {"requirements.txt": LFS},
        {"requirements.txt": LFS.replace("4d7a", "5e8b")},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.CHANGED]
    assert _definition(follower).findings


async def test_case_27_context_directories_are_whole_names(repo: Repo) -> None:
    follower = Follower.of(repo, context_dir="app")

    verdicts = await _verdicts(
        follower,
        repo,
        {
            "requirements.txt": "root\n",
            "app/requirements.txt": "-r ../shared.txt\nnumpy\n",
            "app2/requirements.txt": "pandas\n",
            "shared.txt": "scipy\n",
        },
        {"app2/requirements.txt": "polars\n", "requirements.txt": "other\n"},
        {"shared.txt": "scipy>1\n"},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.UNCHANGED, Verdict.CHANGED]
    assert _definition(follower).path == "app/requirements.txt"


@pytest.mark.parametrize(
    "name",
    [
        "Z\u00e9.txt",
        "Ze\u0301.txt",
        "-r.txt",
        "quo'te.txt",
        ":(glob)*.txt",
        "\udcff.txt",
    ],
)
async def test_case_28_odd_names_are_opaque(repo: Repo, name: str) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {"requirements.txt": Link(name), name: "numpy\n"},
        {name: "pandas\n"},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.CHANGED]
    assert name in follower.paths


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(bytes(range(256)), id="binary"),
        pytest.param("nump\u00fd\n".encode("latin-1"), id="not UTF-8"),
    ],
)
async def test_case_29_what_cannot_be_read_counts_with_its_bytes(
    repo: Repo, content: bytes
) -> None:
    follower = Follower.of(repo)

    verdicts = await _verdicts(
        follower,
        repo,
        {"requirements.txt": content},
        {"README.md": "x"},
        {"requirements.txt": content + b"#"},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.UNCHANGED, Verdict.CHANGED]
    assert _definition(follower).findings


async def test_case_29_what_is_too_large_to_follow_makes_the_whole_commit_count(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    large = "numpy\n" + "#" * 2_000_000

    verdicts = await _verdicts(
        follower,
        repo,
        {"requirements.txt": large, "maybe_included.txt": "pandas\n"},
        {"maybe_included.txt": "polars\n"},
        {"requirements.txt": large + "#"},
    )

    assert verdicts == [Verdict.INITIAL, Verdict.CHANGED, Verdict.CHANGED]
    assert _definition(follower).findings
