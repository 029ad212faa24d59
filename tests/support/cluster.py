"""A cluster of embedded brokers on this machine, of which single ones can be killed and started again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Self

from ops.broker import EmbeddedBroker
from ops.broker.ports import brokers_known, free_ports
from ops.broker.settings import Node, new_cluster_id
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

NODES = 3


class EmbeddedCluster:
    """Three brokers that are controllers too: replication 3, and 2 must be in sync.

    `nodes` has them by their ids 1 to 3, as Kafka's metadata names them. One may be away, with two the cluster stops.
    """

    def __init__(self, folder: Path, *, start_timeout: float = 240) -> None:
        ports = free_ports(2 * NODES)
        controllers = dict(enumerate(ports[NODES:], 1))
        cluster = new_cluster_id()
        self._timeout = start_timeout
        self.nodes = {
            number: EmbeddedBroker(
                folder / f"node-{number}",
                node=Node(port, controllers, id=number),
                cluster=cluster,
                jvm=("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m"),
                start_timeout=start_timeout,
            )
            for number, port in enumerate(ports[:NODES], 1)
        }

    @property
    def bootstrap(self) -> str:
        """Where clients reach the brokers, running or not: host:port, comma separated."""
        return ",".join(node.bootstrap for node in self.nodes.values())

    def start(self) -> Self:
        """Start all brokers, none of which can work alone, and wait until each knows all."""
        with ThreadPoolExecutor(NODES) as pool:
            list(pool.map(EmbeddedBroker.start, self.nodes.values()))
        self._until_all_know(NODES)
        return self

    def stop(self) -> None:
        """Stop all brokers at once: the last one could not finish without the others."""
        with ThreadPoolExecutor(NODES) as pool:
            list(pool.map(EmbeddedBroker.stop, self.nodes.values()))

    def kill(self, number: int) -> None:
        """End one broker at once, as a crash would; returns when the others know."""
        self.nodes[number].kill()
        self._until_all_know(len(self._running()))

    def restart(self, number: int) -> None:
        """Start one broker again; returns when all know it."""
        self.nodes[number].start()
        self._until_all_know(len(self._running()))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _running(self) -> list[EmbeddedBroker]:
        return [node for node in self.nodes.values() if node.pid is not None]

    def _until_all_know(self, count: int) -> None:
        wait_until(
            lambda: all(brokers_known(node.port) == count for node in self._running()),
            f"each broker to know {count}",
            within=self._timeout,
        )
