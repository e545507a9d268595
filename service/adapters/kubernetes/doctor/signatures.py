"""Check that signatures may be pushed to the repositories of images."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.diagnosis import CheckResult
from service.errors import NotFoundError, TransientError

__all__ = ["SIGNATURES", "SignatureChecks"]

SIGNATURES = "signatures"
_NAME = "env-signatures"
"""The repository of the check, below the prefix of images; nothing is pushed there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureChecks:
    """Checks the registries of images with the credentials for signatures."""

    registry: Registry
    options: KubernetesOptions
    shown_as: str
    """The credentials in use, for messages."""

    async def check_push(self) -> Sequence[CheckResult]:
        """Check that the consumer itself may push below each prefix of images."""
        targets = [self.options.target, self.options.private_target]
        return [await self._check_target(target) for target in targets if target]

    async def _check_target(self, target: str) -> CheckResult:
        image = ImageReference.from_text(f"{target}/{_NAME}")
        try:
            await self.registry.check_push_access(image)
        except (NotFoundError, TransientError) as exc:
            return CheckResult.failed(
                SIGNATURES,
                f"may not be pushed to {target} {self.shown_as}: {exc}",
                "set RELAUNCH_SIGNING_REGISTRY_CONFIG to a config.json that may pull "
                "and push there",
            )
        seen = f"may be pushed to {target} {self.shown_as}"
        return CheckResult.ok(SIGNATURES, seen)
