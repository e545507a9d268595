"""How a forge's API is met: where it is, and with whose token."""

import ipaddress
from dataclasses import dataclass

from service.domain.hook import Secret
from service.domain.repository import Repository

__all__ = ["Account", "here"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A host and what we are there."""

    host: str
    """As in `Repository.host`: lower case, with the port when it is not usual."""
    token: Secret | None
    """None where the API is asked without one."""

    @property
    def url(self) -> str:
        """The root of the host's pages; a token travels in the clear on this machine.

        And nowhere else: whatever scheme a repository was given with, it is https.
        """
        return f"{'http' if _is_this_machine(self.host) else 'https'}://{self.host}"


def _is_this_machine(host: str) -> bool:
    name = host.rpartition(":")[0] if ":" in host else host
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return name == "localhost"


def here(repository: Repository, *, path: str, number: int) -> Repository:
    """Return a repository under the path and number that its forge gives it now.

    The URL is made of the host that was asked; none that an answer holds is used.
    """
    if path == repository.path:
        url = repository.url
    else:
        scheme = repository.url.partition("://")[0]
        url = f"{scheme}://{repository.host}/{path}.git"
    return Repository(host=repository.host, path=path, url=url, number=number)
