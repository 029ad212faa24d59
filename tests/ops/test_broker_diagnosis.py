from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ops.broker.diagnosis import LONGEST_QUOTE, Logs, diagnose, useful_line
from ops.broker.ports import PortInUseError

if TYPE_CHECKING:
    from pathlib import Path

    from streams.errors import OperatorError

STARTING = "2026-11-23T14:03:44,102 INFO Starting up. (kafka.server.KafkaServer)\n"


TRACE = """\
2026-11-23T14:03:44,102 ERROR Exiting Kafka due to fatal exception (kafka.Kafka$)
org.apache.kafka.common.config.ConfigException: the consequence
\tat kafka.Kafka.main(Kafka.scala:1)
Caused by: java.io.IOException: the cause
\t... 3 more
"""


def told(text: str, folder: Path, code: int | None = 1) -> OperatorError:
    return diagnose(text, code, port=19092, folder=folder, log=folder / "broker.log")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        (STARTING, "Starting up."),
        (
            TRACE + "2026-11-23T14:03:45,000 INFO shutting down (kafka.server.BrokerServer)\nbye\n",
            "Exiting Kafka due to fatal exception: java.io.IOException: the cause",
        ),
        (
            'Exception in thread "main" java.lang.RuntimeException: bad node id\n\tat kafka.Kafka\n',
            'Exception in thread "main" java.lang.RuntimeException: bad node id',
        ),
        (
            "2026-11-23T14:03:44,102 FATAL the first (kafka.A)\n2026-11-23T14:03:44,103 ERROR the second (kafka.B)\n",
            "the first",
        ),
        (
            "2026-11-23T14:03:44,102 ERROR the first (kafka.A)\n2026-11-23T14:03:44,103 ERROR the second (kafka.B)\n",
            "the second",
        ),
        ("2026-11-23T14:03:44,102 WARN " + "x" * 1000, "x" * LONGEST_QUOTE),
    ],
)
def test_the_useful_line_is_the_last_of_the_gravest_ones(text: str, line: str) -> None:
    assert useful_line(text) == line


def test_a_bind_that_failed_names_the_port_that_was_refused(tmp_path: Path) -> None:
    line = "ERROR Socket server failed to bind to 127.0.0.1:12345: Address already in use. (kafka.Kafka$)"
    error = told(STARTING + f"2026-11-23T14:03:44,102 {line}", tmp_path)
    assert isinstance(error, PortInUseError)
    assert error.port == 12345


@pytest.mark.parametrize("sign", ["java.io.IOException: No space left on device", "Disk quota exceeded"])
def test_a_full_disk_is_told_and_needs_somebody(tmp_path: Path, sign: str) -> None:
    error = told(sign, tmp_path)
    assert f"the disk of {tmp_path} is full" in str(error)
    assert not error.retry


def test_too_little_memory_is_told(tmp_path: Path) -> None:
    error = told("Error: Could not reserve enough space for 1048576KB object heap", tmp_path)
    assert "its memory did not suffice (Error: Could not reserve enough space" in str(error)


def test_a_java_that_is_too_old_for_the_jars_is_told(tmp_path: Path) -> None:
    text = (
        "Error: LinkageError occurred while loading main class kafka.Kafka\n\tjava.lang.UnsupportedClassVersionError: x"
    )
    assert "its Java is too old" in str(told(text, tmp_path))


@pytest.mark.parametrize(
    ("code", "how"),
    [(1, "ended with code 1"), (-9, "ended with signal 9"), (143, "ended with signal 15"), (None, "did not answer")],
)
def test_any_other_end_is_told_with_its_code_and_what_was_last_said(tmp_path: Path, code: int | None, how: str) -> None:
    error = told(STARTING, tmp_path, code)
    assert how in str(error)
    assert "it last said: Starting up.: read" in str(error)
    assert error.retry


def test_only_what_this_run_wrote_is_quoted(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    log.write_text("2026-11-23T14:03:44,102 ERROR of the run before (kafka.A)\n")
    logs = Logs(tmp_path / "java.log", log)
    with log.open("a") as opened:
        opened.write(STARTING)
    assert useful_line(logs.text()) == "Starting up."


def test_a_log_that_was_rolled_over_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "broker.log"
    log.write_text("old\n" * 1000)
    logs = Logs(log)
    log.write_text(STARTING)
    assert useful_line(logs.text()) == "Starting up."
