"""Who follows `docs/secrets.md` can throw the old key away: its blocks are run."""

from pathlib import Path

from service.adapters.store import SqlStore, open_database
from service.domain.hook import Secret
from tests.docs.reading import Page
from tests.docs.shell import run
from tests.support.databases import a_key
from tests.support.deliveries import a_hook

PAGE = Page("docs/secrets.md")


async def test_the_new_key_is_enough_in_the_end(tmp_path: Path) -> None:
    old, url = a_key(), f"sqlite:///{tmp_path}/relaunch.sqlite"
    (tmp_path / "old-key").write_text(old.reveal())
    async with (
        open_database(url, keys=[old]) as database,
        SqlStore(database).transaction() as tx,
    ):
        await tx.hooks.add(a_hook())

    script = "\n".join(text for _, text in PAGE.blocks())
    answers = await run(script, tmp_path, RELAUNCH_DATABASE=url)

    first, second = answers.strip().splitlines()
    assert first.startswith("encrypted 1 row anew")
    assert second.startswith("encrypted 0 rows anew")
    new = Secret((tmp_path / "new-key").read_text().strip())
    async with (
        open_database(url, keys=[new]) as database,
        SqlStore(database).reading() as tx,
    ):
        assert (await tx.hooks.get(a_hook().id)).secrets == a_hook().secrets
