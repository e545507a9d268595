"""Check that the images for builds exist, and that built images may be pushed."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from service.adapters.kubernetes.doctor.sample import Sample
from service.adapters.kubernetes.manifests.names import cache_name, target_image
from service.adapters.kubernetes.oci.builder_image import find_incompatibility
from service.adapters.kubernetes.oci.references import ImageReference
from service.adapters.kubernetes.oci.registry import Registry
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.diagnosis import CheckResult, CheckStatus
from service.errors import NotFoundError, PermanentError, TransientError

__all__ = ["ImageChecks"]

_UNREACHABLE: Final = (
    "check that nodes and pods reach it; from here it did not answer as expected"
)
_METADATA: Final = "io.buildpacks.builder.metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageChecks:
    """Checks images in their registries, from this process."""

    registry: Registry
    options: KubernetesOptions
    sample: Sample
    shown_as: str
    """The credentials in use, for messages."""
    audience: str = ""
    """`private ` for images of private repositories."""

    async def check_builder(self) -> Sequence[CheckResult]:
        """Check that the builder image exists, and its platform API and user."""
        image = self.options.builder_for(self._platform)
        subject = self._subject("builder image")
        result, config = await self._look_up(subject, image)
        if config is None:
            return [result]
        inner = config.get("config") or {}
        results = [result, *self._check_platform(subject, config)]
        labels = inner.get("Labels") or {}
        if failure := find_incompatibility(
            labels, platform_api=self.options.platform_api
        ):
            results.append(
                CheckResult.failed("platform API", failure.message, failure.hint)
            )
        elif _METADATA in labels:
            seen = f"the builder image supports {self.options.platform_api}"
            results.append(CheckResult.ok("platform API", seen))
        else:
            results.append(
                CheckResult.warning(
                    "platform API",
                    f"the builder image has no label {_METADATA}, so its platform "
                    f"API is unknown; {self.options.platform_api} is used",
                )
            )
        return [*results, self._check_user(inner)]

    async def check_run_image(self) -> Sequence[CheckResult]:
        """Check that the run image exists."""
        image = self.options.run_image_for(self._platform)
        subject = self._subject("run image")
        result, config = await self._look_up(subject, image)
        return [result, *(self._check_platform(subject, config) if config else ())]

    async def check_git_image(self) -> Sequence[CheckResult]:
        """Check the image of the clone phase."""
        image = self.options.git_image
        if not image:
            return [
                CheckResult.ok(
                    "git image",
                    "the run image is used, which needs sh and git; Renku's has them, "
                    "Paketo's has not (RELAUNCH_KUBERNETES_GIT_IMAGE)",
                )
            ]
        result, _ = await self._look_up("git image", image)
        return [result]

    async def check_push(self) -> Sequence[CheckResult]:
        """Check that built images and cache images may be pushed."""
        image = target_image(self.sample.build, self.options)
        results = [await self._check_push(f"{self.audience}target", image)]
        if repository := self.options.cache_image:
            image = f"{repository}:{cache_name(self.sample.build)}"
            results.append(await self._check_push(f"{self.audience}cache image", image))
        return results

    async def check_pull(self) -> Sequence[CheckResult]:
        """Check that built images may be read: a known one is used again.

        The service asks so whether the image of a key is there, and what a signature
        is about; it builds what it may not see once more.
        """
        subject = f"reading of the {self.audience}target"
        image = target_image(self.sample.build, self.options)
        try:
            reference = ImageReference.from_text(image)
        except PermanentError as exc:
            return [CheckResult.failed(subject, str(exc), "add the registry's name")]
        try:
            # The sample was never built: it suffices that the registry shows so.
            with suppress(NotFoundError):
                await self.registry.digest(reference)
        except TransientError as exc:
            seen = f"may not be read {self.shown_as}: {exc}"
            return [CheckResult.failed(subject, seen, _advise(str(exc)))]
        seen = f"images may be read from {reference.host} {self.shown_as}"
        return [CheckResult.ok(subject, seen)]

    @property
    def _platform(self) -> str:
        return self.sample.build.spec.platform

    def _subject(self, word: str) -> str:
        return f"{word} for {self._platform}" if self.options.platforms else word

    async def _look_up(
        self, subject: str, image: str
    ) -> tuple[CheckResult, Mapping[str, Any] | None]:
        """Check that an image exists; return the result and its configuration."""
        try:
            reference = ImageReference.from_text(image)
        # `python:3.12` means docker.io to a node, and nothing certain to a registry
        # client: nodes may have mirrors or search lists for short names.
        except PermanentError:
            seen = f"{image} names no registry, so it is not checked"
            advice = "put docker.io/… before it if that is meant"
            return CheckResult.warning(subject, seen, advice), None
        try:
            digest = await self.registry.digest(reference)
            manifest = await self.registry.manifest(reference)
            config = await self.registry.config(reference, manifest)
        except NotFoundError:
            seen = f"{image} does not exist, checked {self.shown_as}"
            return CheckResult.failed(
                subject, seen, "push it, or correct its name"
            ), None
        except (TransientError, ValueError, LookupError) as exc:
            seen = f"{image}: {exc}, checked {self.shown_as}"
            return CheckResult.failed(subject, seen, _advise(str(exc))), None
        seen = f"{image} exists, {digest}"
        # The digest is in the name already; only a tag needs it shown.
        if "@" in image:
            return CheckResult.ok(subject, f"{image} exists"), config
        return CheckResult.ok(subject, seen), config

    def _check_platform(
        self, subject: str, config: Mapping[str, Any]
    ) -> Sequence[CheckResult]:
        platform = f"{config.get('os')}/{config.get('architecture')}"
        if platform == self._platform:
            return ()
        return [
            CheckResult.warning(
                subject,
                f"the first of its images is for {platform}; builds are for "
                f"{self._platform}",
                "check that it has one for that platform, too",
            )
        ]

    def _check_user(self, inner: Mapping[str, Any]) -> CheckResult:
        """Compare the user of the builder image with the user of phases.

        https://github.com/buildpacks/spec/blob/main/platform.md#build-image
        """
        variables = dict(value.partition("=")[::2] for value in inner.get("Env") or ())
        declared = variables.get("CNB_USER_ID"), variables.get("CNB_GROUP_ID")
        expected = str(self.options.user), str(self.options.group)
        if None in declared:
            seen = "the builder image does not set CNB_USER_ID and CNB_GROUP_ID"
            return CheckResult.warning("user and group", seen)
        if declared != expected:
            # Another group is only a warning: the files belong to the user, mostly.
            is_user = declared[0] != expected[0]
            return CheckResult(
                subject="user and group",
                status=CheckStatus.FAILED if is_user else CheckStatus.WARNING,
                seen=f"the builder image is for {declared[0]}:{declared[1]}, "
                f"builds run as {expected[0]}:{expected[1]}",
                advice=f"set RELAUNCH_KUBERNETES_USER={declared[0]} and "
                f"RELAUNCH_KUBERNETES_GROUP={declared[1]}",
            )
        return CheckResult.ok(
            "user and group", f"{declared[0]}:{declared[1]}, as in the image"
        )

    async def _check_push(self, subject: str, image: str) -> CheckResult:
        try:
            reference = ImageReference.from_text(image)
            await self.registry.check_push_access(reference)
        except PermanentError as exc:
            return CheckResult.failed(subject, str(exc), "add the registry to the name")
        except NotFoundError:
            return CheckResult.failed(
                subject,
                f"the registry has no {image.rpartition(':')[0]}, and creates none",
                "let the first push create repositories below "
                "RELAUNCH_KUBERNETES_TARGET",
            )
        except TransientError as exc:
            seen = f"may not be pushed {self.shown_as}: {exc}"
            return CheckResult.failed(subject, seen, _advise(str(exc)))
        return CheckResult.ok(
            subject, f"images may be pushed to {reference.host} {self.shown_as}"
        )


def _advise(error: str) -> str:
    if error.endswith(("401", "403")):
        return (
            "grant access to the Secret of RELAUNCH_KUBERNETES_REGISTRY_SECRET, and "
            "give this process credentials with RELAUNCH_KUBERNETES_REGISTRY_CONFIG"
        )
    if "SSL" in error or "TLS" in error or "certificate" in error:
        return (
            "add a registry without TLS to RELAUNCH_KUBERNETES_INSECURE_REGISTRIES; "
            "for a private CA, trust its certificate"
        )
    return _UNREACHABLE
