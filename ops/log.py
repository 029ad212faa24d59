"""Logging: named events (`region.went_silent`), lines on a terminal and JSON elsewhere, quiet while all is well."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping
    from typing import TextIO

OURS: Final = ("schemas", "streams", "ops")
"""Loggers that speak of what happens; those of libraries only warn."""

_NUMBER: Final = re.compile(r"\d+")


def debugging() -> bool:
    """Tell whether the operator asked for everything, traces included, by JUN_DEBUG=1."""
    return os.environ.get("JUN_DEBUG", "") not in {"", "0"}


def set_up(stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
    """Send all logs of this process to `stream` (standard error), ours from INFO and the libraries' from WARNING."""
    stream = stream or sys.stderr
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _left_out,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(terminal=stream.isatty()),
            ],
        )
    )
    handler.addFilter(RepeatFilter(clock=clock))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.INFO if debugging() else logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.DEBUG if debugging() else logging.INFO)
    logging.captureWarnings(capture=True)


def _renderers(*, terminal: bool) -> list[Any]:
    if terminal:
        return [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]


def _left_out(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add how many lines like this one the filter has held back before it."""
    record = event.get("_record")
    count = getattr(record, "left_out", 0)
    if count:
        event["left_out"] = count
    return event


class RepeatFilter(logging.Filter):
    """Lets `burst` lines of one kind through in `seconds`, and tells with the next one how many were held back.

    A broker that is away makes aiokafka write thousands of lines a second that differ in numbers only; lines count as
    alike where logger, level and text are, numbers aside. Named events of ours are never held back. At most `most`
    kinds are remembered, the oldest are forgotten.
    """

    def __init__(
        self,
        *,
        burst: int = 3,
        seconds: float = 60,
        most: int = 512,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._burst = burst
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._windows: OrderedDict[tuple[str, int, str], _Window] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the line may be written."""
        if not isinstance(record.msg, str):
            return True
        now = self._clock()
        key = (record.name, record.levelno, _NUMBER.sub("#", record.msg)[:200])
        window = self._windows.get(key)
        if window is None or now - window.start >= self._seconds:
            if window is not None:
                record.left_out = max(0, window.seen - self._burst)
                del self._windows[key]
            window = self._windows[key] = _Window(now)
            if len(self._windows) > self._most:
                self._windows.popitem(last=False)
        window.seen += 1
        return window.seen <= self._burst

    def __len__(self) -> int:
        """Give how many kinds of lines are remembered."""
        return len(self._windows)


class _Window:
    """The lines of one kind since `start` (seconds of the filter's clock)."""

    def __init__(self, start: float) -> None:
        self.start = start
        self.seen = 0
