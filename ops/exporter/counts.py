"""Counters over a topic that is not kept for ever: how often each key came, with the offsets up to which that holds.

Counts and offsets are one file, written whole, so that a restart goes on exactly behind what is counted: the counters
neither shrink when the log forgets its beginning, nor count a record twice after a crash.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, Final

import msgspec
import structlog
from msgspec import Struct, field

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

log = structlog.get_logger(__name__)

FILE_NAME: Final = "exporter-counts.json"
Key = tuple[str, ...]


class Saved(Struct, frozen=True):
    """One topic in the file: the next offset of each partition, and the counts of what stands before it."""

    offsets: dict[int, int] = field(default_factory=dict)
    counts: list[tuple[Key, int]] = field(default_factory=list)


class LogCounts:
    """How often each key came in a topic; `offsets` has the next record of each partition."""

    def __init__(self, saved: Saved | None = None) -> None:
        saved = saved or Saved()
        self.offsets = dict(saved.offsets)
        self.counts: Counter[Key] = Counter(dict(saved.counts))

    def add(self, partition: int, offset: int, key: Key | None) -> bool:
        """Count the record at `offset`, None for one without a key; False where it has been counted before."""
        if offset < self.offsets.get(partition, 0):
            return False
        self.offsets[partition] = offset + 1
        if key is not None:
            self.counts[key] += 1
        return True

    def start(self, beginnings: Mapping[int, int], ends: Mapping[int, int]) -> dict[int, int]:
        """Give the offset of each partition to read from; starts anew where the topic isn't the one that was counted.

        A topic that ends before the offset that was reached was deleted and made again.
        """
        if any(offset > ends.get(partition, 0) for partition, offset in self.offsets.items()):
            log.warning("exporter.counts_start_anew", why="the topic ends before what was counted: it is another one")
            self.offsets.clear()
            self.counts.clear()
        lost = sum(max(0, beginnings[p] - offset) for p, offset in self.offsets.items() if p in beginnings)
        if lost:
            log.warning("exporter.records_not_counted", records=lost, why="they were gone before they could be read")
        return {p: max(beginning, self.offsets.get(p, 0)) for p, beginning in beginnings.items()}

    def saved(self) -> Saved:
        """Give what is to be kept."""
        return Saved(dict(self.offsets), sorted(self.counts.items()))


def load(file: Path) -> dict[str, Saved]:
    """Read the counts of each topic; none where the file is absent, or can't be read, which is logged."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Saved])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError) as error:
        log.warning(
            "exporter.counts_unreadable", file=str(file), why=str(error), then="counting what the log still has"
        )
        return {}


def save(file: Path, topics: Mapping[str, Saved]) -> None:
    """Write the counts of every topic; whoever reads the file sees the old ones or the new ones, whole."""
    text = msgspec.json.encode(topics)
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    with fresh.open("wb") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
