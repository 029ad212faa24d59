"""What the embedded broker is told: Kafka's properties, its logging, and the Java Virtual Machine's options."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from schemas.topics import MAXIMUM_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

HOST: Final = "127.0.0.1"
JVM: Final = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m")
"""Small and quick to start. For long runs at full load the second costs throughput: pass others to the broker."""


class Node(Struct, frozen=True):
    """One broker, which is its own controller too: `voters` has the controller port of every node by its id."""

    port: int
    controllers: dict[int, int]
    id: int = 1

    @property
    def listener(self) -> str:
        """Where clients reach it."""
        return f"{HOST}:{self.port}"


def new_cluster_id() -> str:
    """Make up a cluster's id, 16 bytes in URL-safe base64; never one that reads like an option, which has a minus."""
    first, *rest = secrets.token_bytes(16)
    return base64.urlsafe_b64encode(bytes([first & 0x7F, *rest])).decode("ascii").rstrip("=")


def properties(node: Node, data: Path, more: Mapping[str, str]) -> dict[str, str]:
    """Give the broker's properties, `more` over ours.

    Few partitions for Kafka's own topics and a small buffer for the cleaner: one machine, few groups, little memory.
    Written data is forced to the disk each second, since on one node no other copy outlives a power cut.
    """
    nodes = len(node.controllers)
    copies, in_sync = str(min(3, nodes)), str(min(2, nodes))
    controller = f"{HOST}:{node.controllers[node.id]}"
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.id),
        "listeners": f"PLAINTEXT://{node.listener},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{node.listener}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "controller.quorum.voters": ",".join(f"{one}@{HOST}:{port}" for one, port in sorted(node.controllers.items())),
        "log.dirs": str(data),
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": "1000",
        "message.max.bytes": str(MAXIMUM_BYTES),
        "replica.fetch.max.bytes": str(MAXIMUM_BYTES),
        "log.cleaner.dedupe.buffer.size": str(32 << 20),
        "log.flush.interval.ms": "1000",
        "log.flush.scheduler.interval.ms": "1000",
        "num.network.threads": "2",
        "num.io.threads": "4",
        **more,
    }


def as_properties(values: Mapping[str, str]) -> str:
    """Write `values` as a Java properties file: backslashes and what is not ASCII are escaped."""

    def escaped(text: str) -> str:
        plain = text.replace("\\", "\\\\")
        units = plain.encode("utf-16-be")
        numbers = [int.from_bytes(units[at : at + 2]) for at in range(0, len(units), 2)]
        return "".join(chr(number) if 32 <= number < 127 else f"\\u{number:04x}" for number in numbers)

    return "".join(f"{escaped(key)}={escaped(value)}\n" for key, value in values.items())


def logging_properties(log: Path) -> str:
    """Configure Log4j 2: one file and five older ones of 10 MB each; all but the hundreds of settings at each start."""
    return as_properties(
        {
            "status": "error",
            "appender.file.type": "RollingFile",
            "appender.file.name": "file",
            "appender.file.fileName": str(log),
            "appender.file.filePattern": f"{log}.%i",
            "appender.file.layout.type": "PatternLayout",
            "appender.file.layout.pattern": "%d{ISO8601} %p %m (%c)%n",
            "appender.file.policies.type": "Policies",
            "appender.file.policies.size.type": "SizeBasedTriggeringPolicy",
            "appender.file.policies.size.size": "10MB",
            "appender.file.strategy.type": "DefaultRolloverStrategy",
            "appender.file.strategy.max": "5",
            "logger.settings.name": "org.apache.kafka.common.config.AbstractConfig",
            "logger.settings.level": "WARN",
            "rootLogger.level": "INFO",
            "rootLogger.appenderRef.file.ref": "file",
        }
    )


def java_options(folder: Path, jvm: tuple[str, ...]) -> list[str]:
    """Give the options of the Java Virtual Machine: `jvm` after the ones that keep its files in `folder`."""
    return [
        "-Djava.awt.headless=true",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:-UsePerfData",
        "--enable-native-access=ALL-UNNAMED",
        f"-XX:ErrorFile={folder / 'log' / 'crash.log'}",
        f"-Djava.io.tmpdir={folder / 'tmp'}",
        f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
        *jvm,
    ]
