"""One commit is brought here, or it is said why not."""

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingTCPServer

import pytest

from service.domain.building.build import Build
from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Kind
from service.domain.repository import CommitSha
from tests.adapters.local.builds import (
    KeptLogs,
    a_build,
    a_builder,
    a_repository,
    failure_of,
    git,
    image_of,
)
from tests.adapters.local.channels import CondaPackage, a_channel

NO_COMMIT = CommitSha("1" * 40)


class Answers(BaseHTTPRequestHandler):
    """Answers everything with one status."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        if self.status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Tests read no access log."""


class Files(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Tests read no access log."""


@contextmanager
def served(handler: object) -> Iterator[str]:
    with ThreadingTCPServer(("127.0.0.1", 0), handler) as server:  # type: ignore[arg-type]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


async def failed(root: Path, build: Build, *, allow_files: bool = True) -> Failure:
    async with a_builder(root, allow_files=allow_files) as builder:
        return await failure_of(builder, build)


async def test_a_repository_that_is_gone(tmp_path: Path) -> None:
    build = a_build((f"file://{tmp_path}/gone", NO_COMMIT), Kind.PIP)
    failure = await failed(tmp_path / "root", build)

    assert failure.kind is FailureClass.CLONE_FAILED
    assert failure.message == "the repository is not there"


async def test_a_commit_that_is_gone(tmp_path: Path) -> None:
    url, _ = a_repository(tmp_path / "repository", {"requirements.txt": ""})
    failure = await failed(tmp_path / "root", a_build((url, NO_COMMIT), Kind.PIP))

    assert failure.kind is FailureClass.CLONE_FAILED
    assert failure.message == "the commit is not in the repository any more"


async def test_files_are_cloned_only_where_that_is_allowed(tmp_path: Path) -> None:
    repository = a_repository(tmp_path / "repository", {"requirements.txt": ""})
    build = a_build(repository, Kind.PIP)
    failure = await failed(tmp_path / "root", build, allow_files=False)

    assert failure.kind is FailureClass.CLONE_FAILED
    assert failure.message == "repositories by file:// are not built here"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param(401, FailureClass.CLONE_FAILED, id="private"),
        pytest.param(403, FailureClass.CLONE_FAILED, id="forbidden"),
        pytest.param(404, FailureClass.CLONE_FAILED, id="not there"),
        pytest.param(503, FailureClass.NETWORK, id="down"),
    ],
)
async def test_what_a_server_answers_says_whether_it_passes(
    tmp_path: Path, status: int, kind: FailureClass
) -> None:
    with served(type("Answers", (Answers,), {"status": status})) as url:
        build = a_build((f"{url}/o/n", NO_COMMIT), Kind.PIP)
        failure = await failed(tmp_path / "root", build)

    assert failure.kind is kind, failure


async def test_a_server_that_cannot_be_reached_may_be_back_later(
    tmp_path: Path,
) -> None:
    build = a_build(("http://127.0.0.1:9/o/n", NO_COMMIT), Kind.PIP)
    failure = await failed(tmp_path / "root", build)

    assert failure.kind is FailureClass.NETWORK
    assert "127.0.0.1" in failure.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
async def test_a_private_host_is_cloned_from_only_where_it_is_named(
    tmp_path: Path, host: str
) -> None:
    asked: list[str] = []

    class Noting(Answers):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

    with served(Noting) as url:
        port = url.rpartition(":")[2]
        build = a_build((f"http://{host}:{port}/o/n", NO_COMMIT), Kind.PIP)
        async with a_builder(tmp_path / "root", private_hosts=frozenset()) as builder:
            failure = await failure_of(builder, build)

    assert failure.kind is FailureClass.CLONE_FAILED
    assert "RELAUNCH_REMOTE_ALLOW_PRIVATE" in failure.message
    assert asked == []


async def test_a_redirect_leads_to_no_private_host(tmp_path: Path) -> None:
    asked: list[str] = []

    class Inside(Answers):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

    with served(Inside) as inside:

        class Outside(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(302)
                self.send_header("Location", f"{inside}{self.path}")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Tests read no access log."""

        with served(Outside) as url:
            build = a_build((f"{url}/o/n", NO_COMMIT), Kind.PIP)
            named = frozenset({url.removeprefix("http://")})
            async with a_builder(tmp_path / "root", private_hosts=named) as builder:
                failure = await failure_of(builder, build)

    assert failure.kind is FailureClass.CLONE_FAILED
    assert asked == []


async def test_an_older_commit_is_built_as_it_was(tmp_path: Path) -> None:
    repository = a_conda_repository(tmp_path, "old")
    a_conda_repository(tmp_path, "new")
    async with a_builder(tmp_path / "root") as builder:
        image = await image_of(builder, a_build(repository, Kind.CONDA))

    assert [package.name for package in image.packages] == ["old"]


async def test_a_server_that_gives_no_commit_by_its_id_gives_its_refs(
    tmp_path: Path,
) -> None:
    _, commit = a_conda_repository(tmp_path, "old")
    a_conda_repository(tmp_path, "new")
    git(tmp_path / "repository", "update-server-info")
    folder = str(tmp_path / "repository" / ".git")
    logs = KeptLogs()
    with served(functools.partial(Files, directory=folder)) as url:
        async with a_builder(tmp_path / "root", logs=logs) as builder:
            image = await image_of(builder, a_build((url, commit), Kind.CONDA))

    assert [package.name for package in image.packages] == ["old"]
    assert "the server gives no commit by its id; fetching all refs" in logs.text()


async def test_the_history_is_no_part_of_an_image(tmp_path: Path) -> None:
    repository = a_conda_repository(tmp_path, "old")
    async with a_builder(tmp_path / "root") as builder:
        image = await image_of(builder, a_build(repository, Kind.CONDA))
        place = builder.path_of(image.reference).parent

    assert [*place.rglob(".git")] == []
    assert not (place / "source").exists()  # No project of it was installed.


def a_conda_repository(tmp_path: Path, package: str) -> tuple[str, CommitSha]:
    channel = a_channel(
        tmp_path / "channel", CondaPackage(name="old"), CondaPackage(name="new")
    )
    text = f"channels: [{channel}]\ndependencies: [{package}]\n"
    return a_repository(tmp_path / "repository", {"environment.yml": text})
