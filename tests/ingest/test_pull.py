"""What all sources that go and look have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from schemas.codec import UnreadableError
from schemas.config import Config
from schemas.directory import Directory
from streams.ingest.pull import PullSettings, PullSource
from streams.ingest.source import Surroundings
from streams.ingest.web import TroubleError
from tests.support.ingest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.ingest import Bench


class Scripted(PullSource):
    """Does one thing after another; a number is what it completes, an error what it raises."""

    def __init__(self, steps: list[Any], folder: Path, clock: Callable[[], int]) -> None:
        super().__init__(PullSettings(name="posts"), Surroundings(Config(), Directory(), folder, clock))
        self.steps = iter(steps)
        self.seen: list[Any] = []

    async def work(self, intake: Any) -> None:
        """Do the next thing."""
        self.seen.append(self.standing(self.clock()))
        step = next(self.steps, None)
        if step is None:
            intake.stop()
        elif isinstance(step, int):
            self.complete(step)
        else:
            raise step

    async def fill(self, intake: Any, since: int) -> str:
        """Have no past."""
        return f"{intake}{since}"


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch, bench: Callable[..., Bench]) -> Iterator[tuple[Bench, list[float]]]:
    """An intake that notes how long it is to wait, and does not."""
    one = bench(kind="clock")
    waited: list[float] = []

    async def pause(seconds: float) -> bool:
        waited.append(seconds)
        return True

    monkeypatch.setattr(one.intake, "pause", pause)
    yield one, waited
    one.close()


async def test_it_waits_longer_each_time_up_to_a_minute_and_as_long_as_it_is_asked(
    waits: tuple[Bench, list[float]], tmp_path: Path
) -> None:
    one, waited = waits
    source = Scripted(
        [TroubleError("x")] * 8 + [TroubleError("x", 900.0), NOW, TroubleError("x")], tmp_path, lambda: NOW
    )
    await source.run(one.intake)
    assert waited == [1, 2, 4, 8, 16, 32, 60, 60, 900, 1]


async def test_a_service_that_asks_for_a_second_again_and_again_is_left_alone_for_longer(
    waits: tuple[Bench, list[float]], tmp_path: Path
) -> None:
    one, waited = waits
    await Scripted([TroubleError("x", 1.0)] * 4, tmp_path, lambda: NOW).run(one.intake)
    assert waited == [1, 2, 4, 8]


async def test_a_break_that_the_next_try_mends_is_not_logged_and_one_that_lasts_is_once(
    waits: tuple[Bench, list[float]], tmp_path: Path
) -> None:
    one, _ = waits
    broken = TroubleError("the stream broke")
    source = Scripted([broken, NOW, broken, broken, broken, NOW, NOW], tmp_path, lambda: NOW)
    with capture_logs() as logs:
        await source.run(one.intake)
    told = [(entry["event"], entry.get("reason")) for entry in logs if entry["log_level"] != "debug"]
    assert told == [("pull.trouble", "the stream broke"), ("pull.well_again", None)]


async def test_an_answer_that_can_not_be_read_is_told_and_asked_for_again(
    waits: tuple[Bench, list[float]], tmp_path: Path
) -> None:
    one, waited = waits
    source = Scripted([UnreadableError("not_json", "wanted JSON"), NOW], tmp_path, lambda: NOW)
    await source.run(one.intake)
    assert source.seen[1].reason == "an answer can't be read: wanted JSON"
    assert waited == [1]


async def test_what_holds_the_others_back_for_too_long_is_down_also_while_it_only_catches_up(
    waits: tuple[Bench, list[float]], tmp_path: Path
) -> None:
    one, _ = waits
    source = Scripted([], tmp_path, lambda: NOW)
    await source.run(one.intake)
    patience = 300_000 + 60_000
    assert source.standing(NOW + patience).status == "ok"
    late = source.standing(NOW + patience + 1)
    assert (late.status, late.reason) == ("down", "it is catching up with what was missed")
    source.complete(NOW + 1)
    assert source.standing(NOW + patience + 1).status == "ok"
