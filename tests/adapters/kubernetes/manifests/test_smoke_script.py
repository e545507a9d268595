"""What tries an image, run by this machine's Python on distributions made here."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.adapters.kubernetes.manifests import smoke_script
from service.adapters.kubernetes.manifests.smoke_shell import FAILED


@dataclass(frozen=True, kw_only=True)
class Tried:
    code: int
    said: str
    message: str


def try_image(
    site: Path,
    *names: str,
    needs_all: bool = False,
) -> Tried:
    """Run the script as the Job does."""
    message = site / "message"
    told = {
        "distributions": names,
        "all": needs_all,
        "message": str(message),
    }
    script = Path(smoke_script.__file__).read_text()
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(told)],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    said = message.read_text() if message.exists() else ""
    return Tried(code=done.returncode, said=done.stdout + done.stderr, message=said)


def install(site: Path, name: str, files: Mapping[str, str], top: str = "") -> None:
    """Lay a distribution down as an installer does."""
    about = f"{name.replace('-', '_')}-1.0.dist-info"
    written = {
        **files,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        **({f"{about}/top_level.txt": top} if top else {}),
    }
    record = "".join(f"{item},,\n" for item in (*written, f"{about}/RECORD"))
    for path, text in {**written, f"{about}/RECORD": record}.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(text)


def test_an_image_whose_packages_import_works(tmp_path: Path) -> None:
    install(tmp_path, "two-names", {"one.py": "", "other/__init__.py": ""})

    tried = try_image(tmp_path, "two-names")

    assert (tried.code, tried.message) == (0, "")
    assert "import one (two-names)" in tried.said
    assert "import other (two-names)" in tried.said


def test_the_missing_import_is_named(tmp_path: Path) -> None:
    install(tmp_path, "broken-one", {"broken/__init__.py": "import not_there\n"})

    tried = try_image(tmp_path, "broken-one")

    assert tried.code == 1
    assert tried.message == (
        f"{FAILED}import broken (of broken-one) fails:"
        " ModuleNotFoundError: No module named 'not_there'"
    )


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("raise ValueError('numpy.dtype size changed')", id="binary"),
        pytest.param("import os; os.no_such_name", id="other version"),
        pytest.param("print 'two'", id="other Python"),
    ],
)
def test_packages_that_do_not_fit_are_found(tmp_path: Path, content: str) -> None:
    install(tmp_path, "unfit", {"unfit.py": content})

    assert try_image(tmp_path, "unfit").message.startswith(f"{FAILED}import unfit ")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("raise KeyError('DISPLAY')", id="a screen"),
        pytest.param("raise ImportError('libcuda.so.1: not found')", id="a GPU"),
        pytest.param("import sys; sys.exit(3)", id="a program"),
    ],
)
def test_what_only_a_session_has_fails_no_image(tmp_path: Path, content: str) -> None:
    install(tmp_path, "wants-more", {"wants.py": content})

    assert try_image(tmp_path, "wants-more").code == 0


def test_what_has_no_importable_module_is_passed_over(tmp_path: Path) -> None:
    files = {"data/table.csv": "", "_private.py": "raise ImportError", "tests/a.py": ""}
    install(tmp_path, "only-data", files)

    tried = try_image(tmp_path, "only-data", "nodejs")

    assert tried.code == 0
    assert "import" not in tried.said
    assert "nodejs: no Python distribution" in tried.said


def test_what_is_declared_and_not_installed_is_missing(tmp_path: Path) -> None:
    tried = try_image(tmp_path, "absent", needs_all=True)

    assert tried.message == f"{FAILED}absent is declared and not installed"


def test_top_level_names_are_taken_from_who_knows_them(tmp_path: Path) -> None:
    files = {"real.py": "", "helper.py": "raise ImportError('not for you')"}
    install(tmp_path, "named", files, top="real\n")

    assert try_image(tmp_path, "named").code == 0


def test_a_crash_says_which_import_it_was(tmp_path: Path) -> None:
    crash = "import os; os.kill(os.getpid(), 11)"
    install(tmp_path, "crashing", {"crash.py": crash})

    tried = try_image(tmp_path, "crashing")

    assert tried.code != 0
    assert tried.said.strip().splitlines()[-1] == "import crash (crashing)"
