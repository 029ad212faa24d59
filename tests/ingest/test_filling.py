"""`jun ingest NAME --since`: a source is asked for its past, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from streams.errors import OperatorError
from streams.ingest.filling import fill
from tests.ingest.test_mastodon import Mastodon, identifier, status
from tests.ingest.test_mastodon import make as mastodon
from tests.ingest.test_x import X, post, spent
from tests.ingest.test_x import make as x
from tests.support.ingest import NOW
from tests.support.services import serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.ingest import Bench


async def test_the_past_is_paged_without_heartbeat_or_position_and_through_limits(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = Mastodon()
    server.statuses = [status(NOW - 3_600_000 + number * 1_000, number) for number in range(95)]
    asked = 0

    async def handle(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.Response(status=429, headers={"Retry-After": "0"}) if asked == 2 else await server.handle(request)

    async with serving(handle) as service:
        one = mastodon(bench, service.address, tmp_path)
        assert await fill(one.source, one.intake, NOW - 3_600_000 + 5_000) == "sent 90 statuses"
    assert [event.id for event in one.outlet.events] == [
        one.original(identifier(NOW - 3_600_000 + number * 1_000, number)) for number in range(5, 95)
    ]
    assert one.outlet.heartbeats == []
    assert not (tmp_path / "checkpoints/posts.json").exists()


async def test_what_the_past_costs_is_within_the_cap_and_the_cap_ends_it(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    server = X()
    server.posts = [post(NOW - 60_000 - number) for number in range(300)]
    async with serving(server.handle) as service:
        one = x(bench, service.address, tmp_path, monthly_posts=150)
        with pytest.raises(OperatorError, match="the cap of 150 posts a month is reached") as raised:
            await fill(one.source, one.intake, NOW - 3_600_000)
    assert raised.value.retry
    assert (server.read, spent(tmp_path).posts, len(one.outlet.events)) == (150, 150, 150)


async def test_a_source_that_is_called_says_that_it_has_no_past(bench: Callable[..., Bench]) -> None:
    one = bench(kind="clock")
    with pytest.raises(OperatorError, match="can't be asked for it"):
        await fill(one.source, one.intake, 0)
