"""Why a new image did not work: whose doing it is, and what the launcher said."""

import pytest

from service.adapters.kubernetes.diagnosis.diagnose import diagnose
from service.adapters.kubernetes.manifests.smoke_shell import ENDED, FAILED, LACKED
from service.domain.building.failure import Failure, FailureClass as C
from tests.adapters.kubernetes.diagnosis.test_diagnose import AT, a_job, a_pod, a_run

TO_LAUNCH = "ERROR: failed to launch: "
NO_API = (
    "ERROR: failed to get platform API version; please set 'CNB_PLATFORM_API' to"
    " specify the desired platform API version"
)
BUILDPACK_API = (
    "ERROR: failed to set API for buildpack 'a/b': buildpack API version '0.99' is"
    " incompatible with the lifecycle"
)
SCRIPT = (
    f"{TO_LAUNCH}exec.d: failed to execute exec.d file at path"
    " '/layers/renku_init-scripts/script-launcher/exec.d/00-hello.sh': exit status 3"
)
NO_PROCESS = (
    f"{TO_LAUNCH}determine start command: when there is no default process a command is"
    " required"
)
NO_PROGRAM = f'{TO_LAUNCH}path lookup: exec: "tini": executable file not found in $PATH'


def tried(message: str, log: str) -> Failure:
    pod = a_pod(a_run(1, message=message), names=("smoke",))
    return diagnose(a_job(smoke=True), pod, log)


@pytest.mark.parametrize(
    ("code", "log", "kind", "said"),
    [
        (11, NO_API, C.UNFIT_BUILDER, "another platform API (it ended with 11)"),
        (
            12,
            BUILDPACK_API,
            C.UNFIT_BUILDER,
            "another buildpack API (it ended with 12)",
        ),
        (82, SCRIPT, C.SMOKE_FAILED, "exec.d/00-hello.sh, which runs before a session"),
        (82, NO_PROCESS, C.SMOKE_FAILED, "no default process, so no session starts"),
        (82, NO_PROGRAM, C.SMOKE_FAILED, "tini, is not in it (its launcher ended with"),
        (1, "ERROR: failed to read metadata: x", C.SMOKE_FAILED, "read metadata: x"),
        (11, "no port", C.SMOKE_FAILED, "its session ended by itself with 11"),
        (137, "Killed", C.SMOKE_FAILED, "its session was ended by signal 9"),
    ],
)
def test_each_end_of_a_session_has_its_class_and_its_sentence(
    code: int, log: str, kind: C, said: str
) -> None:
    failure = tried(f"{ENDED}{code}", f"starting x\n{log}\n{ENDED}{code}\n")

    assert failure.kind is kind
    assert said in failure.message
    assert failure.hint


def test_what_the_trial_says_is_the_sentence() -> None:
    failure = tried(f"{FAILED}the image has no Python", "")

    assert failure.kind is C.SMOKE_FAILED
    assert (
        failure.message
        == "the new image failed its smoke test: the image has no Python"
    )


def test_an_image_without_a_shell_is_an_operators_matter() -> None:
    run = a_run(128, reason="StartError", message='exec: "sh": not found')
    failure = diagnose(a_job(smoke=True), a_pod(run, names=("smoke",)), "")

    assert failure.kind is C.UNFIT_BUILDER
    assert 'exec: "sh": not found' in failure.message


def test_an_image_without_a_program_is_an_operators_matter() -> None:
    failure = tried(f"{LACKED}grep", "")

    assert failure.kind is C.UNFIT_BUILDER
    assert failure.message.endswith("the image has no grep")


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ({"waiting": {"reason": "ContainerCreating"}}, C.NOT_STARTED),
        ({}, C.NOT_STARTED),
        ({"running": {"startedAt": AT}}, C.SMOKE_FAILED),
    ],
)
def test_what_never_ran_in_time_is_not_the_images_fault(
    state: dict[str, dict[str, str]], kind: C
) -> None:
    pod = a_pod(state, names=("smoke",))

    assert diagnose(a_job("DeadlineExceeded", smoke=True), pod, "").kind is kind
