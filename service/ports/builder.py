"""Makers of images."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.build import (
    Build,
    BuildId,
    Image,
    PhaseTime,
)
from service.domain.definition import Kind
from service.domain.failure import Failure
from service.domain.findings import Finding
from service.errors import TransientError

__all__ = [
    "Builder",
    "Finished",
    "HinderedError",
    "Named",
    "Observation",
    "Running",
    "Vanished",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The build runs, or has yet to start where it was sent to."""

    hindrance: Failure | None = None
    """What keeps it from starting now; None when nothing is known to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanished:
    """The builder knows nothing of the build: it never started, or died unseen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The build ended."""

    outcome: Image | Failure
    at: datetime
    phases: tuple[PhaseTime, ...] = ()
    """Those that ended, in their order; empty when nobody can tell."""


Observation = Running | Vanished | Finished


class HinderedError(TransientError):
    """A build cannot be started before somebody mends something.

    Args:
        failure: What is in the way.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Named(Protocol):
    """Says what builds, to those who never build."""

    def identity(self, *, frontend: str) -> str:
        """Say what builds, with its version: the recipe's `builder_image`."""
        ...

    def scope(self, project: str) -> str:
        """Say inside which project an image is shared; empty when with everybody.

        Where what was built before finds its way into an image, one project's commits
        must not decide about the image of another.
        """
        ...

    def provides(self, frontend: str) -> bool:
        """Say whether images with this frontend are made here."""
        ...

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        """Say what happens here otherwise than the platform's documents promise."""
        ...

    def bases(self) -> Collection[str]:
        """Return the images that are named by tag and count in the identity."""
        ...

    def stand_on(self, digests: Mapping[str, str]) -> None:
        """Build, from now on, with what images named by tag were seen to be."""
        ...


class Builder(Named, Protocol):
    """Makes images. Knows builds by id and attempt, and nothing of who wants them."""

    async def start(self, build: Build) -> None:
        """See to it that the build runs; one that runs or ran already is left alone.

        Raises:
            HinderedError: It could not be started now, for a reason of an operator's.
            TransientError: It could not be started now.
        """
        ...

    async def observe(self, builds: Sequence[Build]) -> Mapping[BuildId, Observation]:
        """Return the present state of each build's attempt: read, never inferred.

        Raises:
            TransientError: It cannot be read now.
        """
        ...

    async def changed(self) -> None:
        """Return when some build may have changed since the last `observe`.

        Also returns after a while when nothing did: it is a hint to observe.
        """
        ...

    async def cancel(self, build: BuildId) -> None:
        """Stop a build and leave nothing of it behind; an unknown one is no error.

        Raises:
            TransientError: It could not be stopped now.
        """
        ...

    async def forget(self, build: BuildId) -> None:
        """Let go of a finished build whose outcome is on record; its image stays.

        Raises:
            TransientError: Some of it may be left.
        """
        ...

    async def held(self) -> Collection[BuildId]:
        """Return every build of which something is left, running or not.

        Raises:
            TransientError: It cannot be told now.
        """
        ...

    async def has(self, image: Image) -> bool:
        """Say whether an image can still be started from.

        Raises:
            TransientError: Whoever keeps it does not answer; it may be there or not.
        """
        ...

    async def digest_of(self, reference: str) -> str:
        """Ask the registry what one of the bases is now.

        Raises:
            NotFoundError: It is not there.
            PermanentError: The name names no registry.
            TransientError: The registry did not say.
        """
        ...
