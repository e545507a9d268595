"""Rebuilds that environments request, and the builds that serve them.

A `Rebuild` belongs to one environment and is what users see, wait for and cancel
(Renku calls it a build). A `Build` is the work for one `BuildKey`; any number of
rebuilds wait for the same one.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final, NewType

from service.domain.building.failure import Failure
from service.domain.definition import Kind
from service.domain.fingerprint import Fingerprint
from service.domain.push import Trigger
from service.domain.repository import CommitSha, Ref

__all__ = [
    "TRANSITIONS",
    "Build",
    "BuildEvent",
    "BuildId",
    "BuildKey",
    "BuildSpec",
    "BuildState",
    "EnvironmentId",
    "IllegalMoveError",
    "Image",
    "Package",
    "PhaseTime",
    "Plan",
    "Rebuild",
    "RebuildId",
    "apply_event",
    "build_key",
]

BuildId = NewType("BuildId", str)
RebuildId = NewType("RebuildId", str)
EnvironmentId = NewType("EnvironmentId", str)
BuildKey = NewType("BuildKey", str)
"""64 hex digits: the identity of an image's content."""


class BuildState(Enum):
    """The state of a build or a rebuild."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    @property
    def is_final(self) -> bool:
        """Return whether the state can no longer change."""
        return self not in {BuildState.QUEUED, BuildState.RUNNING}


class BuildEvent(Enum):
    """An event that changes the state of a build."""

    START = "start"
    RETRY = "retry"
    """A transient failure: the build goes back to the queue."""
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    SUPERSEDE = "supersede"
    """A newer rebuild of the same environment replaces it."""


TRANSITIONS: Final[Mapping[tuple[BuildState, BuildEvent], BuildState]] = {
    (BuildState.QUEUED, BuildEvent.START): BuildState.RUNNING,
    (BuildState.QUEUED, BuildEvent.SUCCEED): BuildState.SUCCEEDED,
    (BuildState.QUEUED, BuildEvent.FAIL): BuildState.FAILED,
    (BuildState.QUEUED, BuildEvent.CANCEL): BuildState.CANCELLED,
    (BuildState.QUEUED, BuildEvent.SUPERSEDE): BuildState.SUPERSEDED,
    (BuildState.RUNNING, BuildEvent.RETRY): BuildState.QUEUED,
    (BuildState.RUNNING, BuildEvent.SUCCEED): BuildState.SUCCEEDED,
    (BuildState.RUNNING, BuildEvent.FAIL): BuildState.FAILED,
    (BuildState.RUNNING, BuildEvent.CANCEL): BuildState.CANCELLED,
    (BuildState.RUNNING, BuildEvent.SUPERSEDE): BuildState.SUPERSEDED,
}
"""Every legal transition. `queued → succeeded` is a known image: no build was needed;
`queued → failed` is a shared build that failed while this rebuild waited for it."""


class IllegalMoveError(ValueError):
    """The state table has no such transition."""


def apply_event(state: BuildState, move: BuildEvent) -> BuildState:
    """Return the state after an event.

    Raises:
        IllegalMoveError: The table has no such transition.
    """
    try:
        return TRANSITIONS[state, move]
    except KeyError:
        raise IllegalMoveError(f"a {state.value} build cannot {move.value}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSpec:
    """Everything that determines an image besides its definition."""

    builder: str
    """Renku's builder variant, such as `python`."""
    frontend: str
    """Renku's frontend variant: `jupyterlab`, `vscodium`, `ttyd` or `none`."""
    platform: str
    """`linux/amd64` or `linux/arm64`."""
    builder_image: str
    """The builder with its version: a builder image by digest, or the local builder
    and the tools that it uses."""
    scope: str = ""
    """The only project or environment that may share the image; empty when all may."""
    private_to: str = ""
    """The private repository whose readers alone may use the image; empty for a public
    one."""


