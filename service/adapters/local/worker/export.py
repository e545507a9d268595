"""Make an image of the built environment."""

import shutil
from datetime import datetime

from service.adapters.local.errors import StoppedError
from service.adapters.local.folders import remove_tree
from service.adapters.local.inventory import digest_of, packages_of, size_of
from service.adapters.local.job import ImageManifest, read, write
from service.adapters.local.worker.clone import drop_history
from service.adapters.local.worker.context import BuildContext
from service.adapters.local.worker.kept_files import drop_checkout
from service.adapters.local.worker.safe_files import write_anew
from service.domain.building.failure import FailureClass

__all__ = ["check_disk", "export"]


def export(context: BuildContext, *, at: datetime) -> ImageManifest:
    """Compute the environment's digest and write its manifest.

    When an image with this digest exists, it is returned and this build's folder is
    removed.
    """
    # Before the digest: what git keeps of a clone differs from one to the next, and
    # equal environments would differ by it.
    drop_history(context)
    drop_checkout(context)
    context.env.mkdir(exist_ok=True)
    # Equal trees of two frontends are two images.
    recipe = f"{context.job.kind.value}\n{context.job.frontend}\n"
    write_anew(context.environment_folder / "recipe", recipe)
    digest = digest_of(context.environment_folder)
    path = context.folders.manifest(digest)
    known = read(path, ImageManifest)
    # A manifest whose folder is gone is replaced: its image could not be started.
    if known and context.folders.environment(known.environment).is_dir():
        context.log(f"the same environment was built before: {known.reference}")
        remove_tree(context.environment_folder)
        return known
    manifest = _manifest(context, digest, at)
    write(path, manifest)
    context.log(
        f"{manifest.reference}: {len(manifest.packages)} packages, "
        f"{manifest.size / 1_000_000:.1f} MB"
    )
    return manifest


def check_disk(context: BuildContext) -> None:
    """Check the free disk space before a build.

    Raises:
        StoppedError: There is too little.
    """
    free = shutil.disk_usage(context.folders.root).free
    wanted = context.job.min_free_disk
    if free < wanted:
        raise StoppedError(
            FailureClass.OUT_OF_DISK,
            f"{free // 2**20} MiB are free on the builder's disk; "
            f"a build needs {wanted // 2**20} MiB",
            hint="free some space; the build is tried again",
        )


def _manifest(context: BuildContext, digest: str, at: datetime) -> ImageManifest:
    job = context.job
    return ImageManifest(
        reference=f"local/{job.kind.value}@sha256:{digest}",
        build_id=job.build_id,
        environment=job.build_id,
        kind=job.kind,
        frontend=job.frontend,
        jupyterlab_version=job.jupyterlab_version,
        size=size_of(context.environment_folder),
        packages=packages_of(context.env),
        notes=tuple(context.notes),
        built_at=at,
    )
