from __future__ import annotations

import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest
from slack_sdk.signature import Clock, SignatureVerifier

from streams.ingest.slack import LIMITED_FOR
from tests.support.ingest import NOW, Bench
from tests.support.push import Answer, Called, listening, told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
CHANNEL = {"channel": "C1", "channel_type": "channel"}
MESSAGE = {"type": "message", "user": "U1", "text": "Hello #Jun", "ts": "1779999000.000100", **CHANNEL}


def hmac_of(raw: bytes, seconds: int) -> str:
    """Give the hex digits of Slack's signature, which its library makes of text only."""
    return hmac.new(SECRET.encode(), f"v0:{seconds}:".encode() + raw, hashlib.sha256).hexdigest()


class Then(Clock):
    """Slack's own clock, standing."""

    def now(self) -> float:
        """Give the time of the tests, in seconds."""
        return NOW / 1000


class Slack:
    """A caller that signs as Slack's own library does."""

    def __init__(self, called: Called) -> None:
        self.called = called
        self.signer = SignatureVerifier(SECRET, Then())

    async def send(self, body: object, at: int = NOW // 1000, **headers: str) -> Answer:
        """Send a body that is signed."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.called.call(raw, {**self.signed(raw, at), **headers})

    def signed(self, raw: bytes, at: int = NOW // 1000) -> Mapping[str, str]:
        """Give the headers that prove a body."""
        signature = self.signer.generate_signature(timestamp=str(at), body=raw)
        assert signature is not None
        return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": signature}

    async def event(self, **event: Any) -> list[dict[str, Any]]:
        """Send one event; give what all events say so far."""
        answer = await self.send({"type": "event_callback", "event": event})
        assert answer.status == 200
        return [told(one) for one in self.called.events]


@pytest.fixture
async def slack(bench: Callable[..., Bench], tmp_path: Path) -> AsyncIterator[Slack]:
    (tmp_path / "secret").write_text(SECRET)
    async with listening(bench(kind="slack", port=0, signing_secret={"file": "secret"})) as called:
        yield Slack(called)


async def test_the_challenge_of_the_set_up_is_answered_if_it_is_signed(slack: Slack) -> None:
    challenge = {"token": "x", "challenge": "3eZbrw1aBm2rZgRNFdxV", "type": "url_verification"}
    answer = await slack.send(challenge)
    assert (answer.status, json.loads(answer.body)) == (200, {"challenge": "3eZbrw1aBm2rZgRNFdxV"})
    assert (await slack.called.call(challenge)).status == 401


async def test_a_message_is_a_post(slack: Slack, shared_data: Path) -> None:
    raw = (shared_data / "payloads/slack-bolt/message-01-message_body.json").read_bytes()
    assert (await slack.send(raw)).status == 200
    (event,) = slack.called.events
    assert told(event) == {
        "id": slack.called.bench.original("C111/1596183880.004200"),
        "at": 1_596_183_880_004,
        "region": "unassigned",
        "actor": slack.called.bench.pseudonyms.account("posts", "w111"),
        "kind": "post",
        "role": "person",
        "target_role": "person",
    }


async def test_a_broadcast_of_a_thread_is_a_reply_to_its_first_message(slack: Slack, shared_data: Path) -> None:
    raw = (shared_data / "payloads/slack-bolt/message_thread_broadcast-01-event_payload.json").read_bytes()
    assert (await slack.send(raw)).status == 200
    (event,) = slack.called.events
    assert (event.kind, event.at) == ("reply", 1_633_670_813_007)
    assert event.reference == slack.called.bench.original("C111/1633663824.000500")


async def test_an_edit_has_the_id_and_the_moment_of_the_message(slack: Slack) -> None:
    edit = {
        "type": "message",
        "subtype": "message_changed",
        "message": {**MESSAGE, "text": "Hello #Jun #Two", "edited": {"user": "U1", "ts": "1779999100.000000"}},
        "previous_message": MESSAGE,
        "ts": "1779999100.000200",
        **CHANNEL,
    }
    first, second = await slack.event(**MESSAGE) and await slack.event(**edit)
    assert (first["id"], first["at"]) == (second["id"], second["at"])


async def test_an_old_edit_a_deletion_and_a_preview_are_no_events(slack: Slack, shared_data: Path) -> None:
    for name in ("message_changed-01", "message_deleted-01"):
        raw = (shared_data / f"payloads/slack-bolt/{name}-event_payload.json").read_bytes()
        assert (await slack.send(raw)).status == 200
    preview = {"type": "message", "subtype": "message_changed", "message": MESSAGE, **CHANNEL, "ts": "1"}
    assert await slack.event(**preview) == []
    assert slack.called.outlet.letters == []


async def test_a_reaction_refers_to_its_message(slack: Slack) -> None:
    (reaction,) = await slack.event(
        type="reaction_added",
        user="U2",
        reaction="tada",
        item={"type": "message", "channel": "C1", "ts": MESSAGE["ts"]},
        item_user="U1",
        event_ts="1779999001.5",
    )
    bench = slack.called.bench
    assert reaction == {
        "id": bench.original(f"reaction/C1/{MESSAGE['ts']}/U2/tada"),
        "at": 1_779_999_001_500,
        "region": "unassigned",
        "actor": bench.pseudonyms.account("posts", "u2"),
        "kind": "reaction",
        "role": "person",
        "reference": bench.original(f"C1/{MESSAGE['ts']}"),
        "target": bench.pseudonyms.account("posts", "u1"),
        "target_role": "person",
    }


async def test_a_shared_message_is_a_reshare_of_its_author(slack: Slack) -> None:
    shared = {"is_share": True, "author_id": "ANA", "channel_id": "C2", "ts": "1779990000.000300", "text": "#Jun"}
    reshare, recognised = await slack.event(**{**MESSAGE, "text": "", "attachments": [shared]})
    assert (reshare["kind"], recognised["kind"], recognised["region"]) == ("reshare", "recognised", "granada")
    assert reshare["reference"] == slack.called.bench.original("C2/1779990000.000300")
    assert recognised["target_role"] == "leader"


async def test_links_and_channels_are_no_hashtags_and_the_channel_has_its_region(slack: Slack) -> None:
    text = "&lt;3 #Jun <#C024BE7LR|general> <https://jun.example/#top|#link> <@U77|#not>"
    (post,) = await slack.event(**{**MESSAGE, "text": text, "channel": "plaza"})
    assert post["tags"] == ("jun",)
    assert post["region"] == "granada"


async def test_a_message_and_its_app_mention_are_one_event(slack: Slack) -> None:
    await slack.event(**MESSAGE)
    first, second = await slack.event(**{**MESSAGE, "type": "app_mention"})
    assert first["id"] == second["id"]


@pytest.mark.parametrize(("extra", "role"), [({"bot_id": "B1"}, "bot"), ({"subtype": "bot_message"}, "bot")])
async def test_bots_are_no_people(slack: Slack, extra: dict[str, Any], role: str) -> None:
    message = {key: value for key, value in MESSAGE.items() if key != "user"}
    assert [event["role"] for event in await slack.event(**{**message, "bot_id": "B1", **extra})] == [role]


@pytest.mark.parametrize(
    "event",
    [
        {**MESSAGE, "channel_type": "im"},
        {**MESSAGE, "channel_type": "mpim"},
        {**MESSAGE, "subtype": "channel_join"},
        {"type": "reaction_removed", "user": "U1"},
        {"type": "user_change", "user": {"id": "U1"}},
        {"type": "reaction_added", "user": "U1", "item": {"type": "file"}},
    ],
)
async def test_what_is_private_or_nobodys_doing_is_not_read(slack: Slack, event: dict[str, Any]) -> None:
    assert await slack.event(**event) == []
    assert slack.called.outlet.letters == []


async def test_a_retry_counts_once(slack: Slack) -> None:
    body = {"type": "event_callback", "event": MESSAGE}
    await slack.send(body)
    await slack.send(body, **{"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"})
    assert len({event.id for event in slack.called.events}) == 1


async def test_five_minutes_are_fresh_and_one_second_more_is_not(slack: Slack) -> None:
    body = {"type": "event_callback", "event": MESSAGE}
    now = NOW // 1000
    for at, status in ((now - 300, 200), (now + 300, 200), (now - 301, 401), (now + 301, 401)):
        assert (await slack.send(body, at)).status == status


@pytest.mark.parametrize("change", ["", "v0=", "v1", "short", "bytes"])
async def test_forgeries_are_turned_away(slack: Slack, change: str) -> None:
    raw = json.dumps({"type": "event_callback", "event": MESSAGE}).encode()
    headers = dict(slack.signed(raw))
    good = headers["X-Slack-Signature"]
    headers["X-Slack-Signature"] = {
        "": "", "v0=": "v0=", "v1": good.replace("v0", "v1"), "short": good[:-1], "bytes": good[:-2] + "\xff\xfe",
    }[change]  # fmt: skip
    assert (await slack.called.call(raw, headers)).status == 401
    assert (await slack.called.call(raw + b" ", slack.signed(raw))).status == 401
    assert slack.called.outlet.records == []


async def test_what_can_not_be_read_is_a_dead_letter_and_slack_is_not_asked_to_repeat_it(slack: Slack) -> None:
    for raw, reason in (
        (b"{", "not_json"),
        (b"[]", "wrong_type"),
        (b'{"type":"event_callback"}', "wrong_type"),
        (json.dumps({"type": "event_callback", "event": {**MESSAGE, "ts": "soon"}}).encode(), "wrong_type"),
        (json.dumps({"type": "event_callback", "event": {**MESSAGE, "ts": "1.²"}}).encode(), "wrong_type"),
        (json.dumps({"type": "event_callback", "event": {**MESSAGE, "text": "\0"}}).encode(), "null_bytes"),
    ):
        assert (await slack.send(raw)).status == 200
        assert slack.called.outlet.letters[-1].reason == reason
    assert len(slack.called.outlet.letters) == 6


async def test_the_heartbeat_says_that_slack_has_left_events_out(slack: Slack, shared_data: Path) -> None:
    raw = (shared_data / "payloads/slack/json-logs/samples/events/AppRateLimitedPayload.json").read_bytes()
    assert (await slack.send(raw)).status == 200
    assert slack.called.source.standing(NOW).status == "degraded"
    assert slack.called.source.standing(NOW + LIMITED_FOR).status == "ok"


async def test_every_sample_of_slack_is_read(slack: Slack, shared_data: Path) -> None:
    for file in sorted((shared_data / "payloads").glob("slack*/**/*.json")):
        assert (await slack.send(file.read_bytes())).status == 200, file
