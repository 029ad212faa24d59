"""What each alert rule is to do with made-up series."""

from __future__ import annotations

from msgspec import Struct, field

UP = {'up{job="jun", instance="exporter:9464"}': "1x9000"}
RUNNING = {**UP, "jun_clock_timestamp_seconds": "0+60x9000", "jun_broker_up": "1x9000"}
"""A line in good health, a sample a minute, whose clock goes with the world's: promtool's time begins at 0."""

Fired = dict[str, str]
"""Labels of an alert that fires, beside severity and scope, with `summary` and `description`."""


class Case(Struct, frozen=True):
    """What happens with `alert` over `series` at `at` minutes; `fires` is empty for nothing.

    The series have a value every `step` minutes.
    """

    alert: str
    sentence: str
    series: dict[str, str]
    at: float
    fires: tuple[Fired, ...] = ()
    also: dict[str, str] = field(default_factory=lambda: RUNNING)
    step: int = 1


def verdict(region: str, values: str, verdict: str = "silent") -> dict[str, str]:
    return {f'jun_region_verdict{{region="{region}", verdict="{verdict}"}}': values}


def about(region: str, *, weekly: int = 0, held: str = "0x9000") -> dict[str, str]:
    return {
        f'jun_region_info{{region="{region}", team="south", time_zone="Europe/Madrid", title="La Mancha"}}': "1x9000",
        f'jun_region_weekly_check{{region="{region}"}}': f"{weekly}x9000",
        f'jun_region_silence_held{{region="{region}"}}': held,
        f'jun_region_silence_empty_seconds{{region="{region}"}}': "33600x9000",
        f'jun_region_silence_expected_events{{region="{region}"}}': "41x9000",
    }


MANCHA = {"region": "mancha", "team": "south", "time_zone": "Europe/Madrid", "title": "La Mancha"}
EVIDENCE = "Its last event came 9h 20m 0s ago; 41 were expected since it went quiet."
SILENT = {**MANCHA, "summary": "La Mancha has gone silent", "description": EVIDENCE}
SPARSE = {
    **MANCHA,
    "summary": "La Mancha, where little is posted anyway, seems to have gone silent",
    "description": f"{EVIDENCE} In a region like this it takes days to tell.",
}
AGAIN = {
    **MANCHA,
    "summary": "La Mancha is silent again, shortly after it had recovered",
    "description": f"{EVIDENCE} It belongs to the silence that was told before, and is told anew if it lasts.",
}
EVERYTHING = {
    "summary": "Everything is silent at once",
    "description": "2 regions are called silent so far, and no other has posted since."
    " Suspect the line before the offices.",
}
SOURCE = {
    "source": "chat",
    "summary": "The source chat is down",
    "description": "It feeds 2 regions, which are unknown until it is back, not silent.",
}
LETTERS = {
    "source": "chat",
    "reason": "future",
    "summary": "chat sends what can't be taken (future)",
    "description": "30 inputs were refused in 15m; they are kept and can be redriven.",
}
STALLED = {
    "summary": "The line stands still: no new figures",
    "description": "The log's clock has not moved for more than 3m. No verdict can be trusted.",
}
DOWN = {
    "job": "jun",
    "summary": "The exporter can't be reached",
    "description": "Boards and alerts are blind until it is back; nothing is lost.",
}
KAFKA = {
    "summary": "Kafka does not answer",
    "description": "Figures stand still until it is back; sources keep what they have or are told to send again.",
}
BLIND = {
    "region": "mancha",
    "summary": "A source of mancha is down",
    "description": "It holds back the alerts of the region, which can't be judged; the source has an alert of its own.",
}


def behind(how: str) -> Fired:
    return {"summary": f"The figures are {how} behind", "description": "Verdicts come late by as much."}


def lag(records: str) -> Fired:
    return {
        "topic": "events",
        "summary": "Workers fall behind on events",
        "description": f"{records} records are waiting, and more come in than are worked off.",
    }


def burns(**windows: str) -> dict[str, str]:
    """The burn rate of a campaign for sure in each window; the likely ones are higher, and of no use to an alert."""
    sure = {
        f'jun_campaign_burn_rate{{campaign="spring", certainty="sure", window="{window[1:]}"}}': values
        for window, values in windows.items()
    }
    return sure | {name.replace("sure", "likely"): "900x2000" for name in sure}


def pace(days: str, times: str, how: str) -> Fired:
    return {
        "campaign": "spring",
        "summary": f"The campaign spring {how}",
        "description": f"To reach its goal on the last day it must go on at least {times} times as fast as in the last"
        f" {days}.",
    }


def mails(delivered: str, bounced: str) -> dict[str, str]:
    return {
        'jun_region_events_by_kind_total{kind="delivered", region="north"}': delivered,
        'jun_region_events_by_kind_total{kind="bounce", region="north"}': bounced,
    }


