"""What tries an image, on images that the strict launcher of the stand-in starts."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.adapters.kubernetes.manifests.containers import TERMINATION
from service.adapters.kubernetes.manifests.smoke import to_smoke_job
from service.adapters.kubernetes.manifests.smoke_shell import ENDED, FAILED
from service.domain.definition import Kind
from tests.adapters.kubernetes.manifests.test_smoke_script import install
from tests.adapters.kubernetes.variants import an_options, some_build
from tests.support.broker import free_port
from tests.support.standin_files import ImageFiles
from tests.support.values import a_build_spec

SHELLS = [
    pytest.param(path, id=Path(path[0]).name)
    for path in (["/bin/sh"], ["/bin/bash"], ["/bin/busybox", "sh"])
    if Path(path[0]).exists()
]
"""What run images have as `sh`."""
UNSERVED = "import time; time.sleep(60)"
NEEDS_SESSION = """\
import os
if os.environ["STANDIN_SETUP"] != "done" or "CNB_PLATFORM_API" in os.environ:
    raise ImportError("not as in a session")
"""


@dataclass(frozen=True, kw_only=True)
class Tried:
    code: int
    said: str
    message: str


@pytest.fixture
def image(tmp_path: Path) -> ImageFiles:
    return ImageFiles(root=tmp_path / "image")


def try_image(
    image: ImageFiles,
    entrypoint: str,
    *names: str,
    frontend: str,
    kind: Kind = Kind.PIP,
    seconds: int = 10,
    shell: Sequence[str] = ("/bin/sh",),
) -> Tried:
    """Run the container of the Job with the image's files on this machine."""
    build = some_build(kind=kind, spec=a_build_spec(frontend=frontend), declared=names)
    inside = entrypoint.removeprefix(str(image.root))
    pod = to_smoke_job(build, "a/b:1", (inside,), an_options())["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    command = [*shell, *container["command"][1:], *container["args"]]
    message, port = image.root / "message", str(free_port())
    there = {TERMINATION: str(message), "/cnb/": f"{image.root}/cnb/"}
    command = [_replaced(word, there).replace("$$", "$") for word in command]
    place = command.index(frontend)
    command[place + 1] = str(seconds)
    command[place + 3] = port
    environment = {**image.environment, "RENKU_SESSION_PORT": port}
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    told = message.read_text() if message.exists() else ""
    return Tried(code=done.returncode, said=done.stdout + done.stderr, message=told)


def _replaced(word: str, there: dict[str, str]) -> str:
    for old, new in there.items():
        word = word.replace(old, new)
    return word


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("frontend", ["jupyterlab", "vscodium"])
def test_an_image_starts_as_a_session_and_its_scripts_run_once(
    image: ImageFiles, frontend: str, shell: Sequence[str]
) -> None:
    entrypoint = image.build(frontend)
    install(image.site, "words", {"words.py": NEEDS_SESSION})

    tried = try_image(image, entrypoint, "words", frontend=frontend, shell=shell)

    assert (tried.code, tried.message) == (0, ""), tried.said
    assert "import words (words)" in tried.said
    assert "answers with 200" in tried.said
    assert (image.volume / ".setup.done").exists()


def test_rstudio_is_asked_where_its_proxy_asks(image: ImageFiles) -> None:
    tried = try_image(image, image.build("rstudio"), frontend="rstudio")

    assert tried.code == 0, tried.said


def test_imports_are_tried_while_the_frontend_starts(image: ImageFiles) -> None:
    entrypoint = image.process("ttyd", "python", "-c", UNSERVED)
    install(image.site, "broken", {"broken.py": "import absent"})
    path = image.layer("one", {"env.launch/PYTHONPATH": str(image.site)})
    assert path.exists()

    tried = try_image(image, entrypoint, "broken", frontend="ttyd", seconds=600)

    assert tried.code == 1
    assert tried.message.startswith(f"{FAILED}import broken (of broken) fails")


def test_a_frontend_that_serves_elsewhere_does_not_answer(image: ImageFiles) -> None:
    image.extra["RENKU_BASE_URL_PATH"] = "/elsewhere"

    tried = try_image(image, image.build("ttyd"), frontend="ttyd", seconds=5)

    assert tried.code == 1
    assert tried.message.startswith(f"{FAILED}the frontend ttyd does not answer at ")
    assert tried.message.endswith("/sessions/smoke/: HTTP 404")


def test_a_frontend_that_fails_every_request_does_not_answer(image: ImageFiles) -> None:
    server = (
        "import http.server as h, os\n"
        "class P(h.BaseHTTPRequestHandler):\n"
        "  def do_GET(self): self.send_response(500); self.end_headers()\n"
        "at = '127.0.0.1', int(os.environ['RENKU_SESSION_PORT'])\n"
        "h.HTTPServer(at, P).serve_forever()\n"
    )
    entrypoint = image.process("ttyd", "python", "-c", server)

    tried = try_image(image, entrypoint, frontend="ttyd", seconds=5)

    assert tried.message.endswith("/sessions/smoke/: HTTP 500")


def test_a_frontend_that_ends_is_not_waited_for(image: ImageFiles) -> None:
    entrypoint = image.process("ttyd", "sh", "-c", "sleep 1; exit 7")

    tried = try_image(image, entrypoint, frontend="ttyd", seconds=600)

    assert tried.message == f"{ENDED}7"


def test_an_image_without_its_frontend_starts_no_session(image: ImageFiles) -> None:
    tried = try_image(image, image.build("none"), frontend="vscodium")

    assert tried.message == f"{ENDED}82"
    assert "when there is no default process" in tried.said


def test_a_script_that_fails_before_the_session_is_named(image: ImageFiles) -> None:
    layer = image.layer("init", {"exec.d/00-hello.sh": "#!/bin/sh\nexit 3\n"})
    entrypoint = image.process("ttyd", "sleep", "60")

    tried = try_image(image, entrypoint, frontend="ttyd")

    assert tried.message == f"{ENDED}82"
    assert f"exec.d file at path '{layer}/exec.d/00-hello.sh'" in tried.said


def test_a_script_that_does_not_end_is_not_waited_for(image: ImageFiles) -> None:
    image.layer("init", {"exec.d/slow": "#!/bin/sh\nexec sleep 5 >&-\n"})
    entrypoint = image.process("ttyd", "sleep", "60")

    tried = try_image(image, entrypoint, frontend="ttyd", seconds=1)

    assert tried.message.startswith(f"{FAILED}what runs before the session (exec.d)")


def test_a_launcher_that_lacks_its_platform_api_is_told_by_its_code(
    image: ImageFiles,
) -> None:
    image.extra["CNB_PLATFORM_API"] = ""

    tried = try_image(image, image.build("ttyd"), frontend="ttyd")

    assert tried.message == f"{ENDED}11"


@pytest.mark.parametrize("frontend", ["none", "infer"])
def test_an_image_that_promises_no_frontend_is_imported_by_its_launcher(
    image: ImageFiles, frontend: str
) -> None:
    entrypoint = image.build(frontend)
    install(image.site, "words", {"words.py": NEEDS_SESSION})

    tried = try_image(image, entrypoint, "words", frontend=frontend)

    assert tried.code == 0, tried.said
    assert "import words (words)" in tried.said


def test_what_infer_finds_has_to_answer(image: ImageFiles) -> None:
    install(image.site, "marimo", {"marimo/__init__.py": ""})
    entrypoint = image.build("infer")
    assert entrypoint.endswith("/marimo")

    tried = try_image(image, entrypoint, "marimo", frontend="infer")

    assert tried.code == 0, tried.said
    assert "answers with 200" in tried.said


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("sleep 1; exit 0", 0, "its process ended with 0"),
        ("sleep 1; exit 3", 1, f"{ENDED}3"),
        ("exec sleep 60", 0, "its process runs, and no page answers"),
    ],
)
def test_a_procfile_is_tried_for_what_it_is(
    image: ImageFiles, command: str, code: int, said: str
) -> None:
    entrypoint = image.build("none", {"Procfile": f"web: {command}\n"})

    tried = try_image(image, entrypoint, frontend="none", seconds=5)

    assert tried.code == code, tried.said
    assert said in tried.said


