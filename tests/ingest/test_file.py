from __future__ import annotations

import asyncio
import csv
import json
import shutil
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from streams.errors import OperatorError
from streams.ingest.source import settings_of
from tests.support.ingest import NOW, Bench, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from pathlib import Path

CSV: dict[str, Any] = {
    "kind": "file",
    "path": "posts.csv",
    "format": "csv",
    "columns": {"at": "at", "account": "who", "text": "text", "id": "id"},
    "time_format": "seconds",
}
LINES: dict[str, Any] = {"kind": "file", "path": "posts.jsonl", "poll_seconds": 0.01}
SECOND = NOW // 1000


def line(number: int, **fields: Any) -> str:
    return json.dumps({"id": str(number), "at": NOW - 1_000_000 + number, "account": "ana", **fields}) + "\n"


def lines(numbers: Iterable[int]) -> str:
    return "".join(line(number) for number in numbers)


def write_csv(path: Path, rows: Iterable[list[str]], mode: str = "w") -> None:
    with path.open(mode, encoding="utf-8", newline="") as opened:
        csv.writer(opened).writerows(rows)


async def following(one: Bench, *steps: Callable[[asyncio.Task[str]], Awaitable[None]]) -> None:
    """Run the source beside some steps, then stop it as SIGTERM does."""
    task = asyncio.create_task(one.source.run(one.intake))
    try:
        for step in steps:
            await step(task)
        one.intake.stop()
        await asyncio.wait_for(task, 10)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        one.close()


def ids(one: Bench) -> list[str]:
    return [event.id for event in one.outlet.events]


