"""What pip found nowhere, it found nowhere for a reason."""

from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Kind
from tests.adapters.local.builds import (
    KeptLogs,
    a_build,
    a_builder,
    a_repository,
    failure_of,
)

OF_WINDOWS = '<a href="/f/words-1.0-cp39-cp39-win_amd64.whl">words-1.0</a>'
WITHDRAWN = '<a href="/f/words-1.0-py3-none-any.whl" data-yanked="bad">words-1.0</a>'
ANSWERS: Mapping[str, tuple[HTTPStatus, str, FailureClass, str]] = {
    "out of order": (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "",
        FailureClass.NETWORK,
        "did not answer as it should: http://127.0.0.1",
    ),
    "too many requests": (
        HTTPStatus.TOO_MANY_REQUESTS,
        "",
        FailureClass.NETWORK,
        "did not answer as it should: http://127.0.0.1",
    ),
    "closed": (
        HTTPStatus.FORBIDDEN,
        "",
        FailureClass.INDEX_REFUSED,
        "does not let this build in: http://127.0.0.1",
    ),
    "no such package": (
        HTTPStatus.NOT_FOUND,
        "",
        FailureClass.NO_SUCH_PACKAGE,
        "there is no package `words` in the index",
    ),
    "for another system": (
        HTTPStatus.OK,
        OF_WINDOWS,
        FailureClass.UNSUPPORTED_PYTHON,
        "no file of `words` for this Python and system; it has one for cp39-cp39-win",
    ),
    "withdrawn": (
        HTTPStatus.OK,
        WITHDRAWN,
        FailureClass.NO_SUCH_VERSION,
        "what fits `words` was withdrawn from the index: 1.0",
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_why_pip_found_nothing_is_told(tmp_path: Path, name: str) -> None:
    status, page, kind, shown = ANSWERS[name]

    failure = await _failure_before(tmp_path, status, page, "# x\nwords\n")

    assert failure.kind is kind, failure
    assert shown in failure.message
    assert (failure.path, failure.line) == ("requirements.txt", 2)


LIBRARY = {
    "lib/pyproject.toml": '[project]\nname = "lib"\nversion = "1"\n[build-system]\n'
    'requires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    "lib/backend.py": "import os, pathlib\n"
    "if 'PIP_LOG' in os.environ:\n    taken = b'x' * 2_000_000_000\n"
    "def prepare_metadata_for_build_wheel(where, *_):\n"
    "    folder = pathlib.Path(where, 'lib-1.dist-info')\n    folder.mkdir()\n"
    "    (folder / 'METADATA').write_text('Metadata-Version: 2.1\\nName: lib\\n"
    "Version: 1\\n')\n    return folder.name\n"
    "def build_wheel(*_):\n    raise SystemExit('not wanted')\n",
}


async def test_a_second_look_that_takes_too_much_hides_no_failure(
    tmp_path: Path,
) -> None:
    failure = await _failure_before(
        tmp_path,
        HTTPStatus.NOT_FOUND,
        "",
        "./lib\nwords\n",
        more=LIBRARY,
        memory=600_000_000,
    )

    assert failure.kind is FailureClass.NO_SUCH_PACKAGE, failure


@pytest.mark.parametrize("more", [{}, {"vendor/README": "x"}], ids=["line", "vendor"])
async def test_pip_looks_no_second_time_where_it_asks_no_index(
    tmp_path: Path, more: Mapping[str, str]
) -> None:
    logs = KeptLogs()
    wanted = "words\n" if more else "--no-index\nwords\n"

    failure = await _failure_before(
        tmp_path, HTTPStatus.FORBIDDEN, "", wanted, more=more, logs=logs
    )

    assert failure.kind is FailureClass.NO_SUCH_PACKAGE
    assert "once more" not in logs.text()


async def test_what_one_index_lacks_and_another_forbids_is_not_there(
    tmp_path: Path,
) -> None:
    failure = await _failure_before(
        tmp_path, HTTPStatus.FORBIDDEN, "", "words\n", other=HTTPStatus.NOT_FOUND
    )

    assert failure.kind is FailureClass.NO_SUCH_PACKAGE
    assert "answered 403" in failure.hint


async def _failure_before(
    folder: Path,
    status: HTTPStatus,
    page: str,
    requirements: str,
    *,
    other: HTTPStatus | None = None,
    more: Mapping[str, str] | None = None,
    logs: KeptLogs | None = None,
    memory: int = 0,
) -> Failure:
    async def answer(request: web.Request) -> web.Response:
        is_other = other is not None and request.path.startswith("/other/")
        sent = other if is_other and other else status
        return web.Response(status=sent, text=page, content_type="text/html")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        environment = {"PIP_INDEX_URL": f"{server.make_url('/simple/')}"}
        if other is not None:
            environment["PIP_EXTRA_INDEX_URL"] = f"{server.make_url('/other/')}"
        environment["PIP_RETRIES"] = "0"
        files = {"requirements.txt": requirements, **(more or {})}
        build = a_build(a_repository(folder / "repo", files), Kind.PIP)
        async with a_builder(
            folder / "builder",
            logs=logs or KeptLogs(),
            passed_environment=environment,
            memory=memory,
        ) as builder:
            return await failure_of(builder, build)
