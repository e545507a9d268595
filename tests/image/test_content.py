"""The Dockerfile and the image without an engine are one, and hold what is needed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name

from scripts.docs import ROOT
from scripts.image.build import config, own_tree
from scripts.image.metadata import files
from scripts.image.packages import LIBRARY, library_files, needed

DOCKERFILE = (ROOT / "Dockerfile").read_text()
CONFIG = config("0.1.0", "")


def instruction(name: str) -> str:
    """Return what an instruction of the last stage holds, on one line."""
    last = DOCKERFILE.rpartition("\nFROM ")[2].replace("\\\n", " ")
    found = re.findall(rf"^{name} (.+)$", last, re.MULTILINE)
    return " ".join(found)


def test_both_start_in_the_same_way() -> None:
    assert instruction("USER") == CONFIG["User"]
    assert json.loads(instruction("ENTRYPOINT")) == CONFIG["Entrypoint"]
    assert instruction("WORKDIR") == CONFIG["WorkingDir"]
    assert {instruction("EXPOSE")} == set(CONFIG["ExposedPorts"])
    assert sorted(instruction("ENV").split()) == sorted(CONFIG["Env"])
    labels = re.findall(r"(org\.opencontainers\.\S+)=", instruction("LABEL"))
    assert sorted(labels) == sorted(CONFIG["Labels"])


def test_the_base_is_pinned_and_nothing_is_installed_without_a_hash() -> None:
    (base,) = re.findall(r"^ARG BASE=(.+)$", DOCKERFILE, re.MULTILINE)

    assert re.search(r"@sha256:[0-9a-f]{64}$", base)
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${BASE}"}
    installs = re.findall(r"pip install .*", DOCKERFILE)
    assert installs
    assert all("--require-hashes" in line for line in installs)


def test_the_locked_packages_are_those_of_the_tests() -> None:
    """What pods run is what was tested: no version may differ."""

    def versions(name: str) -> dict[str, str]:
        found = re.findall(
            r"^([a-z0-9._-]+)(?:\[.*\])?==(\S+)",
            (ROOT / name).read_text(),
            re.MULTILINE,
        )
        return {canonicalize_name(package): version for package, version in found}

    runtime, tested = versions("requirements.txt"), versions("requirements-dev.txt")
    assert {name: tested.get(name) for name in runtime} == runtime
    assert {canonicalize_name(package) for package in needed()} <= set(runtime)


def test_the_list_of_packages_names_each_with_its_version() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    document: dict[str, Any] = json.loads(
        files(project, needed().values())["sbom.cdx.json"]
    )

    listed = {item["name"]: item["version"] for item in document["components"]}
    assert listed["aiohttp"]
    assert len(listed) == len(needed())
    assert document["specVersion"] == "1.6"


@pytest.mark.parametrize("role", ["receive", "consume"])
def test_roles_start_from_what_is_in_the_image_alone(tmp_path: Path, role: str) -> None:
    """No package of this environment is seen but those that the image holds."""
    for name, content in {**library_files(), **own_tree()}.items():
        if not name.startswith(f"{LIBRARY}/"):
            continue
        path = tmp_path / Path(name).relative_to(LIBRARY)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif isinstance(content, Path):
            path.symlink_to(content)

    code = f"import service.cli, service.app.roles.{role} as role; print(role.__file__)"
    answer = subprocess.run(
        [sys.executable, "-S", "-P", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith(str(tmp_path))


@pytest.mark.parametrize("name", ["compose.yaml"])
def test_the_compose_file_is_one(name: str) -> None:
    """The schema is the Compose Specification's, as check-jsonschema carries it."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    command += ["vendor.compose-spec", str(ROOT / name)]

    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def copied() -> list[str]:
    """Return what the build stage copies out of the checkout."""
    stage = DOCKERFILE.partition("AS build")[2].partition("\nFROM ")[0]
    lines = re.findall(r"^COPY (.+)$", stage, re.MULTILINE)
    return [source for line in lines for source in line.split()[:-1]]


def test_everything_that_is_copied_is_there_and_not_ignored() -> None:
    """All is ignored but what `.dockerignore` names."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()

    assert lines[0] == "**"
    assert len(copied()) > 5
    assert [source for source in copied() if f"!{source}" not in lines] == []
    assert [source for source in copied() if not (ROOT / source).exists()] == []


def test_the_steps_over_our_own_files_run(tmp_path: Path) -> None:
    """As the Dockerfile has them; its packages are installed by `make image-docker`."""
    for source in copied():
        target = tmp_path / "src" / source
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(ROOT / source)
    place = tmp_path / "opt" / "relaunch"
    (place / "lib").mkdir(parents=True)
    (step,) = (
        text
        for text in re.findall(r"^RUN ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
        if "metadata.py" in text
    )
    # Links are followed, so that files and not links get their time.
    step = step.replace("cp -r ", "cp -rL ").replace("/opt/relaunch", str(place))

    answer = subprocess.run(
        ["bash", "-euc", step.replace("python ", f"{sys.executable} ")],
        cwd=tmp_path / "src",
        env={"PATH": os.defpath, "SOURCE_DATE_EPOCH": "1700000000"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert (place / "bin" / "relaunch").exists()
    assert (place / "sbom.cdx.json").stat().st_mtime == 1_700_000_000
    assert list((place / "lib" / "service").glob("__pycache__/*.pyc"))
