"""The containers of a build: one for each lifecycle phase, in order.

What each lifecycle program reads and writes:
https://github.com/buildpacks/spec/blob/main/platform.md
"""

from dataclasses import dataclass
from typing import Any, Final

from service.adapters.kubernetes.manifests.cache import prepare_cache
from service.adapters.kubernetes.manifests.clone import (
    SCRIPT,
    git_environment,
    kept_arguments,
    secret_for,
)
from service.adapters.kubernetes.manifests.containers import (
    SOURCE,
    TERMINATION,
    Mounts,
    container,
)
from service.adapters.kubernetes.manifests.lifecycle_flags import LifecycleFlags
from service.adapters.kubernetes.manifests.names import (
    plain_url,
)
from service.adapters.kubernetes.manifests.project_metadata import project_metadata
from service.adapters.kubernetes.manifests.volumes import (
    CREDENTIALS,
    LAYERS,
    METADATA,
    PLATFORM,
    REGISTRY,
    WORKSPACE,
    mount,
    mount_tmp,
)
from service.adapters.kubernetes.options import KubernetesOptions
from service.domain.building.build import Build

__all__ = ["phases", "variables"]


_PROJECT: Final = f"{METADATA}/project-metadata.toml"


def phases(build: Build, options: KubernetesOptions) -> list[dict[str, Any]]:
    """Return the containers of a build; all but the last are init containers."""
    flags = LifecycleFlags(build=build, options=options)
    run = _Phases(build=build, options=options, flags=flags)
    cache = [prepare_cache(build, options)] if options.cache_volume else []
    if options.is_trusted:
        return [run.clone(), *cache, run.creator()]
    return [
        run.clone(),
        *cache,
        run.analyze(),
        run.detect(),
        run.restore(),
        run.build_phase(),
        run.export(),
    ]


