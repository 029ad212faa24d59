"""The simplest engagement fold there can be: it keeps all events and counts anew each time. The oracle of tests."""

from __future__ import annotations

from schemas.activity import CAMPAIGN_PREFIX, WINDOWS
from schemas.events import COUNTING_KINDS, Event, Heartbeat

MINUTE = 60_000


class NaiveFold:
    """Takes records one by one; `published` has (minute, windows) by region at each closing, `minutes` the end."""

    def __init__(self, regions, campaigns_of, horizon, awaited=(), patience=0):
        self.regions = list(regions)
        self.campaigns_of = campaigns_of
        self.horizon = horizon
        self.awaited = set(awaited)
        self.patience = patience
        self.first = None
        self.events = {}
        self.waiting = []
        self.sources = {}
        self.now = 0
        self.closed_to = None
        self.duplicates = {}
        self.too_late = {}
        self.windows = {}
        self.campaigns = {}
        self.definitions = {}

    def take(self, record):
        """Take the next record of the log."""
        if isinstance(record, Heartbeat):
            self._beat(record)
        else:
            self._event(record)

    def _event(self, event):
        minute = event.at // MINUTE
        if event.region not in self.regions:
            self.regions.append(event.region)
        if self.closed_to is not None and minute < self.closed_to - self.horizon:
            self.too_late[event.region] = self.too_late.get(event.region, 0) + 1
            return
        known = self.events.setdefault((event.region, minute), {})
        waiting = self.closed_to is None or minute >= self.closed_to
        if waiting:
            self.waiting.append(event)
        elif event.id in known:
            self.duplicates[event.region] = self.duplicates.get(event.region, 0) + 1
        else:
            known[event.id] = event

    def _beat(self, beat):
        known = self.sources.get(beat.source)
        if known is None or beat.clock >= known.clock:
            self.sources[beat.source] = beat
        self.now = max(self.now, beat.clock)
        self.first = beat.clock if self.first is None else self.first
        self.awaited.discard(beat.source)
        live = [s for s in self.sources.values() if s.status != "down" and self.now - s.clock <= s.timeout]
        complete = {}
        for source in self.sources:
            complete[source] = max(getattr(self, "reached", {}).get(source, 0), self.sources[source].complete_to)
        self.reached = complete
        if live:
            bound = min(complete[s.source] - s.lateness for s in live) // MINUTE
        else:
            bound = (self.now - max(s.lateness for s in self.sources.values())) // MINUTE
        if self.closed_to is None:
            if self.awaited and self.now - self.first < self.patience:
                return
            self.closed_to = min([bound, *(e.at // MINUTE for e in self.waiting)])
        if self.closed_to < bound:
            for minute in sorted({e.at // MINUTE for e in self.waiting if e.at // MINUTE < bound} | {bound - 1}):
                self._close(minute)
            self.closed_to = bound

    def _close(self, minute):
        rest = []
        for event in self.waiting:
            if event.at // MINUTE != minute:
                rest.append(event)
                continue
            known = self.events.setdefault((event.region, minute), {})
            if event.id in known:
                self.duplicates[event.region] = self.duplicates.get(event.region, 0) + 1
            else:
                known[event.id] = event
        self.waiting = rest
        for region in self.regions:
            self.windows[region, minute] = {
                name: self.window(region, minute, length) for name, length in WINDOWS.items()
            }

            self.campaigns[region, minute] = {name: self.since_start(region, name) for name in self.definitions}

    def since_start(self, region, name):
        """Give the distinct people and the posts of a campaign in its days, of all that has been closed."""
        tags, begins, ends = self.definitions[name].tags, self.definitions[name].begins, self.definitions[name].ends
        inside = [
            event
            for (of, when), known in self.events.items()
            if of == region and begins <= when < ends
            for event in known.values()
            if set(event.tags) & set(tags)
        ]
        people = {event.actor for event in inside if counts(event)}
        return len(people), sum(event.kind == "post" for event in inside)

    def together(self, region, minute, name):
        """Give, by tag, how many people of 28 days used it in one minute with a tag of the campaign."""
        found = {}
        own = set(self.definitions[name].tags)
        for (of, when), known in self.events.items():
            if of == region and minute - WINDOWS["28d"] < when <= minute:
                used = {}
                for event in known.values():
                    if counts(event):
                        used.setdefault(event.actor, set()).update(event.tags)
                for actor, tags in used.items():
                    for tag in tags - own if tags & own else ():
                        found.setdefault(tag, set()).add(actor)
        return {tag: len(people) for tag, people in found.items()}

    def series_of(self, event):
        """Give the series that an event belongs to."""
        names = {"", *event.tags}
        for tag in event.tags:
            names |= {CAMPAIGN_PREFIX + name for name in self.campaigns_of.get(tag, ())}
        return names

    def window(self, region, minute, length):
        """Give, by series, the distinct people and the numbers of events and posts in (minute - length, minute]."""
        people, events, posts = {}, {}, {}
        for (of, when), known in self.events.items():
            if of == region and minute - length < when <= minute:
                for event in known.values():
                    for series in self.series_of(event):
                        events[series] = events.get(series, 0) + 1
                        posts[series] = posts.get(series, 0) + (event.kind == "post")
                        if counts(event):
                            people.setdefault(series, set()).add(event.actor)
        return {series: (len(people.get(series, ())), events[series], posts[series]) for series in events}

    def minute(self, region, minute):
        """Give, by series, events and distinct people of a closed minute."""
        people, events = {}, {}
        for event in self.events.get((region, minute), {}).values():
            for series in self.series_of(event):
                events[series] = events.get(series, 0) + 1
                people.setdefault(series, set())
                if counts(event):
                    people[series].add(event.actor)
        return {series: (events[series], len(people[series])) for series in events}


def counts(event: Event) -> bool:
    return event.kind in COUNTING_KINDS and event.role != "bot" and not event.machine
