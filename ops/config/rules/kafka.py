"""Kafka, topics and times: settings that contradict each other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ops.config.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import Config

_SERVER: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})")


def servers(config: Config) -> list[str]:
    """Give the bootstrap servers one by one."""
    return [server.strip() for server in config.kafka.bootstrap_servers.split(",")]


def problems(config: Config) -> Iterator[Problem]:
    """Give what is wrong with Kafka's settings and those that depend on them."""
    for server in servers(config):
        match = _SERVER.fullmatch(server)
        if match is None or not 0 < int(match[1]) < 65_536:
            yield Problem(("kafka", "bootstrap_servers"), f'"{server}" is not host:port.')
    if config.kafka.embedded:
        yield from _embedded(config)
    yield from _log_in(config)
    yield from _files(config)
    topics = config.topics
    if topics.minimum_in_sync > topics.replication:
        text = f"is {topics.minimum_in_sync}, more than the {topics.replication} copies of topics.replication."
        yield Problem(("topics", "minimum_in_sync"), text)
    time = config.time
    if time.timeout_seconds <= time.heartbeat_seconds:
        text = f"is {time.timeout_seconds:g}, but must exceed time.heartbeat_seconds ({time.heartbeat_seconds:g})."
        yield Problem(("time", "timeout_seconds"), text)
    if time.lateness_seconds >= time.horizon_days * 86_400:
        yield Problem(("time", "lateness_seconds"), "must be shorter than time.horizon_days.")


def _embedded(config: Config) -> Iterator[Problem]:
    alone = "with an embedded broker (kafka.embedded), which is a single node,"
    if config.topics.replication > 1:
        yield Problem(("topics", "replication"), f"must be 1 {alone} but is {config.topics.replication}.")
    if config.topics.minimum_in_sync > 1:
        yield Problem(("topics", "minimum_in_sync"), f"must be 1 {alone} but is {config.topics.minimum_in_sync}.")
    if len(servers(config)) > 1:
        yield Problem(("kafka", "bootstrap_servers"), f"must be one host:port {alone} but has {len(servers(config))}.")
    elif servers(config)[0].rpartition(":")[0] not in {"127.0.0.1", "localhost"}:
        text = f"must be 127.0.0.1:port {alone} but is {servers(config)[0]}."
        yield Problem(("kafka", "bootstrap_servers"), text)
    if config.kafka.security_protocol != "PLAINTEXT":
        text = f"must be PLAINTEXT with an embedded broker (kafka.embedded), but is {config.kafka.security_protocol}."
        yield Problem(("kafka", "security_protocol"), text)


def _log_in(config: Config) -> Iterator[Problem]:
    kafka = config.kafka
    if not kafka.security_protocol.startswith("SASL"):
        return
    if not kafka.sasl_username:
        yield Problem(("kafka", "sasl_username"), f"is missing: {kafka.security_protocol} needs it.")
    if not (kafka.sasl_password.file or kafka.sasl_password.environment):
        yield Problem(("kafka", "sasl_password"), f"is missing: {kafka.security_protocol} needs it.")


def _files(config: Config) -> Iterator[Problem]:
    kafka = config.kafka
    for name in ("tls_ca", "tls_certificate", "tls_key"):
        file = getattr(kafka, name)
        if file and not Path(file).is_file():
            yield Problem(("kafka", name), f"there is no file {file}.")
    if kafka.tls_key and not kafka.tls_certificate:
        yield Problem(("kafka", "tls_key"), "is set without tls_certificate: name the certificate that it belongs to.")
