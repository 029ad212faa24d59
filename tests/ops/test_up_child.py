"""Children of `jun up`: started again with growing pauses, logged, stopped, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest

from ops.supervision.child import BackOff, Child, Plan, ended
from ops.supervision.logfile import LogFile
from tests.support.until import until

if TYPE_CHECKING:
    from pathlib import Path

POLITE = """
import signal, sys
signal.signal(signal.SIGTERM, lambda *_: (print("bye", flush=True), sys.exit()))
print("up", flush=True)
signal.pause()
"""
SLEEPER = "import time; print('awake', flush=True); time.sleep(60)"


def plan(code: str, *, name: str = "child", may_finish: bool = False, **environment: str) -> Plan:
    return Plan(name=name, command=(sys.executable, "-c", code), environment=environment, may_finish=may_finish)


def run_in_background(child: Child) -> asyncio.Task[None]:
    return asyncio.create_task(child.run())


def test_pauses_double_up_to_the_longest_and_start_anew_after_a_steady_run() -> None:
    back_off = BackOff(first=1, longest=5, steady=60)
    assert [back_off.after(ran) for ran in (0, 59.9, 3, 3, 3, 60, 0)] == [1, 2, 4, 5, 5, 1, 2]


@pytest.mark.parametrize(
    ("code", "said"),
    [(0, "ended with code 0"), (3, "ended with code 3"), (-9, "was ended by SIGKILL"), (-99, "was ended by signal 99")],
)
def test_the_end_of_a_process_is_told_in_words(code: int, said: str) -> None:
    assert ended(code) == said


async def test_a_child_that_dies_is_started_again_and_said_so_in_one_line(tmp_path: Path) -> None:
    said: list[str] = []
    log = tmp_path / "logs" / "child.log"
    child = Child(
        plan("import sys; print('first'); print('jun: the reason', file=sys.stderr); sys.exit(3)"),
        log, said.append, back_off=BackOff(first=0.01, longest=0.02),
    )  # fmt: skip
    task = run_in_background(child)
    await until(lambda: child.restarts >= 2)
    child.stop()
    await task
    assert said[0] == f"child ended with code 3 (jun: the reason); it starts again in 0.01 s; log: {log}"
    assert said[1] == f"child ended with code 3 (jun: the reason); it starts again in 0.02 s; log: {log}"
    assert log.read_text().startswith("first\njun: the reason\nfirst\njun: the reason\n")


async def test_a_child_that_is_killed_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    child = Child(plan(SLEEPER), tmp_path / "child.log", said.append, back_off=BackOff(first=0.01))
    task = run_in_background(child)
    await until(lambda: child.process_id)
    first = child.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.process_id not in {None, first})
    child.stop()
    await task
    assert said[0].startswith("child was ended by SIGKILL")


async def test_a_child_that_may_finish_is_left_alone_when_it_ends_well(tmp_path: Path) -> None:
    said: list[str] = []
    await Child(plan("", may_finish=True), tmp_path / "child.log", said.append).run()
    assert said == ["child has finished"]


async def test_a_child_that_may_finish_is_started_again_when_it_ends_badly(tmp_path: Path) -> None:
    said: list[str] = []
    child = Child(plan("1/0", may_finish=True), tmp_path / "child.log", said.append, back_off=BackOff(first=0.01))
    task = run_in_background(child)
    await until(lambda: child.restarts)
    child.stop()
    await task
    assert said[0].startswith("child ended with code 1 (ZeroDivisionError: division by zero); it starts again")


async def test_a_program_that_cannot_be_started_is_tried_again_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("ops.supervision.child.guarded", lambda _: [str(tmp_path / "missing")])
    child = Child(plan(""), tmp_path / "child.log", said.append, back_off=BackOff(first=0.01))
    task = run_in_background(child)
    await until(lambda: child.restarts)
    child.stop()
    await task
    assert said[0].startswith("child can't be started: No such file or directory; it starts again in 0.01 s")


async def test_stopping_during_a_pause_does_not_wait_for_its_end(tmp_path: Path) -> None:
    child = Child(plan("1/0"), tmp_path / "child.log", lambda _: None, back_off=BackOff(first=3600))
    task = run_in_background(child)
    await until(lambda: child.restarts)
    child.stop()
    await asyncio.wait_for(task, 30)


async def test_a_stopped_child_is_asked_to_end_and_not_started_again(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    child = Child(plan(POLITE), log, lambda _: None)
    task = run_in_background(child)
    await until(lambda: log.exists() and log.read_text() == "up\n")
    child.stop()
    await task
    assert log.read_text() == "up\nbye\n"
    assert child.restarts == 0


async def test_a_child_gets_its_own_variables_on_top_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS", "1")
    log = tmp_path / "child.log"
    await Child(
        plan("import os; print(os.environ['OURS'], os.environ['ITS'])", may_finish=True, ITS="2"), log, lambda _: None
    ).run()
    assert log.read_text() == "1 2\n"


async def test_a_terminals_interrupt_does_not_reach_the_children(tmp_path: Path) -> None:
    child = Child(plan(SLEEPER), tmp_path / "child.log", lambda _: None)
    task = run_in_background(child)
    await until(lambda: child.process_id)
    assert child.process_id is not None
    assert os.getpgid(child.process_id) != os.getpgid(0)
    child.stop()
    await task


PARENT = """
import asyncio, sys
from pathlib import Path
from ops.supervision.child import Child, Plan

