from __future__ import annotations

import asyncio

import pytest

from streams.ingest.deadlines import Deadlines


async def test_what_takes_too_long_is_ended_and_what_does_not_is_not() -> None:
    deadlines = Deadlines(0.05)
    never = asyncio.Event()

    async def quick() -> int:
        await asyncio.sleep(0)
        return 7

    async def slow() -> None:
        await deadlines.within(never.wait())

    stuck = [asyncio.create_task(slow()) for _ in range(3)]
    assert await deadlines.within(quick()) == 7
    for ended in await asyncio.gather(*stuck, return_exceptions=True):
        assert isinstance(ended, TimeoutError)
    # It goes on to work after a pause in which there was nothing to look at.
    with pytest.raises(TimeoutError):
        await deadlines.within(never.wait())


async def test_a_task_that_is_cancelled_by_somebody_else_stays_so() -> None:
    deadlines = Deadlines(60)
    task = asyncio.create_task(deadlines.within(asyncio.Event().wait()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_the_work_comes_through() -> None:
    async def wrong() -> None:
        await asyncio.sleep(0)
        raise KeyError

    with pytest.raises(KeyError):
        await Deadlines(60).within(wrong())
