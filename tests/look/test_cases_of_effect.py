"""The net effect of a push, over real repositories.

The numbers are those of the checklist of what naive receivers get wrong.
"""

import pytest

from service.domain.evaluation.comparison import Observed, Verdict
from tests.support.following import Follower
from tests.support.repos import MovedFrom, Repo

CONDA = """\
channels: [conda-forge, nodefaults]
dependencies:
  - python=3.12
  - numpy
"""
POETRY = """\
[tool.poetry]
name = "study"
version = "1"
package-mode = false

[tool.poetry.dependencies]
python = "^3.12"
numpy = "*"

[tool.ruff]
line-length = 80
"""


async def test_case_01_a_file_added_and_removed_in_one_push_changes_nothing(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    repo.commit({"environment.yml": CONDA, "Pipfile": "[packages]\n"})
    repo.commit({"README.md": "hello"})
    repo.commit({"environment.yml": None, "Pipfile": None})

    comparison = await follower.look()

    assert comparison.verdict is Verdict.UNCHANGED
    assert comparison.reason == "same_fingerprint"


async def test_case_01_a_file_removed_and_added_in_one_push_changes_nothing(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    repo.commit({"requirements.txt": None})
    repo.commit({"requirements.txt": "numpy\n"})

    assert (await follower.look()).verdict is Verdict.UNCHANGED


async def test_case_02_an_edit_reverted_in_the_same_push_changes_nothing(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    repo.commit({"requirements.txt": "pandas\n"})
    repo.commit({"requirements.txt": "numpy\n"})

    assert (await follower.look()).verdict is Verdict.UNCHANGED


async def test_case_03_a_definition_edited_then_deleted_gives_way_to_the_next(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n", "environment.yml": CONDA})
    await follower.look()
    repo.commit({"requirements.txt": "pandas\n"})
    repo.commit({"requirements.txt": None})

    comparison = await follower.look()

    assert comparison.verdict is Verdict.CHANGED
    assert comparison.reason == "other_definition"
    assert "environment.yml" in comparison.message


async def test_case_03_a_definition_edited_then_deleted_leaves_none(repo: Repo) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    repo.commit({"requirements.txt": "pandas\n"})
    repo.commit({"requirements.txt": None, "README.md": "empty"})

    comparison = await follower.look()

    assert comparison.verdict is Verdict.NO_DEFINITION
    assert comparison.reason == "definition_removed"


async def test_case_04_a_rename_into_place_is_a_change(repo: Repo) -> None:
    follower = Follower.of(repo)
    repo.commit({"env.yml": CONDA, "requirements.txt": "numpy\n"})
    await follower.look()
    repo.commit(
        {"environment.yml": MovedFrom("env.yml"), "requirements.txt": None},
    )

    comparison = await follower.look()

    assert comparison.verdict is Verdict.CHANGED
    assert {"environment.yml", "requirements.txt"} <= set(comparison.changed)


async def test_case_04_a_rename_into_place_is_a_first_definition(repo: Repo) -> None:
    follower = Follower.of(repo)
    repo.commit({"env.yml": CONDA})
    first = await follower.look()
    repo.commit({"environment.yml": MovedFrom("env.yml")})

    second = await follower.look()

    assert first.verdict is Verdict.NO_DEFINITION
    assert second.verdict is Verdict.INITIAL


async def test_case_05_a_rename_away_is_a_removal(repo: Repo) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    repo.commit({"old.txt": MovedFrom("requirements.txt")})

    comparison = await follower.look()

    assert comparison.verdict is Verdict.NO_DEFINITION
    assert comparison.reason == "definition_removed"


async def test_case_06_a_renamed_context_directory_has_no_definition_any_more(
    repo: Repo,
) -> None:
    follower = Follower.of(repo, context_dir="app")
    elsewhere = Follower.of(repo, context_dir="service")
    repo.commit({"app/requirements.txt": "numpy\n", "app/main.py": ""})
    await follower.look()
    repo.commit({"service": MovedFrom("app")})

    comparison = await follower.look()

    assert comparison.verdict is Verdict.NO_DEFINITION
    assert (await elsewhere.look()).verdict is Verdict.INITIAL


async def test_case_06_a_renamed_directory_of_includes_is_a_change(repo: Repo) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "-r sub/more.txt\n", "sub/more.txt": "numpy\n"})
    await follower.look()
    repo.commit({"other": MovedFrom("sub")})

    comparison = await follower.look()

    assert comparison.verdict is Verdict.CHANGED
    assert comparison.changed == ("sub/more.txt",)


async def test_case_07_swapped_files_are_a_change(repo: Repo) -> None:
    follower = Follower.of(repo)
    both = {"requirements.txt": "-c limits.txt\nnumpy\n", "limits.txt": "numpy<2\n"}
    repo.commit(both)
    await follower.look()
    repo.commit(dict(zip(both, reversed(both.values()), strict=True)))

    comparison = await follower.look()

    assert comparison.verdict is Verdict.CHANGED


async def test_case_07_a_copy_over_the_definition_is_a_change(repo: Repo) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "-r a.txt\n-r b.txt\n", "a.txt": "x\n"})
    repo.commit({"b.txt": "y\n"})
    await follower.look()
    repo.commit({"b.txt": "x\n"})

    assert (await follower.look()).verdict is Verdict.CHANGED


