from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from ops.config import load
from ops.health import health
from ops.supervision.plans import plans
from schemas.config import HealthSettings
from streams.errors import OperatorError
from streams.standing import Standing
from tests.support.programs import fetch, free_port

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_process_is_healthy_at_once_and_ready_when_nothing_is_in_the_way() -> None:
    standing = Standing()

    async def asked(path: str) -> tuple[int, str]:
        return await asyncio.to_thread(fetch, address + path)

    async with health(HealthSettings(port=free_port()), standing.why_not) as address:
        assert await asked("/-/healthy") == (200, "healthy\n")
        assert await asked("/-/ready") == (503, "not ready: it is starting\n")
        standing.look = lambda: ""
        assert await asked("/-/ready") == (200, "ready\n")
        standing.look = lambda: "Kafka does not answer"
        assert await asked("/-/ready") == (503, "not ready: Kafka does not answer\n")


async def test_without_a_port_nothing_listens() -> None:
    async with health(HealthSettings(), lambda: "") as address:
        assert address == ""


async def test_a_taken_port_is_told_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = HealthSettings(port=other.getsockname()[1])
        with pytest.raises(OperatorError, match=r"set another one in health\.port"):
            async with health(settings, lambda: ""):
                pass


def test_the_processes_of_jun_up_count_up_from_the_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load(environ={})

    def ports(port: int) -> list[str | None]:
        config = structs.replace(loaded.config, health=HealthSettings(port=port))
        made = plans(replace(loaded, config=config), {})
        return [plan.environment.get("JUN_HEALTH__PORT") for group in made for plan in group]

    assert ports(0) == [None, None, None]
    assert ports(9470) == ["9470", "9471", "9472"]
