"""The Jobs of a sample build, for checks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from service.adapters.kubernetes.client import Json
from service.adapters.kubernetes.manifests.job import to_job
from service.adapters.kubernetes.manifests.smoke import to_smoke_job
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.building.build import (
    Build,
    BuildId,
    BuildKey,
    BuildSpec,
    BuildState,
    EnvironmentId,
)
from service.domain.definition import Kind
from service.domain.repository import CommitSha

__all__ = ["DEFAULT_PLATFORM", "Reference", "Sample", "create_sample", "private_builds"]

DEFAULT_PLATFORM: Final = "linux/amd64"
_MARK: Final = "d0c70e" + "0" * 58
"""A build key whose image repository no build uses."""
_DIGEST: Final = f"sha256:{'0' * 64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An object that a pod refers to."""

    kind: str
    name: str
    keys: frozenset[str] = frozenset()
    """The keys that it must have."""
    purpose: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The Jobs of one build: the build itself and its smoke test."""

    build: Build
    jobs: Sequence[Json]
    others: Sequence[Json] = field(default=())
    """Jobs that refer to other Secrets: those of private repositories."""

    def pods(self) -> Sequence[Json]:
        """Return the specifications of the pods."""
        return [job["spec"]["template"]["spec"] for job in self.jobs]

    def references(self) -> Sequence[Reference]:
        """Return the objects that pods refer to, without duplicates."""
        found: dict[tuple[str, str], Reference] = {}
        # The keys of one Secret are collected over all Jobs: two phases may mount
        # different keys of it.
        for job in (*self.jobs, *self.others):
            for reference in _list_references(job["spec"]["template"]["spec"]):
                known = found.get((reference.kind, reference.name))
                keys = reference.keys | (known.keys if known else frozenset())
                found[reference.kind, reference.name] = Reference(
                    kind=reference.kind, name=reference.name, keys=keys
                )
        return list(found.values())


def create_sample(
    options: KubernetesOptions, *, platform: str = DEFAULT_PLATFORM
) -> Sample:
    """Create the Jobs of a sample build."""
    build = _create_build("https://relaunch.invalid/owner/course", platform)
    private = [
        item for item in private_builds(options, platform) if options.private_target
    ]
    return Sample(
        build=build,
        jobs=_create_jobs(build, options),
        others=[job for item in private for job in _create_jobs(item, options)],
    )


def private_builds(
    options: KubernetesOptions, platform: str = DEFAULT_PLATFORM
) -> Sequence[Build]:
    """Create builds of private repositories, one for each host with a Secret."""
    scheme = options.git_protocols[0]
    hosts = tuple(options.git_secrets) or ("relaunch.invalid",)
    return [
        _create_build(
            f"{scheme}://{host}/owner/course", platform, private_to=f"{host}/1"
        )
        for host in hosts
    ]


def _create_jobs(build: Build, options: KubernetesOptions) -> Sequence[Json]:
    image = f"{options.target}/doctor@{_DIGEST}"
    smoke = to_smoke_job(build, image, ("/cnb/process/web",), options)
    return [to_job(build, options), *([smoke] if options.smoke else [])]


def _create_build(url: str, platform: str, *, private_to: str = "") -> Build:
    return Build(
        id=BuildId("doctor"),
        key=BuildKey(_MARK),
        state=BuildState.QUEUED,
        spec=BuildSpec(
            builder="python",
            frontend="vscodium",
            platform=platform,
            builder_image="",
            private_to=private_to,
        ),
        kind=Kind.PIP,
        repository_url=url,
        commit=CommitSha("0" * 40),
        context_dir="",
        path="requirements.txt",
        environment_id=EnvironmentId("doctor"),
        project_id="doctor",
        created_at=datetime.fromtimestamp(0, UTC),
    )


def _list_references(pod: Json) -> list[Reference]:
    found = [
        reference
        for volume in pod.get("volumes") or ()
        for reference in _read_volume(volume)
    ]
    for secret in pod.get("imagePullSecrets") or ():
        key = frozenset({".dockerconfigjson"})
        found.append(Reference(kind="Secret", name=secret["name"], keys=key))
    containers = (*(pod.get("initContainers") or ()), *pod["containers"])
    for container in containers:
        for variable in container.get("env") or ():
            found += _read_variable(variable.get("valueFrom") or {})
    for field_name, kind in (
        ("serviceAccountName", "ServiceAccount"),
        ("priorityClassName", "PriorityClass"),
        ("runtimeClassName", "RuntimeClass"),
    ):
        if name := pod.get(field_name):
            found.append(Reference(kind=kind, name=name))
    return found


def _read_volume(volume: Json) -> list[Reference]:
    if "projected" in volume:
        sources = volume["projected"].get("sources") or ()
        return [
            reference
            for source in sources
            for reference in _read_volume(_to_volume(source))
        ]
    for field_name, kind, name in (
        ("secret", "Secret", "secretName"),
        ("configMap", "ConfigMap", "name"),
        ("persistentVolumeClaim", "PersistentVolumeClaim", "claimName"),
    ):
        if made := volume.get(field_name):
            keys = frozenset(item["key"] for item in made.get("items") or ())
            return [Reference(kind=kind, name=made[name], keys=keys)]
    return []


def _to_volume(source: Json) -> Json:
    """Convert a source of a projected volume into a volume of its own."""
    if secret := source.get("secret"):
        return {"secret": {**secret, "secretName": secret["name"]}}
    return source


def _read_variable(source: Mapping[str, Json]) -> list[Reference]:
    return [
        Reference(
            kind=kind, name=source[name]["name"], keys=frozenset({source[name]["key"]})
        )
        for name, kind in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap"))
        if name in source
    ]
