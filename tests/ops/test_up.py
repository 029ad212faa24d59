"""`jun up` with fakes: what is started, what is stopped and in which order, whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ops.supervision.broker import BrokerKeeper
from ops.supervision.child import BackOff, Child, Plan
from ops.supervision.ports import address, claim
from ops.supervision.single import only_one
from ops.supervision.supervisor import Supervisor
from ops.up import Parts, run
from streams.errors import OperatorError
from tests.support.until import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from schemas.regions import RegionStatus

WRITER = """
import signal, sys
def end(*_):
    with open(sys.argv[1], "a") as diary: diary.write(f"{sys.argv[2]} ends\\n")
    sys.exit()
signal.signal(signal.SIGTERM, end)
with open(sys.argv[1], "a") as diary: diary.write(f"{sys.argv[2]} starts\\n")
while True: signal.pause()
"""
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"


class _Broker:
    """A broker that notes in the diary what is done to it."""

    def __init__(self, diary: Path, *, fails: OperatorError | None = None, slow: float = 0) -> None:
        self.diary = diary
        self.fails = fails
        self.slow = slow
        self.code: int | None = None
        self.killed = False

    def note(self, word: str) -> None:
        with self.diary.open("a") as diary:
            diary.write(f"broker {word}\n")

    def start(self) -> None:
        end = time.monotonic() + self.slow
        while time.monotonic() < end and not self.killed:
            time.sleep(0.01)
        if self.fails:
            raise self.fails
        self.code = None
        self.note("starts")

    def stop(self) -> bool:
        self.note("ends")
        return True

    def kill(self) -> None:
        self.killed = True
        self.note("is killed")

    def poll(self) -> int | None:
        return self.code

    def failure(self) -> OperatorError:
        return self.fails or OperatorError("the broker to run", "it ended", "read its log", retry=True)


class _Show:
    """Keeps what is said; `react` may do something about it."""

    def __init__(self, react: Callable[[str], None] = lambda _: None) -> None:
        self.said: list[str] = []
        self.react = react

    def say(self, text: str) -> None:
        self.said.append(text)
        self.react(text)

    def take(self, status: RegionStatus) -> None: ...

    def caught_up(self) -> None: ...

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        yield

    async def refresh(self) -> None: ...


async def forever() -> None:
    await asyncio.Event().wait()


async def nothing() -> None:
    return


def writer(diary: Path, name: str) -> Plan:
    return Plan(name=name, command=(sys.executable, "-c", WRITER, str(diary), name))


def parts(tmp_path: Path, show: _Show, broker: _Broker | None = None, **changes: object) -> Parts:
    diary = tmp_path / "diary"
    names = (("source-1", "source-2"), ("worker",), ("exporter",))
    values: dict[str, object] = {
        "show": show,
        "broker": BrokerKeeper(broker, show.say, back_off=BackOff(first=0.01)) if broker else None,
        "topics": nothing,
        "feed": forever,
        "children": [[writer(diary, name) for name in group] for group in names],
        "logs": tmp_path / "logs",
        "ready": "ready",
        **changes,
    }
    return Parts(**values)  # type: ignore[arg-type]


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


async def test_everything_is_stopped_in_order_sources_worker_exporter_broker(tmp_path: Path) -> None:
    diary, show = tmp_path / "diary", _Show()
    task = asyncio.create_task(run(parts(tmp_path, show, _Broker(diary))))
    await until(lambda: len(lines(diary)) == 5)
    assert lines(diary)[0] == "broker starts"
    press()
    await task
    assert set(lines(diary)[5:7]) == {"source-1 ends", "source-2 ends"}
    assert lines(diary)[7:] == ["worker ends", "exporter ends", "broker ends"]
    assert show.said == ["ready", "stopping; once more to hurry", "stopped"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_other_ways_to_ask_for_an_end_do_the_same(tmp_path: Path, number: signal.Signals) -> None:
    diary = tmp_path / "diary"
    task = asyncio.create_task(run(parts(tmp_path, _Show(), _Broker(diary))))
    await until(lambda: len(lines(diary)) == 5)
    os.kill(os.getpid(), number)
    await task
    assert lines(diary)[-1] == "broker ends"


async def test_a_second_interrupt_kills_what_does_not_end(tmp_path: Path) -> None:
    show = _Show()
    deaf = [[Plan(name="deaf", command=(sys.executable, "-c", DEAF))]]
    task = asyncio.create_task(run(parts(tmp_path, show, children=deaf)))
    await until(lambda: lines(tmp_path / "logs" / "deaf.log"))
    press()
    await until(lambda: "stopping; once more to hurry" in show.said)
    assert not task.done()
    press()
    await task
    assert show.said[-2:] == ["hurrying: whatever still runs is killed", "stopped"]


async def test_what_does_not_end_in_time_is_killed_and_told(tmp_path: Path) -> None:
    said: list[str] = []
    plan = Plan(name="deaf", command=(sys.executable, "-c", DEAF))
    supervisor = Supervisor([[plan]], tmp_path, said.append, grace=0.05)
    supervisor.start()
    await until(lambda: lines(tmp_path / "deaf.log"))
    await supervisor.stop(asyncio.Event())
    assert said == ["deaf did not end within 0.05 s and was killed"]
    assert supervisor.groups[0][0].process_id is None


async def test_a_broker_that_cannot_start_is_one_error_and_starts_nothing_else(tmp_path: Path) -> None:
    error = OperatorError("a port", "it is taken", "choose another", retry=True)
    with pytest.raises(OperatorError, match="it is taken"):
        await run(parts(tmp_path, _Show(), _Broker(tmp_path / "diary", fails=error)))
    assert not [line for line in lines(tmp_path / "diary") if line.endswith("starts")]


async def test_topics_that_cannot_be_made_stop_the_broker_again(tmp_path: Path) -> None:
    async def refuse() -> None:
        raise OperatorError("topics", "they are others", "look at them", retry=False)

    with pytest.raises(OperatorError, match="they are others"):
        await run(parts(tmp_path, _Show(), _Broker(tmp_path / "diary"), topics=refuse))
    assert lines(tmp_path / "diary") == ["broker starts", "broker ends"]


async def test_an_interrupt_while_the_broker_starts_is_heard(tmp_path: Path) -> None:
    diary, show = tmp_path / "diary", _Show()
    task = asyncio.create_task(run(parts(tmp_path, show, _Broker(diary, slow=600))))
    await asyncio.sleep(0.1)
    press()
    await task
    assert "broker is killed" in lines(diary)
    assert "source-1 starts" not in lines(diary)
    assert show.said[-1] == "stopped"


async def test_a_broker_that_dies_is_started_again_and_told(tmp_path: Path) -> None:
    diary, show = tmp_path / "diary", _Show()
    broker = _Broker(diary)
    task = asyncio.create_task(run(parts(tmp_path, show, broker, children=[])))
    await until(lambda: "ready" in show.said)
    broker.code = -9
    await until(lambda: lines(diary).count("broker starts") == 2)
    press()
    await task
    assert show.said[1].startswith("the embedded broker ended: wanted the broker to run, but it ended")
    assert show.said[1].endswith("; it starts again in 0.01 s")


async def test_a_broker_that_died_of_something_lasting_ends_the_whole(tmp_path: Path) -> None:
    diary, show = tmp_path / "diary", _Show()
    broker = _Broker(diary)
    task = asyncio.create_task(run(parts(tmp_path, show, broker)))
    await until(lambda: len(lines(diary)) == 5)
    broker.fails = OperatorError("room", "the disk is full", "make room", retry=False)
    broker.code = 1
    with pytest.raises(OperatorError, match="the disk is full"):
        await task
    assert lines(diary)[-3:] == ["worker ends", "exporter ends", "broker ends"]


async def test_a_table_that_cannot_read_kafka_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.up.RETRY_SECONDS", 0.01)
    tries = 0

    async def feed() -> None:
        nonlocal tries
        tries += 1
        raise ConnectionError

    task = asyncio.create_task(run(parts(tmp_path, _Show(), children=[], feed=feed)))
    await until(lambda: tries >= 3)
    press()
    await task


async def test_a_child_that_dies_is_started_again_by_the_supervisor(tmp_path: Path) -> None:
    diary, said = tmp_path / "diary", []
    supervisor = Supervisor(
        [[writer(diary, "worker")]], tmp_path, said.append,
        child=lambda plan, log, say: Child(plan, log, say, back_off=BackOff(first=0.01)),
    )  # fmt: skip
    supervisor.start()
    child = supervisor.groups[0][0]
    # the child can have written before the event loop hears that it was started
    await until(lambda: lines(diary) == ["worker starts"] and child.process_id is not None)
    process_id = child.process_id
    assert process_id is not None
    os.kill(process_id, signal.SIGKILL)
    await until(lambda: lines(diary) == ["worker starts"] * 2)
    await supervisor.stop(asyncio.Event())
    assert lines(diary)[-1] == "worker ends"


def test_two_at_once_in_one_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    with only_one(tmp_path / "state"):
        with pytest.raises(OperatorError) as caught, only_one(tmp_path / "state"):
            pass
        assert str(caught.value) == (
            f"wanted to run in the state folder {tmp_path}/state, but another `jun up` runs there "
            f"(process {os.getpid()}): stop that one, or name another folder in state.folder (trying again can help)"
        )
    with only_one(tmp_path / "state"):
        pass


def test_a_state_folder_that_cannot_be_written_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="it can't be written") as caught, only_one(tmp_path / "file" / "state"):
        pass
    assert not caught.value.retry


def test_a_port_in_use_is_one_clear_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(OperatorError) as caught:
            claim("127.0.0.1", port, "exporter.port")
    assert str(caught.value) == (
        f"wanted to listen on 127.0.0.1:{port} (exporter.port), but the system refused (Address already in use): stop "
        "the program that has the port, or set another one in exporter.port (trying again can help)"
    )
    assert claim("127.0.0.1", port, "exporter.port") == port


def test_port_0_becomes_a_free_one() -> None:
    assert claim("127.0.0.1", 0, "exporter.port") > 0


@pytest.mark.parametrize(
    ("host", "wanted"),
    [
        ("127.0.0.1", "http://127.0.0.1:9464"),
        ("0.0.0.0", "http://127.0.0.1:9464"),  # noqa: S104 (nothing is bound)
        ("", "http://127.0.0.1:9464"),
        ("::", "http://[::1]:9464"),
        ("::1", "http://[::1]:9464"),
        ("monitor.example", "http://monitor.example:9464"),
    ],
)
def test_the_address_is_one_that_this_machine_can_open(host: str, wanted: str) -> None:
    assert address(host, 9464) == wanted
