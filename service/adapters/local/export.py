"""Make an image of what was built."""

import shutil
from datetime import datetime

from service.adapters.local.bench import Bench
from service.adapters.local.clone import drop_history
from service.adapters.local.contents import digest_of, packages_of, size_of
from service.adapters.local.failures import StoppedError
from service.adapters.local.folders import remove_tree
from service.adapters.local.job import Manifest, read, write
from service.adapters.local.kept import drop_checkout
from service.adapters.local.safely import write_anew
from service.domain.failure import FailureClass

__all__ = ["check_disk", "export"]


def export(bench: Bench, *, at: datetime) -> Manifest:
    """Name the environment by its content and write its manifest.

    When the same content was built before, that image stays and this build's
    folder goes.
    """
    drop_history(bench)
    drop_checkout(bench)
    bench.env.mkdir(exist_ok=True)
    # Equal trees of two frontends are two images.
    recipe = f"{bench.job.kind.value}\n{bench.job.frontend}\n"
    write_anew(bench.place / "recipe", recipe)
    digest = digest_of(bench.place)
    path = bench.folders.manifest(digest)
    known = read(path, Manifest)
    if known and bench.folders.environment(known.environment).is_dir():
        bench.say(f"the same environment was built before: {known.reference}")
        remove_tree(bench.place)
        return known
    manifest = _manifest(bench, digest, at)
    write(path, manifest)
    bench.say(
        f"{manifest.reference}: {len(manifest.packages)} packages, "
        f"{manifest.size / 1_000_000:.1f} MB"
    )
    return manifest


def check_disk(bench: Bench) -> None:
    """See that a build can begin.

    Raises:
        StoppedError: Too little is free.
    """
    free = shutil.disk_usage(bench.folders.root).free
    wanted = bench.job.min_free_disk
    if free < wanted:
        raise StoppedError(
            FailureClass.OUT_OF_DISK,
            f"{free // 2**20} MiB are free on the builder's disk; "
            f"a build needs {wanted // 2**20} MiB",
            hint="free some space; the build is tried again",
        )


def _manifest(bench: Bench, digest: str, at: datetime) -> Manifest:
    job = bench.job
    return Manifest(
        reference=f"local/{job.kind.value}@sha256:{digest}",
        build_id=job.build_id,
        environment=job.build_id,
        kind=job.kind,
        frontend=job.frontend,
        jupyterlab_version=job.jupyterlab_version,
        size=size_of(bench.place),
        packages=packages_of(bench.env),
        notes=tuple(bench.notes),
        built_at=at,
    )
