"""Whatever a service sends, an agent takes it or makes a dead letter of it, and goes on with the next."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from schemas.codec import UnreadableError
from schemas.config import Config
from schemas.directory import Directory
from streams.ingest import bluesky_record, mastodon_status, rss, slack_export, viva_engage, x_post
from streams.ingest.mailbox import ImapSettings, Looking, Position
from streams.ingest.markup import plain
from streams.ingest.rereading import items_of
from streams.ingest.source import Item, Surroundings
from streams.ingest.submission import Submission
from tests.conftest import SHARED_DATA
from tests.support.ingest import NOW, Bench

if TYPE_CHECKING:
    from collections.abc import Callable

PAYLOADS = Path(os.environ.get("JUN_SHARED_DATA") or SHARED_DATA) / "payloads"
needs_data = pytest.mark.usefixtures("shared_data")


def _mastodon() -> list[Any]:
    cassette = yaml.safe_load((PAYLOADS / "mastodon/tests/cassettes/test_public_tl.yaml").read_text())
    answers = [one["response"]["body"]["string"] for one in cassette["interactions"]]
    pages = [page for answer in answers if isinstance(page := json.loads(answer), list)]
    return [one for page in pages for one in page][:5]


def _x() -> list[Any]:
    found = json.loads((PAYLOADS / "x-api-v2/testdata/apis/searches/search_tweets_query.json").read_bytes())
    includes = x_post.Includes(*([Raw(json.dumps(one).encode()) for one in found["includes"].get(part, [])]
                                 for part in ("tweets", "users")))  # fmt: skip
    return [json.loads(x_post.narrowed(json.dumps(one).encode(), includes)) for one in found["data"]]


def _bluesky() -> list[Any]:
    lines = (PAYLOADS / "bluesky-jetstream/jetstream-sample.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def _engage() -> list[Any]:
    message = json.loads((PAYLOADS / "m365-teams-yammer/engage-message-get-0.json").read_bytes())
    return [{"message": {**message, "replied_to_id": 5}, "references": [{"type": "message", "id": 5, "sender_id": 1}]}]


def _slack() -> list[Any]:
    payload = json.loads((PAYLOADS / "slack-bolt/message-01-message_body.json").read_bytes())
    told = {"channel": "C1", "ts": "1779900000.000100", "user": "U1", "target": "U2", "bot": False}
    return [{"channel": "C1", "message": payload["event"], "bot": False}, {"reaction": "wave", **told}]


def _feed() -> list[Any]:
    return [{"id": "a", "at": NOW, "text": "#Jun", "tags": ["b"], "account": "office", "region": "granada"}]


KINDS: dict[str, tuple[Callable[[], list[Any]], Callable[[bytes], Submission | None]]] = {
    "mastodon": (_mastodon, mastodon_status.read),
    "x": (_x, x_post.read),
    "bluesky": (_bluesky, bluesky_record.read),
    "viva-engage": (_engage, viva_engage.read),
    "slack-export": (_slack, slack_export.read),
    "rss": (_feed, rss.read),
}

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.just("x" * 2_000)
    | st.just("\0"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@cache
def originals(kind: str) -> list[str]:
    return [json.dumps(one) for one in KINDS[kind][0]()]


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Give the places of everything in a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [before, *(path for key, one in inner for path in paths(one, (*before, key)))]


def put(value: Any, path: tuple[Any, ...], other: Any) -> Any:
    if not path:
        return other
    value[path[0]] = put(value[path[0]], path[1:], other)
    return value


@st.composite
def mutated(draw: st.DrawFn, kind: str) -> bytes:
    """A real payload with one or two of its values replaced, or with its bytes cut and changed."""
    text = draw(st.sampled_from(originals(kind)))
    if draw(st.booleans()):
        document = json.loads(text)
        for _ in range(draw(st.integers(1, 2))):
            document = put(document, draw(st.sampled_from(paths(document))), draw(VALUES))
        return json.dumps(document).encode("utf-8", "surrogatepass")
    raw = bytearray(text.encode())
    for _ in range(draw(st.integers(1, 4))):
        raw[draw(st.integers(0, len(raw) - 1))] = draw(st.integers(0, 255))
    return bytes(raw[: draw(st.integers(0, len(raw)))])


@needs_data
@pytest.mark.parametrize("kind", KINDS)
def test_a_mutated_input_is_taken_or_refused_and_the_next_one_goes_on(kind: str, tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"name": "posts", "kind": "clock"})
    good = Item(b"", "", Submission(id="good", at=NOW, account="ana"))
    read = KINDS[kind][1]

    @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(raw=mutated(kind))
    def check(raw: bytes) -> None:
        items = items_of(raw, "place", read)
        before = len(bench.outlet.letters)
        taken = asyncio.run(bench.intake.take([*items, good]))
        refused = [item for item in items if isinstance(item.submission, UnreadableError)]
        assert taken.accepted + len(taken.refused) == len(items) + 1
        assert len(taken.refused) >= len(refused)
        assert len(bench.outlet.letters) - before == len(taken.refused)
        assert bench.outlet.events[-1].id == bench.original("good")
        for item in refused:  # and a second reading says the same
            (again,) = items_of(item.raw, item.place, read)
            assert str(again.submission) == str(item.submission)

    check()
    bench.close()


@needs_data
@pytest.mark.parametrize("kind", KINDS)
def test_a_real_input_is_never_refused(kind: str) -> None:
    read = KINDS[kind][1]
    for text in originals(kind):
        read(text.encode())


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("<>!-[]/?&;#xD8p a\"'=\x00é"), max_size=60))
def test_text_comes_out_of_any_markup(markup: str) -> None:
    assert isinstance(plain(markup), str)


@needs_data
def test_a_mutated_feed_is_read_or_refused(tmp_path: Path) -> None:
    feeds = [file.read_bytes() for file in sorted((PAYLOADS / "rss-atom/tests").rglob("*.xml"))]
    feeds.append(b"<rss version='2.0'><channel><item><title>&#xD800;&#0;</title></item></channel></rss>")
    found = rss.RssSettings(name="feed", url="http://127.0.0.1/", categories=True)
    source = rss.RssSource(found, Surroundings(Config(), Directory(), tmp_path, lambda: NOW))

    @settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow], deadline=None)
    @given(st.sampled_from(feeds), st.lists(st.tuples(st.integers(0, 10**6), st.binary(max_size=6)), max_size=4))
    def check(feed: bytes, changes: list[tuple[int, bytes]]) -> None:
        for place, part in changes:
            start = place % (len(feed) + 1)
            feed = feed[:start] + part + feed[start + len(part) :]
        try:
            entries = source._parsed(feed)
        except UnreadableError:
            return
        assert all(isinstance(item.submission, Submission | UnreadableError) for item in source._items(entries))

    check()


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200), st.sampled_from([b"From: ", b"Subject: =?utf-8?b?", b"Message-ID: <", b"List-Id: =?x?q?"])
)
def test_any_head_of_a_mail_is_read_or_passed_over(raw: bytes, name: bytes) -> None:
    found = ImapSettings(name="m", host="127.0.0.1", user="ana", senders=("news@office.example",))
    head = b"From: news@office.example\r\n" + name + raw
    told = {b"FLAGS": (), b"INTERNALDATE": datetime(2026, 5, 28, tzinfo=UTC),
            b"BODY[HEADER.FIELDS (FROM SUBJECT MESSAGE-ID LIST-ID)]": head}  # fmt: skip
    mail = Looking(found, Position(), NOW)._mail(7, told)
    assert mail is None or (mail.uid == 7 and len(mail.key) == 32)
