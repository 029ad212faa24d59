"""The limit of a push source: aiohttp's own server with a handler that does nothing, not even read the body."""

from __future__ import annotations

import asyncio

from aiohttp import web


async def nothing(_request: web.BaseRequest) -> web.Response:
    """Accept."""
    return web.Response(status=202)


async def main() -> None:
    """Serve until ended."""
    runner = web.ServerRunner(web.Server(nothing, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    host, port = runner.addresses[0][:2]
    print(f"address=http://{host}:{port}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
