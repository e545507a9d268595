"""The phases of a build, a container each, in the order of their names.

https://github.com/buildpacks/spec/blob/main/platform.md says what each lifecycle
program reads and writes.
"""

from dataclasses import dataclass
from typing import Any, Final

from service.adapters.kubernetes.cache import prepare_cache
from service.adapters.kubernetes.clone import (
    SCRIPT,
    git_environment,
    kept_arguments,
    secret_for,
)
from service.adapters.kubernetes.containers import (
    SOURCE,
    TERMINATION,
    Mounts,
    container,
)
from service.adapters.kubernetes.names import cache_name, plain_url, target_image
from service.adapters.kubernetes.options import KubernetesOptions
from service.adapters.kubernetes.project import project_metadata
from service.adapters.kubernetes.volumes import (
    CACHE,
    CREDENTIALS,
    LAYERS,
    METADATA,
    PLATFORM,
    REGISTRY,
    WORKSPACE,
    mount,
    mount_cache,
    mount_tmp,
)
from service.domain.build import Build

__all__ = ["phases", "variables"]


_PROJECT: Final = f"{METADATA}/project-metadata.toml"


def phases(build: Build, options: KubernetesOptions) -> list[dict[str, Any]]:
    """Return the containers of a build; all but the last are init containers."""
    run = _Phases(build=build, options=options)
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
    """Return what buildpacks are told; the launcher's frontend wins."""
    return {**options.variables, "BP_RENKU_FRONTENDS": build.recipe.frontend}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Phases:
    """Writes the containers of one build."""

    build: Build
    options: KubernetesOptions

    def clone(self) -> dict[str, Any]:
        url = plain_url(self.build.repository_url)
        told = variables(self.build, self.options)
        mounts = [mount(WORKSPACE), mount(PLATFORM), mount(METADATA)]
        mounts.append(mount_tmp("clone"))
        if secret_for(url, self.options):
            mounts.append(mount(CREDENTIALS, is_read_only=True))
        return container(
            "clone",
            image=self.options.git_image_for(self.build.recipe.platform),
            command=["sh", "-c", SCRIPT, "clone"],
            arguments=[
                *(f"{name}={value}" for name, value in sorted(told.items())),
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
            self._analyzed,
            f"-layers={LAYERS}",
            *self._previous_image,
            f"-run-image={self._run_image}",
            *self._cache_image,
            *self._owner,
            self._target,
            mounts=[mount(LAYERS), mount(METADATA), *self._registry],
        )

    def detect(self) -> dict[str, Any]:
        return self._lifecycle(
            "detect",
            "detector",
            self._analyzed,
            self._app,
            self._group,
            f"-layers={LAYERS}",
            self._plan,
            f"-platform={PLATFORM}",
            mounts=[
                mount(WORKSPACE, is_read_only=True),
                mount(LAYERS),
                mount(METADATA),
                mount(PLATFORM, is_read_only=True),
            ],
        )

    def restore(self) -> dict[str, Any]:
        return self._lifecycle(
            "restore",
            "restorer",
            self._analyzed,
            *self._cache_image,
            *self._cache_folder,
            self._group,
            f"-layers={LAYERS}",
            *self._owner,
            mounts=[mount(LAYERS), mount(METADATA), *self._cache, *self._registry],
        )

    def build_phase(self) -> dict[str, Any]:
        return self._lifecycle(
            "build",
            "builder",
            *((self._analyzed,) if self._speaks(12) else ()),
            self._app,
            self._group,
            f"-layers={LAYERS}",
            self._plan,
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
            self._analyzed,
            self._app,
            *self._cache_image,
            *self._cache_folder,
            # No image is extended here; what lies there would become layers unasked.
            *((f"-extended={METADATA}/extended",) if self._speaks(12) else ()),
            self._group,
            f"-layers={LAYERS}",
            *self._process_type,
            f"-project-metadata={_PROJECT}",
            f"-report={TERMINATION}",
            *self._owner,
            self._target,
            mounts=[
                mount(WORKSPACE, is_read_only=True),
                mount(LAYERS),
                mount(METADATA, is_read_only=True),
                *self._cache,
                *self._registry,
            ],
        )

    def creator(self) -> dict[str, Any]:
        return self._lifecycle(
            "creator",
            "creator",
            self._app,
            *self._cache_image,
            *self._cache_folder,
            f"-layers={LAYERS}",
            f"-platform={PLATFORM}",
            *self._previous_image,
            *self._process_type,
            f"-project-metadata={_PROJECT}",
            f"-report={TERMINATION}",
            f"-run-image={self._run_image}",
            *self._owner,
            self._target,
            mounts=[
                mount(WORKSPACE),
                mount(LAYERS),
                mount(METADATA, is_read_only=True),
                mount(PLATFORM, is_read_only=True),
                *self._cache,
                *self._registry,
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
            "CNB_NO_COLOR": "true",
        }
        if any(it["name"] == "registry" for it in mounts):
            environment["DOCKER_CONFIG"] = REGISTRY
        if self.options.insecure_registries:
            registries = ",".join(self.options.insecure_registries)
            environment["CNB_INSECURE_REGISTRIES"] = registries
        return container(
            name,
            image=self.options.builder_for(self.build.recipe.platform),
            command=[f"{self.options.lifecycle}/{program}"],
            arguments=arguments,
            environment=environment,
            resources=self.options.resources,
            mounts=[*mounts, mount_tmp(name)],
            is_read_only=is_read_only,
        )

    @property
    def _app(self) -> str:
        context_dir = self.build.context_dir
        return f"-app={SOURCE}/{context_dir}" if context_dir else f"-app={SOURCE}"

    @property
    def _analyzed(self) -> str:
        return f"-analyzed={METADATA}/analyzed.toml"

    @property
    def _group(self) -> str:
        return f"-group={METADATA}/group.toml"

    @property
    def _plan(self) -> str:
        return f"-plan={METADATA}/plan.toml"

    @property
    def _previous_image(self) -> tuple[str, ...]:
        """Pass an image that our own credentials read: analyze fails at any other."""
        image = self.build.previous_image or ""
        is_ours = image.startswith(f"{self.options.target}/")
        if not (is_ours and self.options.reuses_layers):
            return ()
        return (f"-previous-image={image}",)

    @property
    def _process_type(self) -> tuple[str, ...]:
        found = self.options.process_types.get(self.build.recipe.frontend)
        return (f"-process-type={found}",) if found else ()

    @property
    def _run_image(self) -> str:
        return self.options.run_image_for(self.build.recipe.platform)

    @property
    def _target(self) -> str:
        return target_image(self.build, self.options)

    def _speaks(self, minor: int) -> bool:
        """Say whether the platform API is 0.`minor` or newer."""
        return int(self.options.platform_api.partition(".")[2]) >= minor

    @property
    def _owner(self) -> tuple[str, ...]:
        return f"-uid={self.options.user}", f"-gid={self.options.group}"

    @property
    def _cache_image(self) -> tuple[str, ...]:
        if not self.options.cache_image:
            return ()
        return (f"-cache-image={self.options.cache_image}:{cache_name(self.build)}",)

    @property
    def _cache_folder(self) -> tuple[str, ...]:
        return (f"-cache-dir={CACHE}",) if self.options.cache_volume else ()

    @property
    def _cache(self) -> Mounts:
        return [mount_cache(self.build)] if self.options.cache_volume else []

    @property
    def _registry(self) -> Mounts:
        has_secret = bool(self.options.registry_secret)
        return [mount(REGISTRY, is_read_only=True)] if has_secret else []


def _flag(*, is_on: bool) -> str:
    return "true" if is_on else "false"
