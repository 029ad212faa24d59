"""The table entries of a partition's state: what is written at a flush, in which order, and how it is read back.

Every value begins with the source offset up to which it has been folded (8 bytes, big endian, plus one, so that
"nothing yet" is zero): of several values of one key the one with the highest offset holds, whichever came last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct, field, msgpack

from streams.measures.engagement.bucket import pack
from streams.measures.engagement.campaigns import decode_tally, encode_tally
from streams.measures.engagement.fold import PartitionFold
from streams.measures.engagement.position import UNSET, Position
from streams.measures.engagement.totals import Totals, TotalsKeeper

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streams.measures.engagement.fold import Settings

Entry = tuple[bytes, bytes | None]
"""Key and value; None deletes the entry."""

MARKER: Final = b"#"
OFFSET_BYTES: Final = 8
PEOPLE: Final = "people"
SERIES: Final = "series"
TOTALS: Final = "totals"
BUCKET: Final = "bucket"
CAMPAIGN: Final = "campaign"

_encode: Final = msgpack.Encoder().encode
_names: Final = msgpack.Decoder(list[str]).decode
_totals: Final = msgpack.Decoder(Totals).decode
_position: Final = msgpack.Decoder(Position).decode


class Flush(Struct):
    """What is to be written, each step durable before the next begins.

    `names` (with totals and campaigns) first, since buckets refer to their numbers; then `buckets`; then the `marker`,
    which says that all before it is there; then `gone`, entries that nothing refers to any more.
    """

    names: list[Entry] = field(default_factory=list)
    buckets: list[Entry] = field(default_factory=list)
    marker: list[Entry] = field(default_factory=list)
    gone: list[Entry] = field(default_factory=list)

    def steps(self) -> Iterable[list[Entry]]:
        """Give the steps in their order."""
        return (self.names, self.buckets, self.marker, self.gone)


def stamped(offset: int, payload: bytes) -> bytes:
    """Put the offset before the payload."""
    return (offset + 1).to_bytes(OFFSET_BYTES, "big") + payload


def newer(value: bytes, than: bytes) -> bool:
    """Say whether `value` has been folded further than `than`; equal ones are equal."""
    return value[:OFFSET_BYTES] >= than[:OFFSET_BYTES]


def _key(region: str, what: str, rest: str) -> bytes:
    return f"{region}\t{what}\t{rest}".encode()


def flush(fold: PartitionFold) -> Flush:
    """Give everything that has changed since the last flush."""
    wanted = Flush()
    offset = fold.position.offset
    for shard in fold.shards_in_order():
        region = shard.shape.region
        shard.history.age(fold.flushed_to)
        if shard.people.forget(fold.flushed_to - shard.shape.horizon):
            fold.opened.forget_people()
        for what, numbers in ((PEOPLE, shard.people), (SERIES, shard.series.numbers)):
            wanted.names.extend(
                (_key(region, what, str(segment)), stamped(max(offset, fold.highest), _encode(names)))
                for segment, names in numbers.flush()
            )
        totals = shard.totals.flush()
        if totals is not None:
            wanted.names.append((_key(region, TOTALS, ""), stamped(totals.offset, _encode(totals))))
        for name, tally in shard.campaigns.flush(offset):
            key = _key(region, CAMPAIGN, name)
            if tally is None:
                wanted.gone.append((key, None))
            else:
                wanted.names.append((key, stamped(tally.offset, encode_tally(tally))))
        for bucket in shard.unwritten:
            wanted.buckets.append((_key(region, BUCKET, f"1:{bucket.start}"), stamped(bucket.offset, pack(bucket))))
        for (length, start), folded_to, packed in shard.history.flush():
            key = _key(region, BUCKET, f"{length}:{start}")
            if packed is None:
                wanted.gone.append((key, None))
            else:
                wanted.buckets.append((key, stamped(folded_to, packed)))
        shard.flushed()
    fold.flushed_to = fold.position.closed_to
    fold.position.regions = sorted(fold.shards.keys() - fold.to_begin)
    wanted.marker.append((MARKER, stamped(offset, _encode(fold.position))))
    return wanted


def _to_begin(fold: PartitionFold) -> set[str]:
    """Give the regions of which only a crash has left entries: the directory and the marker do not know them."""
    begun = fold.position.regions
    if begun is None and fold.restored != UNSET:
        return set()
    return fold.shards.keys() - {region for region, _, _ in fold.settings.regions} - set(begun or ())


def restore(settings: Settings, entries: Mapping[bytes, bytes]) -> PartitionFold:
    """Make the fold whose state the entries hold: it wants records from `position.start` on."""
    fold = PartitionFold(settings)
    marker = entries.get(MARKER)
    if marker is not None:
        fold.position = _position(marker[OFFSET_BYTES:])
        fold.restored = fold.position.offset
        fold.flushed_to = fold.position.closed_to
    # The tags by which buckets count each campaign: by the marker those before it, by their own entries, which are
    # written first, those that a crash has left behind it.
    by: dict[str, set[tuple[str, ...]]] = {}
    if marker is not None:
        by = {name: {fold.position.campaigns.get(name, ())} for name in fold.position.campaigns | settings.tags()}
    segments: dict[tuple[str, str], dict[int, list[str]]] = {}
    for key, value in entries.items():
        if key == MARKER:
            continue
        fold.highest = max(fold.highest, int.from_bytes(value[:OFFSET_BYTES], "big") - 1)
        region, what, rest = key.decode().rsplit("\t", 2)
        shard = fold.shard_of(region)
        payload = value[OFFSET_BYTES:]
        if what == BUCKET:
            length, start = map(int, rest.split(":"))
            shard.history.packed[length, start] = payload
        elif what == TOTALS:
            shard.totals = TotalsKeeper(_totals(payload))
        elif what == CAMPAIGN:
            tally = decode_tally(payload)
            shard.campaigns.hold(rest, tally)
            by.setdefault(rest, set()).add(tally.definition.tags)
        else:
            segments.setdefault((region, what), {})[int(rest)] = _names(payload)
    for (region, what), names in segments.items():
        shard = fold.shard_of(region)
        (shard.people if what == PEOPLE else shard.series.numbers).restore(names)
    fold.to_begin = _to_begin(fold)
    wanted = settings.tags()
    changed = {name for name, tags in by.items() if tags != {wanted.get(name)}}
    for shard in fold.shards_in_order():
        shard.restore(fold.position.closed_to, changed)
    fold.position.campaigns = wanted
    return fold
