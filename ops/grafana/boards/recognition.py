"""*Recognition and response*: whether people are recognised, and whether what they say is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.grafana import colours as k
from ops.grafana.board import RECOGNITION, REGION, About, Row, board, region, to, window
from ops.grafana.boards.kinds import IN_STEPS, OF_REGIONS, increase, share
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
        head = Head(number, title, f"{about} In the times that the board shows. {IN_STEPS}", "none")
        return 6, tiles(head, Query(f"sum({increase(kind, '$__range')})", title))

    back = f'max by (region) (jun_region_returning_participants{{{OF_REGIONS}, window="$window"}})'
    people = f'max by (region) (jun_region_participants{{{OF_REGIONS}, window="$window"}})'
    returning = tiles(
        Head(
            4,
            "Returning ($window)",
            "Share of the participants who had taken part before, over the regions where both are shown.",
            "percentunit",
        ),
        Query(f"sum({back} and {people})\n/ (sum({people} and {back}) > 0)", "returning"),
    )
    return Row(
        "Now",
        4,
        (
            tile(1, "Recognised", "How often somebody was recognised.", "recognised"),
            tile(2, "Requests", "What was asked.", "request"),
            tile(3, "Replies", "Replies of any kind, not only to requests.", "reply"),
            (6, returning),
        ),
    )


def _over_time() -> Row:
    recognised = lines(
        Head(5, "Recognition", f"Recognitions, reshares and reactions in each interval. {IN_STEPS}", "none"),
        Query(increase("|".join(RECOGNISING), "$__rate_interval"), "{{kind}}"),
        colours=RECOGNISING,
    )
    answered = lines(
        Head(
            6, "Requests and replies", f"What was asked, and replies of any kind, in each interval. {IN_STEPS}", "none"
        ),
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
        Head(8, "Replies for each post", f"Replies of any kind over posts, by region. {IN_STEPS}", "none"),
        Query(f"sort_desc({share('reply', 'post', '$__range', 'region')})", "{{region}}"),
        steps=((None, k.BLUE),),
        links=(("The region", to(REGION, region="${__field.labels.region}")),),
    )
    return Row("Regions", 10, ((14, counts), (10, replies)))
