"""Small uv projects, and whether `uv sync --frozen --no-dev` refuses them."""
# ruff: noqa: E501 - one case is one line
# fmt: off

from typing import Final

from tests.definitions.uv_locks import LOCKS, Edit
from tests.definitions.uv_settings import SETTINGS, VERSIONS
from tests.definitions.uv_tables import BESIDE, DOCUMENTS, TABLES

__all__ = ["LOCK", "PROJECT", "PROJECTS"]

PROJECT: Final = """\
[project]
name="demo"
version="0.1"
requires-python=">=3.10"
dependencies=["six"]
"""
LOCK: Final = """\
version = 1
revision = 5
requires-python = ">=3.10"

[[package]]
name = "demo"
version = "0.1"
source = { virtual = "." }
dependencies = [
    { name = "six" },
]

[package.metadata]
requires-dist = [{ name = "six" }]

[[package]]
name = "six"
version = "1.17.0"
source = { registry = "https://index.test/simple" }
sdist = { url = "https://files.index.test/packages/94/e7/b2c673351809dca68a0e064b6af791aa332cf192da575fd474ed7d6f16a2/six-1.17.0.tar.gz", hash = "sha256:ff70335d468e7eb6ec65b95b99d3a2836546063f63acc5171de367e834932a81", size = 34031, upload-time = "2024-12-04T17:35:28.174Z" }
wheels = [
    { url = "https://files.index.test/packages/b7/ce/149a00dd41f10bc29e5921b496af8b574d8413afcd5e30dfa0ed46c2cc5e/six-1.17.0-py2.py3-none-any.whl", hash = "sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274", size = 11050, upload-time = "2024-12-04T17:35:26.475Z" },
]
"""


def _edited(edit: Edit) -> str:
    lock = LOCK
    for old, new in edit:
        assert old in lock, old
        lock = lock.replace(old, new)
    return lock


