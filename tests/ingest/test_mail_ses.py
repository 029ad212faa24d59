"""SES through SNS, with an Amazon of our own that has certificates and takes confirmations."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from streams.ingest.mail import sns
from tests.support.ingest import NOW, Bench, until
from tests.support.push import Called, listening

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

TOPIC = "arn:aws:sns:us-west-2:123456789012:SES_Notifications"
HOST = "https://sns.us-west-2.amazonaws.com"
CERTIFICATE = f"{HOST}/SimpleNotificationService-12345abcde.pem"
KEY = rsa.generate_private_key(65537, 2048)
THEN = dt.datetime.fromtimestamp(NOW / 1000, dt.UTC)


def certificate(begins: dt.datetime, ends: dt.datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .sign(KEY, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


class Amazon:
    """A server with certificates; it notes what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status = 200
        day = dt.timedelta(days=1)
        self.certificate = certificate(THEN - day, THEN + day)
        self.open = asyncio.Event()
        self.open.set()

    async def answer(self, request: web.Request) -> web.Response:
        """Give the certificate, or take a confirmation."""
        self.asked.append(request.path_qs)
        await self.open.wait()
        return web.Response(status=self.status, body=self.certificate)


@pytest.fixture
async def amazon(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Amazon]:
    one = Amazon()
    app = web.Application()
    app.router.add_get("/{path:.*}", one.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    address = "http://{}:{}".format(*runner.addresses[0][:2])
    real = sns.fetch
    # Our Amazon stands where the real one does; everything else goes nowhere.
    monkeypatch.setattr(sns, "fetch", lambda url: real(url.replace(HOST, address)))
    yield one
    await runner.cleanup()


@pytest.fixture
async def called(bench: Callable[..., Bench], amazon: Amazon) -> AsyncIterator[Called]:
    del amazon
    async with listening(bench(kind="mail", provider="ses", port=0, topics=[TOPIC])) as one:
        yield one


def notice(message: object, **change: Any) -> dict[str, Any]:
    """Give a signed notice as SNS would."""
    fields: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": "8f6dee70-c885-558a-be7d-bd48bbf5335e",
        "TopicArn": TOPIC,
        "Message": message if isinstance(message, str) else json.dumps(message),
        "Timestamp": "2026-05-28T20:26:40.000Z",
        "SignatureVersion": "2",
        "SigningCertURL": CERTIFICATE,
        **change,
    }
    names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    signed = "".join(f"{name}\n{fields[name]}\n" for name in names if name in fields).encode()
    digest = hashes.SHA1() if fields["SignatureVersion"] == "1" else hashes.SHA256()  # noqa: S303 (version 1 is so)
    fields.setdefault("Signature", base64.b64encode(KEY.sign(signed, padding.PKCS1v15(), digest)).decode())
    return fields


MEANINGS: list[tuple[str, list[tuple[str, str, str]]]] = [
    ("02", [("bounce", "jane@example.com", "2016-01-27T14:59:44.101+00:00")]),
    (
        "03",
        [
            ("bounce", "jane@example.com", "2026-05-28T20:26:40+00:00"),
            ("bounce", "richard@example.com", "2026-05-28T20:26:40+00:00"),
        ],
    ),
    ("04", [("complaint", "richard@example.com", "2026-05-28T20:26:40+00:00")]),
    ("05", [("delivered", "jane@example.com", "2016-01-27T14:59:38.237+00:00")]),
    ("06", []),
    ("07", []),
    ("08", [("open", "recipient@example.com", "2017-08-09T22:00:19.652+00:00")]),
    ("09", [("click", "recipient@example.com", "2017-08-09T23:51:25.570+00:00")]),
    ("10", []),
]


@pytest.mark.parametrize(("number", "meaning"), MEANINGS)
async def test_each_payload_means_what_it_says(
    called: Called, shared_data: Path, number: str, meaning: list[tuple[str, str, str]]
) -> None:
    (file,) = (shared_data / "payloads/email-webhooks").glob(f"amazon_ses_webhooks-{number}-*.json")
    raw = json.loads(file.read_text())
    assert (await called.call(notice(raw))).status == 200
    bench = called.bench
    assert [(event.kind, event.actor, event.at, event.reference) for event in called.events] == [
        (
            kind,
            bench.pseudonyms.account("posts", address),
            round(dt.datetime.fromisoformat(at).timestamp() * 1000),
            bench.original(raw["mail"]["messageId"]),
        )
        for kind, address, at in meaning
    ]


@pytest.mark.parametrize("version", ["1", "2"])
async def test_the_certificate_is_fetched_once(called: Called, amazon: Amazon, version: str) -> None:
    for _ in range(3):
        answer = await called.call(notice("{}", SignatureVersion=version, Subject="Notice"))
        assert answer.status == 200
    assert amazon.asked == ["/SimpleNotificationService-12345abcde.pem"]


