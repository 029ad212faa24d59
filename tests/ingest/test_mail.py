from __future__ import annotations

import contextlib
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest

from streams.errors import OperatorError
from streams.ingest.mail.machines import by_machine
from tests.support import mail
from tests.support.ingest import NOW, Bench
from tests.support.push import Answer, Called, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

NOW_SECONDS = NOW // 1000
OPEN = {"event": "open", "email": "ana", "timestamp": NOW_SECONDS, "sg_event_id": "e1", "sg_message_id": "m1.filter"}

# Payload, and what it means: kind, address, time, message; worked out by reading each of them.
MEANINGS: list[tuple[str, list[tuple[str, str, str | int, str]]]] = [
    ("mailjet_webhooks-01", [("delivered", "recipient@example.com", 1498093527, "12345678901234567")]),
    ("mailjet_webhooks-02", [("open", "recipient@example.com", 1498093527, "12345678901234567")]),
    ("mailjet_webhooks-04", [("bounce", "invalid@invalid", 1498093527, "12345678901234567")]),
    ("mailjet_webhooks-05", []),
    ("mailjet_webhooks-06", [("complaint", "spam@example.com", 1498093527, "12345678901234567")]),
    ("mailjet_webhooks-07", [("unsubscribe", "recipient@example.com", 1498093527, "12345678901234567")]),
    ("mailjet_webhooks-08", [("bounce", "protected@example.com", 1498093527, "12345678901234567")]),
    ("mailjet_webhooks-09", [("delivered", "recipient@example.com", 1498093527, "12345678901234567")]),
    ("mandrill_webhooks-01", []),
    ("mandrill_webhooks-02", [("bounce", "bounce@example.com", 1461095246, "abcdef012345789abcdef012345789")]),
    ("mandrill_webhooks-03", [("click", "recipient@example.com", 1461095246, "abcdef012345789abcdef012345789")]),
    (
        "postmark_webhooks-01",
        [("bounce", "bounce@example.com", "2016-04-27T20:28:50.396+00:00", "2706ee8a-737c-4285-b032-ccd317af53ed")],
    ),
    (
        "postmark_webhooks-02",
        [
            (
                "delivered", "recipient@example.com", "2014-08-01T17:28:10.273+00:00",
                "883953f4-6105-42a2-a16a-77a8eac79483",
            )
        ],
    ),
    (
        "postmark_webhooks-03",
        [("open", "recipient@example.com", "2016-04-27T20:21:41.249+00:00", "f4830d10-9c35-4f0c-bca3-3d9b459821f8")],
    ),
    (
        "postmark_webhooks-04",
        [("click", "recipient@example.com", "2017-10-25T15:21:11.906+00:00", "f4830d10-9c35-4f0c-bca3-3d9b459821f8")],
    ),
    (
        "postmark_webhooks-05",
        [("complaint", "spam@example.com", "2016-04-27T20:28:50.396+00:00", "2706ee8a-737c-4285-b032-ccd317af53ed")],
    ),
    (
        "postmark_webhooks-06",
        [("unsubscribe", "john@example.com", "2022-06-05T17:17:32+00:00", "a4909a96-73d7-4c49-b148-a54522d3f7ac")],
    ),
    ("postmark_webhooks-07", []),
    ("postmark_webhooks-08", []),
    ("sendgrid_webhooks-01", []),
    ("sendgrid_webhooks-02", [("delivered", "recipient@example.com", 1461095250, "wrfRRvF7Q0GgwUo2CvDmEA")]),
    ("sendgrid_webhooks-03", []),
    ("sendgrid_webhooks-04", []),
    ("sendgrid_webhooks-05", []),
    ("sendgrid_webhooks-06", [("bounce", "noreply@example.com", 1461095250, "Lli-03HcQ5-JLybO9fXsJg")]),
    ("sendgrid_webhooks-07", []),
    ("sendgrid_webhooks-08", [("open", "recipient@example.com", 1461095250, "wrfRRvF7Q0GgwUo2CvDmEA")]),
    ("sendgrid_webhooks-09", [("click", "recipient@example.com", 1461095250, "_fjPjuJfRW-IPs5SuvYotg")]),
    ("sparkpost_webhooks-01", []),
    ("sparkpost_webhooks-02", [("delivered", "recipient@example.com", 1454442600, "65832150921904138")]),
    ("sparkpost_webhooks-03", [("bounce", "bounce@example.com", 1464824548, "0004e3724f57753a3561")]),
    ("sparkpost_webhooks-04", []),
    ("sparkpost_webhooks-05", [("unsubscribe", "recipient@example.com", 1464894280, "0004278150574660124d")]),
    ("sparkpost_webhooks-06", []),
    ("sparkpost_webhooks-07", []),
    ("sparkpost_webhooks-08", []),
]  # fmt: skip


