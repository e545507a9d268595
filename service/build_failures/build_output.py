"""Find in the output of a package's own build why it failed, and at which line.

A build is any program: it ends by an exception, an exit with a text, a compiler's
error, a signal, or without a word. Formats were taken from the output of pip 26.3, uv
0.13.9, poetry 1.8.3, setuptools, hatchling and GCC.
"""

import re
import signal
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from service.build_failures.build_blocks import last_output

__all__ = ["BuildCause", "find_cause", "hint_about"]

_LONGEST: Final = 200
_STATUS: Final = re.compile(
    r"exit code: (?P<code>-?\d{1,9})$"
    r"|cause: Call to `[^`\n]{1,200}` failed \((?:exit status|signal): (?P<uv>\d{1,9})"
    r"|errored with the following return code (?P<poetry>-?\d{1,9})",
    re.MULTILINE,
)
_CAUSE: Final = re.compile(r"^[ \t]*cause: (.+)$", re.MULTILINE)
_UV_SIGNAL: Final = re.compile(r"failed \(signal: (\d{1,3})")
_MISSING_RESULT: Final = re.compile(
    r"No such file or directory: '[^'\n]{1,500}/output\.json'"
    r"|failed to open file `[^`\n]{1,500}/[a-z_]{1,60}\.txt`"
)
"""The installer's own file, which it reads when the build has ended with 0."""
_FRAME: Final = re.compile(r'File "(?P<path>[^"\n]{1,500})", line (?P<line>\d{1,7})')
_EXCEPTION: Final = re.compile(r"[A-Za-z_][^\s:]{0,300}(?:: .+|:)?$")
_ERROR: Final = re.compile(
    r"(?:error|ERROR|fatal|Error)\b[^:\n]{0,80}: .+|CMake Error.+"
    r"|[A-Za-z_][\w.]{0,100}(?:Error|Exception): .+"
    r"|Cargo, the Rust package manager, is not installed.{0,200}"
)
_BAR: Final = re.compile(r"^[ \t]*\| ?")
_RULE: Final = re.compile(r"^[ \t]*│ ?")
_COMPILER: Final = re.compile(
    r"(?P<path>[^\s:'\"]{1,300}):(?P<line>\d{1,7}):(?:\d{1,5}:)? "
    r"(?P<error>(?:fatal )?error: .+)"
)
_DRIVER: Final = re.compile(
    r"(?:\S{0,200}/)?(?:cc1(?:plus)?|[\w-]{0,60}(?:gcc|g\+\+|clang|clang\+\+|cc|c\+\+))"
    r"(?:-\d{1,3})?: (?P<error>(?:fatal )?error: .+)"
)
_LINKER: Final = re.compile(r"(?:\S{0,200}/)?ld(?:\.\w{1,9})?: (?P<error>.+)")
_COMMAND: Final = re.compile(
    r"command '.{0,2000}failed with|[Cc]ommand '.{0,2000}returned non-zero|"
    r"command \S{0,300}\S failed with exit"
)
"""The end of a tool that has printed more before."""
_NO_MODULE: Final = re.compile(r"No module named '([\w.]{1,100})'")
_NO_LIBRARY: Final = re.compile(
    r"fatal error: (\S{1,200}\.h(?:h|pp)?): No such file"
    r"|cannot find -l(\S{1,100}?)(?::|$)"
)
_BY_SETUPTOOLS: Final = "/setuptools/build_meta.py"
_NOISE: Final = re.compile(
    r"\[(?:stdout|stderr)\]$|!!$|\*{10}|note: |compilation terminated"
    r"|error: (?:subprocess-exited|Failed to (?:build|prepare))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildCause:
    """Why a build failed, in one line; and where in its code, if that is known."""

    message: str
    path: str = ""
    """Relative to the package's directory; or absolute, below a `/source/`."""
    line: int | None = None


def find_cause(text: str) -> BuildCause:
    """Find why a package's own build failed; the message is empty if unknown."""
    if _MISSING_RESULT.search(text):
        return BuildCause(message="it ended with status 0 before it had built anything")
    output = last_output(text)
    lines = _clean_lines(text if output is None else output)
    ending = BuildCause(message=_how_ended(text, () if output is None else lines))
    return _find_error(lines) or ending


def hint_about(cause: BuildCause, *, is_local: bool) -> str | None:
    """Return what to do about a cause; None where nothing better is known."""
    if match := _NO_MODULE.search(cause.message):
        module = match[1].partition(".")[0]
        if is_local:
            return (
                "a build finds what `requires` under [build-system] of pyproject.toml"
                f" names, and nothing else; add the package of {module} there, or put"
                " the directory of the script on sys.path"
            )
        return f"its build lacks {module}; take a release with a wheel for this Python"
    if match := _NO_LIBRARY.search(cause.message):
        return (
            f"builds do not have {match[1] or match[2]}; take a release with a wheel,"
            " or install it from conda-forge with an environment.yml"
        )
    if is_local:
        return "the project's own build failed; `pip wheel .` in its directory shows it"
    return None


def _clean_lines(output: str) -> list[str]:
    """Strip the frame that installers draw around the output of a build."""
    lines = output.splitlines()
    # The bars of poetry 2 are on every line; those of an exception group are not.
    is_barred = all(_BAR.match(line) for line in lines if line.strip())
    frame = _BAR if is_barred else _RULE
    unframed = (frame.sub("", line) for line in lines)
    return textwrap.dedent("\n".join(unframed)).splitlines()


def _find_error(lines: Sequence[str]) -> BuildCause | None:
    """Return the last error that was printed, and what a compiler printed before it."""
    trace = _find_exception(lines)
    printed = next(
        (
            (number, line.strip())
            for number, line in reversed([*enumerate(lines)])
            if _ERROR.match(line.strip()) and not _NOISE.match(line.strip())
        ),
        None,
    )
    tool = _find_compiler_error(lines)
    if trace is not None and (printed is None or trace[0] >= printed[0]):
        number, cause = trace
    elif printed is not None:
        number, cause = printed[0], BuildCause(message=_shorten(printed[1]))
    else:
        return tool
    # "command 'gcc' failed" is no cause, and what gcc printed is.
    return tool if tool and _COMMAND.search(lines[number]) else cause


def _find_compiler_error(lines: Sequence[str]) -> BuildCause | None:
    """Return the first error of a compiler, as the others mostly follow from it."""
    for line in lines:
        if match := _COMPILER.match(line.strip()):
            return BuildCause(
                message=_shorten(match["error"]),
                path=match["path"],
                line=int(match["line"]),
            )
        if match := _DRIVER.match(line.strip()) or _LINKER.match(line.strip()):
            return BuildCause(message=_shorten(match["error"]))
    return None


def _find_exception(lines: Sequence[str]) -> tuple[int, BuildCause] | None:
    """Return the exception of the last traceback, with a frame of the build's code."""
    starts = [
        number
        for number, line in enumerate(lines)
        # A script that cannot be parsed has a frame and no heading.
        if "Traceback (most recent call last):" in line
        or (line.startswith('  File "') and not lines[number - 1].startswith(" "))
    ]
    if not starts:
        return None
    start = starts[-1]
    # Groups of exceptions are drawn with bars. What a build printed between its lines
    # may hide how far an installer has indented all of it.
    rest = [re.sub(r"^[ \t|+-]*\| ?", "", line) for line in lines[start:]]
    rest = [line.removeprefix(_indentation(rest[0])) for line in rest]
    frames: list[re.Match[str]] = []
    for number, line in enumerate(rest, start):
        if frame := _FRAME.search(line):
            frames.append(frame)
        elif frames and not line.startswith(" ") and _EXCEPTION.match(line):
            path, place = _own_frame(frames)
            return number, BuildCause(message=_shorten(line), path=path, line=place)
    return None


def _indentation(heading: str) -> str:
    return heading[: heading.find("Traceback")] if "Traceback" in heading else ""


def _own_frame(frames: Sequence[re.Match[str]]) -> tuple[str, int | None]:
    """Return the innermost frame that is code of the package, and not of a library."""
    for number in range(len(frames) - 1, -1, -1):
        path, line = frames[number]["path"], int(frames[number]["line"])
        if path == "<string>":
            above = frames[number - 1]["path"] if number else ""
            if above.endswith(_BY_SETUPTOOLS):
                return "setup.py", line
        elif "/site-packages/" not in path and _is_own(path):
            return path, line
    return "", None


def _is_own(path: str) -> bool:
    return "/source/" in path or not path.startswith(("/", "<"))


def _how_ended(text: str, lines: Sequence[str]) -> str:
    """Return how a build ended that printed no error."""
    last = next(_last_words(lines), "")
    ending = f": {last}" if last else ""
    if number := _find_signal(text):
        return f"it was ended by {_name_signal(number)}"
    if match := [*_STATUS.finditer(text)]:
        code = next(filter(None, match[-1].groups()))
        return _shorten(f"it ended with status {code}{ending}")
    return next(reversed(_CAUSE.findall(text)), "")


def _find_signal(text: str) -> int:
    if found := _UV_SIGNAL.findall(text):
        return int(found[-1])
    codes = [next(filter(None, match.groups())) for match in _STATUS.finditer(text)]
    return -int(codes[-1]) if codes and codes[-1].startswith("-") else 0


def _name_signal(number: int) -> str:
    try:
        return f"signal {number} ({signal.Signals(number).name})"
    except ValueError:
        return f"signal {number}"


def _last_words(lines: Sequence[str]) -> Iterator[str]:
    for line in reversed(lines):
        if line.strip() and not _NOISE.match(line.strip()):
            yield line.strip()


def _shorten(message: str) -> str:
    return message if len(message) <= _LONGEST else message[: _LONGEST - 1] + "…"
