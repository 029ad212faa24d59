"""The table entries of the region agent: one for each region, its days of history, the pooled baseline, a marker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import msgpack

from streams.measures.engagement.entries import MARKER, OFFSET_BYTES, Flush, stamped
from streams.measures.privacy.released import decode_hook, encode_hook
from streams.measures.regions.fold import RegionsFold, RegionsSettings
from streams.measures.regions.state import RegionState
from streams.measures.regions.whole import Whole

if TYPE_CHECKING:
    from collections.abc import Mapping

FIT: Final = "fit"
POOL: Final = b"\tpool"
WHOLE: Final = b"\twhole"
LIKE_MARKER: Final = b"\tregion"
"""Of the region whose name is that of the marker."""
_encode: Final = msgpack.Encoder(enc_hook=encode_hook).encode
_decode_whole: Final = msgpack.Decoder(Whole).decode
_decode: Final = msgpack.Decoder(RegionState, dec_hook=decode_hook).decode


def _key(region: str) -> bytes:
    key = region.encode()
    return LIKE_MARKER if key == MARKER else key


def flush(fold: RegionsFold) -> Flush:
    """Give everything that has changed since the last flush.

    A region's fit is part of its entry, so that both are of one moment. Its days and the pool come before: read back
    with an older entry they say nothing that the records which follow will not say again. So does the whole, which is
    judged when a minute is newer than its newest: folded again, no record up to its offset judges it a second time.
    """
    wanted = Flush()
    if fold.detector.pool_changed:
        wanted.names.append((POOL, stamped(fold.offset, fold.detector.export_pool())))
    if fold.changed:  # after the pool: where this has been read back, the pool has been seen up to here
        wanted.names.append((WHOLE, stamped(fold.offset, _encode(fold.whole))))
    for name in sorted(fold.changed):
        state = fold.states[name]
        state.detector = fold.detector.export(name)
        for key, value in fold.detector.export_changed(name).items():
            if key == FIT:
                state.fit = value or b""
            elif value is None:
                wanted.gone.append((f"{name}\t{key}".encode(), None))
            else:
                wanted.names.append((f"{name}\t{key}".encode(), stamped(state.offset, value)))
        wanted.buckets.append((_key(name), stamped(state.offset, _encode(state))))
    fold.changed.clear()
    wanted.marker.append((MARKER, stamped(fold.offset, b"")))
    return wanted


def restore(settings: RegionsSettings, entries: Mapping[bytes, bytes]) -> RegionsFold:
    """Make the fold whose state the entries hold."""
    fold = RegionsFold(settings)
    days: dict[str, dict[str, bytes]] = {}
    for key, value in entries.items():
        payload = value[OFFSET_BYTES:]
        if key == MARKER:
            fold.offset = int.from_bytes(value[:OFFSET_BYTES], "big") - 1
        elif key == WHOLE:
            fold.whole = _decode_whole(payload)
            fold.settled = int.from_bytes(value[:OFFSET_BYTES], "big") - 1
        elif key == POOL:
            fold.detector.restore_pool(payload)
        elif b"\t" in key and key != LIKE_MARKER:
            region, day = key.decode().rsplit("\t", 1)
            days.setdefault(region, {})[day] = payload
        else:
            state = _decode(payload)
            fold.states[state.region] = state
    for name, state in fold.states.items():
        if state.detector:
            known = days.get(name, {}) | ({FIT: state.fit} if state.fit else {})
            fold.detector.restore(name, state.detector, known)
    return fold
