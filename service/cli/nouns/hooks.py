"""`relaunch hook`: add, list, check, rotate and remove webhooks."""

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import CommandGroup
from service.cli.launchers.fields import repository_url
from service.cli.output.printing import (
    echo,
    example,
    facts,
    moment,
    output_option,
    show_json,
)
from service.domain.delivery import Forge
from service.domain.hook import Proof, Reach

__all__ = ["hook"]


@click.group(
    cls=CommandGroup, epilog=example("relaunch hook add https://github.com/me/course")
)
def hook() -> None:
    """Add, list, check, rotate and remove webhooks.

    A hook is bound to a repository, an owner or a host; its secret is shown once.
    """


@hook.command(
    "add",
    short_help="Add a hook for a repository, an owner or a host.",
    epilog=example(
        "relaunch hook add https://gitlab.com/me/course",
        "relaunch hook add ./course.git --forge github",
        "relaunch hook add https://github.com/my-org --reach owner",
    ),
)
@click.argument("repository")
@click.option(
    "--forge",
    type=click.Choice([forge.value for forge in Forge]),
    help="Whose deliveries it takes; the repository's URL says it when not given.",
)
@click.option(
    "--proof",
    type=click.Choice([proof.value for proof in Proof]),
    help="How deliveries are proved; the forge's best way when not given.",
)
@click.option(
    "--reach",
    type=click.Choice([reach.value for reach in Reach]),
    default="repository",
    help="One repository, all of an organization or group (owner), or all that a "
    "GitHub App or a GitLab system hook sends (host).",
)
@click.option(
    "--paste", is_flag=True, help="Say what to paste, even where a token could do it."
)
@output_option
@connected
async def add(
    client: Client,
    *,
    repository: str,
    forge: str | None,
    proof: str | None,
    reach: str,
    paste: bool,
    output: str,
) -> None:
    """Add a hook for REPOSITORY, a URL or a folder of the service's machine.

    It is made at the forge where the service has a token for that; otherwise the URL
    and the secret to enter at the forge are printed.
    """
    url = repository_url(repository) if reach == "repository" else repository
    body = {"repository": url, "forge": forge, "proof": proof}
    # Options that are not given are not sent, so that an older service understands.
    if reach != "repository":
        body["reach"] = reach
    given: dict[str, object] = {
        key: text for key, text in body.items() if text is not None
    }
    if paste:
        given["paste"] = True
    made = await client.post(models.NewHook, "hooks", body=given)
    if output == "json":
        show_json(client.json_of(made))
        return
    _show_secret(made)


def _show_secret(made: "models.NewHook") -> None:
    facts([("hook", made.id), ("URL", made.url), ("secret", made.secret)])
    for line in made.instructions:
        echo(line)
    if made.secret and not any("not shown again" in text for text in made.instructions):
        echo("The secret is not shown again.")


@hook.command("list", epilog=example("relaunch hook list"))
@output_option
@connected
async def list_(client: Client, *, output: str) -> None:
    """List hooks, oldest first."""
    found = await client.list_all(models.HookResponse, "hooks")
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("ID", "FORGE", "PROOF", "REPOSITORY", "SECRETS", "STATUS", "URL"),
        [
            (
                each.id,
                each.forge.value,
                each.proof.value,
                each.repository,
                str(each.secrets),
                each.status,
                each.url,
            )
            for each in found
        ],
    )
    for each in found:
        for line in _remedies(each):
            echo(f"{each.id}: {line}")


def _remedies(hook: "models.HookResponse") -> list[str]:
    """Describe what a person has to do about a hook."""
    health = hook.health if hook.status == "unhealthy" else None
    remedy = f"{health.message} {health.remedy}" if health else ""
    return [line for line in (remedy, hook.warning) if line]


@hook.command(epilog=example("relaunch hook show 01J5M3Z0000000000000000000"))
@click.argument("hook_id", metavar="ID")
@output_option
@connected
async def show(client: Client, *, hook_id: str, output: str) -> None:
    """Show a hook: its last delivery, its health and what to do about it."""
    _show(client, await client.get(models.HookResponse, "hooks", hook_id), output)


@hook.command(
    short_help="Check a hook now, and repair it where that is possible.",
    epilog=example("relaunch hook check 01J5M3Z0000000000000000000"),
)
@click.argument("hook_id", metavar="ID")
@output_option
@connected
async def check(client: Client, *, hook_id: str, output: str) -> None:
    """Check a hook now, and repair it at its forge where a token allows it."""
    found = await client.post(models.HookResponse, "hooks", hook_id, "check")
    _show(client, found, output)