def variables(build: Build, options: KubernetesOptions) -> dict[str, str]:
    """Return the variables of buildpacks; the launcher's frontend takes precedence."""
    # Last, so that an operator's default cannot give a launcher another frontend than
    # its key promises.
    settings = {**options.variables, "BP_RENKU_FRONTENDS": build.spec.frontend}
    if build.attempt > 1:
        # The first may have found no package, and pip says only in its own log what the
        # index answered. Not by how the last one ended: that is another failure once
        # an index stayed out of order, or the start was put back, and none after a
        # consumer died.
        settings.setdefault("PIP_LOG", "/dev/stdout")
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phases:
    """Creates the containers of one build."""

    build: Build
    options: KubernetesOptions
    flags: LifecycleFlags

    def clone(self) -> dict[str, Any]:
        # Credentials of a URL would be visible to everybody who may read pods; Secrets
        # are the way for them.
        url = plain_url(self.build.repository_url)
        settings = variables(self.build, self.options)
        mounts = [mount(WORKSPACE), mount(PLATFORM), mount(METADATA)]
        mounts.append(mount_tmp("clone"))
        if secret_for(url, self.options):
            mounts.append(mount(CREDENTIALS, is_read_only=True))
        return container(
            "clone",
            image=self.options.git_image_for(self.build.spec.platform),
            command=["sh", "-c", SCRIPT, "clone"],
            arguments=[
                *(f"{name}={value}" for name, value in sorted(settings.items())),
                *kept_arguments(self.build.kept or ()),
            ],
            environment={
                **self.options.environment,
                "REPOSITORY": url,
                "COMMIT": self.build.commit,
                "CONTEXT_DIR": self.build.context_dir,
                "KEEP": "all" if self.build.kept is None else "listed",
                "SOURCE": SOURCE,
                "PLATFORM": PLATFORM,
                "PROJECT": project_metadata(self.build),
                "PROJECT_FILE": _PROJECT,
                "MESSAGE": TERMINATION,
                "SUBMODULES": _flag(is_on=self.options.submodules),
                "LFS": _flag(is_on=self.options.lfs),
                **git_environment(url, self.options),
            },
            resources=self.options.resources,
            mounts=mounts,
        )

    def analyze(self) -> dict[str, Any]:
        return self._lifecycle(
            "analyze",
            "analyzer",
            self.flags.analyzed,
            f"-layers={LAYERS}",
            *self.flags.previous_image,
            f"-run-image={self.flags.run_image}",
            *self.flags.cache_image,
            *self.flags.owner,
            self.flags.target,
            mounts=[mount(LAYERS), mount(METADATA), *self.flags.registry],
        )

    def detect(self) -> dict[str, Any]:
        return self._lifecycle(
            "detect",
            "detector",
            self.flags.analyzed,
            self.flags.app,
            self.flags.group,
            f"-layers={LAYERS}",
            self.flags.plan,
            f"-platform={PLATFORM}",
            mounts=[
                mount(WORKSPACE, is_read_only=True),
                mount(LAYERS),
                mount(METADATA),
                mount(PLATFORM, is_read_only=True),
            ],
        )

    def restore(self) -> dict[str, Any]:
        """Create the container that restores layers of earlier builds."""
        # Buildpacks reuse a layer while the definition is unchanged, so a fresh build
        # would get the packages of the last one: hence `-skip-layers`
        # (cmd/lifecycle/restorer.go). The cache for the next build is written as usual.
        return self._lifecycle(
            "restore",
            "restorer",
            self.flags.analyzed,
            *self.flags.cache_image,
            *self.flags.cache_folder,
            self.flags.group,
            f"-layers={LAYERS}",
            *(("-skip-layers",) if self.build.is_fresh else ()),
            *self.flags.owner,
            mounts=[
                mount(LAYERS),
                mount(METADATA),
                *self.flags.cache,
                *self.flags.registry,
            ],
        )

    def build_phase(self) -> dict[str, Any]:
        return self._lifecycle(
            "build",
            "builder",
            *((self.flags.analyzed,) if self.flags.supports(12) else ()),
            self.flags.app,
            self.flags.group,
            f"-layers={LAYERS}",
            self.flags.plan,
            f"-platform={PLATFORM}",
            mounts=[
                mount(WORKSPACE),
                mount(LAYERS),
                mount(METADATA, is_read_only=True),
                mount(PLATFORM, is_read_only=True),
            ],
            is_read_only=False,
        )

    def export(self) -> dict[str, Any]:
        return self._lifecycle(
            "export",
            "exporter",
            self.flags.analyzed,
            self.flags.app,
            *self.flags.cache_image,
            *self.flags.cache_folder,
            # Images are never extended here. Without this flag, export would add
            # whatever lies in the default directory as layers.
            *((f"-extended={METADATA}/extended",) if self.flags.supports(12) else ()),
            self.flags.group,
            f"-layers={LAYERS}",
            *self.flags.process_type,
            f"-project-metadata={_PROJECT}",
            f"-report={TERMINATION}",
            *self.flags.owner,
            self.flags.target,
            mounts=[
                mount(WORKSPACE, is_read_only=True),
                mount(LAYERS),
                mount(METADATA, is_read_only=True),
                *self.flags.cache,
                *self.flags.registry,
            ],
        )

    def creator(self) -> dict[str, Any]:
        return self._lifecycle(
            "creator",
            "creator",
            self.flags.app,
            *self.flags.cache_image,
            *self.flags.cache_folder,
            f"-layers={LAYERS}",
            f"-platform={PLATFORM}",
            *self.flags.previous_image,
            *self.flags.process_type,
            f"-project-metadata={_PROJECT}",
            f"-report={TERMINATION}",
            f"-run-image={self.flags.run_image}",
            *(("-skip-restore",) if self.build.is_fresh else ()),
            *self.flags.owner,
            self.flags.target,
            mounts=[
                mount(WORKSPACE),
                mount(LAYERS),
                mount(METADATA, is_read_only=True),
                mount(PLATFORM, is_read_only=True),
                *self.flags.cache,
                *self.flags.registry,
            ],
            is_read_only=False,
        )

    def _lifecycle(
        self,
        name: str,
        program: str,
        *arguments: str,
        mounts: Mounts,
        is_read_only: bool = True,
    ) -> dict[str, Any]:
        environment = {
            **self.options.environment,
            "CNB_PLATFORM_API": self.options.platform_api,
            # Failures are recognised by the text of the log; colour codes would stand
            # in the middle of it.
            "CNB_NO_COLOR": "true",
        }
        if any(entry["name"] == "registry" for entry in mounts):
            environment["DOCKER_CONFIG"] = REGISTRY
        if self.options.insecure_registries:
            registries = ",".join(self.options.insecure_registries)
            environment["CNB_INSECURE_REGISTRIES"] = registries
        return container(
            name,
            image=self.options.builder_for(self.build.spec.platform),
            command=[f"{self.options.lifecycle}/{program}"],
            arguments=arguments,
            environment=environment,
            resources=self.options.resources,
            mounts=[*mounts, mount_tmp(name)],
            is_read_only=is_read_only,
        )


def _flag(*, is_on: bool) -> str:
    return "true" if is_on else "false"
