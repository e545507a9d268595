"""The API requests of checks.

None of them changes anything: objects are created with `dryRun=All`.
https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Self

from aiohttp import ClientResponse, ClientTimeout
from kubernetes_asyncio.client import ApiClient

from service.adapters.kubernetes.client import Json
from service.adapters.kubernetes.connection import ApiConnection, open_api
from service.adapters.kubernetes.errors import failure, translate_errors

__all__ = ["Inspector", "Right", "ServiceAccount"]

ANSWER: Final = timedelta(seconds=10)
CONNECT: Final = timedelta(seconds=5)
_OK: Final = 300
_REVIEWS: Final = "/apis/authorization.k8s.io/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A verb on a resource in the namespace."""

    verb: str
    resource: str
    """`pods/log` is the subresource `log` of `pods`."""
    group: str = ""

    def __str__(self) -> str:
        return f"{self.resource} {self.verb}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAccount:
    """A service account whose rights are checked instead of our own."""

    namespace: str
    name: str

    @property
    def user(self) -> str:
        """Return its user name.

        https://kubernetes.io/docs/reference/access-authn-authz/authentication/#service-account-tokens
        """
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    @property
    def groups(self) -> list[str]:
        """Return the groups of every service account."""
        return [
            "system:serviceaccounts",
            f"system:serviceaccounts:{self.namespace}",
            "system:authenticated",
        ]


# One for each run of `relaunch doctor`, not of the service. Nothing is cached, so that
# a check shows the cluster as it is now.
class Inspector:
    """Reads objects, checks rights, and creates objects by dry run.

    Every request raises:
        NotFoundError: The object does not exist.
        ApiRefusedError: Rights or a rule do not allow it.
        TransientError: The API server did not answer.
        PermanentError: The request is invalid.
    """

    def __init__(
        self, *, api: ApiClient, namespace: str, account: ServiceAccount | None
    ) -> None:
        self.namespace = namespace
        self.account = account
        """The account whose rights are checked; our own when None."""
        self._api = api

    @classmethod
    @asynccontextmanager
    async def connect(
        cls, connection: ApiConnection, *, account: ServiceAccount | None
    ) -> AsyncIterator[Self]:
        """Read the configuration; the first request connects.

        Raises:
            PermanentError: The configuration cannot be read.
        """
        async with open_api(connection) as api:
            yield cls(api=api, namespace=connection.namespace, account=account)

    @property
    def server(self) -> str:
        """Return the URL of the API server."""
        return str(self._api.configuration.host)

    async def version(self) -> Json:
        """Return the version of the API server."""
        return await self._request("asking for the version", "GET", "/version")

    async def allows(self, right: Right) -> bool:
        """Return whether a right is granted in the namespace.

        https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
        """
        resource, _, inner = right.resource.partition("/")
        attributes = {
            "namespace": self.namespace,
            "verb": right.verb,
            "group": right.group,
            "resource": resource,
            "subresource": inner,
        }
        return await self._review(
            {item: text for item, text in attributes.items() if text}
        )

    async def read(self, path: str) -> Json:
        """Read the object at a path of the API."""
        return await self._request(f"reading {path}", "GET", path)

    async def object(
        self, resource: str, name: str = "", *, api: str = "/api/v1"
    ) -> Json:
        """Read an object of the namespace; the list of all without a name."""
        path = f"{api}/namespaces/{self.namespace}/{resource}"
        return await self.read(f"{path}/{name}" if name else path)

    async def try_creating(self, manifest: Json) -> Json:
        """Create an object by dry run, which applies quotas, limits and webhooks."""
        kind = manifest["kind"]
        api = {"Job": "/apis/batch/v1", "Pod": "/api/v1"}[kind]
        path = f"{api}/namespaces/{self.namespace}/{kind.lower()}s"
        return await self._request(
            f"trying a {kind}", "POST", path, body=manifest, dryRun="All"
        )

    async def _review(self, attributes: Mapping[str, str]) -> bool:
        kind = "SelfSubjectAccessReview"
        spec: dict[str, object] = {"resourceAttributes": attributes}
        # A review of somebody else's rights is itself a right; a plain consumer does
        # not have it, and then only its own can be checked.
        if self.account is not None:
            kind = "SubjectAccessReview"
            spec |= {"user": self.account.user, "groups": self.account.groups}
        answer = await self._request(
            "asking for a right",
            "POST",
            f"{_REVIEWS}/{kind.lower()}s",
            body={
                "apiVersion": "authorization.k8s.io/v1",
                "kind": kind,
                "spec": spec,
            },
        )
        return bool((answer.get("status") or {}).get("allowed"))

    async def _request(
        self,
        doing: str,
        method: str,
        path: str,
        *,
        body: Json | None = None,
        **query: str,
    ) -> Json:
        with translate_errors(doing):
            answer = await self._send(method, path, body, query)
            async with answer:
                content = await answer.read()
                if answer.status >= _OK:
                    raise failure(answer.status, content, doing=doing)
                read: Json = await answer.json(content_type=None)
                return read

    async def _send(
        self, method: str, path: str, body: Json | None, query: Mapping[str, str]
    ) -> ClientResponse:
        answer = await self._api.call_api(
            path,
            method,
            query_params=list(query.items()),
            header_params={
                "Accept": "application/json",
                "Content-Type": "application/json",
            },
            body=body,
            auth_settings=["BearerToken"],
            # The library's models drop fields that are newer than the library, and its
            # errors hide the API server's message.
            _preload_content=False,
            _request_timeout=ClientTimeout(
                total=ANSWER.total_seconds(), sock_connect=CONNECT.total_seconds()
            ),
        )
        assert isinstance(answer, ClientResponse)
        return answer
