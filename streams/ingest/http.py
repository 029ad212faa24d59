"""Source `http`: `POST /v1/events`, answered when Kafka has acknowledged.

| answer | meaning | what the caller does |
|---|---|---|
| 202 | Kafka has all of it | nothing |
| 400 | some items are wrong; the others are taken | mends those that the answer lists |
| 401 | no token, or a wrong one | gets the right one |
| 408, 413 | the body came too slowly, or is too large | sends less at once |
| 415 | the body is compressed | sends it plain |
| 429 | Kafka is behind | sends the same again after `Retry-After` |
| 503 | Kafka is away, or did not answer in time | sends the same again: what is there twice counts once |
"""

from __future__ import annotations

import asyncio
import hmac
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import structlog
from aiohttp import web
from msgspec import Meta, field, structs

from schemas.config import Port, Secret
from streams.errors import OperatorError
from streams.ingest.body import items_of
from streams.ingest.seal import KEPT_BYTES
from streams.ingest.source import Item, SourceKind, SourceSettings, Standing, Surroundings, Taken, Timing
from streams.ingest.submission import too_large
from streams.secrets import read_secret

if TYPE_CHECKING:
    from streams.ingest.intake import Intake
    from streams.ingest.outlet import Congestion

PATH: Final = "/v1/events"
SHORTEST_TOKEN: Final = 16
CLOSING: Final = 5.0
"""Seconds that requests have for their answer when the server stops."""

log = structlog.get_logger(__name__)


class HttpSettings(SourceSettings, frozen=True, kw_only=True, tag="http"):
    """A server to which events are posted."""

    token: Annotated[Secret, Meta(description="token that callers send as Authorization: Bearer")] = field(
        default_factory=Secret
    )
    host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on; 0 for any free one")] = 8088
    maximum_body: Annotated[int, Meta(ge=1024, le=64 * 1024 * 1024, description="largest body (bytes)")] = 1024 * 1024
    acknowledge_seconds: Annotated[
        float, Meta(gt=0, le=60, description="how long a caller waits for Kafka, or for the rest of its body (seconds)")
    ] = 10


class _TooLargeError(Exception):
    """A body beyond the limit: its beginning, and its size as far as it is known."""

    def __init__(self, beginning: bytes, size: int) -> None:
        super().__init__()
        self.beginning = beginning
        self.size = size


