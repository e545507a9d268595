"""Specifications, package lists and environment files, put together at random."""

import random

__all__ = ["files", "lines", "odd_specs", "plain_specs"]

_NAMES = (
    *("numpy", "NumPy", "python", "_libgcc_mutex", "__cuda", "r-base", "a.b", "pip"),
    *("ca-certificates", "py_x", "1x", "x-"),
)
_CHANNELS = (
    *("", "", "", "", "conda-forge::", "defaults::", "conda-forge/linux-64::"),
    *("https://conda.anaconda.org/conda-forge::", "conda-forge/label/dev::"),
    *("https://user:pw@host.invalid/c::", "nvidia/label/cuda-12.1.0::"),
)
_VERSIONS = (
    *("1", "1.2", "1.2.3", "1.2.*", "1.2.3rc1", "1.2_3", "1.2+l", "2!1.0", "3.11"),
    *("1.2.3.post1", "1.2.dev0", "2023.10", "9e", "2024a", "1.1.1w"),
)
_BOUNDS = ("==", ">=", "<=", ">", "<", "!=")
_FIRST = ("=", "==", " ", " = ", " == ", ">=", " >=", "<=", ">", "<", "!=", "~=")
_BUILDS = ("", "", "", "=py38_0", " py38_0", "=*_0", "=*cuda*", "=0", "=h1_0_cpython")
_KEYS = (
    *("", "", "", "", "[version='>=1,<2']", '[version=">=3.8"]', "[channel=c]"),
    *("[md5=0123456789abcdef0123456789abcdef]", "[subdir=linux-64]", "[license=MIT]"),
    *("[build_number=3]", "[build_number='>=3']"),
)
_TAILS = ("", "", "", "", " # why", "#why", " ")
_ODD = "=<>!~,|*[]() :/@'\".-_#;+^$%&é"


def _version(chance: random.Random) -> str:
    return chance.choice(_VERSIONS)


def _plain(chance: random.Random) -> str:
    """A specification as people and `conda env export` write them."""
    text = chance.choice(_CHANNELS) + chance.choice(_NAMES)
    kind = chance.random()
    if kind < 0.5:
        first = chance.choice(_FIRST)
        version = _version(chance)
        text += first + (version.removesuffix(".*") if "~" in first else version)
        text += chance.choice(_BUILDS)
    elif kind < 0.8:
        between = chance.choice([",", "|", ", ", " ,"])
        count = chance.randint(2, 3)
        text += chance.choice(["", " "])
        text += between.join(
            chance.choice(_BOUNDS) + _version(chance) for _ in range(count)
        )
    return text + chance.choice(_KEYS) + chance.choice(_TAILS)


def plain_specs(seed: int, count: int) -> list[str]:
    """Return specifications as people write them."""
    chance = random.Random(seed)
    return sorted({_plain(chance) for _ in range(count)})


def odd_specs(seed: int, count: int) -> list[str]:
    """Return specifications with characters too many, or too few."""
    chance = random.Random(seed)
    made: set[str] = set()
    while len(made) < count:
        text = _plain(chance)
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(max(len(text), 1))
            middle = chance.choice(
                ["", "", chance.choice(_ODD), "=>", "===", "=<", ",="]
            )
            text = text[:place] + middle + text[place + (not middle) :]
        made.add(text)
    return sorted(made)


def lines(seed: int, count: int) -> list[str]:
    """Return lines of package lists."""
    chance = random.Random(seed)
    made: set[str] = set()
    while len(made) < count:
        text = chance.choice(_NAMES)
        kind = chance.random()
        if kind < 0.6:
            text += "=" + _version(chance) + chance.choice(["", "=py_0", "=h1_0"])
        elif kind < 0.9:
            text += chance.choice(_BOUNDS) + _version(chance)
        if chance.random() < 0.2:
            place = chance.randrange(len(text) + 1)
            text = text[:place] + chance.choice(_ODD) + text[place:]
        if text.partition("#")[0].strip():
            made.add(text)
    return sorted(made)


_ENTRIES = (
    *("numpy", "python=3.11", "'pandas>=2'", "pip", "pip=24", "conda-forge::pip"),
    *("3", "1.5", "null", "true", "[a, b]", "", "''", "{numpy: 1}", "numpy: 1.2"),
    *("pip:\n    - six", "pip:\n      - six\n      - -r r.txt", "pip:", "pip: []"),
    *("pip: six", "conda: [x, y]", "conda: x", "uv:\n    - six", "2024-01-01", "yes"),
    *("&a numpy", '"numpy"', "numpy # c", "numpy =1.2", "'numpy\n    >=1'", "0x10"),
    *("pip: &p [six]", ".inf", "'pip '", "' numpy'", "pip:\n    - six\n    conda: [x]"),
)
_SECTIONS = (
    *("name: x", "name:", "name: [x]", "prefix: /x", "channels: [conda-forge]"),
    *("channels:\n  - conda-forge\n  - nodefaults", "channels: [1]", "channels: []"),
    *("channels:\n- conda-forge\n- conda-forge", "channels: ['$HOME/c']", "5: x"),
    *("variables: {A: b}", "variables: {A: 1}", "variables:", "pip: [six]", "true: x"),
    *("includes: [a.yml]", "dependencies: numpy", "dependencies: []", "null: x"),
    *("dependencies: {numpy: 1}", "dependencies: 5", "platforms: [linux-64]"),
)
_WHOLE = (
    *("- a\n- b\n", "numpy\n", "5\n", "a: b\n---\nc: d\n", "{}\n"),
    *("dependencies: [numpy]\ndependencies: [pandas]\n", "dependencies:\n\t- numpy\n"),
    *("dependencies: [a, b\n", "dependencies: [numpy]\r\nchannels: [c]\r\n"),
    *("<<: {dependencies: [numpy]}\n", "a: !!python/object:os.system x\n"),
)


def files(seed: int, count: int) -> list[str]:
    """Return environment files."""
    chance = random.Random(seed)
    made = set(_WHOLE)
    while len(made) < count:
        sections = [chance.choice(_SECTIONS) for _ in range(chance.randint(0, 2))]
        if chance.random() < 0.9:
            picked = [chance.choice(_ENTRIES) for _ in range(chance.randint(1, 4))]
            entries = "".join(f"\n  - {entry}" for entry in picked)
            place = chance.randint(0, len(sections))
            sections.insert(place, f"dependencies:{entries}")
        made.add("\n".join(sections) + "\n")
    return sorted(made)
