"""What a person would write in an afternoon: `python -m bench.baselines URL EXCHANGE`.

`/verify` checks the signature, reads the JSON and answers. `/publish` does the same and
publishes one small persistent message, with the facts that our own event holds, and
answers once the broker has confirmed it.
"""

import asyncio
import hmac
import json
import sys
from collections.abc import Mapping
from functools import partial
from typing import Final

import aio_pika
from aiohttp import web
from pamqp.common import FieldTable

__all__ = ["SECRET", "main", "verifying"]

SECRET: Final = b"a secret of the bench"
QUORUM: Final[FieldTable] = {"x-queue-type": "quorum"}


def main() -> None:
    """Serve until stopped; say the port on standard output."""
    asyncio.run(_serve(*sys.argv[1:]))


async def _serve(url: str, name: str) -> None:
    connection = await aio_pika.connect(url)
    async with connection, connection.channel(on_return_raises=True) as channel:
        exchange = await channel.declare_exchange(
            name, aio_pika.ExchangeType.TOPIC, durable=True
        )
        queue = await channel.declare_queue(name, durable=True, arguments=QUORUM)
        await queue.bind(exchange, "push")
        app = verifying()
        app.router.add_post("/publish", partial(_publish, exchange))
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"answers at http://127.0.0.1:{runner.addresses[0][1]};", flush=True)
        await asyncio.Event().wait()


def verifying() -> web.Application:
    """Make the server of `/verify`."""
    app = web.Application(client_max_size=26 * 2**20)
    app.router.add_post("/verify", _verify)
    return app


async def _verify(request: web.Request) -> web.Response:
    facts = await _facts(request)
    return _accepted(facts)


async def _publish(
    exchange: aio_pika.abc.AbstractExchange, request: web.Request
) -> web.Response:
    facts = await _facts(request)
    message = aio_pika.Message(
        json.dumps(facts).encode(),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    await exchange.publish(message, "push", mandatory=True)
    return _accepted(facts)


async def _facts(request: web.Request) -> Mapping[str, str]:
    body = await request.read()
    expected = "sha256=" + hmac.new(SECRET, body, "sha256").hexdigest()
    given = request.headers.get("X-Hub-Signature-256", "")
    if not hmac.compare_digest(given, expected):
        raise web.HTTPUnauthorized
    payload = json.loads(body)
    return {
        "delivery": request.headers["X-GitHub-Delivery"],
        "repository": payload["repository"]["full_name"],
        "url": payload["repository"]["clone_url"],
        "number": payload["repository"]["id"],
        "ref": payload["ref"],
        "before": payload["before"],
        "after": payload["after"],
        "default_branch": payload["repository"]["default_branch"],
    }


def _accepted(facts: Mapping[str, str]) -> web.Response:
    return web.json_response({"delivery": facts["delivery"]}, status=202)


if __name__ == "__main__":
    main()
