"""The message: the first line says it all, then a line for each region, then where to read on."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from msgspec import Struct

from ops.exporter.home import SIGNS
from ops.notify.choose import OVER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from ops.notify.book import Change, Told
    from ops.notify.choose import News
    from schemas.regions import Verdict

MOST_LINES: Final = 12
"""Regions that are named in a message; a phone shows no more without scrolling."""
BACK: Final = "✓"
IS: Final[dict[Verdict, str]] = {
    "active": "active again",
    "quiet": "quiet as usual",
    "silent": "silent",
    "unknown": "unknown",
    "hidden": "hidden",
    "learning": "learning",
}


class Message(Struct, frozen=True):
    """What is sent: `good` where it only tells of what is over."""

    title: str
    text: str
    good: bool


class Writer:
    """Writes messages for one receiver: `titles` of the regions by name, times in `zone`, links to `board`."""

    def __init__(self, titles: Mapping[str, str], zone: ZoneInfo, board: str = "") -> None:
        self._titles = titles
        self._zone = zone
        self._board = board.rstrip("/")

    def write(self, news: News, told: Mapping[str, Told], *, again: bool = False) -> Message:
        """Write what is new; `again` says that a crash left open whether it was sent before."""
        parts = list(self._parts(news, told))
        title = parts[0][0] + (f" (+{len(parts) - 1} more)" if len(parts) > 1 else "")
        lines: list[str] = []
        for head, below in parts:
            lines += [head] if len(parts) > 1 else []
            lines += below[:MOST_LINES]
            lines += [f"… and {len(below) - MOST_LINES} more"] if len(below) > MOST_LINES else []
        if again:
            lines.append("This may have been sent before.")
        link = self._link(news)
        lines += [f"→ {link}"] if link else []
        return Message(title, "\n".join(lines), good=not news.changes and not news.everything)

    def _parts(self, news: News, told: Mapping[str, Told]) -> Iterator[tuple[str, list[str]]]:
        """Give headings with their lines, the most urgent first."""
        if news.everything:
            # the slow regions take days to be called silent, so their number would say too little
            since = self._when(max(change.at for change in news.silent))
            why = news.why or f"all regions that can be judged are silent, the last since {since}"
            yield (
                f"{SIGNS['silent']} Everything is silent at once",
                [f"{why[:1].upper()}{why[1:]}.", "Suspect the line before the offices."],
            )
        groups: dict[tuple[str, str], list[Change]] = {}
        for change in sorted(news.changes, key=_urgency):
            # regions that are unknown by the same source say so in the same words
            groups.setdefault((change.new, change.reason if change.new == "unknown" else ""), []).append(change)
        for (verdict, reason), changes in groups.items():
            yield self._heading(verdict, reason, changes), [self._line(change, reason) for change in changes]
        if news.everything is False:
            still = [f"{self._title(change)} is still silent, since {self._when(change.at)}" for change in news.silent]
            yield f"{BACK} No longer is everything silent", still or ["No region is silent now."]
        if news.returns:
            yield self._returns(news.returns), [self._return(change, told) for change in news.returns]

    def _heading(self, verdict: str, reason: str, changes: Sequence[Change]) -> str:
        sign = SIGNS[changes[0].new]
        one = len(changes) == 1
        who = self._title(changes[0]) if one else f"{len(changes)} regions"
        if verdict == "silent":
            return f"{sign} {who} {'has' if one else 'have'} gone silent"
        because = f": {reason}" if reason else ""
        return f"{sign} {who} {'is' if one else 'are'} {verdict}{because}"

    def _line(self, change: Change, heading: str) -> str:
        because = "" if change.reason == heading or not change.reason else f": {change.reason}"
        return f"{self._title(change)}, since {self._when(change.at)}{because}"

    def _returns(self, returns: Sequence[Change]) -> str:
        if len(returns) > 1:
            return f"{BACK} Over in {len(returns)} regions"
        if returns[0].new in OVER:
            return f"{BACK} {self._title(returns[0])} is {IS[returns[0].new]}"
        return f"{SIGNS[returns[0].new]} {self._title(returns[0])} is now {IS[returns[0].new]}"

    def _return(self, change: Change, told: Mapping[str, Told]) -> str:
        knows = told.get(change.region)
        was = f"; it was {knows.verdict} since {self._when(knows.at)}" if knows else ""
        because = f" ({change.reason})" if change.reason and change.new not in OVER else ""
        return f"{self._title(change)} is {IS[change.new]}{because} since {self._when(change.at)}{was}"

    def _link(self, news: News) -> str:
        if not self._board:
            return ""
        names = {change.region for change in (*news.changes, *news.returns)}
        if len(names) == 1 and news.everything is None:
            return f"{self._board}/d/jun-region?var-region={quote(names.pop(), safe='')}"
        return f"{self._board}/d/jun-overview"

    def _title(self, change: Change) -> str:
        return self._titles.get(change.region) or change.region

    def _when(self, at: int) -> str:
        return dt.datetime.fromtimestamp(at / 1000, self._zone).strftime("%a %H:%M")


def _urgency(change: Change) -> tuple[bool, bool, str]:
    return change.new != "silent", change.new != "unknown", change.region
