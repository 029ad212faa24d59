"""`jun broker`."""

from __future__ import annotations

import signal
import threading
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)
from typing import TYPE_CHECKING, Final

import structlog

from ops.broker import configured_broker
from ops.config import load

if TYPE_CHECKING:
    from types import FrameType

LOOK_EVERY_SECONDS: Final = 0.2

log = structlog.get_logger(__name__)


def broker(*, config: Path | None = None, jvm: tuple[str, ...] = ()) -> None:
    """Run the embedded Apache Kafka alone, in the foreground, until Ctrl-C or SIGTERM; its data stays.

    Parameters
    ----------
    config
        File of the configuration; ./jun.toml where none is named.
    jvm
        Option of the Java Virtual Machine instead of the usual ones, as --jvm=-Xmx2g; may be repeated.
    """
    loaded = load(config)
    embedded = configured_broker(loaded.config.kafka, loaded.state, jvm)
    told = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        told.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    embedded.start()
    log.info("broker.started", bootstrap=embedded.bootstrap, process=embedded.pid, log=str(embedded.log))
    while not told.wait(LOOK_EVERY_SECONDS):
        if embedded.poll() is not None:
            failure = embedded.failure()
            embedded.stop()
            raise failure
    log.info("broker.stopped" if embedded.stop() else "broker.killed")
