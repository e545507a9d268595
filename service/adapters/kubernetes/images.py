"""The images that builds pushed: whether they are there, and their removal."""

from service.adapters.kubernetes.manifests.names import cache_name
from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.oci.removal import (
    remove_manifest,
    remove_signed_image,
)
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.signing.step import Signing
from service.domain.building.build import Build, Image
from service.errors import PermanentError

__all__ = ["RegistryImages"]


class RegistryImages:
    """The part of the port `Builder` that is about images; the builder opens it."""

    _registry: Registry
    _signing: Signing
    _options: KubernetesOptions

    async def digest_of(self, reference: str) -> str:
        return await self._registry.digest(ImageReference.from_text(reference))

    async def has(self, image: Image) -> bool:
        try:
            reference = ImageReference.from_text(image.reference)
        except PermanentError:
            return False  # another builder's, from before the settings changed
        # Registries delete images on their own (retention, garbage collection); a
        # launcher must not be moved to one that is gone.
        if not await self._registry.has(reference):
            return False
        return await self._signing.has_signed(reference)

    async def remove_image(self, image: Image) -> bool:
        try:
            reference = ImageReference.from_text(image.reference)
        except PermanentError:
            return True  # another builder's, from before the settings changed
        return await remove_signed_image(self._registry, reference)

    async def remove_cache(self, build: Build) -> None:
        if repository := self._options.cache_image:
            text = f"{repository}:{cache_name(build)}"
            await remove_manifest(self._registry, ImageReference.from_text(text))
