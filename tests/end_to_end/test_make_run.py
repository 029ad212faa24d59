"""`make run` as a newcomer starts it: a table, figures, a clean end, and nothing left behind."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.support.programs import fetch, free_port
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.end_to_end

ROOT = Path(__file__).parents[2]
PATIENCE = 240.0
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
SHOWN = re.compile(
    r"(?:Andalusia|Catalonia|Tehran|Tokyo|Mumbai) +\w{3} \d\d:\d\d +. (?:active|quiet|learning|silent|unknown)"
)


class _Run:
    """One `make run` on a terminal of its own, in a state folder of its own, on ports of its own."""

    def __init__(self, state: Path) -> None:
        self.mark = f"test {uuid.uuid4().hex}"
        self.port = free_port()
        self.text = ""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 140, 0, 0))
        self.process = subprocess.Popen(
            ["make", "--no-print-directory", "-C", str(ROOT), "run"],
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env={
                **os.environ,
                "TERM": "xterm",
                "LANG": "C.UTF-8",
                "JUN_ORGANISATION": self.mark,
                "JUN_STATE__FOLDER": str(state),
                "JUN_EXPORTER__PORT": str(self.port),
                "JUN_KAFKA__BOOTSTRAP_SERVERS": f"127.0.0.1:{free_port()}",
            },
        )  # fmt: skip
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, args=[ours], daemon=True)
        self._reader.start()

    def _read(self, terminal: int) -> None:
        with contextlib.suppress(OSError):  # the other side is closed
            while data := os.read(terminal, 65_536):
                self.text += CONTROL.sub("", data.decode("utf-8", "replace"))
        os.close(terminal)

    def processes(self) -> list[psutil.Process]:
        """Every process of this run, found by the variable that all of them inherit."""
        return [process for process in psutil.process_iter() if self._is_ours(process)]

    def _is_ours(self, process: psutil.Process) -> bool:
        try:
            return process.status() != psutil.STATUS_ZOMBIE and process.environ().get("JUN_ORGANISATION") == self.mark
        except psutil.Error:
            return False

    def supervisor(self) -> psutil.Process:
        """The process `jun up`."""
        (found,) = [process for process in self.processes() if process.cmdline()[-1:] == ["up"]]
        return found

    def wait_for(self, pattern: str | re.Pattern[str]) -> None:
        def there() -> bool:
            assert self.process.poll() is None, self.text
            return re.search(pattern, self.text) is not None

        wait_until(there, f"{pattern} in {self.text[-3000:]}", within=PATIENCE)

    def end(self) -> None:
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                process.kill()
        self.process.wait()
        self._reader.join()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[_Run]:
    running = _Run(tmp_path / "state")
    try:
        yield running
    finally:
        running.end()


@pytest.mark.timeout(300)
def test_a_newcomer_sees_a_table_and_figures_and_stops_it_without_leaving_anything(run: _Run, tmp_path: Path) -> None:
    run.wait_for("SIMULATED")
    run.wait_for(f"metrics at http://127.0.0.1:{run.port}/metrics")
    run.wait_for(SHOWN)
    status, figures = fetch(f"http://127.0.0.1:{run.port}/metrics")
    assert status == 200
    assert re.search(r'^jun_region_verdict\{region="andalusia",verdict="\w+"\} [01]', figures, re.MULTILINE)
    assert len(run.processes()) >= 6  # make, up, broker, a source, worker, exporter

    os.killpg(run.process.pid, signal.SIGINT)  # what a terminal does at Ctrl-C
    run.process.wait(PATIENCE)
    wait_until(lambda: not run.processes(), "every process to be gone")
    wait_until(lambda: run.text.rstrip().endswith("stopped"), "the last word")
    assert "was killed" not in run.text
    assert "Traceback" not in run.text
    logs = {file.name for file in (tmp_path / "state" / "logs").iterdir()}
    assert {"up.log", "worker.log", "exporter.log", "ingest-simulated.log"} <= logs


@pytest.mark.timeout(300)
def test_nothing_outlives_a_run_that_is_killed(run: _Run) -> None:
    run.wait_for("running; metrics at")
    wait_until(lambda: len(run.processes()) >= 6, "the children to start")
    run.supervisor().kill()
    wait_until(lambda: not run.processes(), "every process to be gone")
