"""`relaunch push`: send what a forge would send."""

import asyncio
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import click

from service.cli.groups import Command
from service.cli.output.printing import example
from service.domain.delivery import Forge
from service.domain.hook import Proof, Secret

__all__ = ["push"]

SIGNING_PREFIX: Final = "whsec_"
"""https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md#signature-scheme"""


@click.command(
    cls=Command,
    epilog=example(
        "relaunch push --to http://localhost:8080/webhooks/github/HOOK --secret-file k",
        "relaunch push --repo course.git --stdin --to URL --secret-file key",
    ),
)
@click.option(
    "--repo",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="A working folder or bare repository; this folder when not given.",
)
@click.option("--to", "url", required=True, metavar="URL", help="The hook's URL.")
@click.option(
    "--secret-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file with the hook's secret.",
)
@click.option(
    "--secret",
    envvar="WEBHOOK_SECRET",
    show_envvar=True,
    help="The hook's secret; the variable keeps it out of the shell's history.",
)
@click.option(
    "--forge",
    type=click.Choice([item.value for item in Forge]),
    help="Whose format; the URL says it when not given.",
)
@click.option(
    "--proof",
    type=click.Choice([item.value for item in Proof]),
    help="How it is proved; the forge's usual way for the secret when not given.",
)
@click.option(
    "--as",
    "speaks_for",
    metavar="URL",
    help="The repository the delivery is about; --repo itself when not given.",
)
@click.option("--ref", help="The branch or tag; the present branch when not given.")
@click.option("--before", help="What the ref held; the last push's when not given.")
@click.option("--after", help="What it holds; the last push's when not given.")
@click.option("--stdin", is_flag=True, help="Send one per post-receive line on stdin.")
def push(
    *,
    repo: Path,
    url: str,
    secret_file: Path | None,
    secret: str | None,
    forge: str | None,
    proof: str | None,
    speaks_for: str | None,
    stdin: bool,
    **given: str | None,
) -> int:
    """Send what a forge would send for the last push of a local repository."""
    from service.cli.pushes.deliver import DeliveryTarget, send  # noqa: PLC0415 - git and HTTP are slow

    key = _secret(secret_file, secret)
    speaker = _forge(url, forge)
    target = DeliveryTarget(
        url=url,
        forge=speaker,
        proof=Proof(proof) if proof else _usual_proof(speaker, key),
        secret=key,
        about=speaks_for or repo.resolve().as_uri(),
    )
    lines = sys.stdin.read().splitlines() if stdin else None
    return asyncio.run(send(target, repo, lines, given))


def _secret(file: Path | None, text: str | None) -> Secret:
    found = file.read_text().strip() if file else (text or "").strip()
    if not found:
        raise click.UsageError(
            "The hook's secret is missing; give --secret-file or set WEBHOOK_SECRET."
        )
    return Secret(found)


def _forge(url: str, name: str | None) -> Forge:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise click.BadParameter(f"{url!r} is no URL of a hook.", param_hint="--to")
    words = [name] if name else parts.path.split("/")
    found = next((forge for forge in Forge if forge.value in words), None)
    if found is None:
        raise click.UsageError("The URL does not say which forge; give --forge.")
    return found


def _usual_proof(forge: Forge, secret: Secret) -> Proof:
    """Return how the forge uses such a secret."""
    from service.forges.registry import FORGES  # noqa: PLC0415 - as above

    proofs = FORGES[forge].proofs
    is_key = secret.reveal().startswith(SIGNING_PREFIX)
    return (
        Proof.SIGNING_TOKEN if is_key and Proof.SIGNING_TOKEN in proofs else proofs[-1]
    )
