"""An image that lacks a program is its operator's, and no fault of a definition."""

import pytest

from service.adapters.kubernetes.diagnosis.missing_program import missing_program
from service.adapters.kubernetes.status.phases import PhaseRun, PhaseState
from service.domain.building.failure import FailureClass, FixedBy
from tests.adapters.kubernetes.jobs import a_build_of
from tests.adapters.kubernetes.test_errors import failure_of
from tests.support.githttp import GitForge
from tests.support.kube import Kube

NO_LIFECYCLE = (
    "failed to create containerd task: failed to create shim task: OCI runtime create "
    "failed: runc create failed: unable to start container process: exec: "
    '"/cnb/lifecycle/analyzer": stat /cnb/lifecycle/analyzer: no such file or '
    "directory: unknown"
)
NO_SHELL = 'exec: "sh": executable file not found in $PATH: unknown'


def a_run(
    name: str, code: int, *, reason: str = "Error", message: str = ""
) -> PhaseRun:
    return PhaseRun(
        name=name,
        state=PhaseState.TERMINATED,
        exit_code=code,
        reason=reason,
        message=message,
        image="registry.example.org/o/n",
    )


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("clone: 9: git: not found", id="dash"),
        pytest.param("clone: line 9: git: not found", id="busybox"),
        pytest.param("clone: line 9: git: command not found", id="bash"),
    ],
)
def test_an_image_without_git_is_not_the_definitions_fault(said: str) -> None:
    found = missing_program(a_run("clone", 127), f"commit 1 of https://x\n{said}\n")

    assert found is not None
    assert found.kind is FailureClass.UNFIT_BUILDER
    assert found.kind.fixed_by is not FixedBy.AUTHOR
    assert found.message.endswith("o/n, has no git")
    assert "RELAUNCH_KUBERNETES_GIT_IMAGE" in found.hint


@pytest.mark.parametrize(
    ("name", "message", "program", "setting"),
    [
        ("analyze", NO_LIFECYCLE, "/cnb/lifecycle/analyzer", "BUILDER_IMAGE"),
        ("clone", NO_SHELL, "sh", "GIT_IMAGE"),
        ("cache", NO_SHELL, "sh", "GIT_IMAGE"),
    ],
)
def test_what_a_runtime_does_not_find_is_named(
    name: str, message: str, program: str, setting: str
) -> None:
    run = a_run(name, 128, reason="StartError", message=message)

    found = missing_program(run, message)

    assert found is not None
    assert found.kind is FailureClass.UNFIT_BUILDER
    assert found.message.endswith(f"has no {program}")
    assert setting in found.hint


@pytest.mark.parametrize(
    "run",
    [
        a_run("build", 127),
        a_run("clone", 1),
        a_run("clone", 128, reason="StartError", message="no space left on device"),
    ],
)
def test_what_fails_otherwise_is_something_else(run: PhaseRun) -> None:
    assert missing_program(run, "clone: line 9: git: not found") is None


@pytest.mark.kubernetes
async def test_a_builder_without_a_lifecycle_is_told_by_the_cluster(
    kube: Kube, forge: GitForge
) -> None:
    build = a_build_of(forge, {"requirements.txt": ""})

    failure = await failure_of(kube, build, name="no lifecycle", lifecycle="/nowhere")

    assert failure.kind is FailureClass.UNFIT_BUILDER
    assert failure.message.endswith("has no /nowhere/analyzer")