CHILD = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"

async def main():
    plans = [Plan(name=f"child-{number}", command=(sys.executable, "-c", CHILD)) for number in range(2)]
    await asyncio.gather(*(Child(plan, Path(sys.argv[1]) / plan.name, print).run() for plan in plans))

asyncio.run(main())
"""


def test_no_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    try:
        logs = [tmp_path / "child-0", tmp_path / "child-1"]
        asyncio.run(until(lambda: all(log.exists() and log.read_text().endswith("\n") for log in logs)))
        children = [int(log.read_text()) for log in logs]
        assert all(is_running(child) for child in children)
    finally:
        parent.kill()
        parent.wait()
    asyncio.run(until(lambda: not any(is_running(child) for child in children)))


def is_running(process_id: int) -> bool:
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_log_is_turned_over_at_the_end_of_a_line_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "a.log"
    log = LogFile(path, largest=10, kept=2)
    for data in (b"0123456789", b"abc\n", b"second 90\n", b"third 890\n", b"fourth\n"):
        log.write(data)
    log.close()
    assert path.read_bytes() == b"fourth\n"
    assert path.with_name("a.log.1").read_bytes() == b"third 890\n"
    assert path.with_name("a.log.2").read_bytes() == b"second 90\n"
    assert not path.with_name("a.log.3").exists()


def test_a_log_goes_on_where_the_last_run_left_it(tmp_path: Path) -> None:
    for text in (b"one\n", b"two\n"):
        log = LogFile(tmp_path / "a.log")
        log.write(text)
        log.close()
    assert (tmp_path / "a.log").read_bytes() == b"one\ntwo\n"


def test_a_full_disk_costs_lines_of_the_log_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.log").symlink_to("/dev/full")
    log = LogFile(tmp_path / "a.log")
    log.write(b"lost\n")
    assert log.last_line() == "lost"
    log.close()


@pytest.mark.parametrize(
    ("written", "last"),
    [([], ""), ([b"\n \n"], ""), ([b"one\ntw", b"o\n\n"], "two"), ([b"x" * 9000], "x" * 300), ([b"\xff\n"], "\ufffd")],
)
def test_the_last_line_is_the_last_that_says_something(tmp_path: Path, written: list[bytes], last: str) -> None:
    log = LogFile(tmp_path / "a.log")
    for data in written:
        log.write(data)
    log.close()
    assert log.last_line() == last
