"""Keep git's connections within the egress policy.

Git resolves names and follows redirects on its own. Under a policy it gets the
addresses that were checked (`http.curloptResolve`) and follows no redirects; they are
resolved and checked here. So neither DNS rebinding nor a redirect reaches a private
address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from service.adapters.egress import EgressPolicy, host_of, proxy_for
from service.domain.repository import Repository
from service.errors import InvalidRequestError, RemoteRefusedError

__all__ = ["HEADERS", "REFS", "EndpointResolver", "GitEndpoint", "read_redirect"]

REFS: Final = "/info/refs?service=git-upload-pack"
"""Where a repository shows, below its URL, what it can do and has."""
_PATH: Final = "/info/refs"
HEADERS: Final = {"Git-Protocol": "version=2", "User-Agent": "git/relaunch"}
"""Protocol version 2 lists no refs in its first answer, which keeps that short."""
MAX_ANSWER: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class GitEndpoint:
    """A URL for git, and the configuration that it may only be used with."""

    url: str
    config: Mapping[str, str] = field(default_factory=dict)
    """Fixes the addresses and turns redirects off, under a policy."""


class EndpointResolver:
    """Resolve the URLs of repositories to endpoints that the policy allows.

    Args:
        gate: Which hosts may be connected to.
        environment: The environment of this process, for proxies.
        deadline: How long looking up a redirect may take.
    """

    def __init__(
        self, *, gate: EgressPolicy, environment: Mapping[str, str], deadline: timedelta
    ) -> None:
        self._gate = gate
        self._environment = environment
        self._deadline = deadline

    async def resolve(self, url: str) -> GitEndpoint:
        """Resolve the URL of a repository.

        Raises:
            RemoteRefusedError: The policy does not allow its host.
            TransientError: Its host cannot be resolved now.
        """
        # With every host allowed git may resolve and redirect by itself, which spares
        # two look-ups for each command.
        if self._gate.is_open or urlsplit(url).scheme not in {"http", "https"}:
            return GitEndpoint(url=url)
        host, port = host_of(url)
        self._gate.check_literal(host, port)
        config = {"http.followRedirects": "false"}
        if proxy_for(url, self._environment) is None:
            addresses = ",".join(
                f"[{address}]" if ":" in address else address
                for address in await self._gate.addresses(host, port)
            )
            # Git connects to the addresses that were checked: a second resolution
            # could give others (DNS rebinding). A proxy resolves names by itself.
            # https://git-scm.com/docs/git-config#Documentation/git-config.txt-httpcurloptResolve
            config["http.curloptResolve"] = f"{host}:{port}:{addresses}"
        return GitEndpoint(url=url, config=config)

    async def resolve_redirect(self, url: str) -> str:
        """Return the URL that a repository redirects to.

        Raises:
            RemoteRefusedError: It does not redirect, or to no repository.
            TransientError: It does not answer.
        """
        # Few repositories move, and importing the HTTP client takes time and memory.
        from service.adapters.forge_api.http import open_http_client  # noqa: PLC0415

        async with open_http_client(
            gate=self._gate, environment=self._environment, deadline=self._deadline
        ) as http:
            reply = await http.request(
                "GET",
                f"{url}{REFS}",
                headers=HEADERS,
                max_bytes=MAX_ANSWER,
                follow=False,
            )
        return read_redirect(url, reply.status, reply.headers.get("location", ""))


def read_redirect(url: str, status: int, location: str) -> str:
    """Return the URL that a repository moved to.

    Args:
        url: The URL of the repository.
        status: The status of the answer to `REFS` below it.
        location: The header of that name.

    Raises:
        RemoteRefusedError: It does not redirect, or to what nobody could name as a
            repository.
    """
    try:
        target = urlsplit(urljoin(f"{url}{_PATH}", location))
        _ = target.port
    except ValueError as exc:
        raise RemoteRefusedError(f"{url} redirects to what is no URL: {exc}") from exc
    is_move = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    # From https to http is no move that a forge makes; following it would read what
    # anybody on the way wrote.
    allowed = {"http", "https"} if urlsplit(url).scheme == "http" else {"https"}
    is_safe = target.scheme in allowed
    if not (is_move and is_safe and target.path.endswith(_PATH)):
        raise RemoteRefusedError(f"{url} redirects to what is no repository")
    # The new base URL is the target without /info/refs, as git computes it, without
    # credentials: https://git-scm.com/docs/git-config#_variables, http.followRedirects
    netloc = target.netloc.rpartition("@")[2]
    base = (target.scheme, netloc, target.path.removesuffix(_PATH), "", "")
    try:
        # By the rules for what people name: curl takes a host that begins with `-`, `+`
        # or `*` for an instruction among the addresses that were checked.
        return Repository.from_url(urlunsplit(base)).url
    except InvalidRequestError as exc:
        raise RemoteRefusedError(f"{url} redirects to what is none: {exc}") from exc
