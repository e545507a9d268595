"""Run one build in its own process: `python -m service.adapters.local.worker.main`.

The job is one line on standard input, which stays open: at its end the builder is
gone (even by `kill -9`), and the worker kills itself and everything it started.
Log lines and at last the result go to the pipe whose descriptor is the argument. No
tool inherits that pipe, and no other process can read this one's memory.
"""

import errno
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, NoReturn

from service.adapters.local.errors import StepFailedError, StoppedError
from service.adapters.local.frontend import add_frontend
from service.adapters.local.isolation.processes import adopt_orphans, close_to_others
from service.adapters.local.job import ImageManifest, Job, Result, WorkerExit
from service.adapters.local.resource_monitor import end_descendants
from service.adapters.local.worker.clone import clone
from service.adapters.local.worker.conda import install_conda, prepare_conda
from service.adapters.local.worker.context import BuildContext
from service.adapters.local.worker.detect import detect
from service.adapters.local.worker.export import check_disk, export
from service.adapters.local.worker.kept_files import remove_unused_files
from service.adapters.local.worker.python_kinds import (
    install_pip,
    install_poetry,
    install_uv,
    prepare_pip,
    prepare_poetry,
    prepare_uv,
)
from service.adapters.local.worker.transcript import Transcript
from service.build_failures.classify import classify
from service.domain.building.failure import Failure, FailureClass
from service.domain.definition import Kind

__all__ = ["STEPS", "main"]

Step = Callable[[BuildContext], None]

STEPS: Final[Mapping[Kind, tuple[Step, Step]]] = {
    Kind.PIP: (prepare_pip, install_pip),
    Kind.POETRY: (prepare_poetry, install_poetry),
    Kind.UV: (prepare_uv, install_uv),
    Kind.CONDA: (prepare_conda, install_conda),
}
"""How each kind is built; a kind that is missing here is refused with its hint."""


def main() -> int:
    """Run the job from standard input; return 0 when there is an image."""
    pipe = int(sys.argv[1])
    # Code of a repository must not get the pipe: whoever can write to it could forge a
    # result.
    os.set_inheritable(pipe, False)  # noqa: FBT003 - as it is called
    close_to_others()
    # A daemon that a build leaves behind becomes our child instead of init's, and can
    # be killed at the end.
    adopt_orphans()
    job = Job.model_validate_json(sys.stdin.readline())
    # Its time says when it was used last; what nobody uses is removed.
    job.folders.cache.mkdir(exist_ok=True)
    os.utime(job.folders.cache)
    signal.signal(signal.SIGTERM, lambda *_: _end_all())
    threading.Thread(target=_end_with_builder, daemon=True).start()
    with (
        open(pipe, "w", encoding="utf-8") as out,
        (job.folders.build(job.build_id) / "lock").open("w") as lock,
    ):
        # Held until the process ends: it shows a builder that comes later that this
        # worker still lives.
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = _build(
            BuildContext(job=job, transcript=Transcript(out, limit=job.max_log))
        )
        out.write(WorkerExit(result=result).model_dump_json() + "\n")
    return 0 if result.manifest else 1


def _end_with_builder() -> None:
    # Not `sys.stdin`: this thread would hold its lock at the interpreter's shutdown,
    # which deadlocks.
    while os.read(0, 1):
        pass
    _end_all()


def _end_all() -> NoReturn:
    """Kill the process group with this process; sandboxed processes die with it."""
    end_descendants()
    os.killpg(0, signal.SIGKILL)
    os._exit(128 + signal.SIGKILL)


def _build(context: BuildContext) -> Result:
    started = time.monotonic()

    def now() -> datetime:
        # From the builder's clock and a monotonic one: a clock that is set during a
        # build would give negative durations.
        passed = timedelta(seconds=time.monotonic() - started)
        return context.job.started_at + passed

    try:
        manifest = _run_phases(context, now)
    except Exception as exc:  # noqa: BLE001 - every end of a build is an outcome
        failure = _classify_failure(context, exc)
        context.log(f"failed: {failure.message}")
        result = Result.of_failure(failure, attempt=context.job.attempt, at=now())
    else:
        result = Result(attempt=context.job.attempt, at=now(), manifest=manifest)
    return result.with_phases(context.transcript.times(until=result.at))


def _run_phases(context: BuildContext, now: Callable[[], datetime]) -> ImageManifest:
    def enter(phase: str) -> None:
        context.transcript.enter(phase, at=now())

    enter("clone")
    check_disk(context)
    clone(context)
    enter("detect")
    detect(context, supported=STEPS)
    remove_unused_files(context)
    restore, install = STEPS[context.job.kind]
    enter("restore")
    restore(context)
    enter("build")
    install(context)
    enter("frontend")
    add_frontend(context)
    enter("export")
    return export(context, at=now())


def _classify_failure(context: BuildContext, exc: Exception) -> Failure:
    """Translate an exception into the failure of the build."""
    if isinstance(exc, StoppedError):
        return exc.failure
    lines = context.transcript.tail
    if isinstance(exc, StepFailedError):
        return classify(
            phase=context.transcript.phase,
            lines=lines,
            code=exc.code,
            files=context.definition_files,
        )
    text = f"{type(exc).__name__}: {exc}"
    if isinstance(exc, OSError) and exc.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Failure(kind=FailureClass.OUT_OF_DISK, message=f"disk full: {text}")
    return Failure(kind=FailureClass.INTERNAL, message=f"the builder failed: {text}")


if __name__ == "__main__":
    sys.exit(main())
