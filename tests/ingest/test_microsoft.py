from __future__ import annotations

import base64
import hmac
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives import padding as block_padding
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from streams.errors import OperatorError
from streams.ingest.microsoft.messages import text_of
from streams.ingest.microsoft.source import TOLD_FOR
from streams.ingest.rejections import MANY
from tests.support.ingest import NOW, Bench
from tests.support.push import Answer, Called, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

STATE = "a-client-state-of-the-tests"
KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)  # fmt: skip
TEAMS = "#Microsoft.Graph.chatMessage"
ENGAGE = "#microsoft.graph.engagementConversationDiscussionMessage"
CHANNEL = "19:d0bba23c2fc8413991125a43a54cc30e@thread.tacv2"
MESSAGE = {
    "id": "1590776551682",
    "replyToId": None,
    "messageType": "message",
    "createdDateTime": "2026-05-28T20:26:39.5420000Z",
    "from": {"application": None, "device": None, "user": {"id": "8ea0e38b", "displayName": "Robin Kline"}},
    "body": {"contentType": "html", "content": '<div>Hello <b>#Jun</b> &amp; <at id="0">Granada</at></div>'},
    "channelIdentity": {"teamId": "fbe2bf47", "channelId": CHANNEL},
    "attachments": [],
    "mentions": [],
    "reactions": [],
}


def encrypted(content: bytes, public: rsa.RSAPublicKey | None = None) -> dict[str, str]:
    """Encrypt as Microsoft's documentation says, step by step."""
    key = os.urandom(32)
    padder = block_padding.PKCS7(128).padder()
    padded = padder.update(content) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
    data = encryptor.update(padded) + encryptor.finalize()
    oaep = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303 (as Microsoft does)
    return {
        "data": base64.b64encode(data).decode(),
        "dataKey": base64.b64encode((public or KEY.public_key()).encrypt(key, oaep)).decode(),
        "dataSignature": base64.b64encode(hmac.digest(key, data, "sha256")).decode(),
        "encryptionCertificateId": "jun",
    }


def notification(message: dict[str, Any] | bytes, named: str = TEAMS, **change: Any) -> dict[str, Any]:
    content = message if isinstance(message, bytes) else json.dumps(message).encode()
    return {
        "subscriptionId": "76222963",
        "changeType": "created",
        "clientState": STATE,
        "subscriptionExpirationDateTime": "2026-05-28T21:26:40Z",
        "resource": "teams('fbe2bf47')/channels('19:d0')/messages('1590776551682')",
        "resourceData": {"id": "1590776551682", "@odata.type": named},
        "encryptedContent": encrypted(content),
        **change,
    }


class Graph:
    """Microsoft Graph as a caller."""

    def __init__(self, called: Called) -> None:
        self.called = called

    async def notify(self, *notifications: dict[str, Any]) -> Answer:
        """Send a batch."""
        return await self.called.call({"value": list(notifications), "validationTokens": ["x"]})

    async def say(self, message: dict[str, Any], named: str = TEAMS, **change: Any) -> list[tuple[str, str, str]]:
        """Send one message; give kind, account's actor and reference of all events so far."""
        assert (await self.notify(notification(message, named, **change))).status == 200
        assert self.called.outlet.letters == []
        return [(event.kind, event.actor, event.reference) for event in self.called.events]

    def actor(self, account: str) -> str:
        """Give the pseudonym of an account."""
        return self.called.bench.pseudonyms.account("posts", account)

    def original(self, identifier: str) -> str:
        """Give the id of an event."""
        return self.called.bench.original(identifier)


@pytest.fixture
async def graph(bench: Callable[..., Bench], tmp_path: Path) -> AsyncIterator[Graph]:
    (tmp_path / "state").write_text(STATE)
    (tmp_path / "key").write_bytes(PEM)
    one = bench(kind="microsoft", port=0, client_state={"file": "state"}, private_key={"file": "key"})
    async with listening(one) as called:
        yield Graph(called)


async def test_the_validation_token_of_the_set_up_is_given_back_as_plain_text(graph: Graph) -> None:
    answer = await graph.called.call(query="?validationToken=Validation%3A%20Testing%20%3Cb%3E")
    assert (answer.status, answer.body) == (200, b"Validation: Testing <b>")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await graph.called.call(query=f"?validationToken={'x' * 2049}")).status == 400


