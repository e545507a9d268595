"""Options for private repositories: a separate image prefix and separate Secrets.

As in Renku, which has `BUILD_OUTPUT_PRIVATE_IMAGE_PREFIX` besides
`BUILD_OUTPUT_IMAGE_PREFIX`; neither may be a prefix of the other.
"""

from dataclasses import replace
from typing import Final

from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.building.build import Build
from service.domain.building.failure import Failure, FailureClass

__all__ = ["options_for", "pull_secret_of", "refusal", "smoke_options_for"]

_CACHES: Final = "cache"
"""The repository of private cache images, below the private prefix."""


def options_for(build: Build, options: KubernetesOptions) -> KubernetesOptions:
    """Return the options of a build, by whether its repository is private."""
    # Anybody may pull the image of a public repository, so its build gets no
    # credentials of a forge: a private submodule of it cannot be fetched and cannot
    # leak.
    if not build.spec.private_to:
        # Also without a submodule: code of the build phase runs after the clone, and
        # what was never mounted cannot be read.
        return replace(options, git_secrets={})
    return replace(
        options,
        target=options.private_target,
        registry_secret=options.private_registry_secret,
        cache_image=f"{options.private_target}/{_CACHES}"
        if options.cache_image
        else "",
    )


def smoke_options_for(build: Build, options: KubernetesOptions) -> KubernetesOptions:
    """Return the options of the pod that runs the smoke test of a build's image."""
    secret = options.private_pull_secret
    if not build.spec.private_to or not secret or secret in options.pull_secrets:
        return options
    return replace(options, pull_secrets=(*options.pull_secrets, secret))


def refusal(build: Build, options: KubernetesOptions) -> Failure | None:
    """Return why a build of a private repository is refused; None when it is not."""
    if not build.spec.private_to or options.private_target:
        return None
    return Failure(
        kind=FailureClass.PRIVATE_REFUSED,
        message=f"{build.repository_url} is private, and builds of private repositories"
        " are not enabled: RELAUNCH_KUBERNETES_PRIVATE_TARGET is not set",
        hint="an operator can set a target for images of private repositories; then the"
        " build is retried automatically",
    )


def pull_secret_of(reference: str, options: KubernetesOptions) -> str:
    """Return the Secret with which sessions pull an image; empty for none."""
    target = options.private_target
    is_private = bool(target) and reference.startswith(f"{target}/")
    return options.private_pull_secret if is_private else ""
