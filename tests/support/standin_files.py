"""An image's files on this machine, with the strict launcher: what starts is a session.

For tests of what happens in a container, without a container: the launcher takes its
folders from the variables that a platform may set.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.standin import frontends, launcher

__all__ = ["ImageFiles"]


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """A root of layers, application, launcher and a session's volume."""

    root: Path
    extra: dict[str, str] = field(default_factory=dict)
    """Variables of the container beside the image's own."""

    def __post_init__(self) -> None:
        for folder in (self.layers, self.app, self.volume, self.launcher.parent):
            folder.mkdir(parents=True, exist_ok=True)
        source = Path(launcher.__file__).read_text()
        self.launcher.write_text(f"#!{sys.executable} -I\n{source}")
        self.launcher.chmod(0o755)

    @property
    def layers(self) -> Path:
        return self.root / "layers"

    @property
    def app(self) -> Path:
        return self.root / "workspace"

    @property
    def volume(self) -> Path:
        return self.root / "volume"

    @property
    def site(self) -> Path:
        """A layer of packages, which only the launcher puts on Python's path."""
        return self.layers / "standin_pip" / "packages"

    @property
    def launcher(self) -> Path:
        return self.root / "cnb" / "lifecycle" / "launcher"

    @property
    def environment(self) -> Mapping[str, str]:
        """What the container has: the image's variables, and a session's."""
        return {
            "CNB_APP_DIR": str(self.app),
            "CNB_LAYERS_DIR": str(self.layers),
            "CNB_PLATFORM_API": "0.13",
            "HOME": str(self.root),
            "PATH": f"/cnb/process:/cnb/lifecycle:{Path(sys.executable).parent}"
            ":/usr/local/bin:/usr/bin:/bin",
            "RENKU_BASE_URL_PATH": "/sessions/smoke",
            "RENKU_MOUNT_DIR": str(self.volume),
            "RENKU_SESSION_IP": "127.0.0.1",
            "RENKU_WORKING_DIR": str(self.volume),
            **self.extra,
        }

    def build(self, frontend: str, files: Mapping[str, str] | None = None) -> str:
        """Let the stand-in's buildpacks make the layers; return the entrypoint."""
        for name, text in (files or {}).items():
            (self.app / name).write_text(text)
        told = {"BP_RENKU_FRONTENDS": frontend}
        self.site.mkdir(parents=True, exist_ok=True)
        folder = self.site / "env.launch"
        folder.mkdir(exist_ok=True)
        (folder / "PYTHONPATH.prepend").write_text(str(self.site))
        frontends.build(self.app, self.layers, told, self.site)
        return self._entrypoint(frontends.default_process(self.layers))

    def process(self, name: str, *command: str, api: str = "0.10") -> str:
        """Add a process of a buildpack of its own; return its entrypoint."""
        return self.describe(name, command=command, api=api)

    def describe(
        self,
        name: str,
        *,
        command: Sequence[str] = (),
        args: Sequence[str] = (),
        direct: bool = True,
        api: str = "0.10",
        more: str = "",
    ) -> str:
        """Write a metadata.toml with one process, as the build phase does."""
        config = self.layers / "config"
        config.mkdir(parents=True, exist_ok=True)
        (config / "metadata.toml").write_text(
            f'[[buildpacks]]\nid = "a/b"\napi = "{api}"\n\n[[processes]]\n'
            f'type = "{name}"\ncommand = {json.dumps(command)}\n'
            f"args = {json.dumps(args)}\n"
            f'direct = {str(direct).lower()}\nbuildpack-id = "a/b"\n{more}'
        )
        return self._entrypoint(name)

    def layer(self, name: str, files: Mapping[str, str]) -> Path:
        """Lay files into a layer of that buildpack; scripts can be run."""
        folder = self.layers / "a_b" / name
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
            (folder / path).chmod(0o755 if text.startswith("#!") else 0o644)
        return folder

    def _entrypoint(self, process: str) -> str:
        if not process:
            return str(self.launcher)
        path = self.root / "cnb" / "process" / process
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(self.launcher)
        return str(path)