async def test_a_message_in_a_channel_is_a_post(graph: Graph) -> None:
    await graph.say(MESSAGE)
    (event,) = graph.called.events
    assert event.id == graph.original(f"{CHANNEL}/1590776551682")
    assert (event.kind, event.at, event.tags, event.role) == ("post", NOW - 458, ("jun",), "person")
    assert event.actor == graph.actor("8ea0e38b")


async def test_a_reply_refers_to_its_message(graph: Graph) -> None:
    assert await graph.say({**MESSAGE, "id": "2", "replyToId": "1590776551682"}) == [
        ("reply", graph.actor("8ea0e38b"), graph.original(f"{CHANNEL}/1590776551682"))
    ]


async def test_a_forwarded_message_is_a_reshare_of_its_sender(graph: Graph) -> None:
    content = json.dumps(
        {
            "originalMessageId": "9",
            "originalConversationId": "19:elsewhere@thread.tacv2;messageid=8",
            "originalMessageSender": {"user": {"id": "ANA"}},
        }
    )
    forwarded = {"contentType": "forwardedMessageReference", "content": content}
    told = await graph.say({**MESSAGE, "attachments": [forwarded]})
    assert [kind for kind, _, _ in told] == ["reshare", "recognised"]
    assert {reference for _, _, reference in told} == {graph.original("19:elsewhere@thread.tacv2/9")}
    assert graph.called.events[1].target_role == "leader"


async def test_an_update_tells_reactions_and_edits_and_repeats_count_once(graph: Graph) -> None:
    reaction = {
        "reactionType": "like",
        "createdDateTime": "2026-05-28T20:26:39Z",
        "user": {"user": {"id": "f1"}},
    }
    old = {**reaction, "createdDateTime": "2026-05-27T20:26:39Z", "user": {"user": {"id": "f2"}}}
    await graph.say(MESSAGE)
    update = {**MESSAGE, "reactions": [reaction, old]}
    await graph.say(update, changeType="updated")
    edited = {**update, "lastEditedDateTime": "2026-05-28T20:26:40Z"}
    told = await graph.say(edited, changeType="updated")
    post = ("post", graph.actor("8ea0e38b"), "")
    like = ("reaction", graph.actor("f1"), graph.original(f"{CHANNEL}/1590776551682"))
    assert told == [post, like, post, like]
    assert len({event.id for event in graph.called.events}) == 2


@pytest.mark.parametrize(
    ("message", "change"),
    [
        ({**MESSAGE, "channelIdentity": None, "chatId": "19:chat"}, {}),
        ({**MESSAGE, "messageType": "systemEventMessage"}, {}),
        ({**MESSAGE, "deletedDateTime": "2026-05-28T20:26:40Z"}, {"changeType": "updated"}),
        (MESSAGE, {"changeType": "updated"}),
        (MESSAGE, {"changeType": "deleted"}),
        ({**MESSAGE, "@odata.type": "#microsoft.graph.engagementConversationSystemMessage"}, {}),
    ],
)
async def test_what_is_private_or_nobodys_doing_is_not_read(
    graph: Graph, message: dict[str, Any], change: dict[str, Any]
) -> None:
    assert await graph.say(message, **change) == []


async def test_apps_are_bots(graph: Graph) -> None:
    await graph.say({**MESSAGE, "from": {"application": {"id": "app"}, "user": None}})
    assert [event.role for event in graph.called.events] == ["bot"]


async def test_a_conversation_of_viva_engage_is_read_as_well(graph: Graph) -> None:
    message = {
        "id": "2000337749565441",
        "createdDateTime": "2026-05-28T20:26:40Z",
        "creationMode": "none",
        "from": {"user": {"id": "36425097217"}, "group": {"id": "plaza"}},
        "body": {"contentType": "html", "content": "<p>Hello everyone! #Jun</p>"},
        "replyToId": "2000337749565440",
    }
    assert await graph.say(message, ENGAGE) == [
        ("reply", graph.actor("36425097217"), graph.original("engage/2000337749565440"))
    ]
    assert graph.called.events[0].region == "granada"  # by the community, as a channel


async def test_a_notification_with_a_wrong_client_state_is_passed_over_beside_good_ones(graph: Graph) -> None:
    good = notification(MESSAGE)
    forged = notification({**MESSAGE, "id": "666"}, clientState="another-client-state-of-nobody")
    for _ in range(MANY):
        assert (await graph.notify(forged, good, forged)).status == 200
    assert {event.id for event in graph.called.events} == {graph.original(f"{CHANNEL}/1590776551682")}
    assert graph.called.source.standing(NOW).status == "ok"


