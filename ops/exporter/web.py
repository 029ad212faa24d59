"""What the exporter answers over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from ops.exporter import home
from ops.health import routes

if TYPE_CHECKING:
    from collections.abc import Callable

    from ops.exporter.known import Known
    from ops.exporter.page import Page

TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS: Final = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_NOT_READY: Final = "the log is still being read"


def application(known: Known, page: Page, clock: Callable[[], float]) -> web.Application:
    """Make the application; `clock` gives seconds since the epoch, for the ages on the page for people."""

    async def metrics(request: web.Request) -> web.Response:
        openmetrics = prefers_openmetrics(request.headers.get("Accept", ""))
        compressed = "gzip" in request.headers.get("Accept-Encoding", "").lower()
        body = await page.get(openmetrics=openmetrics, compressed=compressed)
        headers = {"Content-Type": OPENMETRICS if openmetrics else TEXT, "Vary": "Accept, Accept-Encoding"}
        if compressed:
            headers["Content-Encoding"] = "gzip"
        return web.Response(body=body, headers=headers)

    async def index(_request: web.Request) -> web.Response:
        return web.Response(text=home.page(known, clock()), content_type="text/html", headers=home.HEADERS)

    made = web.Application()
    made.router.add_get("/metrics", metrics)
    made.router.add_routes(routes(lambda: "" if known.caught_up else _NOT_READY))
    made.router.add_get("/", index)
    return made


def prefers_openmetrics(accept: str) -> bool:
    """Tell whether the client would rather have OpenMetrics 1.0.0 than the plain text, by the Accept header.

    Plain text is what a client gets that doesn't say, or that wants each alike.
    """
    openmetrics = text = anything = 0.0
    for entry in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        given = dict(part.split("=", 1) for part in parameters if "=" in part)
        quality = _quality(given.get("q", "1"))
        if kind == "application/openmetrics-text" and given.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, quality)
        elif kind == "text/plain":
            text = max(text, quality)
        elif kind in {"*/*", "text/*"}:
            anything = max(anything, quality)
    return openmetrics > max(text, anything)


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 0.0
