"""*Recognition and response*: whether people are recognised, and whether what they say is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.grafana import colours as k
from ops.grafana.board import RECOGNITION, REGION, About, Row, board, region, to, window
from ops.grafana.boards.kinds import OF_REGIONS, increase, share
from ops.grafana.panels import Column, Head, Query, bars, lines, table, tiles

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as m

RECOGNISING = {"recognised": k.GREEN, "reshare": k.SKY, "reaction": k.PURPLE}
"""Kinds of event by which somebody is noticed."""
ANSWERING = {"request": k.ORANGE, "reply": k.BLUE}
"""Kinds of event by which something is asked and answered."""


def recognition() -> m.Dashboard:
    """Give the board."""
    about = About(
        RECOGNITION,
        "Jun: recognition and response",
        "Whether people are recognised for what they do, and whether what they say is answered.",
        "now-7d",
    )
    return board(about, [_now(), _over_time(), _regions()], [region(several=True), window()])


def _now() -> Row:
    def tile(number: int, title: str, about: str, kind: str) -> tuple[int, m.Panel]:
        head = Head(number, title, f"{about} In the times that the board shows, at least.", "none")
        return 6, tiles(head, Query(f"sum({increase(kind, '$__range')})", title))

    returning = tiles(
        Head(4, "Returning ($window)", "Share of the participants who had taken part before.", "percentunit"),
        Query(
            f'sum(max by (region) (jun_region_returning_participants{{{OF_REGIONS}, window="$window"}}))\n'
            f'/ (sum(max by (region) (jun_region_participants{{{OF_REGIONS}, window="$window"}})) > 0)',
            "returning",
        ),
    )
    return Row(
        "Now",
        4,
        (
            tile(1, "Recognised", "How often somebody was recognised.", "recognised"),
            tile(2, "Requests", "What was asked.", "request"),
            tile(3, "Replies", "What was answered.", "reply"),
            (6, returning),
        ),
    )


def _over_time() -> Row:
    recognised = lines(
        Head(5, "Recognition", "Recognitions, reshares and reactions in each interval, at least.", "none"),
        Query(increase("|".join(RECOGNISING), "$__rate_interval"), "{{kind}}"),
        colours=RECOGNISING,
    )
    answered = lines(
        Head(6, "Requests and replies", "What was asked and answered in each interval, at least.", "none"),
        Query(increase("|".join(ANSWERING), "$__rate_interval"), "{{kind}}"),
        colours=ANSWERING,
    )
    return Row("Over time", 9, ((12, recognised), (12, answered)))


def _regions() -> Row:
    counts = table(
        Head(7, "By region", "Events in the times that the board shows; what is empty is hidden or none.", "none"),
        *(
            Column(kind.capitalize(), f"{increase(kind, '$__range', 'region')} >= 0", "none")
            for kind in (*RECOGNISING, *ANSWERING)
        ),
        keys={"region": "Region"},
        sort="Recognised",
        links=(("The region", to(REGION, region="${__value.raw}")),),
    )
    replies = bars(
        Head(8, "Replies for each post", "How much of what is posted is answered, by region.", "none"),
        Query(f"sort_desc({share('reply', 'post', '$__range', 'region')})", "{{region}}"),
        steps=((None, k.BLUE),),
        links=(("The region", to(REGION, region="${__field.labels.region}")),),
    )
    return Row("Regions", 10, ((14, counts), (10, replies)))
