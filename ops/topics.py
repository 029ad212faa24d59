"""Creates Jun's topics on any cluster, and tells where they differ from what schemas.topics wants. Deletes nothing."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError, for_code
from msgspec import Struct

from schemas.topics import TOPICS
from streams.kafka import KafkaFailedError, client_arguments, failure, plain_errors, start_client, topic_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from schemas.config import KafkaSettings, TopicSettings

READY_WITHIN_SECONDS: Final = 30
LOOK_EVERY_SECONDS: Final = 0.05
MOVES_KEYS: Final = "keys would change their partition, so set topics.partitions to match, or a new topics.prefix"
MOVES_COPIES: Final = "only Kafka's own kafka-reassign-partitions changes that"
STOPS_WRITING: Final = "with fewer copies than that nothing could be written, so more copies come first"
LOSES_MESSAGES: Final = "messages would be lost, so that is left to Kafka's own kafka-configs"
OF_THE_TOPIC: Final = 1
"""Source of a setting in Kafka's answers that says it was given to this very topic."""

Settings: TypeAlias = dict[str, tuple[str, int]]
"""Settings of a topic by name: the value, and where it comes from."""


class Wanted(Struct, frozen=True):
    """A topic as it should be in Kafka; `settings` in Kafka's own names."""

    name: str
    partitions: int
    replication: int
    settings: dict[str, str]


class Difference(Struct, frozen=True):
    """Something about a topic that is not as wanted; `hindrance` says why it can't be set just so, empty if it can."""

    topic: str
    what: str
    wanted: str
    found: str
    hindrance: str = ""

    @property
    def alterable(self) -> bool:
        """Whether `fix` sets it: no message moves, and none is lost."""
        return not self.hindrance

    def __str__(self) -> str:
        remedy = self.hindrance or "`jun topics --fix` sets it"
        return f"The topic {self.topic} has {self.what} {self.found}, wanted {self.wanted}: {remedy}."


class Report(Struct, frozen=True):
    """What was done: topics created, and differences that are set right now and that remain."""

    created: tuple[str, ...] = ()
    altered: tuple[Difference, ...] = ()
    remaining: tuple[Difference, ...] = ()


def wanted_topics(settings: TopicSettings) -> tuple[Wanted, ...]:
    """Give the topics of schemas.topics as `settings` lay them out."""
    return tuple(
        Wanted(
            topic_name(settings, topic.name),
            settings.partitions if topic.partitioned else 1,
            settings.replication,
            {**topic.settings(), "min.insync.replicas": str(settings.minimum_in_sync)},
        )
        for topic in TOPICS
    )


async def ensure_topics(kafka: KafkaSettings, settings: TopicSettings, *, fix: bool = False) -> Report:
    """Create the topics that are missing and compare the others; `fix` alters the settings that can be altered.

    Raises KafkaFailedError where Kafka can't be reached or refuses something.
    """
    wanted = wanted_topics(settings)
    admin = AIOKafkaAdminClient(**client_arguments(kafka))
    await start_client(admin, kafka)
    try:
        with plain_errors("Jun's topics in Kafka"):
            there = await _partitions(admin)
            created = await _create(admin, [topic for topic in wanted if topic.name not in there])
            differences, found = await _differences(admin, wanted)
            altered = [one for one in differences if one.alterable] if fix else []
            if altered:
                await _alter(admin, found, altered)
                differences, _ = await _differences(admin, wanted, without=altered)
            return Report(created, tuple(altered), tuple(differences))
    finally:
        await admin.close()


def compare(topic: Wanted, partitions: Sequence[Sequence[int]], settings: Settings) -> list[Difference]:
    """Give the differences of a topic: `partitions` are the replicas of each."""
    copies = {len(replicas) for replicas in partitions}
    shown = " and ".join(str(count) for count in sorted(copies))
    differences = []
    if len(partitions) != topic.partitions:
        differences.append(
            Difference(topic.name, "partitions", str(topic.partitions), str(len(partitions)), MOVES_KEYS)
        )
    if copies != {topic.replication}:
        differences.append(Difference(topic.name, "replication", str(topic.replication), shown, MOVES_COPIES))
    for name, value in topic.settings.items():
        now = settings.get(name, ("nothing", 0))[0]
        if now != value:
            hindrance = _hindrance(name, value, now, min(copies, default=0))
            differences.append(Difference(topic.name, name, value, now, hindrance))
    return differences


