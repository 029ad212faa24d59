"""What all push sources share: the raw body within its limits, proof of the caller, the answer only after Kafka.

| answer | meaning | what the caller does |
|---|---|---|
| 200, 202 | Kafka has all of it, or its dead letter | nothing |
| 400 | the request is not whole, or not what is spoken here | mends it |
| 401 | nothing proves where it comes from | gets the right secret |
| 405, 415 | another method; a compressed body | sends it plain |
| 408, 413 | the body came too slowly, or is too large | sends less at once |
| 429 | Kafka is behind | sends the same again after `Retry-After` |
| 503 | Kafka is away, or did not answer in time | sends the same again: what is there twice counts once |
"""

from __future__ import annotations

import abc
import asyncio
import traceback
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import structlog
from aiohttp import web
from msgspec import Meta, structs

from schemas.codec import UnreadableError
from schemas.config import Port, Secret
from streams.errors import OperatorError
from streams.ingest.deadlines import Deadlines
from streams.ingest.listener import Address, answer
from streams.ingest.parts import MAXIMUM_LETTERS, with_few_letters
from streams.ingest.rejections import Rejections
from streams.ingest.seal import KEPT_BYTES
from streams.ingest.source import Item, SourceSettings, Standing, Surroundings, Taken, Timing
from streams.ingest.submission import too_large
from streams.secrets import Concealed, read_secret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.ingest.intake import Intake

READING_BYTES: Final = 64 * 1024 * 1024
"""Bytes of bodies that may be half read at once; many callers that are slow together are told to come again."""
BEHIND: Final = "Kafka is behind; send the same again later"
AWAY: Final = "Kafka is away; send the same again later"

log = structlog.get_logger(__name__)


class PushSettings(SourceSettings, frozen=True, kw_only=True):
    """What every push source may be told. Those with one host and port share a server, each with a path of its own."""

    host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on; 0 for any free one")] = 8088
    path: Annotated[
        str, Meta(description="path to listen for; /v1/KIND/NAME where it is empty", pattern="^(/[^?#\\s]+)?$")
    ] = ""
    maximum_body: Annotated[int, Meta(ge=1024, le=64 * 1024 * 1024, description="largest body (bytes)")] = 1024 * 1024
    acknowledge_seconds: Annotated[
        float, Meta(gt=0, le=60, description="how long a caller waits for Kafka, or for the rest of its body (seconds)")
    ] = 10

    @property
    def place(self) -> str:
        """Give the path to listen for."""
        return self.path or f"/v1/{self.__struct_config__.tag}/{self.name}"


