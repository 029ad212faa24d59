"""Real programs beside the tests: started in a folder of their own, waited for, and always stopped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ops.broker.ports import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

LOCAL = "127.0.0.1"
PATIENCE = 60.0


def free_port() -> int:
    """A port that nobody listens on now, by chance: no other process of the tests is likely to take the same."""
    return free_ports(1)[0]


def need(*programs: str) -> None:
    """Skip the test where one of the programs is not installed, but fail on CI."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing and os.environ.get("CI"):
        pytest.fail(f"{', '.join(missing)} is not installed")
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")


def wait_for(condition: Callable[[], Any], what: str, *, seconds: float = PATIENCE) -> Any:
    """Give the first true value of `condition`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    pytest.fail(f"waited {seconds:g} s for {what}")


def fetch(url: str, *, accept: str = "*/*") -> tuple[int, str]:
    """GET a page; (0, reason) where nobody answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=10) as answer:  # noqa: S310 (our own)
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return 0, str(error)


@contextmanager
def running(command: Sequence[str], log: Path, *, ready: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Run a program inside the block, its output in `log`; `ready` is a page that answers 200 once it can be used."""
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        if ready:
            wait_for(lambda: process.poll() is not None or fetch(ready)[0] == 200, ready)
        if process.poll() is not None:
            pytest.fail(f"{command[0]} ended with {process.returncode}: {log.read_text()[-2000:]}")
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Prometheus:
    """A running Prometheus under `address`."""

    def __init__(self, address: str) -> None:
        self.address = address

    def get(self, path: str, **parameters: str) -> Any:
        """Give the data of an answer of its API."""
        status, text = fetch(f"{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
        assert status == 200, text
        return json.loads(text)["data"]

    def query(self, promql: str) -> dict[tuple[tuple[str, str], ...], float]:
        """Give the value of each series now, by its labels."""
        result = self.get("query", query=promql)["result"]
        return {tuple(sorted(series["metric"].items())): float(series["value"][1]) for series in result}


@contextmanager
def prometheus(folder: Path, config: str, *more: str) -> Iterator[Prometheus]:
    """Run Debian's Prometheus with `config`, and `more` arguments, inside the block."""
    need("prometheus")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(config, encoding="utf-8")
    address = f"{LOCAL}:{free_port()}"
    command = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        *more,
    ]
    with running(command, folder / "prometheus.log", ready=f"http://{address}/-/ready"):
        yield Prometheus(f"http://{address}")


def jun(*arguments: str) -> list[str]:
    """The command line of `jun` in this environment."""
    return [sys.executable, "-P", "-m", "ops.cli", *arguments]
