"""The embedded broker: Apache Kafka itself, as a child process."""

from ops.broker.configured import configured_broker
from ops.broker.embedded import EmbeddedBroker

__all__ = ["EmbeddedBroker", "configured_broker"]
