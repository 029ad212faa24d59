from __future__ import annotations

import asyncio
import re
import socket
from typing import TYPE_CHECKING

import pytest
from aiohttp import ClientSession

from ops.exporter import home
from ops.exporter.serve import answering
from ops.exporter.web import OPENMETRICS, TEXT, prefers_openmetrics
from schemas.activity import SourceState
from streams.errors import OperatorError
from tests.support.programs import need
from tests.support.statuses import NOW_MS, known, status

if TYPE_CHECKING:
    from ops.exporter.known import Known

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", False),
        ("*/*", False),
        ("text/html,*/*;q=0.8", False),
        (PROMETHEUS_2, True),
        (PROMETHEUS_3, True),
        ("application/openmetrics-text", True),
        ("application/openmetrics-text; version=0.0.1", False),
        ("application/openmetrics-text; version=2.0.0", False),
        ("application/openmetrics-text;q=0.5, text/plain;q=0.5", False),
        ("application/openmetrics-text;q=0.5, text/plain;q=0.4", True),
        ("application/openmetrics-text;q=nonsense", False),
        ("application/openmetrics-text;q=0", False),
    ],
)
def test_the_format_is_the_one_that_the_client_likes_best(accept: str, expected: bool) -> None:
    assert prefers_openmetrics(accept) is expected


@pytest.mark.parametrize(
    ("accept", "kind", "end"), [(PROMETHEUS_2, OPENMETRICS, "# EOF\n"), ("text/plain", TEXT, "\n")]
)
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_the_page_comes_in_the_format_and_encoding_that_was_asked_for(
    accept: str, kind: str, end: str, encoding: str
) -> None:
    data = known("north")
    headers = {"Accept": accept, "Accept-Encoding": encoding}
    async with answering(data, "127.0.0.1", 0) as address, ClientSession() as session:
        answer = await session.get(f"{address}/metrics", headers=headers)
        text = await answer.text()
    assert (answer.status, answer.headers["Content-Type"]) == (200, kind)
    assert answer.headers.get("Content-Encoding", "identity") == encoding
    assert 'jun_region_verdict{region="north",verdict="unknown"} 1.0' in text
    assert text.endswith(end)


async def test_it_is_healthy_at_once_and_ready_when_the_log_has_been_read() -> None:
    data = known("north")
    data.caught_up = False
    async with answering(data, "127.0.0.1", 0) as address, ClientSession() as session:
        before = [(await session.get(address + path)).status for path in ("/-/healthy", "/-/ready")]
        data.note(broker_up=True, caught_up=True)
        after = [(await session.get(address + path)).status for path in ("/-/healthy", "/-/ready")]
        data.note(broker_up=False)
        away = (await session.get(f"{address}/-/ready")).status
    assert (before, after, away) == ([200, 503], [200, 200], 200)


async def test_a_taken_port_is_told_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OperatorError) as raised:
            async with answering(known("north"), "127.0.0.1", port):
                pass
    text = str(raised.value)
    assert f"127.0.0.1:{port}" in text
    assert "in use" in text
    assert "exporter.port" in text
    assert "\n" not in text


def everything() -> Known:
    data = known("north", "south", simulated=True)
    sources = {"chat": SourceState("down", NOW_MS, NOW_MS, "no <heartbeat>")}
    data.take_status("north", status("north", reason="no post for 9 h & 20 min <b>", sources=sources))
    return data


def test_the_page_for_people_tells_every_region_and_source_and_escapes_what_it_quotes() -> None:
    text = home.page(everything(), NOW_MS / 1000)
    assert "9 h &amp; 20 min &lt;b&gt;" in text
    assert "no &lt;heartbeat&gt;" in text
    assert "● active" in text
    assert "? unknown" in text
    assert "simulated" in text
    assert "<td>40</td><td>350</td>" in text
    assert "Thu 19:26 UTC, 60 min" in text


async def test_a_browser_shows_the_most_urgent_region_first_and_has_nothing_to_complain_of() -> None:
    need("chromium")
    data = known("a", "b", "c")
    for name, verdict in (("a", "active"), ("b", "silent"), ("c", "unknown")):
        data.take_status(name, status(name, verdict=verdict, reason="a <b>reason</b>"))
    async with answering(data, "127.0.0.1", 0) as address:
        command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
        process = await asyncio.create_subprocess_exec(
            *command, address, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        dom, said = (text.decode() for text in await asyncio.wait_for(process.communicate(), 60))
    cells = re.findall(r"<td>(?:<b class=\"\w+\">)?([^<]*)", dom)
    assert cells[:18:6] == ["B", "C", "A"]
    assert cells[1:18:6] == ["■ silent", "? unknown", "● active"]
    assert cells[5] == "a &lt;b&gt;reason&lt;/b&gt;"
    assert "CONSOLE" not in said, said


async def test_the_page_for_people_is_served_without_any_script() -> None:
    async with answering(everything(), "127.0.0.1", 0) as address, ClientSession() as session:
        answer = await session.get(address)
        text = await answer.text()
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "<script" not in text
    assert "North" in text


def test_the_page_for_people_says_why_there_is_nothing_yet() -> None:
    data = known("north")
    data.caught_up = False
    assert "still being read" in home.page(data, 0)
    data.broker_up = False
    assert "Kafka does not answer yet" in home.page(data, 0)


def test_the_page_for_people_says_when_kafka_has_gone_and_when_everything_is_silent() -> None:
    data = known("a", "b", "c")
    for name in "abc":
        data.take_status(name, status(name, verdict="silent", everything_silent_since=NOW_MS))
    data.note(broker_up=False)
    text = home.page(data, NOW_MS / 1000 + 90)
    assert "Kafka does not answer" in text
    assert "Everything is silent" in text
    assert "90 s ago" in text
