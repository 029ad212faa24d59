"""The limit of a push source: aiohttp's own server with a handler that does nothing, not even read the body.

With the argument `collector`, Python's collector of cycles looks as rarely as in `jun ingest`.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web


async def nothing(_request: web.BaseRequest) -> web.Response:
    """Accept."""
    return web.Response(status=202)


async def main() -> None:
    """Serve until ended."""
    if "collector" in sys.argv[1:]:
        from ops.commands.ingest import collect_rarely  # noqa: PLC0415 (else it would weigh on the bare one as well)

        collect_rarely()
    runner = web.ServerRunner(web.Server(nothing, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    host, port = runner.addresses[0][:2]
    print(f"address=http://{host}:{port}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
