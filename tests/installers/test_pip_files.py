"""What pip says of requirements files that it refuses, as pip 26.3 said it."""

import pytest

from service.build_failures.classify import classify
from service.domain.building.failure import FailureClass as C

FILES = {
    "requirements.txt": "attrs==1\ne @ file:///croot/e_17060/work\n"
    "-r file:base.txt\nidna==3.7\nsix==1.16.0 --hash=md5:abc\n-e six\n"
    "a @ https://e.invalid/a.zip#egg=a[b]\na-1-py3-none-win32.whl\n",
}


@pytest.mark.parametrize(
    ("said", "kind", "line", "shown"),
    [
        pytest.param(
            "ERROR: Could not install packages due to an OSError: [Errno 2] No such"
            " file or directory: '/croot/e_17060/work'",
            C.FOREIGN_PATH,
            2,
            "pip list --format=freeze",
            id="frozen in conda",
        ),
        pytest.param(
            "Usage: pip [options]\n\nERROR: Invalid requirement: six==1.16.0"
            " --hash=md5:abc\npip: error: Allowed hash algorithms for --hash are"
            " sha256, sha384, sha512.",
            C.BAD_DEFINITION,
            5,
            "sha256, sha384, sha512",
            id="weak hash",
        ),
        pytest.param(
            "ERROR: Hashes are required in --require-hashes mode, but they are missing"
            " from some requirements. Here is a list of those requirements.\n"
            "    idna==3.7 --hash=sha256:d07c6b",
            C.BAD_DEFINITION,
            4,
            "has none",
            id="no hash",
        ),
        pytest.param(
            "ERROR: Constraints cannot have extras",
            C.BAD_DEFINITION,
            None,
            "nothing else",
            id="constraint",
        ),
        pytest.param(
            "ERROR: 404 Client Error: FileNotFoundError for url: file:///base.txt",
            C.BAD_DEFINITION,
            3,
            "write `-r base.txt`",
            id="file URL",
        ),
        pytest.param(
            "ERROR: a-1-py3-none-win32.whl is not a supported wheel on this platform.",
            C.BAD_DEFINITION,
            8,
            "another system",
            id="wheel",
        ),
        pytest.param(
            "ERROR: six is not a valid editable requirement. It should be a path",
            C.BAD_DEFINITION,
            None,
            "leave out -e",
            id="editable",
        ),
        pytest.param(
            "error: invalid-egg-fragment\n\n\N{MULTIPLICATION SIGN} The 'a[b]' egg"
            " fragment is invalid\n"
            "╰─> from 'https://e.invalid/a.zip#egg=a[b]'",
            C.BAD_DEFINITION,
            7,
            "NAME[EXTRA] @ URL",
            id="egg",
        ),
        pytest.param(
            "ERROR: /x/source/r.txt recursively references itself in r.txt",
            C.BAD_DEFINITION,
            None,
            "`r.txt` includes itself",
            id="cycle",
        ),
    ],
)
def test_what_pip_says_of_a_file_is_a_sentence_with_its_place(
    said: str, kind: C, line: int | None, shown: str
) -> None:
    failure = classify(phase="build", lines=said.splitlines(), code=1, files=FILES)

    assert failure.kind is kind
    assert shown in failure.message + failure.hint
    if line is not None:
        assert (failure.path, failure.line) == ("requirements.txt", line)
