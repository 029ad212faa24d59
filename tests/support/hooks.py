"""A webhook receiver on the loopback that keeps what it gets, and can refuse it or keep the sender waiting."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

from tests.support.programs import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable


class Hooks:
    """The receiver; `answer` gives the HTTP status of the next answer, and may take its time."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.answer: Callable[[], int] = lambda: 200
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hooks.at.append(time.monotonic())
                hooks.got.append(json.loads(body))
                status = hooks.answer()
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((LOCAL, 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """Where it listens: host and port."""
        return f"{LOCAL}:{self._server.server_port}"

    @property
    def titles(self) -> list[str]:
        """The titles of what came."""
        return [one["title"] for one in self.got]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
