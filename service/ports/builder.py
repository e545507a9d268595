"""The port of image builders."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.domain.building.build import (
    Build,
    BuildId,
    EnvironmentId,
    Image,
    PhaseTime,
)
from service.domain.building.failure import Failure
from service.domain.definition import Kind
from service.domain.findings import Finding
from service.errors import PermanentError, TransientError

__all__ = [
    "Builder",
    "BuilderIdentity",
    "Finished",
    "HinderedError",
    "Observation",
    "RefusedError",
    "Running",
    "Vanished",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The build runs, or the builder has accepted it and not started it yet."""

    hindrance: Failure | None = None
    """What keeps the build from starting; None when nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanished:
    """The builder does not know the build: it never started, or was lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The build ended."""

    outcome: Image | Failure
    at: datetime
    phases: tuple[PhaseTime, ...] = ()
    """The phases that ended, in order; empty when they are not known."""


Observation = Running | Vanished | Finished


class HinderedError(TransientError):
    """A build cannot be started before somebody fixes the cause.

    Args:
        failure: The cause.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class RefusedError(PermanentError):
    """A build is refused by the builder's configuration, so it failed.

    Args:
        failure: Why not.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class BuilderIdentity(Protocol):
    """The identity of the builder, for roles that never build."""

    def identity(self, *, frontend: str) -> str:
        """Return the builder with its version: `builder_image` of the build spec."""
        ...

    def scope(self, project: str, environment: EnvironmentId) -> str:
        """Return what an image may be shared within; empty when all may share it.

        A builder with caches limits sharing to a project: the commits of one project
        must not influence the image of another. One that builds for an environment and
        cannot give its image to others limits it to that environment.
        """
        ...

    def pull_secret(self, reference: str) -> str:
        """Return the name of the Secret that sessions pull an image with, if any."""
        ...

    def provides(self, frontend: str) -> bool:
        """Return whether the builder supports a frontend."""
        ...

    def builds_for(self, platform: str) -> bool:
        """Return whether the builder makes images for a platform."""
        ...

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        """Return how this builder differs from the platform's documentation."""
        ...

    def bases(self) -> Collection[str]:
        """Return the images that are named by tag and are part of the identity."""
        ...

    def pin_bases(self, digests: Mapping[str, str]) -> None:
        """Use these digests of the images that are named by tag from now on."""
        ...


class Builder(BuilderIdentity, Protocol):
    """Builds images. Knows builds by id and attempt, and nothing about launchers.

    One per leader. Builds outlive it: another process with the same configuration
    observes and ends what this one started.
    """

    async def start(self, build: Build) -> None:
        """Start a build; one that was started before is left alone.

        Raises:
            RefusedError: The configuration does not allow the build.
            HinderedError: It could not be started; an operator has to fix the cause.
            TransientError: It could not be started now.
        """
        ...

    async def observe(self, builds: Sequence[Build]) -> Mapping[BuildId, Observation]:
        """Read the current state of each build's attempt.

        Raises:
            TransientError: The state cannot be read now.
        """
        ...

    async def changed(self) -> None:
        """Wait until some build may have changed since the last `observe`.

        Also returns after a while without a change: it is only a hint to observe.
        """
        ...

    async def cancel(self, build: BuildId) -> None:
        """Stop a build and remove its resources; an unknown build is no error.

        Raises:
            TransientError: It could not be stopped now.
        """
        ...

    async def release(self, build: BuildId) -> None:
        """Remove the resources of a finished, recorded build; its image stays.

        Raises:
            TransientError: Some resources may be left.
        """
        ...

    async def known_builds(self) -> Collection[BuildId]:
        """Return every build that has resources left, running or not.

        Raises:
            TransientError: The builds cannot be listed now.
        """
        ...

    async def has(self, image: Image) -> bool:
        """Return whether an image still exists, so that sessions can start from it.

        Raises:
            TransientError: The registry does not answer; the image may exist or not.
        """
        ...

    async def remove_image(self, image: Image) -> bool:
        """Remove an image and what belongs to it; one that is gone is no error.

        Returns:
            False where images cannot be removed: the registry does not allow it.

        Raises:
            TransientError: It could not be removed now.
        """
        ...

    async def remove_cache(self, build: Build) -> None:
        """Remove the cache of a build's environment, where it can be removed.

        Raises:
            TransientError: It could not be removed now.
        """
        ...

    async def digest_of(self, reference: str) -> str:
        """Resolve the tag of one of the `bases` to its current digest.

        Raises:
            NotFoundError: The image does not exist.
            PermanentError: The reference has no registry.
            TransientError: The registry did not answer.
        """
        ...
