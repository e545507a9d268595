"""The way to a repository for git: to checked addresses, and nowhere else by itself.

Git resolves names and follows redirects on its own. Where not every host may be asked
it is given the addresses that were checked, and redirects are looked up and checked
here, so that neither leads where a user could not have sent us.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from service.adapters.gate import Gate, host_of, proxy_for
from service.errors import RemoteRefusedError

__all__ = ["Road", "Roads"]

_REFS: Final = "/info/refs"
_SERVICE: Final = "service=git-upload-pack"
_HEADERS: Final = {"Git-Protocol": "version=2", "User-Agent": "git/relaunch"}
"""The second protocol lists no refs before it is asked: a short answer."""
MAX_ANSWER: Final = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """Where git is sent."""

    url: str
    config: Mapping[str, str] = field(default_factory=dict)
    """What keeps it on the road."""


class Roads:
    """Finds the ways to repositories.

    Args:
        gate: Which hosts may be asked.
        environment: Ours; proxies are read off it.
        deadline: How long a redirect may take to be looked up.
    """

    def __init__(
        self, *, gate: Gate, environment: Mapping[str, str], deadline: timedelta
    ) -> None:
        self._gate = gate
        self._environment = environment
        self._deadline = deadline

    async def to(self, url: str) -> Road:
        """Return the way to a repository.

        Raises:
            RemoteRefusedError: Its host may not be asked.
            TransientError: Its host cannot be resolved now.
        """
        if self._gate.is_open or urlsplit(url).scheme not in {"http", "https"}:
            return Road(url=url)
        host, port = host_of(url)
        self._gate.check_literal(host, port)
        config = {"http.followRedirects": "false"}
        if proxy_for(url, self._environment) is None:
            addresses = ",".join(
                f"[{it}]" if ":" in it else it
                for it in await self._gate.addresses(host, port)
            )
            # What was checked is what is connected to: the name is not resolved again.
            # https://git-scm.com/docs/git-config#Documentation/git-config.txt-httpcurloptResolve
            config["http.curloptResolve"] = f"{host}:{port}:{addresses}"
        return Road(url=url, config=config)

    async def moved(self, url: str) -> str:
        """Return where a repository says that it is now.

        Raises:
            RemoteRefusedError: It does not say so, or says what git does not follow.
            TransientError: It does not answer.
        """
        # Few repositories move; nobody else pays for an HTTP client.
        from service.adapters.forge_api.wire import open_wire  # noqa: PLC0415

        async with open_wire(
            gate=self._gate, environment=self._environment, deadline=self._deadline
        ) as wire:
            reply = await wire.ask(
                "GET",
                f"{url}{_REFS}?{_SERVICE}",
                headers=_HEADERS,
                most=MAX_ANSWER,
                follow=False,
            )
        return _without_refs(url, reply.status, reply.headers.get("location", ""))


def _without_refs(url: str, status: int, location: str) -> str:
    target = urlsplit(urljoin(f"{url}{_REFS}", location))
    is_move = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    is_safe = target.scheme == "https" or urlsplit(url).scheme == "http"
    if not (is_move and is_safe and target.path.endswith(_REFS)):
        raise RemoteRefusedError(f"{url} sends us on to what is no repository")
    # As git does: https://git-scm.com/docs/git-config#_variables, http.followRedirects
    netloc = target.netloc.rpartition("@")[2]
    return urlunsplit((target.scheme, netloc, target.path.removesuffix(_REFS), "", ""))
