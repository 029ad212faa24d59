"""The table of topics says what Kafka must be told."""

from __future__ import annotations

import pytest

from schemas.topics import DAY, TOPICS, Topic

BY_NAME = {topic.name: topic for topic in TOPICS}


def test_names_differ() -> None:
    assert len(BY_NAME) == len(TOPICS) == 7


@pytest.mark.parametrize(
    ("name", "cleanup", "days"),
    [
        ("events", "delete", 30),
        ("activity", "delete", 30),
        ("alerts", "delete", 365),
        ("deadletter", "delete", 14),
        ("regions", "compact", None),
        ("engagement-state", "compact", None),
        ("region-state", "compact", None),
    ],
)
def test_each_topic_is_kept_as_the_design_says(name: str, cleanup: str, days: int | None) -> None:
    settings = BY_NAME[name].settings()
    assert settings["cleanup.policy"] == cleanup
    assert settings["retention.ms"] == ("-1" if days is None else str(days * 86_400_000))


def test_only_the_events_and_their_state_are_partitioned_and_alike() -> None:
    assert {topic.name for topic in TOPICS if topic.partitioned} == {"events", "engagement-state"}


def test_state_keeps_stale_records_beside_good_ones_for_a_while() -> None:
    assert BY_NAME["engagement-state"].settings()["min.compaction.lag.ms"] == "3600000"
    assert BY_NAME["region-state"].settings()["min.compaction.lag.ms"] == "3600000"


def test_a_topic_that_is_not_compacted_has_no_setting_of_compaction() -> None:
    assert "min.compaction.lag.ms" not in Topic("x", "delete", DAY, "about").settings()


def test_every_topic_says_what_it_is_about() -> None:
    assert all(topic.about for topic in TOPICS)
