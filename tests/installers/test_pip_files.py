"""What pip says of requirements files that it refuses, as pip 26.3 said it."""

import pytest

from service.build_failures.classify import classify
from service.domain.building.failure import Failure, FailureClass as C

FILES = {
    "requirements.txt": "attrs==1\ne @ file:///croot/e_17060/work\n"
    "-r file:base.txt\nidna==3.7\nsix==1.16.0 --hash=md5:abc\n-e six\n"
    "a @ https://e.invalid/a.zip#egg=a[b]\na-1-py3-none-win32.whl\n"
    "b @ https://[::/b.zip\n",
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
            "ERROR: Exception:\nTraceback (most recent call last):\n"
            "ValueError: Invalid IPv6 URL",
            C.BAD_DEFINITION,
            9,
            "a URL cannot be read",
            id="URL",
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


CRASH = """\
Collecting six==1.16.0 (from -r requirements.txt (line 5))
ERROR: Exception:
Traceback (most recent call last):
  File "/t/pip/_internal/cli/base_command.py", line 1, in exc_logging_wrapper
"""


@pytest.mark.parametrize(
    "why",
    [
        "zipfile.BadZipFile: Bad CRC-32 for file 'six.py'",
        "zlib.error: Error -3 while decompressing data: invalid block type",
        "UnicodeDecodeError: 'utf-8' codec can't decode byte 0xff in position 0",
        "pip._vendor.packaging.version.InvalidVersion: Invalid version: 'x'",
        "pip._internal.metadata.importlib._compat.BadMetadata: Bad metadata in <x> (y)",
        "pip._vendor.packaging.metadata.InvalidMetadata: 'name' is a required field",
        "email.errors.MessageError: no header",
        "tarfile.ReadError: unexpected end of data",
        "KeyError: \"There is no item named 'six.dist-info/METADATA' in the archive\"",
    ],
)
def test_a_damaged_file_that_ends_pip_is_the_fault_of_the_file(why: str) -> None:
    failure = _classified(CRASH + why)

    assert failure.kind is C.BAD_DEFINITION
    assert why.split(":", maxsplit=1)[0] in failure.message
    assert failure.line == 5


@pytest.mark.parametrize(
    "why",
    [
        "AssertionError: assert self._last is not None",
        "TypeError: 'NoneType' object is not iterable",
        "pip._vendor.resolvelib.resolvers.InconsistentCandidate: six",
        "KeyError: 'six'",
        "RuntimeError: dictionary changed size during iteration",
    ],
)
def test_another_exception_that_ends_pip_is_shown_as_it_is(why: str) -> None:
    failure = _classified(CRASH + why)

    assert failure.kind is C.UNKNOWN
    assert failure.message == f"the build failed: {why}"


@pytest.mark.parametrize(
    "why",
    [
        "ssl.SSLError: [SSL: BAD_RECORD_MAC] decryption failed (_ssl.c:2580)",
        "pip._vendor.urllib3.exceptions.SSLError: EOF occurred (_ssl.c:1)",
        "ssl.SSLEOFError: EOF occurred in violation of protocol (_ssl.c:2427)",
    ],
)
def test_a_broken_connection_that_ends_pip_passes(why: str) -> None:
    assert _classified(CRASH + why).kind is C.NETWORK


def _classified(said: str) -> Failure:
    return classify(phase="build", lines=said.splitlines(), code=2, files=FILES)