def milliseconds(moment: str | int) -> int:
    if isinstance(moment, int):
        return moment * 1000
    return round(dt.datetime.fromisoformat(moment).timestamp() * 1000)


@pytest.fixture
async def sending(bench: Callable[..., Bench], tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Give the function that starts a source of one provider and gives a caller that signs as that one does."""
    async with contextlib.AsyncExitStack() as closing:

        async def start(provider: str, **settings: Any) -> tuple[Called, Callable[..., Any]]:
            secret = mail.sendgrid_public() if provider == "sendgrid" else mail.SECRET
            (tmp_path / "secret").write_text(secret + "\n")
            one = bench(
                kind="mail", provider=provider, port=0, secret={"file": "secret"}, url=mail.URL, **settings
            )  # fmt: skip
            called = await closing.enter_async_context(listening(one))

            async def send(body: object, seconds: int = NOW_SECONDS) -> Answer:
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                if provider == "mailgun":
                    return await called.call(mail.mailgun(body, seconds))
                if provider == "mandrill":
                    return await called.call(*mail.mandrill(raw))
                signed = mail.sendgrid if provider == "sendgrid" else mail.basic
                return await called.call(raw, signed(raw, seconds))

            return called, send

        yield start


@pytest.mark.parametrize(("name", "meaning"), MEANINGS)
async def test_each_payload_means_what_it_says(
    sending: Callable[..., Any], shared_data: Path, name: str, meaning: list[tuple[str, str, str | int, str]]
) -> None:
    called, send = await sending(name.partition("_")[0])
    (file,) = (shared_data / "payloads/email-webhooks").glob(f"{name}-*.json")
    assert (await send(file.read_bytes())).status == 200
    bench = called.bench
    assert [(event.kind, event.actor, event.at, event.reference, event.machine) for event in called.events] == [
        (kind, bench.pseudonyms.account("posts", address), milliseconds(at), bench.original(message), False)
        for kind, address, at, message in meaning
    ]
    assert called.outlet.letters == []


MAILGUN = {
    "event": "delivered",
    "id": "CPgfbmQMTCKtHW6uIWtuVe",
    "timestamp": 1521472262.908181,
    "recipient": "alice@example.com",
    "message": {"headers": {"message-id": "20130503182626.18666.16540@example.com"}},
    "tags": ["#VolunteerDay", "my_tag_1"],
}


@pytest.mark.parametrize(
    ("change", "kind", "machine"),
    [
        ({}, "delivered", False),
        ({"event": "opened", "client-info": {"bot": "gmail"}}, "open", False),
        ({"event": "opened", "client-info": {"bot": "apple"}}, "open", True),
        ({"event": "opened", "client-info": {"user-agent": "Mozilla/5.0"}}, "open", True),
        ({"event": "clicked", "client-info": {"bot": "generic"}}, "click", True),
        ({"event": "failed", "severity": "permanent"}, "bounce", False),
        ({"event": "failed", "severity": "temporary"}, "", False),
        ({"event": "complained"}, "complaint", False),
        ({"event": "unsubscribed"}, "unsubscribe", False),
        ({"event": "accepted"}, "", False),
    ],
)
async def test_mailgun(
    sending: Callable[..., Any], change: dict[str, Any], kind: str, machine: bool
) -> None:  # fmt: skip
    called, send = await sending("mailgun")
    assert (await send({**MAILGUN, **change})).status == 200
    assert [(event.kind, event.machine) for event in called.events] == ([(kind, machine)] if kind else [])
    for event in called.events:
        assert event.id == called.bench.original("CPgfbmQMTCKtHW6uIWtuVe")
        assert event.at == 1_521_472_262_908
        assert event.tags == ("volunteerday",)


async def test_a_token_of_mailgun_is_good_for_one_body_and_its_repeats(sending: Callable[..., Any]) -> None:
    called, _ = await sending("mailgun")
    first = mail.mailgun(MAILGUN, NOW_SECONDS)
    assert (await called.call(first)).status == 200
    assert (await called.call(first)).status == 200
    assert (await called.call(mail.mailgun({**MAILGUN, "recipient": "eve"}, NOW_SECONDS))).status == 401
    assert (await called.call(mail.mailgun(MAILGUN, NOW_SECONDS, "u" * 50))).status == 200


@pytest.mark.parametrize(("age", "status"), [(86_400, 200), (86_401, 401), (-86_401, 401)])
@pytest.mark.parametrize("provider", ["sendgrid", "mailgun"])
async def test_a_signed_call_is_good_for_a_day(
    sending: Callable[..., Any], provider: str, age: int, status: int
) -> None:  # fmt: skip
    _, send = await sending(provider)
    body: object = [OPEN] if provider == "sendgrid" else MAILGUN
    assert (await send(body, NOW_SECONDS - age)).status == status


async def test_apples_and_scanners_opens_are_marked(sending: Callable[..., Any]) -> None:
    called, send = await sending("sendgrid")
    agents = ["Mozilla/5.0", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko (via ggpht.com GoogleImageProxy)"]
    events = [{**OPEN, "sg_event_id": agent, "useragent": agent} for agent in agents]
    events += [{**OPEN, "sg_event_id": "flag", "sg_machine_open": True}]
    events += [{**OPEN, "sg_event_id": "delivered", "event": "delivered", "useragent": "Mozilla/5.0"}]
    assert (await send(events)).status == 200
    assert [event.machine for event in called.events] == [True, False, True, False]


async def test_sparkposts_prefetched_opens_are_marked(sending: Callable[..., Any]) -> None:
    called, send = await sending("sparkpost")
    told = {"type": "open", "event_id": "1", "rcpt_to": "ana", "timestamp": str(NOW_SECONDS), "message_id": "m"}
    parsed = {**told, "user_agent_parsed": {"is_prefetched": True}}
    assert (await send([{"msys": {"track_event": one}} for one in (told, parsed)])).status == 200
    assert [event.machine for event in called.events] == [False, True]


@pytest.mark.parametrize(
    ("agent", "machine"),
    [
        ("Mozilla/5.0", True),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 16_0 like Mac OS X) AppleWebKit/605.1.15", False),
        ("BarracudaCentral/1.0", True),
        ("python-requests/2.31", True),
        ("Mozilla/5.0 (via ggpht.com GoogleImageProxy)", False),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", False),
        ("", False),
    ],
)
def test_who_is_a_machine(agent: str, machine: bool) -> None:
    assert by_machine(agent) is machine


async def test_an_unread_mail_is_a_delivered_one_without_an_open_of_the_same_message(
    sending: Callable[..., Any],
) -> None:
    called, send = await sending("sendgrid")
    people = ["ana", "ben", "cid"]
    events = [{**OPEN, "event": "delivered", "email": one, "sg_event_id": f"d-{one}"} for one in people]
    events += [{**OPEN, "email": "ana", "sg_event_id": "o-ana"}]
    events += [{**OPEN, "email": "ben", "sg_event_id": "o-ben", "sg_machine_open": True}]
    await send(events)

    def having(kind: str) -> set[tuple[str, str]]:
        return {(e.actor, e.reference) for e in called.events if e.kind == kind and not e.machine}

    unread = having("delivered") - having("open")
    named = {called.events[1].actor, called.events[2].actor}
    assert {actor for actor, _ in unread} == named


async def test_one_bad_happening_of_a_batch_is_a_dead_letter_beside_the_good_ones(sending: Callable[..., Any]) -> None:
    called, send = await sending("sendgrid")
    bad = [{**OPEN, "timestamp": "soon"}, {**OPEN, "email": ""}, {**OPEN, "timestamp": 1e300}, 7, {"event": 1}]
    assert (await send([OPEN, *bad, {**OPEN, "sg_event_id": "e2"}])).status == 200
    assert len(called.events) == 2
    assert [letter.place for letter in called.outlet.letters] == [
        f"POST /v1/mail/posts, event {index}" for index in range(1, 6)
    ]
    assert {letter.reason for letter in called.outlet.letters} == {"wrong_type"}


@pytest.mark.parametrize("provider", ["postmark", "mailjet", "sparkpost", "sendgrid", "mailgun", "mandrill"])
async def test_without_proof_nothing_is_taken(sending: Callable[..., Any], provider: str) -> None:
    called, _ = await sending(provider)
    for body in (
        b"",
        b"{}",
        b"[]",
        b"\xff",
        json.dumps([OPEN]).encode(),
        mail.mailgun(MAILGUN, 7),
        b"mandrill_events=[]",
    ):
        for headers in ({}, {"Authorization": "Basic eDp5"}, dict(mail.sendgrid(b"other", NOW_SECONDS))):
            assert (await called.call(body, headers)).status == 401
    assert called.outlet.records == []


async def test_a_signature_of_mandrill_holds_for_its_address_only(sending: Callable[..., Any]) -> None:
    called, _ = await sending("mandrill")
    assert (await called.call(*mail.mandrill(b"[]"))).status == 200
    assert (await called.call(*mail.mandrill(b"[]", mail.URL + "/"))).status == 401
    assert (await called.call(method="HEAD")).status == 200


@pytest.mark.parametrize("provider", ["sendgrid", "mandrill", "ses", "postmark"])
async def test_what_is_missing_is_said_at_the_start(
    bench: Callable[..., Bench], tmp_path: Path, provider: str
) -> None:  # fmt: skip
    (tmp_path / "secret").write_text("short" if provider == "postmark" else "no key in base64")
    one = bench(kind="mail", provider=provider, port=0, secret={"file": "secret"})
    with pytest.raises(OperatorError) as caught:
        await one.source.run(one.intake)
    assert not caught.value.retry
    assert "no key in base64" not in str(caught.value)
