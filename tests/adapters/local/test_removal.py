"""Images leave this machine: the manifest first, then their folder, and no other."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.adapters.local.cleanup import remove_image, remove_leftovers
from service.adapters.local.folders import Folders
from service.adapters.local.job import ImageManifest, write
from service.domain.definition import Kind
from tests.support.clock import NOW

DIGEST = "a" * 64


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    """Give folders with two images."""
    made = Folders(root=tmp_path)
    made.make()
    for digest in (DIGEST, "b" * 64):
        environment = made.environment(f"build-{digest[0]}") / "env"
        environment.mkdir(parents=True)
        (environment / "python").write_text("x")
        manifest = ImageManifest(
            reference=f"local/pip@sha256:{digest}",
            build_id=f"build-{digest[0]}",
            environment=f"build-{digest[0]}",
            kind=Kind.PIP,
            frontend="none",
            jupyterlab_version="",
            size=1,
            packages=(),
            notes=(),
            built_at=NOW,
        )
        write(made.manifest(digest), manifest)
    return made


def left(folders: Folders) -> set[str]:
    return {
        path.name
        for folder in (folders.images, folders.environments)
        for path in folder.iterdir()
    }


def test_an_image_goes_with_its_folder_and_no_other_does(folders: Folders) -> None:
    for _ in range(2):
        remove_image(folders, f"local/pip@sha256:{DIGEST}")

    assert left(folders) == {"build-b", f"{'b' * 64}.json"}


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "local/pip@sha256:../../lock",
        f"local/conda@sha256:{DIGEST}",
        f"registry.example.org/pip@sha256:{'c' * 64}",
    ],
)
def test_what_is_no_image_of_this_machine_removes_nothing(
    folders: Folders, reference: str
) -> None:
    before = left(folders)

    remove_image(folders, reference)

    assert left(folders) == before


def test_what_cannot_be_removed_keeps_nobody_from_starting(folders: Folders) -> None:
    """A file browser leaves files, and a link may lead nowhere."""
    (folders.builds / ".DS_Store").write_bytes(b"\0")
    (folders.builds / "a build that was none").mkdir()
    (folders.builds / "cut-off").mkdir()
    (folders.environments / "cut-off").mkdir()
    (folders.caches / "gone").symlink_to(folders.root / "nowhere")

    with capture_logs() as logs:
        remove_leftovers(folders)

    assert folders.known() == []
    assert not (folders.environments / "cut-off").exists()
    assert {Path(entry["path"]).name for entry in logs} == {
        ".DS_Store",
        "a build that was none",
        "gone",
    }
