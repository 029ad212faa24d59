from __future__ import annotations

from aiokafka import TopicPartition

from ops.exporter.lag import behind, worker_group
from schemas.config import Config, TopicSettings
from streams.agents.app import GROUP
from streams.kafka import topic_name

FIRST, SECOND = TopicPartition("events", 0), TopicPartition("events", 1)


def test_the_group_is_that_of_the_workers() -> None:
    config = Config(topics=TopicSettings(prefix="office-"))
    assert worker_group(config) == topic_name(config.topics, GROUP) == "office-worker"


def test_what_comes_after_the_commit_is_behind() -> None:
    assert behind({FIRST: 0, SECOND: 0}, {FIRST: 10, SECOND: 7}, {FIRST: 4, SECOND: 7}) == {FIRST: 6, SECOND: 0}


def test_without_a_commit_all_that_there_is_is_behind() -> None:
    assert behind({FIRST: 3}, {FIRST: 10}, {}) == {FIRST: 7}
    assert behind({FIRST: 3}, {FIRST: 10}, {FIRST: -1}) == {FIRST: 7}


def test_what_the_log_has_forgotten_is_not_behind() -> None:
    assert behind({FIRST: 8}, {FIRST: 10}, {FIRST: 4}) == {FIRST: 2}


def test_a_commit_past_the_end_of_a_topic_that_was_made_anew_is_not_less_than_nothing() -> None:
    assert behind({FIRST: 0}, {FIRST: 2}, {FIRST: 9}) == {FIRST: 0}
