"""How every part of Jun speaks to Kafka: arguments of aiokafka's clients, the producer, the topics' names, errors."""

from __future__ import annotations

import math
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedSaslMechanismError,
)

from schemas.topics import MAXIMUM_BYTES
from streams.errors import OperatorError
from streams.secrets import read_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.config import KafkaSettings, TopicSettings

LINGER_MS: Final = 10
"""How long a batch waits for more: a tenth of what a person notices, and tens of records a batch under load."""
BATCH_BYTES: Final = 256 << 10
BACKOFF_MS: Final = 250
LOGIN: Final = "see kafka.sasl_mechanism, kafka.sasl_username and kafka.sasl_password"


class KafkaFailedError(OperatorError):
    """Kafka refused something or did not answer; `kafka_error` is the class that aiokafka gives it."""

    def __init__(self, wanted: str, came: str, remedy: str, *, retry: bool, kafka_error: type[BaseException]) -> None:
        super().__init__(wanted, came, remedy, retry=retry)
        self.kafka_error = kafka_error


def topic_name(settings: TopicSettings, name: str) -> str:
    """Give the name in Kafka of the topic `name` of schemas.topics."""
    return settings.prefix + name


def client_arguments(settings: KafkaSettings) -> dict[str, Any]:
    """Give the arguments that all of aiokafka's clients have in common: where the brokers are and how to log in.

    Reads the password and the certificates; raises OperatorError where they can't be had.
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": [server.strip() for server in settings.bootstrap_servers.split(",") if server.strip()],
        "security_protocol": settings.security_protocol,
        "retry_backoff_ms": BACKOFF_MS,
    }
    if settings.security_protocol in {"SSL", "SASL_SSL"}:
        arguments["ssl_context"] = tls_context(settings)
    if settings.security_protocol in {"SASL_PLAINTEXT", "SASL_SSL"}:
        if not settings.sasl_username:
            raise OperatorError(
                f"a user for {settings.security_protocol}", "kafka.sasl_username is empty", "name the user there",
                retry=False,
            )  # fmt: skip
        arguments["sasl_mechanism"] = settings.sasl_mechanism
        arguments["sasl_plain_username"] = settings.sasl_username
        arguments["sasl_plain_password"] = read_secret(settings.sasl_password, wanted_for="kafka.sasl_password")
    return arguments


def tls_context(settings: KafkaSettings) -> ssl.SSLContext:
    """Make the TLS context: brokers' names and certificates are always checked."""
    named = [name for name in (settings.tls_ca, settings.tls_certificate, settings.tls_key) if name]
    try:
        context = ssl.create_default_context(cafile=settings.tls_ca or None)
        if settings.tls_certificate:
            # an encrypted key gets an empty password, and so an error instead of a question on the terminal
            context.load_cert_chain(settings.tls_certificate, settings.tls_key or None, password="")
    except (OSError, ValueError) as error:
        raise OperatorError(
            f"the certificates {', '.join(named)} in PEM for Kafka",
            getattr(error, "strerror", None) or "they can't be used",
            "see that kafka.tls_ca, kafka.tls_certificate and kafka.tls_key name readable files that belong together",
            retry=False,
        ) from error
    return context


def make_producer(settings: KafkaSettings, **more: Any) -> AIOKafkaProducer:
    """Make the producer that everyone uses: all in-sync copies acknowledge, and a repeated request is written once.

    Must be called in the running event loop. `more` are arguments of AIOKafkaProducer over ours. While Kafka is away
    a sent record waits, however long that takes: whoever sends must look how much is waiting.
    """
    arguments: dict[str, Any] = {
        **client_arguments(settings),
        "acks": "all",
        "enable_idempotence": True,
        "linger_ms": LINGER_MS,
        "max_batch_size": BATCH_BYTES,
        "max_request_size": MAXIMUM_BYTES,
        **more,
    }
    producer = AIOKafkaProducer(**arguments)
    if arguments["enable_idempotence"]:
        # Else a record that waits for longer than a request may take fails as soon as its partition has no leader.
        producer._message_accumulator._batch_ttl = math.inf  # noqa: SLF001 (there is no setting for it)
    return producer


