from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from ops.log import RepeatFilter, set_up

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _undo() -> Iterator[None]:
    """Leave logging as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in ("schemas", "streams", "ops")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def stream(now: list[float]) -> io.StringIO:
    stream = io.StringIO()
    set_up(stream, clock=lambda: now[0])
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_named_event_is_one_json_line_where_there_is_no_terminal(stream: io.StringIO) -> None:
    structlog.get_logger("streams.agents").info("region.went_silent", region="lima")
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "region.went_silent", "region": "lima", "level": "info", "logger": "streams.agents"}


def test_on_a_terminal_it_is_a_line_for_people() -> None:
    terminal = _Terminal()
    set_up(terminal)
    structlog.get_logger("streams").info("region.went_silent", region="lima")
    assert "region.went_silent" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")


def test_libraries_are_quiet_while_all_is_well(stream: io.StringIO) -> None:
    logging.getLogger("aiokafka").info("joined group")
    logging.getLogger("faust").warning("slow")
    assert [line["event"] for line in lines(stream)] == ["slow"]


def test_debugging_lets_more_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUN_DEBUG", "1")
    stream = io.StringIO()
    set_up(stream)
    logging.getLogger("aiokafka").info("joined group")
    structlog.get_logger("ops").debug("detail")
    assert [line["event"] for line in lines(stream)] == ["joined group", "detail"]


def test_an_exception_is_told_with_its_trace_in_one_line(stream: io.StringIO) -> None:
    try:
        int("no")
    except ValueError:
        structlog.get_logger("streams").exception("source.broke")
    (line,) = lines(stream)
    assert line["exception"].endswith("ValueError: invalid literal for int() with base 10: 'no'")


def test_no_local_variables_are_told_with_a_trace(stream: io.StringIO) -> None:
    def failing(account: str) -> None:
        assert account
        raise ValueError("no")

    for logger in (structlog.get_logger("streams"), logging.getLogger("aiokafka")):
        try:
            failing("somebody" + "@example")
        except ValueError:
            logger.exception("broke")
    assert "somebody@example" not in stream.getvalue()


def test_a_broker_that_is_away_does_not_fill_the_log(stream: io.StringIO, now: list[float]) -> None:
    logger = logging.getLogger("aiokafka.client")
    for number in range(11_700):
        now[0] = number / 400
        logger.error("Unable connect to node with id %s: %s", number % 3, f"[Errno 111] 127.0.0.1:{number}")
    assert len(lines(stream)) == 3
    now[0] = 60
    logger.error("Unable connect to node with id %s: %s", 0, "again")
    assert lines(stream)[-1]["left_out"] == 11_697
    assert lines(stream)[-1]["event"] == "Unable connect to node with id 0: again"


def test_lines_that_differ_only_in_numbers_are_alike() -> None:
    passed = [passes(filter_at(0), f"Failed to fetch offset {number}") for number in range(2)]
    assert passed == [True, True]
    one = filter_at(0)
    assert [passes(one, f"Failed to fetch offset {number}") for number in range(6)] == [True] * 3 + [False] * 3


@pytest.mark.parametrize(("name", "level", "text"), [
    ("other", logging.ERROR, "the same"), ("one", logging.WARNING, "the same"), ("one", logging.ERROR, "another"),
])  # fmt: skip
def test_lines_of_another_logger_level_or_text_are_not_held_back(name: str, level: int, text: str) -> None:
    one = filter_at(0)
    for _ in range(9):
        passes(one, "the same", "one", logging.ERROR)
    assert not passes(one, "the same", "one", logging.ERROR)
    assert passes(one, text, name, level)


def test_the_time_of_holding_back_ends_exactly_after_its_seconds() -> None:
    now = [0.0]
    one = RepeatFilter(burst=1, seconds=60, clock=lambda: now[0])
    assert passes(one, "x")
    now[0] = 59.999
    assert not passes(one, "x")
    now[0] = 60
    assert passes(one, "x")
    assert not passes(one, "x")


def test_named_events_of_ours_are_never_held_back(stream: io.StringIO) -> None:
    logger = structlog.get_logger("streams")
    for _ in range(12):
        logger.info("region.went_silent", region="lima")
    assert len(lines(stream)) == 12


def test_few_kinds_of_lines_are_remembered() -> None:
    one = RepeatFilter(most=10)
    for number in range(100):
        passes(one, "x" * number)
    assert len(one) == 10


def filter_at(now: float) -> RepeatFilter:
    return RepeatFilter(clock=lambda: now)


def passes(one: RepeatFilter, text: str, name: str = "aiokafka", level: int = logging.ERROR) -> bool:
    return one.filter(logging.LogRecord(name, level, "file.py", 1, text, (), None))
