"""`jun silence`: why a region has its verdict, and how the rule would have done on past events."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Console

from ops.config import load
from ops.silence.draw import explanation, report
from ops.silence.history import read_histories
from ops.silence.table import Table, moment, read_table
from schemas.directory import Directory, Region
from streams.errors import OperatorError
from streams.measures.calendars import Calendar
from streams.measures.privacy import rules_of
from streams.measures.silence.backtest import Plan, Report, Result
from streams.measures.silence.backtest import backtest as run_backtest
from streams.measures.silence.explain import explain as run_explain
from streams.measures.silence.settings import DAY, SETTLING, WAIT
from streams.measures.silence.words import duration

if TYPE_CHECKING:
    from collections.abc import Sequence


def explain(region: str, /, *, at: str | None = None, config: Path | None = None) -> int:
    """Tell why a region has its verdict: expectation, evidence, decision, and its last two weeks.

    The detector is run anew over what the topic `activity` still has, so that a figure can differ a little from the
    live one, which has seen up to eight weeks.

    Parameters
    ----------
    region
        Name of the region.
    at
        Time to explain (RFC 3339); the latest where none is named.
    config
        File of the configuration; ./jun.toml where none is named.
    """
    loaded = load(config)
    minute = int(moment(at, "--at").timestamp()) // 60 - 1 if at else None
    histories = asyncio.run(read_histories(loaded.config, region))
    known = loaded.directory.region
    try:
        seen = run_explain(histories, known, loaded.config.silence, region, minute)
    except KeyError as error:
        raise OperatorError(
            f"a history of {region} before {at}", "the topic begins later", "name a later time", retry=False
        ) from error
    calendar = Calendar(next((one for one in known if one.name == region), Region(name=region)))
    Console().print(explanation(seen, calendar, rules_of(loaded.config.privacy).group))
    return 0


def backtest(  # noqa: PLR0913 (a command's options are its arguments)
    file: Path,
    /,
    *,
    every: int | None = None,
    directory: Path | None = None,
    train_until: str | None = None,
    alpha: float = 0.1,
    inject: int = 20,
    keep: float = 0.0,
    seed: int = 1,
    without: list[tuple[str, str]] | None = None,
    json: bool = False,
) -> int:
    """Try the rule of silence on past events, with silences put in: false alarms a week and delays.

    Parameters
    ----------
    file
        CSV with the columns region, at (RFC 3339) and, if wanted, count.
    every
        Seconds that each count covers, from `at` on.
    directory
        File of the regions, for their zones and calendars; UTC without it.
    train_until
        Time (RFC 3339) at which the test begins; half of the file where none is named.
    alpha
        Wanted false alarms a week of each region.
    inject
        Silences to put into each region, at random.
    keep
        Share of the events that a silence leaves: 0 for total silence, 0.2 for a drop.
    seed
        Seed of the chance; equal seeds give equal results.
    without
        A known outage, FROM TO; may be given more than once.
    json
        Print JSON.
    """
    if not 0 < alpha <= 10 or not 0 <= keep < 1 or inject < 0:
        raise OperatorError(
            "--alpha above 0 and up to 10, --keep from 0 to below 1, --inject of 0 or more",
            f"{alpha}, {keep} and {inject} came", "correct them", retry=False,
        )  # fmt: skip
    table = read_table(file, every)
    plan = Plan(
        train_until=_half(table) if train_until is None else _minute(train_until, "--train-until", table),
        alpha=alpha,
        inject=inject,
        keep=keep,
        seed=seed,
        every=table.every,
        outages=tuple(
            (_minute(start, "--without", table), _minute(end, "--without", table)) for start, end in without or ()
        ),
    )
    backwards = [f"{start} to {end}" for start, end in without or () if moment(start, "") >= moment(end, "")]
    if backwards:
        raise OperatorError(
            "--without FROM TO with a FROM before its TO", f"{backwards[0]} came", "turn them round", retry=False
        )
    first, after = _extent(table)
    if after - first < 2 * DAY:
        raise OperatorError(
            f"two days of events at least in {file}", f"they cover {duration(60 * (after - first))}",
            "name a longer file: a rule needs eight days to learn, and then some to be tried", retry=False,
        )  # fmt: skip
    if plan.train_until - first < SETTLING + WAIT:
        print(  # noqa: T201 (a word to the user, beside the answer)
            f"jun: only {duration(60 * max(plan.train_until - first, 0))} to learn from; nothing can be called silent "
            "before eight days",
            file=sys.stderr,
        )
    if not first < plan.train_until < after:
        raise OperatorError(
            "a --train-until within the file", f"{train_until} came", "name a time between its rows", retry=False
        )
    found = run_backtest(table.series, _regions(directory), plan, table.watched)
    if json:
        print(msgspec.json.format(msgspec.json.encode(as_json(found)), indent=2).decode())  # noqa: T201 (the answer)
    else:
        Console().print(report(found, keep))
    return 0


def as_json(found: Report) -> dict[str, Any]:
    """Give the fields of `--json`: those of all regions together, and the same of each under `regions`."""

    def fields(one: Result) -> dict[str, Any]:
        return {
            "false_alarms_per_region_week": one.false_alarms_per_region_week,
            "alerts": one.alerts,
            "delay_hours": one.delay_hours,
        }

    return fields(found.total) | {"regions": {name: fields(one) for name, one in sorted(found.regions.items())}}


def _minute(text: str, where: str, table: Table) -> int:
    return int(moment(text, where).timestamp() - table.seconds) // 60


def _extent(table: Table) -> tuple[int, int]:
    stretches = table.watched.values()
    return min(one[0][0] for one in stretches), max(one[-1][1] for one in stretches)


def _half(table: Table) -> int:
    return sum(_extent(table)) // 2


def _regions(directory: Path | None) -> Sequence[Region]:
    if directory is None:
        return ()
    try:
        regions = msgspec.toml.decode(directory.read_bytes(), type=Directory).region
        for region in regions:
            Calendar(region)
    except (OSError, ValueError) as error:
        raise OperatorError(f"a file of regions at {directory}", str(error), "correct it", retry=False) from error
    return regions
