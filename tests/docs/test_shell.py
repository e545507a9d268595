"""The shell that runs a page's lines is an operator's, without this machine's files."""

from pathlib import Path

from tests.docs.shell import run


async def test_nothing_is_printed_but_what_the_lines_print(tmp_path: Path) -> None:
    """Bash reads start-up files where its input is a socket, as a remote shell does.

    https://www.gnu.org/software/bash/manual/html_node/Bash-Startup-Files.html
    """
    (tmp_path / ".bashrc").write_text("echo a file of this machine\n")

    assert await run("echo done", tmp_path) == "done\n"
