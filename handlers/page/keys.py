"""What the pages find in their application beside the use cases."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from service.ports.identity import NoSignInProvider, SignInProvider
from service.usecases.environments.probe import RepositoryProber

__all__ = ["CALLBACK", "OPTIONS", "PROBER", "SIGN_IN_PATH", "PageOptions"]

SIGN_IN_PATH: Final = "/sign-in"
CALLBACK: Final = f"{SIGN_IN_PATH}/callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOptions:
    """How the installation sets its pages up."""

    public_url: str
    """Where forges and people reach the service."""
    hosts: Collection[str] = ()
    """Further names under which browsers may reach it."""
    launch_url: str = ""
    """Where a launcher is started, with `{launcher_id}` in it; empty for the command
    line."""
    sign_in: SignInProvider = field(default_factory=NoSignInProvider)
    """Where people sign in besides."""

    @property
    def public_host(self) -> str:
        """The name in the public URL."""
        return (urlsplit(self.public_url).hostname or "").lower()

    @property
    def callback_url(self) -> str:
        """Where the identity provider sends browsers back to."""
        return f"{self.public_url.rstrip('/')}{CALLBACK}"

    @property
    def signed_out_url(self) -> str:
        """Where the identity provider sends browsers that signed out there."""
        return f"{self.public_url.rstrip('/')}{SIGN_IN_PATH}"

    @property
    def is_secure(self) -> bool:
        """Whether people come by HTTPS."""
        return urlsplit(self.public_url).scheme == "https"


OPTIONS: Final = web.AppKey[PageOptions]("page_options")
PROBER: Final = web.AppKey[RepositoryProber]("repository_prober")
