"""Why the image of a successful build Job does not count yet: it cannot be checked.

The consumer reads each new image from its registry, and starts its smoke test. Errors
of both are retried for a while, and are the operator's to fix, or pass by themselves.
"""

from typing import Final

from service.adapters.kubernetes.diagnosis.starting import admission_failure
from service.adapters.kubernetes.errors import ApiRefusedError
from service.adapters.kubernetes.oci.connection import RegistryRefusedError
from service.domain.building.failure import Failure, FailureClass
from service.errors import PermanentError, ServiceError, TransientError

__all__ = ["registry_failure", "smoke_start_failure"]

_OPERATOR_HINT: Final = "an operator has to fix this; the build is retried"
_CREDENTIALS_HINT: Final = (
    "an operator gives the consumer credentials that may read there"
    " (RELAUNCH_KUBERNETES_REGISTRY_CONFIG); the build is retried"
)


def registry_failure(exc: TransientError) -> Failure:
    """Return why a new image cannot be read from its registry.

    Pods may push where the consumer may not read, since the two have different
    credentials.
    """
    if isinstance(exc, RegistryRefusedError):
        return Failure(
            kind=FailureClass.REGISTRY_REFUSED,
            message="the image was built, but its registry does not let the consumer "
            f"read it: {exc}",
            hint=_CREDENTIALS_HINT,
        )
    return Failure(
        kind=FailureClass.NETWORK,
        message=f"the image was built, but its registry does not answer: {exc}",
        hint="the build is retried",
    )


def smoke_start_failure(exc: ServiceError) -> Failure:
    """Return why the smoke test of a new image cannot be started."""
    if isinstance(exc, RegistryRefusedError):
        return registry_failure(exc)
    if isinstance(exc, ApiRefusedError | PermanentError):
        rejection = admission_failure(str(exc))
        return Failure(
            kind=rejection.kind,
            message="the image was built, but its smoke test could not start: "
            f"{rejection.message}",
            hint=rejection.hint,
        )
    return Failure(
        kind=FailureClass.INTERNAL,
        message=f"the image was built, but its smoke test could not start: {exc}",
        hint=_OPERATOR_HINT,
    )
