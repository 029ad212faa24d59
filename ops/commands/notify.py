"""`jun notify`."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops.config import load
from ops.notify.send import NotTakenError, Sender
from ops.notify.serve import serve
from ops.notify.words import Message
from streams.errors import OperatorError


def notify(*, test: bool = False, config: Path | None = None) -> None:
    """Tell changes of verdict through Apprise: mail, Slack, Teams, Telegram, ntfy, webhooks and many more.

    Parameters
    ----------
    test
        Send a message to every receiver and end, to see that it arrives.
    config
        File of the configuration; ./jun.toml where none is named.
    """
    loaded = load(config)
    if not loaded.config.notification:
        raise OperatorError(
            "at least one receiver of messages", "there is no [[notification]]", "add one to jun.toml", retry=False
        )
    if test:
        asyncio.run(_test([Sender(settings) for settings in loaded.config.notification]))
    else:
        asyncio.run(serve(loaded))


async def _test(senders: list[Sender]) -> None:
    message = Message("✓ A test of Jun", "Messages about regions arrive here.", good=True)
    failed = []
    for sender in senders:
        try:
            await sender.send(message)
        except NotTakenError:
            failed.append(sender.name)
        else:
            print(f"{sender.name} took it", flush=True)  # noqa: T201 (the answer)
    if failed:
        raise OperatorError(
            "every receiver to take a test message", f"{', '.join(failed)} did not", "see the address and the network",
            retry=True,
        )  # fmt: skip
