"""What is asked of the database for every push, every page and on every timer.

A test fills the tables, runs each of these in both engines and fails where the engine
reads a large table from one end to the other. `python -m bench.lists` measures them.
A new statement that runs often, or that a page of a list needs, has a line here.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from service.domain.building.build import BuildId, BuildState, EnvironmentId
from service.domain.delivery import DeliveryId
from service.domain.evaluation.comparison import EvaluationId
from service.domain.hook import HookId
from service.domain.launcher import LauncherId, RebuildSchedule
from service.domain.repository import Repository
from service.domain.rights.caller import MemberRole, ProjectFilter, UserId
from service.domain.source import SourceId
from service.ports.store import Cursor, PageRequest, Transaction

__all__ = ["HOT_QUERIES", "Run"]

Run = Callable[[Transaction], Awaitable[object]]

_NOW: Final = datetime(2023, 11, 16, tzinfo=UTC)
_OLD: Final = _NOW - timedelta(days=1)
_HERE: Final = Cursor(at=_NOW, id="01ARZ3NDEKTSV4RRFF10005000")
_PAGE: Final = PageRequest(limit=20)
_DEEP: Final = PageRequest(limit=20, offset=4_000)
_BEHIND: Final = PageRequest(limit=20, after=_HERE)
_SOURCE: Final = SourceId("01ARZ3NDEKTSV4RRFF20000007")
_SOURCES: Final = [
    SourceId(f"01ARZ3NDEKTSV4RRFF2{number:07d}") for number in range(1, 21)
]
_ENVIRONMENT: Final = EnvironmentId("01ARZ3NDEKTSV4RRFF30000007")
_ENVIRONMENTS: Final = [
    EnvironmentId(f"01ARZ3NDEKTSV4RRFF3{number:07d}") for number in range(1, 21)
]
_LAUNCHERS: Final = [
    LauncherId(f"01ARZ3NDEKTSV4RRFF1{number:07d}") for number in range(1, 21)
]
_PROJECT: Final = "01ARZ3NDEKTSV4RRFFQ0000007"
_REPOSITORY: Final = Repository.from_url(
    "https://github.com/university/course-0000007.git"
)
_HOOK: Final = HookId("hook-7")
_PER_HOST: Final = 168
"""What `max_per_hour` of the sweep's settings comes to in a round, rounded up."""
_OUTDATED: Final = 160
"""What a round of `consumers/base_images.py` takes, with the settings' defaults."""
_BUILDERS: Final = [("jupyterlab", "builder:1")]
_BUILT_BEFORE: Final = dict.fromkeys(
    (RebuildSchedule.WEEKLY, RebuildSchedule.MONTHLY), _OLD
)

_LISTS: Final[Mapping[str, Run]] = {
    "launchers, first page": lambda tx: tx.launchers.list(_PAGE),
    "launchers, a page by number": lambda tx: tx.launchers.list(_DEEP),
    "launchers, a page behind a cursor": lambda tx: tx.launchers.list(_BEHIND),
    "launchers of a project": lambda tx: tx.launchers.list(_PAGE, project=_PROJECT),
    "launchers of a project behind a cursor": lambda tx: tx.launchers.list(
        _BEHIND, project=_PROJECT
    ),
    "launchers by name": lambda tx: tx.launchers.list(_PAGE, name="course 7"),
    "launchers by id": lambda tx: tx.launchers.get_many(_LAUNCHERS),
    "newest rebuilds of a page": lambda tx: tx.rebuilds.newest(_ENVIRONMENTS),
    "sources of a page": lambda tx: tx.sources.get_many(_SOURCES),
    "sources, first page": lambda tx: tx.sources.list(_PAGE),
    "sources, a page behind a cursor": lambda tx: tx.sources.list(_BEHIND),
    "followers of a page of sources": lambda tx: tx.launchers.of_sources(
        _SOURCES, limit=50
    ),
    "hooks, first page": lambda tx: tx.hooks.list(PageRequest(limit=0)),
    "hooks, the next one": lambda tx: tx.hooks.next(_HERE),
    "hooks, their number": lambda tx: tx.hooks.count(),
    "newest deliveries of hooks": lambda tx: tx.deliveries.newest([_HOOK]),
    "deliveries": lambda tx: tx.deliveries.list(limit=20, after=_HERE),
    "deliveries of a hook": lambda tx: tx.deliveries.list(
        hook=_HOOK, limit=20, after=_HERE
    ),
    "deliveries by id": lambda tx: tx.deliveries.find("forge-7"),
    "builds": lambda tx: tx.rebuilds.list(limit=20, after=_HERE),
    "builds in a state": lambda tx: tx.rebuilds.list(
        limit=20, after=_HERE, state=BuildState.QUEUED
    ),
    "builds of an environment": lambda tx: tx.rebuilds.of_environment(
        _ENVIRONMENT, limit=20, after=_HERE
    ),
    "evaluations of a source": lambda tx: tx.evaluations.of_source(
        _SOURCE, limit=20, after=_HERE
    ),
    "evaluations of a commit": lambda tx: tx.evaluations.of_commit("0000007"),
    "evaluations by verdict": lambda tx: tx.statistics.verdicts(since=_OLD),
    "endings by reason": lambda tx: tx.statistics.endings(since=_OLD),
    "projects of a namespace": lambda tx: tx.projects.list(
        _PAGE, namespace="university"
    ),
    "the project at an address": lambda tx: tx.projects.list(
        _PAGE, namespace="university", slug="course-7"
    ),
    "evaluations of a delivery": lambda tx: tx.evaluations.of_deliveries(
        [DeliveryId("01ARZ3NDEKTSV4RRFF70000007")]
    ),
}
"""What a page of a list needs."""