async def test_every_row_of_a_csv_file_is_sent_once_with_line_ends_inside_its_fields(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    rows = [[str(SECOND + number), "ana", f'say "{number}"\r\n#Jun,\n', str(number)] for number in range(1_000)]
    write_csv(tmp_path / "posts.csv", [["at", "who", "text", "id"], *rows])
    one = bench(**CSV, follow=False, clock=lambda: NOW + 10**7)
    assert "to its end" in await one.source.run(one.intake)
    assert ids(one) == [one.original(str(number)) for number in range(1_000)]
    assert {event.tags for event in one.outlet.events} == {("jun",)}


async def test_at_the_end_of_a_finished_file_its_last_minute_can_close(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    write_csv(tmp_path / "posts.csv", [["at", "who", "text", "id"], [str(SECOND - 9), "ana", "", "1"]])
    one = bench(**CSV, follow=False, lateness_seconds=30)
    await one.source.run(one.intake)
    standing = one.source.standing(NOW)
    assert standing is not None
    assert standing.complete_to == NOW - 9_000 + 30_000 + 60_000


async def test_a_second_start_sends_nothing_again_and_claims_the_same(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    write_csv(tmp_path / "posts.csv", [["at", "who", "text", "id"], [str(SECOND - 9), "ana", "", "1"]])
    claims = []
    for expected in (1, 0):
        one = bench(**CSV, follow=False)
        await one.source.run(one.intake)
        one.close()
        assert len(ids(one)) == expected
        claims.append(one.source.standing(NOW))
    assert claims[0] == claims[1]


async def test_a_last_line_without_its_end_is_read_when_the_file_is_not_followed(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    (tmp_path / "posts.jsonl").write_text(lines([1, 2]).rstrip("\n"))
    one = bench(**LINES, follow=False)
    await one.source.run(one.intake)
    assert ids(one) == [one.original("1"), one.original("2")]


async def test_a_growing_file_is_followed_and_a_half_written_line_waits(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines([1]))
    one = bench(**LINES)

    async def half(task: asyncio.Task[str]) -> None:
        await until(lambda: len(ids(one)) == 1, task)
        with path.open("a") as opened:
            opened.write(line(2)[:20])
            opened.flush()
            await until(lambda: next(iter(one.source._files)).waiting == 20, task)
            assert len(ids(one)) == 1
            opened.write(line(2)[20:] + line(3))
        await until(lambda: len(ids(one)) == 3, task)

    await following(one, half)
    assert ids(one) == [one.original(number) for number in "123"]
    assert one.outlet.letters == []


async def test_complete_to_is_the_last_events_time_while_reading_and_the_clock_at_the_end(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    (tmp_path / "posts.jsonl").write_text(lines(range(5_000)))
    one = bench(**LINES)
    seen: list[tuple[int, int]] = []

    class Watching(type(one.outlet)):
        async def deliver(self, records: Any) -> None:
            standing = one.source.standing(NOW)
            seen.append((standing.complete_to if standing else 0, len(one.outlet.events)))
            await super().deliver(records)

    one.outlet.__class__ = Watching

    def caught_up() -> bool:
        standing = one.source.standing(NOW)
        return standing is not None and standing.complete_to == NOW

    await following(one, lambda task: until(caught_up, task))
    assert len(ids(one)) == 5_000
    assert len(seen) > 5
    times = [0, *(event.at for event in one.outlet.events)]
    assert [claimed for claimed, _ in seen] == [times[sent] for _, sent in seen]


async def test_an_unordered_file_completes_no_time_before_its_end(bench: Callable[..., Bench], tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text(line(1, at=NOW - 5) + line(2, at=5))
    one = bench(**LINES, ordered=False, follow=False)
    items = one.source._passed
    claimed = []
    one.source._passed = lambda latest: (items(latest), claimed.append(one.source.standing(NOW).complete_to))
    await one.source.run(one.intake)
    assert set(claimed) == {0}
    assert one.source.standing(NOW).complete_to == NOW - 5 + 120_000 + 60_000


@pytest.mark.parametrize("ordered", [True, False])
async def test_a_file_that_is_not_live_stays_at_its_last_event(
    bench: Callable[..., Bench], tmp_path: Path, *, ordered: bool
) -> None:
    (tmp_path / "posts.jsonl").write_text(lines([1]))
    one = bench(**LINES, live=False, ordered=ordered)

    async def looked_twice(task: asyncio.Task[str]) -> None:
        # Ordered or not, once the end is reached everything before its last event is complete.
        await until(lambda: one.source.standing(NOW).complete_to > 0, task)

    await following(one, looked_twice)
    assert one.source.standing(NOW).complete_to == one.outlet.events[0].at


async def test_a_rotated_file_is_read_to_its_end_before_its_successor(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines([1]))
    clock = [NOW]
    one = bench(**LINES, clock=lambda: clock[0])

    async def rotate(task: asyncio.Task[str]) -> None:
        await until(lambda: len(ids(one)) == 1, task)
        with path.open("a") as writer:
            path.rename(tmp_path / "posts.jsonl.1")
            path.write_text(lines([4]))
            writer.write(line(2))
            writer.flush()
            await until(lambda: len(ids(one)) == 3, task)
            writer.write(line(3))  # the writer has not yet noticed
            writer.flush()
            await until(lambda: len(ids(one)) == 4, task)
        clock[0] += 5_001
        await until(lambda: len(list(one.source._files)) == 1, task)

    await following(one, rotate)
    assert sorted(ids(one)) == sorted(one.original(number) for number in "1234")
    position = json.loads((tmp_path / "checkpoints" / "posts.json").read_text())
    again = bench(**LINES)
    await following(again, lambda _: asyncio.sleep(0.05))
    assert ids(again) == []
    assert position["opened"] == 2


async def test_a_file_that_was_rotated_while_nobody_looked_is_finished_first(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines([1]))
    one = bench(**LINES)
    await following(one, lambda task: until(lambda: len(ids(one)) == 1, task))
    with path.open("a") as opened:
        opened.write(lines([2]))
    path.rename(tmp_path / "posts.jsonl.1")
    path.write_text(lines([3]))
    again = bench(**LINES)
    await following(again, lambda task: until(lambda: len(ids(again)) == 2, task))
    assert ids(again) == [again.original("2"), again.original("3")]


async def test_a_file_that_is_emptied_and_written_anew_is_read_anew(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    path = tmp_path / "posts.jsonl"
    path.write_text(lines([1, 2]))
    one = bench(**LINES)

    async def rewrite(task: asyncio.Task[str]) -> None:
        await until(lambda: len(ids(one)) == 2, task)
        with path.open("r+") as opened:  # the same file: its inode stays
            opened.truncate()
            opened.write(lines([3]))
        await until(lambda: len(ids(one)) == 3, task)
        with path.open("r+") as opened:
            opened.write(lines([4, 5, 6]))
        await until(lambda: len(ids(one)) == 6, task)

    await following(one, rewrite)
    assert ids(one) == [one.original(number) for number in "123456"]


async def test_records_without_an_id_of_their_own_get_the_same_one_each_time_and_another_in_another_file(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    settings = {**CSV, "columns": {"at": "at", "account": "who"}, "follow": False}
    rows = [["at", "who"], [str(SECOND - 9), "ana"], [str(SECOND - 9), "ana"]]
    write_csv(tmp_path / "posts.csv", rows)
    one = bench(**settings)
    await one.source.run(one.intake)
    one.close()
    assert len(set(ids(one))) == 2
    # As after a kill between Kafka's acknowledgement and the checkpoint: the file is known, the lines are not.
    checkpoint = tmp_path / "checkpoints" / "posts.json"
    position = json.loads(checkpoint.read_text())
    position["files"][0] |= {"offset": 0, "line": 1, "header": []}
    checkpoint.write_text(json.dumps(position))
    again = bench(**settings)
    await again.source.run(again.intake)
    again.close()
    assert ids(again) == ids(one)
    shutil.copy(tmp_path / "posts.csv", tmp_path / "copy.csv")
    (tmp_path / "copy.csv").replace(tmp_path / "posts.csv")
    other = bench(**settings)
    await other.source.run(other.intake)
    assert not set(ids(other)) & set(ids(one))


async def test_all_files_of_a_pattern_are_read_in_the_order_of_their_names(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    for number in (3, 1, 2):
        (tmp_path / f"day-{number}.jsonl").write_text(line(number))
    one = bench(**{**LINES, "path": "day-*.jsonl"}, follow=False)
    await one.source.run(one.intake)
    assert ids(one) == [one.original(number) for number in "123"]


async def test_rubbish_of_every_kind_becomes_dead_letters_and_the_rest_is_read(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    rubbish = {
        "not_json": b"{ rubbish\n",
        "wrong_type": line(1, text=5).encode(),
        "no_id": line(2, id="").encode(),
        "future": line(3, at=NOW + 120_001).encode(),
        "too_large": line(4, text="x" * 10_000_000).encode(),
        "not_utf8": b'{"id":"5","at":5,"account":"\xff"}\n',
        "unknown_kind": line(6, kind="shout").encode(),
        "too_many_tags": line(7, tags=["a"] * 33).encode(),
        "null_bytes": line(8, text="\0").encode(),
        "old_version": line(9, v=0).encode(),
        "new_version": line(10, v=3).encode(),
    }
    good = [line(number).encode() for number in range(100, 100 + len(rubbish))]
    mixed = b"".join(part for pair in zip(good, rubbish.values(), strict=True) for part in pair)
    (tmp_path / "posts.jsonl").write_bytes(mixed + b"\n" + line(200).encode())
    one = bench(**LINES, follow=False)
    await one.source.run(one.intake)
    assert [letter.reason for letter in one.outlet.letters] == list(rubbish)
    assert [letter.place for letter in one.outlet.letters][:2] == ["posts.jsonl line 2", "posts.jsonl line 4"]
    assert one.outlet.letters[4].size == len(rubbish["too_large"])
    assert ids(one) == [one.original(str(number)) for number in [*range(100, 100 + len(rubbish)), 200]]
    assert one.intake.counters.dead_letters == dict.fromkeys(rubbish, 1)


async def test_a_missing_file_is_waited_for_and_told(bench: Callable[..., Bench], tmp_path: Path) -> None:
    one = bench(**LINES)

    async def appear(task: asyncio.Task[str]) -> None:
        await until(lambda: one.source.standing(NOW).status == "degraded", task)
        assert "there is no file" in one.source.standing(NOW).reason
        (tmp_path / "posts.jsonl").write_text(lines([1]))
        await until(lambda: one.source.standing(NOW).status == "ok", task)

    await following(one, appear)
    assert len(ids(one)) == 1


async def test_a_missing_file_that_is_not_followed_is_an_error(bench: Callable[..., Bench]) -> None:
    one = bench(**LINES, follow=False)
    with pytest.raises(OperatorError, match="there is none"):
        await one.source.run(one.intake)


async def test_a_record_that_is_never_finished_is_told(bench: Callable[..., Bench], tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_text(line(1)[:-1])
    clock = [NOW]
    one = bench(**LINES, clock=lambda: clock[0])

    async def wait(task: asyncio.Task[str]) -> None:
        await until(lambda: any(tail.waiting for tail in one.source._files), task)
        await asyncio.sleep(0.05)
        assert one.source.standing(NOW).status == "ok"
        clock[0] += 15_001
        await until(lambda: one.source.standing(NOW).status == "degraded", task)

    await following(one, wait)


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "csv"},
        {"columns": {"at": "when"}},
        {"time_zone": "Mars/Olympus"},
        {"delimiter": ";;"},
        {"colour": "red"},
        {"name": "Posts!"},
    ],
)
def test_settings_that_cannot_work_are_refused_when_they_are_read(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        settings_of({"name": "posts", **LINES, **wrong})