async def test_case_08_only_the_last_commit_counts_whatever_the_order(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy==1\n"})
    await follower.look()
    repo.commit({"requirements.txt": "numpy==3\n"})
    repo.commit({"requirements.txt": "numpy==2\n"})

    comparison = await follower.look()

    assert comparison.verdict is Verdict.CHANGED
    assert isinstance(follower.observed, Observed)
    assert follower.observed.head.commit == repo.tip()


async def test_case_09_the_same_tree_in_a_new_commit_is_unchanged_and_remembered(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    amended = repo.commit({"requirements.txt": "numpy\n"}, parents=(), message="again")

    comparison = await follower.look()

    assert comparison.verdict is Verdict.UNCHANGED
    assert follower.source.seen is not None
    assert follower.source.seen.commit == amended
    assert (await follower.look()).reason == "same_commit"


async def test_case_10_a_merge_brings_what_its_branch_brought(repo: Repo) -> None:
    follower = Follower.of(repo)
    base = repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    side = repo.commit({"requirements.txt": "pandas\n"}, branch="side", parents=[base])
    tip = repo.commit({"README.md": "x"})
    repo.commit({"requirements.txt": "pandas\n"}, parents=[tip, side])

    assert (await follower.look()).verdict is Verdict.CHANGED


async def test_case_10_an_octopus_that_keeps_our_definition_is_unchanged(
    repo: Repo,
) -> None:
    follower = Follower.of(repo)
    base = repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    sides = [
        repo.commit({"requirements.txt": name}, branch=name, parents=[base])
        for name in ("one", "two", "three")
    ]
    repo.commit({"notes": "kept ours"}, parents=[base, *sides])

    assert (await follower.look()).verdict is Verdict.UNCHANGED


@pytest.mark.parametrize("way", ["squash", "rebase", "cherry-pick"])
async def test_case_11_a_branch_may_arrive_under_other_commit_ids(
    repo: Repo, way: str
) -> None:
    follower = Follower.of(repo)
    base = repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    repo.commit({"requirements.txt": "pandas\n"}, branch="work", parents=[base])
    repo.commit({"README.md": "x"})
    repo.commit({"requirements.txt": "pandas\n"}, message=way)

    assert (await follower.look()).verdict is Verdict.CHANGED


async def test_case_11_a_revert_has_the_fingerprint_of_before(repo: Repo) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\n"})
    await follower.look()
    before = follower.source.seen
    repo.commit({"requirements.txt": "pandas\n"})
    await follower.look()
    repo.commit({"requirements.txt": "numpy\n"})

    assert (await follower.look()).verdict is Verdict.CHANGED
    after = follower.source.seen
    assert before is not None
    assert after is not None
    assert (after.fingerprint, after.meaning) == (before.fingerprint, before.meaning)


@pytest.mark.parametrize(
    "edited",
    [
        pytest.param("# why\nnumpy\npandas\n", id="comment"),
        pytest.param("numpy   # fast\n\n\npandas\n", id="white space"),
        pytest.param("numpy\r\npandas\r\n", id="line ends"),
        pytest.param("pandas\nnumpy\n", id="order"),
        pytest.param("numpy\npandas", id="no last line end"),
    ],
)
async def test_case_12_an_edit_without_meaning_is_cosmetic(
    repo: Repo, edited: str
) -> None:
    follower = Follower.of(repo)
    repo.commit({"requirements.txt": "numpy\npandas\n"})
    await follower.look()
    repo.commit({"requirements.txt": edited})

    comparison = await follower.look()

    assert comparison.verdict is Verdict.COSMETIC
    assert comparison.changed == ("requirements.txt",)


async def test_case_13_a_table_no_installer_reads_is_cosmetic(repo: Repo) -> None:
    follower = Follower.of(repo)
    repo.commit({"pyproject.toml": POETRY})
    await follower.look()
    repo.commit({"pyproject.toml": POETRY.replace("80", "100")})
    cosmetic = await follower.look()
    repo.commit({"pyproject.toml": POETRY.replace('"*"', '">2"')})

    assert cosmetic.verdict is Verdict.COSMETIC
    assert (await follower.look()).verdict is Verdict.CHANGED