async def test_a_certificate_that_does_not_come_holds_up_nobody_else(called: Called, amazon: Amazon) -> None:
    assert (await called.call(notice("{}"))).status == 200
    amazon.open.clear()
    other = asyncio.create_task(called.call(notice("{}", SigningCertURL=f"{HOST}/SimpleNotificationService-2.pem")))
    await until(lambda: len(amazon.asked) == 2, None)
    assert (await called.call(notice("{}"))).status == 200
    assert not other.done()
    amazon.open.set()
    await other


async def test_a_subscription_is_confirmed_once_it_is_proved(called: Called, amazon: Amazon) -> None:
    wanted = {
        "Type": "SubscriptionConfirmation",
        "Token": "T",
        "SubscribeURL": f"{HOST}/?Action=ConfirmSubscription&x=1",
    }
    assert (await called.call(notice("You have chosen", **wanted))).status == 200
    assert amazon.asked[-1] == "/?Action=ConfirmSubscription&x=1"
    amazon.asked.clear()
    assert (await called.call(notice("You have chosen", **wanted, Signature="AAAA"))).status == 401
    for url in (f"{HOST}.evil.example/?x", "https://evil.example/?x", "http://sns.us-west-2.amazonaws.com/?x"):
        assert (await called.call(notice("You have chosen", **{**wanted, "SubscribeURL": url}))).status == 401
    assert amazon.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-west-2.amazonaws.com.evil.example/SimpleNotificationService-1.pem",
        "https://evil.example/SimpleNotificationService-1.pem",
        "https://evil.example@sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem",
        "https://sns.us-west-2.amazonaws.com:8443/SimpleNotificationService-1.pem",
        "https://sns.us-west-2.amazonaws.com/../SimpleNotificationService-1.pem",
        "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-1.pem?x=/",
        "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem",
        "https://bucket.s3.us-west-2.amazonaws.com/SimpleNotificationService-1.pem",
        "https://[::1/x",
        "",
    ],
)
async def test_a_certificate_from_anywhere_else_is_not_even_fetched(called: Called, amazon: Amazon, url: str) -> None:
    assert (await called.call(notice("{}", SigningCertURL=url))).status == 401
    assert amazon.asked == []


@pytest.mark.parametrize(
    "change",
    [
        {"TopicArn": TOPIC + "x"},
        {"SignatureVersion": "3"},
        {"Signature": ""},
        {"Signature": "no base64"},
        {"Signature": base64.b64encode(b"x" * 256).decode()},
    ],
)
async def test_forgeries_are_turned_away(called: Called, change: dict[str, str]) -> None:
    assert (await called.call(notice("{}", **change))).status == 401
    assert (await called.call({**notice("{}"), "Message": "{} "})).status == 401
    assert (await called.call({**notice("{}"), "Subject": "x"})).status == 401
    assert (await called.call(b"{}")).status == 401
    assert (await called.call({"Type": "Notification"}, {"x-amz-sns-rawdelivery": "true"})).status == 401
    assert called.outlet.records == []


@pytest.mark.parametrize(("begins", "ends"), [(-2, -1), (1, 2)])
async def test_a_certificate_has_to_be_valid_now(called: Called, amazon: Amazon, begins: int, ends: int) -> None:
    amazon.certificate = certificate(THEN + dt.timedelta(days=begins), THEN + dt.timedelta(days=ends))
    assert (await called.call(notice("{}"))).status == 401


async def test_while_amazon_does_not_answer_it_is_asked_to_send_again(called: Called, amazon: Amazon) -> None:
    amazon.status = 500
    assert (await called.call(notice("{}"))).status == 503
    amazon.status = 200
    assert (await called.call(notice("{}"))).status == 200


async def test_the_end_of_a_subscription_is_told(called: Called) -> None:
    ended = {"Type": "UnsubscribeConfirmation", "Token": "T", "SubscribeURL": f"{HOST}/?x"}
    assert (await called.call(notice("You have chosen", **ended))).status == 200
    assert called.source.standing(NOW).reason == "Amazon SNS has ended the subscription: subscribe again"


@pytest.mark.parametrize(
    ("bounce", "kinds"),
    [
        ({"bounceType": "Transient", "bounceSubType": "General"}, []),
        ({"bounceType": "Transient", "bounceSubType": "MailboxFull"}, ["bounce"]),
        ({"bounceType": "Undetermined", "bounceSubType": "Undetermined"}, ["bounce"]),
    ],
)
async def test_answering_machines_are_no_bounces(called: Called, bounce: dict[str, str], kinds: list[str]) -> None:
    told = {"notificationType": "Bounce", "bounce": bounce, "mail": {"messageId": "m", "destination": ["ana"]}}
    await called.call(notice(told))
    assert [event.kind for event in called.events] == kinds


async def test_leaving_every_list_is_to_unsubscribe(called: Called) -> None:
    for every, kinds in ((False, []), (True, ["unsubscribe"])):
        told = {
            "eventType": "Subscription",
            "mail": {"messageId": "m", "destination": ["ana"]},
            "subscription": {"newTopicPreferences": {"unsubscribeAll": every}},
        }
        await called.call(notice(told))
        assert [event.kind for event in called.events] == kinds
