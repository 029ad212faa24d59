"""Colours that colour-blind people can tell apart, and what they stand for; the word always stands beside the colour.

The palette is that of Okabe and Ito, "Color Universal Design" (2008), with a grey for what says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from ops.prometheus.recording import VERDICT_CODES

if TYPE_CHECKING:
    from schemas.regions import Verdict

ORANGE: Final = "#E69F00"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
YELLOW: Final = "#F0E442"
BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#999999"

SERIES: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW, GREY)
"""Colours of lines, in the order in which they are used up."""


class State(Struct, frozen=True):
    """What a number stands for: the word and the colour that are shown in its place."""

    value: int
    text: str
    colour: str


_VERDICTS: Final[dict[Verdict, str]] = {
    "active": GREEN,
    "quiet": SKY,
    "learning": PURPLE,
    "hidden": GREY,
    "unknown": ORANGE,
    "silent": VERMILLION,
}
VERDICT_STATES: Final = tuple(State(VERDICT_CODES[verdict], verdict, colour) for verdict, colour in _VERDICTS.items())
VERDICT_COLOURS: Final[dict[str, str]] = {state.text: state.colour for state in VERDICT_STATES}
UP: Final = (State(0, "down", VERMILLION), State(1, "up", GREEN))
SHOWN: Final = (State(0, "shown", SKY), State(1, "hidden", GREY))
EVERYTHING: Final = (State(0, "no", GREEN), State(1, "everything is silent", VERMILLION))
YES: Final = (State(0, "no", GREY), State(1, "yes", ORANGE))
