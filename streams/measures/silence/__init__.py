"""Silence: whether a region posts less than chance explains, minute by minute.

`Detector(regions, alpha_per_week)` holds all regions; `observe(region, minute, events, observed, span)` is called once
for each closed minute of event time of each region, in that region's order, and gives an `Assessment`. The `silent`
in it is after hysteresis; words.reason() says it in words. docs/silence.md has the formulas.

**A pure function of the log.** No clock, no chance. What is said of a region is a function of its own sequence of
minutes and of the pool, what the regions share. The pool is fitted at UTC midnights (daily while the group is younger
than four weeks, then on Mondays) when the first region reaches one, from slots that ended 24 h before: regions may be
up to a day apart in any order without changing anything. Where they are further apart the pool is fitted anew when
twice as many of its regions, or all, have come as far, so that the last of a backlog are judged by all; a pool lacks
a region as far as it is behind. That depends on nothing but the order of the log, so that a replay still gives the
same. At most 100 regions make the pool, chosen by a hash of their names. A region is refitted on its own days' hour,
also chosen by such a hash, so that the work is spread.

**State.** `export(region)` is what changes each minute, with the present day: some 300 bytes, up to 900.
`export_changed(region)` gives the other entries that changed since its last call: `day/N`, a day of history that has
ended, some 40 to 600 bytes packed, and `fit`, some two kilobytes once a week; None says to forget one.
`export_pool()` changes with each pool, as `pool_changed` tells. After `restore_pool` and `restore` of all of them
everything goes on identically.

**Late events.** A minute at or before the last one changes nothing: an event that comes after its minute was closed
neither takes an alert back nor teaches the baseline.
"""

from __future__ import annotations

from streams.measures.silence.detector import Detector
from streams.measures.silence.state import Assessment

__all__ = ["Assessment", "Detector"]
