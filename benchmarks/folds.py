"""The two folds of the worker alone, without Kafka: CPU by stage, beside the plain fold of benchmarks.limits.

`python -m benchmarks.folds [EVENTS]` folds the first EVENTS of the load (1 million where not given) in runs, as they
would be fetched, and prints microseconds of CPU an event. Both read the same runs in turn, so that what else the
machine does weighs on both alike: their ratio is worth more than either.
"""

from __future__ import annotations

import gc
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from benchmarks.limits import PlainFold
from benchmarks.load import EVENTS, PARTITIONS, REGION_NAMES, columns_and_values, records
from schemas.codec import encode
from schemas.config import Config
from schemas.directory import Directory, Region
from streams.measures.engagement import entries as engagement
from streams.measures.engagement.fold import PartitionFold, Settings
from streams.measures.partitioning import partition_of_region
from streams.measures.regions import entries as regions
from streams.measures.regions.fold import RegionsFold, RegionsSettings

if TYPE_CHECKING:
    from collections.abc import Callable

RUN: Final = 4_000
FLUSH_EVERY: Final = 30
"""Runs between two flushes: about what a worker folds in a second."""


class Stages:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, stage: str, work: Callable[..., Any], *arguments: Any) -> Any:
        """Do the work and add its time to the stage's."""
        begun = time.process_time()
        result = work(*arguments)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.process_time() - begun
        return result


def load(events: int) -> list[list[bytes]]:
    """Give the records of each partition."""
    columns, values = columns_and_values()
    partitions: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    for partition, _, value in records(columns, values[:events], events):
        partitions[partition].append(value)
    return partitions


def settings_of(partition: int) -> Settings:
    """Give the settings of a partition's fold."""
    mine = [name for name in REGION_NAMES if partition_of_region(name, PARTITIONS) == partition]
    return Settings([(name, 0, 1) for name in mine], {})


def measure(partitions: list[list[bytes]]) -> Stages:
    """Fold everything, run by run of each partition in turn."""
    stages = Stages()
    plain = [PlainFold() for _ in partitions]
    folds = [PartitionFold(settings_of(number)) for number in range(PARTITIONS)]
    directory = Directory(region=tuple(Region(name, headcount=100_000) for name in REGION_NAMES))
    released = RegionsFold(RegionsSettings(Config(), directory))
    written = runs = 0
    for begin in range(0, max(map(len, partitions)), RUN):
        activity: list[bytes] = []
        for number, partition in enumerate(partitions):
            run = partition[begin : begin + RUN]
            stages.timed("plain fold", plain[number].fold, run)
            output = stages.timed("engagement fold", folds[number].fold, range(begin, begin + len(run)), run)
            activity += stages.timed("encode activity", lambda made=output.published: [encode(one) for one in made])
            runs += 1
        output = stages.timed("region fold", released.fold, range(written, written + len(activity)), activity)
        written += len(activity)
        stages.timed("encode statuses", lambda made=output.statuses: [encode(one) for one in made])
        if runs >= FLUSH_EVERY:
            runs = 0
            for fold in folds:
                stages.timed("flush", engagement.flush, fold)
            stages.timed("flush", regions.flush, released)
    return stages


def main() -> int:
    """Measure and print."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS // 2
    partitions = load(events)
    gc.collect()
    gc.freeze()
    gc.disable()
    stages = measure(partitions).seconds
    for stage, seconds in stages.items():
        print(f"{stage:16} {seconds / events * 1e6:7.3f} us of CPU an event")
    ours = sum(seconds for stage, seconds in stages.items() if stage != "plain fold")
    print(f"{'ours':16} {ours / events * 1e6:7.3f}, {ours / stages['plain fold']:.2f} times the plain fold")
    return 0


if __name__ == "__main__":
    sys.exit(main())