async def test_a_batch_without_the_client_state_is_turned_away(graph: Graph) -> None:
    good = notification(MESSAGE)
    for state in ("", None, STATE + "x", STATE[:-1], "\ud800"):
        assert (await graph.notify({**good, "clientState": state})).status == 401
    for body in (b"", b"{}", b'{"value":[]}', b"\xff", b'{"value":7}', b"[" * 100_000):
        assert (await graph.called.call(body)).status == 401
    assert graph.called.outlet.records == []


async def test_content_that_is_not_for_us_or_not_signed_is_turned_away(graph: Graph) -> None:
    good = notification(MESSAGE)
    other = rsa.generate_private_key(65537, 2048).public_key()
    content = good["encryptedContent"]
    data = base64.b64decode(content["data"])
    for wrong in (
        encrypted(b"{}", other),
        {**content, "data": base64.b64encode(data[:-1] + bytes([data[-1] ^ 1])).decode()},
        {**content, "dataSignature": base64.b64encode(bytes(32)).decode()},
        {**content, "dataSignature": ""},
        {**content, "dataKey": "no base64"},
        {},
    ):
        assert (await graph.notify({**good, "encryptedContent": wrong})).status == 401
    assert graph.called.outlet.records == []


async def test_content_that_can_not_be_opened_is_a_dead_letter_beside_good_ones(graph: Graph) -> None:
    other = rsa.generate_private_key(65537, 2048).public_key()
    closed = {**notification(MESSAGE), "encryptedContent": encrypted(b"{}", other)}
    assert (await graph.notify(closed, notification(MESSAGE))).status == 200
    assert [letter.reason for letter in graph.called.outlet.letters] == ["unreadable"]
    assert len(graph.called.events) == 1


async def test_what_can_not_be_read_is_a_dead_letter_beside_the_good_ones(graph: Graph) -> None:
    bad = [
        notification(b"{"),
        notification({**MESSAGE, "createdDateTime": "soon"}),
        notification({**MESSAGE, "from": None}),
        notification(MESSAGE, "#microsoft.graph.presence"),
        {**notification(MESSAGE), "encryptedContent": None},
    ]
    assert (await graph.notify(*bad, notification(MESSAGE))).status == 200
    assert [letter.reason for letter in graph.called.outlet.letters] == ["not_json", *["wrong_type"] * 4]
    assert len(graph.called.events) == 1


@pytest.mark.parametrize(
    ("said", "words"),
    [("missed", "left notifications out"), ("subscriptionRemoved", "removed"), ("reauthorizationRequired", "again")],
)
async def test_the_heartbeat_says_what_microsoft_says_about_a_subscription(
    graph: Graph, said: str, words: str
) -> None:  # fmt: skip
    lifecycle = {"subscriptionId": "76222963", "clientState": STATE, "lifecycleEvent": said}
    assert (await graph.notify(lifecycle)).status == 200
    standing = graph.called.source.standing(NOW)
    assert standing.status == "degraded"
    assert words in standing.reason
    assert graph.called.source.standing(NOW + TOLD_FOR).status == "ok"


async def test_the_heartbeat_says_when_the_last_subscription_has_expired(graph: Graph) -> None:
    await graph.say(MESSAGE)
    hour = 3_600_000
    assert graph.called.source.standing(NOW + hour - 1).status == "ok"
    assert "have expired" in graph.called.source.standing(NOW + hour).reason
    await graph.say(MESSAGE, subscriptionId="other", subscriptionExpirationDateTime="2026-05-28T23:26:40Z")
    assert graph.called.source.standing(NOW + hour).status == "ok"


async def test_a_key_that_is_none_is_said_at_the_start_and_not_shown(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:  # fmt: skip
    (tmp_path / "state").write_text(STATE)
    (tmp_path / "key").write_text("no key at all")
    one = bench(kind="microsoft", port=0, client_state={"file": "state"}, private_key={"file": "key"})
    with pytest.raises(OperatorError, match="PEM") as caught:
        await one.source.run(one.intake)
    assert "no key at all" not in str(caught.value)


def test_names_and_markup_are_no_text() -> None:
    content = '<p>Hi <at id="0">#Maria</at> <a href="https://x/#top">see</a>&nbsp;#Jun</p>'
    assert text_of(content).split() == ["Hi", "see", "#Jun"]
