"""The constants of the method, each with its reason; docs/silence.md tells where they come from. Lengths in minutes."""

from __future__ import annotations

from typing import Final

HOUR: Final = 60
QUARTER: Final = 15
DAY: Final = 1_440
WEEK: Final = 10_080

LADDER: Final = ((40.0, 60), (200.0, 15), (3_000.0, 5))
"""(posts a day below which, slot length): about two posts in a busy slot. Above the last one a slot is a minute."""

HISTORY: Final = 56 * DAY
"""What a fit looks back on: eight of each weekday, short enough to follow a season."""

SETTLING: Final = 7 * DAY
"""How much history the group needs before anybody is judged."""

YOUNG: Final = 28 * DAY
"""Until this age things are fitted daily, then weekly."""

WAIT: Final = DAY
"""The pool uses only what ended this long before its instant, so regions may be up to a day apart."""

WARM_UP: Final = 3 * DAY
"""The first days of a history, whose peaks don't count: the level is still settling."""

SAMPLE: Final = 100
"""How many regions the pool is made of at most; more would not sharpen it, only delay it."""

SMOOTHING: Final = 1.5
"""Standard deviation of the circular Gaussian over the hours of a day type (hours)."""

SMOOTH_WEIGHT: Final = 8.0
"""Weight of the smoothed cells beside a cell's own hours (hours): half where there are eight of them."""

SHAPE_WEIGHT: Final = 30.0
"""Weight of the pooled shape in each cell (hours of data)."""

FULL: Final = 0.9
"""Share of occupied slots above which the level is that of the counts: empty slots are too rare to tell it."""

CERTAIN: Final = 0.97
"""Highest probability of an occupied slot that is believed from occupancy alone."""

MANY: Final = 3.0
"""Events in a slot from which the probability of an empty one is taken from the counts."""

LARGEST_HAZARD: Final = 15.0
"""Cap of one slot's hazard: e^-15 is once in 29 years of one-minute slots at most times."""

LEVEL_HALF_LIFE: Final = 14 * DAY
"""How fast the level of a region follows it."""

COUNTS_HALF_LIFE: Final = 6 * HOUR
"""The same where events are counted, which tell the level within hours; longer where COUNTS_FOLLOWED take longer."""

COUNTS_FOLLOWED: Final = 50.0
"""Events that are expected in that half-life at least: with fewer the level follows chance."""

LEVEL_WEIGHT: Final = 10.0
"""Occupied slots (or, for counts, three times as many events) with which the level is pulled to one."""

SMALL_GAP: Final = 0.2
"""Gaps of less expectation than this say nothing about the tail."""

REGION_WEIGHT: Final = 20.0
"""Observations with which the pool stands in for a region's own tail."""

LEAST_TAIL: Final = 0.4
"""Least tail that is believed: by a timetable past gaps are all alike, and a tail near nothing would blow each slot up
until odds and thresholds mean nothing."""

PEAKS_PER_WEEK: Final = 1.0
"""Pooled peaks per region and week that stand above the level from which the tail is fitted."""

MOST_PEAKS_PER_WEEK: Final = 2.0
"""What a small group takes instead, until it has enough peaks for TAIL_SHAPE: a tail that is known from more needs less
of a margin. More than that and the level is no tail any more."""

TAIL_SHAPE: Final = 0.125
"""Shape of the tail beyond that level: as heavy as if known from eight peaks; an exponential one has 0."""

FEW_PEAKS: Final = 2.0
"""Over the number of pooled peaks, the shape of a tail that is known from few: a region alone has one a week. With 1 a
lone region of independent posts has twice the false alarms that are wanted, with TAIL_SHAPE four times."""

MOST_SHAPE: Final = 0.5
"""Heaviest tail that is believed: with a heavier one a region alone would never be called in its first weeks."""

SHARPEST: Final = 0.3
"""Least mean excess that is believed (log odds): where everything goes by a timetable, past peaks are all alike."""

LEAST_EVIDENCE: Final = 2.0
"""What must have been expected at least, at a steady pace (nats): chance leaves out that much once in seven times.
Else a region with one old post would be called for its age alone, since the odds count hours as well."""

REAL_SILENCE: Final = 8.0
"""Excesses of more than this many means were real silences and teach nothing (once in 3,000)."""

PEAK_FALL: Final = 1.5
"""How far the log odds must fall for a peak to be over, and below the threshold for a drop to be over."""

DROP_HELD: Final = 6.0
"""How far above the threshold the log odds of an alerted drop may get. With PEAK_FALL it is what must be outweighed to
end it: eleven events at the usual rate, however long the drop was. Less and a drop that goes on flaps: with 3 once in
three days in simulations, with 6 never in 24.
"""

LARGEST_SHARE: Final = 3.0
"""At most this multiple of alpha goes to one region."""

COUNTED: Final = 50.0
"""Events a day from which drops have a test of their own and the level is that of the counts."""

DROP_SHARE: Final = 0.1
"""Share of alpha that the drop test gets in those regions: a drop is the lesser fault, and lulls look like it."""

DROPPED: Final = 0.2
"""What is left of the level after the drop that is looked for."""

LULL: Final = 0.6
"""What is left in an ordinary lull, against which the drop is tested: two thirds of normal is no alarm."""

DROP_ODDS: Final = 0.3
"""Prior odds of a drop against silence in regions too sparse for a test of their own."""

RECOVERED: Final = 3
"""Occupied slots that end the silence of a region with slots of five minutes or less; else one post does."""

COOL_DOWN: Final = 6 * HOUR
"""A new alert this soon after a recovery is the same incident."""

FORECAST: Final = 28 * DAY
"""How far the promised time to detection is looked for."""

WEEKLY_CHECK: Final = 72 * HOUR
"""Promises above this are called a weekly check."""
