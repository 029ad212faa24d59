"""Real payloads, changed at random and rightly signed: no agent breaks, and no 2xx is given for what is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nacl.public import PrivateKey, SealedBox

from schemas.codec import UnreadableError
from schemas.config import Config
from streams.ingest.mail import sns
from streams.ingest.seal import Sealer
from streams.ingest.source import RefusedInput, Surroundings, rereader, settings_of
from streams.ingest.submission import Submission
from tests.ingest import test_mail_ses as ses
from tests.ingest import test_microsoft as microsoft
from tests.ingest import test_slack as slack
from tests.ingest import test_x_activity as x
from tests.support import mail
from tests.support.ingest import DIRECTORY, NOW, Bench
from tests.support.push import Called, listening

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from streams.ingest.source import Item, Taken

SECONDS = NOW // 1000
BEARER = {"Authorization": f"Bearer {mail.SECRET}"}
SECRETS = {
    "slack": slack.SECRET,
    "x": x.SECRET,
    "sendgrid": mail.sendgrid_public(),
    "other": mail.SECRET,
    "state": microsoft.STATE,
    "key": microsoft.PEM.decode(),
}


class Kind(NamedTuple):
    """A kind of source: its settings, its payloads, and how its caller wraps and signs a body."""

    entry: dict[str, Any]
    payloads: str
    signed: Any


def _slack(raw: bytes) -> tuple[bytes, Mapping[str, str]]:
    signature = "v0=" + slack.hmac_of(raw, SECONDS)
    return raw, {"X-Slack-Request-Timestamp": str(SECONDS), "X-Slack-Signature": signature}


def _graph(raw: bytes) -> tuple[bytes, Mapping[str, str]]:
    return json.dumps({"value": [microsoft.notification(raw)]}).encode(), {}


def _ses(raw: bytes) -> tuple[bytes, Mapping[str, str]]:
    return json.dumps(ses.notice(raw.decode(errors="replace"))).encode(), {}


def _mailgun(raw: bytes) -> tuple[bytes, Mapping[str, str]]:
    tokens["last"] += 1
    envelope = mail.mailgun("EVENT", SECONDS, str(tokens["last"]))
    return envelope.replace(b'"EVENT"', raw), {}


tokens = {"last": 0}
CLOUD = {**BEARER, "Content-Type": "application/cloudevents+json"}
KINDS: dict[str, Kind] = {
    "http": Kind({"kind": "http", "token": {"file": "other"}}, "own", lambda raw: (raw, BEARER)),
    "slack": Kind({"kind": "slack", "signing_secret": {"file": "slack"}}, "slack*/**/*.json", _slack),
    "microsoft": Kind(
        {"kind": "microsoft", "client_state": {"file": "state"}, "private_key": {"file": "key"}}, "graph", _graph
    ),
    "x": Kind(
        {"kind": "x-activity", "consumer_secret": {"file": "x"}},
        "x",
        lambda raw: (raw, {"x-twitter-webhooks-signature": x.signed(raw)}),
    ),
    "cloudevents": Kind({"kind": "cloudevents", "token": {"file": "other"}}, "cloud", lambda raw: (raw, CLOUD)),
    "activitystreams": Kind(
        {"kind": "activitystreams", "token": {"file": "other"}},
        "activitystreams2/test/*.json",
        lambda raw: (raw, BEARER),
    ),
    "ses": Kind(
        {"kind": "mail", "provider": "ses", "topics": [ses.TOPIC]}, "email-webhooks/amazon*raw_ses*.json", _ses
    ),
    "mailgun": Kind({"kind": "mail", "provider": "mailgun", "secret": {"file": "other"}}, "mailgun", _mailgun),
    "mandrill": Kind(
        {"kind": "mail", "provider": "mandrill", "secret": {"file": "other"}, "url": mail.URL},
        "email-webhooks/mandrill*.json",
        lambda raw: mail.mandrill(raw.decode(errors="replace").encode()),
    ),
    "sendgrid": Kind(
        {"kind": "mail", "provider": "sendgrid", "secret": {"file": "sendgrid"}},
        "email-webhooks/sendgrid*.json",
        lambda raw: (raw, mail.sendgrid(raw, SECONDS)),
    ),
    **{
        provider: Kind(
            {"kind": "mail", "provider": provider, "secret": {"file": "other"}},
            f"email-webhooks/{provider}*.json",
            lambda raw: (raw, mail.basic(raw, SECONDS)),
        )
        for provider in ("postmark", "mailjet", "sparkpost")
    },
}
MADE: dict[str, list[object]] = {
    "own": [[{"id": "1", "at": NOW, "account": "ana", "text": "#Jun", "mentions": ["office"], "tags": ["a"]}]],
    "graph": [
        {**microsoft.MESSAGE, "reactions": [{"reactionType": "like", "createdDateTime": "2026-05-28T20:26:39Z"}]}
    ],
    "x": [{"tweet_create_events": [{**x.STATUS, "retweeted_status": x.OTHER}], "favorite_events": [{}]}],
    "cloud": [
        {
            "specversion": "1.0",
            "id": "2",
            "source": "/s",
            "type": "reply",
            "time": "2026-05-28T20:26:39Z",
            "data": {"account": "ana"},
        }
    ],
    "mailgun": [
        {
            "event": "opened",
            "id": "1",
            "timestamp": SECONDS,
            "recipient": "ana",
            "message": {"headers": {"message-id": "m"}},
            "client-info": {"bot": "apple"},
        }
    ],
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["\0", "\ud800", "9" * 400, "2026-05-28T20:26:39Z", "1e999", -1, 1e308, 2**63, "#" * 99, "../.."]),
    st.lists(st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=3), max_size=2),
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give each place in a document as container and key."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


def read(raw: bytes) -> Any:
    """Read a payload; None for one of the examples that are no JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


