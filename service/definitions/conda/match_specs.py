"""Conda's match specifications: validation and normal form.

https://docs.conda.io/projects/conda-build/en/stable/resources/package-spec.html

They are parsed by the solver's library, which is laxer than conda in some respects and
stricter in others; a specification has to be valid for both.
"""

import re
from dataclasses import dataclass
from typing import Final

__all__ = [
    "MalformedSpecError",
    "PackageSpec",
    "load_solver",
    "normalize_spec",
    "read_spec",
]

MAX_SPEC: Final = 500
"""Characters. Real ones have some dozens."""

_NAME: Final = re.compile(r"(?:__?)?[a-z0-9]+(?:[._-][a-z0-9]+)*[._-]?", re.IGNORECASE)
"""https://github.com/conda/ceps/blob/main/cep-0026.md"""
_BUILD: Final = re.compile(r"[\w.*+]+|\^.*\$", re.ASCII)
"""Conda takes anything else for a part of the version, which it cannot parse."""
_OPERATORS: Final = re.compile(r"\s*(>=|<=|==|!=|~=|>|<|,|\|)\s*")
_BRACKETS: Final = re.compile(r"\[[^\]=]*\]")
_KEYED: Final = re.compile(r"\s*\[[^\]]*=[^\]]*\]")
_PARENTHESES: Final = re.compile(r"\s*\([^()]*\)$")
_REVERSED: Final = re.compile(r"=\s*([<>])(?![=\s]*=)")
_ODD: Final = re.compile(r"===|=\s*[<>]")
_LAST_IS_BUILD: Final = re.compile(r"[,|]\s+[=\s][^-=,|<>~]*$")
"""Conda takes what follows for the build, and misses a version before it."""
_DIGEST: Final = re.compile(r"(?:\.conda|\.tar\.bz2)#\S*$")
_ENDLESS_BUILD: Final = re.compile(r"\bbuild_number\b.*?\d{20}")
"""A number of a build beyond 64 bits, over which the solver's library panics."""
_ALIAS: Final = re.compile(r"https?://conda\.anaconda\.org/")
"""Where conda finds channels that are named without an address."""
_PIP_ONLY: Final = re.compile(r"-|(?:git|hg|svn|bzr)[+:]|git@|\.{1,2}(?:/|$)|.*\.whl$")
_PLAIN: Final = re.compile(
    r"(?P<name>(?:.*::)?[\w.-]+)(?P<operator>==?| )(?P<version>\*|[\w.!+-]+?)"
    r"(?P<series>\.?\*)?(?:[ =](?P<build>[^\s=<>,|\[\]]+))?"
)