@hook.command("test", epilog=example("relaunch hook test 01J5M3Z0000000000000000000"))
@click.argument("hook_id", metavar="ID")
@connected
async def test(client: Client, *, hook_id: str) -> None:
    """Have the forge deliver something now, where a token allows it."""
    await client.call("POST", "hooks", hook_id, "test")
    echo(f"The forge was asked to deliver. Then: relaunch hook show {hook_id}")


def _show(client: Client, found: "models.HookResponse", output: str) -> None:
    if output == "json":
        show_json(client.json_of(found))
        return
    last, health = found.last_delivery, found.health
    rows = [
        ("id", found.id),
        ("repository", found.repository),
        ("reach", found.reach),
        ("url", found.url),
        ("proof", found.proof.value),
        ("secrets", str(found.secrets)),
        ("status", found.status),
    ]
    if last:
        outcome = f"{last.event} {last.status} ({last.reason})"
        rows.append(("last delivery", f"{moment(last.received_at)} {outcome}"))
    if health:
        rows.append(("checked", moment(health.checked_at)))
        rows.append(("repaired", ", ".join(health.repaired)))
        rows.append(("trouble", health.trouble))
    facts(rows)
    for line in _remedies(found):
        echo(line)


@hook.command(
    short_help="Bring deliveries out of a channel to a hook.",
    epilog=example(
        "relaunch hook forward https://smee.io/NAME",
        "relaunch hook forward https://smee.io/NAME --hook 01J5M3Z000000000000000000",
    ),
)
@click.argument("url")
@click.option("--hook", "hook_id", metavar="ID", help="Which, where there are several.")
@connected
async def forward(client: Client, *, url: str, hook_id: str | None) -> None:
    """Bring what a forge sends to the channel URL to a hook of this service.

    For a service that no forge can reach: open https://smee.io/new, give the channel's
    URL to the forge in the hook's place, with the hook's secret. Signatures are
    verified as ever. Whoever knows the channel can read what is sent to it. Ctrl-C
    ends it.
    """
    from service.cli.pushes.channel import forward as follow  # noqa: PLC0415 - HTTP is slow

    if not url.startswith(("http://", "https://")):
        raise click.BadParameter(f"{url!r} is no URL.", param_hint="URL")
    found = await _the_hook(client, hook_id)
    target = f"{client.url}/webhooks/{found.forge.value}/{found.id}"
    async for line in follow(url, target):
        echo(line)


async def _the_hook(client: Client, hook_id: str | None) -> "models.HookResponse":
    if hook_id:
        return await client.get(models.HookResponse, "hooks", hook_id)
    found = await client.list(models.HookResponse, "hooks")
    if len(found) != 1:
        raise click.UsageError(
            f"There are {len(found)} hooks; name one with --hook."
            if found
            else "There is no hook yet; make one with `relaunch hook add`."
        )
    return found[0]


@hook.command(
    short_help="Give a hook a new secret, valid beside the older one.",
    epilog=example("relaunch hook rotate 01J5M3Z0000000000000000000"),
)
@click.argument("hook_id", metavar="ID")
@output_option
@connected
async def rotate(client: Client, *, hook_id: str, output: str) -> None:
    """Give a hook a new secret; the older one stays valid until `retire`."""
    made = await client.post(models.NewHook, "hooks", hook_id, "rotate")
    if output == "json":
        show_json(client.json_of(made))
        return
    _show_secret(made)
    echo(f"Then: relaunch hook retire {hook_id}")


@hook.command(epilog=example("relaunch hook retire 01J5M3Z0000000000000000000"))
@click.argument("hook_id", metavar="ID")
@connected
async def retire(client: Client, *, hook_id: str) -> None:
    """Let go of a rotated hook's older secret."""
    await client.post(models.HookResponse, "hooks", hook_id, "retire")
    echo("Only the newest secret is valid now.")


@hook.command(epilog=example("relaunch hook remove 01J5M3Z0000000000000000000 --yes"))
@click.argument("hook_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@connected
async def remove(client: Client, *, hook_id: str, yes: bool) -> None:
    """Remove a hook: its deliveries are refused from now on."""
    if not yes:
        click.confirm(f"Remove hook {hook_id}?", abort=True)
    await client.delete("hooks", hook_id)
    echo("The hook was removed.")