def _hindrance(name: str, wanted: str, now: str, copies: int) -> str:
    if name == "min.insync.replicas" and int(wanted) > copies:
        return STOPS_WRITING
    if name == "retention.ms" and int(wanted) >= 0 and (int(now) < 0 or int(now) > int(wanted)):
        return LOSES_MESSAGES
    return ""


async def _differences(
    admin: AIOKafkaAdminClient, wanted: Sequence[Wanted], without: Sequence[Difference] = ()
) -> tuple[list[Difference], dict[str, Settings]]:
    """Give the differences and the settings, once all topics have leaders and no difference is one of `without`.

    What was created or altered gets to the brokers a little later, to each at its own time.
    """
    end = time.monotonic() + READY_WITHIN_SECONDS
    while True:
        there, found = await _partitions(admin), await _settings(admin, wanted)
        late = [topic.name for topic in wanted if topic.name not in there or topic.name not in found]
        if not late:
            differences = [one for topic in wanted for one in compare(topic, there[topic.name], found[topic.name])]
            late = [one.topic for one in differences if one in without]
            if not late:
                return differences, found
        if time.monotonic() > end:
            raise KafkaFailedError(
                f"all topics with leaders and settings within {READY_WITHIN_SECONDS} s",
                f"{', '.join(sorted(set(late)))} had none",
                "see that all brokers run",
                retry=True,
                kafka_error=TimeoutError,
            )
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _partitions(admin: AIOKafkaAdminClient) -> dict[str, list[list[int]]]:
    """Give the replicas of each partition of the topics that have leaders; to ask for one by name might create it."""
    topics: list[dict[str, Any]] = await admin.describe_topics()
    return {
        topic["topic"]: [part["replicas"] for part in topic["partitions"]]
        for topic in topics
        if all(part["leader"] >= 0 for part in topic["partitions"])
    }


async def _create(admin: AIOKafkaAdminClient, missing: Sequence[Wanted]) -> tuple[str, ...]:
    if not missing:
        return ()
    answer = await admin.create_topics(
        [NewTopic(topic.name, topic.partitions, topic.replication, topic_configs=topic.settings) for topic in missing]
    )
    created = []
    for name, code, message in answer.topic_errors:
        error = for_code(code)
        if code == 0:
            created.append(name)
        elif error is not TopicAlreadyExistsError:  # another process was first
            raise _refused(error, f"to create the topic {name}", message)
    return tuple(created)


async def _settings(admin: AIOKafkaAdminClient, topics: Iterable[Wanted]) -> dict[str, Settings]:
    """Give the settings of each topic that the broker knows that is asked."""
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name) for topic in topics])
    found: dict[str, Settings] = {}
    for answer in answers:
        for code, message, _, name, entries in answer.resources:
            error = for_code(code)
            if code == 0:
                found[name] = {entry[0]: (entry[1], int(entry[3])) for entry in entries}
            elif error is not UnknownTopicOrPartitionError:
                raise _refused(error, f"the settings of the topic {name}", message)
    return found


async def _alter(admin: AIOKafkaAdminClient, found: Mapping[str, Settings], altered: Sequence[Difference]) -> None:
    """Set what differs, beside the settings that the topic has already: the request replaces all of them."""
    wanted: dict[str, dict[str, str]] = {}
    for one in altered:
        wanted.setdefault(one.topic, {})[one.what] = one.wanted
    resources = []
    for name, settings in wanted.items():
        own = {key: value for key, (value, source) in found[name].items() if source == OF_THE_TOPIC}
        resources.append(ConfigResource(ConfigResourceType.TOPIC, name, {**own, **settings}))
    for answer in await admin.alter_configs(resources):
        for code, message, _, name in answer.resources:
            if code:
                raise _refused(for_code(code), f"to alter the topic {name}", message)


def _refused(error: type[KafkaError], wanted: str, message: str | None) -> KafkaFailedError:
    plain = failure(error(), wanted)
    if not message:
        return plain
    return KafkaFailedError(
        wanted, f"Kafka said: {message.rstrip('. ')}", plain.remedy, retry=plain.retry, kafka_error=error
    )
