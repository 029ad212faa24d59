"""What stands in the tables under names that no event may have any more is read back and stops no start."""

from __future__ import annotations

from msgspec import msgpack

from schemas.config import Config
from schemas.directory import Directory
from streams.measures.engagement import entries as engagement
from streams.measures.engagement.fold import Settings
from streams.measures.regions import entries as regions
from streams.measures.regions.fold import RegionsSettings


def test_a_region_with_tabs_in_its_name_keeps_its_state() -> None:
    key = b"a\tb\tc\tseries\t0"
    fold = engagement.restore(Settings([], {}), {key: engagement.stamped(3, msgpack.encode(["", "safety"]))})
    assert fold.shards["a\tb\tc"].series.numbers.names == ["", "safety"]


def test_days_of_a_region_with_tabs_in_its_name_stop_no_start_of_the_region_agent() -> None:
    table = {b"a\tb\t20000": engagement.stamped(3, b"day"), b"#": engagement.stamped(3, b"")}
    assert regions.restore(RegionsSettings(Config(), Directory()), table).offset == 3
