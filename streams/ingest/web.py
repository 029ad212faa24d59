"""The way of pulling sources to a web service: retries, waiting when told to, bounded bodies, errors in words.

Retries of what passes by itself are stamina's. A longer wait that the service asks for (`Retry-After`, the reset of a
rate limit) is not slept through here: it goes to the source, whose heartbeat says so meanwhile.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import email.utils
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
import stamina
import stamina.instrumentation
import structlog
from msgspec import Struct
from yarl import URL

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streams.ingest.source import Clock

MAXIMUM_BODY: Final = 16 * 1024 * 1024
"""Bytes of an answer; a larger one is not read to its end."""
SECONDS: Final = 30.0
"""For one answer, from the request to its last byte."""
CONNECTING: Final = 10.0
"""Of them, for the connection."""
ATTEMPTS: Final = 4
LONGEST_WAIT: Final = 3600.0
"""Seconds; whoever asks for more is asked again after that."""
_WAITS: Final = (1.0, 5.0, 15.0, 60.0, 60.0, 60.0)
"""Seconds between the tries of who is patient, where the service does not say how long."""
_CHUNK: Final = 64 * 1024
_LIMIT_RESETS: Final = ("x-rate-limit-reset", "X-RateLimit-Reset", "RateLimit-Reset")

log = structlog.get_logger(__name__)

# Each retry would be logged with the request's address, which may hold a secret; the heartbeat says what matters.
stamina.instrumentation.set_on_retry_hooks([])


class TroubleError(Exception):
    """A look that failed for a while, in words without what came; `wait` (seconds) where the service asked for it."""

    def __init__(self, words: str, wait: float = 0.0) -> None:
        super().__init__(words)
        self.wait = wait


class Answer(Struct, frozen=True):
    """What a service answered: 200, or 304 where nothing has changed."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _PassingError(Exception):
    """Something that may go by itself within a minute."""


