"""Builds fail in a real cluster, and each says why."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from service.domain.building.build import Build
from service.domain.building.failure import Failure, FailureClass as C
from service.domain.repository import CommitSha
from tests.adapters.kubernetes.jobs import a_build_at, a_build_of, in_pods
from tests.adapters.kubernetes.seen import job_of, seen, witnessed
from tests.adapters.local.package_index import Wheel, an_index
from tests.support.githttp import GitForge, git_forge
from tests.support.kube import Kube, standin_options

pytestmark = [pytest.mark.kubernetes]

WAITING = "{.status.initContainerStatuses[*].state.waiting.reason}"
BROKEN = (
    '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    '[project]\nname = "broken"\nversion = "1.0"\nrequires-python = ">=3.9"\n'
)


@pytest.fixture
async def forge(kube: Kube, tmp_path: Path) -> AsyncIterator[GitForge]:
    async with git_forge(tmp_path / "forge", host=kube.host) as forge:
        yield forge


@pytest.fixture
def index(kube: Kube, tmp_path: Path) -> Iterator[str]:
    wheels = (
        Wheel(name="words"),
        Wheel(name="pairs", requires=["words>=2"]),
    )
    with an_index(tmp_path / "index", *wheels, host=kube.host) as url:
        yield url


async def failure_of(
    kube: Kube, build: Build, *, name: str, index: str = "", **changes: object
) -> Failure:
    """Build to the end, and explain it."""
    variables = in_pods(index) if index else {}
    options = standin_options(kube, **{"variables": variables, **changes})
    found = await witnessed(kube, build, options)
    found.keep(name)
    return found.explained()


@asynccontextmanager
async def refusing(host: str, status: int, code: str, said: str) -> AsyncIterator[str]:
    """Be a registry that says no to everything."""

    async def refuse(_: web.Request) -> web.Response:
        error = {"errors": [{"code": code, "message": said}]}
        return web.json_response(error if status < 500 else {}, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(app, host=host) as server:
        yield f"{server.host}:{server.port}"


def gone(forge: GitForge) -> Build:
    return a_build_at(f"{forge.url}/nobody.git", CommitSha("1" * 40))


def private(forge: GitForge) -> Build:
    build = a_build_of(forge, {"requirements.txt": ""})
    forge.faults.status = 401
    return build


def rewritten(forge: GitForge) -> Build:
    build = a_build_of(forge, {"requirements.txt": ""})
    return a_build_at(build.repository_url, CommitSha("1" * 40))


@pytest.mark.parametrize(
    ("repository", "message"),
    [
        pytest.param(gone, "the repository is not there", id="not found"),
        pytest.param(
            private, "the repository is private, or does not exist", id="private"
        ),
        pytest.param(
            rewritten,
            f"the repository has no commit {'1' * 40} any more",
            id="commit gone",
        ),
    ],
)
async def test_a_clone_that_fails_says_why(
    kube: Kube,
    forge: GitForge,
    request: pytest.FixtureRequest,
    repository: Callable[[GitForge], Build],
    message: str,
) -> None:
    name = f"clone {request.node.callspec.id}"
    failure = await failure_of(kube, repository(forge), name=name)

    assert (failure.kind, failure.message) == (C.CLONE_FAILED, message)


@pytest.mark.parametrize(
    ("files", "kind", "message"),
    [
        pytest.param(
            {"README.md": "words\n"},
            C.NO_DEFINITION,
            "the builder detects nothing that it can install",
            id="no definition",
        ),
        pytest.param(
            {"requirements.txt": "words\nno-such-package\n"},
            C.NO_SUCH_PACKAGE,
            "there is no package `no-such-package` in the index",
            id="no such package",
        ),
        pytest.param(
            {"requirements.txt": "words==1.0\npairs\n"},
            C.CONFLICT,
            "requirements exclude each other: The user requested words==1.0, but "
            "pairs 1.0 depends on words>=2",
            id="conflict",
        ),
        pytest.param(
            {"environment.yml": "channels:\n  - defaults\ndependencies:\n  - words\n"},
            C.DEFAULTS_CHANNEL,
            "the file names the channel `defaults`, which is not built from",
            id="defaults channel",
        ),
        pytest.param(
            {"pyproject.toml": BROKEN, "backend.py": "raise ValueError('no luck')\n"},
            C.WHEEL_BUILD_FAILED,
            "`.` could not be built: ValueError: no luck",
            id="wheel build failed",
        ),
    ],
)
async def test_a_definition_that_cannot_be_installed_says_why(
    kube: Kube,
    forge: GitForge,
    index: str,
    request: pytest.FixtureRequest,
    *,
    files: Mapping[str, str],
    kind: C,
    message: str,
) -> None:
    build = a_build_of(forge, files)
    name = request.node.callspec.id
    failure = await failure_of(kube, build, name=name, index=index)

    assert failure.kind is kind, failure
    assert message in failure.message


@pytest.mark.parametrize(
    ("status", "code", "said", "kind", "message"),
    [
        pytest.param(
            401,
            "UNAUTHORIZED",
            "authentication required",
            C.REGISTRY_REFUSED,
            "the registry refuses the builder's credentials",
            id="credentials",
        ),
        pytest.param(
            403,
            "DENIED",
            "adding 1.0 GiB of storage resource, which when updated to current usage "
            "of 9.9 GiB will exceed the configured upper limit of 10.0 GiB.",
            C.REGISTRY_REFUSED,
            "configured upper limit of 10.0 GiB",
            id="quota",
        ),
        pytest.param(
            503,
            "UNAVAILABLE",
            "service unavailable",
            C.NETWORK,
            "the image registry could not be reached",
            id="unavailable",
        ),
    ],
)
async def test_a_registry_that_refuses_is_told_apart(
    kube: Kube,
    forge: GitForge,
    request: pytest.FixtureRequest,
    *,
    status: int,
    code: str,
    said: str,
    kind: C,
    message: str,
) -> None:
    async with refusing(kube.host, status, code, said) as registry:
        build = a_build_of(forge, {"requirements.txt": ""})
        name = f"registry {request.node.callspec.id}"
        failure = await failure_of(kube, build, name=name, target=f"{registry}/x")

    assert failure.kind is kind, failure
    assert message in failure.message


async def test_a_build_that_takes_too_much_memory_says_where(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, {"requirements.txt": "", ".standin": "build memory\n"})
    failure = await failure_of(kube, build, name="out of memory")

    assert failure.kind is C.OUT_OF_MEMORY
    assert "ran out of memory (its limit is 256Mi)" in failure.message


async def test_a_build_that_writes_too_much_says_so(
    kube: Kube, forge: GitForge
) -> None:
    orders = "build disk /layers\n"
    build = a_build_of(forge, {"requirements.txt": "", ".standin": orders})
    failure = await failure_of(kube, build, name="disk limit", layers_size="16Mi")

    assert failure.kind is C.DISK_LIMIT, failure
    assert "16Mi" in failure.message


async def test_a_build_that_takes_too_long_says_where_it_was(
    kube: Kube, forge: GitForge
) -> None:
    orders = "build sleep 600\n"
    build = a_build_of(forge, {"requirements.txt": "", ".standin": orders})
    # Long enough for the phases before, on a node with other work.
    options = standin_options(kube, deadline=timedelta(seconds=18))
    job = await job_of(kube, build, options)
    await kube.until("job", job, "{.status.active}", "1")
    pod = await kube.pod_of(job)
    assert pod is not None
    running = "{.status.initContainerStatuses[?(@.name=='build')].state.running}"
    pod = await kube.until("pod", pod["metadata"]["name"], running, "startedAt")
    await kube.settled(job)
    found = await seen(kube, job, pod=pod)
    found.keep("deadline")
    failure = found.explained()

    assert failure.kind is C.DEADLINE, failure
    assert "in the build phase" in failure.message
    assert "0:00:18" in failure.message


@pytest.mark.parametrize(
    ("image", "why"),
    [
        pytest.param("relaunch-tests/none:1", "it does not exist", id="not found"),
        pytest.param("", "its registry cannot be reached", id="no registry"),
    ],
)
async def test_an_image_that_cannot_be_pulled_is_named(
    kube: Kube,
    forge: GitForge,
    request: pytest.FixtureRequest,
    image: str,
    why: str,
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    named = f"{kube.registry}/{image}" if image else "127.0.0.1:9/none:1"
    job = await job_of(kube, build, standin_options(kube, git_image=named))
    await kube.until("job", job, "{.status.active}", "1")
    pod = await kube.pod_of(job)
    assert pod is not None
    name = pod["metadata"]["name"]
    pod = await kube.until("pod", name, WAITING, "ErrImagePull", "ImagePullBackOff")
    found = await seen(kube, job, pod=pod)
    found.keep(f"image pull {request.node.callspec.id}")
    failure = found.explained()

    assert failure.kind is C.IMAGE_PULL, failure
    assert named in failure.message
    assert failure.message.endswith(why)


async def test_a_build_that_no_machine_takes_says_what_is_missing(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})
    options = standin_options(kube, node_selector={"relaunch.dev/no-such": "node"})
    job = await job_of(kube, build, options)
    await kube.until("job", job, "{.status.active}", "1")
    pod = await kube.pod_of(job)
    assert pod is not None
    reasons = "{.status.conditions[*].reason}"
    pod = await kube.until("pod", pod["metadata"]["name"], reasons, "Unschedulable")
    found = await seen(kube, job, pod=pod)
    found.keep("unschedulable")
    failure = found.explained()

    assert failure.kind is C.UNSCHEDULABLE
    assert "0/1 nodes are available" in failure.message
