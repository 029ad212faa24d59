"""The table of an agent's state: entries by changelog partition, of which the one folded furthest holds.

A Faust table whose changelog is written by the keeper, so that every entry can be awaited, and read back by Faust's
recovery in runs. What has been read is given to the keeper when the recovery is complete, before any record comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import faust

from streams.agents.disk import DiskStore
from streams.errors import OperatorError
from streams.measures.engagement.entries import newer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from faust.types import TP, EventT

Entries = dict[bytes, bytes]


class StateTable(faust.Table):  # type: ignore[misc]  # Faust is untyped for mypy
    """Gathers the entries of each partition during recovery. `folder` keeps them on disk between starts."""

    def __init__(
        self, app: Any, *, restored: Callable[[int, Entries], None], folder: Path | None, **kwargs: Any
    ) -> None:
        super().__init__(app, **kwargs)
        self._restored = restored
        self._folder = folder
        self._entries: dict[int, Entries] = {}
        self._disks: dict[int, DiskStore] = {}
        self._kept: dict[TP, int] = {}

    # -- what Faust calls

    def persisted_offset(self, tp: TP) -> int | None:
        """Give the changelog offset up to which the partition's entries are here already."""
        if tp in self._kept:
            return self._kept[tp]
        disk = self.disk(tp.partition)
        if disk is None:
            return None
        if tp.partition not in self._entries:
            self._entries[tp.partition] = disk.load()
        return disk.offset

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Before a recovery: forget everything but what the app says may be kept."""
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)
        name = self.changelog_topic.get_topic_name()
        mine = {tp for tp in assigned if tp.topic == name}
        kept = self.app.kept(name, generation_id)
        self._kept = {tp: offset for tp, offset in kept.items() if tp in mine}
        for partition in list(self._disks):
            if all(tp.partition != partition for tp in mine):
                self._disks.pop(partition).close()
        self._entries.clear()
        for tp in mine | {tp for tp in revoked if tp.topic == name}:
            self.app.tables.recovery.revoke(tp)

    def apply_changelog_batch(self, batch: Iterable[EventT]) -> None:
        """Take runs of the changelog in; of two values of one key the one folded further holds."""
        for event in batch:
            run = event.value
            partition = event.message.tp.partition
            if event.message.tp in self._kept:
                continue
            entries = self._entries.setdefault(partition, {})
            changed: dict[bytes, bytes | None] = {}
            for record in run.records():
                if record.value is None:
                    entries.pop(record.key, None)
                    changed[record.key] = None
                elif record.key not in entries or newer(record.value, entries[record.key]):
                    entries[record.key] = record.value
                    changed[record.key] = record.value
            disk = self.disk(partition)
            if disk is not None:
                disk.write(changed, run.last_offset)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Hand the entries of every partition over; whatever fails here ends the worker, since Faust would not."""
        try:
            for tp in sorted(active_tps):
                if tp not in self._kept:
                    self._restore(tp)
            await super().on_recovery_completed(active_tps, standby_tps)
        except Exception as error:
            await self.app.crash(error)
            raise

    def _restore(self, tp: TP) -> None:
        try:
            self._restored(tp.partition, self._entries.pop(tp.partition, {}))
        except Exception as error:
            raise OperatorError(
                f"the state in {tp.topic}, partition {tp.partition}, as this version writes it",
                f"it can't be read ({type(error).__name__})",
                "run the version that wrote it; or stop all workers, delete the topics of state and `activity`, run "
                "`jun topics`, and let a worker fold `events` anew",
                retry=False,
            ) from error

    # -- what the keeper calls

    def disk(self, partition: int) -> DiskStore | None:
        """Give the disk store of a partition, None where state is kept in memory only."""
        if self._folder is None:
            return None
        if partition not in self._disks:
            self._disks[partition] = DiskStore(self._folder / f"{self.name}-{partition}")
        return self._disks[partition]

    def written(self, partition: int, entries: Mapping[bytes, bytes | None], offset: int) -> None:
        """Note entries that Kafka has acknowledged up to changelog `offset`."""
        disk = self.disk(partition)
        if disk is not None:
            disk.write(entries, offset)

    def close(self) -> None:
        """Close the disk stores."""
        while self._disks:
            self._disks.popitem()[1].close()