class RejectedError(Exception):
    """A request that is not taken. `forged` says that nothing proves where it comes from."""

    def __init__(
        self, status: int, wanted: str, *, forged: bool = False, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(wanted)
        self.status = status
        self.forged = forged
        self.headers = headers


def forged(wanted: str, headers: dict[str, str] | None = None) -> RejectedError:
    """Give the rejection of a request whose proof is missing or wrong."""
    return RejectedError(401, wanted, forged=True, headers=headers)


class _TooLargeError(Exception):
    """A body beyond the limit: its beginning, and its size as far as it is known."""

    def __init__(self, beginning: bytes, size: int) -> None:
        super().__init__()
        self.beginning = beginning
        self.size = size


class PushSource(abc.ABC):
    """A source that is called. A kind says who may come in, what a body holds, and how its callers are answered."""

    methods: ClassVar[tuple[str, ...]] = ("POST",)
    proves_before_body: ClassVar[bool] = False
    """Whether `screen` has proved the caller: then a body that is too large becomes a dead letter."""

    def __init__(self, settings: PushSettings, surroundings: Surroundings) -> None:
        self.name = settings.name
        self.clock = surroundings.clock
        self.timing = Timing.of(surroundings.config.time, settings)
        self.regions = settings.regions
        self.address = ""
        """Where it listens, once it does."""
        self.path = settings.place
        self.rejections = Rejections(settings.name)
        self._deadlines = Deadlines(settings.acknowledge_seconds)
        self._settings = settings
        self._folder = surroundings.folder
        self._listeners = surroundings.listeners
        self._intake: Intake | None = None
        self._reading = 0

    # -- what a kind may say

    @abc.abstractmethod
    def prepare(self) -> None:
        """Read the secrets by which callers prove themselves; raises OperatorError. Called at each start."""

    def screen(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Look at a request before its body; may answer it, or raise RejectedError."""
        del request
        return None

    @abc.abstractmethod
    async def read(self, request: web.BaseRequest, body: bytes) -> list[Item] | web.StreamResponse:
        """Prove where the body comes from and give its items, or an answer.

        Raises RejectedError where nothing proves it, UnreadableError for a body that is a dead letter as a whole.
        """

    def answer(self, taken: Taken) -> web.StreamResponse:
        """Answer a caller whose items Kafka has."""
        del taken
        return web.Response()

    def trouble(self, now: int) -> str:
        """Say what else is wrong at `now` (ms), in words."""
        return self.rejections.words(now)

    # -- the Source protocol

    def standing(self, now: int) -> Standing:
        """Tell that everything up to now is handed over, and whether callers are being turned away."""
        congestion = self._intake.congestion if self._intake else ""
        if congestion == "away":
            return Standing(now, "down", "Kafka is away: callers are told to come again")
        if congestion:
            return Standing(now, "degraded", "Kafka is behind: callers are told to come again")
        trouble = self.trouble(now)
        return Standing(now, "degraded", trouble) if trouble else Standing(now)

    async def run(self, intake: Intake) -> str:
        """Listen until asked to stop, then answer what has come in."""
        self._intake = intake
        self.prepare()
        address = Address(self._settings.host, self._settings.port)
        async with self._listeners.serve(address, self.path, self._handle, lambda: intake.congestion) as listening:
            self.address = listening
            log.info("push.listening", source=self.name, address=listening + self.path)
            await intake.stopped()
        return "stopped; every answered request is in Kafka"

    # -- what helps a kind

    def secret(self, secret: Secret, setting: str, shortest: int = 1) -> Concealed:
        """Read a secret of at least `shortest` characters, without the blanks around it.

        Its relative file begins at the configuration's folder. Raises OperatorError.
        """
        if secret.file:
            secret = structs.replace(secret, file=str(self._folder / secret.file))
        read = Concealed(read_secret(secret, wanted_for=f"source {self.name}, {setting}").strip())
        if len(read) < shortest:
            raise OperatorError(
                f"a {setting} of at least {shortest} characters for the source {self.name}",
                "it is shorter",
                "make a longer one at random",
                retry=False,
            )
        return read

    # -- one request

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        intake = self._intake
        if intake is None:
            return answer(503, error="not started")
        try:
            return await self._answered(request, intake)
        except RejectedError as rejected:
            if rejected.forged:
                self.rejections.turned_away(self.clock(), str(rejected))
            return answer(rejected.status, rejected.headers, error=str(rejected))
        except Exception as error:  # noqa: BLE001 (a caller that gets no 2xx sends it again; the others go on)
            # Where and what, but never the error's own text: it may quote what was read.
            place = traceback.extract_tb(error.__traceback__)[-1]
            what = f"{type(error).__name__} in {place.name}, line {place.lineno}"
            log.warning("push.failed", source=self.name, what=what)
            return answer(500, error="failed; send the same again later")

    async def _answered(self, request: web.BaseRequest, intake: Intake) -> web.StreamResponse:
        if request.method not in self.methods:
            allowed = ", ".join(self.methods)
            raise RejectedError(405, f"wanted {allowed}, got {request.method}", headers={"Allow": allowed})
        early = self.screen(request)
        if early is not None:
            return early
        if "Content-Encoding" in request.headers:
            raise RejectedError(415, "wanted a body without Content-Encoding")
        congestion = intake.congestion
        if congestion:
            raise _later(congestion == "behind")
        try:
            body = await self._body(request)
            try:
                read = await self.read(request, body)
            except UnreadableError as unreadable:
                read = [Item(body, f"{request.method} {self.path}", unreadable)]
            if not isinstance(read, list):
                return read
            self.rejections.let_in(self.clock())
            if len(read) > MAXIMUM_LETTERS:
                items, indexes = with_few_letters(read)
                taken = await self._taken(items, intake)
                refused = tuple(structs.replace(one, index=indexes[one.index]) for one in taken.refused)
                taken = structs.replace(taken, refused=refused)
            else:
                taken = await self._taken(read, intake)
        except _TooLargeError as large:
            fault = too_large(large.size, self._settings.maximum_body)
            if not self.proves_before_body:
                raise RejectedError(413, str(fault)) from None
            item = Item(large.beginning, f"{request.method} {self.path}", fault, large.size)
            taken = await self._taken([item], intake)
            return answer(413, accepted=taken.accepted, refused=taken.refused)
        return self.answer(taken)

    async def _taken(self, items: Sequence[Item], intake: Intake) -> Taken:
        try:
            return await self._deadlines.within(intake.take(items))
        except TimeoutError:
            raise RejectedError(
                503, "Kafka did not answer in time; send the same again later", headers={"Retry-After": "5"}
            ) from None

    async def _body(self, request: web.BaseRequest) -> bytes:
        """Read the body; raises _TooLargeError as soon as that is known."""
        limit = self._settings.maximum_body
        content = request.content
        declared = 0
        if content.is_eof():  # small ones have come whole with their headers
            body = content.read_nowait(-1)
        else:
            declared = request.content_length or 0
            parts = bytearray()
            try:
                async with asyncio.timeout(self._settings.acknowledge_seconds):
                    while (part := await content.readany()) and declared <= limit:
                        parts += part
                        self._reading += len(part)
                        if len(parts) > limit:
                            break
                        if self._reading > READING_BYTES:
                            raise RejectedError(429, "too much at once; send it later", headers={"Retry-After": "1"})
            except (ConnectionError, web.RequestPayloadError):
                raise RejectedError(400, "wanted a whole body") from None  # nobody may be there to read it
            except TimeoutError:
                wanted = f"wanted the whole body within {self._settings.acknowledge_seconds} s"
                raise RejectedError(408, wanted) from None
            finally:
                self._reading -= len(parts)
            body = bytes(parts)
        if max(len(body), declared) > limit:
            raise _TooLargeError(body[:KEPT_BYTES], max(len(body), declared))
        return body


def _later(behind: bool) -> RejectedError:
    if behind:
        return RejectedError(429, BEHIND, headers={"Retry-After": "1"})
    return RejectedError(503, AWAY, headers={"Retry-After": "5"})
