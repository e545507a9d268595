"""The flags and mounts that several lifecycle programs have in common.

https://github.com/buildpacks/spec/blob/main/platform.md
"""

from dataclasses import dataclass

from service.adapters.kubernetes.manifests.containers import (
    SOURCE,
    Mounts,
)
from service.adapters.kubernetes.manifests.names import (
    cache_name,
    target_image,
)
from service.adapters.kubernetes.manifests.volumes import (
    CACHE,
    METADATA,
    REGISTRY,
    mount,
    mount_cache,
)
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.building.build import Build

__all__ = ["LifecycleFlags"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleFlags:
    """Writes the flags of one build."""

    build: Build
    options: KubernetesOptions

    @property
    def app(self) -> str:
        """Return the flag for the directory that is built."""
        context_dir = self.build.context_dir
        return f"-app={SOURCE}/{context_dir}" if context_dir else f"-app={SOURCE}"

    @property
    def analyzed(self) -> str:
        """Return the flag for what analyze found."""
        return f"-analyzed={METADATA}/analyzed.toml"

    @property
    def group(self) -> str:
        """Return the flag for the buildpacks that take part."""
        return f"-group={METADATA}/group.toml"

    @property
    def plan(self) -> str:
        """Return the flag for what they agreed on."""
        return f"-plan={METADATA}/plan.toml"

    @property
    def previous_image(self) -> tuple[str, ...]:
        """Return the flag for the image whose layers may be reused."""
        # Only one below our own target: analyze fails on an image that its credentials
        # cannot read.
        image = self.build.previous_image or ""
        is_ours = image.startswith(f"{self.options.target}/")
        if not (is_ours and self.options.reuses_layers):
            return ()
        return (f"-previous-image={image}",)

    @property
    def process_type(self) -> tuple[str, ...]:
        """Return the flag for the process that sessions start."""
        process = self.options.process_types.get(self.build.spec.frontend)
        return (f"-process-type={process}",) if process else ()

    @property
    def run_image(self) -> str:
        """Return the image that the build extends."""
        return self.options.run_image_for(self.build.spec.platform)

    @property
    def target(self) -> str:
        """Return the name of the image that is pushed."""
        return target_image(self.build, self.options)

    def supports(self, minor: int) -> bool:
        """Return whether the platform API is 0.`minor` or newer."""
        return int(self.options.platform_api.partition(".")[2]) >= minor

    @property
    def owner(self) -> tuple[str, ...]:
        """Return the flags for the user of the layers."""
        return f"-uid={self.options.user}", f"-gid={self.options.group}"

    @property
    def cache_image(self) -> tuple[str, ...]:
        """Return the flag for a cache in the registry."""
        if not self.options.cache_image:
            return ()
        return (f"-cache-image={self.options.cache_image}:{cache_name(self.build)}",)

    @property
    def cache_folder(self) -> tuple[str, ...]:
        """Return the flag for a cache on a volume."""
        return (f"-cache-dir={CACHE}",) if self.options.cache_volume else ()

    @property
    def cache(self) -> Mounts:
        """Return the mount of the cache volume."""
        return [mount_cache(self.build)] if self.options.cache_volume else []

    @property
    def registry(self) -> Mounts:
        """Return the mount of the registry's credentials."""
        has_secret = bool(self.options.registry_secret)
        return [mount(REGISTRY, is_read_only=True)] if has_secret else []
