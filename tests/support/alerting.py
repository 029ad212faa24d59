"""A real Prometheus and a real Alertmanager over an exporter whose regions the test moves as it likes."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import threading
import time
from typing import TYPE_CHECKING, Any, Self

from aiohttp import web
from msgspec import Struct, structs

from ops.alertmanager import routes
from ops.alertmanager.routes import Pace
from ops.exporter.serve import answering
from ops.prometheus.rules import documents
from ops.prometheus.thresholds import Thresholds
from schemas.activity import WHOLE, SourceState
from schemas.directory import Directory
from tests.support.programs import LOCAL, Prometheus, free_port, need, prometheus, running, wait_for
from tests.support.statuses import known, status, window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from schemas.regions import RegionStatus, Verdict

QUICK = Thresholds(interval=1, notice=2, region=4, hold=4, stalled=20, stalled_for=5)
QUICK_PACE = Pace(wait=2, gather=4, repeat_page=3600)
"""As shipped, with seconds for minutes."""


class Message(Struct, frozen=True):
    """What a receiver got: when (seconds of the monotonic clock), whether anything still fires, and about what."""

    at: float
    receiver: str
    status: str
    alerts: tuple[tuple[str, str, str], ...]
    """Name, region or source, status of each alert."""


class Stage:
    """The line as the exporter shows it, in a thread of its own; every half second its clock moves with the world's."""

    def __init__(self, *regions: str) -> None:
        self.port = free_port()
        self.hooks = free_port()
        self.messages: list[Message] = []
        self._known = known(*regions)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._stop_serving: asyncio.Event | None = None
        self._statuses: dict[str, RegionStatus] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self.set(dict.fromkeys(regions, "active"))

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def set(self, verdicts: dict[str, Verdict], *, source: str = "ok", held_until: int = 0) -> None:
        """Give regions a verdict, and the one source that feeds these regions a state; a silence may be held back."""
        for name, verdict in verdicts.items():
            feed = {f"feed-{name[0]}": SourceState(status=source, since=1, complete_to=1)}  # type: ignore[arg-type]
            made = status(name, verdict=verdict, windows={WHOLE: window()}, sources=feed)
            made = structs.replace(made, evidence=structs.replace(made.evidence, held_until=held_until))
            self._statuses = {**self._statuses, name: made}

    def serve(self, *, on: bool) -> None:
        """Start or stop to answer scrapes."""
        self._run(self._serve(on=on))

    def about(self, name: str) -> list[Message]:
        """Give the messages that have an alert of this name."""
        return [message for message in self.messages if any(alert[0] == name for alert in message.alerts)]

    def _run(self, coroutine: Any) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    async def _start(self) -> None:
        hooks = web.Application()
        hooks.router.add_post("/{receiver}", self._hook)
        self._runner = web.AppRunner(hooks, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, LOCAL, self.hooks).start()
        self._tasks.append(asyncio.create_task(self._tick()))
        await self._serve(on=True)

    async def _end(self) -> None:
        await self._serve(on=False)
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._runner.cleanup()

    async def _serve(self, *, on: bool) -> None:
        if on:
            self._stop_serving = asyncio.Event()
            started = asyncio.Event()
            self._serving = asyncio.create_task(self._page(started, self._stop_serving))
            await started.wait()
        elif self._stop_serving:
            self._stop_serving.set()
            self._stop_serving = None
            await self._serving

    async def _page(self, started: asyncio.Event, stop: asyncio.Event) -> None:
        async with answering(self._known, LOCAL, self.port):
            started.set()
            await stop.wait()

    async def _tick(self) -> None:
        while True:
            now = int(time.time() * 1000)
            silent = all(made.verdict == "silent" for made in self._statuses.values())
            moved = {"clock": now, "watermark": now - 1000, "everything_silent_since": now if silent else 0}
            for name, made in self._statuses.items():
                self._known.take_status(name, structs.replace(made, **moved))
            await asyncio.sleep(0.5)

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.json()
        alerts = tuple(
            (one["labels"]["alertname"], one["labels"].get("region") or one["labels"].get("source", ""), one["status"])
            for one in body["alerts"]
        )
        self.messages.append(Message(time.monotonic(), request.match_info["receiver"], body["status"], alerts))
        return web.Response()


class Stack:
    """The stage with the programs that watch it."""

    def __init__(self, stage: Stage, server: Prometheus) -> None:
        self.stage = stage
        self.server = server

    def pending_for(self, name: str) -> float:
        """Give for how many seconds the longest alert of this name has been there."""
        ages = self.server.query(f'max(time() - ALERTS_FOR_STATE{{alertname="{name}"}})')
        return next(iter(ages.values()), 0.0)

    def calm(self) -> None:
        """Wait until nothing fires, and forget the messages."""
        wait_for(lambda: not self.server.query("ALERTS"), "an end of all alerts")
        wait_for(self._all_resolved, "a message for every end")
        self.stage.messages.clear()

    def _all_resolved(self) -> bool:
        last = {(alert[0], alert[1]): alert[2] for message in self.stage.messages for alert in message.alerts}
        return "firing" not in last.values()


@contextlib.contextmanager
def stack(folder: Path, *regions: str) -> Iterator[Stack]:
    """Run Prometheus and Alertmanager with the shipped rules and routes, quickened, over a stage of `regions`."""
    need("prometheus", "prometheus-alertmanager")
    address = f"{LOCAL}:{free_port()}"
    with Stage(*regions) as stage:
        shutil.copytree(routes.FOLDER / "templates", folder / "templates")
        file = folder / routes.FILE_NAME
        text = routes.document(Directory(), pace=QUICK_PACE, webhook=f"http://{LOCAL}:{stage.hooks}")
        file.write_text(text, encoding="utf-8")
        for name, rules in documents(QUICK).items():
            (folder / name).write_text(rules, encoding="utf-8")
        alertmanager = [
            "prometheus-alertmanager",
            f"--config.file={file}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address={address}",
            "--cluster.listen-address=",
        ]
        config = (
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{folder}/jun.yml']\n"
            f"alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{address}']}}]}}]}}\n"
            f"scrape_configs: [{{job_name: jun, static_configs: [{{targets: ['{LOCAL}:{stage.port}']}}]}}]\n"
        )
        with (
            running(alertmanager, folder / "alertmanager.log", ready=f"http://{address}/-/ready"),
            prometheus(folder / "prometheus", config) as server,
        ):
            wait_for(lambda: server.query("jun:clock_timestamp_seconds:max"), "the first rules")
            yield Stack(stage, server)


def told(what: str, since: float, stage: Stage, found: Callable[[], list[Message]]) -> Message:
    """Wait for a message and give the first one; prints how long it took from `since`, in the monotonic clock."""
    message: Message = wait_for(found, f"a message, got {stage.messages}")[0]
    print(f"{what} was told after {message.at - since:.1f} s")
    return message
