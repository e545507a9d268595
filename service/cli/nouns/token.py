"""`relaunch token`: add, list and revoke API tokens."""

from typing import Final

import click

from service.cli.client import models
from service.cli.client.api import Client, connected
from service.cli.groups import CommandGroup
from service.cli.output.printing import (
    echo,
    example,
    facts,
    moment,
    output_option,
    show_json,
)
from service.domain.rights.token import TOKEN_BEGINS
from service.errors import InvalidRequestError, NotFoundError

__all__ = ["token"]

_VISIBLE: Final = 12
"""Characters of what is given that an error shows."""


@click.group(
    cls=CommandGroup, epilog=example("relaunch token add ci --role viewer --days 30")
)
def token() -> None:
    """Add, list and revoke API tokens.

    A token acts for you, with the scope that you give it; its text is shown once.
    """


@token.command(
    "add",
    short_help="Add a token; its text is shown once.",
    epilog=example(
        "relaunch token add dashboard",
        "relaunch token add ci --role editor --project 01JZ8XK2V3T4Y5W6Q7R8S9T0PR",
    ),
)
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["viewer", "editor", "owner"]),
    default="viewer",
    help="The highest role that it gives.",
)
@click.option(
    "--project",
    "projects",
    multiple=True,
    help="The only projects that it is for; may be given again. All when not given.",
)
@click.option("--admin", is_flag=True, help="It may administer; for administrators.")
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=90,
    show_default=True,
    help="How long it is valid.",
)
@output_option
@connected
async def add(
    client: Client,
    *,
    name: str,
    role: str,
    projects: tuple[str, ...],
    admin: bool,
    days: int,
    output: str,
) -> None:
    """Add a token called NAME."""
    body: dict[str, object] = {"name": name, "role": role, "days": days}
    if projects:
        body["projects"] = list(projects)
    if admin:
        # Who may administer may do everything: a lesser role would only mislead.
        body |= {"admin": True, "role": "owner"}
    made = await client.post(models.NewTokenResponse, "tokens", body=body)
    if output == "json":
        show_json(client.json_of(made))
        return
    facts(
        [
            ("id", made.id),
            ("token", made.token),
            ("role", made.role),
            ("until", moment(made.expires_at)),
        ]
    )
    echo("The token is not shown again.")


@token.command("list", epilog=example("relaunch token list"))
@output_option
@connected
async def list_(client: Client, *, output: str) -> None:
    """List your tokens, newest first; an administrator sees all."""
    found = await client.list_all(models.TokenResponse, "tokens")
    if output == "json":
        show_json(client.json_of(found))
        return
    from service.cli.output.tables import show_table  # noqa: PLC0415 - rich is slow

    show_table(
        ("ID", "NAME", "BEGINS", "USER", "ROLE", "UNTIL", "LAST USED", "REVOKED"),
        [
            (
                each.id,
                each.name,
                each.prefix,
                each.user_id,
                "admin" if each.admin else each.role,
                moment(each.expires_at),
                moment(each.last_used_at),
                moment(each.revoked_at),
            )
            for each in found
        ],
    )


@token.command(
    "revoke",
    short_help="Revoke a token, by its id, its name or what it begins with.",
    epilog=example(
        "relaunch token revoke 01JZ8XK2V3T4Y5W6Q7R8S9T0PR",
        "relaunch token revoke rlt_mAl8YUgK",
        "relaunch token revoke ci",
    ),
)
@click.argument("token")
@connected
async def revoke(client: Client, *, token: str) -> None:
    """Revoke TOKEN: it opens nothing any more.

    TOKEN is its id, its name, or what it begins with: a token that was found where it
    should not be may be given whole.
    """
    found = await _find(client, token)
    await client.delete("tokens", found.id)
    echo(f"token {found.name} ({found.id}) revoked")


async def _find(client: Client, text: str) -> "models.TokenResponse":
    """Return the one token that a text means.

    Raises:
        NotFoundError: It means none.
        InvalidRequestError: It means several that still open something.
    """
    known = await client.list_all(models.TokenResponse, "tokens")
    for each in known:
        if each.id == text.upper():
            return each
    matching = [each for each in known if _means(text, each)]
    # Names are used again for what takes the place of a revoked one.
    valid = [each for each in matching if each.revoked_at is None]
    found = valid or matching
    # Never the text itself: it may be a whole token.
    shown = text[:_VISIBLE] + ("…" if len(text) > _VISIBLE else "")
    if not found:
        raise NotFoundError(
            f"no token has the id or name {shown!r} or begins so; see "
            "`relaunch token list`"
        )
    if len(found) > 1:
        ids = ", ".join(f"{each.id} ({each.prefix}…)" for each in found)
        raise InvalidRequestError(f"{shown!r} means several tokens: {ids}; give an id")
    return found[0]


def _means(text: str, known: "models.TokenResponse") -> bool:
    if not text.startswith(TOKEN_BEGINS):
        return known.name == text
    # At least some of the random part: `rlt_` alone would mean any.
    prefix = known.prefix
    # Sessions and links of the page have none to show, and every text begins with it.
    if not prefix:
        return False
    is_part = len(text) > len(TOKEN_BEGINS) and prefix.startswith(text)
    return is_part or text.startswith(prefix)