@st.composite
def changed(draw: st.DrawFn, payloads: list[bytes]) -> bytes:
    """Draw a payload that has been changed: values, members, or bytes."""
    raw = draw(st.sampled_from(payloads))
    document = read(raw)
    if document is not None and draw(st.booleans()):
        for _ in range(draw(st.integers(0, 3))):
            found = list(places(document))
            if not found:
                break
            container, key = draw(st.sampled_from(found))
            if draw(st.integers(0, 3)):
                container[key] = draw(ODD)
            else:
                del container[key]
        return json.dumps(document).encode()
    at = draw(st.integers(0, len(raw)))
    until = draw(st.integers(at, min(len(raw), at + 20)))
    return raw[:at] + draw(st.binary(max_size=4) | st.sampled_from([b"[" * 2_000, b'{"a":' * 2_000])) + raw[until:]


class Running:
    """One listening source in a loop of its own, for calls from a test that is no coroutine."""

    def __init__(self, one: Bench) -> None:
        self.loop = asyncio.new_event_loop()
        self._closing = contextlib.AsyncExitStack()
        self._one = one
        self.called: Called = self.loop.run_until_complete(self._closing.enter_async_context(listening(one)))

    def call(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Give the status."""
        return self.loop.run_until_complete(self.called.call(body, headers)).status

    def close(self) -> None:
        """Stop."""
        self.loop.run_until_complete(self._closing.aclose())
        self.loop.close()


@pytest.fixture(params=KINDS)
def running(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_data: Path
) -> Iterator[tuple[Kind, Running, list[bytes]]]:
    async def certificate(url: str) -> bytes:
        assert url == ses.CERTIFICATE
        return ses.Amazon().certificate

    monkeypatch.setattr(sns, "fetch", certificate)
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(secret)
    kind = KINDS[request.param]
    files = sorted((shared_data / "payloads").glob(kind.payloads)) if "*" in kind.payloads else []
    payloads = [file.read_bytes() for file in files] or [json.dumps(one).encode() for one in MADE[kind.payloads]]
    bench: Callable[..., Bench] = lambda **entry: Bench(tmp_path, {"name": "posts", "port": 0, **entry})  # noqa: E731
    one = asyncio.new_event_loop().run_until_complete(_made(bench, kind.entry))
    ready = Running(one)
    yield kind, ready, payloads
    ready.close()


async def _made(bench: Callable[..., Bench], entry: dict[str, Any]) -> Bench:
    return bench(**entry)


def is_json(raw: bytes) -> bool:
    try:
        orjson.loads(raw.decode(errors="replace"))  # as two of the signers send it
    except orjson.JSONDecodeError:
        return False
    return True


def test_changed_payloads_are_taken_become_dead_letters_or_are_turned_away(
    running: tuple[Kind, Running, list[bytes]],
) -> None:
    kind, ready, payloads = running
    outlet = ready.called.outlet

    @settings(max_examples=80, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(changed(payloads))
    def check(raw: bytes) -> None:
        outlet.records.clear()
        body, headers = kind.signed(raw)
        status = ready.call(body, headers)
        assert status in {200, 202, 400, 401, 413}
        if status in {200, 202} and not is_json(raw):
            assert outlet.letters  # it could not be read, so it must be kept
        if status == 401:
            assert outlet.records == []
        if status == 400:
            assert outlet.letters

    check()
    good = kind.signed(payloads[0])
    assert ready.call(*good) in {200, 202, 400}  # it still answers


def test_what_was_refused_is_read_again_as_it_was_read_first(running: tuple[Kind, Running, list[bytes]]) -> None:
    kind, ready, payloads = running
    taken: list[Item] = []
    intake = ready.called.bench.intake
    take = intake.take

    async def noting(items: Sequence[Item]) -> Taken:
        taken.extend(items)
        return await take(items)

    intake.take = noting
    for raw in payloads:
        ready.call(*kind.signed(raw))
    surroundings = Surroundings(Config(), DIRECTORY, ready.called.bench.folder, lambda: NOW)
    again = rereader(settings_of({"name": "posts", **kind.entry}), surroundings)
    assert again is not None
    assert taken
    for item in taken:
        read = again(RefusedInput(item.raw, item.place, NOW, item.context))
        if isinstance(item.submission, Submission):
            assert item.submission in [one.submission for one in read]
        else:
            assert [type(one.submission) for one in read] == [UnreadableError]


async def test_a_binary_cloudevent_is_kept_whole(bench: Callable[..., Bench], tmp_path: Path) -> None:
    (tmp_path / "token").write_text(mail.SECRET)
    one = bench(kind="cloudevents", port=0, token={"file": "token"})
    one.intake._sealer = Sealer(one.pseudonyms, (private := PrivateKey.generate()).public_key)
    headers = {**BEARER, "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "reply"}
    async with listening(one) as called:
        later = {**headers, "ce-time": "2026-05-28T20:46:40Z", "Content-Type": "application/json"}
        assert (await called.call({"account": "ana"}, later)).status == 400
        (letter,) = called.outlet.letters
    again = rereader(
        settings_of({"name": "posts", "kind": "cloudevents", "token": {"file": "token"}}),
        Surroundings(Config(), DIRECTORY, tmp_path, lambda: NOW),
    )
    assert again is not None
    (item,) = again(RefusedInput(SealedBox(private).decrypt(letter.sealed), letter.place, NOW))
    assert isinstance(item.submission, Submission)
    assert (item.submission.id, item.submission.account, item.submission.kind) == ("/s#1", "ana", "reply")
