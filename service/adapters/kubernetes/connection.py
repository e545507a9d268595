"""The connection to the API server of a cluster."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kubernetes_asyncio.client import ApiClient, Configuration
from kubernetes_asyncio.config import load_incluster_config, load_kube_config

from service.adapters.kubernetes.connection_drain import ConnectionDrain
from service.adapters.kubernetes.errors import translate_errors

__all__ = ["ApiConnection", "open_api"]

MOST_CONNECTIONS: Final = 1000
"""Every followed log holds one; a smaller pool would block all other calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiConnection:
    """How to reach the API server, and the namespace of builds."""

    namespace: str
    kubeconfig: Path | None = None
    """A kubeconfig; the service account of our own pod when None."""
    context: str | None = None
    """A context of the kubeconfig; its current one when None."""


@asynccontextmanager
async def open_api(connection: ApiConnection) -> AsyncIterator[ApiClient]:
    """Read the configuration; the first call connects.

    Raises:
        PermanentError: The configuration cannot be read.
    """
    # An own object and not the library's default one, which is global: two clusters in
    # one process would share it.
    configuration = Configuration()
    configuration.connection_pool_maxsize = MOST_CONNECTIONS
    with translate_errors("reading the cluster's configuration"):
        if connection.kubeconfig is None:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]
        else:
            await load_kube_config(
                config_file=str(connection.kubeconfig),
                context=connection.context,
                client_configuration=configuration,
                # The library writes refreshed tokens back into the kubeconfig
                # otherwise, which is often mounted read-only.
                persist_config=False,
            )
        api = ApiClient(configuration)
    connections = _track_connections(api)
    try:
        async with api:
            yield api
    finally:
        await connections.drain()


def _track_connections(api: ApiClient) -> ConnectionDrain:
    connector = api.rest_client.pool_manager.connector
    assert connector is not None
    return ConnectionDrain(connector)
