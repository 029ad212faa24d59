"""Compares everything that a line has published with everything that was produced."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.follow import Follow
    from tests.support.stream import Stream


def assert_exact(follow: Follow, stream: Stream) -> None:
    """Fail where a count, a total or the refused ones differ; `activity` and `deadletter` must have been followed."""
    assert follow.rolled.counts() == stream.counts()
    totals: Counter[str] = Counter()
    last = follow.rolled.last()
    for one in last:
        totals.update(one.totals)
    assert totals == Counter(event.kind for event in stream.events)
    assert sum(one.duplicates for one in last) == stream.repeats
    assert sum(one.too_late for one in last) == stream.refused["too_late"]
    # a dead letter may come again, never be left out; of one place there is one reason
    refused = dict.fromkeys((letter.place, letter.reason) for letter in follow.letters)
    assert len({place for place, _ in refused}) == len(refused)
    kinds = Counter(reason if reason in stream.refused else "rubbish" for _, reason in refused)
    assert kinds == Counter(stream.refused)
