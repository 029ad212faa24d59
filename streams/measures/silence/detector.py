"""The detector of all regions: hands each its minutes, and fits what they share at fixed instants of event time."""

from __future__ import annotations

from bisect import insort
from itertools import islice
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec

from schemas.directory import Region
from streams.measures.calendars import Calendar, calendar_key
from streams.measures.silence.fit import Fit, Pool, fit_pool, look
from streams.measures.silence.machine import Machine
from streams.measures.silence.settings import DAY, SAMPLE, SETTLING, WAIT, YOUNG
from streams.measures.silence.since import surprise
from streams.measures.silence.state import Assessment, State

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEPT_POOLS = 64
"""Instants whose pools are kept, for regions that are behind the first: the daily ones and some thirty weeks."""

_FIT = "fit"
_DAY = "day/"
_read_state = msgspec.msgpack.Decoder(tuple[State, int, bytes]).decode
_read_fit = msgspec.msgpack.Decoder(Fit).decode
_read_pools = msgspec.msgpack.Decoder(tuple[dict[int, int], list[Pool]]).decode
_write = msgspec.msgpack.Encoder().encode


class Detector:
    """Silence of many regions. See the package for what it promises.

    `alpha_per_week` is the wanted rate of false alarms of each region, `resolution` the length in minutes of what is
    counted at once where that is not a minute (1, 5, 15 or 60). Raises ValueError for a region whose zone, holidays
    or working hours can't be read.
    """

    def __init__(self, regions: Sequence[Region], alpha_per_week: float = 0.1, resolution: int = 1) -> None:
        self.alpha = alpha_per_week
        self.resolution = resolution
        self.pools: list[Pool] = []
        self.pool_changed = False
        self.replaying = False
        """Set while records come again that the pools have seen: none is fitted then."""
        self._members: dict[int, int] = {}
        self._begun: list[tuple[int, str]] = []
        self._earliest = -1
        self._calendars: dict[tuple[object, ...], Calendar] = {}
        self._machines: dict[str, Machine] = {}
        for region in regions:
            self._add(region)

    def _add(self, region: Region) -> Machine:
        key = calendar_key(region)
        calendar = self._calendars.get(key)
        if calendar is None:
            calendar = self._calendars[key] = Calendar(region)
        machine = self._machines[region.name] = Machine(region.name, calendar, self.alpha, self.resolution)
        return machine

    def machine(self, region: str) -> Machine:
        """Find a region's own detector; one that the directory does not know lives in UTC with a plain weekend."""
        return self._machines.get(region) or self._add(Region(name=region))

    def observe(self, region: str, minute: int, events: int, observed: bool = True, span: int = 1) -> Assessment:
        """Take one closed minute of a region (minutes since the epoch) and say what is known after it.

        The span - 1 minutes before it were complete and empty. `observed=False` when a source of the region was down
        in them: no evidence, though events in it are a sign of life. Minutes that are passed over are no evidence
        either; a minute at or before the last one changes nothing.
        """
        return self.advance(region, minute, events, observed, span).assess()

    def advance(self, region: str, minute: int, events: int, observed: bool, span: int) -> Machine:
        """Do as observe() does, without the answer."""
        machine = self._machines.get(region) or self.machine(region)
        last = machine.state.minute
        if minute // DAY * DAY > last:
            span = self._turn(machine, minute, observed, span)
        self._feed(machine, minute, events, observed, span)
        return machine

    def _feed(self, machine: Machine, minute: int, events: int, observed: bool, span: int) -> None:
        new = machine.state.minute < 0
        machine.observe(minute, events, self.pools, observed=observed, span=span)
        if new:
            self._begin(machine)

    def _begin(self, machine: Machine) -> None:
        """Note a region that has its first minute, in the order of the hash by which the pool is chosen."""
        insort(self._begun, (crc32(machine.name.encode()), machine.name))
        first = machine.state.first
        self._earliest = first if self._earliest < 0 else min(self._earliest, first)

    def _turn(self, machine: Machine, minute: int, observed: bool, span: int) -> int:
        """Let a region's UTC midnights go by, each with its fit of the pool, and give what is left of the span."""
        last = machine.state.minute
        begin = max(minute - span + 1, last + 1)
        for at in range((last if last >= 0 else begin - 1) // DAY * DAY + DAY, minute + 1, DAY):
            if begin < at:
                self._feed(machine, at - 1, 0, observed, at - begin)
                begin = at
            self._fit_pool(at)
        return minute - begin + 1

    def _fit_pool(self, at: int) -> None:
        """Fit the pool of an instant when the first region reaches it, and anew when twice as many or all know it."""
        until = at - WAIT
        age = until - self._earliest
        if self.replaying or self._earliest < 0 or age < SETTLING or not (age < YOUNG or (at // DAY + 3) % 7 == 0):
            return
        before = self._members.get(at, 0)
        if not before and len(self._members) >= KEPT_POOLS and at < min(self._members):
            return
        begun = (self._machines[name] for _, name in self._begun)
        known = list(islice((machine for machine in begun if machine.state.first < until), SAMPLE))
        members = sum(machine.state.minute >= until - 1 for machine in known)
        if members <= before or (members < 2 * before and members < len(known)):
            return
        self._members[at] = members
        pasts = [
            look(machine.history, machine.calendar, min(until, machine.state.minute + 1), self.resolution)
            for machine in known
        ]
        pool = fit_pool(at, pasts)
        self.pools = [one for one in self.pools if one.at != at] + ([pool] if pool else [])
        self.pools.sort(key=lambda one: one.at)
        for old in sorted(self._members)[:-KEPT_POOLS]:
            del self._members[old]
        self.pools = [one for one in self.pools if one.at in self._members]
        self.pool_changed = True

    def assess(self, region: str) -> Assessment:
        """Say what is known of a region after its last minute."""
        return self.machine(region).assess()

    def surprise(self, region: str, first: int, after: int) -> float:
        """Give -ln of the probability that a region that is well has no event in those minutes; see since.py."""
        return surprise(self.machine(region), first, after)

    def forgive(self, region: str, last_event: int) -> None:
        """Take the time since the minute `last_event`, before which all was well, for no evidence against a region."""
        self.machine(region).forgive(last_event)

    def export(self, region: str) -> bytes:
        """Give what changes each minute, with the present day: some 300 bytes, up to 900 for a busy region."""
        machine = self.machine(region)
        return _write((machine.state, machine.history.today, machine.history.pack_today()))

    def export_changed(self, region: str) -> dict[str, bytes | None]:
        """Give the other entries that changed since the last call: `fit`, and `day/N` for days of history.

        None says that an entry is to be forgotten.
        """
        machine = self.machine(region)
        changed: dict[str, bytes | None] = {f"{_DAY}{day}": packed for day, packed in machine.history.changed().items()}
        if machine.fit_changed and machine.fit:
            changed[_FIT] = _write(machine.fit)
            machine.fit_changed = False
        return changed

    def export_pool(self) -> bytes:
        """Give what the regions share, up to some 50 kilobytes; `pool_changed` says when it did since the last call."""
        self.pool_changed = False
        return _write((self._members, self.pools))

    def restore_pool(self, pool: bytes) -> None:
        """Take what export_pool() gave. Raises msgspec.DecodeError where it is not that; trying again can't help."""
        self._members, self.pools = _read_pools(pool)

    def restore(self, region: str, state: bytes, entries: Mapping[str, bytes]) -> None:
        """Take what export() gave and the latest of each entry of export_changed(); then all goes on identically.

        Raises msgspec.DecodeError or ValueError where they are not that; trying again can't help.
        """
        machine = self.machine(region)
        machine.state, today, packed = _read_state(state)
        if machine.state.minute >= 0:
            self._begin(machine)
        days = {int(key.removeprefix(_DAY)): ended for key, ended in entries.items() if key.startswith(_DAY)}
        machine.history.restore(days, today, packed)
        machine.resume(_read_fit(entries[_FIT]) if _FIT in entries else None)
