"""`relaunch hook`: add, list, rotate and remove webhooks."""

from typing import Final

import click

from service.cli.answer import Answer
from service.cli.client import Client, connected
from service.cli.launcher_fields import repository_url
from service.cli.output import example, facts, output_option, say, show_json

__all__ = ["hook"]

PROOFS: Final = ("hmac", "signing_token", "secret_token")


@click.group(epilog=example("relaunch hook add https://github.com/me/course"))
def hook() -> None:
    """Add, list, rotate and remove webhooks.

    A hook is bound to one repository; its secret is shown once.
    """


@hook.command(
    "add",
    epilog=example(
        "relaunch hook add https://gitlab.com/me/course",
        "relaunch hook add ./course.git --forge github",
    ),
)
@click.argument("repository")
@click.option(
    "--forge",
    type=click.Choice(["github", "gitlab"]),
    help="Whose deliveries it takes; the repository's URL says it when not given.",
)
@click.option(
    "--proof",
    type=click.Choice(PROOFS),
    help="How deliveries are proved; the forge's best way when not given.",
)
@output_option
@connected
async def add(
    client: Client,
    *,
    repository: str,
    forge: str | None,
    proof: str | None,
    output: str,
) -> None:
    """Add a hook for REPOSITORY, a URL or a folder of the service's machine.

    It prints the URL and the secret to enter at the forge.
    """
    url = repository_url(repository)
    body = {"repository": url, "forge": forge, "proof": proof}
    made = await client.post(
        "hooks", body={key: it for key, it in body.items() if it is not None}
    )
    if output == "json":
        show_json(made.raw)
        return
    _show_secret(made)


def _show_secret(made: Answer) -> None:
    facts(
        [
            ("hook", made.text("id")),
            ("URL", made.text("url")),
            ("secret", made.text("secret")),
        ]
    )
    for line in made.texts("instructions"):
        say(line)
    say("The secret is not shown again.")


@hook.command("list", epilog=example("relaunch hook list"))
@output_option
@connected
async def list_(client: Client, *, output: str) -> None:
    """List hooks, oldest first."""
    found = await client.list("hooks")
    if output == "json":
        show_json([it.raw for it in found])
        return
    from service.cli.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("ID", "FORGE", "PROOF", "REPOSITORY", "SECRETS", "STATUS", "URL"),
        [
            (
                it.text("id"),
                it.text("forge"),
                it.text("proof"),
                it.text("repository"),
                it.text("secrets"),
                it.text("status"),
                it.text("url"),
            )
            for it in found
        ],
    )


@hook.command(epilog=example("relaunch hook rotate 01J5M3Z0000000000000000000"))
@click.argument("hook_id", metavar="ID")
@output_option
@connected
async def rotate(client: Client, *, hook_id: str, output: str) -> None:
    """Give a hook a new secret; the older one stays valid until `retire`."""
    made = await client.post("hooks", hook_id, "rotate")
    if output == "json":
        show_json(made.raw)
        return
    _show_secret(made)
    say(f"Then: relaunch hook retire {hook_id}")


@hook.command(epilog=example("relaunch hook retire 01J5M3Z0000000000000000000"))
@click.argument("hook_id", metavar="ID")
@connected
async def retire(client: Client, *, hook_id: str) -> None:
    """Let go of a rotated hook's older secret."""
    await client.post("hooks", hook_id, "retire")
    say("Only the newest secret is valid now.")


@hook.command(epilog=example("relaunch hook remove 01J5M3Z0000000000000000000 --yes"))
@click.argument("hook_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
async def remove(client: Client, *, hook_id: str, yes: bool) -> None:
    """Remove a hook: its deliveries are refused from now on."""
    if not yes:
        click.confirm(f"Remove hook {hook_id}?", abort=True)
    await client.delete("hooks", hook_id)
    say("The hook was removed.")
