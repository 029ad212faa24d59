"""What the people of the simulated organisation do: a pure function of seed, region and hour.

Nobody is behind it. Posts come at random moments, as many as the local hour and the region's weekend make likely.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from streams.ingest.submission import Submission

if TYPE_CHECKING:
    from schemas.events import Kind

HOUR: Final = 3_600_000

HOURS: Final = (
    0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 0.5, 1.1, 1.6, 1.8, 1.8,
    1.6, 1.4, 1.5, 1.6, 1.5, 1.3, 1.1, 1.0, 0.9, 0.7, 0.4, 0.2,
)  # fmt: skip
"""How busy the local hours of a working day are, relative to one another."""

WEEKEND: Final = 0.4
"""How busy a day of the weekend is, relative to a working day."""

KINDS: Final[dict[Kind, int]] = {"post": 50, "reply": 22, "reshare": 15, "reaction": 10, "request": 3}
"""What is done, in parts of a hundred."""

WRITERS: Final = 0.7
"""Share of a region's people who ever write: the others only read, as everywhere."""

_OFFICE: Final = 0.05
_LEADER: Final = 0.03
_KEENNESS: Final = 2.2
"""How much more the keen ones do than the others: 1 would be equal shares."""


class Office(Struct, frozen=True):
    """One simulated region: its headcount `people`, `posts` on a working day, `tags` of its own talk."""

    name: str
    zone: ZoneInfo
    weekend: frozenset[int]
    people: int
    posts: float
    tags: tuple[str, ...]


class Talk(Struct, frozen=True):
    """What all of them share: the seed, and the spellings of the campaign's tag."""

    seed: int
    campaign: tuple[str, ...]


def posts(talk: Talk, office: Office, hour: int) -> list[Submission]:
    """Give what happens in a region in one hour (hours since the epoch), in order of time."""
    random_source = random.Random(f"{talk.seed}/{office.name}/{hour}")  # noqa: S311 (it should be the same each time)
    local = dt.datetime.fromtimestamp(hour * 3600, office.zone)
    rate = office.posts * HOURS[local.hour] / sum(HOURS)
    if local.weekday() in office.weekend:
        rate *= WEEKEND
    done: list[Submission] = []
    moment = random_source.expovariate(rate)
    while moment < 1:
        done.append(_one(talk, office, random_source, hour * HOUR + int(moment * HOUR), done))
        moment += random_source.expovariate(rate)
    return done


def _one(talk: Talk, office: Office, chance: random.Random, at: int, before: list[Submission]) -> Submission:
    kind = chance.choices(list(KINDS), list(KINDS.values()))[0]
    answered = chance.choice(before) if before and kind in ("reply", "reshare", "reaction") else None
    return Submission(
        id=f"{office.name}/{at}/{len(before)}",
        at=at,
        account=_account(office, chance),
        kind=kind,
        text=_text(talk, office, chance) if kind != "reaction" else "",
        region=office.name,
        reference=answered.id if answered else "",
        target=answered.account if answered else "",
    )


def _account(office: Office, chance: random.Random) -> str:
    drawn = chance.random()
    if drawn < _OFFICE:
        return f"{office.name}-office"
    if drawn < _OFFICE + _LEADER:
        return f"{office.name}-leader"
    return f"{office.name}-{int(WRITERS * office.people * chance.random() ** _KEENNESS)}"


def _text(talk: Talk, office: Office, chance: random.Random) -> str:
    words = ["…"]
    if talk.campaign and chance.random() < 0.35:
        words.append(f"#{chance.choice(talk.campaign)}")
    if office.tags and chance.random() < 0.6:
        words.append(f"#{chance.choice(office.tags)}")
    return " ".join(words)
