from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from ops.broker import EmbeddedBroker, embedded
from ops.broker.lock import take_lock
from ops.broker.ports import PortInUseError, free_ports
from ops.topics import ensure_topics
from schemas.config import KafkaSettings, TopicSettings
from streams.errors import OperatorError
from tests.support.records import read_all, write
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]

PATIENT = 180
"""Seconds for a start on a machine that has other things to do."""


def settings(broker: EmbeddedBroker) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=broker.bootstrap)


async def test_what_was_acknowledged_is_there_after_a_stop_and_after_a_kill(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path / "kafka", start_timeout=PATIENT)
    with broker:
        first = broker.bootstrap
        await ensure_topics(settings(broker), TopicSettings(partitions=2))
        await write(settings(broker), "events", [b"before the stop"])
        assert broker.poll() is None
        assert broker.stop() is True
        assert broker.pid is None
        assert broker.poll() == 128 + signal.SIGTERM
        assert (tmp_path / "kafka" / "data" / ".kafka_cleanshutdown").exists()

        broker.start()
        assert broker.bootstrap == first
        await write(settings(broker), "events", [b"before the kill"])
        process = broker.pid
        assert process is not None
        os.kill(process, signal.SIGKILL)
        wait_until(lambda: broker.poll() is not None, "the end of the broker")
        assert broker.poll() == -signal.SIGKILL
        assert "it ended with signal 9" in str(broker.failure())
        assert broker.failure().retry

        broker.start()
        assert sorted(await read_all(settings(broker), "events")) == [b"before the kill", b"before the stop"]


RUN_IN_A_SHORT_LIVED_THREAD = """
import sys, threading, time
from pathlib import Path
from ops.broker import EmbeddedBroker
broker = EmbeddedBroker(Path(sys.argv[1]), start_timeout=180)
thread = threading.Thread(target=broker.start)
thread.start()
thread.join()
print(broker.pid, broker.bootstrap, flush=True)
time.sleep(600)
"""


def test_a_broker_outlives_the_thread_that_started_it_but_not_a_killed_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", RUN_IN_A_SHORT_LIVED_THREAD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdout is not None
        process, bootstrap = parent.stdout.readline().split()
        broker = psutil.Process(int(process))
        asyncio.run(ensure_topics(KafkaSettings(bootstrap_servers=bootstrap), TopicSettings()))
        with pytest.raises(OperatorError, match=f"another broker uses it, started by process {parent.pid}"):
            EmbeddedBroker(tmp_path).start()
        parent.kill()
        assert psutil.wait_procs([broker], timeout=20)[0] == [broker]
    finally:
        parent.kill()
        parent.communicate()
    os.close(take_lock(tmp_path))


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        broker = EmbeddedBroker(tmp_path, port)
        with pytest.raises(OperatorError) as told:
            broker.start()
    assert str(told.value) == (
        f"wanted to listen on 127.0.0.1:{port} for the embedded broker, but another program has that port "
        "(Address already in use): stop that program, or name another port in kafka.bootstrap_servers "
        "(trying again can help)"
    )
    assert broker.poll() is None
    assert broker.failure() is told.value


def test_a_port_that_is_taken_while_it_starts_is_told_where_it_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(embedded, "require_free", lambda _port: None)
        with pytest.raises(PortInUseError) as told:
            EmbeddedBroker(tmp_path, port, start_timeout=PATIENT).start()
    assert told.value.port == port


def test_a_port_that_is_taken_while_it_starts_is_replaced_where_any_would_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = [[server.getsockname()[1]]]
        monkeypatch.setattr(embedded, "require_free", lambda _port: None)
        monkeypatch.setattr(embedded, "free_ports", lambda count: taken.pop() if taken else free_ports(count))
        with EmbeddedBroker(tmp_path, start_timeout=PATIENT) as broker:
            assert broker.port != server.getsockname()[1]
            assert broker.poll() is None


def test_a_folder_in_use_is_told_with_the_process_that_uses_it(broker: EmbeddedBroker) -> None:
    with pytest.raises(OperatorError) as told:
        EmbeddedBroker(broker.folder).start()
    assert f"another broker uses it, started by process {os.getpid()}" in str(told.value)
    assert "name another folder in state.folder" in str(told.value)
    assert broker.poll() is None


def test_a_broker_that_dies_at_start_is_told_with_the_useful_line_of_its_log(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, more={"log.segment.bytes": "many"}, start_timeout=PATIENT)
    with pytest.raises(OperatorError, match=r"it ended with code 1.*many.*log\.segment\.bytes") as told:
        broker.start()
    assert str(broker.log) in str(told.value)
    assert broker.failure() is told.value


def test_the_free_space_is_looked_at_before_the_start(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path, minimum_free=1 << 62)
    with pytest.raises(OperatorError, match=r"wanted \d+ MiB free .* but \d+ MiB are free: make room there"):
        broker.start()
    assert broker.poll() is None


def test_a_folder_that_kafka_would_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="has a comma in it"):
        EmbeddedBroker(tmp_path / "a,b").start()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="Not a directory: make it writable"):
        EmbeddedBroker(tmp_path / "file" / "kafka").start()


def test_a_start_that_another_thread_ends_raises_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = EmbeddedBroker(tmp_path, start_timeout=PATIENT)
    monkeypatch.setattr(embedded, "require_free", lambda _port: broker.kill())
    with pytest.raises(OperatorError, match="it was told to end"):
        broker.start()
    assert broker.pid is None
    os.close(take_lock(tmp_path))
