"""Source `slack-export`: archives as Slack makes them, in a folder and in a zip file."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from streams.errors import OperatorError
from streams.ingest.slack_export import LARGEST_FILE
from streams.ingest.source import RefusedInput, rereader
from tests.support.ingest import NOW

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.ingest import Bench

FIRST = 1_779_900_000
"""Seconds: 27 May 2026, 16:40 UTC."""


def said(at: float, text: str = "#Jun", **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": "U1", "text": text, "ts": f"{at:.6f}", **more}


def archive(folder: Path, days: dict[str, Any]) -> None:
    files = {
        "channels.json": [{"id": "C1", "name": "general"}, {"id": "C2", "name": "plaza"}],
        "users.json": [{"id": "U1", "is_bot": False}, {"id": "B9", "is_bot": True}],
        **days,
    }
    for name, told in files.items():
        file = folder / "export" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(told if isinstance(told, str) else json.dumps(told))


def zipped(folder: Path) -> str:
    with zipfile.ZipFile(folder / "export.zip", "w") as made:
        for file in sorted((folder / "export").rglob("*.json")):
            made.write(file, file.relative_to(folder / "export"))
    return "export.zip"


async def read(bench: Callable[..., Bench], path: str = "export", **more: Any) -> Bench:
    one = bench(kind="slack-export", path=path, **more)
    await one.source.run(one.intake)
    return one


@pytest.mark.parametrize("as_zip", [False, True])
async def test_messages_threads_reactions_and_edits_come_as_the_live_source_has_them(
    bench: Callable[..., Bench], tmp_path: Path, as_zip: bool
) -> None:
    archive(tmp_path, {
        "general/2026-05-27.json": [
            said(FIRST, reactions=[{"name": "wave", "users": ["U2", "U3"], "count": 2}]),
            said(FIRST + 1, "hi <@U5>", thread_ts=f"{FIRST:.6f}", edited={"user": "U1", "ts": f"{FIRST + 9:.6f}"}),
            said(FIRST + 2, subtype="channel_join"),
            said(FIRST + 3, user="B9"),
        ],
    })  # fmt: skip
    one = await read(bench, zipped(tmp_path) if as_zip else "export")
    found = [(event.kind, event.at // 1000 - FIRST) for event in one.outlet.events]
    assert found == [("post", 0), ("reaction", 0), ("reaction", 0), ("reply", 1), ("post", 3)]
    post, _, _, reply, bot = one.outlet.events
    assert (post.id, reply.reference) == (one.original(f"C1/{FIRST}.000000"), post.id)
    assert one.outlet.events[1].id == one.original(f"reaction/C1/{FIRST}.000000/U2/wave")
    assert (post.tags, bot.role) == (("jun",), "bot")
    assert one.source.standing(NOW).status == "ended"


async def test_days_come_in_order_of_time_over_all_channels_and_letters_are_not_read(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    archive(tmp_path, {
        "plaza/2026-05-26.json": [said(FIRST - 86_400)],
        "general/2026-05-27.json": [said(FIRST)],
        "plaza/2026-05-27.json": [said(FIRST + 1)],
        "D123/2026-05-27.json": [said(FIRST + 2)],
        "dms.json": [{"id": "D123", "members": ["U1", "U2"]}],
    })  # fmt: skip
    one = await read(bench)
    assert [event.at // 1000 - FIRST for event in one.outlet.events] == [-86_400, 0, 1]


async def test_what_is_outside_of_since_and_until_is_left_out(bench: Callable[..., Bench], tmp_path: Path) -> None:
    archive(tmp_path, {"general/2026-05-27.json": [said(FIRST + number) for number in range(4)]})
    one = await read(bench, since="2026-05-27T16:40:01Z", until="2026-05-27T16:40:03Z")
    assert [event.at // 1000 - FIRST for event in one.outlet.events] == [1, 2]


async def test_after_a_crash_it_goes_on_with_the_day_that_was_not_done(
    bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive(tmp_path, {f"general/2026-05-2{day}.json": [said(FIRST + 86_400 * (day - 7))] for day in range(5, 8)})
    one = bench(kind="slack-export", path="export")
    saved = one.intake.save
    times = 0

    async def crash(position: Any) -> None:
        nonlocal times
        times += 1
        if times == 2:
            raise OSError("killed")
        await saved(position)

    monkeypatch.setattr(one.intake, "save", crash)
    with pytest.raises(OSError, match="killed"):
        await one.source.run(one.intake)
    one.close()
    two = await read(bench)
    ids = [event.id for event in one.outlet.events] + [event.id for event in two.outlet.events]
    assert (len(ids), len(set(ids))) == (4, 3)  # the second day twice, with one id


async def test_a_bad_message_or_day_is_a_dead_letter_that_can_be_read_again(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    archive(tmp_path, {
        "general/2026-05-26.json": "[{",
        "general/2026-05-27.json": [said(FIRST, ts="noon"), 5, said(FIRST, user=7), said(FIRST)],
    })  # fmt: skip
    one = await read(bench)
    assert [letter.reason for letter in one.outlet.letters] == ["not_json", *["wrong_type"] * 3]
    assert len(one.outlet.events) == 1
    raw = json.dumps({"channel": "C1", "message": said(FIRST), "bot": False}).encode()
    (item,) = rereader(one.source._settings, None)(RefusedInput(raw, "general/2026-05-27.json", NOW))
    assert item.submission.id == f"C1/{FIRST}.000000"


async def test_a_bomb_is_not_unpacked(
    bench: Callable[..., Bench], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.ingest.slack_export.LARGEST_FILE", 1_000)
    archive(tmp_path, {"general/2026-05-26.json": " " * 1_001, "general/2026-05-27.json": [said(FIRST)]})
    one = await read(bench, zipped(tmp_path))
    assert [letter.reason for letter in one.outlet.letters] == ["too_large"]
    assert len(one.outlet.events) == 1
    assert LARGEST_FILE == 64 << 20


@pytest.mark.parametrize("made", ["nothing", "empty", "text"])
async def test_what_is_no_archive_is_told(bench: Callable[..., Bench], tmp_path: Path, made: str) -> None:
    if made == "empty":
        (tmp_path / "export").mkdir()
    if made == "text":
        (tmp_path / "export").write_text("no zip")
    with pytest.raises(OperatorError, match="an archive of Slack"):
        await read(bench)
