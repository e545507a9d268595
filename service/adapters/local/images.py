"""Find images of the local builder and run commands inside them."""

import asyncio
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from service.adapters.local.cleanup import remove_image
from service.adapters.local.folders import Folders
from service.adapters.local.frontend import JUPYTER
from service.adapters.local.job import ImageManifest, read
from service.adapters.local.options import DEFAULT_PATH
from service.domain.building.build import Build, Image
from service.domain.definition import Kind
from service.errors import NotFoundError

__all__ = ["Images", "LocalImageAccess"]

_REFERENCE: Final = re.compile(r"local/[a-z]+@sha256:([0-9a-f]{64})")


class Images:
    """Find the environments of image references.

    Args:
        folders: The builder's folders.
        environment: Variables of commands inside them.
    """

    def __init__(self, *, folders: Folders, environment: Mapping[str, str]) -> None:
        self._folders = folders
        self._environment = environment

    def has(self, reference: str) -> bool:
        """Return whether the manifest and its folder exist."""
        return self._find(reference) is not None

    def path_of(self, reference: str) -> Path:
        """Return the environment's prefix.

        Raises:
            NotFoundError: There is no such image any more.
        """
        return self._environment_folder(self._get(reference)) / "env"

    def notes_of(self, reference: str) -> Sequence[str]:
        """Return the builder's notes, such as which Python replaced another.

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
        folder = self._environment_folder(manifest)
        variables = self._variables(folder, manifest)
        if frontend:
            variables["JUPYTER_PATH"] = str(folder / JUPYTER)
            return [str(self._jupyterlab(manifest)), *argv], variables
        if not argv:
            raise NotFoundError("no command was given")
        # In the image's path and not in ours: the same name may be another program
        # here.
        program = shutil.which(argv[0], path=variables["PATH"])
        if program is None:
            hint = (
                "; a program is one word, and its arguments are further ones"
                if set(argv[0]) & set(" [")
                else ""
            )
            raise NotFoundError(f"there is no program {argv[0]!r} in {reference}{hint}")
        return [program, *argv[1:]], variables

    def _variables(self, folder: Path, manifest: ImageManifest) -> dict[str, str]:
        env = folder / "env"
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

    def _jupyterlab(self, manifest: ImageManifest) -> Path:
        get_tool = self._folders.tools / f"jupyterlab-{manifest.jupyterlab_version}"
        program = get_tool / "bin" / "jupyter-lab"
        if manifest.frontend != "jupyterlab" or not program.exists():
            raise NotFoundError(
                f"{manifest.reference} was built with the frontend "
                f"{manifest.frontend!r}; the local builder serves only 'jupyterlab'"
            )
        return program

    def _get(self, reference: str) -> ImageManifest:
        manifest = self._find(reference)
        if manifest is None:
            raise NotFoundError(f"there is no image {reference!r} here")
        return manifest

    def _find(self, reference: str) -> ImageManifest | None:
        match = _REFERENCE.fullmatch(reference)
        manifest = (
            read(self._folders.manifest(match[1]), ImageManifest) if match else None
        )
        if (
            manifest is None
            or not (self._environment_folder(manifest) / "env").is_dir()
        ):
            return None
        return manifest

    def _environment_folder(self, manifest: ImageManifest) -> Path:
        return self._folders.environment(manifest.environment)


class LocalImageAccess:
    """The part of the port `Builder` that is about images; the builder opens it."""

    images: Images
    _folders: Folders
    _lock: asyncio.Lock

    async def has(self, image: Image) -> bool:
        return self.images.has(image.reference)

    async def remove_image(self, image: Image) -> bool:
        async with self._lock:
            await asyncio.to_thread(remove_image, self._folders, image.reference)
        return True

    async def remove_cache(self, build: Build) -> None:
        del build  # what installers downloaded is shared by all builds

    def path_of(self, reference: str) -> Path:
        """Return the prefix of an image's environment.

        Raises:
            NotFoundError: There is no such image any more.
        """
        return self.images.path_of(reference)

    def command_in(
        self, reference: str, argv: Sequence[str], *, frontend: bool = False
    ) -> tuple[list[str], dict[str, str]]:
        """Return a command and its environment, to run it inside an image.

        See `Images.command_in`.

        Raises:
            NotFoundError: There is no such image, program or frontend.
        """
        return self.images.command_in(reference, argv, frontend=frontend)
