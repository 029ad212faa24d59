"""The configuration, as `jun.toml` spells it: every setting with description, unit and default."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from schemas.regions import Verdict

Port = Annotated[int, Meta(ge=0, le=65535)]


class Secret(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a secret is: in a file or in an environment variable. Its value is never part of the configuration."""

    file: Annotated[str, Meta(description="file that holds it")] = ""
    environment: Annotated[str, Meta(description="environment variable that holds it")] = ""


class KafkaSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where Kafka is and how to speak to it."""

    embedded: Annotated[bool, Meta(description="run a broker of our own as a child process")] = True
    bootstrap_servers: Annotated[
        str, Meta(description="host:port, comma separated; with an embedded broker, where that one listens")
    ] = "127.0.0.1:19092"
    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], Meta(description="how connections are secured")
    ] = "PLAINTEXT"
    sasl_mechanism: Annotated[Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], Meta(description="how to log in")] = (
        "SCRAM-SHA-512"
    )
    sasl_username: Annotated[str, Meta(description="who logs in")] = ""
    sasl_password: Annotated[Secret, Meta(description="where the password is")] = field(default_factory=Secret)
    tls_ca: Annotated[str, Meta(description="file of the certificate authorities; empty for the system's")] = ""
    tls_certificate: Annotated[str, Meta(description="file of the client's certificate")] = ""
    tls_key: Annotated[str, Meta(description="file of the client's key")] = ""
    session_timeout_seconds: Annotated[
        int, Meta(ge=3, le=300, description="after how long a dead worker's partitions go to another (seconds)")
    ] = 6
    java: Annotated[str, Meta(description="Java for the embedded broker (17 or later); empty to find one")] = ""


class TopicSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How the topics are laid out; the number of partitions can't be changed later."""

    prefix: Annotated[str, Meta(description="what stands before every topic's name", pattern="^[a-zA-Z0-9._-]*$")] = ""
    partitions: Annotated[int, Meta(ge=1, le=512, description="partitions of the partitioned topics")] = 8
    replication: Annotated[int, Meta(ge=1, le=7, description="copies of every partition")] = 1
    minimum_in_sync: Annotated[
        int, Meta(ge=1, le=7, description="copies that must have a message before it counts")
    ] = 1


class StateSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where state is kept on this machine."""

    folder: Annotated[str, Meta(description="folder of checkpoints, logs, keys and the embedded broker's data")] = (
        ".jun"
    )
    store: Annotated[Literal["memory", "rocksdb"], Meta(description="where the agents keep their tables")] = "memory"


class TimeSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How long things wait. All of it is about event time but for the heartbeats."""

    heartbeat_seconds: Annotated[
        float, Meta(gt=0, le=60, description="between two heartbeats of a source (seconds)")
    ] = 5
    timeout_seconds: Annotated[
        float, Meta(gt=0, le=3600, description="how far a source may fall behind before it is down (seconds)")
    ] = 15
    lateness_seconds: Annotated[
        float, Meta(ge=0, le=86_400, description="how long a minute stays open for late events (seconds)")
    ] = 120
    horizon_days: Annotated[
        int, Meta(ge=1, le=28, description="how long a late event still changes its minute (days)")
    ] = 7
    start_seconds: Annotated[
        float,
        Meta(
            ge=0,
            le=86_400,
            description="how long time, before it begins in a new partition, waits for the first heartbeat of every "
            "source of the configuration (seconds)",
        ),
    ] = 300


class PrivacySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """What may be shown; the floors in the code can't be undercut."""

    minimum_group: Annotated[int, Meta(ge=5, description="the smallest group that is shown (people)")] = 10
    rounding: Annotated[int, Meta(ge=5, description="counts of people are rounded to this (people)")] = 5
    pseudonym_key: Annotated[Secret, Meta(description="key of the pseudonyms; only ingest needs it")] = field(
        default_factory=Secret
    )
    pseudonym_key_since: Annotated[
        Annotated[dt.datetime, Meta(tz=True)] | None,
        Meta(description="first moment of that key, with its offset from UTC, where there was one before"),
    ] = None
    previous_pseudonym_key: Annotated[
        Secret, Meta(description="key of the pseudonyms before that moment; needed until the overlap has passed")
    ] = field(default_factory=Secret)
    pseudonym_overlap_days: Annotated[
        int, Meta(ge=28, le=400, description="how long events tell both pseudonyms after a change of the key (days)")
    ] = 28
    deadletter_public_key: Annotated[Secret, Meta(description="key to which refused inputs are sealed")] = field(
        default_factory=Secret
    )


class SilenceSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How readily a region is called silent."""

    false_alarms_per_week: Annotated[
        float, Meta(gt=0, le=10, description="wanted rate of false alarms of each region (per week)")
    ] = 0.1
    cool_down_hours: Annotated[
        float,
        Meta(ge=0, le=168, description="a silence so soon after a recovery is told only if it lasts (hours)"),
    ] = 6

    @property
    def cool_down(self) -> int:
        """The cool-down in ms."""
        return round(self.cool_down_hours * 3_600_000)


class ExporterSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where Prometheus finds the figures."""

    host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on; 0 for any free one")] = 9464


class HealthSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Where workers, ingest agents and `jun notify` answer `/-/healthy` and `/-/ready`; the exporter has its own port.

    With `jun up` the first process has this port, and each further one the next.
    """

    host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on; 0 for none")] = 0


class NotifySettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How `jun notify` tells changes of verdict; to whom, the [[notification]] tables say."""

    board: Annotated[str, Meta(description="address of Grafana, for the links in messages")] = ""
    gather_seconds: Annotated[
        float, Meta(ge=0, le=3600, description="changes that follow each other within it become one message (seconds)")
    ] = 30
    max_age_minutes: Annotated[
        float, Meta(gt=0, le=10_080, description="older changes are not told, as after days down (minutes)")
    ] = 60


class Notification(Struct, frozen=True, forbid_unknown_fields=True):
    """One receiver of messages, through the Apprise library; `url` is a secret, as it holds passwords and tokens."""

    name: Annotated[str, Meta(description="key of the receiver", pattern="^[a-z0-9][a-z0-9-]{0,47}$")]
    url: Annotated[Secret, Meta(description="where Apprise's address of the mailbox, chat or webhook is")]
    regions: Annotated[tuple[str, ...], Meta(description="regions that it hears of; empty for all")] = ()
    teams: Annotated[tuple[str, ...], Meta(description="teams whose regions it hears of")] = ()
    verdicts: Annotated[tuple[Verdict, ...], Meta(description="verdicts that it is told of")] = ("silent", "unknown")
    returns: Annotated[bool, Meta(description="whether it is told when a region no longer has them")] = True
    quiet_hours: Annotated[
        str,
        Meta(
            description="local hours in which it hears only of `always`, of the rest at their end",
            examples=["22:00-07:00"],
        ),
    ] = ""
    always: Annotated[
        tuple[Verdict | Literal["everything"], ...], Meta(description="what it is told of in quiet hours as well")
    ] = ("everything",)
    time_zone: Annotated[str, Meta(description="IANA time zone of its hours and of the times in messages")] = "UTC"


class Goal(Struct, frozen=True, forbid_unknown_fields=True):
    """What a campaign wants to reach by its last day; exactly one of the three."""

    share: Annotated[float, Meta(ge=0, le=1, description="share of the headcount that takes part (0 to 1)")] = 0
    people: Annotated[int, Meta(ge=0, description="people who take part")] = 0
    posts: Annotated[int, Meta(ge=0, description="posts")] = 0


class Campaign(Struct, frozen=True, forbid_unknown_fields=True):
    """A set of tags with a purpose, a goal, regions and dates."""

    name: Annotated[str, Meta(description="key of the campaign", pattern="^[a-z0-9][a-z0-9-]{0,47}$")]
    tags: Annotated[tuple[str, ...], Meta(min_length=1, description="its hashtags, with or without #")]
    title: Annotated[str, Meta(description="name for people")] = ""
    aliases: Annotated[tuple[str, ...], Meta(description="further tags that mean the same")] = ()
    purpose: Annotated[Literal["inform", "appreciate", "engage", "feedback"], Meta(description="what it is for")] = (
        "engage"
    )
    regions: Annotated[tuple[str, ...], Meta(description="regions that it is for; empty for all")] = ()
    start: Annotated[dt.date | None, Meta(description="first day")] = None
    end: Annotated[dt.date | None, Meta(description="last day, by which the goal is to be reached")] = None
    goal: Annotated[Goal, Meta(description="what it wants to reach")] = field(default_factory=Goal)


class Config(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that `jun.toml` may say.

    `source` entries are checked by the source of their `kind`, which knows its own settings.
    """

    organisation: Annotated[str, Meta(description="name of the organisation, for the boards")] = ""
    directory: Annotated[str, Meta(description="file of the regions")] = "regions.toml"
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    topics: TopicSettings = field(default_factory=TopicSettings)
    state: StateSettings = field(default_factory=StateSettings)
    time: TimeSettings = field(default_factory=TimeSettings)
    privacy: PrivacySettings = field(default_factory=PrivacySettings)
    silence: SilenceSettings = field(default_factory=SilenceSettings)
    exporter: ExporterSettings = field(default_factory=ExporterSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    notify: NotifySettings = field(default_factory=NotifySettings)
    source: Annotated[tuple[dict[str, Any], ...], Meta(description="one [[source]] for each place to read")] = ()
    campaign: Annotated[tuple[Campaign, ...], Meta(description="one [[campaign]] for each")] = ()
    notification: Annotated[
        tuple[Notification, ...], Meta(description="one [[notification]] for each receiver of messages")
    ] = ()
