"""Events as columns, read out of the bytes of their records, where they are written as Jun writes them.

To make an object of each event costs more than all that is counted with it. Ingest agents write events in one way: the
fields in the order of schemas.events.Event without those that have their default, no space between them, ids and
pseudonyms of ID_BYTES. Such a record is read in one pass over its bytes, where that is compiled. One that differs in
any byte is for the decoder, which takes or refuses it: nothing here decides that a record is bad, and every event that
is read is the one that the decoder would have given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, get_args

from schemas.events import KINDS, Role
from schemas.version import VERSION
from streams import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.measures.engagement.numbering import Numbers
    from streams.measures.engagement.open_minute import OpenMinute

ID_BYTES: Final = 22
"""Of an id or pseudonym: 16 bytes in base64 without its padding."""
MACHINE: Final = len(KINDS)
"""Added to the code of a kind for what no person did."""

_KINDS: Final = [kind.encode() for kind in KINDS]
_ROLES: Final = [role.encode() for role in get_args(Role)]
_TAIL: Final = b',"v":%d}' % VERSION


def reader(words: Numbers, opened: Callable[[int, int, int], OpenMinute]) -> compiled.reading.Reader:
    """Give what reads runs of records, where that is compiled.

    `words` has the numbers of regions, sources, tags and written forms; `opened` gives for a minute, the number of a
    region and the offset of the first event of both the open minute.
    """
    return compiled.reading.Reader(words, opened, _KINDS, _ROLES, b"bot", MACHINE, _TAIL)


def texts(packed: bytes) -> list[str]:
    """Give the ids or pseudonyms that stand one after the other, ID_BYTES each."""
    if packed.isascii():
        whole = packed.decode()
        return [whole[begin : begin + ID_BYTES] for begin in range(0, len(whole), ID_BYTES)]
    return [packed[begin : begin + ID_BYTES].decode() for begin in range(0, len(packed), ID_BYTES)]
