"""Images of the local builder, and how to run a command inside one."""

import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from service.adapters.local.folders import Folders
from service.adapters.local.frontend import JUPYTER
from service.adapters.local.job import Manifest, read
from service.adapters.local.options import DEFAULT_PATH
from service.domain.definition import Kind
from service.errors import NotFoundError

__all__ = ["Images"]

_REFERENCE: Final = re.compile(r"local/[a-z]+@sha256:([0-9a-f]{64})")


class Images:
    """Finds the environments that references stand for.

    Args:
        folders: Where they are.
        environment: Variables that commands inside them see.
    """

    def __init__(self, *, folders: Folders, environment: Mapping[str, str]) -> None:
        self._folders = folders
        self._environment = environment

    def has(self, reference: str) -> bool:
        """Say whether the manifest and its folder are there."""
        return self._find(reference) is not None

    def path_of(self, reference: str) -> Path:
        """Return the environment's prefix.

        Raises:
            NotFoundError: There is no such image any more.
        """
        return self._place(self._get(reference)) / "env"

    def notes_of(self, reference: str) -> Sequence[str]:
        """Return what the builder remarked, such as which Python took another's place.

        Raises:
            NotFoundError: There is no such image any more.
        """
        return self._get(reference).notes

    def command_in(
        self, reference: str, argv: Sequence[str], *, frontend: bool = False
    ) -> tuple[list[str], dict[str, str]]:
        """Return the command and the whole environment to run it inside an image.

        With `frontend`, the arguments go to JupyterLab and it sees the image's
        kernel.

        Raises:
            NotFoundError: There is no such image, program or frontend.
        """
        manifest = self._get(reference)
        place = self._place(manifest)
        variables = self._variables(place, manifest)
        if frontend:
            variables["JUPYTER_PATH"] = str(place / JUPYTER)
            return [str(self._jupyterlab(manifest)), *argv], variables
        if not argv:
            raise NotFoundError("no command was given")
        program = shutil.which(argv[0], path=variables["PATH"])
        if program is None:
            raise NotFoundError(f"there is no program {argv[0]!r} in {reference}")
        return [program, *argv[1:]], variables

    def _variables(self, place: Path, manifest: Manifest) -> dict[str, str]:
        env = place / "env"
        path = self._environment.get("PATH", DEFAULT_PATH)
        name = "CONDA_PREFIX" if manifest.kind is Kind.CONDA else "VIRTUAL_ENV"
        return {
            **self._environment,
            "HOME": str(self._folders.home),
            "LANG": "C.UTF-8",
            "PATH": f"{env / 'bin'}:{path}",
            "PYTHONNOUSERSITE": "1",
            # Byte code is not part of the image.
            "PYTHONDONTWRITEBYTECODE": "1",
            name: str(env),
        }

    def _jupyterlab(self, manifest: Manifest) -> Path:
        tool = self._folders.tools / f"jupyterlab-{manifest.jupyterlab_version}"
        program = tool / "bin" / "jupyter-lab"
        if manifest.frontend != "jupyterlab" or not program.exists():
            raise NotFoundError(
                f"{manifest.reference} was built with the frontend "
                f"{manifest.frontend!r}; the local builder serves only 'jupyterlab'"
            )
        return program

    def _get(self, reference: str) -> Manifest:
        manifest = self._find(reference)
        if manifest is None:
            raise NotFoundError(f"there is no image {reference!r} here")
        return manifest

    def _find(self, reference: str) -> Manifest | None:
        match = _REFERENCE.fullmatch(reference)
        manifest = read(self._folders.manifest(match[1]), Manifest) if match else None
        if manifest is None or not (self._place(manifest) / "env").is_dir():
            return None
        return manifest

    def _place(self, manifest: Manifest) -> Path:
        return self._folders.environment(manifest.environment)
