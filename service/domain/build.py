"""Rebuilds that environments ask for, and the builds that serve them.

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

from service.domain.definition import Kind
from service.domain.failure import Failure
from service.domain.fingerprint import Fingerprint
from service.domain.push import Evidence
from service.domain.repository import CommitSha

__all__ = [
    "TRANSITIONS",
    "Build",
    "BuildId",
    "BuildKey",
    "BuildState",
    "EnvironmentId",
    "IllegalMoveError",
    "Image",
    "Move",
    "Package",
    "PhaseTime",
    "Plan",
    "Rebuild",
    "RebuildId",
    "Recipe",
    "build_key",
    "moved",
]

BuildId = NewType("BuildId", str)
RebuildId = NewType("RebuildId", str)
EnvironmentId = NewType("EnvironmentId", str)
BuildKey = NewType("BuildKey", str)
"""64 hex digits: the identity of an image's content."""


class BuildState(Enum):
    """Where a build or a rebuild is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"

    @property
    def is_final(self) -> bool:
        """Say whether nothing can happen to it any more."""
        return self not in {BuildState.QUEUED, BuildState.RUNNING}


class Move(Enum):
    """What can happen to a build."""

    START = "start"
    RETRY = "retry"
    """A transient failure: back to the queue, later."""
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"
    SUPERSEDE = "supersede"
    """A newer one of the same environment took its place."""


TRANSITIONS: Final[Mapping[tuple[BuildState, Move], BuildState]] = {
    (BuildState.QUEUED, Move.START): BuildState.RUNNING,
    (BuildState.QUEUED, Move.SUCCEED): BuildState.SUCCEEDED,
    (BuildState.QUEUED, Move.FAIL): BuildState.FAILED,
    (BuildState.QUEUED, Move.CANCEL): BuildState.CANCELLED,
    (BuildState.QUEUED, Move.SUPERSEDE): BuildState.SUPERSEDED,
    (BuildState.RUNNING, Move.RETRY): BuildState.QUEUED,
    (BuildState.RUNNING, Move.SUCCEED): BuildState.SUCCEEDED,
    (BuildState.RUNNING, Move.FAIL): BuildState.FAILED,
    (BuildState.RUNNING, Move.CANCEL): BuildState.CANCELLED,
    (BuildState.RUNNING, Move.SUPERSEDE): BuildState.SUPERSEDED,
}
"""Every legal move. `queued → succeeded` is a known image: no work was needed;
`queued → failed` is a shared build that failed before this rebuild's turn."""


class IllegalMoveError(ValueError):
    """The state table has no such move."""


def moved(state: BuildState, move: Move) -> BuildState:
    """Return the state after a move.

    Raises:
        IllegalMoveError: The table does not allow the move.
    """
    try:
        return TRANSITIONS[state, move]
    except KeyError:
        raise IllegalMoveError(f"a {state.value} build cannot {move.value}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What else than the definition makes an image what it is."""

    builder: str
    """Renku's builder variant, such as `python`."""
    frontend: str
    """Renku's frontend variant: `jupyterlab`, `vscodium`, `ttyd` or `none`."""
    platform: str
    """`linux/amd64` or `linux/arm64`."""
    builder_image: str
    """What does the building, with its version: a builder image by digest, or the
    local builder and the tools it uses."""
    scope: str = ""
    """The project inside which the image is shared; empty when with everybody."""


def build_key(meaning: Fingerprint, kind: Kind, recipe: Recipe) -> BuildKey:
    """Name the image that a definition and a recipe make."""
    parts = (
        meaning,
        kind.value,
        recipe.builder,
        recipe.frontend,
        recipe.platform,
        recipe.builder_image,
        *((recipe.scope,) if recipe.scope else ()),
    )
    return BuildKey(hashlib.sha256("\0".join(parts).encode()).hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Something that was installed into an image."""

    name: str
    version: str
    manager: str = "pip"
    """`pip` or `conda`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image, named by the digest of its content."""

    reference: str
    """`<repository>@sha256:<hex>`, as whoever runs it needs it."""
    size: int
    """Bytes."""
    packages: tuple[Package, ...]
    """Everything that was installed, sorted by name; empty when nobody can tell."""
    built_at: datetime
    build_id: BuildId


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseTime:
    """How long one phase of a build took."""

    name: str
    """Such as `clone`, `build` or `export`: the builder's own word."""
    took: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """The work that makes the image of one key."""

    id: BuildId
    key: BuildKey
    state: BuildState
    recipe: Recipe
    kind: Kind
    repository_url: str
    commit: CommitSha
    context_dir: str
    path: str
    """The definition file, from the root of the repository."""
    environment_id: EnvironmentId
    """Whose wish came first; other environments may wait for it too."""
    project_id: str
    """Whose environment that is: caps count it there."""
    declared: tuple[str, ...] = ()
    """The distributions that the definition names, to try the image with."""
    kept: tuple[str, ...] | None = None
    """The paths of the commit that the build may see; None when it may see all."""
    is_fresh: bool = False
    """Made even though an image of this key exists."""
    previous_image: str | None = None
    """The reference of the image whose layers it may reuse; None for none."""
    attempt: int = 1
    not_before: datetime | None = None
    """When a retry may start."""
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failure: Failure | None = None
    """How it ended; until then, what keeps it from going on."""
    image: Image | None = None
    phases: tuple[PhaseTime, ...] = ()
    """Of the attempt that ended it, in their order; empty when nobody can tell."""
    traceparent: str | None = None
    """The trace of whose wish came first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a rebuild needs, once its source was evaluated."""

    evaluation_id: str
    generation: int
    """When the head was observed; launchers move to it by compare-and-set."""
    key: BuildKey
    recipe: Recipe
    kind: Kind
    commit: CommitSha
    path: str
    """The definition file, from the root of the repository."""
    declared: tuple[str, ...] = ()
    """The distributions that the definition names."""
    kept: tuple[str, ...] | None = None
    """The paths of the commit that count, which a build may see; None for all."""
    traceparent: str | None = None
    """The trace of who first asked for the evaluation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuild:
    """One environment's wish for an image, and what became of it."""

    id: RebuildId
    """What users name it by: the build id of Renku's API."""
    environment_id: EnvironmentId
    launcher_id: str
    source_id: str
    evidence: Evidence
    """Why it was asked for."""
    is_fresh: bool = False
    """To be made even though an image of its key exists."""
    plan: Plan | None = None
    """None until the source's head was looked at."""
    state: BuildState
    build_id: BuildId | None = None
    """The build it waits for or was served by; None before its turn."""
    created_at: datetime
    started_at: datetime | None = None
    completed_at: datetime | None = None
    failure: Failure | None = None
    image: str | None = None
    """The reference of the image, when it succeeded."""
    reason: str = ""
    """A machine word for how it ended: `built`, `reused`, `adopted`, `superseded`…"""
