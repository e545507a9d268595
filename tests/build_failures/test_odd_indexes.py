"""What forbids all that it lacks, and what is no index, are told from a refusal."""

import pytest

from service.build_failures.classify import classify
from service.build_failures.indexes.unfound import pick_notes
from service.domain.building.failure import Failure, FailureClass as C
from tests.installers.test_indexes import said_by

FORBIDDEN = (
    "Could not fetch URL https://wheels.test/simple/good/: 403 Client Error: Forbidden"
    " for url: https://wheels.test/simple/good/ - skipping"
)
ABSENT = FORBIDDEN.replace("wheels", "index").replace("403", "404")
CLOSED = FORBIDDEN.replace("403", "401")
NONE = (
    "ERROR: Could not find a version that satisfies the requirement good"
    " (from versions: none)"
)
SOME = NONE.replace("none", "1.0, 2.0").replace("good ", "good>9 ")
SKIPPED = said_by("pip")["garbage"].splitlines()[0]
HERE = {
    "requirements.txt": "--extra-index-url https://index.test/garbage/simple\ngood\n"
}
ONE = """\
[project]
dependencies = ["good"]
[[tool.uv.index]]
url = "https://me:pw@index.test/403/simple"
"""


def classified(*lines: str, files: dict[str, str] | None = None) -> Failure:
    files = files or {"requirements.txt": "good\n"}
    text = "\n".join(lines)
    return classify(phase="build", lines=text.splitlines(), code=1, files=files)


def test_what_one_index_lacks_and_another_forbids_is_not_there() -> None:
    failure = classified(NONE, FORBIDDEN, ABSENT)

    assert failure.kind is C.NO_SUCH_PACKAGE
    assert "https://wheels.test/simple/good/ answered 403" in failure.hint
    assert failure.line == 1


@pytest.mark.parametrize("lines", [(FORBIDDEN,), (CLOSED, ABSENT), (FORBIDDEN, CLOSED)])
def test_an_index_refuses_that_is_alone_or_wants_a_password(
    lines: tuple[str, ...],
) -> None:
    assert classified(NONE, *lines).kind is C.INDEX_REFUSED


def test_an_answer_of_404_is_noted_only_beside_one_of_403() -> None:
    assert pick_notes([NONE], [ABSENT]) == ()
    assert pick_notes([NONE], [CLOSED, ABSENT]) == (CLOSED,)
    assert pick_notes([NONE], [ABSENT, FORBIDDEN]) == (ABSENT, FORBIDDEN)


@pytest.mark.parametrize("line", [FORBIDDEN, CLOSED, SKIPPED])
def test_an_index_that_refuses_is_no_reason_where_versions_were_found(
    line: str,
) -> None:
    assert classified(line, SOME, line).kind is C.NO_SUCH_VERSION


def test_an_untrusted_index_is_no_reason_where_versions_were_found() -> None:
    ignored = said_by("pip")["no HTTPS"].splitlines()[0]

    assert classified(ignored, SOME).kind is C.NO_SUCH_VERSION


def test_what_is_no_index_is_the_fault_of_who_named_it() -> None:
    failure = classified(SKIPPED, NONE, files=HERE)

    assert failure.kind is C.BAD_DEFINITION
    assert "requirements.txt: there is no package index at" in failure.message
    assert classified(SKIPPED, NONE).kind is C.INDEX_REFUSED


def test_a_page_of_another_package_is_no_reason() -> None:
    assert classified(SKIPPED.replace("good", "six"), NONE).kind is C.NO_SUCH_PACKAGE


@pytest.mark.parametrize(
    ("pyproject", "kind"),
    [
        (ONE, C.NO_SUCH_PACKAGE),
        (ONE + "default = true\n", C.INDEX_REFUSED),
        (ONE + "default = true\n[[tool.uv.index]]\nurl = 'x'\n", C.NO_SUCH_PACKAGE),
        ('[project]\ndependencies = ["good"]\n', C.INDEX_REFUSED),
    ],
    ids=["and the public one", "only", "and another", "of operators"],
)
def test_uv_ends_at_an_index_that_forbids_what_it_lacks(
    pyproject: str, kind: C
) -> None:
    said = said_by("uv")["403"].replace("https://", "https://…@")
    failure = classified(said, files={"pyproject.toml": pyproject})

    assert failure.kind is kind
    assert failure.line == 2
    assert ("ignore-error-codes" in failure.hint) is (kind is C.NO_SUCH_PACKAGE)
