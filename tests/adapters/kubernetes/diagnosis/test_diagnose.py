"""Every way to fail is told apart, and says what to do; without a cluster."""

from collections.abc import Mapping
from typing import Any

import pytest

from service.adapters.kubernetes.diagnosis.diagnose import diagnose
from service.adapters.kubernetes.manifests.containers import PHASES
from service.domain.building.failure import Failure, FailureClass as C
from tests.adapters.kubernetes import said
from tests.adapters.kubernetes.seen import STATES, Seen

AT = "2026-03-01T12:00:00Z"
FILES = {"requirements.txt": "requests==2.31.0\nlonely==1.0\nSix==99.0\n"}


def a_run(code: int, *, reason: str = "", message: str = "") -> dict[str, Any]:
    word = reason or ("Error" if code else "Completed")
    ended = {"exitCode": code, "reason": word, "startedAt": AT, "finishedAt": AT}
    return {"terminated": {**ended, "message": message}}


def a_pod(
    *states: Mapping[str, Any],
    names: tuple[str, ...] = PHASES,
    deleted: bool = False,
    **status: Any,
) -> dict[str, Any]:
    """A pod whose first phases are in these states; the others wait."""
    *before, last = [
        {"name": name, "image": f"images.invalid/{name}"} for name in names
    ]
    waiting = {"waiting": {"reason": "PodInitializing"}}
    told = dict(zip(names, states, strict=False))
    *runs, end = [{"name": name, "state": told.get(name, waiting)} for name in names]
    return {
        "metadata": {"name": "pod", **({"deletionTimestamp": AT} if deleted else {})},
        "spec": {"initContainers": before, "containers": [last]},
        "status": {
            "phase": "Failed",
            "initContainerStatuses": runs,
            "containerStatuses": [end],
            **status,
        },
    }


def a_job(reason: str = "BackoffLimitExceeded", *, smoke: bool = False) -> Any:
    labels = {"app.kubernetes.io/component": "smoke" if smoke else "build"}
    ended = {"type": "Failed", "status": "True", "reason": reason}
    return {
        "metadata": {"name": "job", "labels": labels},
        "spec": {"activeDeadlineSeconds": 3600},
        "status": {"conditions": [ended]},
    }


def in_phase(phase: str, code: int, log: str, *, message: str = "") -> Failure:
    """Explain a build that failed in a phase."""
    place = PHASES.index(phase)
    pod = a_pod(*[a_run(0)] * place, a_run(code, message=message))
    return diagnose(a_job(), pod, log, files=FILES)


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("clone commit gone", C.CLONE_FAILED, "has no commit"),
        ("clone not found", C.CLONE_FAILED, "the repository is not there"),
        ("clone private", C.CLONE_FAILED, "private"),
        ("conflict", C.CONFLICT, "words==1.0, but pairs 1.0 depends on words>=2"),
        ("deadline", C.DEADLINE, "in the build phase"),
        ("defaults channel", C.DEFAULTS_CHANNEL, "the channel `defaults`"),
        ("disk limit", C.DISK_LIMIT, "16Mi"),
        ("image pull no registry", C.IMAGE_PULL, "its registry cannot be reached"),
        ("image pull not found", C.IMAGE_PULL, "it does not exist"),
        ("image pull no name", C.IMAGE_PULL, "its name is invalid"),
        ("image pull platform", C.IMAGE_PULL, "does not exist for the node's platform"),
        ("image pull refused", C.IMAGE_PULL, "its registry refuses it"),
        ("image pull too many", C.IMAGE_PULL, "limits the request rate"),
        ("image pull unavailable", C.IMAGE_PULL, "its registry cannot be reached"),
        ("no account", C.MISSING_RESOURCE, "the ServiceAccount absent-account"),
        ("no claim", C.MISSING_RESOURCE, "the PersistentVolumeClaim absent-claim"),
        ("no definition", C.NO_DEFINITION, "detects nothing"),
        ("no key", C.MISSING_RESOURCE, "other-secret has no key .dockerconfigjson"),
        ("no priority class", C.MISSING_RESOURCE, "the PriorityClass absent-class"),
        ("no secret", C.MISSING_RESOURCE, "the Secret absent-secret does not exist"),
        ("no variable", C.MISSING_RESOURCE, "the Secret absent-secret does not exist"),
        ("no such package", C.NO_SUCH_PACKAGE, "`no-such-package`"),
        ("out of memory", C.OUT_OF_MEMORY, "its limit is 256Mi"),
        ("refused by limit range", C.NOT_ADMITTED, "a LimitRange of its namespace"),
        ("refused by quota on cpu", C.NOT_ADMITTED, "requested is requests.cpu=50m"),
        ("refused by quota on pods", C.NOT_ADMITTED, "requested is pods=1"),
        ("registry credentials", C.REGISTRY_REFUSED, "refuses the builder's"),
        ("registry quota", C.REGISTRY_REFUSED, "no room for the image"),
        ("registry unavailable", C.NETWORK, "image registry"),
        ("unschedulable", C.UNSCHEDULABLE, "0/1 nodes are available"),
        ("wheel build failed", C.WHEEL_BUILD_FAILED, "ValueError: no luck"),
    ],
)
def test_a_recorded_failure_is_told(name: str, kind: C, message: str) -> None:
    failure = Seen.recorded(name).explained()

    assert failure.kind is kind, failure
    assert message in failure.message


