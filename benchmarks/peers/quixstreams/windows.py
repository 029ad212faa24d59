"""quixstreams as its documentation shows it: a tumbling window by region that collects, and is counted when it closes.

`windows.py BOOTSTRAP TOPIC RECORDS RESULT FOLDER`. Its windows are moved on by events only, so that the last minutes of
a partition stay open: they are missing from RESULT, which is compared on the minutes that it has closed.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from quixstreams import Application

COUNTING = frozenset({"post", "reply", "reshare", "reaction", "request"})


def say(word: str) -> None:
    """Tell the harness how far it is."""
    print(word, flush=True)


def main() -> None:
    """Fold the topic."""
    bootstrap, name, count, result, folder = sys.argv[1:]
    application = Application(
        broker_address=bootstrap,
        consumer_group=f"{name}-quix",
        auto_offset_reset="earliest",
        state_dir=folder,
        loglevel="WARNING",
    )
    topic = application.topic(
        name,
        key_deserializer="bytes",
        value_deserializer="json",
        timestamp_extractor=lambda value, *_: value.get("at", value.get("clock", 0)),
    )
    seen = 0
    lines: list[str] = []

    def is_event(value: dict[str, Any]) -> bool:
        nonlocal seen
        if not seen:
            say("first")
        seen += 1
        if seen == int(count):
            application.stop()
        return value["type"] == "event"

    def close(window: dict[str, Any]) -> None:
        ids: set[str] = set()
        series: dict[str, list[str | None]] = {}
        for event in window["value"]:
            if event["id"] in ids:
                continue
            ids.add(event["id"])
            counts = event["kind"] in COUNTING and event.get("role") != "bot"
            for tag in ["", *event.get("tags", ())]:
                series.setdefault(tag, []).append(event["actor"] if counts else None)
        minute = window["start"] // 60_000
        for tag, people in series.items():
            lines.append("\t".join(map(str, (event["region"], tag, minute, len(people), len(set(people) - {None})))))

    stream = application.dataframe(topic).filter(is_event)
    stream = stream.tumbling_window(timedelta(minutes=1), grace_ms=timedelta(seconds=40)).collect().final()
    stream.update(close)
    application.run()
    say("done")
    Path(result).write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main()