class HttpSource:
    """Takes events from whoever has the token."""

    def __init__(self, settings: HttpSettings, surroundings: Surroundings) -> None:
        self.name = settings.name
        self.clock = surroundings.clock
        self.timing = Timing.of(surroundings.config.time, settings)
        self.regions = settings.regions
        self.address = ""
        """Where it listens, once it does."""
        self._settings = settings
        secret = settings.token
        if secret.file:
            secret = structs.replace(secret, file=str(surroundings.folder / secret.file))
        self._secret = secret
        self._authorization = b""
        self._intake: Intake | None = None

    def standing(self, now: int) -> Standing:
        """Tell that everything up to now is handed over, and whether callers are being turned away."""
        congestion = self._intake.congestion if self._intake else ""
        if congestion:
            return Standing(now, "degraded", f"Kafka is {congestion}: callers are told to come again")
        return Standing(now)

    async def run(self, intake: Intake) -> str:
        """Listen until asked to stop, then answer what has come in."""
        self._intake = intake
        self._authorization = b"Bearer " + self._token()
        runner = web.ServerRunner(web.Server(self._handle, access_log=None), shutdown_timeout=CLOSING)
        await runner.setup()
        settings = self._settings
        try:
            try:
                await web.TCPSite(runner, settings.host, settings.port, backlog=1024).start()
            except OSError as error:
                raise OperatorError(
                    f"to listen on {settings.host}:{settings.port}",
                    error.strerror or "the system refused",
                    "choose another port, or stop what has it",
                    retry=True,
                ) from error
            host, port = runner.addresses[0][:2]
            self.address = f"http://{host}:{port}"
            log.info("http.listening", source=self.name, address=self.address + PATH)
            await intake.stopped()
        finally:
            await runner.cleanup()
        return "stopped; every answered request is in Kafka"

    def _token(self) -> bytes:
        token = read_secret(self._secret, wanted_for=f"source {self.name}, token").strip().encode()
        if len(token) < SHORTEST_TOKEN:
            raise OperatorError(
                f"a token of at least {SHORTEST_TOKEN} characters for the source {self.name}",
                "it is shorter",
                "make a longer one at random",
                retry=False,
            )
        return token

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        intake = self._intake
        if intake is None:
            return _answer(503, error="not started")
        if request.path != PATH:
            return _health(request.path, intake.congestion)
        return self._turned_away(request, intake.congestion) or await self._take(request, intake)

    def _turned_away(self, request: web.BaseRequest, congestion: Congestion) -> web.Response | None:
        """Answer what needs no look at the body."""
        if request.method != "POST":
            return _answer(405, {"Allow": "POST"}, error=f"wanted POST, got {request.method}")
        given = request.headers.get("Authorization", "").encode(errors="surrogateescape")
        if not hmac.compare_digest(given, self._authorization):
            return _answer(401, {"WWW-Authenticate": "Bearer"}, error="wanted Authorization: Bearer with the token")
        if "Content-Encoding" in request.headers:
            return _answer(415, error="wanted a body without Content-Encoding")
        if congestion == "behind":
            return _answer(429, {"Retry-After": "1"}, error="Kafka is behind; send the same again later")
        if congestion == "away":
            return _answer(503, {"Retry-After": "5"}, error="Kafka is away; send the same again later")
        return None

    async def _take(self, request: web.BaseRequest, intake: Intake) -> web.StreamResponse:
        place = f"POST {PATH}"
        status = 0
        try:
            body = await self._body(request)
            items = items_of(body, request.content_type, place)
        except _TooLargeError as large:
            fault = too_large(large.size, self._settings.maximum_body)
            items, status = [Item(large.beginning, place, fault, large.size)], 413
        except (ConnectionError, web.RequestPayloadError):
            return _answer(400, error="wanted a whole body")  # nobody may be there to read it
        except TimeoutError:
            return _answer(408, error=f"wanted the whole body within {self._settings.acknowledge_seconds} s")
        try:
            async with asyncio.timeout(self._settings.acknowledge_seconds):
                taken = await intake.take(items)
        except TimeoutError:
            return _answer(503, {"Retry-After": "5"}, error="Kafka did not answer in time; send the same again later")
        if not taken.refused:
            return web.Response(status=202, body=b'{"accepted":%d}' % taken.accepted, content_type="application/json")
        return _answer(status or 400, taken=taken)

    async def _body(self, request: web.BaseRequest) -> bytes:
        """Read the body; raises _TooLargeError as soon as that is known."""
        limit = self._settings.maximum_body
        content = request.content
        declared = request.content_length or 0
        if content.is_eof():  # small ones have come whole with their headers
            body = content.read_nowait(-1)
        else:
            parts = bytearray()
            async with asyncio.timeout(self._settings.acknowledge_seconds):
                while (part := await content.readany()) and declared <= limit:
                    parts += part
                    if len(parts) > limit:
                        break
            body = bytes(parts)
        if max(len(body), declared) > limit:
            raise _TooLargeError(body[:KEPT_BYTES], max(len(body), declared))
        return body


def _health(path: str, congestion: Congestion) -> web.Response:
    if path == "/-/healthy":
        return _answer(200)
    if path == "/-/ready":
        return _answer(503, error=f"Kafka is {congestion}") if congestion else _answer(200)
    return _answer(404, error=f"wanted {PATH}, /-/healthy or /-/ready")


def _answer(
    status: int, headers: dict[str, str] | None = None, *, error: str = "", taken: Taken | None = None
) -> web.Response:
    body: dict[str, object] = {"error": error} if error else {}
    if taken is not None:
        body = {"accepted": taken.accepted, "refused": taken.refused}
    return web.Response(status=status, headers=headers, body=msgspec.json.encode(body), content_type="application/json")


def build(settings: HttpSettings, surroundings: Surroundings) -> list[HttpSource]:
    """Make the source."""
    return [HttpSource(settings, surroundings)]


KIND: Final = SourceKind(HttpSettings, build)
