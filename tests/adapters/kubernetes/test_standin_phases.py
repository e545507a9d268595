"""The stand-in's phases refuse what the lifecycle's refuse; else nothing is shown."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.adapters.kubernetes.variants import VARIANTS, Variant
from tests.support.standin.asked import Asked, PhaseError, minor_of, parsed
from tests.support.standin.lifecycle import PHASES
from tests.support.standin.users import own

IMAGE = "registry.example.org/env:1"
APIS = ("0.10", "0.11", "0.12", "0.13", "0.14")


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_every_phase_that_we_start_is_taken(variant: Variant, api: str) -> None:
    options = replace(variant.options, platform_api=api)
    spec = replace(variant, options=options).manifest()["spec"]["template"]["spec"]
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        program = Path(container["command"][0]).name
        if program in PHASES:
            environment = {item["name"]: item["value"] for item in container["env"]}
            parsed(program, container["args"], minor=minor_of(environment))


@pytest.mark.parametrize(
    ("phase", "api", "arguments", "code", "said"),
    [
        ("builder", "0.11", ["-analyzed=/a.toml"], 2, "not defined: -analyzed"),
        ("exporter", "0.11", ["-extended=/x", IMAGE], 2, "not defined: -extended"),
        ("exporter", "0.13", ["-run-image=r/x", IMAGE], 2, "not defined: -run-image"),
        ("analyzer", "0.12", ["-insecure-registry=r", IMAGE], 2, "not defined"),
        ("creator", "0.14", ["-analyzed=/a.toml", IMAGE], 2, "not defined"),
        ("detector", "0.13", ["-app"], 2, "needs an argument: -app"),
        ("analyzer", "0.13", [], 3, "received 0 arguments"),
        ("analyzer", "0.13", [IMAGE, IMAGE], 3, "received 2 arguments"),
        ("restorer", "0.13", [IMAGE], 3, "received 1 arguments"),
        # What follows an image is an image: flags end before it.
        ("exporter", "0.13", [IMAGE, "-report=/r"], 3, "parse reference: -report=/r"),
        ("exporter", "0.13", ["No/Such Name"], 3, "parse reference: No/Such Name"),
        (
            "exporter",
            "0.13",
            [IMAGE, "registry.example.com/env:2"],
            3,
            "multiple registries",
        ),
    ],
)
def test_a_phase_refuses_what_it_does_not_take(
    phase: str, api: str, arguments: list[str], code: int, said: str
) -> None:
    with pytest.raises(PhaseError, match=said) as refused:
        parsed(phase, arguments, minor=minor_of({"CNB_PLATFORM_API": api}))

    assert refused.value.code == code


@pytest.mark.parametrize("api", ["0.6", "0.15", "1.0", "13"])
def test_a_platform_api_that_the_lifecycle_does_not_speak_ends_with_11(
    api: str,
) -> None:
    with pytest.raises(PhaseError, match="incompatible with the lifecycle") as refused:
        minor_of({"CNB_PLATFORM_API": api})

    assert refused.value.code == 11


def asked(phase: str, *arguments: str, **environment: str) -> Asked:
    given = parsed(phase, arguments, minor=13)
    return Asked(given=given, environment=environment)


def test_no_phase_becomes_another_user(tmp_path: Path) -> None:
    user, group = os.getuid(), os.getgid()
    same = asked("restorer", f"-uid={user}", f"-gid={group}")
    other = asked("restorer", f"-uid={user}", f"-gid={group + 1}")
    by_image = asked("restorer", CNB_USER_ID=f"{user + 1}", CNB_GROUP_ID=f"{group}")
    tmp_path.chmod(0o777)

    own(same, str(tmp_path))
    for wrong in (other, by_image):
        with pytest.raises(PhaseError, match="failed to exec as user") as refused:
            own(wrong, str(tmp_path))
        assert refused.value.code == 1


@pytest.mark.parametrize(
    ("phase", "missing"), [("restorer", "group"), ("exporter", "run image")]
)
def test_a_phase_without_the_files_of_those_before_it_fails(
    tmp_path: Path, phase: str, missing: str
) -> None:
    owner = (f"-uid={os.getuid()}", f"-gid={os.getgid()}")
    images = (IMAGE,) if phase == "exporter" else ()
    with pytest.raises(PhaseError, match=missing):
        PHASES[phase](asked(phase, f"-layers={tmp_path}", *owner, *images))