def build_key(meaning: Fingerprint, kind: Kind, spec: BuildSpec) -> BuildKey:
    """Derive the key of the image that a definition and a build spec produce."""
    parts = (
        meaning,
        kind.value,
        spec.builder,
        spec.frontend,
        spec.platform,
        spec.builder_image,
        # Left out when empty, so that keys of installations without caches stayed what
        # they were when scopes came.
        *((spec.scope,) if spec.scope else ()),
        # Two parts: a scope that equals a repository's name must give another key.
        *(("private", spec.private_to) if spec.private_to else ()),
    )
    return BuildKey(hashlib.sha256("\0".join(parts).encode()).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package that is installed in an image."""

    name: str
    version: str
    manager: str = "pip"
    """`pip` or `conda`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image, identified by the digest of its content."""

    reference: str
    """`<repository>@sha256:<hex>`, as the platform pulls it."""
    size: int
    """Bytes."""
    packages: tuple[Package, ...]
    """The installed packages, sorted by name; empty when they are not known."""
    built_at: datetime
    build_id: BuildId


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTime:
    """How long one phase of a build took."""

    name: str
    """The builder's own name, such as `clone`, `build` or `export`."""
    took: timedelta
    started_at: datetime | None = None
    """Known to who observes the end of the build; rows of builds do not keep it, as
    versions that run beside this one read them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """The work that produces the image of one key, shared by all rebuilds of that key.

    The scheduler creates it. It is a row of the store, so it survives restarts of the
    leader and lost events.
    """

    id: BuildId
    key: BuildKey
    state: BuildState
    spec: BuildSpec
    kind: Kind
    repository_url: str
    commit: CommitSha
    ref: Ref | None = None
    """The ref that carried the commit when the build was planned; None for a pinned
    commit, and where it is not known."""
    context_dir: str
    path: str
    """The definition file, from the root of the repository."""
    environment_id: EnvironmentId
    """The environment of the first rebuild; others may wait for the same build."""
    project_id: str
    """The project of that environment: the limit per project counts the build there."""
    declared: tuple[str, ...] = ()
    """The distributions that the definition names; the smoke test imports them."""
    kept: tuple[str, ...] | None = None
    """The paths of the commit that the build may read; None for all of them."""
    is_fresh: bool = False
    """Whether it runs even though an image of this key exists."""
    previous_image: str | None = None
    """The reference of the image whose layers it may reuse, if any."""
    attempt: int = 1
    not_before: datetime | None = None
    """The earliest start of a retry."""
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failure: Failure | None = None
    """Why it failed; while it is unfinished, why its last attempt did."""
    image: Image | None = None
    image_removed_at: datetime | None = None
    """When retention removed the image; None while it is there."""
    phases: tuple[PhaseTime, ...] = ()
    """The phases of the last attempt, in order; empty when they are not known."""
    traceparent: str | None = None
    """The trace of the first rebuild's request."""

    def is_running_as(self, known: "Build") -> bool:
        """Return whether what is known of an earlier moment is about what runs now.

        Attempts share the build's id. What a process that led before did or saw of
        attempt 1 must not end attempt 2.
        """
        return self.state is BuildState.RUNNING and self.attempt == known.attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rebuild builds: known once its source was evaluated."""

    evaluation_id: str
    generation: int
    """The source's generation when the head was read; launchers move to it by
    compare-and-set."""
    key: BuildKey
    spec: BuildSpec
    kind: Kind
    commit: CommitSha
    path: str
    """The definition file, from the root of the repository."""
    declared: tuple[str, ...] = ()
    """The distributions that the definition names."""
    kept: tuple[str, ...] | None = None
    """The paths of the commit that a build may read; None for all of them."""
    traceparent: str | None = None
    """The trace of the first request for the evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """One environment's request for an image, and its result."""

    id: RebuildId
    """The build id of Renku's API."""
    environment_id: EnvironmentId
    launcher_id: str
    source_id: str
    trigger: Trigger
    """Why it was requested."""
    is_fresh: bool = False
    """Whether to build even though an image of the key exists."""
    plan: Plan | None = None
    """None until the source was evaluated."""
    state: BuildState
    build_id: BuildId | None = None
    """The build that it waits for or that served it; None before it has one."""
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failure: Failure | None = None
    image: str | None = None
    """The reference of the image, when it succeeded."""
    reason: str = ""
    """A machine-readable result: `built`, `reused`, `adopted`, `superseded`…"""