PROJECTS: Final = (
    ("authors", PROJECT + '\nauthors=["A <a@b.c>"]\n', LOCK, {}, False),
    ("baddep", '[project]\nname="demo"\nversion="0.1"\nrequires-python=">=3.10"\ndependencies=["six latest"]\n', LOCK, {}, False),
    ("badmanaged", PROJECT + '\n[tool.uv]\nmanaged="yes"\n', LOCK, {}, True),
    ("badname", '[project]\nname="de mo"\nversion="0.1"\nrequires-python=">=3.10"\ndependencies=["six"]\n', LOCK, {}, True),
    ("badrp", '[project]\nname="demo"\nversion="0.1"\nrequires-python="banana"\ndependencies=["six"]\n', LOCK, {}, True),
    ("grouppython", PROJECT + '\n[dependency-groups]\ntest=[]\n[tool.uv]\ndefault-groups=["test"]\ndependency-groups={test={requires-python=">=3.99"}}\n', LOCK, {}, True),
    ("grouppythondev", PROJECT + '\n[dependency-groups]\ndev=[]\n[tool.uv]\ndependency-groups={dev={requires-python=">=3.99"}}\n', LOCK, {}, False),
    ("grouppythonin", PROJECT + '\n[dependency-groups]\ntest=[{include-group="De_v"}]\nde-v=[]\n[tool.uv]\ndefault-groups="all"\ndependency-groups={DE-v={requires-python=">=3.99"}}\n', LOCK, {}, True),
    ("grouppythonof", PROJECT + '\n[dependency-groups]\ntest=[]\n[tool.uv]\ndependency-groups={test={requires-python=">=3.99"}}\n', LOCK, {}, False),
    ("badtomllock", PROJECT, "x = \n", {}, True),
    ("badversion", '[project]\nname="demo"\nversion="abc"\nrequires-python=">=3.10"\ndependencies=["six"]\n', LOCK, {}, True),
    ("buildnobackend", '[build-system]\n[project]\nname="demo"\nversion="0.1"\nrequires-python=">=3.10"\ndependencies=["six"]\n', LOCK, {}, False),
    ("caretrp", '[project]\nname="demo"\nversion="0.1"\nrequires-python="^3.10"\ndependencies=["six"]\n', LOCK, {}, True),
    ("conflictsbad", PROJECT + '\n[tool.uv]\nconflicts=[[{group="a"},{group="b"}]]\n', LOCK, {}, False),
    ("defgroups", PROJECT + '\n[tool.uv]\ndefault-groups=["nope"]\n', LOCK, {}, True),
    ("devdeps", PROJECT + '\n[tool.uv]\ndev-dependencies=["idna"]\n', LOCK, {}, False),
    ("devdepsbad", PROJECT + '\n[tool.uv]\ndev-dependencies=["x y"]\n', LOCK, {}, True),
    ("dyn", '[project]\nname="demo"\ndynamic=["version"]\nrequires-python=">=3.10"\ndependencies=["six"]\n', LOCK, {}, False),
    ("dynboth", PROJECT + '\ndynamic=["version"]\n', LOCK, {}, False),
    ("dyndeps", '[project]\nname="demo"\nversion="0.1"\ndynamic=["dependencies"]\nrequires-python=">=3.10"\n', LOCK, {}, False),
    ("emptylock", PROJECT, " \n", {}, True),
    ("emptyname", '[project]\nname=""\nversion="0.1"\nrequires-python=">=3.10"\ndependencies=["six"]\n', LOCK, {}, True),
    ("envbad", PROJECT + '\n[tool.uv]\nenvironments=["foo"]\n', LOCK, {}, True),
    ("extraproject", PROJECT + "\nfoo=1\n", LOCK, {}, False),
    ("groupinclude", PROJECT + '\n[dependency-groups]\ndev=[{include-group="nope"}]\n', LOCK, {}, True),
    ("groupsbad", PROJECT + '\n[dependency-groups]\ndev=["x y"]\n', LOCK, {}, True),
    ("groupsnotused", PROJECT + '\n[dependency-groups]\nother=["idna"]\n', LOCK, {}, False),
    ("indexbad", PROJECT + '\n[[tool.uv.index]]\nname="x"\n', LOCK, {}, True),
    ("indexdup", PROJECT + '\n[[tool.uv.index]]\nname="x"\nurl="https://x.org/simple"\ndefault=true\n[[tool.uv.index]]\nname="y"\nurl="https://y.org/simple"\ndefault=true\n', LOCK, {}, True),
    ("indexok", PROJECT + '\n[[tool.uv.index]]\nname="x"\nurl="https://x.org/simple"\n', LOCK, {}, False),
    ("license", PROJECT + '\nlicense={file="LICENSE"}\n', LOCK, {}, False),
    ("locknorp", PROJECT, LOCK.replace('requires-python = ">=3.10"\n', "", 1), {}, True),
    ("nodeps", '[project]\nname="demo"\nversion="0.1"\nrequires-python=">=3.10"\n', LOCK, {}, False),
    ("noname", '[project]\nversion="0.1"\nrequires-python=">=3.10"\ndependencies=["six"]\n', LOCK, {}, True),
    ("nopkgs", PROJECT, 'version = 1\nrequires-python = ">=3.10"\n', {}, True),
    ("norp", '[project]\nname="demo"\nversion="0.1"\ndependencies=["six"]\n', LOCK, {}, False),
    ("noschema", PROJECT, LOCK.replace("version = 1\n", "", 1), {}, True),
    ("noversion", '[project]\nname="demo"\nrequires-python=">=3.10"\ndependencies=["six"]\n', LOCK, {}, True),
    ("ok", PROJECT, LOCK, {}, False),
    ("optbad", PROJECT + '\n[project.optional-dependencies]\na=["x y"]\n', LOCK, {}, False),
    ("othername", '[project]\nname="other"\nversion="0.1"\nrequires-python=">=3.10"\ndependencies=["six"]\n', LOCK, {}, True),
    ("overrides", PROJECT + '\n[tool.uv]\noverride-dependencies=["six=="]\n', LOCK, {}, True),
    ("prerelbad", PROJECT + "\n[tool.uv]\nprerelease=true\n", LOCK, {}, False),
    ("readme", PROJECT + '\nreadme="README.md"\n', LOCK, {}, False),
    ("reqver", PROJECT + '\n[tool.uv]\nrequired-version=">=99"\n', LOCK, {}, True),
    ("reqverbad", PROJECT + '\n[tool.uv]\nrequired-version="latest"\n', LOCK, {}, False),
    ("reqvernum", PROJECT + '\n[tool.uv]\nrequired-version="0.5"\n', LOCK, {}, True),
    ("reqverok", PROJECT + '\n[tool.uv]\nrequired-version=">=0.1"\n', LOCK, {}, False),
    ("resolbad", PROJECT + '\n[tool.uv]\nresolution="foo"\n', LOCK, {}, False),
    ("rev99", PROJECT, LOCK.replace("revision = 5", "revision = 99", 1), {}, False),
    ("schema0", PROJECT, LOCK.replace("version = 1\n", "version = 0\n", 1), {}, True),
    ("schema9", PROJECT, LOCK.replace("version = 1\n", "version = 9\n", 1), {}, True),
    ("scriptsbad", PROJECT + "\n[project.scripts]\nx=1\n", LOCK, {}, False),
    ("srcbad", PROJECT + "\n[tool.uv.sources]\nsix={foo=1}\n", LOCK, {}, True),
    ("srcidx", PROJECT + '\n[tool.uv.sources]\nsix={index="nope"}\n', LOCK, {}, False),
    ("srcpathgone", '[project]\nname="demo"\nversion="0.1"\nrequires-python=">=3.10"\ndependencies=["lib"]\n\n[tool.uv.sources]\nlib={path="gone"}\n', LOCK, {}, False),
    ("srcunused", PROJECT + '\n[tool.uv.sources]\nfoo={path="gone"}\n', LOCK, {}, False),
    ("srcws", PROJECT + "\n[tool.uv.sources]\nsix={workspace=true}\n", LOCK, {}, False),
    ("srcws2", '[project]\nname="demo"\nversion="0.1"\nrequires-python=">=3.10"\ndependencies=["lib"]\n\n[tool.uv.sources]\nlib={workspace=true}\n', LOCK, {}, False),
    ("stale", '[project]\nname="demo"\nversion="0.1"\nrequires-python=">=3.10"\ndependencies=["six","idna"]\n', LOCK, {}, False),
    ("strdeps", '[project]\nname="demo"\nversion="0.1"\nrequires-python=">=3.10"\ndependencies="six"\n', LOCK, {}, True),
    ("unknowntool", PROJECT + "\n[tool.uv]\nfoo=1\n", LOCK, {}, False),
    ("unmanaged", PROJECT + "\n[tool.uv]\nmanaged=false\n", LOCK, {}, True),
    ("twoindexes", PROJECT + '\n[[tool.uv.index]]\nname="a"\nurl="https://a.org/x"\n[[tool.uv.index]]\nname="a"\nurl="https://b.org/x"\n', LOCK, {}, True),
    ("unnamedindexes", PROJECT + '\n[[tool.uv.index]]\nurl="https://a.org/x"\n[[tool.uv.index]]\nurl="https://b.org/x"\n', LOCK, {}, False),
    ("uvtomltool", PROJECT, LOCK, {"uv.toml": "[tool.uv]\nno-cache = false\n"}, True),
    ("uvtomlproject", PROJECT, LOCK, {"uv.toml": "[project]\nname = 'demo'\n"}, True),
    ("uvtomlgroups", PROJECT, LOCK, {"uv.toml": "[dependency-groups]\ndev = []\n"}, True),
    ("uvtomlbuild", PROJECT, LOCK, {"uv.toml": "[build-system]\nrequires = []\n"}, True),
    ("uvtomlright", PROJECT, LOCK, {"uv.toml": "no-cache = false\n"}, False),
    ("uvtomlbad", PROJECT, LOCK, {"uv.toml": "foo = \n"}, True),
    ("uvtomlreq", PROJECT, LOCK, {"uv.toml": 'required-version = ">=99"\n'}, True),
    ("uvtomlunknown", PROJECT, LOCK, {"uv.toml": "foo = 1\n"}, True),
    ("envwin", PROJECT + "\n[tool.uv]\nenvironments=[\"sys_platform == 'win32'\"]\n", LOCK, {}, False),
    ("lockwin", PROJECT, LOCK.replace("\n\n", "\nsupported-markers = [\"sys_platform == 'win32'\"]\n\n", 1), {}, True),
    ("lockboth", PROJECT, LOCK.replace("\n\n", "\nsupported-markers = [\"sys_platform == 'win32'\", \"sys_platform == 'linux'\"]\n\n", 1), {}, False),
    ("lockmarkerwin", PROJECT, LOCK.replace("\n\n", "\nresolution-markers = [\"sys_platform == 'win32'\"]\n\n", 1), {}, False),
    ("python99", PROJECT.replace(">=3.10", ">=3.99"), LOCK.replace(">=3.10", ">=3.99"), {}, True),
    ("python27", PROJECT.replace(">=3.10", "==2.7.*"), LOCK.replace(">=3.10", "==2.7.*"), {}, True),
    ("pythonnone", PROJECT.replace(">=3.10", ">=3.10,<3.9"), LOCK, {}, True),
    ("python99lock", PROJECT, LOCK.replace(">=3.10", ">=3.99"), {}, True),
    *((f"version {text!r}", PROJECT, LOCK, {".python-version": text}, refused) for text, refused in VERSIONS),
    ("versions", PROJECT, LOCK, {".python-versions": "3.99\n"}, True),
    ("versionboth", PROJECT, LOCK, {".python-version": "3.11", ".python-versions": "3.99\n"}, False),
    *((f"setting {line}", PROJECT, LOCK, {"uv.toml": f"{line}\n"}, refused) for line, refused in SETTINGS),
    *((f"below: {lines}", f"{PROJECT}{lines}\n", LOCK, {}, refused) for lines, refused in TABLES),
    *((f"above: {line}", f"{line}\n{PROJECT}", LOCK, {}, refused) for line, refused in DOCUMENTS),
    *((f"beside: {line}", f"{PROJECT}[tool.uv]\n{line}\n", LOCK, {"uv.toml": ""}, refused) for line, refused in BESIDE),
    *((f"lock: {line}", PROJECT, _edited(line), {}, refused) for line, refused in LOCKS),
    ("depint", PROJECT.replace('"six"', "1"), LOCK, {}, True),
    ("virtualws", "[tool.uv.workspace]\nmembers=[]\n", LOCK, {}, False),
    ("wsglob", PROJECT + '\n[tool.uv.workspace]\nmembers=["pk/*"]\n', LOCK, {}, False),
    ("wsmissing", PROJECT + '\n[tool.uv.workspace]\nmembers=["gone"]\n', LOCK, {}, False),
)
"""A name, a pyproject.toml, a uv.lock, further files, and whether uv refuses it."""