async def start_client(client: Any, settings: KafkaSettings) -> None:
    """Start any of aiokafka's clients; raises KafkaFailedError with the reason where no broker can be reached."""
    try:
        await client.start()
    except KafkaError as error:
        await (client.close() if hasattr(client, "close") else client.stop())
        if not isinstance(error, KafkaConnectionError):
            raise failure(error, "to start a client of Kafka") from error
        cause = await why_unreachable(settings)
        raise failure(cause or error, f"Kafka at {settings.bootstrap_servers}") from error


async def why_unreachable(settings: KafkaSettings) -> Exception | None:
    """Try the brokers one by one, as a client's start does, and give the last one's error; None where one answers.

    aiokafka itself only says that none could be reached.
    """
    arguments = client_arguments(settings)
    del arguments["retry_backoff_ms"]
    cause: Exception | None = None
    for host, port, _ in collect_hosts(arguments.pop("bootstrap_servers"), randomize=False):
        try:
            connection = await create_conn(host, port, **arguments)
        except (OSError, TimeoutError, KafkaError) as error:
            cause = error
        else:
            connection.close()
            return None
    return cause


@contextmanager
def plain_errors(wanted: str) -> Iterator[None]:
    """Turn the errors that aiokafka raises in the block into KafkaFailedError."""
    try:
        yield
    except KafkaError as error:
        raise failure(error, wanted) from error


def failure(error: Exception, wanted: str) -> KafkaFailedError:
    """Say `error` of aiokafka, or of a connection to Kafka, in one sentence."""
    came, remedy = next(
        ((came, remedy) for kind, came, remedy in _KNOWN if isinstance(error, kind)),
        (f"Kafka answered {type(error).__name__}", "look that up in Kafka's documentation and read the broker's log"),
    )
    if isinstance(error, ssl.SSLCertVerificationError):
        came = f"the broker's certificate is not good: {error.verify_message}"
    elif isinstance(error, OSError) and str(error):
        came = f"{came} ({error})"
    if isinstance(error, KafkaError):
        passing = error.retriable or isinstance(error, KafkaTimeoutError)
    else:
        passing = isinstance(error, OSError) and not isinstance(error, ssl.SSLError)
    return KafkaFailedError(wanted, came, remedy, retry=passing, kafka_error=type(error))


_KNOWN: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (AuthenticationFailedError, "the login was refused", LOGIN),
    (SaslAuthenticationFailed, "the login was refused", LOGIN),
    (UnsupportedSaslMechanismError, "the broker does not know kafka.sasl_mechanism", LOGIN),
    (TopicAuthorizationFailedError, "the login may not use that topic", "grant it read and write of Jun's topics"),
    (GroupAuthorizationFailedError, "the login may not use that group", "grant it read of Jun's consumer groups"),
    (ClusterAuthorizationFailedError, "the login may not do that", "grant it create and alter of Jun's topics"),
    (MessageSizeTooLargeError, f"a record has more than the {MAXIMUM_BYTES} bytes of a topic", "split it"),
    (UnknownTopicOrPartitionError, "there is no such topic", "run `jun topics`"),
    (NotEnoughReplicasError, "too few copies are in sync", "bring the missing brokers back"),
    (NotEnoughReplicasAfterAppendError, "too few copies are in sync", "bring the missing brokers back"),
    (KafkaTimeoutError, "there was no answer in time", "see that the brokers run and their leaders are elected"),
    (ssl.SSLError, "TLS could not be agreed on", "see kafka.tls_ca and that the broker speaks TLS on that port"),
    (TimeoutError, "there was no answer in time", "see that the brokers run and can be reached from here"),
    (OSError, "no connection could be made", "see that the brokers run and kafka.bootstrap_servers names them"),
    (KafkaConnectionError, "the connection broke", "see that the brokers run, and whether they want SASL or TLS"),
)
