"""Hashtags of real posts: microseconds per post to find them and fold them to keys, beside other libraries.

Run it with the peers at hand, for example
    uv run --with advertools --with twitter-text --with twitter-text-python python -m benchmarks.hashtags
A peer that is not installed is said to be so. advertools is the one that is kept up; twitter-text (2017) is the Python
port of twitter-text, twitter-text-python (2019) a parser of its own. Peers have no fold: their keys are NFKC and case
folding, which is less than ours. The folder of the test data is ../shared/data or JUN_SHARED_DATA.
"""

from __future__ import annotations

import csv
import importlib
import os
import platform
import sys
import time
from importlib import metadata
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

import yaml

from streams.measures.hashtags import extract, fold

if TYPE_CHECKING:
    from collections.abc import Callable

    Extract = Callable[[str], list[str]]
    Key = Callable[[str], str]

DATA = Path(os.environ.get("JUN_SHARED_DATA") or Path(__file__).parents[2] / "shared" / "data")
REPEATS = 9
LIMIT = 10.0
"""Microseconds per post, found and folded, above which something is wrong: at 100 thousand posts a second a core."""


def compatible(tag: str) -> str:
    """The key that one would make of a peer's tag."""
    return normalize("NFKC", tag).casefold()


def advertools() -> Extract:
    """The pattern by which advertools.extract_hashtags finds tags, without its summary of all posts."""
    pattern = importlib.import_module("advertools.regex").HASHTAG
    return lambda text: [tag[1:] for tag in pattern.findall(text)]


def twitter_text() -> Extract:
    """The Python port of twitter-text."""
    extractor = importlib.import_module("twitter_text").Extractor
    return lambda text: extractor(text).extract_hashtags()


def twitter_text_python() -> Extract:
    """The parser of twitter-text-python, without its HTML."""
    parser = importlib.import_module("ttp.ttp").Parser()
    return lambda text: parser.parse(text, html=False).tags


PEERS: dict[str, Callable[[], Extract]] = {
    "advertools": advertools,
    "twitter-text": twitter_text,
    "twitter-text-python": twitter_text_python,
}


def keys_of(find: Extract, key: Key, posts: list[str]) -> list[list[str]]:
    """The keys of every post's tags."""
    return [[key(tag) for tag in find(post)] for post in posts]


def measured(libraries: dict[str, tuple[Extract, Key]], posts: list[str]) -> dict[str, tuple[float, float]]:
    """Microseconds of processor time per post, to find tags and to find and fold them: the best of some rounds.

    The libraries take turns, so that whatever else the machine does falls on all of them.
    """
    best = dict.fromkeys(libraries, (float("inf"), float("inf")))
    for _ in range(REPEATS):
        for name, (find, key) in libraries.items():
            start = time.process_time()
            for post in posts:
                find(post)
            found = time.process_time()
            keys_of(find, key, posts)
            both = time.process_time()
            best[name] = (min(best[name][0], found - start), min(best[name][1], both - found))
    return {name: (found / len(posts) * 1e6, both / len(posts) * 1e6) for name, (found, both) in best.items()}


def main() -> int:
    """Print the table; 1 where ours is beyond its limit or behind a peer."""
    with (DATA / "load/mayweather-mcgregor/tweets.csv").open(encoding="utf-8", newline="") as file:
        posts = [line["text"] for line in csv.DictReader(file)]
    tests = yaml.safe_load((DATA / "hashtags/twitter-text-extract.yml").read_text(encoding="utf-8"))["tests"]
    cases = [case for group in ("hashtags", "hashtags_from_astral") for case in tests[group]]
    libraries: dict[str, tuple[Extract, Key]] = {"jun": (extract, fold)}
    for name, load in PEERS.items():
        try:
            libraries[f"{name} {metadata.version(name)}"] = (load(), compatible)
        except ImportError:
            print(f"{name} is not installed")
    times = measured(libraries, posts)
    print(f"{len(posts):,} posts, best of {REPEATS}, Python {platform.python_version()}, {os.cpu_count()} cores")
    print(f"{'':<28}{'find, µs':>10}{'and fold, µs':>14}{'cases':>9}{'keys':>8}")
    for name, (find, key) in libraries.items():
        passed = sum(find(case["text"]) == case["expected"] for case in cases)
        keys = len(set(chain.from_iterable(keys_of(find, key, posts))))
        print(f"{name:<28}{times[name][0]:>10.1f}{times[name][1]:>14.1f}{passed:>6}/{len(cases)}{keys:>8,}")
    signless = [post.replace("#", "").replace("＃", "") for post in posts]
    print(f"{'jun, without number signs':<28}{measured({'': (extract, fold)}, signless)[''][0]:>10.1f}")
    ours = times.pop("jun")[1]
    if ours > min([LIMIT, *(both for _, both in times.values())]):
        print(f"jun took {ours:.1f} µs per post: more than its limit of {LIMIT} µs or than a peer")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
