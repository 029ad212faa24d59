"""A receiver of Prometheus's remote write on the loopback that keeps what it takes, and answers as it is told."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qs, urlparse

import msgspec

from ops.replay import wire
from tests.support.programs import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Answer = tuple[int, str]
TAKEN: Answer = (204, "")


class Receiver:
    """The receiver; `answer` is given the series of a request and gives the HTTP status with a text.

    Of a request that it takes it keeps the samples, all but those for which `drops` says so. Queries it answers with
    the counts and sums of what it keeps.
    """

    def __init__(self) -> None:
        self.requests: list[list[wire.Line]] = []
        self.headers: list[dict[str, str]] = []
        self.kept: dict[tuple[tuple[str, str], ...], dict[int, float]] = {}
        self.answer: Callable[[Sequence[wire.Line]], Answer] = lambda _: TAKEN
        self.drops: Callable[[int], bool] = lambda _: False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                lines = wire.read_body(self.rfile.read(int(self.headers["Content-Length"])))
                receiver.headers.append(dict(self.headers))
                receiver.requests.append(lines)
                status, text = receiver.answer(lines)
                if status == TAKEN[0]:
                    receiver.keep(lines)
                self.give(status, text.encode())

            def do_GET(self) -> None:
                (query,) = parse_qs(urlparse(self.path).query)["query"]
                self.give(200, receiver.totals(query))

            def give(self, status: int, text: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((LOCAL, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def keep(self, lines: Sequence[wire.Line]) -> None:
        """Keep samples; of one time the first stays, as with Prometheus."""
        for line in lines:
            series = self.kept.setdefault(line.labels, {})
            for at, value in zip(line.times, line.values, strict=True):
                if not self.drops(at):
                    series.setdefault(at, value)

    def totals(self, query: str) -> bytes:
        """Answer `count_over_time(NAME{…}[…])` or the sum: only the name is looked at."""
        function, inside = query.split("(", maxsplit=1)
        name = inside.split("{", maxsplit=1)[0].split("[", maxsplit=1)[0]
        result = [
            {
                "metric": dict(labels),
                "value": [0, str(len(samples) if function.startswith("count") else sum(samples.values()))],
            }
            for labels, samples in self.kept.items()
            if dict(labels)["__name__"] == name and samples
        ]
        return msgspec.json.encode({"status": "success", "data": {"resultType": "vector", "result": result}})

    @property
    def url(self) -> str:
        """Where it takes samples."""
        return f"http://{LOCAL}:{self._server.server_port}/api/v1/write"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
