"""A region's past: which minutes had events, how many per five minutes, which are no evidence; by day, packed."""

from __future__ import annotations

import zlib
from array import array
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from streams.measures.calendars import QUARTERS, QUIET
from streams.measures.silence.settings import DAY, HISTORY, HOUR, LADDER, QUARTER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from streams.measures.calendars import Calendar

BITS: Final = DAY // 8
FIVE: Final = 5
FIVES: Final = DAY // FIVE
ALL: Final = (1 << DAY) - 1
MOST: Final = 0xFFFF
"""The count of five minutes is kept up to this."""


def slot_length(events_per_day: float, resolution: int = 1) -> int:
    """Give the length of a region's slots in minutes: 60, 15, 5 or 1, but no shorter than the data's resolution."""
    wanted = next((length for limit, length in LADDER if events_per_day < limit), 1)
    return max(wanted, next(length for length in (1, 5, 15, 60) if length >= resolution))


def step_length(slot: int) -> int:
    """Give the length of a step, by which events are counted, in minutes: a quarter hour, or a longer slot."""
    return max(slot, QUARTER)


class Past(NamedTuple):
    """A stretch of history on a grid: slots of `slot` minutes and steps of `step`; all arrays begin at one midnight.

    `occupied` and `seen` per slot, `counts` (events) and `step_seen` per step, `fives` per five minutes,
    `cells` and `step_cells` from 0 to 71. Where not seen nothing counts as evidence.
    """

    slot: int
    occupied: NDArray[np.bool_]
    seen: NDArray[np.bool_]
    cells: NDArray[np.intp]
    counts: NDArray[np.float64]
    step_seen: NDArray[np.bool_]
    step_cells: NDArray[np.intp]
    fives: NDArray[np.float64]

    @property
    def hours(self) -> float:
        """Length of a slot in hours."""
        return self.slot / 60

    @property
    def step(self) -> int:
        """Length of a step in minutes."""
        return step_length(self.slot)

    def blind(self, first: int, after: int) -> Past:
        """Give it with the steps from `first` to before `after` taken out of the evidence."""
        seen, step_seen = self.seen.copy(), self.step_seen.copy()
        seen[first * self.step // self.slot : after * self.step // self.slot] = False
        step_seen[first:after] = False
        return self._replace(seen=seen, step_seen=step_seen)


class Day:
    """One day of 1,440 minutes: bit m of `occupied` and `excluded` is minute m, `counts` are of five minutes."""

    __slots__ = ("counts", "excluded", "occupied")

    def __init__(self) -> None:
        self.occupied = 0
        self.excluded = 0
        self.counts = array("H", bytes(2 * FIVES))

    def pack(self) -> bytes:
        """Pack it: some 40 bytes for a sparse day, up to some 600 for a busy one."""
        raw = self.occupied.to_bytes(BITS, "little") + self.excluded.to_bytes(BITS, "little") + self.counts.tobytes()
        return zlib.compress(raw, 1)

    @classmethod
    def unpack(cls, packed: bytes) -> Day:
        """Read what pack() gave."""
        raw = zlib.decompress(packed)
        day = cls()
        day.occupied = int.from_bytes(raw[:BITS], "little")
        day.excluded = int.from_bytes(raw[BITS : 2 * BITS], "little")
        day.counts = array("H", raw[2 * BITS :])
        return day


class History:
    """The last 56 days and today. Minutes and days are shifted by the calendar's phase."""

    def __init__(self) -> None:
        self.days: dict[int, bytes] = {}
        """Finished days, packed."""
        self.today = -1
        self._now = Day()
        self._changed: set[int] = set()
        self._packed: bytes | None = None

    def copy(self) -> History:
        """Copy it, sharing the finished days, which never change."""
        other = History()
        other.days = dict(self.days)
        other.today = self.today
        other._now = Day.unpack(self.pack_today())
        return other

    @property
    def first_day(self) -> int:
        """The earliest day that is known; -1 where there is none."""
        return min(self.days, default=self.today)

    def _turn_to(self, day: int) -> None:
        if self.today >= 0:
            self.days[self.today] = self.pack_today()
            self._changed.add(self.today)
        for old in [known for known in self.days if known < day - HISTORY // DAY - 2]:
            del self.days[old]
            self._changed.add(old)
        self.today = day
        self._now = Day()
        self._packed = None

    def pack_today(self) -> bytes:
        """Give today, packed."""
        if self._packed is None:
            self._packed = self._now.pack()
        return self._packed

    def begin(self, minute: int) -> None:
        """Start at a minute: what was before it is no evidence."""
        self._turn_to(minute // DAY)
        self._now.excluded = (1 << minute % DAY) - 1

    def pass_to(self, minute: int) -> None:
        """Let empty minutes up to and with `minute` go by."""
        while self.today < minute // DAY:
            self._turn_to(self.today + 1)

    def add(self, minute: int, events: int) -> None:
        """Count events in a minute of today or later."""
        self.pass_to(minute)
        within = minute % DAY
        self._now.occupied |= 1 << within
        five = within // FIVE
        self._now.counts[five] = min(self._now.counts[five] + events, MOST)
        self._packed = None

    def exclude(self, first: int, last: int) -> None:
        """Take the minutes `first` to `last` (both included, the first not before today) out of the evidence."""
        while first <= last:
            self.pass_to(first)
            end = min(last, first // DAY * DAY + DAY - 1)
            self._now.excluded |= ((1 << (end - first + 1)) - 1) << first % DAY
            self._packed = None
            first = end + 1

    def changed(self) -> dict[int, bytes | None]:
        """Give the days that have ended since the last call, packed; None for one that is forgotten."""
        changed = {day: self.packed(day) for day in sorted(self._changed)}
        self._changed.clear()
        return changed

    def packed(self, day: int) -> bytes | None:
        """Give a day, packed, today included."""
        return self.pack_today() if day == self.today else self.days.get(day)

    def watched(self, first: int, after: int) -> NDArray[np.bool_]:
        """Tell for each minute from `first` to before `after` whether it is evidence."""
        days = range(first // DAY, (after - 1) // DAY + 1)
        packed = [self.packed(day) for day in days]
        bits = b"".join(b"\xff" * BITS if one is None else zlib.decompress(one)[BITS : 2 * BITS] for one in packed)
        excluded = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), bitorder="little").astype(bool)
        begin = days[0] * DAY
        return ~excluded[first - begin : after - begin]

    def restore(self, days: dict[int, bytes], today: int, packed: bytes) -> None:
        """Take days that changed() gave, and what pack_today() did; days from then on are not looked at."""
        self.days = {day: ended for day, ended in days.items() if day < today}
        self.today = today
        self._now = Day.unpack(packed)
        self._packed = packed

    def past(self, calendar: Calendar | None, until: int, slot: int | None = None, resolution: int = 1) -> Past:
        """Lay the history before the shifted minute `until` on a grid: at most 56 days, at least an hour of it.

        Without `slot` the slots have the length that suits the region's rate and the resolution of its data.
        """
        end = until // DAY
        first = min(max(self.first_day, end - HISTORY // DAY), end)  # a leap of time may have emptied it
        packed = [self.packed(day) for day in range(first, end + 1)]
        empty = Day()
        empty.excluded = ALL
        nothing = zlib.decompress(empty.pack())
        raw = np.frombuffer(
            b"".join(nothing if one is None else zlib.decompress(one) for one in packed) or nothing, dtype=np.uint8
        ).reshape(-1, 2 * BITS + 2 * FIVES)
        occupied = np.unpackbits(raw[:, :BITS], axis=1, bitorder="little").reshape(-1).astype(bool)
        seen = np.unpackbits(raw[:, BITS : 2 * BITS], axis=1, bitorder="little").reshape(-1) == 0
        fives = raw[:, 2 * BITS :].copy().view(np.uint16).reshape(-1).astype(np.float64)
        keep = max(until - first * DAY, HOUR) // HOUR * HOUR
        occupied, seen, fives = occupied[:keep], seen[:keep], fives[: keep // FIVE]
        if calendar is None:
            codes = np.zeros(keep // QUARTER, dtype=np.uint8)
        else:
            codes = np.frombuffer(b"".join(calendar.codes(day) for day in range(first, end + 1)), dtype=np.uint8)
            codes = codes[: keep // QUARTER]
        expected = codes < QUIET
        cells = (codes & (QUIET - 1)).astype(np.intp)
        step_seen = np.logical_and(seen.reshape(-1, QUARTER).all(axis=1), expected)
        counts = fives.reshape(-1, QUARTER // FIVE).sum(axis=1)
        if slot is None:
            slot = slot_length(float(counts[step_seen].sum() / max(step_seen.sum(), 1) * QUARTERS), resolution)
        joined = step_length(slot) // QUARTER
        if slot < QUARTER:
            slot_seen = np.logical_and(seen.reshape(-1, slot).all(axis=1), np.repeat(expected, QUARTER // slot))
            slot_cells = np.repeat(cells, QUARTER // slot)
        else:
            step_seen = np.asarray(step_seen.reshape(-1, joined).all(axis=1))
            counts, cells = counts.reshape(-1, joined).sum(axis=1), cells[::joined]
            slot_seen, slot_cells = step_seen, cells
        return Past(
            slot=slot,
            occupied=np.asarray(occupied.reshape(-1, slot).any(axis=1)),
            seen=slot_seen,
            cells=slot_cells,
            counts=counts,
            step_seen=step_seen,
            step_cells=cells,
            fives=fives,
        )
