from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from ops.broker import guard
from ops.broker.lock import take_lock
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MODES = [pytest.param(False, id="become", marks=pytest.mark.skipif(sys.platform != "linux", reason="Linux only")),
         pytest.param(True, id="stay")]  # fmt: skip

PARENT = """
import subprocess, sys
from ops.broker.guard import guarded
command = [sys.executable, "-c", "import time; print('running', flush=True); time.sleep(600)"]
child = subprocess.Popen(guarded(command, stay=sys.argv[1] == "True"), stdout=subprocess.PIPE, text=True)
print(child.pid, child.stdout.readline(), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def family(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    """Start a parent with a guarded child; gives the parent, and the guard with what it runs."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(request.param)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline().split()[0]))
        yield parent, [child, *child.children()]
    finally:
        parent.kill()
        parent.communicate()


@pytest.mark.parametrize("family", MODES, indirect=True)
def test_a_guarded_program_ends_when_its_parent_is_killed(
    family: tuple[subprocess.Popen[str], list[psutil.Process]],
) -> None:
    parent, children = family
    assert all(child.is_running() for child in children)
    parent.kill()
    assert psutil.wait_procs(children, timeout=20)[1] == []


@pytest.mark.parametrize("family", MODES, indirect=True)
def test_a_guarded_program_goes_on_while_its_parent_lives(
    family: tuple[subprocess.Popen[str], list[psutil.Process]],
) -> None:
    _, children = family
    assert psutil.wait_procs(children, timeout=1)[0] == []


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
@pytest.mark.parametrize("family", [False], indirect=True)
def test_on_linux_no_process_stays_in_between(family: tuple[subprocess.Popen[str], list[psutil.Process]]) -> None:
    _, children = family
    assert len(children) == 1
    assert "guard.py" not in " ".join(children[0].cmdline())


@pytest.mark.parametrize("stay", MODES)
@pytest.mark.parametrize(("program", "code"), [("raise SystemExit(7)", 7), ("print('done')", 0)])
def test_the_exit_code_is_the_programs(*, stay: bool, program: str, code: int) -> None:
    command = guard.guarded([sys.executable, "-c", program], stay=stay)
    assert subprocess.run(command, check=False, capture_output=True).returncode == code


@pytest.mark.parametrize(("stay", "code"), [(False, -signal.SIGTERM), (True, 128 + signal.SIGTERM)])
def test_a_request_to_end_reaches_the_program(*, stay: bool, code: int) -> None:
    command = guard.guarded(
        [sys.executable, "-c", "import time; print('running', flush=True); time.sleep(600)"], stay=stay
    )
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    child.terminate()
    child.communicate(timeout=20)
    assert child.returncode == code


@pytest.mark.parametrize("mode", ["become", "stay"])
def test_a_program_whose_parent_is_gone_already_is_never_started(mode: str) -> None:
    nobody = "1" if sys.platform == "linux" else "0"
    command = [sys.executable, guard.__file__, nobody, mode, sys.executable, "-c", "print('started')"]
    ended = subprocess.run(command, capture_output=True, check=False, text=True)
    assert (ended.returncode, ended.stdout) == (guard.ORPHANED, "")


@pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
def test_signals_that_python_ignores_are_back_to_normal_in_the_program() -> None:
    command = guard.guarded(["grep", "SigIgn", "/proc/self/status"])
    shown = subprocess.run(command, capture_output=True, check=True, text=True, restore_signals=True).stdout
    ignored = int(shown.split()[1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1))


def test_a_folder_stays_locked_while_the_program_lives_that_was_given_the_lock(tmp_path: Path) -> None:
    lock = take_lock(tmp_path)
    program = subprocess.Popen(["sleep", "600"], pass_fds=[lock])
    os.close(lock)
    with pytest.raises(OperatorError, match=f"another broker uses it, started by process {os.getpid()}:"):
        take_lock(tmp_path)
    program.kill()
    program.wait()
    os.close(take_lock(tmp_path))
