"""A sink that looks once a minute at what the exporter would have shown, and gives it to a writer by output window.

A sample stands at the time at which its minute was shown live: its end and the lateness later. So the series of a
replay meet those that were scraped, and an hour on a board means the same on both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import msgspec
from msgspec import Struct

from ops.exporter import line, regions
from ops.exporter.counts import LogCounts, Saved
from ops.exporter.known import Known
from ops.replay.columns import Window
from schemas.regions import RegionStatus

if TYPE_CHECKING:
    from schemas.config import Config
    from schemas.directory import Directory
    from streams.replay.judge import Minute
    from streams.replay.plan import Plan

TRANSITIONS: Final = 0
"""The partition that the replay's own transitions are counted under."""


class Writer(Protocol):
    """Writes output windows, in their order."""

    def write(self, window: Window) -> None:
        """Write a window, durably. Written again after a kill it replaces the first one."""

    def finish(self) -> None:
        """Write what is left and check it."""

    def save(self) -> bytes:
        """Give what the writer must remember over a kill."""

    def restore(self, raw: bytes) -> None:
        """Take what save() gave."""


class Saying(Struct, frozen=True):
    """The state of a Scrape at a cut."""

    statuses: list[RegionStatus]
    tags: dict[str, tuple[str, ...]]
    transitions: Saved
    offset: int
    next: int
    writer: bytes


_read = msgspec.msgpack.Decoder(Saying).decode


class Scrape:
    """Keeps what an exporter would know; see streams.replay.judge.Sink."""

    every_status = False

    def __init__(self, plan: Plan, config: Config, directory: Directory, writer: Writer, *, simulated: bool) -> None:
        self.samples = 0
        self._plan = plan
        self._writer = writer
        self._known = Known(config, directory, simulated=simulated)
        self._known.note(broker_up=True, caught_up=True)
        self._tags: dict[str, frozenset[str]] = {}
        self._offset = 0
        self._next = plan.begin
        self._window: Window | None = None

    def take(self, minute: Minute) -> None:
        """Know what a minute has brought."""
        known = self._known
        for status in minute.statuses:
            known.take_status(status.region, status)
            self._tags[status.region] = regions.choose_tags(status, self._tags.get(status.region, frozenset()))
        for one in minute.transitions:
            known.take_transition(TRANSITIONS, self._offset, (one.region, one.new))
            self._offset += 1

    def advance(self, minute: int) -> None:
        """Look at what was shown of every wanted minute before `minute`."""
        for one in range(self._next, min(minute, self._plan.end)):
            self._look(one)
        self._next = max(self._next, min(minute, self._plan.end))

    def _look(self, minute: int) -> None:
        known = self._known
        number = self._plan.window_of(minute)
        if self._window is None or self._window.number != number:
            self._flush()
            self._window = Window(number)
        at = self._plan.shown_at(minute)
        for name, region in known.regions.items():
            status = known.statuses.get(name)
            self._window.add(at, regions.beside_windows(region, status, known.campaigns, known.source_names))
            if status is not None:
                tags = self._tags.get(name, frozenset())
                for info, series, key, released in regions.windows(name, status, known.campaigns, tags):
                    self._window.add(at, info)
                    self._window.add_windows(at, series, key, released)
        self._window.add(at, line.replayable(known))

    def _flush(self) -> None:
        if self._window is not None:
            self._window.settle()
            if self._window.samples:
                self._writer.write(self._window)
                self.samples += self._window.samples
        self._window = None

    def finish(self) -> None:
        """Write the last window."""
        self._flush()
        self._writer.finish()

    def close(self) -> None:
        """Do nothing: nothing is open."""

    def save(self) -> bytes:
        """Write the window that has ended; give what is known."""
        self._flush()
        return msgspec.msgpack.encode(
            Saying(
                statuses=list(self._known.statuses.values()),
                tags={name: tuple(sorted(tags)) for name, tags in self._tags.items()},
                transitions=self._known.transitions.saved(),
                offset=self._offset,
                next=self._next,
                writer=self._writer.save(),
            )
        )

    def restore(self, raw: bytes) -> None:
        """Know what was known."""
        saved = _read(raw)
        self._known.restore(transitions=LogCounts(saved.transitions), dead_letters=LogCounts())
        for status in saved.statuses:
            self._known.take_status(status.region, status)
        self._tags = {name: frozenset(tags) for name, tags in saved.tags.items()}
        self._offset = saved.offset
        self._next = saved.next
        self._writer.restore(saved.writer)
