"""Every member of `Kind` has a spec, and its place in the order of precedence."""

import pytest

from service.adapters.local.worker.main import STEPS
from service.definitions.kinds.names import CANDIDATES, LOCKS, PROJECT
from service.definitions.registry import KINDS, kind_spec
from service.domain.definition import Definition, Kind
from tests.definitions.tree import Commit

EVERY_KIND = pytest.mark.parametrize("kind", list(Kind), ids=lambda kind: kind.value)

FILES = {
    "Pipfile": "[packages]\n",
    "requirements.txt": "six==1.16.0\n",
    "package-list.txt": "numpy\n",
    "environment.yml": "dependencies: [numpy]\n",
    "uv.lock": "version = 1\n",
}
POETRY = '[tool.poetry]\nname = "course"\n'
PLAIN = '[project]\nname = "course"\nversion = "1"\n'


def test_every_kind_stands_in_the_order_once() -> None:
    assert [spec.kind for spec in KINDS] == list(Kind)


@EVERY_KIND
def test_every_kind_is_detected_in_some_way_and_read(kind: Kind) -> None:
    spec = kind_spec(kind)

    assert spec.kind is kind
    assert spec.names or spec.claims
    assert callable(spec.follow)


@EVERY_KIND
def test_every_kind_is_built_here_or_refused_with_a_hint(kind: Kind) -> None:
    assert kind in STEPS or kind_spec(kind).instead


def test_no_file_is_of_two_kinds() -> None:
    names = [name for spec in KINDS for name in (*spec.names, *spec.locks)]

    assert len(names) == len(set(names))
    assert PROJECT not in names


def test_the_names_that_are_known_without_the_kinds_are_theirs() -> None:
    names = [name for spec in KINDS for name in spec.names]
    locks = [name for spec in KINDS for name in spec.locks]

    assert list(CANDIDATES) == [*names, PROJECT]
    assert list(LOCKS) == locks


def test_names_decide_before_contents_do() -> None:
    """A pyproject.toml is only read when no name has decided."""
    by_content = [not spec.names for spec in KINDS]

    assert by_content == sorted(by_content)
    assert CANDIDATES[-1] == PROJECT


def test_the_order_is_that_of_the_buildpacks() -> None:
    order = ["Pipfile", "requirements.txt", "package-list.txt", "environment.yml"]

    assert [name for name in CANDIDATES if name in order] == order
    assert "uv.lock" in LOCKS


@pytest.mark.parametrize("number", range(len(CANDIDATES) - 1))
def test_the_first_of_the_files_that_are_there_wins(number: int) -> None:
    names = CANDIDATES[number:-1]
    files = {name: FILES.get(name, "") for name in names} | {PROJECT: POETRY}

    definition = Commit(files).read()

    assert isinstance(definition, Definition)
    assert definition.path == names[0]
    assert names[0] in kind_spec(definition.kind).names
    absent = {item.path for item in definition.items if item.mode == "absent"}
    assert set(CANDIDATES[:number]) <= absent


@pytest.mark.parametrize(
    ("project", "has_lock", "kind"),
    [
        (POETRY, False, Kind.POETRY),
        (POETRY, True, Kind.POETRY),
        (PLAIN, False, Kind.POETRY),
        (PLAIN, True, Kind.UV),
        ("[tool.ruff]\n", False, None),
        ("[tool.ruff]\n", True, Kind.UV),
        ("[", False, Kind.POETRY),
        ("[", True, Kind.UV),
    ],
)
def test_whose_a_pyproject_is(
    project: str, *, has_lock: bool, kind: Kind | None
) -> None:
    lock = {"uv.lock": FILES["uv.lock"]} if has_lock else {}

    found = Commit({PROJECT: project, **lock}).read()

    assert (found.kind if isinstance(found, Definition) else None) is kind


@pytest.mark.parametrize(
    ("project", "counts"), [(POETRY, False), (PLAIN, True), ("[tool.ruff]\n", True)]
)
def test_a_lock_that_would_change_the_kind_counts_while_it_is_absent(
    project: str, *, counts: bool
) -> None:
    items = Commit({PROJECT: project}).read().items

    assert ("uv.lock" in {item.path for item in items}) is counts
