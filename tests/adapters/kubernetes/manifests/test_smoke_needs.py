"""What the smoke test needs of an image, and of the system that starts it."""

import shutil
from pathlib import Path

import pytest

from service.adapters.kubernetes.manifests.smoke import to_smoke_job
from service.adapters.kubernetes.manifests.smoke_shell import LACKED
from tests.adapters.kubernetes.manifests.test_smoke_shell import try_image
from tests.adapters.kubernetes.variants import an_options, some_build
from tests.support.standin_files import ImageFiles

MAX_ARG_STRLEN = 128 * 1024
"""https://man7.org/linux/man-pages/man2/execve.2.html"""
NEEDED = ("sed", "grep", "tr", "head", "date", "env")


@pytest.fixture
def image(tmp_path: Path) -> ImageFiles:
    return ImageFiles(root=tmp_path / "image")


@pytest.mark.parametrize("program", NEEDED)
def test_an_image_without_a_program_that_the_test_needs_is_not_blamed(
    image: ImageFiles, tmp_path: Path, program: str
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in (*NEEDED, "sleep"):
        if name != program:
            (programs / name).symlink_to(shutil.which(name) or name)
    entrypoint = image.build("ttyd")
    image.extra["PATH"] = str(programs)

    tried = try_image(image, entrypoint, frontend="ttyd")

    assert (tried.code, tried.message) == (1, f"{LACKED}{program}")


def test_many_declared_distributions_fit_into_one_argument() -> None:
    names = tuple(f"a-distribution-with-a-long-name-{n}" for n in range(20_000))
    build = some_build(declared=names)

    pod = to_smoke_job(build, "a/b:1", (), an_options())["spec"]["template"]["spec"]

    (container,) = pod["containers"]
    assert all(len(text.encode()) < MAX_ARG_STRLEN for text in container["args"])
    assert '"a-distribution-with-a-long-name-0"' in container["args"][3]
