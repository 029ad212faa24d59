"""The embedded broker that a configuration asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ops.broker.embedded import EmbeddedBroker
from ops.broker.settings import HOST, JVM
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from schemas.config import KafkaSettings

FOLDER: Final = "kafka"
"""Where it lives in the state folder."""


def configured_broker(settings: KafkaSettings, state: Path, jvm: Sequence[str] = ()) -> EmbeddedBroker:
    """Give the broker of `settings` with its data under the folder `state`; `jvm` instead of the usual options.

    Raises OperatorError where the settings want a cluster that runs elsewhere, or another address than ours.
    """
    if not settings.embedded:
        raise OperatorError(
            "a configuration with an embedded broker", "kafka.embedded is false", "start the broker that it names",
            retry=False,
        )  # fmt: skip
    host, _, port = settings.bootstrap_servers.strip().rpartition(":")
    if host not in {HOST, "localhost"} or not port.isdecimal():
        raise OperatorError(
            f"one address {HOST}:port in kafka.bootstrap_servers for the embedded broker, which serves this machine",
            f"it is {settings.bootstrap_servers!r}",
            "set it so, or set kafka.embedded to false",
            retry=False,
        )
    return EmbeddedBroker(state / FOLDER, int(port), java=settings.java, jvm=tuple(jvm) or JVM)
