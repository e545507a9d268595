"""Follow builds of ours in an upstream Renku; `builder.py` draws the states."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from service.adapters.renku.answers import BuildAnswer, ResultAnswer, parse
from service.adapters.renku.client import RenkuClient
from service.adapters.renku.commits import (
    CommitAge,
    compare_commit,
    request_head,
)
from service.adapters.renku.errors import UpstreamRefusedError, refusal_of
from service.adapters.renku.logs import UpstreamLogs, failure_of, read_log
from service.domain.building.build import Build, BuildId, EnvironmentId, Image
from service.domain.building.failure import Failure, FailureClass
from service.errors import ConflictError, TransientError
from service.ports.builder import Finished, Observation, Running
from service.ports.store import Store, UpstreamBuild
from service.ports.time import Clock

__all__ = ["BuildFollower"]

log = structlog.get_logger(__name__)

MAX_STARTS: Final = 3
"""How often an environment is built for one push. Renku clones after it was asked, so
an older commit means that a mirror of the forge is behind, which passes in minutes."""

_OUTDATED: Final = Failure(
    kind=FailureClass.UPSTREAM_OUTDATED,
    message=f"Renku built an older commit {MAX_STARTS} times in a row.",
    hint="It reads the repository from a copy that is behind; it is tried again.",
)
_CANCELLED: Final = Failure(
    kind=FailureClass.UPSTREAM_CANCELLED,
    message="The build was cancelled in Renku.",
    hint="The next change of the definition is built; a rebuild is built at once.",
)
_DIRTY: Final = Failure(
    kind=FailureClass.UPSTREAM_BUSY,
    message="Another build of the environment runs in Renku.",
    hint="This one starts when it has ended, unless that one builds the same.",
)
_UNSEEN: Final = Failure(
    kind=FailureClass.UPSTREAM_BUSY,
    message="Renku built a commit that was not seen here yet.",
    hint="The repository is read again; then it shows whether that one is newer.",
)


# One per builder, which calls it for one build at a time.
class BuildFollower:
    """Starts builds in Renku, reads what became of them, and starts them again.

    Args:
        client: Asks Renku.
        store: Knows which builds of Renku serve ours.
        clock: Gives the time.
        logs: Stores the logs of builds.
    """

    def __init__(
        self, *, client: RenkuClient, store: Store, clock: Clock, logs: UpstreamLogs
    ) -> None:
        self._client = client
        self._store = store
        self._clock = clock
        self._logs = logs

    async def is_running(self, row: UpstreamBuild) -> bool:
        """Return whether a build that was started for us is still running."""
        if row.upstream_id is None or not row.is_ours:
            return False
        try:
            seen = await self._build(row.upstream_id)
        except UpstreamRefusedError:
            return False
        return seen.status == "in_progress"

    async def begin(self, build: Build) -> UpstreamBuild:
        """Write down that a build is to be started, before it is."""
        row = UpstreamBuild(
            build_id=build.id,
            attempt=build.attempt,
            environment_id=build.environment_id,
        )
        adopted = None if build.is_fresh else await self._built_already(build)
        if adopted is not None:
            row = replace(row, upstream_id=adopted, is_ours=False)
        async with self._store.transaction() as tx:
            await tx.upstream_builds.add(row)
        return row

    async def _built_already(self, build: Build) -> str | None:
        """Return the build of a person, or of before our time, of the same commit."""
        try:
            newest = (await self._builds(build.environment_id))[:1]
        except UpstreamRefusedError:
            return None  # starting it shows why
        async with self._store.reading() as tx:
            rows = await tx.upstream_builds.of_environment(build.environment_id)
            known = await tx.upstream_environments.find(build.environment_id)
        # One that served a build of ours before was made with other parameters, or was
        # not good enough: there would be nothing to build otherwise.
        served = {row.upstream_id for row in rows}
        for found in newest:
            is_same = found.result and (
                found.result.repository_git_commit_sha == build.commit
            )
            is_edited = known is not None and not known.has_built(found.created_at)
            if is_same and not is_edited and found.id not in served:
                log.info("built in Renku already", build=build.id, upstream=found.id)
                return found.id
        return None

    async def post(self, row: UpstreamBuild) -> UpstreamBuild:
        """Start a build in Renku, or follow the one that runs.

        Raises:
            UpstreamRefusedError: Renku does not start it, and will not.
            TransientError: Renku does not answer; it may have started.
        """
        what = f"the build of environment {row.environment_id}"
        row = replace(row, head_requested_at=None)  # which was for the one before
        try:
            answer = await self._client.post(
                "environments", row.environment_id, "builds"
            )
        except ConflictError:
            # Somebody else started one, or the answer to our own request was lost.
            found = await self._builds(row.environment_id)
            running = [one.id for one in found if one.status == "in_progress"]
            # None when it has ended meanwhile: the next round starts one.
            followed = running[0] if running else None
            row = replace(row, upstream_id=followed, is_ours=False)
        else:
            started = parse(BuildAnswer, answer, what=what)
            row = replace(
                row, upstream_id=started.id, is_ours=True, starts=row.starts + 1
            )
        log.info(
            "build in Renku",
            build=row.build_id,
            upstream=row.upstream_id,
            is_ours=row.is_ours,
        )
        await self.save(row)
        return row

    async def observe(self, build: Build, row: UpstreamBuild) -> Observation:
        """Read what became of a build that was begun; start it where nothing did."""
        try:
            if row.upstream_id is None:
                # Asked for once, perhaps: the process died before it could write down
                # the answer, and Renku may even have ended it since.
                adopted = None if build.is_fresh else await self._built_already(build)
                if adopted is None:
                    return _running(await self.post(row))
                row = replace(row, upstream_id=adopted, is_ours=False)
                await self.save(row)
                return await self._follow(build, row, adopted)
            return await self._follow(build, row, row.upstream_id)
        except UpstreamRefusedError as exc:
            return Finished(outcome=refusal_of(exc), at=self._clock.now())
        except TransientError as exc:
            # Not raised: Renku's silence is no end of the build, whose state it keeps.
            # Of this build alone: the others' state is known.
            waits = Failure(kind=FailureClass.NETWORK, message=str(exc))
            return Running(hindrance=waits)
        # Nor is a fault of ours raised: all builds are read in one task group.
        except Exception as exc:
            log.exception("build not read", build=build.id)
            failure = Failure(
                kind=FailureClass.INTERNAL,
                message=f"the builder failed: {type(exc).__name__}: {exc}",
            )
            return Finished(outcome=failure, at=self._clock.now())

    async def _follow(
        self, build: Build, row: UpstreamBuild, upstream_id: str
    ) -> Observation:
        seen = await self._build(upstream_id)
        if seen.status == "in_progress":
            return _running(row)
        if seen.status == "succeeded" and seen.result is not None:
            if row.is_ours or await self._has_parameters(build, seen):
                return await self._succeeded(build, row, seen.id, seen.result)
            log.info("Renku built other parameters", build=build.id, upstream=seen.id)
        # The end of somebody else's build makes room for ours; why it failed is theirs.
        if not row.is_ours:
            return _running(await self.post(row))
        if seen.status == "cancelled":
            return Finished(outcome=_CANCELLED, at=self._clock.now())
        lines = await self._keep_log(build.id, seen.id)
        failure = failure_of(seen.error_reason, lines, path=build.path)
        return Finished(outcome=failure, at=self._clock.now())

    async def _has_parameters(self, build: Build, seen: BuildAnswer) -> bool:
        """Return whether a build of somebody was made with the parameters of ours."""
        async with self._store.reading() as tx:
            known = await tx.upstream_environments.find(build.environment_id)
        return known is None or known.has_built(seen.created_at)

    async def _succeeded(
        self, build: Build, row: UpstreamBuild, upstream_id: str, result: ResultAnswer
    ) -> Observation:
        commit = result.repository_git_commit_sha
        age = await compare_commit(
            self._store,
            build,
            commit,
            is_ours=row.is_ours,
            requested_at=row.head_requested_at,
        )
        if age is CommitAge.UNSEEN:
            await self._request_head(build, row)
            return Running(hindrance=_UNSEEN)
        if age is CommitAge.OLDER:
            log.info("Renku built an older commit", build=build.id, commit=commit)
            if row.starts >= MAX_STARTS:
                return Finished(outcome=_OUTDATED, at=self._clock.now())
            return _running(await self.post(row))
        await self._keep_log(build.id, upstream_id)
        image = Image(
            reference=result.image,
            size=0,
            packages=(),
            built_at=result.completed_at,
            build_id=build.id,
        )
        return Finished(outcome=image, at=result.completed_at)

    async def _request_head(self, build: Build, row: UpstreamBuild) -> None:
        if row.head_requested_at is not None:
            return
        now = self._clock.now()
        async with self._store.transaction() as tx:
            await request_head(tx, build, at=now)
            await tx.upstream_builds.save(replace(row, head_requested_at=now))

    async def _keep_log(
        self, build: BuildId, upstream_id: str
    ) -> Mapping[str, Sequence[str]]:
        lines = await read_log(self._client, upstream_id)
        for container, text in lines.items():
            await self._logs.append(build, container.removeprefix("step-"), text)
        return lines

    async def _build(self, upstream_id: str) -> BuildAnswer:
        answer = await self._client.get("builds", upstream_id)
        return parse(BuildAnswer, answer, what=f"build {upstream_id}")

    async def _builds(self, environment: EnvironmentId) -> Sequence[BuildAnswer]:
        """Return the builds of an environment, newest first."""
        answer = await self._client.get("environments", environment, "builds")
        what = f"the list of builds of environment {environment}"
        return parse(list[BuildAnswer], answer, what=what)

    async def newest_success(self, environment: EnvironmentId) -> ResultAnswer | None:
        """Return the result that an environment starts from; None before the first."""
        results = (build.result for build in await self._builds(environment))
        return next((result for result in results if result is not None), None)

    async def row(self, build: BuildId) -> UpstreamBuild | None:
        """Return what is known of a build."""
        async with self._store.reading() as tx:
            return next(iter(await tx.upstream_builds.some([build])), None)

    async def save(self, row: UpstreamBuild) -> None:
        """Write down what became of a build."""
        async with self._store.transaction() as tx:
            await tx.upstream_builds.save(row)


def _running(row: UpstreamBuild) -> Running:
    is_dirty = not row.is_ours or row.upstream_id is None
    return Running(hindrance=_DIRTY if is_dirty else None)
