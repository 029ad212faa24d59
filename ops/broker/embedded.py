"""An Apache Kafka of our own: one node in KRaft mode, as a child process that never outlives us."""

from __future__ import annotations

import os
import shutil
import threading
import time
from typing import TYPE_CHECKING, Final, Self

from ops.broker.diagnosis import Logs, diagnose
from ops.broker.jars import class_path
from ops.broker.java import find_java
from ops.broker.lock import take_lock
from ops.broker.ports import PortInUseError, brokers_known, free_ports, require_free
from ops.broker.process import Child
from ops.broker.settings import (
    HOST,
    JVM,
    Node,
    as_properties,
    java_options,
    logging_properties,
    new_cluster_id,
    properties,
)
from streams.errors import OperatorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

MINIMUM_FREE: Final = 512 << 20
"""Free bytes that a broker wants before it starts: some segments of each topic, and time to notice."""
LOOK_EVERY_SECONDS: Final = 0.05
PORT_TRIES: Final = 3


class EmbeddedBroker:
    """A broker whose data, settings and log are in `folder`; what it has written outlasts a restart.

    `port` 0 takes a free one, and keeps it in later starts of this object. `jvm` are options of the Java Virtual
    Machine instead of settings.JVM, `more` Kafka's properties over settings.properties. A broker that is one of
    several gets its `node` and their common `cluster` id. Time-outs are in seconds, `minimum_free` is in bytes.
    """

    def __init__(  # noqa: PLR0913 - settings with defaults, all but two by name only
        self,
        folder: Path,
        port: int = 0,
        *,
        java: str = "",
        jvm: Sequence[str] = JVM,
        more: Mapping[str, str] | None = None,
        minimum_free: int = MINIMUM_FREE,
        start_timeout: float = 60,
        stop_timeout: float = 30,
        node: Node | None = None,
        cluster: str | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / "log" / "broker.log"
        self._output = self.folder / "log" / "java.log"
        self._data = self.folder / "data"
        self._java, self._jvm, self._more = java, tuple(jvm), dict(more or {})
        self._minimum_free = minimum_free
        self._start_timeout, self._stop_timeout = start_timeout, stop_timeout
        self._port = node.port if node else port
        self._own_node = node
        self._cluster = cluster or new_cluster_id()
        self._child: Child | None = None
        self._lock: int | None = None
        self._logs = Logs()
        self._failure: OperatorError | None = None
        self._mutex = threading.Lock()
        self._told_to_end = False

    @property
    def port(self) -> int:
        """The port that it listens on; 0 before the first start of a broker that takes a free one."""
        return self._port

    @property
    def bootstrap(self) -> str:
        """Where clients reach it: host:port."""
        return f"{HOST}:{self._port}"

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._child.process.pid if self._child and self._child.process.poll() is None else None

    def poll(self) -> int | None:
        """Give None while it runs or was never started, else its exit code (negative for a signal)."""
        return self._child.process.poll() if self._child else None

    def start(self) -> Self:
        """Start it and wait until it answers; raises OperatorError with the reason where it can't.

        Another thread may call `stop` or `kill` meanwhile, which ends the start too.
        """
        if self.pid is not None:
            return self
        with self._mutex:
            self._told_to_end = False
        self._release()
        self._failure = None
        try:
            java, jars = find_java(self._java), class_path()
            self._prepare_folder()
            self._lock = take_lock(self.folder)
            command = [str(java), *java_options(self.folder, self._jvm), "-cp", os.pathsep.join(map(str, jars))]
            self._try_ports(command)
        except OSError as error:
            self.kill()
            self._failure = self._unusable(error)
            raise self._failure from error
        except BaseException as error:
            self.kill()
            self._failure = error if isinstance(error, OperatorError) else None
            raise
        return self

    def stop(self) -> bool:
        """Let it write everything and end, or kill it after the time-out; tells whether it ended by itself."""
        with self._mutex:
            self._told_to_end = True
        ended = self._child.end(self._stop_timeout) if self._child else True
        self._release()
        return ended

    def kill(self) -> None:
        """End it at once, as a crash would."""
        with self._mutex:
            self._told_to_end = True
        if self._child:
            self._child.kill()
        self._release()

    def failure(self) -> OperatorError:
        """Say why it could not be started, or why it has ended, from what it last wrote."""
        return self._failure or diagnose(
            self._logs.text(), self.poll(), port=self._port, folder=self.folder, log=self.log
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _release(self) -> None:
        with self._mutex:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _prepare_folder(self) -> None:
        if "," in str(self.folder):
            raise OperatorError(
                "a folder for the embedded broker", f"{self.folder} has a comma in it, at which Kafka splits names",
                "name another one in state.folder", retry=False,
            )  # fmt: skip
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
        for name in ("log", "tmp", "data"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self.folder).free
        if free < self._minimum_free:
            raise OperatorError(
                f"{self._minimum_free >> 20} MiB free for the embedded broker in {self.folder}",
                f"{free >> 20} MiB are free",
                "make room there, or name another folder in state.folder",
                retry=False,
            )

    def _unusable(self, error: OSError) -> OperatorError:
        return OperatorError(
            f"to keep the embedded broker's files in {self.folder}",
            error.strerror or str(error),
            "make it writable with room enough, or name another folder in state.folder",
            retry=False,
        )

    def _try_ports(self, command: list[str]) -> None:
        """Format and run it, with other ports where another program takes one that we chose in the meantime."""
        for left in reversed(range(PORT_TRIES)):
            node = self._own_node or Node(self._port or free_ports(1)[0], {1: free_ports(1)[0]})
            require_free(node.port)
            self._write_settings(node)
            try:
                self._format(command)
                self._run(command, node)
            except PortInUseError as error:
                if not left or self._own_node or error.port == self._port:
                    raise
            else:
                self._port = node.port
                return

    def _write_settings(self, node: Node) -> None:
        files = {
            "server.properties": as_properties(properties(node, self._data, self._more)),
            "log4j2.properties": logging_properties(self.log),
        }
        for name, text in files.items():
            (self.folder / name).write_text(text, "ascii")

    def _format(self, command: list[str]) -> None:
        """Prepare an empty data folder, which Kafka wants done by a program of its own."""
        if (self._data / "meta.properties").exists():
            return
        arguments = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "--cluster-id", self._cluster]
        child = self._launch([*command, *arguments, "--config", str(self.folder / "server.properties")])
        if child.ended_within(self._start_timeout) != 0:
            raise self.failure()

    def _run(self, command: list[str], node: Node) -> None:
        child = self._launch([*command, "kafka.Kafka", str(self.folder / "server.properties")])
        end = time.monotonic() + self._start_timeout
        while not brokers_known(node.port):
            if time.monotonic() > end or child.ended_within(LOOK_EVERY_SECONDS) is not None:
                raise self.failure()

    def _launch(self, command: list[str]) -> Child:
        with self._mutex:
            if self._told_to_end or self._lock is None:
                raise OperatorError("to start the embedded broker", "it was told to end", "start it again", retry=True)
            self._logs = Logs(self._output, self.log)
            with self._output.open("ab") as output:
                self._child = Child(command, output, [self._lock])
            return self._child
