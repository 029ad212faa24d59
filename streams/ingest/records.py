"""Cuts a growing file into records: lines, or the rows of a CSV file, whose quoted fields may hold line ends.

Memory is bounded: of a record that is too long only the beginning is kept.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from streams.ingest.seal import KEPT_BYTES

MAXIMUM_RECORD: Final = 256 * 1024
"""Bytes of a record; a longer one is refused."""

_NEWLINE: Final = b"\n"
_QUOTE: Final = b'"'


class RawRecord(Struct, frozen=True, gc=False):
    """One record with its place: `offset` in bytes from the file's beginning, `line` from 1.

    `size` is greater than the length of `raw` where it was too long. `unclosed` says that a quote opened in it was
    never closed, so that its end is a guess.
    """

    raw: bytes
    offset: int
    line: int
    size: int
    unclosed: bool = False


class Splitter:
    """Takes the bytes of a file in order and gives its records; `delimiter` is that of a CSV file, empty for lines."""

    def __init__(self, delimiter: str = "", *, offset: int = 0, line: int = 1, maximum: int = MAXIMUM_RECORD) -> None:
        self._delimiter = delimiter.encode()
        self._maximum = maximum
        self._buffer = bytearray()
        self._dropped = 0
        self.offset = offset
        """Where the next record begins: everything before it has been given."""
        self.line = line

    @property
    def read_to(self) -> int:
        """Where the next bytes belong."""
        return self.offset + self._dropped + len(self._buffer)

    @property
    def waiting(self) -> int:
        """Bytes of a record whose end has not come."""
        return self._dropped + len(self._buffer)

    def feed(self, data: bytes) -> list[RawRecord]:
        """Take the next bytes; give the records that they complete."""
        self._buffer += data
        return self._cut(last=False)

    def finish(self) -> list[RawRecord]:
        """Say that the file has ended; give what was waiting for its end."""
        return self._cut(last=True)

    def _cut(self, *, last: bool) -> list[RawRecord]:
        records: list[RawRecord] = []
        start = 0
        while start < len(self._buffer):
            end, unclosed = self._end(start, last=last)
            if end < 0:
                break
            records.append(self._record(start, end, unclosed=unclosed))
            start = end
        del self._buffer[:start]
        if len(self._buffer) > self._maximum:
            # A line of which no end is in sight: its beginning is kept for the dead letter, the rest let go.
            self._dropped += len(self._buffer) - KEPT_BYTES
            del self._buffer[KEPT_BYTES:]
        return records

    def _record(self, start: int, end: int, *, unclosed: bool) -> RawRecord:
        size = end - start + self._dropped
        raw = bytes(self._buffer[start : min(end, start + self._maximum)])
        if size > self._maximum:
            raw = raw[:KEPT_BYTES]
        record = RawRecord(raw, self.offset, self.line, size, unclosed)
        self._dropped = 0
        self.offset += size
        self.line += self._buffer.count(_NEWLINE, start, end)
        return record

    def _end(self, start: int, *, last: bool) -> tuple[int, bool]:
        """Find the end of the record at `start`, or -1 where it has not come; tell whether a quote stays open."""
        first_end = -1
        quoted = False
        position = start
        while (newline := self._buffer.find(_NEWLINE, position)) >= 0:
            end = newline + 1
            if first_end < 0:
                first_end = end
            if not self._delimiter or self._dropped:
                return end, False
            quoted = self._quoted_after(position, end, quoted=quoted)
            if not quoted:
                return end, False
            if end - start > self._maximum:
                # No row is that long. The quote that swallows the file is taken for a mistake of its first line.
                return first_end, True
            position = end
        if last:
            if self._delimiter and not self._dropped:
                quoted = self._quoted_after(position, len(self._buffer), quoted=quoted)
            return (first_end, True) if quoted and first_end >= 0 else (len(self._buffer), quoted)
        if first_end >= 0 and len(self._buffer) - start > self._maximum:
            return first_end, True
        return -1, False

    def _quoted_after(self, start: int, end: int, *, quoted: bool) -> bool:
        """Tell whether a quoted field is open after these bytes, by the rules of Python's csv.

        A quote opens a field only at its beginning; inside, two of them stand for one.
        """
        buffer = self._buffer
        position = start
        while (quote := buffer.find(_QUOTE, position, end)) >= 0:
            if quoted:
                if buffer[quote + 1 : quote + 2] == _QUOTE:
                    position = quote + 2
                    continue
                quoted = False
            elif quote == start or buffer[quote - 1 : quote] == self._delimiter:
                quoted = True
            position = quote + 1
        return quoted
