"""What installers say before an index that refuses, is out of order or has bad files.

`indexes/` holds what pip 26.3, uv 0.13.9, poetry 1.8.3 and 2.5.1 and the solver library
printed before a server made to answer so, with other hosts and paths; what conda and
mamba print is taken from bug reports. A case is named for the answer, or the package.
"""

from pathlib import Path

import pytest

from service.build_failures.classify import classify
from service.domain.building.failure import FailureClass as C

SAID = Path(__file__).parent / "indexes"
ASKED = ["six", "good", "badhash", "misname", "nometa", "badtoml", "nobackend", "oom"]
ASKED += ["gonebackend", "needsgone", "lfs", "killed", "oomcpp", "clash", "misver"]
ASKED += [
    "needsver",
    "newpy",
    "winonly",
    "wrongname",
    "yank",
    "cmake",
    "pypi2",
    "rustc",
]
ASKED += ["badep", "badep2", "nothing", "alpha", "slip", "half"]
ASKED += ["norecord", "nowheel", "badbs"]
POETRY = "[tool.poetry.dependencies]\n" + "".join(f'{name} = "*"\n' for name in ASKED)
FILES = {
    "uv": {"pyproject.toml": "\n".join(f'"{name}>=0",' for name in ASKED)},
    "poetry": {"pyproject.toml": POETRY},
    "conda": {"environment.yml": "name: x\nchannels:\n- menpo\n- apple\n- mychannel\n"},
}
NOWHERE = "-"
REFUSED, NETWORK, BAD = C.INDEX_REFUSED, C.NETWORK, C.BAD_DEFINITION
WHEEL, MEMORY = C.WHEEL_BUILD_FAILED, C.OUT_OF_MEMORY
PACKAGE, VERSION = C.NO_SUCH_PACKAGE, C.NO_SUCH_VERSION
RIGHT = {
    "pip": {
        "401": (REFUSED, NOWHERE, "index.test"),
        "f403": (REFUSED, "good", "does not let this build in"),
        "f404": (PACKAGE, "good", "nothing at https://index.test/"),
        "loop": (NETWORK, NOWHERE, ""),
        "misname": (BAD, "misname", "'other-1.0.dist-info' does not start with"),
        "nometa": (BAD, "nometa", "invalid metadata entry"),
        "badtoml": (WHEEL, "badtoml", "Expected ']'"),
        "nobackend": (WHEEL, "nobackend", "`nonexisting_backend` cannot be imported"),
        "gonebackend": (PACKAGE, "gonebackend", "`gonebackendpkg`"),
        "needsgone": (PACKAGE, "needsgone", "`gonepkg`"),
        "lfs": (BAD, "lfs", "no wheel"),
        "killed": (MEMORY, "killed", ""),
        "oomcpp": (MEMORY, "oomcpp", ""),
        "json": (NETWORK, NOWHERE, ""),
        "yank": (VERSION, "yank", "was withdrawn from the index: 1.0"),
        "misver": (BAD, "misver", "expected '1.0', but metadata has '3.0'"),
        "garbage": (REFUSED, NOWHERE, "no package index at https://index.test/garbage"),
        "no HTTPS": (REFUSED, "good", "nosuch.invalid, an index without HTTPS"),
        "503, with its note": (NETWORK, "good", "https://index.test/503/simple/good/"),
        "403, with its note": (REFUSED, "good", "https://index.test/403/simple/good/"),
        "winonly, with its note": (C.UNSUPPORTED_PYTHON, "winonly", "cp39-win_amd64"),
        "gzip": (NETWORK, NOWHERE, ""),
        "half a JSON": (NETWORK, NOWHERE, ""),
        "norecord": (BAD, "norecord", "is damaged: RECORD"),
        "slip": (BAD, "slip", "outside the target directory"),
        "badep": (BAD, "badep", "Invalid script entry point"),
        "badbs": (BAD, "badbs", "invalid `build-system.requires`"),
    },
    "uv": {
        "401": (REFUSED, "good", "does not let this build in"),
        "403": (REFUSED, "good", "does not let this build in"),
        "404": (PACKAGE, "good", "`good`"),
        "429": (NETWORK, NOWHERE, "index.test"),
        "badhash": (BAD, "badhash", "the hash of `badhash==1.0`"),
        "badtoml": (BAD, "badtoml", "invalid metadata"),
        "clash_clash2": (C.CONFLICT, "clash", "all versions of clash2 depend on"),
        "f401": (REFUSED, "good", "does not let this build in"),
        "f404": (PACKAGE, "good", "nothing at"),
        "ftrunc": (NETWORK, NOWHERE, ""),
        "garbage": (REFUSED, NOWHERE, "no package index at https://index.test/garbage"),
        "json": (NETWORK, NOWHERE, "index.test"),
        "gonebackend": (PACKAGE, "gonebackend", "`gonebackendpkg`"),
        "goodlt1": (VERSION, "good", "`good<1`, and the index has good>=1.0"),
        "html": (PACKAGE, "good", "no version of `good`"),
        "misver": (BAD, "misver", "Wheel version does not match"),
        "needsgone": (PACKAGE, "needsgone", "`gonepkg`"),
        "needsver": (VERSION, "good", "`good>9`, and the index has good<=2.0"),
        "newpygt_eq": (C.UNSUPPORTED_PYTHON, "newpy", "needs Python >=3.99"),
        "winonly": (C.UNSUPPORTED_PYTHON, "winonly", "no file of `winonly`"),
        "wrongname": (BAD, "wrongname", "inconsistent metadata"),
        "yank": (VERSION, "yank", "`yank==1.0` was withdrawn from the index: broken"),
        "half": (BAD, "half", "Invalid zip file structure"),
        "norecord": (BAD, "norecord", "dist-info/RECORD"),
        "nowheel": (BAD, "nowheel", "dist-info/WHEEL"),
        "made wrongname": (BAD, "wrongname", "name `othername` does not match"),
        "badep": (BAD, "badep", "invalid console script"),
        "badbs": (BAD, "badbs", "does not match the required schema"),
        "nothing": (BAD, "nothing", "does not appear to be a Python project"),
        "chunk": (NETWORK, NOWHERE, "index.test"),
    },
    "poetry": {
        "401": (REFUSED, "good", "does not let this build in"),
        "429": (NETWORK, NOWHERE, "index.test"),
        "500": (NETWORK, NOWHERE, "index.test"),
        "drop": (NETWORK, NOWHERE, ""),
        "badhash": (BAD, "badhash", "the hash of `badhash`"),
        "f403": (REFUSED, "good", "does not let this build in"),
        "f404": (PACKAGE, "good", "nothing at"),
        "ftrunc": (NETWORK, NOWHERE, ""),
        "loop": (NETWORK, NOWHERE, ""),
        "lfs": (BAD, "[tool.poetry.dependencies]", "File is not a zip file"),
        "misname": (BAD, "misname", "Unable to retrieve `RECORD`"),
        "cmake": (WHEEL, "cmake", "RuntimeError: CMake must be installed"),
        "killed": (WHEEL, "killed", "could not be built"),
        "needsgone": (PACKAGE, "needsgone", "needsgone needs `gonepkg`"),
        "needsver": (VERSION, "good", "needsver needs >9 of `good`"),
        "clash_clash2": (C.CONFLICT, "clash", "clash2 (1.0) depends on good"),
        "pypi2": (VERSION, "pypi2", "`setuptools`"),
        "oom": (MEMORY, "oom", ""),
        "2 drop": (NETWORK, NOWHERE, ""),
        "2 401": (REFUSED, "good", "does not let this build in"),
        "2 rustc": (WHEEL, "rustc", "error: can't find Rust compiler"),
        "2 oom": (MEMORY, "oom", ""),
        "2 wrongname": (
            BAD,
            "wrongname",
            "argument must be str, bytes, or os.PathLike",
        ),
        "gzip": (NETWORK, NOWHERE, ""),
        "2 half a JSON": (NETWORK, NOWHERE, ""),
        "badep": (BAD, "badep", "what the index has of `badep` is damaged"),
        "badep2": (BAD, "badep2", "File contains no section headers"),
        "wheelver": (BAD, "[tool.poetry.dependencies]", "Bad CRC-32 for file"),
        "badtoml": (BAD, "[tool.poetry.dependencies]", "of a dependency is no TOML"),
        "nottar": (BAD, "[tool.poetry.dependencies]", "could not be opened"),
        "nothing": (WHEEL, "nothing", "does not appear to be a Python project"),
        "nometa": (BAD, "nometa", "Unable to determine package info"),
        "2 badbs": (BAD, "[tool.poetry.dependencies]", "must be an array of strings"),
        "2 nothing": (BAD, "nothing", "does not appear to be a Python project"),
        "2 badtoml": (BAD, "badtoml", "is not a valid TOML file"),
        "2 badversion": (BAD, "alpha", "Invalid version 'x y'"),
        "2 slip": (BAD, "slip", "outside of the target directory"),
        "of its own": (C.UNKNOWN, "good", "and ended by KeyError: 'good'"),
    },
    "conda": {
        "conda 403": (REFUSED, "apple", "does not let this build in"),
        "conda 401": (REFUSED, "menpo", "does not let this build in"),
        "conda 429": (NETWORK, NOWHERE, "index.test"),
        "conda checksum": (NETWORK, NOWHERE, "index.test"),
        "mamba 401": (REFUSED, NOWHERE, "does not let this build in"),
        "mamba host": (NETWORK, NOWHERE, "index.test"),
        "mamba disk": (C.OUT_OF_DISK, NOWHERE, ""),
        "solver 401": (REFUSED, "apple", "does not let this build in"),
        "solver 429": (NETWORK, NOWHERE, "index.test"),
        "solver page": (NETWORK, NOWHERE, "index.test"),
        "solver loop": (NETWORK, NOWHERE, "index.test"),
    },
}
DOUBTFUL = {("uv", "half"), ("poetry", "lfs")}
"""A transfer that broke off looks the same."""
CASES = [(tool, case) for tool, cases in RIGHT.items() for case in cases]


def said_by(tool: str) -> dict[str, str]:
    parts = (SAID / f"{tool}.txt").read_text().split("=== ")[1:]
    heads = (part.partition("\n") for part in parts)
    return {name: text.rstrip() for name, _, text in heads}


def test_every_recorded_answer_has_its_right_value() -> None:
    assert [(tool, case) for tool in RIGHT for case in said_by(tool)] == CASES


@pytest.mark.parametrize(("tool", "case"), CASES)
def test_what_an_index_answered_has_a_class_a_cause_and_a_line(
    tool: str, case: str
) -> None:
    kind, named, shown = RIGHT[tool][case]
    # What pip printed has a line: each was installed from the second one of a file.
    files = FILES.get(tool, {"requirements.txt": f"six\n{named}"})

    lines = said_by(tool)[case].splitlines()
    failure = classify(phase="build", lines=lines, code=1, files=files)

    assert failure.kind is kind, failure
    assert shown in failure.message
    assert failure.is_doubtful is ((tool, case) in DOUBTFUL)
    asked = next(iter(files.values())).splitlines()
    line = asked[failure.line - 1] if failure.line else NOWHERE
    assert named in line, failure
