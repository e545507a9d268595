"""What a role says of itself once it works."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Self

from service.settings import Settings

__all__ = ["VERSION", "ReadyRole"]

VERSION: Final = version("relaunch")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyRole:
    """What a person wants to know once a role works."""

    url: str
    """Where this machine reaches it."""
    public_url: str
    """Where forges do, where known; else empty."""
    data: Path
    sign_in_url: str = ""
    """Where a browser of this machine is signed in, once; empty where that is others'
    to decide."""
    version: str = VERSION

    @classmethod
    def at(cls, url: str, settings: Settings, *, code: str = "") -> Self:
        """Report a process that answers at a URL, with a code to sign in with."""
        return cls(
            url=url,
            public_url=settings.public_url or "",
            data=settings.data,
            sign_in_url=f"{url}/sign-in?code={code}" if code else "",
        )