def test_every_recorded_failure_is_told_here() -> None:
    (marker,) = (
        item
        for item in test_a_recorded_failure_is_told.pytestmark  # type: ignore[attr-defined]
        if item.name == "parametrize"
    )

    assert {arg[0] for arg in marker.args[1]} == {
        path.stem for path in STATES.iterdir()
    }


@pytest.mark.parametrize(
    ("log", "kind", "message"),
    [
        pytest.param(
            said.PIP_CONFLICT,
            C.CONFLICT,
            "requirements exclude each other: The user requested urllib3==1.21, but "
            "requests 2.31.0 depends on urllib3<3 and >=1.21.1",
            id="pip: conflict",
        ),
        pytest.param(
            said.PIP_NO_VERSION,
            C.NO_SUCH_VERSION,
            "requirements.txt line 3: there is no version that fits `six==99.0`",
            id="pip: no such version",
        ),
        pytest.param(
            said.PIP_WHEEL,
            C.WHEEL_BUILD_FAILED,
            "requirements.txt line 2: `lonely==1.0` could not be built: "
            "ModuleNotFoundError: No module named 'numpy'",
            id="pip: wheel",
        ),
        pytest.param(
            said.PIP_KILLED, C.OUT_OF_MEMORY, "the memory ran out", id="pip: killed"
        ),
        pytest.param(
            said.PIP_NO_SPACE, C.OUT_OF_DISK, "disk is full", id="pip: no space"
        ),
        pytest.param(
            said.PIP_OFFLINE, C.NETWORK, "could not be reached", id="pip: no network"
        ),
        pytest.param(
            said.PIP_ASKS, C.INDEX_REFUSED, "let this build in", id="pip: asks"
        ),
        pytest.param(
            said.CONDA_NO_PACKAGE,
            C.NO_SUCH_PACKAGE,
            "no channel has a package `no-such-package`",
            id="conda: no such package",
        ),
        pytest.param(
            said.CONDA_NO_VERSION,
            C.NO_SUCH_VERSION,
            "requirements.txt line 3: no channel has version 99.0 of `six`",
            id="conda: no such version",
        ),
        pytest.param(
            said.CONDA_CONFLICT,
            C.CONFLICT,
            "molecules-0.5.3-py310_1 needs python >=3.10,<3.11.0a0",
            id="conda: conflict",
        ),
        pytest.param(
            said.CONDA_CLASSIC,
            C.NO_SUCH_PACKAGE,
            "no channel has `no-such-package=1.0`",
            id="conda: no such package, classic solver",
        ),
        pytest.param(
            said.CONDA_PIP,
            C.NO_SUCH_PACKAGE,
            "there is no package `no-such-package` in the index",
            id="conda: pip inside",
        ),
        pytest.param(
            said.CONDA_OFFLINE, C.NETWORK, "channels.invalid", id="conda: no network"
        ),
        pytest.param(
            said.DEFAULTS_CHANNEL,
            C.DEFAULTS_CHANNEL,
            "names the channel `defaults`",
            id="defaults channel",
        ),
        pytest.param(
            said.POETRY_CONFLICT,
            C.CONFLICT,
            "x depends on both alpha (2.0) and beta (*)",
            id="poetry: conflict",
        ),
        pytest.param(
            said.POETRY_STALE,
            C.STALE_LOCK,
            "poetry.lock does not belong",
            id="poetry: stale lock",
        ),
        pytest.param("nothing known", C.UNKNOWN, "nothing known", id="unknown"),
    ],
)
def test_a_buildpack_that_fails_is_read(log: str, kind: C, message: str) -> None:
    failure = in_phase("build", 51, log)

    assert failure.kind is kind, failure
    assert message in failure.message


