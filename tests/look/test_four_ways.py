"""One repository, met in four ways: the same heads, definitions and files."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from hypothesis import Phase, given, note, settings, strategies as st

from service.adapters.git.remote import GitRemote
from service.domain.evaluation.comparison import Observed
from service.domain.repository import Repository
from service.domain.source import Head, Revision
from service.ports.remote import SweptRemote
from service.usecases.observe import observe
from tests.support.apis import WatchedGit, a_routed
from tests.support.forge import HostedRepo, a_forge
from tests.support.repos import Content, Executable, Link, Submodule
from tests.support.sandbox import SANDBOX
from tests.support.smart import smart_remote

LINES = ("six", "six==1.16.0", "-r env/a.txt", "-c ../b.txt", "-r way/a.txt", "-e .")
PATHS = (
    *("requirements.txt", "env/a.txt", "env/deep/er/b.txt", "b.txt", "ünï/cödé.txt"),
    *("app/requirements.txt", "README.md", "pyproject.toml", "environment.yml"),
)
CONDA = "dependencies: [python=3.12]\n"
PROJECT = '[project]\nname = "p"\nversion = "1"\ndependencies = ["six"]\n'

texts = st.lists(st.sampled_from(LINES), max_size=3).map("\n".join)
contents = st.one_of(
    texts,
    texts,
    texts.map(Executable),
    st.sampled_from((CONDA, PROJECT, b"\xff\x00", "")),
    st.sampled_from(("env", "../b.txt", "requirements.txt", "nowhere")).map(Link),
    st.just(Submodule("5" * 40)),
    st.none(),
)
commits = st.dictionaries(
    st.sampled_from((*PATHS, "way", "env/link")), contents, max_size=5
)


@settings(
    max_examples=3,
    deadline=None,
    print_blob=True,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
)
@given(
    history=st.lists(commits, min_size=1, max_size=2),
    context_dir=st.sampled_from(("", "app")),
)
def test_every_way_sees_the_same(
    history: Sequence[dict[str, Content]], context_dir: str
) -> None:
    with TemporaryDirectory(prefix="ways-") as folder:
        asyncio.run(_compare(Path(folder), history, context_dir))


async def _compare(
    folder: Path, history: Sequence[dict[str, Content]], context_dir: str
) -> None:
    async with AsyncExitStack() as stack:
        # Ids are the content's: the same pushes to two forges are the same commits.
        github, hub = await _at_forge(stack, folder / "1", "github")
        gitlab, lab = await _at_forge(stack, folder / "2", "gitlab")
        smart = await stack.enter_async_context(smart_remote(git=WatchedGit()))
        over_http = hub.repository
        ways: dict[str, tuple[SweptRemote, Repository]] = {
            "github": (github, hub.repository),
            "gitlab": (gitlab, lab.repository),
            "smart": (smart, over_http),
            "git": (GitRemote(environment={}), over_http),
        }
        for files in history:
            note(str(files))
            for hosted in (hub, lab):
                hosted.bare.commit({"b.txt": "six\n", **files})
                hosted.bare.tag("v1", hosted.tip(), message="one")
            found = {
                way: await _look(remote, repository, context_dir)
                for way, (remote, repository) in ways.items()
            }
            for way, seen in found.items():
                assert seen == found["git"], way


async def _at_forge(
    stack: AsyncExitStack, folder: Path, vendor: Literal["github", "gitlab"]
) -> tuple[SweptRemote, HostedRepo]:
    forge = await stack.enter_async_context(a_forge(folder, vendor=vendor))
    remote = await stack.enter_async_context(a_routed(forge, git=WatchedGit()))
    return remote, forge.create("owner/name")


async def _look(remote: SweptRemote, repository: Repository, context_dir: str) -> Any:
    """Return what a look says, but for what only some ways know of a repository."""
    revisions = [Revision.from_text(name) for name in (None, "main", "v1", "gone")]
    found = await remote.heads(repository, revisions)
    heads = [found[revision] for revision in revisions]
    commits = [(head.commit, head.ref) for head in heads if isinstance(head, Head)]
    seen = await observe(
        remote, repository, Revision.from_text("main"), context_dir, sandbox=SANDBOX
    )
    assert isinstance(seen, Observed)
    async with remote.tree(repository, seen.head.commit) as tree:
        entries = await tree.entries((*PATHS, "", "env", "way", "env/link", "no"))
        # Sizes are hints that only some ways have.
        files = {path: (entry.mode, entry.oid) for path, entry in entries.items()}
        listed = await tree.listing("", limit=50)
        return commits, seen.found, files, sorted(listed or ())