@pytest.mark.parametrize(
    ("asker", "seconds", "said"),
    [
        ("curl", 10, "answers with 200"),
        ("bash", 10, "answers with 200"),
        ("true", 2, "nothing in the image can ask for a page"),
    ],
)
def test_an_image_without_python_is_tried_for_what_it_is(
    image: ImageFiles, tmp_path: Path, asker: str, seconds: int, said: str
) -> None:
    path = _only(tmp_path / "bin", asker)
    serve = image.build("rstudio")
    image.extra["PATH"] = path
    metadata = image.layers / "config" / "metadata.toml"
    metadata.write_text(
        metadata.read_text().replace('"env", "python3"', f'"{sys.executable}"')
    )

    tried = try_image(
        image, serve, frontend="rstudio", kind=Kind.CONDA, seconds=seconds
    )

    assert tried.code == 0, tried.said
    assert "the image has no Python: nothing is imported" in tried.said
    assert said in tried.said


def test_an_image_that_needs_python_has_it(image: ImageFiles, tmp_path: Path) -> None:
    image.extra["PATH"] = _only(tmp_path / "bin", "bash")

    tried = try_image(image, image.process("ttyd", "sleep", "60"), frontend="ttyd")

    assert tried.message == f"{FAILED}the image has no Python"


def _only(folder: Path, asker: str) -> str:
    """Return a PATH with what every run image has, and one program that asks."""
    folder.mkdir()
    found = [
        "sh",
        "env",
        "sed",
        "grep",
        "tr",
        "head",
        "tail",
        "date",
        "sleep",
        "printf",
    ]
    for name in [*found, "cat", asker]:
        program = shutil.which(name)
        if program is None:
            pytest.skip(f"this machine has no {name}")
        (folder / name).symlink_to(program)
    return str(folder)
