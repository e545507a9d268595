"""The command line against a real service."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.commands import relaunch
from tests.cli.living import RELAUNCH, Living, living
from tests.cli.repositories import QUIET, a_repository, commit, git
from tests.support.patience import Patience, wait_until

pytestmark = [
    pytest.mark.xdist_group("living"),
    # The first starts a service and makes an environment: seconds on a calm machine.
]

Call = Callable[..., Result]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    with living(tmp_path_factory.mktemp("living")) as service:
        yield service


@pytest.fixture
def call(service: Living) -> Call:
    def run(*words: str, stdin: str | None = None, **env: str) -> Result:
        runner = CliRunner(env=service.env | env)
        return runner.invoke(relaunch, words, input=stdin, prog_name="relaunch")

    return run


@pytest.fixture
def tell(call: Call) -> Callable[..., object]:
    """Run a command for its JSON."""

    def run(*words: str) -> object:
        said = call(*words, "-o", "json")
        assert said.exit_code == 0, said.output
        content: object = json.loads(said.stdout)
        return content

    return run


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """Make a repository whose environment needs no package."""
    repository = a_repository(tmp_path / "course")
    commit(repository, "Begin", requirements__txt="# nothing yet\n")
    return repository


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """Name launchers by their test."""
    return re.sub(r"\W+", "-", request.node.name)[-60:]


@pytest.fixture
def launcher(call: Call, name: str, course: Path) -> str:
    said = call("launcher", "add", name, str(course), "--frontend", "none", "--wait")
    assert said.exit_code == 0, said.output
    return name


def one(content: object) -> dict[str, object]:
    assert isinstance(content, dict)
    return content


@pytest.mark.index
def test_a_launcher_is_added_built_listed_shown_and_removed(
    call: Call, tell: Callable[..., object], name: str, course: Path
) -> None:
    added = call("launcher", "add", name, str(course), "--frontend=none", "--wait")
    listed = call("launcher", "list")
    shown = call("launcher", "show", name)
    raw = one(tell("launcher", "show", name))

    assert added.exit_code == 0, added.output
    assert f"Launcher {name} was added: {raw['id']}" in added.output
    assert "succeeded" in added.output
    row = next(line for line in listed.output.splitlines() if name in line)
    assert str(raw["id"]) in row
    assert course.as_uri() in row
    assert "up to date" in row
    assert "state:" in shown.output
    assert str(one(raw["environment"])["container_image"]) in shown.output
    assert call("launcher", "remove", name, "--yes").exit_code == 0
    assert name not in call("launcher", "list").output


@pytest.mark.index
def test_a_command_runs_inside_the_environment(call: Call, launcher: str) -> None:
    # Not through click's runner: the command writes to the real standard output.
    assert call("launcher", "run", launcher).exit_code == 0
    code = "import sys; sys.exit(7 if sys.prefix != sys.base_prefix else 1)"
    assert call("launcher", "run", launcher, "--", "python", "-c", code).exit_code == 7
    said = call("launcher", "run", launcher, "no-such-program")
    assert said.exit_code == 1
    assert "no program 'no-such-program'" in said.output


@pytest.mark.index
def test_a_launcher_is_edited_field_by_field(
    call: Call, tell: Callable[..., object], launcher: str
) -> None:
    said = call(
        *("launcher", "edit", launcher, "--policy", "notify"),
        *("--description", "For the term", "--command", "python", "--arg", "app.py"),
        *("--rebuild-schedule", "weekly"),
    )

    assert said.exit_code == 0, said.output
    found = one(tell("launcher", "show", launcher))
    assert found["update_policy"] == "notify"
    assert found["description"] == "For the term"
    assert found["rebuild_schedule"] == "weekly"
    shown = call("launcher", "show", launcher).output
    assert "weekly, next at 20" in shown or "weekly, not now: " in shown
    environment = one(found["environment"])
    assert (environment["command"], environment["args"]) == (["python"], ["app.py"])


@pytest.mark.index
def test_a_launcher_without_an_offer_cannot_be_moved(call: Call, launcher: str) -> None:
    said = call("launcher", "move", launcher)

    assert said.exit_code == 1
    assert said.output.startswith("Error: ")


@pytest.mark.index
def test_a_person_s_rebuild_is_waited_for(
    call: Call, tell: Callable[..., object], launcher: str
) -> None:
    built = one(tell("rebuild", launcher, "--wait"))

    assert built["status"] == "succeeded"
    assert built["reason"] == "manual"
    table = call("builds", launcher).output.splitlines()
    assert len(table) == 3
    assert str(built["id"]) in table[1]


@pytest.mark.index
def test_who_waits_for_a_build_that_is_superseded_waits_for_the_newer_one(
    service: Living, call: Call, tell: Callable[..., object], name: str, tmp_path: Path
) -> None:
    slow = (
        "import time\nfrom setuptools import setup\ntime.sleep(60)\nsetup(name='x')\n"
    )
    course = a_repository(tmp_path / "slow")
    commit(course, "Begin", requirements__txt=".\n", setup__py=slow)
    add = ("launcher", "add", name, str(course), "--frontend", "none", "--wait")
    with subprocess.Popen(
        [*RELAUNCH, *add],
        env=service.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as waiter:
        wait_until(lambda: " running " in call("builds", name).output, "a build", 60)
        commit(course, "Go on", requirements__txt="# nothing\n", setup__py=None)
        assert call("rebuild", name, "--queue").exit_code == 0
        said, _ = waiter.communicate(timeout=100)

    assert waiter.returncode == 0, said
    assert "superseded by build" in said
    builds = tell("builds", name)
    assert isinstance(builds, list)
    assert [build["state"] for build in builds] == ["succeeded", "superseded"]


@pytest.mark.index
def test_the_log_of_a_build_is_shown_by_build_and_by_launcher(
    call: Call, tell: Callable[..., object], launcher: str
) -> None:
    builds = tell("builds", launcher)
    assert isinstance(builds, list)
    build = builds[0]["id"]

    by_launcher = call("logs", launcher)
    by_build = call("logs", build.lower())
    followed = call("logs", launcher, "--follow")

    assert by_launcher.exit_code == 0
    assert by_launcher.output == by_build.output
    assert by_launcher.output.splitlines()
    assert followed.exit_code == 0
    assert set(by_build.output.splitlines()) <= set(followed.output.splitlines())


@pytest.mark.index
def test_a_finished_build_cannot_be_cancelled(
    call: Call, tell: Callable[..., object], launcher: str
) -> None:
    builds = tell("builds", launcher)
    assert isinstance(builds, list)

    said = call("cancel", builds[0]["id"])

    assert said.exit_code == 1
    assert "has status succeeded" in said.output


def test_a_repository_without_a_definition_fails_with_a_sentence(
    call: Call, name: str, tmp_path: Path
) -> None:
    empty = a_repository(tmp_path / "empty")
    commit(empty, "Begin", README__md="hello")

    said = call("launcher", "add", name, str(empty), "--frontend", "none", "--wait")

    assert said.exit_code == 1
    assert "failed" in said.output
    assert "requirements.txt" in said.output


def test_a_refused_launcher_is_told_why(call: Call, course: Path) -> None:
    said = call("launcher", "add", "x", str(course), "--context-dir", "../up")

    assert said.exit_code == 1
    assert "--context-dir" in said.output


def test_a_hook_lives_from_add_to_remove(
    call: Call, tell: Callable[..., object], course: Path
) -> None:
    made = one(tell("hook", "add", str(course), "--forge", "gitlab"))
    hook, secret = str(made["id"]), str(made["secret"])
    rotated = one(tell("hook", "rotate", hook))

    assert rotated["secret"] != secret
    listed = call("hook", "list").output
    assert hook in listed
    assert secret not in listed
    assert str(rotated["secret"]) not in listed
    assert "nothing was delivered since" in listed
    shown = call("hook", "show", hook).output
    assert "waiting for first delivery" in shown
    assert one(tell("hook", "check", hook))["health"]
    assert "press Test" in call("hook", "test", hook).output
    assert call("hook", "retire", hook).exit_code == 0
    assert call("hook", "remove", hook, "--yes").exit_code == 0
    assert call("hook", "rotate", hook).exit_code == 1


def test_a_hook_of_an_organization_says_where_it_is_made(call: Call) -> None:
    said = call("hook", "add", "https://github.com/my-org", "--reach", "owner")

    assert "the organization my-org: Settings > Webhooks" in said.output


@pytest.mark.index
@pytest.mark.parametrize("forge", ["github", "gitlab"])
def test_a_push_is_delivered_decided_and_explained(
    call: Call,
    tell: Callable[..., object],
    launcher: str,
    course: Path,
    forge: str,
) -> None:
    hook = one(tell("hook", "add", str(course), "--forge", forge))
    after = commit(course, "Words", README__md="hello")

    sent = call(
        *("push", "--repo", str(course), "--to", str(hook["url"])),
        WEBHOOK_SECRET=str(hook["secret"]),
    )

    assert sent.exit_code == 0, sent.output
    assert "202 accepted" in sent.output
    delivery = re.search(r"d-[0-9a-f]{24}", sent.output)
    assert delivery
    told = _explained(call, after[:10])
    assert "Verdict: unchanged (same_fingerprint)" in told
    assert "Verdict: unchanged" in call("explain", delivery[0]).output
    assert after[:12] in call("deliveries", "list", "--hook", str(hook["id"])).output
    shown = call("deliveries", "show", delivery[0]).output
    assert "refs/heads/main" in shown
    assert str(hook["secret"]) not in shown
    assert "content-type: application/json" in shown
    played = call("deliveries", "replay", delivery[0]).output
    assert "accepted (replay): Replayed" in played
    assert f"Launcher {launcher} follows" in call("explain", launcher).output


def _explained(call: Call, commit: str) -> str:
    """Ask until the evaluation, which follows the answer, is there."""
    patience = Patience(20)
    while True:
        said = call("explain", commit)
        if said.exit_code == 0 and "Verdict" in said.output:
            return said.output
        assert not patience.is_over(), said.output


@pytest.mark.parametrize("is_bare", [True, False], ids=["bare", "working"])
def test_who_follows_the_steps_of_a_folder_has_its_pushes_told(
    tell: Callable[..., object], service: Living, tmp_path: Path, *, is_bare: bool
) -> None:
    clone = a_repository(tmp_path / "clone")
    commit(clone, "Begin", requirements__txt="# nothing yet\n")
    folder = tmp_path / "Ada's course"
    git(tmp_path, "clone", "-q", *["--bare"][:is_bare], "clone", folder.name)
    git(folder, "config", "receive.denyCurrentBranch", "ignore")
    hook = one(tell("hook", "add", str(folder)))
    said = hook["instructions"]
    assert isinstance(said, list)
    steps = [step.partition("\n")[2] for step in said]
    # What a person types, with the secret where the text says that it is pasted.
    typed = steps[0].replace(
        "cat > relaunch.secret", f"echo {hook['secret']} > relaunch.secret"
    )
    env = service.env | {"PATH": f"{Path(sys.executable).parent}:{QUIET['PATH']}"}
    subprocess.run(["sh", "-euc", typed], cwd=tmp_path, env=env, check=True)

    commit(clone, "Words", README__md="hello")
    pushed = subprocess.run(
        ["git", "push", "-q", str(folder), "HEAD:main"],
        cwd=clone,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )

    assert "refs/heads/main" in pushed.stderr
    assert " 202 " in pushed.stderr
    hooks = tell("hook", "list")
    assert isinstance(hooks, list)
    assert [each["status"] for each in hooks if each["id"] == hook["id"]] == [
        "connected"
    ]
    secrets = list(folder.rglob("relaunch.secret"))
    assert [path.stat().st_mode & 0o777 for path in secrets] == [0o600]
    by_hand = subprocess.run(
        ["sh", "-euc", steps[1]],
        cwd=tmp_path,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    assert " 202 " in by_hand.stdout


def test_a_wrong_secret_is_refused(
    call: Call, tell: Callable[..., object], course: Path
) -> None:
    hook = one(tell("hook", "add", str(course), "--forge", "github"))

    said = call(
        *("push", "--repo", str(course), "--to", str(hook["url"])),
        WEBHOOK_SECRET="guess",
    )

    assert said.exit_code == 1
    assert ": 401 " in said.output


@pytest.mark.index
def test_a_payload_is_simulated_and_nothing_is_done(
    call: Call, launcher: str, course: Path, tmp_path: Path
) -> None:
    before = git(course, "rev-parse", "HEAD")
    after = commit(course, "More", requirements__txt="six\n")
    payload = tmp_path / "payload.json"
    repository = {
        "id": 7,
        "full_name": course.as_posix().strip("/"),
        "clone_url": course.as_uri(),
        "default_branch": "main",
    }
    payload.write_text(
        json.dumps(
            {
                "ref": "refs/heads/main",
                "before": before,
                "after": after,
                "repository": repository,
                "commits": [],
            }
        )
    )
    builds = call("builds", launcher).output

    said = call("simulate", str(payload))
    by_stdin = call("simulate", "-", stdin=payload.read_text())

    assert said.exit_code == 0, said.output
    assert "changed (definition_changed)" in said.output
    assert launcher in said.output
    assert by_stdin.output == said.output
    assert call("builds", launcher).output == builds


def test_what_nobody_knows_cannot_be_explained(call: Call) -> None:
    said = call("explain", "deadbeef")

    assert said.exit_code == 1
    assert said.output.startswith("Error: ")


def test_no_dead_letters_is_an_empty_list(
    call: Call, tell: Callable[..., object]
) -> None:
    assert tell("dead-letters", "list") == []
    assert call("dead-letters", "requeue", "nope").exit_code == 1


def test_both_versions_are_told(tell: Callable[..., object]) -> None:
    told = one(tell("version"))

    assert told["client"] == told["service"]


def test_a_wrong_token_is_told_with_what_to_do(call: Call) -> None:
    said = call("launcher", "list", RELAUNCH_TOKEN="wrong")

    assert said.exit_code == 1
    assert "set RELAUNCH_TOKEN" in said.output


@pytest.mark.index
def test_events_are_followed_until_ctrl_c_which_is_quiet(
    service: Living, call: Call, launcher: str
) -> None:
    process = subprocess.Popen(
        [*RELAUNCH, "events", "-o", "json"],
        env=service.env | {"PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
    )
    assert process.stdout
    # A rebuild is asked for until the follower, which starts meanwhile, saw one.
    first = ""
    while not first:
        call("rebuild", launcher, "--wait")
        first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=10)

    assert json.loads(first)["type"].startswith("dev.relaunch.")
    assert process.returncode == 130
    assert complaints.strip() == ""


def test_a_taken_port_is_told(service: Living, tmp_path: Path) -> None:
    said = subprocess.run(
        [*RELAUNCH, "dev", "--data", str(tmp_path / "other")],
        env=service.env,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        check=False,
    )

    assert said.returncode == 1
    assert f"cannot listen on {service.listen}" in said.stderr
    assert "Traceback" not in said.stderr


def test_the_status_of_a_service_that_runs(call: Call) -> None:
    done = call("status", "-o", "json")

    assert done.exit_code == 0, done.output
    found = json.loads(done.output)
    assert found["parts"] == {"bus": "ok", "store": "ok"}
    assert found["status"]["has_leader"] is True
    assert {queue["role"] for queue in found["status"]["queues"]} > {"evaluation"}
