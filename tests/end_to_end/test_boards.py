"""Every query of every board, answered by a real Prometheus that scrapes the real exporter under the shipped rules."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
import time
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from ops.prometheus.rules import documents
from ops.topics import ensure_topics
from schemas.activity import CAMPAIGN_PREFIX, WHOLE, SourceState
from schemas.deadletter import DeadLetter
from schemas.events import KINDS
from schemas.regions import RegionStatus, Transition
from tests.support.alerting import QUICK
from tests.support.boards import queries
from tests.support.exporter import Line
from tests.support.programs import Prometheus, prometheus, wait_for
from tests.support.statuses import status, window

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(300)]

DAY = 86_400
TODAY = dt.datetime.now(dt.UTC).date()
CONFIG = f"""
[[source]]
kind = "simulated"
name = "chat"
[[campaign]]
name = "spring"
title = "Spring"
tags = ["spring"]
start = {TODAY - dt.timedelta(days=10)}
end = {TODAY + dt.timedelta(days=20)}
goal = {{ people = 1000 }}
"""


def of_round(number: int, region: str) -> RegionStatus:
    """A region in which more has happened with each round; the north is silent."""
    now = int(time.time() * 1000)
    windows = {WHOLE: window(40), f"{CAMPAIGN_PREFIX}spring": window(30), "picnic": window(20)}
    return structs.replace(
        status(region, windows=windows, clock=now, watermark=now - 60_000, since=now - 3_600_000, last_event_at=now),
        verdict="silent" if region == "north" else "active",
        events_total=dict.fromkeys(KINDS, 100 + 10 * number),
        sources={"chat": SourceState("ok", since=now - DAY * 1000, complete_to=now - 1000)},
        duplicates=10 * number,
        late=10 * number,
        too_late=10 * number,
    )


async def play(line: Line, rounds: range) -> None:
    """Publish what a worker would: statuses, changes of verdict, refused inputs."""
    for number in rounds:
        for region in ("north", "south", "east"):
            await line.send("regions", (region, of_round(number, region)))
        change = Transition(
            region="north", at=int(time.time() * 1000), old="active", new="silent", reason="nothing came"
        )
        await line.send("alerts", ("north", change))
        letter = DeadLetter(source="chat", reason="not_json", detail="", place="", at=change.at, size=3)
        await line.send("deadletter", ("chat", letter))


@pytest.fixture(scope="module")
def server(kafka: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("boards")
    line = Line(kafka, f"boards-{folder.name}-", folder, CONFIG)
    asyncio.run(ensure_topics(line.config.kafka, line.config.topics))
    asyncio.run(play(line, range(1, 2)))
    for name, text in documents(QUICK).items():
        (folder / name).write_text(text, encoding="utf-8")
    with line.exporter() as address:
        config = (
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{folder}/jun.yml']\n"
            f"scrape_configs: [{{job_name: jun, static_configs: [{{targets: ['{address.removeprefix('http://')}']}}]}}]\n"
        )
        with prometheus(folder / "prometheus", config) as running:
            wait_for(lambda: running.query("jun:regions:count"), "the first rules")
            asyncio.run(play(line, range(2, 4)))
            wait_for(lambda: running.query('ALERTS{alertname="JunRegionSilent", alertstate="firing"}'), "an alert")
            wait_for(lambda: running.query("max(increase(jun_dead_letters_total[1m])) > 0"), "what rises to rise")
            yield running


def test_every_query_gives_data(server: Prometheus) -> None:
    empty = [asked.place for asked in queries() if not server.query(asked.promql)]
    assert not empty


def test_what_is_chosen_is_found_in_the_text_that_grafana_makes_of_a_result(server: Prometheus) -> None:
    wanted = {"region": {("north", "north"), ("south", "south"), ("east", "east")}, "campaign": {("spring", "Spring")}}
    for name, metric in (("region", "jun_region_info"), ("campaign", "jun_campaign_info")):
        texts = [
            "{" + ", ".join(f'{label}="{value}"' for label, value in labels) + "} 1"
            for labels in server.query(f"max by ({name}, title) ({metric})")
        ]
        pattern = re.compile(rf'{name}="(?P<value>[^"]+)".*title="(?P<text>[^"]+)"')
        assert {(found["value"], found["text"]) for text in texts if (found := pattern.search(text))} == wanted[name]


def test_the_grid_has_the_silent_region_first(server: Prometheus) -> None:
    tiles = next(one for one in queries() if "most urgent first" in one.place)
    result = server.get("query", query=tiles.promql)["result"]
    found = [(one["metric"]["region"], one["value"][1]) for one in result]
    assert found[0] == ("north", "6")
    assert {code for _, code in found[1:]} == {"1"}
