"""*Channels*: whether what is sent arrives, is opened and is followed, and what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.grafana import colours as k
from ops.grafana.board import CHANNELS, PIPELINE, REGION, About, Row, board, region, to
from ops.grafana.boards.kinds import IN_STEPS, OF_REGIONS, increase, overall, share
from ops.grafana.panels import Column, Head, Query, bars, lines, table, tiles, timeline

if TYPE_CHECKING:
    from grafana_foundation_sdk.models import dashboard as m

MAILS = {
    "delivered": k.BLUE,
    "open": k.SKY,
    "click": k.GREEN,
    "delete": k.GREY,
    "bounce": k.VERMILLION,
    "complaint": k.ORANGE,
    "unsubscribe": k.PURPLE,
}
"""What can happen to a mail, by the kind of event."""
PATTERN = "|".join(MAILS)


def channels() -> m.Dashboard:
    """Give the board."""
    about = About(
        CHANNELS,
        "Jun: channels",
        "Whether what is sent arrives, is opened and is followed, and through what the regions are heard.",
        "now-7d",
    )
    return board(about, [_shares(), _mails(), _regions(), _sources()], [region(several=True)])


def _shares() -> Row:
    bad = ((None, k.GREEN), (0.05, k.ORANGE), (0.1, k.VERMILLION))

    def head(number: int, title: str, about: str) -> Head:
        return Head(number, title, f"{about} in the times that the board shows. {IN_STEPS}", "percentunit")

    opened = head(1, "Opened", "Openings, of which one mail may have several, over mails delivered")
    clicked = head(2, "Clicked", "Clicks over mails delivered")
    bounced = head(3, "Bounced", "Mails that came back over all")
    refused = head(4, "Complaints", "Complaints and unsubscriptions over mails delivered")
    return Row(
        "Mail",
        4,
        (
            (6, tiles(opened, Query(overall("open", "delivered"), "opened"))),
            (6, tiles(clicked, Query(overall("click", "delivered"), "clicked"))),
            (6, tiles(bounced, Query(overall("bounce", "bounce|delivered"), "bounced"), steps=bad)),
            (6, tiles(refused, Query(overall("complaint|unsubscribe", "delivered"), "complaints"), steps=bad)),
        ),
    )


def _mails() -> Row:
    over_time = lines(
        Head(5, "What happens to mails", f"Events of each kind in each interval. {IN_STEPS}", "none"),
        Query(increase(PATTERN, "$__rate_interval"), "{{kind}}"),
        colours=MAILS,
        stacked=True,
    )
    views = lines(
        Head(6, "Views", f"Views of what was published, in each interval. {IN_STEPS}", "none"),
        Query(f"sum({increase('view', '$__rate_interval')})", "views"),
    )
    return Row("Over time", 9, ((16, over_time), (8, views)))


def _regions() -> Row:
    counts = table(
        Head(7, "Mail by region", "Events in the times that the board shows; what is empty is hidden or none.", "none"),
        *(Column(kind.capitalize(), f"{increase(kind, '$__range', 'region')} >= 0", "none") for kind in MAILS),
        keys={"region": "Region"},
        sort="Delivered",
        links=(("The region", to(REGION, region="${__value.raw}")),),
    )
    bounced = bars(
        Head(
            8,
            "Bounced by region",
            f"From a tenth on an alert tells of it (JunChannelBroken). {IN_STEPS}",
            "percentunit",
        ),
        Query(f"sort_desc({share('bounce', 'bounce|delivered', '$__range', 'region')})", "{{region}}"),
        steps=((None, k.GREEN), (0.05, k.ORANGE), (0.1, k.VERMILLION)),
        top=1,
        links=(("The region", to(REGION, region="${__field.labels.region}")),),
    )
    return Row("Regions", 10, ((16, counts), (8, bounced)))


def _sources() -> Row:
    up = timeline(
        Head(9, "Sources", "Whether each source that feeds the regions delivered, when.", "none"),
        Query(f"min by (source) (jun_region_source_up{{{OF_REGIONS}}})", "{{source}}"),
        states=k.UP,
        links=(("The line", to(PIPELINE)),),
    )
    return Row("Sources", 7, ((24, up),))
