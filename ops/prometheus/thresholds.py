"""When to wake somebody: every number of the alert rules, with its reason."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from streams.measures.campaigns import FAST_BURN, SLOW_BURN

DAY = 86_400


class Thresholds(Struct, frozen=True):
    """Durations in whole seconds. `notice` must not be longer than `region`, so that what explains comes first."""

    interval: Annotated[int, Meta(ge=1, description="between two evaluations")] = 15
    notice: Annotated[int, Meta(ge=0, description="a source, the whole or the line in trouble before it is told")] = 60
    region: Annotated[int, Meta(ge=0, description="a region silent before it is told")] = 120
    hold: Annotated[int, Meta(ge=0, description="an alert goes on after its cause has gone from sight")] = 300
    stalled: Annotated[int, Meta(ge=60, description="the log's clock stands still, although it moves each minute")] = (
        180
    )
    stalled_for: Annotated[int, Meta(ge=0, description="and has stood still so much longer")] = 120
    behind: Annotated[int, Meta(ge=60, description="the log's clock behind the world's")] = 600
    watermark: Annotated[int, Meta(ge=60, description="a region's figures behind the log's clock")] = 1_800
    behind_for: Annotated[int, Meta(ge=0, description="either of them before it is told")] = 300
    dead_letters: Annotated[int, Meta(ge=1, description="refused inputs of one source and reason in the window")] = 20
    dead_letters_window: Annotated[int, Meta(ge=60, description="the window in which they are counted")] = 900
    lag_records: Annotated[int, Meta(ge=1, description="records behind, from which growing is worth a word")] = 10_000
    lag_for: Annotated[int, Meta(ge=60, description="the lag grows before it is told")] = 600
    fast_burn: Annotated[float, Meta(gt=1, description="burn rate for sure over 3 days and over 1 day")] = FAST_BURN
    fast_for: Annotated[int, Meta(ge=0, description="before it is told; figures are renewed daily")] = 3_600
    slow_burn: Annotated[float, Meta(gt=1, description="burn rate for sure over 7 days and over 3 days")] = SLOW_BURN
    slow_for: Annotated[int, Meta(ge=0, description="before it is told; figures are renewed daily")] = 3_600
    bounces: Annotated[float, Meta(gt=0, lt=1, description="share of mails that came back")] = 0.1
    mails: Annotated[int, Meta(ge=1, description="mails in the window before a share says anything")] = 50
    mails_window: Annotated[int, Meta(ge=60, description="the window in which they are counted")] = 21_600
    mails_for: Annotated[int, Meta(ge=0, description="before it is told")] = 600

    def __post_init__(self) -> None:
        """Hold what the inhibition of regions by their causes rests on."""
        if self.notice > self.region:
            raise ValueError(f"wanted `notice` to be at most `region` ({self.region} s), got {self.notice} s")


def span(seconds: int) -> str:
    """Write a duration as Prometheus reads it, in the largest unit that fits."""
    for unit, length in (("d", DAY), ("h", 3600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"