class Web:
    """A service at one address, with the headers that prove who asks."""

    def __init__(self, address: str, clock: Clock, headers: Mapping[str, str] | None = None) -> None:
        """Prepare; `headers` go with every request to this address, and to no other."""
        self._base = URL(address)
        self.host = self._base.host or address
        self._clock = clock
        self._headers = dict(headers or {})
        self._session: aiohttp.ClientSession | None = None
        self.patient: Callable[[float], Awaitable[bool]] | None = None
        """Waits some seconds through trouble and tells whether to go on; without it trouble is raised at once."""
        self.cut_off = 0
        """Tries that broke off after they had reached the service: it may have counted them."""

    async def __aenter__(self) -> Self:
        """Open it."""
        agent = {"User-Agent": "jun-monitor"}
        self._session = aiohttp.ClientSession(
            headers=agent | self._headers, max_line_size=_CHUNK, timeout=aiohttp.ClientTimeout(sock_connect=CONNECTING)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close its connections."""
        if self._session is not None:
            await self._session.close()

    async def get(
        self, path: str, parameters: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for something; 200 and 304 come back.

        Raises TroubleError where that may help later, OperatorError where somebody must see to it.
        """
        return await self._asked("GET", path, params=dict(parameters or {}), headers=dict(headers or {}))

    async def post(self, path: str, body: bytes) -> Answer:
        """Send JSON; else as `get`."""
        return await self._asked("POST", path, data=body, headers={"Content-Type": "application/json"})

    async def _asked(self, method: str, path: str, **arguments: Any) -> Answer:
        for wait in (*_WAITS, None):
            try:
                return await self._retried(method, path, arguments)
            except TroubleError as trouble:
                if wait is None or self.patient is None:
                    raise
                log.warning("web.waits", reason=str(trouble))
                if not await self.patient(trouble.wait or wait):
                    raise
        raise AssertionError("the last try has no wait")  # pragma: no cover

    async def _retried(self, method: str, path: str, arguments: dict[str, Any]) -> Answer:
        try:
            async for attempt in stamina.retry_context(_PassingError, attempts=ATTEMPTS, timeout=None):
                with attempt:
                    return await self._once(method, path, arguments)
        except _PassingError as error:
            raise TroubleError(str(error)) from None
        raise AssertionError("stamina ends with an answer or an error")  # pragma: no cover

    async def _once(self, method: str, path: str, arguments: dict[str, Any]) -> Answer:
        # A redirect to another host would take the headers there.
        follow = "Authorization" not in self._headers
        try:
            async with asyncio.timeout(SECONDS):
                async with self.session.request(
                    method, self.url(path), allow_redirects=follow, **arguments
                ) as response:
                    self.check(response)
                    return Answer(response.status, response.headers, await self._body(response))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.cut_off += not isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
            raise _PassingError(self.words(error)) from None

    @asynccontextmanager
    async def stream(
        self, path: str, parameters: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open an answer that has no end. Raises as `get` does; each try again is the source's."""
        try:
            async with asyncio.timeout(SECONDS):
                response = await self.session.get(
                    self.url(path),
                    params=dict(parameters or {}),
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None),
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TroubleError(self.words(error)) from None
        async with response:
            try:
                self.check(response)
            except _PassingError as error:
                raise TroubleError(str(error)) from None
            yield response

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session, while it is open."""
        if self._session is None:
            raise RuntimeError("wanted an open Web, got a closed one")
        return self._session

    def url(self, path: str) -> URL:
        """Give an address of this service; an absolute one stays what it is."""
        return URL(path) if "://" in path else self._base.joinpath(path.lstrip("/")) if path else self._base

    def words(self, error: BaseException) -> str:
        """Say why it could not be reached, without the address, which may hold a secret."""
        if isinstance(error, TimeoutError):
            return f"{self.host} did not answer in time"
        if isinstance(error, aiohttp.ClientConnectorError):
            return f"{self.host} can't be reached ({error.os_error.strerror or 'no connection'})"
        return f"{self.host} broke the connection ({type(error).__name__})"

    def check(self, response: aiohttp.ClientResponse) -> None:
        """Raise what an answer other than 200 and 304 means."""
        status = response.status
        if status in {200, 201, 304}:
            return
        wait = self.asked_to_wait(response.headers)
        if status == 429 or (status == 503 and wait):
            until = dt.datetime.fromtimestamp(self._clock() / 1000 + wait, dt.UTC)
            said = f"until {until:%H:%M:%S} UTC " if wait else ""
            raise TroubleError(f"{self.host} asks to wait {said}(rate limit)", wait)
        if status >= 500 or status == 408:
            raise _PassingError(f"{self.host} answered {status}")
        if status in {401, 403}:
            raise OperatorError(
                f"to read from {self.host}", f"it answered {status}", "give it a good token with the rights for this",
                retry=True,
            )  # fmt: skip
        raise OperatorError(
            f"to read from {self.host}", f"it answered {status}", "see to the settings of this source", retry=True
        )

    def asked_to_wait(self, headers: Mapping[str, str]) -> float:
        """Give the seconds that an answer asks to wait: `Retry-After`, or until a rate limit is reset; else 0."""
        now = self._clock() / 1000
        text = headers.get("Retry-After", "")
        reset = next((headers[name] for name in _LIMIT_RESETS if name in headers), "")
        wait = 0.0
        if text.isascii() and text.isdigit():
            wait = float(text)
        elif text:
            wait = _moment(email.utils.parsedate_to_datetime, text) - now
        elif reset.isascii() and reset.isdigit():
            wait = float(reset) - now if float(reset) > 1e9 else float(reset)
        elif reset:
            wait = _moment(dt.datetime.fromisoformat, reset) - now
        return min(max(wait, 0.0), LONGEST_WAIT)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        parts = bytearray()
        async for part in response.content.iter_chunked(_CHUNK):
            parts += part
            if len(parts) > MAXIMUM_BODY:
                raise OperatorError(
                    f"an answer of at most {MAXIMUM_BODY >> 20} MiB from {self.host}", "it is larger",
                    "ask it for less", retry=True,
                )  # fmt: skip
        return bytes(parts)


def _moment(read: Any, text: str) -> float:
    try:
        return float(read(text).timestamp())
    except (ValueError, TypeError, OverflowError):
        return 0.0
