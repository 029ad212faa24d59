from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from streams.errors import OperatorError
from streams.ingest.runner import Runner
from streams.ingest.source import Standing, Timing
from tests.support.ingest import NOW, Bench, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.ingest.intake import Intake

PASSING = OperatorError("a server", "it is away", "wait", retry=True)
LASTING = OperatorError("a token", "it is wrong", "correct it", retry=False)


class Failing:
    """A source that fails in the ways it is given, then runs until asked to stop."""

    name = "posts"
    regions = ()
    timing = Timing(0.01, 15_000, 120_000)

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.starts = 0

    def clock(self) -> int:
        """Stand still."""
        return NOW

    def standing(self, now: int) -> Standing:
        """Be well."""
        return Standing(now - 1)

    async def run(self, intake: Intake) -> str:
        """Fail, or wait."""
        self.starts += 1
        if self.failures:
            raise self.failures.pop(0)
        await intake.stopped()
        return "stopped"


def running(bench: Callable[..., Bench], source: Failing) -> tuple[Bench, Runner]:
    one = bench(kind="clock")
    return one, Runner([(source, one.intake_of(source))], first_retry=0.01)


async def test_heartbeats_come_from_the_start_and_the_last_one_after_the_end(bench: Callable[..., Bench]) -> None:
    one, runner = running(bench, Failing())
    task = asyncio.create_task(runner.run())
    await until(lambda: len(one.outlet.heartbeats) > 2)
    before = len(one.outlet.heartbeats)
    runner.stop()
    assert await task == ["stopped"]
    assert len(one.outlet.heartbeats) > before
    assert {(beat.status, beat.complete_to) for beat in one.outlet.heartbeats} == {("ok", NOW - 1)}


async def test_a_source_that_fails_is_down_with_the_reason_and_started_again(bench: Callable[..., Bench]) -> None:
    source = Failing(PASSING, ValueError("text of ana"))
    one, runner = running(bench, source)
    task = asyncio.create_task(runner.run())
    await until(lambda: source.starts == 3 and one.outlet.heartbeats[-1].status == "ok")
    runner.stop()
    await task
    down = {beat.reason for beat in one.outlet.heartbeats if beat.status == "down"}
    assert len(down) == 2
    assert str(PASSING) in down
    assert any(reason.startswith("ValueError in run, line") for reason in down)
    assert not any("ana" in reason for reason in down)


async def test_what_nobody_can_wait_for_ends_the_process_after_a_last_word(bench: Callable[..., Bench]) -> None:
    one, runner = running(bench, Failing(LASTING))
    with pytest.raises(OperatorError, match="token"):
        await runner.run()
    assert (one.outlet.heartbeats[-1].status, one.outlet.heartbeats[-1].reason) == ("down", str(LASTING))


async def test_a_source_that_waits_to_be_started_again_can_be_stopped(bench: Callable[..., Bench]) -> None:
    source = Failing(PASSING)
    one = bench(kind="clock")
    runner = Runner([(source, one.intake_of(source))], first_retry=60)
    task = asyncio.create_task(runner.run())
    await until(lambda: any(beat.status == "down" for beat in one.outlet.heartbeats))
    runner.stop()
    assert await asyncio.wait_for(task, 10) == [str(PASSING)]


async def test_a_clock_only_beats(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    runner = Runner([(one.source, one.intake)])
    task = asyncio.create_task(runner.run())
    await until(lambda: bool(one.outlet.heartbeats))
    runner.stop()
    await task
    assert one.outlet.events == []
    assert {beat.complete_to for beat in one.outlet.heartbeats} == {NOW}
