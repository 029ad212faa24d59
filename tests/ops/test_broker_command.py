from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import msgspec
import psutil
import pytest

from ops.broker.ports import free_ports

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(200)]

JUN = (sys.executable, "-m", "ops.cli")


@pytest.fixture
def organisation(tmp_path: Path) -> Path:
    """A folder with a configuration whose broker listens on a free port."""
    (tmp_path / "jun.toml").write_text(f'[kafka]\nbootstrap_servers = "127.0.0.1:{free_ports(1)[0]}"\n')
    (tmp_path / "regions.toml").write_text('[[region]]\nname = "jun"\nheadcount = 40\n')
    return tmp_path


def start_broker(folder: Path) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Run `jun broker` in `folder`; gives the process and what it said when the broker was ready."""
    process = subprocess.Popen([*JUN, "broker"], cwd=folder, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "broker.started" in line:
            return process, msgspec.json.decode(line)
    raise AssertionError(f"the broker did not start: code {process.wait()}")


def topics(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*JUN, "topics", *more], cwd=folder, check=False, capture_output=True, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_broker_runs_until_it_is_told_to_end_and_ends_cleanly(organisation: Path, number: signal.Signals) -> None:
    process, said = start_broker(organisation)
    try:
        java = psutil.Process(said["process"])
        made = topics(organisation)
        assert made.returncode == 0
        assert made.stdout.splitlines()[0] == "Created the topic events."
        assert topics(organisation, "--fix").stdout == "All topics are there and as wanted.\n"
        process.send_signal(number)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0
        assert "broker.stopped" in errors
        assert not java.is_running()
        assert (organisation / ".jun" / "kafka" / "data" / ".kafka_cleanshutdown").exists()
    finally:
        process.kill()
        process.communicate()


def test_a_broker_that_dies_ends_the_command_with_the_reason(organisation: Path) -> None:
    process, said = start_broker(organisation)
    try:
        os.kill(said["process"], signal.SIGKILL)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 1
        assert "it ended with signal 9; it last said: " in errors
        assert said["log"] in errors
    finally:
        process.kill()
        process.communicate()


def test_topics_that_differ_end_the_command_with_code_1(organisation: Path, kafka: str, topic_prefix: str) -> None:
    def configure(partitions: int) -> None:
        text = (
            f'[kafka]\nembedded = false\nbootstrap_servers = "{kafka}"\n'
            f'[topics]\nprefix = "{topic_prefix}"\npartitions = {partitions}\n'
        )
        (organisation / "jun.toml").write_text(text)

    configure(2)
    assert topics(organisation).returncode == 0
    configure(3)
    told = topics(organisation)
    assert told.returncode == 1
    assert f"The topic {topic_prefix}events has partitions 2, wanted 3" in told.stdout
