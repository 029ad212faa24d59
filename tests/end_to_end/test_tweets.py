"""Real posts through the whole line, each part a process of its own, on a real Kafka."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.support import tweets
from tests.support.follow import Follow
from tests.support.line import Line, until
from tests.support.page import by_region

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]


async def test_every_count_of_real_posts_in_activity_is_what_a_few_lines_over_the_file_say_and_gets_out_of_metrics(
    kafka: str, topic_prefix: str, tmp_path: Path, shared_data: Path
) -> None:
    posts = tweets.read(shared_data)
    assert len(posts) == 12_118
    tweets.write(posts, tmp_path / "tweets.csv")
    last = max(map(tweets.minute_of, posts))
    sources = tweets.SOURCE.format(follow="false", live="false")
    async with Line(tmp_path, kafka, topic_prefix, tweets.REGIONS, sources=sources) as line:
        worker, ingest = line.worker(), line.start("ingest", "tweets")
        metrics = await line.exporter()
        async with Follow(line, "activity", "regions", "deadletter") as follow:
            await follow.until_closed(last, len(tweets.REGIONS), worker)
            assert follow.rolled.counts() == tweets.truth(posts)
            assert not follow.letters
            await until(lambda: not ingest.running, "the file's end", worker)
            assert ingest.process.returncode == 0

            def all_shown() -> bool:
                released = {region: status.events_total.get("post") for region, status in follow.statuses.items()}
                ended = len(released) == len(tweets.REGIONS) and all(
                    status.minute >= last for status in follow.statuses.values()
                )
                return ended and by_region(metrics, "jun_region_events_by_kind_total", kind="post") == released

            await follow.until(all_shown, "the figures that were released", worker)
        for region, posted in Counter(post["region"] for post in posts).items():
            shown = by_region(metrics, "jun_region_events_by_kind_total", kind="post")[region]
            assert 0.8 * posted <= shown <= posted  # it may be rounded, or not new yet
        assert await worker.stop() < 60
