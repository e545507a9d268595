import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.shell_completion import ShellComplete

from service.cli.commands import COMMANDS, relaunch
from tests.cli.conftest import Run

GROUPS = ("launcher", "hook", "dead-letters", "deliveries")
NAMES = [name for section in COMMANDS.values() for name in section]


def walk() -> Iterator[tuple[str, ...]]:
    context = click.Context(relaunch)
    for name in NAMES:
        command = relaunch.get_command(context, name)
        yield (name,)
        if isinstance(command, click.Group):
            yield from ((name, text) for text in sorted(command.commands))


def test_the_commands_are_these() -> None:
    assert [" ".join(node) for node in walk()] == [
        "demo",
        "dev",
        "open",
        "check",
        "receive",
        "api",
        "consume",
        "migrate",
        "rotate-key",
        "sweep",
        "doctor",
        "launcher",
        "launcher add",
        "launcher edit",
        "launcher list",
        "launcher move",
        "launcher pin",
        "launcher remove",
        "launcher rollback",
        "launcher run",
        "launcher show",
        "launcher start",
        "launcher unpin",
        "environment",
        "environment add",
        "environment edit",
        "environment list",
        "environment remove",
        "hook",
        "hook add",
        "hook check",
        "hook forward",
        "hook list",
        "hook remove",
        "hook retire",
        "hook rotate",
        "hook show",
        "hook test",
        "token",
        "token add",
        "token list",
        "token revoke",
        "repository",
        "repository grant",
        "repository list",
        "repository withdraw",
        "push",
        "rebuild",
        "builds",
        "logs",
        "cancel",
        "pause",
        "resume",
        "explain",
        "simulate",
        "replay",
        "deliveries",
        "deliveries list",
        "deliveries replay",
        "deliveries show",
        "events",
        "dead-letters",
        "dead-letters drop",
        "dead-letters list",
        "dead-letters requeue",
        "dead-letters show",
        "status",
        "usage",
        "settings",
        "version",
        "completion",
    ]


@pytest.mark.parametrize("alias", ["dead", "dlq"])
def test_other_names_of_a_command_work_and_are_not_listed(run: Run, alias: str) -> None:
    assert run(alias, "--help").exit_code == 0
    assert f"  {alias} " not in run("--help").output


def test_the_help_text_lists_every_command(run: Run) -> None:
    said = run("--help")

    assert said.exit_code == 0
    assert all(f"  {name} " in said.output for name in NAMES)


@pytest.mark.parametrize("words", list(walk()), ids=" ".join)
def test_every_command_explains_itself_with_an_example(
    run: Run, words: tuple[str, ...]
) -> None:
    said = run(*words, "--help")

    assert said.exit_code == 0
    assert "\n  Example" in said.output
    assert f"relaunch {' '.join(words)}" in said.output.split("\n  Example")[1]


@pytest.mark.parametrize("words", [("--help",), ("--version",)], ids=" ".join)
def test_help_needs_none_of_the_slow_libraries(words: tuple[str, ...]) -> None:
    assert slow_modules(f"sys.argv[1:] = {list(words)!r}; main()") == "set()"


def test_help_of_a_command_needs_none_of_the_slow_libraries() -> None:
    # No command is this one, and all of them are loaded to suggest another.
    assert slow_modules("sys.argv[1:] = ['nothing-like-it']; main()") == "set()"


def slow_modules(code: str) -> str:
    """Run code in a process of its own, and return what it loaded that takes long."""
    slow = {"aiohttp", "handlers", "pydantic", "rich", "sqlalchemy"}
    lines = (
        "import sys",
        "from service.cli import main",
        f"try: {code}",
        f"finally: print('slow:', {slow!r} & set(sys.modules))",
    )
    ended = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.stdout.rpartition("slow: ")[2].strip()


@pytest.mark.parametrize("words", [[], *([group] for group in GROUPS)])
def test_no_sentence_of_a_list_of_commands_is_cut_off(
    run: Run, words: list[str]
) -> None:
    said = run(*words, "--help")

    assert said.exit_code == 0
    assert [line for line in said.output.splitlines()[1:] if line.endswith("...")] == []


def test_no_words_are_answered_with_the_help_text(run: Run) -> None:
    said = run()

    assert said.exit_code == 2
    assert "Start here:" in said.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(["lunch"], "No such command 'lunch'", id="no such command"),
        pytest.param(["launcher", "lsit"], " launcher list'?", id="no such subcommand"),
        pytest.param(["launcher", "logs"], " logs'?", id="of the root"),
        pytest.param(["hook", "xyz"], " hook --help` lists them.", id="like no other"),
        pytest.param(["builds", "--limit", "0"], "--limit", id="out of range"),
        pytest.param(["launcher", "list", "-o", "xml"], "'xml'", id="no such format"),
        pytest.param(["launcher", "add", "x"], "REPOSITORY", id="argument missing"),
        pytest.param(["cancel"], "BUILD", id="nothing named"),
        pytest.param(["launcher", "edit", "x"], "Nothing to change", id="no change"),
        pytest.param(["simulate", "/no/file"], "does not exist", id="no file"),
        pytest.param(["push"], "--to", id="push to nowhere"),
    ],
)
def test_wrong_usage_is_told_and_ends_with_two(
    run: Run, words: list[str], told: str
) -> None:
    said = run(*words)

    assert said.exit_code == 2
    assert told in said.output
    assert "Traceback" not in said.output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_completion(run: Run, shell: str) -> None:
    said = run("completion", shell)

    assert said.exit_code == 0
    assert f"_RELAUNCH_COMPLETE={shell}_complete" in said.output


def test_a_shell_is_told_what_completes_a_word() -> None:
    said = subprocess.run(
        [sys.executable, "-m", "service.cli"],
        env={
            "_RELAUNCH_COMPLETE": "bash_complete",
            "COMP_WORDS": "relaunch launcher re",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.split() == ["plain,remove"]


@pytest.mark.parametrize(
    ("words", "part", "offer"),
    [
        pytest.param(["hook", "ad"], "", "add", id="misspelt"),
        pytest.param(["hook", "ad"], "--", "--help", id="an option"),
        pytest.param(["launcher", "logs"], "", "list", id="of the root"),
    ],
)
def test_what_follows_a_word_that_is_no_command_is_completed(
    words: list[str], part: str, offer: str
) -> None:
    shell = ShellComplete(relaunch, {}, "relaunch", "_RELAUNCH_COMPLETE")

    assert offer in {item.value for item in shell.get_completions(words, part)}