def test_the_log_tells_the_line_when_the_file_is_not_at_hand() -> None:
    pod = a_pod(*[a_run(0)] * PHASES.index("build"), a_run(51))
    failure = diagnose(a_job(), pod, said.PIP_WHEEL)

    assert (failure.path, failure.line) == ("requirements.txt", 2)


@pytest.mark.parametrize(
    ("phase", "code", "log", "kind"),
    [
        pytest.param(
            "analyze", 1, said.ANALYZE_DENIED, C.REGISTRY_REFUSED, id="analyze: denied"
        ),
        pytest.param(
            "export", 62, said.EXPORT_DENIED, C.REGISTRY_REFUSED, id="export: denied"
        ),
        pytest.param("export", 62, said.EXPORT_OFFLINE, C.NETWORK, id="export: away"),
        pytest.param(
            "export",
            3,
            said.EXPORT_WITHOUT_RUN_IMAGE,
            C.IMAGE_PULL,
            id="export: no run image",
        ),
        pytest.param("restore", 42, "ERROR: odd", C.INTERNAL, id="restore: odd"),
        pytest.param("detect", 11, said.OTHER_API, C.UNFIT_BUILDER, id="old API"),
        pytest.param("detect", 1, said.EXTENSIONS, C.UNFIT_BUILDER, id="extensions"),
        pytest.param("detect", 21, "err: odd", C.NO_DEFINITION, id="a detect breaks"),
        pytest.param("build", 137, "", C.OUT_OF_MEMORY, id="a kill without a reason"),
    ],
)
def test_a_phase_that_fails_is_told_apart(
    phase: str, code: int, log: str, kind: C
) -> None:
    assert in_phase(phase, code, log).kind is kind


@pytest.mark.parametrize(
    ("code", "log", "kind"),
    [
        (1, said.ANALYZE_DENIED, C.REGISTRY_REFUSED),
        (20, "ERROR: No buildpack groups passed detection.", C.NO_DEFINITION),
        (51, said.PIP_CONFLICT, C.CONFLICT),
        (62, said.EXPORT_DENIED, C.REGISTRY_REFUSED),
    ],
)
def test_the_trusted_phase_says_by_its_code_where_it_was(
    code: int, log: str, kind: C
) -> None:
    pod = a_pod(a_run(0), a_run(code), names=("clone", "creator"))

    assert diagnose(a_job(), pod, log).kind is kind


def test_what_pip_found_nowhere_is_looked_for_once_more() -> None:
    failure = in_phase("build", 51, said.PIP_UNFOUND)

    assert failure.kind is C.NO_SUCH_PACKAGE
    assert failure.is_doubtful


@pytest.mark.parametrize(
    "log",
    [
        said.PIP_UNFOUND.replace("pip install", "pip install --no-index", 1),
        said.PIP_LOGGED.format(why="404 Client Error: Not Found for url: …"),
        said.CONDA_NO_PACKAGE,
    ],
    ids=["no index", "logged", "conda"],
)
def test_what_is_known_to_be_nowhere_is_not_doubtful(log: str) -> None:
    failure = in_phase("build", 51, log)

    assert failure.kind is C.NO_SUCH_PACKAGE
    assert not failure.is_doubtful


@pytest.mark.parametrize(
    ("why", "kind"),
    [
        ("too many 503 error responses", C.NETWORK),
        ("500 Server Error: Internal Server Error for url: …", C.NETWORK),
        ("403 Client Error: Forbidden for url: …", C.INDEX_REFUSED),
    ],
)
def test_the_second_look_of_pip_says_what_its_index_answered(why: str, kind: C) -> None:
    assert in_phase("build", 51, said.PIP_LOGGED.format(why=why)).kind is kind


def test_what_a_container_left_stands_in_for_a_log_that_is_gone() -> None:
    failure = in_phase("build", 51, "", message=said.PIP_NO_VERSION)

    assert failure.kind is C.NO_SUCH_VERSION


def test_the_clone_says_that_the_folder_is_not_there() -> None:
    log = "relaunch: clone: context_missing: there is no directory a in the repository"
    failure = in_phase("clone", 1, log)

    assert failure.kind is C.NO_DEFINITION
    assert failure.message == "there is no directory a in the repository"


