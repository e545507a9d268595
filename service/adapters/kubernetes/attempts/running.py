"""The attempts that this process follows, and their tasks."""

import asyncio
from collections.abc import Callable

from service.adapters.kubernetes.attempts.attempt import BuildAttempt
from service.adapters.kubernetes.manifests.names import job_name, to_label_value
from service.domain.building.build import Build, BuildId
from service.ports.builder import Finished

__all__ = ["RunningAttempts"]


class RunningAttempts:
    """Follows attempts in tasks of a group; the builder makes one when it is entered.

    Args:
        group: Runs the tasks.
        create: Makes what follows an attempt.
    """

    def __init__(
        self, *, group: asyncio.TaskGroup, create: Callable[[Build], BuildAttempt]
    ) -> None:
        self._group = group
        self._create = create
        self._attempts: dict[str, BuildAttempt] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def follow(self, build: Build) -> BuildAttempt:
        """Return what follows an attempt; start to follow it when nothing does."""
        name = job_name(build)
        if name not in self._attempts:
            attempt = self._attempts[name] = self._create(build)
            self._tasks[name] = self._group.create_task(attempt.run(), name=name)
        return self._attempts[name]

    def wake(self, label: str) -> None:
        """Wake the attempts at the build with a label: one of its objects changed."""
        for attempt in self._attempts.values():
            if to_label_value(attempt.build.id) == label:
                attempt.wake()

    def is_given_up(self, job: str) -> bool:
        """Return whether there is an outcome, whatever the Job of that name does."""
        attempt = self._attempts.get(job)
        return attempt is not None and isinstance(attempt.result, Finished)

    def stop(self, job: str) -> None:
        """Stop following an attempt; its Job goes on."""
        self._attempts.pop(job, None)
        task = self._tasks.pop(job, None)
        if task is not None:
            task.cancel()

    def stop_build(self, build: BuildId) -> None:
        """Stop following every attempt at a build."""
        for name, attempt in list(self._attempts.items()):
            if attempt.build.id == build:
                self.stop(name)

    def stop_all(self) -> None:
        """Stop following everything."""
        for name in list(self._attempts):
            self.stop(name)
