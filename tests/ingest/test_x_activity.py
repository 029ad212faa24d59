from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest

from streams.ingest.x_activity import TOLD_FOR
from tests.support.ingest import NOW, Bench
from tests.support.push import Answer, Called, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

SECRET = "consumer-secret-of-the-tests"
STATUS = {
    "id_str": "1", "timestamp_ms": str(NOW - 5), "user": {"id_str": "7", "screen_name": "Ana"}, "text": "Good day #Jun",
}  # fmt: skip
OTHER = {"id_str": "0", "user": {"screen_name": "kenji"}, "text": "#Other", "timestamp_ms": str(NOW - 900)}


def signed(raw: bytes) -> str:
    digest = hmac.new(SECRET.encode(), raw, hashlib.sha256).digest()
    return "sha256=" + base64.b64encode(digest).decode()


class X:
    """X as a caller."""

    def __init__(self, called: Called) -> None:
        self.called = called

    async def send(self, body: object) -> Answer:
        """Send a signed body."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.called.call(raw, {"x-twitter-webhooks-signature": signed(raw)})

    async def post(self, **change: Any) -> list[Any]:
        """Send one post; give all events so far."""
        assert (await self.send({"for_user_id": "7", "tweet_create_events": [{**STATUS, **change}]})).status == 200
        return self.called.events


@pytest.fixture
async def x(bench: Callable[..., Bench], tmp_path: Path) -> AsyncIterator[X]:
    (tmp_path / "secret").write_text(SECRET)
    async with listening(bench(kind="x-activity", port=0, consumer_secret={"file": "secret"})) as called:
        yield X(called)


async def test_the_challenge_is_answered_as_x_expects_it(x: X) -> None:
    answer = await x.called.call(method="GET", query="?crc_token=9b4507b3-9040-4669-9ca3-6b94edb50553")
    expected = signed(b"9b4507b3-9040-4669-9ca3-6b94edb50553")
    assert (answer.status, json.loads(answer.body)) == (200, {"response_token": expected})


@pytest.mark.parametrize("token", ["", "%7B%22tweet_create_events%22:[]%7D", "a%20b", "a" * 257, "%00"])
async def test_nothing_that_could_be_a_body_is_ever_signed(x: X, token: str) -> None:
    assert (await x.called.call(method="GET", query=f"?crc_token={token}")).status == 400


async def test_a_post_a_reply_and_what_x_puts_before_it(x: X) -> None:
    named = {"user_mentions": [{"screen_name": "office", "indices": [0, 7]}]}
    (post,) = await x.post()
    assert (post.kind, post.at, post.region, post.role, post.tags) == ("post", NOW - 5, "granada", "leader", ("jun",))
    *_, reply = await x.post(
        id_str="2",
        in_reply_to_status_id_str="1",
        in_reply_to_screen_name="office",
        display_text_range=[8, 20],
        entities=named,
    )
    assert (reply.kind, reply.reference) == ("reply", x.called.bench.original("1"))


async def test_a_repost_and_a_quote_are_reshares_of_their_author(x: X) -> None:
    for number, field in enumerate(("retweeted_status", "quoted_status")):
        await x.post(
            id_str=f"r{number}", text="RT @kenji: #Oth…", **{field: {**OTHER, "user": {"screen_name": "ana2"}}}
        )
    repost, quote = x.called.events
    assert (repost.kind, quote.kind) == ("reshare", "reshare")
    assert repost.reference == quote.reference == x.called.bench.original("0")
    assert repost.tags == ("other",)


async def test_a_long_post_is_read_whole(x: X) -> None:
    long = {"full_text": "long " * 40 + "#End", "display_text_range": [0, 204], "entities": {"user_mentions": []}}
    (post,) = await x.post(text="long long…", extended_tweet=long)
    assert post.tags == ("end",)


async def test_tags_that_x_tells_of_count_as_far_as_the_text_bears_them_out(x: X) -> None:
    told = {"hashtags": [{"text": "VolunteerDay"}, {"text": "NeverWritten"}, {"text": "Cafe"}]}
    (post,) = await x.post(text="#Café and #Reading, all about #Volun… https://t.co/x", entities=told)
    assert post.tags == ("café", "reading", "volunteerday")


async def test_a_like_is_a_reaction(x: X) -> None:
    like = {"id": "a7ba59eab0bfcba386f7acedac279542", "created_at": "Thu May 28 20:26:39 +0000 2026"}
    body = {"favorite_events": [{**like, "user": {"screen_name": "kenji"}, "favorited_status": STATUS}]}
    assert (await x.send(body)).status == 200
    (event,) = x.called.events
    assert (event.kind, event.at, event.target_role) == ("reaction", NOW - 1000, "leader")
    assert event.reference == x.called.bench.original("1")


async def test_real_statuses_are_read(x: X, shared_data: Path) -> None:
    folder = shared_data / "payloads/x-api-v1.1/test/fixtures"
    statuses = json.loads((folder / "statuses.json").read_text())
    retweet = json.loads((folder / "retweet.json").read_text())
    assert (await x.send({"tweet_create_events": [*statuses, retweet]})).status == 200
    assert x.called.outlet.letters == []
    events = [event for event in x.called.events if event.kind != "recognised"]
    assert [event.id for event in events] == [x.called.bench.original(one["id_str"]) for one in [*statuses, retweet]]
    assert (events[-1].kind, events[-1].reference) == ("reshare", x.called.bench.original("28561922516"))
    assert events[-1].target == x.called.bench.pseudonyms.account("posts", "gruber")


async def test_direct_messages_deletions_and_follows_are_not_read(x: X) -> None:
    body = {
        "for_user_id": "7",
        "tweet_delete_events": [{"status": {"id": "1", "user_id": "7"}, "timestamp_ms": "1"}],
        "direct_message_events": [{"type": "message_create", "id": "1"}],
        "follow_events": [{"type": "follow"}],
    }
    assert (await x.send(body)).status == 200
    assert x.called.outlet.records == []


async def test_the_heartbeat_says_that_an_account_has_left(x: X) -> None:
    await x.send({"user_event": {"revoke": {"source": {"user_id": "7"}}}})
    assert "withdrawn" in x.called.source.standing(NOW).reason
    assert "withdrawn" in x.called.source.standing(NOW + TOLD_FOR - 1).reason
    assert x.called.source.standing(NOW + TOLD_FOR).status == "ok"


async def test_an_account_of_which_x_tells_again_has_come_back(x: X) -> None:
    for who in ("7", "8"):
        await x.send({"for_user_id": who, "user_event": {"revoke": {"source": {"user_id": who}}}})
    await x.send({"for_user_id": "7", "tweet_create_events": []})
    assert "withdrawn" in x.called.source.standing(NOW).reason
    await x.send({"for_user_id": "8", "tweet_create_events": []})
    assert x.called.source.standing(NOW).status == "ok"


async def test_forgeries_are_turned_away_and_rubbish_is_a_dead_letter(x: X) -> None:
    raw = json.dumps({"tweet_create_events": [STATUS]}).encode()
    for signature in ("", signed(raw)[:-1], signed(raw + b" "), signed(raw).replace("sha256", "sha1"), "\xff"):
        assert (await x.called.call(raw, {"x-twitter-webhooks-signature": signature})).status == 401
    assert x.called.outlet.records == []
    for rubbish in (b"{", b"[]", b'{"tweet_create_events":[7]}', b'{"tweet_create_events":[{"id_str":"1"}]}'):
        assert (await x.send(rubbish)).status == 200
    assert [letter.reason for letter in x.called.outlet.letters] == ["not_json", *["wrong_type"] * 3]