@pytest.mark.parametrize(
    ("pod", "kind"),
    [
        pytest.param(
            a_pod(reason="Evicted", message="The node was low on resource: memory."),
            C.EVICTED,
            id="evicted for memory",
        ),
        pytest.param(
            a_pod(
                reason="Evicted",
                message="The node was low on resource: ephemeral-storage. Container "
                "build was using 3Gi, which exceeds its request of 0.",
            ),
            C.OUT_OF_DISK,
            id="evicted for the node's disk",
        ),
        pytest.param(
            a_pod(
                reason="Evicted",
                message="Pod ephemeral local storage usage exceeds the total limit of "
                "containers 10Gi.",
            ),
            C.DISK_LIMIT,
            id="evicted for its own disk",
        ),
        pytest.param(
            a_pod(a_run(137), reason="Preempting", message="Preempted in order to …"),
            C.EVICTED,
            id="preempted",
        ),
        pytest.param(
            a_pod(reason="OutOfcpu", message="Node didn't have enough resource: cpu"),
            C.EVICTED,
            id="not admitted",
        ),
        pytest.param(
            a_pod(reason="NodeLost", message="Node n was unresponsive"),
            C.EVICTED,
            id="node lost",
        ),
        pytest.param(
            a_pod(
                a_run(143),
                conditions=[
                    {
                        "type": "DisruptionTarget",
                        "status": "True",
                        "reason": "DeletionByTaintManager",
                        "message": "Taint manager: deleting due to NoExecute taint",
                    }
                ],
            ),
            C.EVICTED,
            id="drained",
        ),
        pytest.param(a_pod(a_run(137), deleted=True), C.EVICTED, id="deleted"),
        pytest.param(
            a_pod(a_run(137, reason="OOMKilled"), deleted=True),
            C.EVICTED,
            id="killed while it was deleted",
        ),
        pytest.param(
            a_pod({"waiting": {"reason": "CreateContainerConfigError"}}),
            C.NOT_STARTED,
            id="a container cannot be configured",
        ),
        pytest.param(a_pod(), C.LOST, id="nobody knows"),
        pytest.param(None, C.LOST, id="no pod"),
    ],
)
def test_what_a_machine_does_to_a_build_passes(
    pod: Mapping[str, Any] | None, kind: C
) -> None:
    failure = diagnose(a_job(), pod, "")

    assert failure.kind is kind, failure
    assert failure.kind.is_transient or kind is C.DISK_LIMIT


def test_a_deadline_is_no_fault_of_a_build_that_never_started() -> None:
    unplaced = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes"}
    pod = a_pod(phase="Pending", conditions=[unplaced])

    assert diagnose(a_job("DeadlineExceeded"), pod, "").kind is C.UNSCHEDULABLE


def test_an_import_that_is_missing_is_named() -> None:
    message = "smoke_failed: import words (of words) fails: ImportError: no luck"
    pod = a_pod(a_run(1, message=message), names=("smoke",))
    failure = diagnose(a_job(smoke=True), pod, "")

    assert failure.kind is C.SMOKE_FAILED
    assert "import words (of words) fails: ImportError: no luck" in failure.message


@pytest.mark.parametrize(
    ("job", "run", "kind"),
    [
        pytest.param(
            "DeadlineExceeded",
            {"running": {"startedAt": AT}},
            C.SMOKE_FAILED,
            id="slow",
        ),
        pytest.param(
            "BackoffLimitExceeded", a_run(139), C.SMOKE_FAILED, id="it crashes"
        ),
        pytest.param(
            "BackoffLimitExceeded",
            a_run(137, reason="OOMKilled"),
            C.SMOKE_FAILED,
            id="too much memory",
        ),
        pytest.param(
            "DeadlineExceeded",
            {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}},
            C.IMAGE_PULL,
            id="it cannot be pulled",
        ),
    ],
)
def test_a_trial_that_fails_is_the_image_s_fault_unless_it_never_ran(
    job: str, run: Mapping[str, Any], kind: C
) -> None:
    pod = a_pod(run, names=("smoke",))

    assert diagnose(a_job(job, smoke=True), pod, "Segmentation fault").kind is kind


@pytest.mark.parametrize("name", sorted(path.stem for path in STATES.iterdir()))
def test_no_failure_is_without_a_hint(name: str) -> None:
    assert Seen.recorded(name).explained().hint
