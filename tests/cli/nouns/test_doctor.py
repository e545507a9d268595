"""`relaunch doctor`: a line each, what to do, and a code that scripts read."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.adapters.store import SqlStore, open_database
from service.app.doctor.wiring import examine
from service.domain.diagnosis import CheckResult, CheckStatus
from service.domain.hook import HookId, Secret
from service.domain.hook_health import HookHealth, HookProblem
from service.settings import Settings
from tests.cli.conftest import Run
from tests.support.broker import broker_url, free_port
from tests.support.clock import NOW
from tests.support.databases import TEST_KEY, migrated_schema, postgresql_schema
from tests.support.deliveries import a_hook
from tests.support.forge.access import OWNER_TOKEN
from tests.support.forge.server import Vendor, a_forge


def found(run: Run, **env: str) -> dict[str, Any]:
    said = run("doctor", "-o", "json", **env)
    assert said.exit_code in {0, 1}, said.output
    lines = {load["subject"]: load for load in json.loads(said.stdout)}
    assert said.exit_code == any(line["status"] == "failed" for line in lines.values())
    return lines


def test_on_one_machine_nothing_is_amiss(run: Run) -> None:
    said = run("doctor")

    assert said.exit_code == 0
    assert "no cluster" in said.output
    assert said.output.splitlines()[-1].endswith("0 failed")


def test_settings_that_cannot_be_read_are_lines_of_it(run: Run) -> None:
    said = run("doctor", RELAUNCH_BUILDR="x", RELAUNCH_LISTEN="8080")

    assert said.exit_code == 1
    assert "failed   settings: there is no RELAUNCH_BUILDR; did you mean" in said.output
    assert "failed   settings: RELAUNCH_LISTEN" in said.output
    assert said.output.splitlines()[-1] == "0 ok, 0 warning, 2 failed"


def test_what_lacks_for_builds_in_a_cluster_is_all_named(run: Run) -> None:
    said = run("doctor", RELAUNCH_BUILDER="kubernetes")

    assert said.exit_code == 1
    for name in ("BUILDER_IMAGE", "RUN_IMAGE", "TARGET"):
        assert f"needs RELAUNCH_KUBERNETES_{name}" in said.output
    assert "not checked before the settings are complete" in said.output


def test_outside_a_pod_a_kubeconfig_is_asked_for(run: Run) -> None:
    lines = found(
        run,
        RELAUNCH_BUILDER="kubernetes",
        RELAUNCH_KUBERNETES_BUILDER_IMAGE="o/builder",
        RELAUNCH_KUBERNETES_RUN_IMAGE="o/run",
        RELAUNCH_KUBERNETES_TARGET=f"127.0.0.1:{free_port()}/o",
    )

    assert lines["kubeconfig"]["status"] == "failed"
    assert "RELAUNCH_KUBERNETES_KUBECONFIG" in lines["kubeconfig"]["advice"]
    assert lines["builder image"]["status"] == "warning"
    assert lines["target"]["status"] == "failed"
    assert lines["database"]["status"] == "ok"


@pytest.mark.parametrize("name", ["database", "bus"])
def test_a_server_that_is_away_is_named_without_its_password(
    run: Run, name: str
) -> None:
    scheme = {"database": "postgresql", "bus": "amqp"}[name]
    url = f"{scheme}://me:hunter2-word@127.0.0.1:{free_port()}/x"

    lines = found(run, **{f"RELAUNCH_{name.upper()}": url})

    assert lines[name]["status"] == "failed"
    assert "hunter2" not in json.dumps(lines)


@pytest.mark.postgresql
@pytest.mark.rabbitmq
def test_servers_that_answer_are_left_as_they_are(run: Run) -> None:
    async def twice() -> list[dict[str, Any]]:
        async with postgresql_schema() as url:
            env = {"RELAUNCH_DATABASE": url, "RELAUNCH_BUS": broker_url()}
            return [await asyncio.to_thread(found, run, **env) for _ in range(2)]

    for lines in asyncio.run(twice()):
        assert lines["database"]["status"] == "warning"
        assert "no tables of ours" in lines["database"]["seen"]
        assert lines["database"]["advice"] == "run `relaunch migrate`"
        assert lines["bus"]["status"] == "ok"


@pytest.mark.parametrize("vendor", ["github", "gitlab", "gitea"])
async def test_a_token_is_taken_or_not(vendor: Vendor, tmp_path: Path) -> None:
    async with a_forge(tmp_path / "forge", vendor=vendor) as forge:
        host = forge.url.partition("://")[2]
        found = [
            await token_line(tmp_path, host, vendor, token)
            for token in (OWNER_TOKEN, "not-one-of-theirs")
        ]

    good, bad = found
    assert (good.status, bad.status) == (CheckStatus.OK, CheckStatus.FAILED)
    assert "401" in bad.seen
    assert "not-one-of-theirs" not in str(bad)


async def token_line(
    folder: Path, host: str, vendor: Vendor, token: str
) -> CheckResult:
    settings = Settings.model_validate(
        {
            "data": folder / "data",
            "forge": {"tokens": f"{host}={token}", "kinds": {host: vendor}},
        }
    )
    (line,) = [
        result
        for result in await examine(settings)
        if result.subject.startswith("token")
    ]
    return line


def in_a_cluster(run: Run, **env: str) -> dict[str, Any]:
    return found(
        run,
        RELAUNCH_BUILDER="kubernetes",
        RELAUNCH_KUBERNETES_BUILDER_IMAGE="o/builder",
        RELAUNCH_KUBERNETES_RUN_IMAGE="o/run",
        RELAUNCH_KUBERNETES_TARGET=f"127.0.0.1:{free_port()}/o",
        **env,
    )


def test_what_no_buildpack_would_see_is_told(run: Run) -> None:
    names = {"PIP_INDEX_URL": "https://me:hunter2@index.example", "LC_ALL": "C"}

    lines = in_a_cluster(run, RELAUNCH_KUBERNETES_ENVIRONMENT=json.dumps(names))
    variables = in_a_cluster(run, RELAUNCH_KUBERNETES_VARIABLES=json.dumps(names))

    # Both are said of it; the later line is the one that is kept by its name here.
    assert "credentials" in lines["RELAUNCH_KUBERNETES_ENVIRONMENT"]["seen"]
    assert "PIP_INDEX_URL" in lines["RELAUNCH_KUBERNETES_ENVIRONMENT"]["seen"]
    assert "credentials" in variables["RELAUNCH_KUBERNETES_VARIABLES"]["seen"]
    assert "RELAUNCH_KUBERNETES_ENVIRONMENT" not in variables
    assert "hunter2" not in json.dumps([lines, variables])


def test_buildpacks_variables_of_phases_are_moved_by_whoever_reads_the_advice(
    run: Run,
) -> None:
    names = json.dumps({"BP_CPYTHON_VERSION": "3.12.*"})

    line = in_a_cluster(run, RELAUNCH_KUBERNETES_ENVIRONMENT=names)[
        "RELAUNCH_KUBERNETES_ENVIRONMENT"
    ]

    assert line["status"] == "warning"
    assert "no buildpack sees BP_CPYTHON_VERSION" in line["seen"]
    assert "RELAUNCH_KUBERNETES_VARIABLES" in line["advice"]


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (None, "failed", "No such file"),
        ("", "failed", "config.json of Docker's"),
        ("[]", "failed", "config.json of Docker's"),
        ('{"auths": {"r.example": {"auth": "aHVudGVyMg=="}}}', "ok", "for r.example"),
    ],
)
def test_credentials_for_registries_are_read_before_they_are_needed(
    run: Run, tmp_path: Path, content: str | None, status: str, words: str
) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_text(content)

    lines = in_a_cluster(run, RELAUNCH_KUBERNETES_REGISTRY_CONFIG=str(path))

    line = lines[f"credentials {path}"]
    assert line["status"] == status
    assert words in line["seen"]
    assert "aHVudGVyMg" not in json.dumps(lines)


@pytest.mark.postgresql
async def test_a_hook_that_is_not_well_has_a_line_with_what_to_do(run: Run) -> None:
    sick = HookHealth(at=NOW, problems=(HookProblem.GONE,), since=NOW)
    async with migrated_schema() as url:
        async with (
            open_database(url, keys=[Secret(TEST_KEY)]) as database,
            SqlStore(database).transaction() as tx,
        ):
            await tx.hooks.add(replace(a_hook(), id=HookId("sick"), health=sick))
            await tx.hooks.add(replace(a_hook(), id=HookId("new")))
        env = {"RELAUNCH_DATABASE": url, "RELAUNCH_SECRET_KEY": TEST_KEY}
        lines = await asyncio.to_thread(found, run, **env)

    assert lines["hook sick"]["status"] == "warning"
    assert "no such webhook any more" in lines["hook sick"]["seen"]
    assert lines["hook sick"]["advice"]
    assert "hook new" not in lines
    assert lines["hooks"]["seen"].startswith("0 of 2 were well")
    assert "1 were not checked yet" in lines["hooks"]["seen"]


def test_a_broker_that_is_away_prints_no_line_of_its_library(
    run: Run, capfd: pytest.CaptureFixture[str]
) -> None:
    away = f"amqp://guest:guest@127.0.0.1:{free_port()}/"

    seen = run("doctor", "-o", "json", RELAUNCH_BUS=away)

    assert "creating transport" not in seen.output + "".join(capfd.readouterr())