class MalformedSpecError(ValueError):
    """A specification that conda or the solver cannot parse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSpec:
    """A specification as conda parses it."""

    text: str
    ignored: str = ""
    """The parts that conda drops silently."""
    odd: tuple[str, ...] = ()
    """Operators that no documentation has, and that versions of conda read
    differently."""


def load_solver() -> None:
    """Import the solver in advance, which takes a fifth of a second."""
    import rattler  # noqa: F401, PLC0415


def read_spec(text: str) -> PackageSpec:
    """Validate a specification, and separate the parts that conda drops.

    Raises:
        MalformedSpecError: It cannot be read.
    """
    if len(text) > MAX_SPEC:
        raise MalformedSpecError("it is too long for a package")
    _refuse_pip(text)
    if "\t" in text or "\n" in text.rstrip(" "):
        raise MalformedSpecError("a tab or the end of a line stands in it")
    if text.startswith(" "):
        raise MalformedSpecError("a blank stands before its name")
    # After the URL of a package a `#` starts its digest, elsewhere a comment.
    kept = text.strip() if _DIGEST.search(text) else text.partition("#")[0].strip()
    spec, ignored = _as_conda(kept)
    # The solver parses what conda makes of the text, and not the text itself: it would
    # refuse brackets that conda drops without a word.
    _parse(spec)
    if _KEYED.search(spec):
        _check_keyed(_KEYED.sub("", kept), ignored)
    return PackageSpec(text=spec, ignored=ignored, odd=tuple(_ODD.findall(kept)))


def normalize_spec(dependency: str) -> str:
    """Normalize a specification, so that equivalent ones are equal."""
    channel, colons, rest = _squeeze(dependency).rpartition("::")
    channel = _ALIAS.sub("", channel, count=1) if _ALIAS.match(channel) else channel
    name = re.match(r"[\w.\-]*", rest)
    lowered = name[0].lower() if name else ""
    written = f"{channel}{colons}{lowered}{rest[len(lowered) :]}"
    match = _PLAIN.fullmatch(written)
    if match is None:
        return _sorted_bounds(written)
    version, build = match["version"], match["build"]
    if match["operator"] == "==" and match["series"] and build:
        # Beside a build conda takes == for exactly this version, whatever the * means.
        return f"{match['name']}=={version}.*=={build}"
    # `name=*` and `name` mean the same, `name=1.2` and `name==1.2.*` too: whoever
    # rewrites one as the other has not changed the environment.
    if version == "*" and not match["series"]:
        return match["name"] + (f"=*={build}" if build else "")
    if match["series"] or (match["operator"] == "=" and not build):
        version += ".*"
    return f"{match['name']}=={version}" + (f"={build}" if build else "")


def _squeeze(spec: str) -> str:
    """Remove spaces without meaning."""
    squeezed = _OPERATORS.sub(r"\1", " ".join(spec.split()))
    return re.sub(r"\s*(?<![<>=!~])=(?!=)\s*", "=", squeezed)


def _sorted_bounds(spec: str) -> str:
    """Sort the bounds of a version: all of them have to hold, in any order."""
    match = re.fullmatch(r"((?:.*::)?[\w.-]+)([<>!~=][^|\s\[\]]*,[^|\s\[\]]*)", spec)
    if match is None:
        return spec
    return match[1] + ",".join(sorted(match[2].split(",")))


def _refuse_pip(text: str) -> None:
    is_file = text.partition("#")[0].strip().endswith((".conda", ".tar.bz2"))
    if _PIP_ONLY.match(text) or ("://" in text and "::" not in text and not is_file):
        raise MalformedSpecError("it is for pip; put it under `- pip:`")
    if re.search(r"\w\s*@\s*\w", text) and "://" not in text:
        raise MalformedSpecError("conda writes a version with =, not with @")
    if " @ " in text:
        raise MalformedSpecError("it is for pip; put it under `- pip:`")
    if ";" in text:
        raise MalformedSpecError("conda knows no conditions; put it under `- pip:`")


def _as_conda(text: str) -> tuple[str, str]:
    """Return the specification as conda reads it, and the parts that it drops."""
    dropped = [
        match[0].strip() for match in _BRACKETS.finditer(text) if match[0] != "[]"
    ]
    spec = _BRACKETS.sub("", text)
    if match := _PARENTHESES.search(spec):
        dropped.append(match[0].strip())
        spec = spec[: match.start()]
    has_bounds = re.search(r"[,|]", spec.rpartition("::")[2].partition("[")[0])
    if has_bounds and "===" in spec:
        raise MalformedSpecError("=== is no operator; write ==")
    spec = spec.replace("===", "==")
    if re.fullmatch(r"[\w.:/-]+=", spec):
        spec = spec[:-1]
    if match := _REVERSED.search(spec):
        if has_bounds:
            raise MalformedSpecError("=> is no operator; write >=")
        dropped.append("=")
        spec = _REVERSED.sub(r"\1", spec)
    return spec.strip(), " ".join(dropped)


def _parse(spec: str) -> None:
    # Imported here: only parsing an environment.yml needs the solver.
    from rattler import MatchSpec  # noqa: PLC0415
    from rattler.exceptions import InvalidMatchSpecError  # noqa: PLC0415

    if _ENDLESS_BUILD.search(spec):
        raise MalformedSpecError("a number of a build has 20 digits or more")
    try:
        # Conda does not support the newer syntax.
        parsed = MatchSpec(
            _squeeze(spec), extras=False, conditionals=False, flags=False
        )
    except (InvalidMatchSpecError, UnicodeError) as exc:
        why = str(exc).splitlines()[0] or "it is no package"
        raise MalformedSpecError(_hint(spec) or why) from exc
    name = parsed.name.normalized
    if not _NAME.fullmatch(name):
        raise MalformedSpecError(f"{name} is no name of a package")
    build = parsed.build
    if build is not None and not _BUILD.fullmatch(str(build)):
        raise MalformedSpecError(
            f"{build} is no build of a package; conda separates versions with a comma,"
            " as in >=1,<2"
        )
    _refuse_leftovers(spec)


def _refuse_leftovers(spec: str) -> None:
    """Refuse what the library accepts and conda does not."""
    if spec.endswith("="):
        raise MalformedSpecError("a version or a build is missing after the last =")
    if re.search(r"[<>=!~]\s+[=<>]", spec):
        raise MalformedSpecError("a blank stands inside an operator")
    if re.search(r"~=\s*[^,|\s=\[]*\*", spec):
        raise MalformedSpecError("~= takes no *; write =1.2 for any 1.2")
    if _LAST_IS_BUILD.search(spec.partition("[")[0]):
        raise MalformedSpecError("before its last bound stand a blank and = or a blank")
    if "(" in spec or ")" in spec:
        raise MalformedSpecError("conda reads no parentheses")
    if re.search(r"\s::|::\s|:\s", spec):
        raise MalformedSpecError("conda wants no blank around a colon")


def _check_keyed(rest: str, ignored: str) -> None:
    """Refuse what conda does not accept together with keys such as [build=x]."""
    if ignored == "=":
        rest = _REVERSED.sub(r"\1", rest)
    elif ignored:
        raise MalformedSpecError(
            f"conda reads no {ignored} where keys stand in brackets, too"
        )
    _parse(rest.replace("===", "==").strip())


def _hint(spec: str) -> str:
    if re.search(r"(?<![=~!<>])[~^](?!=)", spec):
        return "conda has no ~ or ^ ; write >=1.2,<2 or =1.2"
    if re.fullmatch(r"[^=<>!~\s]+\s*=\s*\*[^=\s]+", spec):
        return "a build stands where its version should be; write name=*=build"
    if re.search(r"\*[^\s=,|\]]", spec):
        return "a * may only end a version, as in =1.2.*"
    if "'" in spec or '"' in spec:
        return "a quotation mark stands in it"
    return ""
