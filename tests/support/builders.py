"""A builder that does what the test says, for what a real one cannot be made to do."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

from service.domain.building.build import (
    Build,
    BuildId,
    EnvironmentId,
    Image,
    Package,
    PhaseTime,
)
from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Kind
from service.domain.findings import Finding
from service.errors import TransientError
from service.ports.builder import Finished, Observation, RefusedError, Running, Vanished
from service.ports.time import Clock


class ToldBuilder:
    """Keeps builds running until the test ends them."""

    can_remove = True
    """Whether its registry deletes images."""
    size = 1
    """Of the images that it makes."""
    digest_for: Callable[[str], str] = staticmethod(lambda build: build.rjust(64, "0"))
    """The digest of the image of a build, to be read in a test's output."""

    def __init__(
        self,
        *,
        clock: Clock,
        version: str = "told/1",
        beside: "ToldBuilder | None" = None,
    ) -> None:
        """Make one; `beside` another it sees the same builds, as in one cluster."""
        self._clock = clock
        self.version = version
        self.lacks = ""
        """A frontend that it does not make."""
        self.pull_secrets: dict[str, str] = {}
        """With what sessions pull its images, by reference."""
        self.refuses: Failure | None = None
        """Why it makes nothing."""
        self.remarked: list[Finding] = []
        """What it remarks on environments of pip."""
        self.tags: dict[str, str] = {}
        """What its registry says of the images that it builds with, by name."""
        self._digests: dict[str, str] = {}
        self.is_silent = False
        """Nobody says whether images are there."""
        self.lacks_platform = ""
        self.started: list[BuildId] = []
        self.removed: list[str] = []
        """References of the images that it was to remove, and whose caches."""
        self.packages: tuple[Package, ...] = (Package(name="six", version="1.17.0"),)
        self.cancelled: list[BuildId] = []
        self.most_at_once = 0
        self.made_by: dict[BuildId, str] = beside.made_by if beside else {}
        """The identity of who started each build."""
        self._states: dict[BuildId, Observation] = beside._states if beside else {}
        self._keys: dict[BuildId, str] = beside._keys if beside else {}
        self._gone: set[str] = set()
        self._refusals = 0
        self._faults: list[str] = []

    def identity(self, *, frontend: str) -> str:
        seen = "".join(f"@{digest}" for _, digest in sorted(self._digests.items()))
        return f"{self.version}{seen} {frontend}"

    def bases(self) -> Collection[str]:
        return self.tags.keys()

    def pin_bases(self, digests: Mapping[str, str]) -> None:
        self._digests = {
            base: digests[base] for base in self.bases() if base in digests
        }

    async def digest_of(self, reference: str) -> str:
        if self.is_silent:
            raise TransientError("the registry does not answer")
        return self.tags[reference]

    def scope(self, project: str, environment: EnvironmentId) -> str:
        del project, environment
        return ""

    def pull_secret(self, reference: str) -> str:
        return self.pull_secrets.get(reference, "")

    def provides(self, frontend: str) -> bool:
        return frontend != self.lacks

    def builds_for(self, platform: str) -> bool:
        return platform != self.lacks_platform

    def remarks(self, kind: Kind) -> Sequence[Finding]:
        return [finding for finding in self.remarked if kind is Kind.PIP]

    async def start(self, build: Build) -> None:
        self._may_break("start")
        if self.refuses:
            raise RefusedError(self.refuses)
        if self._refusals:
            self._refusals -= 1
            raise TransientError("no room for another build")
        assert build.spec.builder_image == self.identity(
            frontend=build.spec.frontend
        ), "started by another builder than its spec names"
        if build.id in self._states:
            return
        running = [self._keys[build_id] for build_id in self.running]
        assert build.key not in running, "two builds of one key at once"
        self.started.append(build.id)
        self.made_by[build.id] = build.spec.builder_image
        self._keys[build.id] = build.key
        self._states[build.id] = Running()
        self.most_at_once = max(self.most_at_once, len(self.running))

    async def observe(self, builds: Sequence[Build]) -> Mapping[BuildId, Observation]:
        return {build.id: self._states.get(build.id, Vanished()) for build in builds}

    async def changed(self) -> None:
        await self._clock.sleep(timedelta(seconds=1))

    async def cancel(self, build: BuildId) -> None:
        self._may_break("cancel")
        self.cancelled.append(build)
        self._states.pop(build, None)

    async def release(self, build: BuildId) -> None:
        self._may_break("release")
        if not isinstance(self._states.get(build), Running):
            self._states.pop(build, None)

    async def known_builds(self) -> Collection[BuildId]:
        return list(self._states)

    async def has(self, image: Image) -> bool:
        if self.is_silent:
            raise TransientError("the registry does not answer")
        return image.reference not in self._gone

    async def remove_image(self, image: Image) -> bool:
        self._may_break("remove")
        if self.can_remove:
            self._gone.add(image.reference)
            self.removed.append(image.reference)
        return self.can_remove

    async def remove_cache(self, build: Build) -> None:
        self.removed.append(f"cache of {build.environment_id}")

    # what tests say

    @property
    def running(self) -> list[BuildId]:
        return [
            build_id
            for build_id, state in self._states.items()
            if isinstance(state, Running)
        ]

    def succeed(
        self, build: BuildId | None = None, *, phases: tuple[PhaseTime, ...] = ()
    ) -> str:
        """End a build (the only one running) well; return its image's reference."""
        chosen = build or self._only()
        image = Image(
            reference=f"told@sha256:{self.digest_for(chosen)}".lower(),
            size=self.size,
            packages=self.packages,
            built_at=self._clock.now(),
            build_id=chosen,
        )
        self._states[chosen] = Finished(
            outcome=image, at=self._clock.now(), phases=phases
        )
        return image.reference

    def fail(
        self,
        kind: FailureClass,
        build: BuildId | None = None,
        *,
        phases: tuple[PhaseTime, ...] = (),
        message: str = "It failed as the test said.",
        is_doubtful: bool = False,
    ) -> None:
        chosen = build or self._only()
        failure = Failure(kind=kind, message=message, is_doubtful=is_doubtful)
        self._states[chosen] = Finished(
            outcome=failure, at=self._clock.now(), phases=phases
        )

    def hinder(self, hindrance: Failure | None) -> None:
        """Keep the only build from starting, or let it go on."""
        self._states[self._only()] = Running(hindrance=hindrance)

    def lose(self) -> None:
        """Forget everything, like a machine that lost its power."""
        self._states.clear()

    def refuse(self, times: int) -> None:
        self._refusals = times

    def break_once(self, method: str) -> None:
        """Let the next call of a method end by a fault of its own."""
        self._faults.append(method)

    def _may_break(self, method: str) -> None:
        if method in self._faults:
            self._faults.remove(method)
            raise RuntimeError(f"a fault in {method}")

    def lose_image(self, reference: str) -> None:
        self._gone.add(reference)

    def _only(self) -> BuildId:
        (only,) = self.running
        return only
