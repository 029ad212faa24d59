from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    AuthenticationFailedError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
)
from aiokafka.structs import TopicPartition
from msgspec import structs

from ops.broker import EmbeddedBroker
from ops.broker.jars import class_path
from ops.broker.java import find_java
from ops.broker.ports import free_ports
from ops.broker.settings import Node
from ops.topics import ensure_topics
from schemas.config import KafkaSettings, Secret, TopicSettings
from schemas.topics import MAXIMUM_BYTES
from streams.errors import OperatorError
from streams.fetch import fetch_runs
from streams.kafka import (
    KafkaFailedError,
    client_arguments,
    failure,
    make_producer,
    plain_errors,
    start_client,
    tls_context,
    topic_name,
)
from streams.receive import Receiver, receive_in_place
from tests.support.certificates import Authority
from tests.support.records import read_all, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PASSWORD = "correct-horse"


def test_a_plain_connection_needs_only_the_servers() -> None:
    arguments = client_arguments(KafkaSettings(bootstrap_servers="a:1, b:2,"))
    assert arguments["bootstrap_servers"] == ["a:1", "b:2"]
    assert arguments["security_protocol"] == "PLAINTEXT"
    assert not {"ssl_context", "sasl_plain_password"} & arguments.keys()


def test_a_login_has_its_password_from_the_secret_and_never_shows_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    arguments = client_arguments(
        KafkaSettings(
            security_protocol="SASL_PLAINTEXT", sasl_username="jun", sasl_password=Secret(file=f"{tmp_path}/password")
        )
    )
    assert arguments["sasl_mechanism"] == "SCRAM-SHA-512"
    assert arguments["sasl_plain_username"] == "jun"
    assert arguments["sasl_plain_password"] == PASSWORD
    assert PASSWORD not in repr(arguments)


def test_a_login_without_user_or_password_is_told() -> None:
    settings = KafkaSettings(security_protocol="SASL_SSL")
    with pytest.raises(OperatorError, match=r"a user for SASL_SSL, but kafka\.sasl_username is empty"):
        client_arguments(settings)
    with pytest.raises(OperatorError, match=r"the secret kafka\.sasl_password"):
        client_arguments(structs.replace(settings, sasl_username="jun"))


