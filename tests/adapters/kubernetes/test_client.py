"""What an API server answers, and what becomes of it in our words."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientError
from kubernetes_asyncio.client.exceptions import ApiException

from service.adapters.kubernetes.client import ApiConnection, Cluster, Resource
from service.adapters.kubernetes.errors import ApiRefusedError, ExpiredError, failure
from service.errors import (
    ConflictError,
    NotFoundError,
    PermanentError,
    ServiceError,
    TransientError,
)
from tests.support.kube_api import KubeApi, kube_api


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[KubeApi]:
    async with kube_api(tmp_path) as it:
        yield it


@asynccontextmanager
async def cluster_of(kubeconfig: Path) -> AsyncIterator[Cluster]:
    connection = ApiConnection(namespace="builds", kubeconfig=kubeconfig)
    async with Cluster.connect(connection) as cluster:
        yield cluster


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, PermanentError),
        (401, ApiRefusedError),
        (403, ApiRefusedError),
        (404, NotFoundError),
        (409, ConflictError),
        (410, ExpiredError),
        (422, PermanentError),
        (429, TransientError),
        (500, TransientError),
        (504, TransientError),
    ],
)
async def test_every_answer_has_its_error(
    api: KubeApi, status: int, error: type[ServiceError]
) -> None:
    api.answer = (status, '{"kind": "Status", "message": "because"}')
    async with cluster_of(api.kubeconfig) as cluster:
        with pytest.raises(error, match=f"creating Job it: {status} because") as raised:
            await cluster.create_job({"metadata": {"name": "it"}})

    assert type(raised.value) is error


async def test_an_answer_that_breaks_off_will_be_whole_another_time(
    api: KubeApi,
) -> None:
    api.breaks = True
    async with cluster_of(api.kubeconfig) as cluster:
        with pytest.raises(TransientError, match="listing jobs"):
            await cluster.page(Resource.JOB, selector="")
        with pytest.raises(TransientError, match="watching jobs"):
            async for _ in cluster.watch(
                Resource.JOB, selector="", since="1", length=timedelta(seconds=5)
            ):
                pass


async def test_an_answer_that_is_no_json_is_an_answer_of_something_between(
    api: KubeApi,
) -> None:
    api.answer = (200, "<html>\n</html>")
    async with cluster_of(api.kubeconfig) as cluster:
        with pytest.raises(TransientError, match="listing jobs"):
            await cluster.page(Resource.JOB, selector="")


async def test_a_server_that_is_not_there_may_come(tmp_path: Path) -> None:
    async with kube_api(tmp_path) as api:
        kubeconfig = api.kubeconfig
    async with cluster_of(kubeconfig) as cluster:
        with pytest.raises(TransientError, match="listing pods"):
            await cluster.page(Resource.POD, selector="")


@pytest.mark.parametrize("kubeconfig", [Path("/nowhere"), None])
async def test_a_connection_that_nothing_describes_is_an_operators_to_mend(
    kubeconfig: Path | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    connection = ApiConnection(namespace="builds", kubeconfig=kubeconfig)

    with pytest.raises(PermanentError, match="the cluster's configuration"):
        async with Cluster.connect(connection):
            pass


async def test_the_time_is_that_of_the_cluster(api: KubeApi) -> None:
    api.answer = (200, "{}")
    async with cluster_of(api.kubeconfig) as cluster:
        assert cluster.now() is None
        api.date = "Sun, 01 Mar 2026 12:00:00 GMT"
        await cluster.read_job("it")
        first = cluster.now()
        api.date = "yesterday"
        await cluster.read_job("it")
        second = cluster.now()

    assert first is not None
    assert second is not None
    since = first - datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert timedelta() <= since < timedelta(minutes=1)
    assert first <= second


async def test_who_is_asked_to_wait_is_told_how_long(api: KubeApi) -> None:
    api.answer = (429, '{"message": "busy", "details": {"retryAfterSeconds": 7}}')
    async with cluster_of(api.kubeconfig) as cluster:
        with pytest.raises(TransientError) as raised:
            await cluster.read_job("it")

    assert raised.value.retry_after == timedelta(seconds=7)


def test_our_errors_are_none_of_the_librarys() -> None:
    for ours in (ExpiredError, ApiRefusedError):
        assert not issubclass(ours, ApiException | ClientError | OSError)


@pytest.mark.parametrize("said", [b"", b"no json", b"[]", b"null", b'{"details": {}}'])
def test_whatever_is_said_with_a_status_is_an_error(said: bytes) -> None:
    assert isinstance(failure(503, said, doing="asking"), TransientError)
