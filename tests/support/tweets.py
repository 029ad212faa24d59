"""The shared tweets as a CSV file with a region for each author, and what they come to by a few lines of counting."""

from __future__ import annotations

import csv
import datetime as dt
import re
import unicodedata
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.truth import Counts

REGIONS = [f"region-{number}" for number in range(12)]
SOURCE = """
[[source]]
kind = "file"
name = "tweets"
path = "tweets.csv"
format = "csv"
live = {live}
poll_seconds = 0.05
follow = {follow}
[source.columns]
id = "id"
at = "created_at"
account = "screen_name"
text = "text"
region = "region"
"""
ARABIC = str.maketrans({"ي": "ی", "ى": "ی", "ك": "ک"})


def region_of(author: str) -> str:
    """Give the region that an author is hashed to."""
    return REGIONS[zlib.crc32(author.encode()) % len(REGIONS)]


def read(folder: Path) -> list[dict[str, str]]:
    """Read the tweets, each with its region."""
    with (folder / "load/mayweather-mcgregor/tweets.csv").open(newline="", encoding="utf-8") as opened:
        return [{**row, "region": region_of(row["screen_name"])} for row in csv.DictReader(opened)]


def write(tweets: list[dict[str, str]], file: Path) -> None:
    """Write tweets as the file of SOURCE, which a line may be reading."""
    new = not file.exists()
    with file.open("a", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, list(tweets[0]))
        if new:
            writer.writeheader()
        writer.writerows(tweets)


def moved(tweets: list[dict[str, str]], last: dt.datetime) -> list[dict[str, str]]:
    """Move tweets in time by whole minutes, so that the last one is just before `last` (UTC)."""
    before = dt.datetime.fromisoformat(tweets[-1]["created_at"]).replace(tzinfo=dt.UTC)
    by = dt.timedelta(minutes=(last - before) // dt.timedelta(minutes=1))
    return [{**tweet, "created_at": str(dt.datetime.fromisoformat(tweet["created_at"]) + by)} for tweet in tweets]


def minute_of(tweet: dict[str, str]) -> int:
    """Give the minute of a tweet since the epoch."""
    return int(dt.datetime.fromisoformat(tweet["created_at"]).replace(tzinfo=dt.UTC).timestamp()) // 60


def tags(text: str) -> set[str]:
    """Find the hashtags of a text by a rule that is true of these tweets, as keys."""
    written = [tag for run in re.findall(r"(?<![\w&])(?:[#＃]\w+)+", text) for tag in re.split("[#＃]", run)[1:]]
    keys = {
        unicodedata.normalize("NFKC", tag).casefold().translate(ARABIC) for tag in written if re.search(r"[^\d_]", tag)
    }
    return {key if key.isascii() else key.replace("_", "") for key in keys}


def truth(tweets: list[dict[str, str]]) -> Counts:
    """Count tweets and authors by region, tag (the whole is empty) and minute."""
    authors: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for tweet in tweets:
        for name in {"", *tags(tweet["text"])}:
            authors[tweet["region"], name, minute_of(tweet)].append(tweet["screen_name"])
    return {key: (len(found), len(set(found))) for key, found in authors.items()}
