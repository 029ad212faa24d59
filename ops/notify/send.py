"""Sends a message to one receiver through Apprise; its address is a secret and is never shown."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

import stamina

from streams.errors import OperatorError
from streams.secrets import read_secret

if TYPE_CHECKING:
    from ops.notify.words import Message
    from schemas.config import Notification

ATTEMPTS: Final = 4
SECONDS: Final = 30.0
"""For so long a message is tried at once; after that it waits for the next look."""


class NotTakenError(Exception):
    """The receiver did not take a message; trying again can help."""


class Sender:
    """The way to one receiver.

    Raises OperatorError where its address can't be read or isn't one that Apprise knows, ModuleNotFoundError without
    the extra `notify`.
    """

    def __init__(self, receiver: Notification) -> None:
        import apprise  # noqa: PLC0415 (an optional package, and slow)

        logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it quotes addresses
        self._kinds = apprise.NotifyType
        self._plain = apprise.NotifyFormat.TEXT
        self._way = apprise.Apprise()
        self.name = receiver.name
        where = f"notification.{receiver.name}.url"
        if not self._way.add(str(read_secret(receiver.url, wanted_for=where))):
            raise OperatorError(
                f"an address of Apprise in {where}",
                "it is none that Apprise knows",
                "see Apprise's documentation for the form of the service's address",
                retry=False,
            )

    async def send(self, message: Message) -> None:
        """Send a message; raises NotTakenError where the receiver does not take it after several tries."""
        async for attempt in stamina.retry_context(on=NotTakenError, attempts=ATTEMPTS, timeout=SECONDS):
            with attempt:
                await asyncio.to_thread(self._once, message)

    def _once(self, message: Message) -> None:
        kind = self._kinds.SUCCESS if message.good else self._kinds.WARNING
        taken = self._way.notify(title=message.title, body=message.text, notify_type=kind, body_format=self._plain)
        if not taken:
            raise NotTakenError(f"{self.name} did not take the message")
