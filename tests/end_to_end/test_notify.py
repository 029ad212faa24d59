"""`jun notify` as a process on a real broker: what a webhook gets, across kills. Times are printed (`pytest -s`)."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ops.topics import ensure_topics
from schemas.regions import Transition
from tests.support.exporter import Line
from tests.support.hooks import Hooks
from tests.support.programs import LOCAL, fetch, free_port, jun, running, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.end_to_end

NAMES = tuple(f"r{number:02}" for number in range(40))
REGIONS = "".join(f'[[region]]\nname = "{name}"\nheadcount = 300\n' for name in NAMES)
MORE = """
[health]
port = {port}
[notify]
gather_seconds = 1
[[notification]]
name = "hook"
url = { file = "hook.url" }
"""


class Desk:
    """The topics of one test, a webhook, and the process that can be started again and again."""

    def __init__(self, line: Line, hooks: Hooks, ready: str) -> None:
        self.line = line
        self.ready = ready
        self.hooks = hooks
        self.log = line.folder / "notify.log"
        self._last = 0
        secret = line.folder / "hook.url"
        secret.write_text(f"json://:hunter2@{hooks.address}/\n")
        secret.chmod(0o600)

    @contextmanager
    def notify(self) -> Iterator[subprocess.Popen[bytes]]:
        """Run it inside the block, and kill it at the end."""
        with running(jun("notify", "--config", str(self.line.folder / "jun.toml")), self.log) as process:
            yield process
            process.kill()

    async def change(self, *changes: tuple[str, str, str], reason: str = "no post", ago: float = 0) -> float:
        """Publish changes of (region, old, new), as of `ago` seconds ago; gives when that was done (monotonic)."""
        self._last = max(self._last + 1, int(time.time() * 1000))
        at = self._last - round(ago * 1000)
        made = [Transition(region=name, at=at, old=old, new=new, reason=reason) for name, old, new in changes]  # type: ignore[arg-type]
        await self.line.send("alerts", *((one.region, one) for one in made))
        return time.monotonic()

    def told(self, *titles: str, since: float = 0, what: str = "") -> None:
        """Wait for these messages, no more and no less; prints how long the last took."""
        wait_for(lambda: len(self.hooks.titles) >= len(titles), f"{titles}, got {self.hooks.titles}")
        assert self.hooks.titles == list(titles)
        if what:
            print(f"{what} was told after {self.hooks.at[-1] - since:.1f} s")


@pytest.fixture
async def desk(kafka: str, topic_prefix: str, tmp_path: Path):
    port = free_port()
    line = Line(kafka, topic_prefix, tmp_path, MORE.replace("{port}", str(port)), REGIONS)
    await ensure_topics(line.config.kafka, line.config.topics)
    with Hooks() as hooks:
        yield Desk(line, hooks, f"http://{LOCAL}:{port}/-/ready")


async def test_each_change_is_told_once_whatever_is_killed_and_read_again(desk: Desk) -> None:
    await desk.change(*((name, "", "active") for name in NAMES))  # first verdicts are no news
    await desk.change(("r02", "active", "silent"), ago=2 * 3600)  # and neither is what is old
    silent = "■ r01 has gone silent"
    with desk.notify():
        began = await desk.change(("r01", "active", "silent"))
        desk.told(silent, since=began, what="a silent region")
        wait_for(lambda: "notify.sent" in desk.log.read_text(), "that the book is kept")
    with desk.notify():
        # what a worker publishes again after a crash, and then something new: nothing was told in between
        at = desk._last
        await desk.line.send("alerts", ("r01", Transition(region="r01", at=at, old="active", new="silent", reason="")))
        began = await desk.change(("r03", "active", "unknown"), reason="source mail is down")
        desk.told(silent, "? r03 is unknown: source mail is down", since=began, what="a dead source")
    await desk.change(("r01", "silent", "active"), reason="as usual")  # while nobody listens
    with desk.notify() as process:
        desk.told(silent, "? r03 is unknown: source mail is down", "✓ r01 is active again")
        assert fetch(desk.ready) == (200, "ready\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert "hunter2" not in desk.log.read_text()


async def test_forty_silent_regions_are_one_message_and_a_dead_source_is_one(desk: Desk) -> None:
    await desk.change(*((name, "", "active") for name in NAMES))
    with desk.notify():
        began = await desk.change(*((name, "active", "silent") for name in NAMES))
        everything = "■ Everything is silent at once"
        desk.told(everything, since=began, what="everything silent")
        await desk.change(*((name, "silent", "active") for name in NAMES), reason="as usual")
        over = "✓ No longer is everything silent"
        desk.told(everything, over)
        began = await desk.change(*((name, "active", "unknown") for name in NAMES[:20]), reason="source mail is down")
        desk.told(everything, over, "? 20 regions are unknown: source mail is down", since=began, what="a dead source")


async def test_a_receiver_that_refuses_is_tried_again_and_gets_it_once_it_takes_it(desk: Desk) -> None:
    await desk.change(("r39", "", "active"))
    answers = iter([500, 503])
    desk.hooks.answer = lambda: next(answers, 200)
    with desk.notify():
        await desk.change(("r01", "active", "silent"))
        wait_for(lambda: "notify.sent" in desk.log.read_text(), "that it is taken")
        assert desk.hooks.titles == ["■ r01 has gone silent"] * 3
        await desk.change(("r02", "active", "silent"))
        desk.told(*["■ r01 has gone silent"] * 3, "■ r02 has gone silent")


async def test_killed_while_the_receiver_takes_it_the_message_comes_again_and_says_so(desk: Desk) -> None:
    await desk.change(("r39", "", "active"))
    dead = threading.Event()

    def wait() -> int:
        dead.wait(60)
        return 200

    desk.hooks.answer = wait
    with desk.notify() as process:
        await desk.change(("r01", "active", "silent"))
        desk.told("■ r01 has gone silent")
        process.kill()
        process.wait()
    dead.set()
    with desk.notify():
        desk.told("■ r01 has gone silent", "■ r01 has gone silent")
    first, again = desk.hooks.got
    assert "may have been sent before" not in first["message"]
    assert "may have been sent before" in again["message"]


def finished(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(jun("notify", *arguments), capture_output=True, text=True, check=False, timeout=60)


async def test_two_at_once_are_refused_and_a_test_message_arrives(desk: Desk) -> None:
    config = str(desk.line.folder / "jun.toml")
    tried = await asyncio.to_thread(finished, "--test", "--config", config)
    assert (tried.returncode, tried.stdout) == (0, "hook took it\n")
    desk.told("✓ A test of Jun")
    await desk.change(("r39", "", "active"))
    with desk.notify():
        await desk.change(("r01", "active", "silent"))
        desk.told("✓ A test of Jun", "■ r01 has gone silent")
        second = await asyncio.to_thread(finished, "--config", config)
    assert second.returncode == 1
    assert "another process" in second.stderr