def test_brokers_and_their_names_are_always_checked() -> None:
    context = client_arguments(KafkaSettings(security_protocol="SSL"))["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_certificates_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(OperatorError, match=r"absent\.pem in PEM for Kafka, but No such file or directory"):
        tls_context(KafkaSettings(tls_ca=str(tmp_path / "absent.pem")))
    with pytest.raises(OperatorError, match=r"empty\.pem in PEM for Kafka, but .*: see that kafka\.tls_ca"):
        tls_context(KafkaSettings(tls_certificate=str(tmp_path / "empty.pem")))


def test_a_topic_has_the_prefix_of_the_settings() -> None:
    assert topic_name(TopicSettings(prefix="org."), "events") == "org.events"


@pytest.mark.parametrize(
    ("error", "remedy", "retry"),
    [
        (UnknownTopicOrPartitionError(), "run `jun topics`", True),
        (MessageSizeTooLargeError(), "split it", False),
        (NotEnoughReplicasError(), "bring the missing brokers back", True),
        (SaslAuthenticationFailed(), "see kafka.sasl_mechanism", False),
        (AuthenticationFailedError(), "see kafka.sasl_mechanism", False),
        (UnsupportedSaslMechanismError(), "see kafka.sasl_mechanism", False),
        (KafkaTimeoutError(), "see that the brokers run", True),
        (TimeoutError(), "see that the brokers run", True),
        (ConnectionRefusedError(111, "refused"), "see that the brokers run", True),
        (ssl.SSLError(1, "wrong version"), "see kafka.tls_ca", False),
        (TopicAuthorizationFailedError(), "grant", False),
        (KafkaError(), "look that up", False),
    ],
)
def test_errors_say_what_to_do_and_whether_to_try_again(error: Exception, remedy: str, *, retry: bool) -> None:
    told = failure(error, "to write")
    assert str(told).startswith("wanted to write, but ")
    assert remedy in told.remedy
    assert told.retry is retry
    assert told.kafka_error is type(error)


def test_other_errors_pass_as_they_are() -> None:
    with pytest.raises(ZeroDivisionError), plain_errors("to count"):
        _ = 1 / 0
    with pytest.raises(KafkaFailedError, match="wanted to count, but"), plain_errors("to count"):
        raise KafkaError


@pytest.mark.end_to_end
async def test_everything_written_is_acknowledged_and_there_once(kafka: str, topic_prefix: str) -> None:
    settings, layout = KafkaSettings(bootstrap_servers=kafka), TopicSettings(prefix=topic_prefix, partitions=1)
    await ensure_topics(settings, layout)
    values = [str(number).encode() for number in range(5000)]
    await write(settings, topic_prefix + "events", values)
    assert await read_all(settings, topic_prefix + "events") == values


@pytest.mark.end_to_end
async def test_a_record_as_large_as_the_topics_take_is_written_and_a_larger_one_told(
    kafka: str, topic_prefix: str
) -> None:
    settings, layout = KafkaSettings(bootstrap_servers=kafka), TopicSettings(prefix=topic_prefix, partitions=1)
    await ensure_topics(settings, layout)
    topic = topic_prefix + "region-state"
    overhead = 61 + 21 + 1 + 4 + 1  # header of the batch, the most of a record's, lengths of key, value and headers
    async with make_producer(settings) as producer:
        await producer.send_and_wait(topic, os.urandom(MAXIMUM_BYTES - overhead), key=b"")
        with (
            pytest.raises(KafkaFailedError, match=r"a record has more than the 8388608 bytes .*split it") as told,
            plain_errors(f"to write to {topic}"),
        ):
            await producer.send_and_wait(topic, os.urandom(MAXIMUM_BYTES - overhead + 1), key=b"")
    assert not told.value.retry
    assert [len(value) for value in await read_all(settings, topic)] == [MAXIMUM_BYTES - overhead]


class Secured(NamedTuple):
    """A broker that wants a login and a client's certificate, and the settings with which it is content."""

    settings: KafkaSettings
    authority: Authority
    plain: str


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Start it, with the user `jun` for PLAIN and for SCRAM-SHA-512."""
    if not shutil.which("openssl"):
        pytest.skip("openssl makes the certificates")
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder / "authority")
    certificate, key = authority.leaf("broker")
    (folder / "broker.pem").write_text(key.read_text() + certificate.read_text())
    (folder / "password").write_text(PASSWORD)
    plain, secure, controller = free_ports(3)
    login = "org.apache.kafka.common.security"
    more = {
        "listeners": f"PLAINTEXT://127.0.0.1:{plain},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{plain},SECURE://127.0.0.1:{secure}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.name.secure.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "listener.name.secure.plain.sasl.jaas.config": (
            f'{login}.plain.PlainLoginModule required user_jun="{PASSWORD}";'
        ),
        "listener.name.secure.scram-sha-512.sasl.jaas.config": f"{login}.scram.ScramLoginModule required;",
        "listener.name.secure.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "broker.pem"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority.certificate),
    }
    client, client_key = authority.leaf("client")
    settings = KafkaSettings(
        bootstrap_servers=f"127.0.0.1:{secure}",
        security_protocol="SASL_SSL",
        sasl_username="jun",
        sasl_password=Secret(file=str(folder / "password")),
        tls_ca=str(authority.certificate),
        tls_certificate=str(client),
        tls_key=str(client_key),
    )
    with EmbeddedBroker(folder / "kafka", node=Node(plain, {1: controller}), more=more, start_timeout=180) as broker:
        add_scram_user(broker.bootstrap)
        yield Secured(settings, authority, broker.bootstrap)


def add_scram_user(bootstrap: str) -> None:
    """Let `jun` log in by SCRAM, by Kafka's own tool: aiokafka can't."""
    jars = os.pathsep.join(map(str, class_path()))
    subprocess.run(
        [str(find_java()), "-cp", jars, "kafka.admin.ConfigCommand", "--bootstrap-server", bootstrap, "--alter",
         "--entity-type", "users", "--entity-name", "jun", "--add-config", f"SCRAM-SHA-512=[password={PASSWORD}]"],
        check=True, capture_output=True,
    )  # fmt: skip


@pytest.mark.end_to_end
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_a_login_over_tls_with_both_certificates_works(secured: Secured, mechanism: str) -> None:
    settings = structs.replace(secured.settings, sasl_mechanism=mechanism)
    await ensure_topics(settings, TopicSettings(prefix=mechanism, partitions=1))
    async with make_producer(settings) as producer:
        sent = await producer.send_and_wait(mechanism + "events", b"hello")
    assert sent.offset == 0


@pytest.mark.end_to_end
async def test_what_is_fetched_over_tls_is_received_in_place(secured: Secured) -> None:
    await ensure_topics(secured.settings, TopicSettings(prefix="tls-", partitions=1))
    values = [bytes([number]) * 100_000 for number in range(1, 20)]
    async with make_producer(secured.settings) as producer:
        for value in values:
            await producer.send_and_wait("tls-events", value)
    consumer = AIOKafkaConsumer(**client_arguments(secured.settings))
    receive_in_place(consumer)
    await consumer.start()
    try:
        place = TopicPartition("tls-events", 0)
        consumer.assign([place])
        await consumer.seek_to_beginning()
        got: list[bytes | None] = []
        async with asyncio.timeout(30):
            while len(got) < len(values):
                got += [value for run in (await fetch_runs(consumer, wait=1.0)).values() for value in run.values]
        receiving = [connection._writer.transport.get_protocol() for connection in consumer._client._conns.values()]
    finally:
        await consumer.stop()
    assert got == values
    assert any(isinstance(protocol, Receiver) for protocol in receiving)


@pytest.mark.end_to_end
async def test_a_wrong_password_is_told_without_showing_it(secured: Secured, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("battery-staple")
    for mechanism in ("PLAIN", "SCRAM-SHA-512"):
        settings = structs.replace(
            secured.settings, sasl_mechanism=mechanism, sasl_password=Secret(file=str(tmp_path / "wrong"))
        )
        with pytest.raises(KafkaFailedError, match="the login was refused") as told:
            await start_client(make_producer(settings), settings)
        assert not told.value.retry
        assert "battery-staple" not in str(told.value)


@pytest.mark.end_to_end
async def test_a_broker_that_another_authority_vouches_for_is_not_believed(secured: Secured, tmp_path: Path) -> None:
    other = Authority(tmp_path / "other")
    settings = structs.replace(secured.settings, tls_ca=str(other.certificate))
    with pytest.raises(KafkaFailedError, match="the broker's certificate is not good") as told:
        await start_client(make_producer(settings), settings)
    assert not told.value.retry


@pytest.mark.end_to_end
async def test_a_plain_client_of_a_secured_broker_is_told_what_may_be_missing(secured: Secured) -> None:
    settings = KafkaSettings(bootstrap_servers=secured.settings.bootstrap_servers)
    with pytest.raises(KafkaFailedError, match="whether they want SASL or TLS"):
        await start_client(AIOKafkaAdminClient(**client_arguments(settings)), settings)


@pytest.mark.end_to_end
async def test_tls_to_a_plain_broker_is_told(secured: Secured) -> None:
    settings = structs.replace(secured.settings, bootstrap_servers=secured.plain)
    with pytest.raises(KafkaFailedError, match="wanted Kafka at"):
        await start_client(make_producer(settings), settings)