CASES = (
    Case(
        "JunRegionSilent",
        "a silent region is told after two minutes",
        {**verdict("mancha", "0x9 1x20"), **about("mancha")},
        12,
        (SILENT,),
    ),
    Case(
        "JunRegionSilent",
        "a silent region is not told before that",
        {**verdict("mancha", "0x9 1x20"), **about("mancha")},
        11.5,
    ),
    Case(
        "JunRegionSilent",
        "it goes on while the exporter restarts",
        {**verdict("mancha", "1x9 _x9"), **about("mancha")},
        17,
        (SILENT,),
    ),
    Case(
        "JunRegionSilent",
        "it ends five minutes after the region is back",
        {**verdict("mancha", "1x9 0x20"), **about("mancha")},
        15.5,
    ),
    Case(
        "JunRegionSilent",
        "an unknown region is nobody's silence",
        {**verdict("mancha", "0x20"), **verdict("mancha", "1x20", "unknown"), **about("mancha")},
        15,
    ),
    Case(
        "JunRegionSilent",
        "accounts of no region are no office",
        {**verdict("unassigned", "1x20"), **about("unassigned")},
        15,
    ),
    Case(
        "JunRegionSilent",
        "a region that takes days to tell does not wake anybody",
        {**verdict("mancha", "1x20"), **about("mancha", weekly=1)},
        15,
    ),
    Case(
        "JunSparseRegionSilent",
        "but is told in working hours",
        {**verdict("mancha", "1x20"), **about("mancha", weekly=1)},
        15,
        (SPARSE,),
    ),
    Case(
        "JunSparseRegionSilent",
        "a busy region has the other alert",
        {**verdict("mancha", "1x20"), **about("mancha")},
        15,
    ),
    Case(
        "JunRegionSilent",
        "a silence that came back within the cool-down wakes nobody a second time",
        {**verdict("mancha", "1x9 0x20 1x300"), **about("mancha", held="0x29 1x300")},
        300,
    ),
    Case(
        "JunRegionSilentAgain",
        "but it is told in working hours",
        {**verdict("mancha", "1x9 0x20 1x300"), **about("mancha", held="0x29 1x300")},
        33,
        (AGAIN,),
    ),
    Case(
        "JunRegionSilentAgain",
        "a first silence is no second one",
        {**verdict("mancha", "1x20"), **about("mancha")},
        15,
    ),
    Case(
        "JunRegionSilent",
        "and wakes somebody two minutes after the cool-down if it lasts",
        {**verdict("mancha", "1x9 0x20 1x400"), **about("mancha", held="0x29 1x299 0x100")},
        332,
        (SILENT,),
    ),
    Case(
        "JunRegionSilent",
        "and not before",
        {**verdict("mancha", "1x9 0x20 1x400"), **about("mancha", held="0x29 1x299 0x100")},
        331.5,
    ),
    Case(
        "JunSparseRegionSilent",
        "a silence that came back is not told twice of a region that takes days either",
        {**verdict("mancha", "1x20"), **about("mancha", weekly=1, held="1x20")},
        15,
    ),
    Case(
        "JunRegionSourceDown",
        "a region with one of two sources down is held back at once",
        {
            'jun_region_source_up{region="mancha", source="chat"}': "1x4 0x9",
            'jun_region_source_up{region="mancha", source="mail"}': "1x20",
        },
        5,
        (BLIND,),
    ),
    Case("JunRegionSourceDown", "not while all are up", {'jun_region_source_up{region="a", source="chat"}': "1x20"}, 5),
    Case(
        "JunEverythingSilent",
        "everything silent is told after a minute",
        {"jun_everything_silent": "0x4 1x9", **verdict("a", "1x20"), **verdict("b", "1x20")},
        6,
        (EVERYTHING,),
    ),
    Case("JunEverythingSilent", "not before it", {"jun_everything_silent": "0x4 1x9"}, 5.5),
    Case("JunEverythingSilent", "not by itself", {"jun_everything_silent": "0x20"}, 15),
    Case(
        "JunSourceDown",
        "a source that is down for a minute is told with the regions that it feeds",
        {
            'jun_source_up{source="chat"}': "1x4 0x9",
            'jun_source_up{source="mail"}': "1x20",
            'jun_region_source_up{region="a", source="chat"}': "0x20",
            'jun_region_source_up{region="b", source="chat"}': "0x20",
            'jun_region_source_up{region="b", source="mail"}': "1x20",
        },
        6,
        (SOURCE,),
    ),
    Case("JunSourceDown", "a shorter gap is not", {'jun_source_up{source="chat"}': "1x4 0 1x20"}, 6),
    Case(
        "JunDeadLettersRising",
        "thirty inputs refused in a quarter of an hour",
        {'jun_dead_letters_total{source="chat", reason="future"}': "0+2x60"},
        30,
        (LETTERS,),
    ),
    Case(
        "JunDeadLettersRising",
        "twenty are not more than twenty",
        {'jun_dead_letters_total{source="chat", reason="future"}': "0x20 20x60"},
        30,
    ),
    Case(
        "JunDeadLettersRising",
        "many that came long ago are no rise",
        {'jun_dead_letters_total{source="chat", reason="future"}': "900000x60"},
        30,
    ),
    Case(
        "JunPipelineStalled",
        "a clock that stands still",
        {"jun_clock_timestamp_seconds": "0+60x9 540x30"},
        16,
        (STALLED,),
    ),
    Case(
        "JunPipelineStalled",
        "not before it has stood for five minutes",
        {"jun_clock_timestamp_seconds": "0+60x9 540x30"},
        13,
    ),
    Case("JunPipelineStalled", "a clock that runs", {}, 30),
    Case("JunPipelineStalled", "an exporter that has no clock to show", {'up{job="jun"}': "1x30"}, 3, (STALLED,), {}),
    Case(
        "JunPipelineStalled", "an exporter that is down has an alert of its own", {'up{job="jun"}': "0x30"}, 30, (), {}
    ),
    Case(
        "JunPipelineBehind",
        "figures that are eleven minutes old",
        {"jun_clock_timestamp_seconds": "0x11 60+60x60"},
        30,
        (behind("11m 0s"),),
    ),
    Case("JunPipelineBehind", "nine minutes are less than ten", {"jun_clock_timestamp_seconds": "0x9 60+60x60"}, 30),
    Case(
        "JunPipelineBehind",
        "a simulated clock is not compared with the world's",
        {"jun_clock_timestamp_seconds": "0x11 60+60x60", "jun_simulated": "1x60"},
        30,
    ),
    Case(
        "JunPipelineBehind",
        "one region whose figures stay behind",
        {
            'jun_region_watermark_timestamp_seconds{region="a"}': "0+60x90",
            'jun_region_watermark_timestamp_seconds{region="b"}': "0x90",
        },
        40,
        (behind("40m 0s"),),
    ),
    Case(
        "JunExporterDown",
        "an exporter that can't be scraped",
        {'up{job="jun", instance="a"}': "1x9 0x9"},
        11,
        (DOWN,),
        {},
    ),
    Case("JunExporterDown", "an exporter that nobody scrapes any more", {}, 5, (DOWN,), {}),
    Case(
        "JunExporterDown",
        "one of two is enough",
        {'up{job="jun", instance="a"}': "0x9", 'up{job="jun", instance="b"}': "1x9"},
        5,
        (),
        {},
    ),
    Case("JunKafkaDown", "Kafka away for a minute", {"jun_broker_up": "1x4 0x9"}, 6, (KAFKA,), UP),
    Case("JunKafkaDown", "Kafka away for a moment", {"jun_broker_up": "1x4 0 1x9"}, 6, (), UP),
    Case(
        "JunLagGrowing",
        "twenty thousand and growing",
        {
            'jun_consumer_lag_records{topic="events", partition="0"}': "10000+500x60",
            'jun_consumer_lag_records{topic="events", partition="1"}': "0x60",
        },
        20,
        (lag("20k"),),
    ),
    Case(
        "JunLagGrowing",
        "a large lag that is worked off",
        {'jun_consumer_lag_records{topic="events", partition="0"}': "90000-500x60"},
        20,
    ),
    Case(
        "JunLagGrowing",
        "a small lag that grows",
        {'jun_consumer_lag_records{topic="events", partition="0"}': "0+100x60"},
        40,
    ),
    Case(
        "JunCampaignOffPaceFast",
        "five times the pace is needed after three days like these",
        burns(_3d="5x2000", _1d="4x2000"),
        61,
        (pace("3d", "5", "has all but stopped"),),
    ),
    Case("JunCampaignOffPaceFast", "not before it has been so for an hour", burns(_3d="5x2000", _1d="4x2000"), 59),
    Case("JunCampaignOffPaceFast", "a good last day ends it", burns(_3d="5x2000", _1d="3.99x2000"), 90),
    Case("JunCampaignOffPaceFast", "one bad day is not enough", burns(_3d="3.99x2000", _1d="1000x2000"), 90),
    Case("JunCampaignOffPaceFast", "a campaign of one day is not judged", burns(_1d="1000x2000"), 90),
    Case(
        "JunCampaignOffPaceFast",
        "a simulated clock runs away from the days",
        {**burns(_3d="5x2000", _1d="5x2000"), "jun_simulated": "1x2000"},
        90,
    ),
    Case(
        "JunCampaignOffPaceSlow",
        "half as fast again is needed after a week like this",
        burns(_7d="1.5x2000", _3d="1.4x2000"),
        61,
        (pace("7d", "1.5", "falls behind its goal"),),
    ),
    Case("JunCampaignOffPaceSlow", "a third more is the limit", burns(_7d="1.33x2000", _3d="1.4x2000"), 90),
    Case("JunCampaignOffPaceSlow", "three days that make up for it end it", burns(_7d="1.5x2000", _3d="1.2x2000"), 90),
    Case(
        "JunChannelBroken",
        "one mail in five comes back",
        mails("0+40x60", "0+10x60"),
        400,
        ({"region": "north", "summary": "Mail to north comes back", "description": "20% of the mails of 6h bounced."},),
        step=10,
    ),
    Case("JunChannelBroken", "one in twenty is everyday", mails("0+190x60", "0+10x60"), 400, step=10),
    Case("JunChannelBroken", "of a dozen mails nothing is concluded", mails("0x10 6x50", "0x10 6x50"), 400, step=10),
)
