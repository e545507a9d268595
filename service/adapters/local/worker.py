"""One build, in a process of its own: `python -m service.adapters.local.worker`.

The job comes as one line on standard input, which stays open: when it ends, the
builder is gone (even by `kill -9`), and the worker ends itself and all it started.
What is told goes to the pipe whose number is the one argument; at last what the build
came to. No tool inherits that pipe, and nobody may look into this process.
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

from service.adapters.local.bench import Bench
from service.adapters.local.clone import clone
from service.adapters.local.conda import install_conda, restore_conda
from service.adapters.local.detect import detect
from service.adapters.local.export import check_disk, export
from service.adapters.local.failures import StepFailedError, StoppedError
from service.adapters.local.folders import Folders
from service.adapters.local.frontend import add_frontend
from service.adapters.local.job import Ended, Job, Manifest, Result
from service.adapters.local.kept import keep_what_counts
from service.adapters.local.processes import adopt_orphans, close_to_others
from service.adapters.local.python_kinds import (
    install_pip,
    install_poetry,
    install_uv,
    restore_pip,
    restore_poetry,
    restore_uv,
)
from service.adapters.local.transcript import Transcript
from service.adapters.local.watch import end_descendants
from service.domain.definition import Kind
from service.domain.failure import Failure, FailureClass
from service.installers.classify import classify

__all__ = ["main"]

Step = Callable[[Bench], None]

_STEPS: Final[Mapping[Kind, tuple[Step, Step]]] = {
    Kind.PIP: (restore_pip, install_pip),
    Kind.POETRY: (restore_poetry, install_poetry),
    Kind.UV: (restore_uv, install_uv),
    Kind.CONDA: (restore_conda, install_conda),
}


def main() -> int:
    """Build what standard input asks for; 0 when there is an image."""
    pipe = int(sys.argv[1])
    os.set_inheritable(pipe, False)  # noqa: FBT003 - as it is called
    close_to_others()
    adopt_orphans()
    job = Job.model_validate_json(sys.stdin.readline())
    signal.signal(signal.SIGTERM, lambda *_: _end_all())
    threading.Thread(target=_end_with_builder, daemon=True).start()
    with (
        open(pipe, "w", encoding="utf-8") as out,
        (Folders(root=job.root).build(job.build_id) / "lock").open("w") as lock,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = _build(Bench(job=job, transcript=Transcript(out, limit=job.max_log)))
        out.write(Ended(result=result).model_dump_json() + "\n")
    return 0 if result.manifest else 1


def _end_with_builder() -> None:
    # Not `sys.stdin`: its lock would be held when the interpreter shuts down.
    while os.read(0, 1):
        pass
    _end_all()


def _end_all() -> NoReturn:
    """End the process group, this process too; what is put apart dies with it."""
    end_descendants()
    os.killpg(0, signal.SIGKILL)
    os._exit(128 + signal.SIGKILL)


def _build(bench: Bench) -> Result:
    started = time.monotonic()

    def now() -> datetime:
        passed = timedelta(seconds=time.monotonic() - started)
        return bench.job.started_at + passed

    try:
        manifest = _phases(bench, now)
    except Exception as exc:  # noqa: BLE001 - every end of a build is an outcome
        failure = _failure(bench, exc)
        bench.say(f"failed: {failure.message}")
        result = Result.of_failure(failure, attempt=bench.job.attempt, at=now())
    else:
        result = Result(attempt=bench.job.attempt, at=now(), manifest=manifest)
    return result.with_phases(bench.transcript.times(until=result.at))


def _phases(bench: Bench, now: Callable[[], datetime]) -> Manifest:
    def enter(phase: str) -> None:
        bench.transcript.enter(phase, at=now())

    enter("clone")
    check_disk(bench)
    clone(bench)
    enter("detect")
    detect(bench)
    keep_what_counts(bench)
    restore, install = _STEPS[bench.job.kind]
    enter("restore")
    restore(bench)
    enter("build")
    install(bench)
    enter("frontend")
    add_frontend(bench)
    enter("export")
    return export(bench, at=now())


def _failure(bench: Bench, exc: Exception) -> Failure:
    """Say what an exception means for the build."""
    if isinstance(exc, StoppedError):
        return exc.failure
    said = bench.transcript.tail
    if isinstance(exc, StepFailedError):
        return classify(
            phase=bench.transcript.phase,
            lines=said,
            code=exc.code,
            files=bench.watched,
        )
    text = f"{type(exc).__name__}: {exc}"
    if isinstance(exc, OSError) and exc.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Failure(kind=FailureClass.OUT_OF_DISK, message=f"disk full: {text}")
    return Failure(kind=FailureClass.INTERNAL, message=f"the builder failed: {text}")


if __name__ == "__main__":
    sys.exit(main())
