"""From a verdict on the exporter's page to a message: real Prometheus, real Alertmanager, shipped rules and routes.

The times that are printed (`pytest -s`) are those of rules with seconds for minutes: scrape and evaluation each
second, 4 s until a region and 2 s until a cause is told, 2 s to gather.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.support.alerting import QUICK_PACE, Stack, stack, told
from tests.support.programs import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(240)]

REGIONS = tuple(f"{'ab'[number % 2]}-region-{number:02}" for number in range(40))


@pytest.fixture(scope="module")
def running_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with stack(tmp_path_factory.mktemp("alerting"), *REGIONS) as made:
        yield made


@pytest.fixture
def watched(running_stack: Stack) -> Iterator[Stack]:
    """The stack, with every region active and nothing firing before and after the test."""
    running_stack.calm()
    yield running_stack
    running_stack.stage.set(dict.fromkeys(REGIONS, "active"))
    running_stack.calm()


def test_a_silent_region_is_told_once_and_its_return_once(watched: Stack) -> None:
    stage = watched.stage
    began = time.monotonic()
    stage.set({REGIONS[3]: "silent"})
    message = told("a silent region", began, stage, lambda: stage.about("JunRegionSilent"))
    assert message.receiver == "offices"
    assert message.alerts == (("JunRegionSilent", REGIONS[3], "firing"),)
    wait_for(
        lambda: watched.pending_for("JunRegionSilent") > 6 + 3 * QUICK_PACE.gather, "time in which nothing more is told"
    )
    ended = time.monotonic()
    stage.set({REGIONS[3]: "active"})
    last = told("its return", ended, stage, lambda: [one for one in stage.messages if one.status == "resolved"])
    assert last.alerts == (("JunRegionSilent", REGIONS[3], "resolved"),)
    assert stage.messages == [message, last]


def test_a_silence_that_comes_back_within_the_cool_down_is_a_ticket_and_a_page_once_it_lasts_beyond_it(
    watched: Stack,
) -> None:
    stage = watched.stage
    region = REGIONS[7]
    stage.set({region: "silent"})
    wait_for(lambda: stage.about("JunRegionSilent"), "the first silence")
    stage.set({region: "active"})
    wait_for(lambda: stage.messages[-1].status == "resolved", "its end")
    stage.messages.clear()

    began = time.monotonic()
    stage.set({region: "silent"}, held_until=2**52)
    ticket = told("a silence that came back", began, stage, lambda: stage.about("JunRegionSilentAgain"))
    assert ticket.alerts == (("JunRegionSilentAgain", region, "firing"),)
    assert stage.about("JunRegionSilent") == []
    over = time.monotonic()
    stage.set({region: "silent"})
    page = told("that it lasts", over, stage, lambda: stage.about("JunRegionSilent"))
    assert page.alerts == (("JunRegionSilent", region, "firing"),)
    assert page.receiver == "offices"


def test_forty_silent_regions_send_one_page(watched: Stack) -> None:
    stage = watched.stage
    began = time.monotonic()
    stage.set(dict.fromkeys(REGIONS, "silent"))
    message = told("everything silent", began, stage, lambda: stage.about("JunEverythingSilent"))
    assert message.receiver == "operations"
    wait_for(
        lambda: watched.pending_for("JunRegionSilent") > 4 + 3 * QUICK_PACE.gather,
        "region alerts that nobody is told of",
    )
    firing = watched.server.query('count(ALERTS{alertname="JunRegionSilent", alertstate="firing"})')
    assert firing == {(): 40}
    assert stage.messages == [message]


def test_a_dead_source_sends_one_page_and_no_region_is_told_whatever_it_looks_like(watched: Stack) -> None:
    stage = watched.stage
    fed = [name for name in REGIONS if name.startswith("b")]
    began = time.monotonic()
    stage.set(dict.fromkeys(fed[2:], "unknown"), source="down")
    stage.set(dict.fromkeys(fed[:2], "silent"), source="down")  # two that were judged before the source was missed
    message = told("a dead source", began, stage, lambda: stage.about("JunSourceDown"))
    assert message.alerts == (("JunSourceDown", "feed-b", "firing"),)
    wait_for(
        lambda: watched.pending_for("JunRegionSilent") > 4 + 3 * QUICK_PACE.gather,
        "region alerts that nobody is told of",
    )
    assert stage.messages == [message]


def test_a_dead_exporter_is_noticed_and_no_region_is_called_well_meanwhile(watched: Stack) -> None:
    stage = watched.stage
    stage.set({REGIONS[5]: "silent"})
    wait_for(lambda: stage.about("JunRegionSilent"), "the silent region")
    began = time.monotonic()
    stage.serve(on=False)
    message = told("a dead exporter", began, stage, lambda: stage.about("JunExporterDown"))
    assert message.receiver == "operations"
    wait_for(lambda: watched.pending_for("JunExporterDown") > 6 + 3 * QUICK_PACE.gather, "the end of what was held")
    assert not watched.server.query('ALERTS{alertname="JunRegionSilent"}')
    back = time.monotonic()
    stage.serve(on=True)
    over = [("JunExporterDown", "", "resolved")]
    told("its return", back, stage, lambda: [one for one in stage.messages if list(one.alerts) == over])
    wait_for(
        lambda: watched.server.query('ALERTS{alertname="JunRegionSilent", alertstate="firing"}'), "the region again"
    )
    assert {one.status for one in stage.about("JunRegionSilent")} == {"firing"}
    stage.set({REGIONS[5]: "active"})
    wait_for(lambda: stage.about("JunRegionSilent")[-1].status == "resolved", "the end of the silence")
