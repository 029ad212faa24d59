"""Follows topics for as long as a process runs, through the times in which Kafka is away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RETRY_SECONDS: Final = 2.0

log = structlog.get_logger(__name__)


async def follow_through(follow: Callable[[], Awaitable[None]], away: Callable[[str], None], event: str) -> None:
    """Call `follow` until cancelled, again after an error that trying can mend; raises the others.

    `away` hears why each time; the log says it, as `event`, where it is another reason than before.
    """
    told = ""
    while True:
        try:
            await follow()
        except OperatorError as error:
            if not error.retry:
                raise
            why = str(error)
            away(why)
            if why != told:
                log.warning(event, why=why)
                told = why
            await asyncio.sleep(RETRY_SECONDS)
