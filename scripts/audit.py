"""Look for known vulnerabilities in what is shipped: `make audit`.

The exit code is 0 when there are none, 1 when there are, and 2 when that is not known:
their list is not reached from every machine, and pip-audit then says of the first
package that it does not exist.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

__all__ = ["main", "verdict"]

ROOT: Final = Path(__file__).parent.parent
AUDIT: Final = "pip-audit==2.10.1"
FOUND: Final = re.compile(r"Found \d+ known vulnerabilit(y|ies)")
"""https://github.com/pypa/pip-audit#usage"""
NONE: Final = 0
SOME: Final = 1
UNKNOWN: Final = 2


def verdict(code: int, output: str) -> tuple[int, str]:
    """Return the exit code and the sentence for what pip-audit ended with."""
    if code == 0:
        return NONE, "audit: no known vulnerability in what is shipped"
    if FOUND.search(output):
        return SOME, "audit: there are known vulnerabilities in what is shipped"
    return UNKNOWN, (
        "audit: NOT DONE. The list of known vulnerabilities is not reached from here, "
        "or pip-audit cannot be had; nothing was looked at. Run it where both are."
    )


def main() -> int:
    """Run pip-audit over the locked requirements; say plainly how it ended."""
    command = [str(Path(sys.executable).parent / "uv"), "tool", "run", "--quiet"]
    command += ["--from", AUDIT, "pip-audit", "--strict", "--disable-pip"]
    command += ["--require-hashes", "--progress-spinner", "off"]
    command += ["--requirement", str(ROOT / "requirements.txt")]
    done = subprocess.run(  # noqa: S603 - our own list
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    code, sentence = verdict(done.returncode, done.stdout)
    print(done.stdout, sentence, sep="\n")  # noqa: T201
    return code


if __name__ == "__main__":
    sys.exit(main())