_PUSHES: Final[Mapping[str, Run]] = {
    "sources of repositories": lambda tx: tx.sources.of_repositories([_REPOSITORY]),
    "sources of a repository": lambda tx: tx.sources.of_repository(_REPOSITORY),
    "deliveries that nobody evaluated": lambda tx: tx.deliveries.unevaluated(
        since=_OLD, before=_NOW
    ),
    "hooks of deliveries": lambda tx: tx.hooks.get_many([HookId("none")]),
    "launchers of a source": lambda tx: tx.launchers.of_source(_SOURCE),
    "requests of a source": lambda tx: tx.evaluation_queue.requests(_SOURCE),
    "due evaluations": lambda tx: tx.evaluation_queue.pending(_SOURCES),
    "rebuilds without a plan": lambda tx: tx.rebuilds.unplanned(_SOURCE, until=_NOW),
    "busy environments of a source": lambda tx: tx.rebuilds.busy(source=_SOURCE),
    "busy environments of a page": lambda tx: tx.rebuilds.busy(among=_ENVIRONMENTS),
    "unfinished rebuilds of an environment": lambda tx: tx.rebuilds.unfinished(
        environment=_ENVIRONMENT
    ),
    "rebuilds of a build": lambda tx: tx.rebuilds.of_build(
        BuildId("01ARZ3NDEKTSV4RRFF60000007")
    ),
    "rebuilds of an evaluation": lambda tx: tx.rebuilds.of_evaluation(
        EvaluationId("01ARZ3NDEKTSV4RRFF50000007")
    ),
    "earlier builds of a repository": lambda tx: tx.builds.succeeded(
        _PROJECT, "none", limit=5
    ),
}
"""What a push leads to."""

_TIMERS: Final[Mapping[str, Run]] = {
    "the next due evaluation": lambda tx: tx.evaluation_queue.next_due(),
    "times of the sweep": lambda tx: tx.sweeps.times(),
    "turns of the sweep": lambda tx: tx.sweeps.due(now=_NOW, per_host=_PER_HOST),
    "launchers that are behind": lambda tx: tx.launchers.behind(now=_NOW, limit=500),
    "launchers without a build": lambda tx: tx.launchers.count_without_build(),
    "launchers that are held": lambda tx: tx.launchers.on_hold(limit=500),
    "launchers with old images": lambda tx: tx.launchers.scheduled(
        built_before=_BUILT_BEFORE, limit=500
    ),
    "builders of launchers": lambda tx: tx.bases.builders(),
    "sources of another builder": lambda tx: tx.bases.outdated(
        _BUILDERS, limit=_OUTDATED
    ),
    "unfinished rebuilds": lambda tx: tx.rebuilds.unfinished(),
    "rebuilds that wait": lambda tx: tx.rebuilds.is_any_waiting(),
    "builds that wait": lambda tx: tx.builds.is_any_queued(),
    "rebuilds that nobody evaluates": lambda tx: tx.rebuilds.stranded(before=_OLD),
    "failed rebuilds": lambda tx: tx.rebuilds.failed(since=_OLD, limit=20),
    "durations of builds": lambda tx: tx.builds.durations(),
}
"""What loops ask from time to time."""

_EDITOR: Final = ProjectFilter(member=UserId("user-7"), least=MemberRole.EDITOR)
"""Of somebody who edits one project among many."""

_OF_MEMBERS: Final[Mapping[str, Run]] = {
    "a member's launchers": lambda tx: tx.launchers.list(_PAGE, visible=_EDITOR),
    "a member's launchers behind a cursor": lambda tx: tx.launchers.list(
        _BEHIND, visible=_EDITOR
    ),
    "a member's launchers by number": lambda tx: tx.launchers.list(
        _DEEP, visible=_EDITOR
    ),
    "a member's sources": lambda tx: tx.sources.list(_PAGE, visible=_EDITOR),
    "followers of a member's sources": lambda tx: tx.launchers.of_sources(
        _SOURCES, limit=50, visible=_EDITOR
    ),
    "a member's builds": lambda tx: tx.rebuilds.list(limit=20, visible=_EDITOR),
    "a member's deliveries": lambda tx: tx.deliveries.list(limit=20, visible=_EDITOR),
    "a member's hooks": lambda tx: tx.hooks.list(_PAGE, visible=_EDITOR),
    "a member's failures": lambda tx: tx.rebuilds.latest_failed(
        since=_OLD, visible=_EDITOR, limit=100
    ),
    "a member's evaluations by verdict": lambda tx: tx.statistics.verdicts(
        since=_OLD, visible=_EDITOR
    ),
    "a member's endings by reason": lambda tx: tx.statistics.endings(
        since=_OLD, visible=_EDITOR
    ),
}
"""Pages of lists that are cut down to what their reader may see."""

HOT_QUERIES: Final[Mapping[str, Run]] = {
    **_LISTS,
    **_OF_MEMBERS,
    **_PUSHES,
    **_TIMERS,
}
"""By what they find; the ids are those that `tests/support/filling.py` makes."""
